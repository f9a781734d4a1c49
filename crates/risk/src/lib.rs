//! How much we may hold and whether we may trade.
//!
//! In: returns, VIX, books, the broker's facts. Out: a risk decision, a reconciliation, a mode, and
//! from the gate the only value that lets an order out. Invariant: a missing input tightens; nothing
//! here loosens by itself.

pub mod collar;
pub mod contributions;
pub mod dispersion;
pub mod gate;
pub mod loss;
pub mod measures;
pub mod mode;
pub mod momentum;
pub mod performance;
pub mod reconciliation;
pub mod regime;
pub mod replay;
pub mod scaling;
pub mod volatility;
pub mod watchdog;

pub use collar::{Collar, CollarPolicy};
pub use contributions::{Contributions, Dispersion};
pub use dispersion::{PairFit, TailLoss};
pub use gate::{
    Check, DayFacts, Gate, GatePolicy, Permit, Purpose, Refusal, Sendable, SendableOrder, SendableSpread, Verdict,
};
pub use loss::{Alarm, LossPolicy};
pub use measures::{Assessed, Measures, RiskWarning, measures};
pub use mode::{Loosening, Mode, NotLoosened, Permission};
pub use momentum::{MomentumPolicy, SpreadMomentum};
pub use performance::Performance;
pub use reconciliation::{Reconciliation, ReconciliationPolicy};
pub use regime::{Regime, RegimePolicy, RegimeState};
pub use replay::{ReplayRow, replay};
pub use scaling::{Caps, Scaling};
pub use volatility::{Quality, ReturnsOf, VolatilityEstimate, VolatilityEstimator, VolatilityPolicy};
pub use watchdog::{Morning, Sighting, Sign, WatchdogPolicy};
