//! `gateway`: the simulated IB Gateway as a product of its own.
//!
//! In: a market, addresses, a record. Out: a server until it is interrupted. Invariant: loopback
//! only; time moves only when the control says so.

use super::show;
use crate::cli::{GatewayArgs, Global};
use crate::failure::Failure;
use crate::world::{Ground, faults};
use ::gateway::{Gateway, GatewayConfig, StatementAccess};

pub async fn gateway(global: &Global, args: &GatewayArgs) -> Result<(), Failure> {
    let ground = Ground::new(global, args.market.from, 250)?;
    let market = ground.simulation(&args.market)?;
    let config = GatewayConfig { record: args.record.clone(), faults: faults(&args.market)? };
    let mut gateway = Gateway::bind(args.listen, config, market).await?;
    let control = gateway.serve_control(args.control).await?;
    let statements = match args.statements {
        Some(address) => {
            let address = gateway.serve_statements(address, StatementAccess::default()).await?;
            format!(", statements on {address}")
        }
        None => String::new(),
    };
    let listen = gateway.local_addr();
    show(format!("simulated IB Gateway on {listen}, control on {control}{statements}; stop with Ctrl-C\n"))?;
    tokio::signal::ctrl_c().await.map_err(|error| Failure::Broker(error.to_string()))
}
