//! `gateway`: the simulated IB Gateway as a product of its own.
//!
//! In: a market, addresses, a record. Out: a server until it is interrupted. Invariant: loopback
//! only; time moves only when the control says so.

use super::show;
use crate::cli::{GatewayArgs, Global};
use crate::failure::Failure;
use crate::world::Ground;
use ::gateway::{Gateway, GatewayConfig};

pub async fn gateway(global: &Global, args: &GatewayArgs) -> Result<(), Failure> {
    let ground = Ground::new(global, args.market.from, 250)?;
    let market = ground.simulation(&args.market)?;
    let config = GatewayConfig { record: args.record.clone() };
    let mut gateway = Gateway::bind(args.listen, config, market).await?;
    let control = gateway.serve_control(args.control).await?;
    show(format!("simulated IB Gateway on {}, control on {control}; stop with Ctrl-C\n", gateway.local_addr()))?;
    tokio::signal::ctrl_c().await.map_err(|error| Failure::Broker(error.to_string()))
}
