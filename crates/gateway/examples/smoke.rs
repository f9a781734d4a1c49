#[path = "../tests/gateway/support.rs"]
#[allow(dead_code)]
mod support;
use gateway::Control;
#[tokio::main]
async fn main() {
    tracing_subscriber_init();
    let gateway = support::gateway_at(support::MORNING).await;
    println!("{}", gateway.local_addr());
    let mut control = gateway.control();
    let mut t = support::at(support::MORNING);
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        t = t + jiff::SignedDuration::from_secs(15);
        control.advance_to(t).await.unwrap();
    }
}
fn tracing_subscriber_init() {}
