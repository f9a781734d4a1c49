//! The world as one immutable value, borrowed for deciding and owned for the journal.
//!
//! In: what `observe` read. Out: the same value after a round trip through the journal.
//! Invariant: nothing the decision uses is outside of it and the [`Setup`].

use crate::{Believed, Instruction, Memory, Names, Setup};
use domain::{
    BaseMoney, Books, ContractId, Currency, FxRates, Ledger, Money, PerContract, PerInstrument, Price, Quantity,
    SleeveBooks,
};
use jiff::Timestamp;
use jiff::civil::Date;
use market::calendar::Window;
use market::fx::FxFinding;
use market::marks::Flag;
use market::{HistoryView, Panel};
use risk::Mode;
use risk::gate::Conditions;
use risk::reconciliation::BrokerFacts;
use serde::{Deserialize, Serialize};
use strategy::{Listings, Observed};

/// Everything a day's decision may depend on.
#[derive(Clone, Copy, Debug)]
pub struct DayInputs<'a> {
    /// Trade date.
    pub date: Date,
    /// When it is decided.
    pub decided_at: Timestamp,
    /// Our books.
    pub ledger: &'a Ledger,
    /// Who holds what of it; `None` in research that asks for no attribution.
    pub sleeves: Option<&'a SleeveBooks>,
    /// State after the last decision.
    pub memory: &'a Memory,
    /// History rows since then, closed before the trade date.
    pub history: HistoryView<'a>,
    /// The price each contract is valued at.
    pub marks: &'a PerContract<Option<Price>>,
    /// Rates to base.
    pub fx: &'a FxRates,
    /// Which of the marks and rates are used with a reservation.
    pub doubts: &'a Doubts,
    /// The broker's own view; `None` in research without a broker.
    pub broker: Option<&'a BrokerFacts>,
    /// Operating mode before this decision.
    pub mode: Mode,
    /// What it would be without a HALT of the reconciliation.
    pub before_halt: Option<Mode>,
    /// A person wants every position closed.
    pub flatten: bool,
    /// Today's execution window of each contract.
    pub windows: &'a PerContract<Option<Window>>,
    /// What broker and venues say of the day.
    pub conditions: &'a Conditions,
    /// The contract of each future that targets go to.
    pub active: &'a PerInstrument<Option<ContractId>>,
    /// How much of what is to be sold short can be borrowed; what is not here is not limited.
    pub borrowable: &'a [Borrowable],
    /// Money put in or taken out since the last decision.
    pub flows: BaseMoney,
    /// What the screens that are due today saw.
    pub screens: &'a [Observed],
    /// Options that were quoted today, because a hedge is looked for.
    pub listings: &'a [Listings],
    /// What the broker would ask for more of what is to grow; nothing for what it says nothing of.
    pub margins: &'a [Margin],
}

/// What the broker said of an order that would add to a position, before it was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Margin {
    /// Of what.
    pub contract: ContractId,
    /// Maintenance margin of one unit more, in base currency; `None` when the broker would refuse the order.
    pub per_unit: Option<f64>,
}

/// Shares the broker can lend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Borrowable {
    /// Of what.
    pub contract: ContractId,
    /// How many more than are borrowed already.
    pub shares: Quantity,
}

/// Marks and rates that stand in for ones that were not believed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Doubts {
    /// Marks that are the last good ones.
    pub marks: Vec<Flag>,
    /// What is wrong with rates.
    pub rates: Vec<FxFinding>,
}

impl Doubts {
    /// Doubts about nothing.
    pub const NONE: &'static Doubts = &Doubts { marks: Vec::new(), rates: Vec::new() };

    /// True when a currency takes no new risk.
    pub fn forbid_risk_in(&self, currency: Currency) -> bool {
        self.rates.iter().any(|finding| finding.currency == currency && finding.forbids_risk())
    }
}

/// The same, owned: the body of the `inputs` record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedInputs {
    /// Trade date.
    pub date: Date,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// Content hash of the configuration it was decided under; the decision does not read it.
    #[serde(default)]
    pub configuration: String,
    /// Names of the contracts by key; a universe that differs cannot replay this day.
    pub contracts: Names,
    /// Our books: the decision needs the ledger, the act phase what was booked.
    pub books: Books,
    /// Who holds what of them.
    pub sleeves: SleeveBooks,
    /// State after the decision before.
    pub memory: Memory,
    /// New history rows: date and closes by instrument, absent as null.
    pub rows: Vec<(Date, PerInstrument<Option<f64>>)>,
    /// Valuation marks.
    pub marks: PerContract<Option<Price>>,
    /// Rates to base.
    pub fx: FxRates,
    /// Which of them are used with a reservation.
    pub doubts: Doubts,
    /// What the next look at marks and rates compares with; the decision does not read it.
    pub believed: Believed,
    /// The broker's view.
    pub broker: Option<BrokerFacts>,
    /// Mode before the decision.
    pub mode: Mode,
    /// What it would be without a HALT of the reconciliation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_halt: Option<Mode>,
    /// A person wants every position closed.
    pub flatten: bool,
    /// Contracts whose mandatory close-out a person confirmed, by name; the act phase reads it.
    #[serde(default)]
    pub confirmed: Vec<String>,
    /// What a person wants in the books and an account that did not answer kept waiting; the decision does not read it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Instruction>,
    /// Execution windows.
    pub windows: PerContract<Option<Window>>,
    /// What broker and venues say of the day.
    pub conditions: Conditions,
    /// Active contracts.
    pub active: PerInstrument<Option<ContractId>>,
    /// What can be borrowed.
    #[serde(default)]
    pub borrowable: Vec<Borrowable>,
    /// External flows.
    pub flows: BaseMoney,
    /// What the screens that were due saw.
    pub screens: Vec<Observed>,
    /// Options that were quoted.
    #[serde(default)]
    pub listings: Vec<Listings>,
    /// What more would cost in margin.
    #[serde(default)]
    pub margins: Vec<Margin>,
    /// When the books were opened; the decision does not read it.
    pub opened: Timestamp,
    /// The last date the broker's statement has told of; the decision does not read it.
    #[serde(default)]
    pub told: Option<Date>,
    /// Money put in or taken out whose currency had no rate yet; the decision does not read it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unvalued: Vec<Money>,
}

/// A recorded day and the present configuration do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the recorded day of {date} was decided over other contracts than are configured now; restore that configuration to resume or replay it"
)]
pub struct OtherUniverse {
    /// The recorded trade date.
    pub date: Date,
}

impl RecordedInputs {
    /// Copies borrowed inputs for the journal, with the books that their ledger is of.
    pub fn of(inputs: &DayInputs<'_>, books: Books, setup: &Setup) -> RecordedInputs {
        assert!(books.ledger() == inputs.ledger, "a decision is recorded with its own books");
        let universe = &setup.universe;
        let row = |(date, row): (Date, market::panel::Row<'_>)| {
            (date, PerInstrument::from_vec(universe.instruments().map(|i| row.close(i)).collect()))
        };
        RecordedInputs {
            date: inputs.date,
            decided_at: inputs.decided_at,
            configuration: String::new(),
            contracts: setup.names.clone(),
            books,
            sleeves: inputs.sleeves.cloned().unwrap_or_else(|| SleeveBooks::new([])),
            memory: inputs.memory.clone(),
            rows: inputs.history.iter().map(row).collect(),
            marks: inputs.marks.clone(),
            fx: inputs.fx.clone(),
            doubts: inputs.doubts.clone(),
            believed: Believed::default(),
            broker: inputs.broker.cloned(),
            mode: inputs.mode,
            before_halt: inputs.before_halt,
            flatten: inputs.flatten,
            confirmed: Vec::new(),
            waiting: Vec::new(),
            windows: inputs.windows.clone(),
            conditions: inputs.conditions.clone(),
            active: inputs.active.clone(),
            borrowable: inputs.borrowable.to_vec(),
            flows: inputs.flows,
            screens: inputs.screens.to_vec(),
            listings: inputs.listings.to_vec(),
            margins: inputs.margins.to_vec(),
            opened: inputs.decided_at,
            told: None,
            unvalued: Vec::new(),
        }
    }

    /// The new history rows as a panel.
    ///
    /// # Errors
    /// [`OtherUniverse`] when keys would mean something else today.
    pub fn panel(&self, setup: &Setup) -> Result<Panel, OtherUniverse> {
        if self.contracts != setup.names {
            return Err(OtherUniverse { date: self.date });
        }
        let mut panel = Panel::new(setup.universe.instrument_count());
        self.rows.iter().for_each(|(date, row)| panel.push(*date, row));
        Ok(panel)
    }

    /// The inputs as they were decided on, over [`RecordedInputs::panel`].
    pub fn view<'a>(&'a self, panel: &'a Panel) -> DayInputs<'a> {
        DayInputs {
            date: self.date,
            decided_at: self.decided_at,
            ledger: self.books.ledger(),
            sleeves: Some(&self.sleeves),
            memory: &self.memory,
            history: panel.rows(0, panel.len()),
            marks: &self.marks,
            fx: &self.fx,
            doubts: &self.doubts,
            broker: self.broker.as_ref(),
            mode: self.mode,
            before_halt: self.before_halt,
            flatten: self.flatten,
            windows: &self.windows,
            conditions: &self.conditions,
            active: &self.active,
            borrowable: &self.borrowable,
            flows: self.flows,
            screens: &self.screens,
            listings: &self.listings,
            margins: &self.margins,
        }
    }
}
