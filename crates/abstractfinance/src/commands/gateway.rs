//! `gateway`: the simulated IB Gateway as a product of its own.
//!
//! In: a market, addresses, a record. Out: a server until it is interrupted. Invariant: loopback
//! only; time moves when the control says so, and by itself only when a speed is asked for.

use super::show;
use crate::cli::{GatewayArgs, Global};
use crate::failure::Failure;
use crate::world::{Ground, faults};
use ::gateway::{Control, ControlError, Gateway, GatewayConfig, StatementAccess};
use sim::SimConfig;

/// What is said of our own bug, which the lines above it describe.
const BROKEN: &str = "the simulated gateway met a bug of its own, described above, and its world cannot be trusted any more; \
                      start it again, with the same --record to go on where it stood, and report what is above";

pub async fn gateway(global: &Global, args: &GatewayArgs) -> Result<(), Failure> {
    let ground = Ground::new(global, args.market.from, args.days)?;
    let market = SimConfig { account: args.account.clone(), ..ground.simulation(&args.market)? };
    let (record, faults) = (args.record.clone(), faults(&args.faults, &ground)?);
    let config = GatewayConfig { record, faults, pacing: args.pacing };
    let mut gateway = Gateway::bind(args.listen, config, market).await?;
    if let Some(at) = args.at {
        // A record may stand later already.
        let refused = |error: ControlError| Failure::Usage(error.to_string());
        let now = gateway.control().now().await.map_err(refused)?;
        gateway.control().advance_to(at.max(now)).await.map_err(refused)?;
    }
    let control = gateway.serve_control(args.control).await?;
    if let Some(speed) = args.speed {
        gateway.run_clock(speed);
    }
    let statements = match args.statements {
        Some(address) => {
            let address = gateway.serve_statements(address, StatementAccess::default()).await?;
            format!(", statements on {address}")
        }
        None => String::new(),
    };
    let listen = gateway.local_addr();
    show(format!("simulated IB Gateway on {listen}, control on {control}{statements}; stop with Ctrl-C\n"))?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(|error| Failure::Broker(error.to_string())),
        () = gateway.broken() => Err(Failure::Broker(BROKEN.to_owned())),
    }
}
