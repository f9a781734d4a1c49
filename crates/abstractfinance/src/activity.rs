//! Where activity statements come from: the broker's service, or a simulation in this process.
//!
//! In: a span of dates. Out: statement lines. Invariant: one source per run; it only carries, and reads nothing into what
//! it carries.

use backtest::SimStatements;
use feeds::FlexStatements;
use jiff::civil::Date;
use ports::{StatementError, StatementLine, Statements};

/// The source of one run.
pub enum ActivitySource {
    /// The broker's Flex Web Service.
    Flex(Box<FlexStatements>),
    /// A simulated account without a wire.
    Simulated(SimStatements),
}

impl Statements for ActivitySource {
    async fn activity(&mut self, from: Date, to: Date) -> Result<Vec<StatementLine>, StatementError> {
        match self {
            ActivitySource::Flex(flex) => flex.activity(from, to).await,
            ActivitySource::Simulated(simulated) => simulated.activity(from, to).await,
        }
    }
}
