//! A day as the journal knows it: what it was decided on, what was decided, what became of it.
//!
//! In: a journal opened for reading, a trade date. Out: inputs, plan and records over the universe and under the
//! configuration of that day. Invariant: nothing is read but the journal, so that another machine sees the same; a day
//! recorded before configurations were kept takes the one that was asked for.

use super::records::Records;
use crate::calendars;
use crate::failure::Failure;
use crate::policy;
use crate::settings::{self, Loaded};
use cycle::{DayInputs, DayPlan, Entry, RecordedInputs, Setup, decide, store};
use domain::Mic;
use jiff::civil::Date;
use journal::StoredEvent;
use market::Panel;
use ports::StoredRecord;
use serde::Deserialize;

/// One trade date that was planned.
pub struct RecordedDay {
    pub date: Date,
    /// Universe and policy it was decided under.
    pub setup: Setup,
    /// The configuration's bytes.
    pub configuration: String,
    pub inputs: RecordedInputs,
    pub plan: DayPlan,
    /// The plan as it is stored.
    pub stored: StoredRecord,
    /// Everything recorded of the date, in order.
    pub records: Vec<StoredRecord>,
}

/// What a record of inputs says of how to read it.
#[derive(Deserialize)]
struct Over {
    #[serde(default)]
    configuration: String,
    contracts: Vec<String>,
}

impl Records {
    /// Every trade date with a plan, oldest first.
    pub async fn dates(&self) -> Result<Vec<Date>, Failure> {
        let plans = self.journal.events_of_kind(&self.account, "plan").await?;
        let mut dates: Vec<Date> =
            plans.iter().map(|plan| Ok(stored(plan)?.trade_date)).collect::<Result<_, Failure>>()?;
        dates.dedup();
        Ok(dates)
    }

    /// The date asked for, or the last one with a plan.
    pub async fn day(&self, date: Option<Date>) -> Result<RecordedDay, Failure> {
        let last = self.journal.last_of_kind(&self.account, "plan").await?;
        let planned = last.as_ref().map(stored).transpose()?.map(|plan| plan.trade_date);
        let date = date.or(planned).ok_or_else(|| Failure::Usage("nothing was planned yet: run a day first".into()))?;
        let events = self.journal.events(&self.account, date).await?;
        let records: Vec<StoredRecord> = events.iter().map(stored).collect::<Result<_, _>>()?;
        let newest = |kind: &str| records.iter().rfind(|record| record.kind == kind).cloned();
        let (Some(inputs), Some(plan)) = (newest("inputs"), newest("plan")) else {
            let last = planned.map_or_else(String::new, |last| format!("; the last date with a plan is {last}"));
            return Err(Failure::Usage(format!("nothing was planned for {date} in this journal{last}")));
        };
        self.read(date, &inputs, plan, records).await
    }

    async fn read(
        &self,
        date: Date,
        inputs: &StoredRecord,
        plan: StoredRecord,
        records: Vec<StoredRecord>,
    ) -> Result<RecordedDay, Failure> {
        let unreadable = |problem: String| Failure::Journal(format!("record {}: {problem}", inputs.seq));
        let over: Over = serde_json::from_str(&inputs.body).map_err(|error| unreadable(error.to_string()))?;
        let configuration = match over.configuration.as_str() {
            "" => self.loaded.recorded(),
            hash => String::from_utf8(self.journal.blob(hash).await?).map_err(|error| unreadable(error.to_string()))?,
        };
        let setup = setup_over(&configuration, &over.contracts).map_err(unreadable)?;
        let readable = |error: store::Unreadable| Failure::Journal(error.to_string());
        let inputs: RecordedInputs = store::value(inputs, &setup.universe).map_err(readable)?;
        let decided: DayPlan = store::value(&plan, &setup.universe).map_err(readable)?;
        Ok(RecordedDay { date, setup, configuration, inputs, plan: decided, stored: plan, records })
    }
}

/// Universe and policy of a configuration over contracts by name.
fn setup_over(configuration: &str, contracts: &[String]) -> Result<Setup, String> {
    let loaded = Loaded::read_back(configuration).map_err(|error| {
        format!("its configuration cannot be read by this version ({error}); use the one that wrote it")
    })?;
    let universe = settings::universe_named(&loaded.instruments, contracts)
        .ok_or("it was decided over other contracts than its configuration has")?;
    let venues: Vec<Mic> = loaded.instruments.iter().flat_map(|(_, row)| row.venues()).collect();
    let calendars = calendars::built_in(|mic| mic == Mic::Fx || venues.contains(&mic));
    policy::dated_setup(&loaded, universe, &calendars).map_err(|error| error.to_string())
}

impl RecordedDay {
    /// The history rows of its inputs.
    pub fn panel(&self) -> Panel {
        self.inputs.panel(&self.setup).expect("its own universe")
    }

    /// Its inputs as the decision saw them.
    pub fn view<'a>(&'a self, panel: &'a Panel) -> DayInputs<'a> {
        self.inputs.view(panel)
    }

    /// The plan its inputs give now.
    pub fn decided_again(&self) -> DayPlan {
        decide(&self.view(&self.panel()), &self.setup)
    }

    /// The same day under another configuration.
    ///
    /// # Errors
    /// What does not fit.
    pub fn under(self, loaded: &Loaded) -> Result<RecordedDay, String> {
        let configuration = loaded.recorded();
        let setup = setup_over(&configuration, &self.inputs.contracts)?;
        let inputs = RecordedInputs { memory: self.inputs.memory.fitted(&setup), ..self.inputs };
        Ok(RecordedDay { configuration, setup, inputs, ..self })
    }

    /// The content hash of the plan.
    pub fn hash(&self) -> String {
        store::plan_hash(&self.plan, &self.setup.universe)
    }

    /// What happened after the plan, typed, with the time it was recorded.
    pub fn entries(&self) -> Result<Vec<(jiff::Timestamp, Entry)>, Failure> {
        let after = self.records.iter().filter(|record| record.seq > self.stored.seq);
        let read = after.map(|record| {
            let entry =
                store::entry(record, &self.setup.universe).map_err(|error| Failure::Journal(error.to_string()))?;
            Ok(entry.map(|entry| (record.at, entry)))
        });
        read.filter_map(Result::transpose).collect()
    }
}

/// A record as the core reads it.
pub fn stored(event: &StoredEvent) -> Result<StoredRecord, Failure> {
    let damaged = |problem: &dyn std::fmt::Display| Failure::Journal(format!("record {}: {problem}", event.seq));
    Ok(StoredRecord {
        seq: event.seq,
        trade_date: event.trade_date.parse().map_err(|error| damaged(&error))?,
        at: jiff::Timestamp::from_microsecond(event.at_us).map_err(|error| damaged(&error))?,
        kind: event.kind.clone(),
        version: event.version,
        body: event.body.clone(),
    })
}
