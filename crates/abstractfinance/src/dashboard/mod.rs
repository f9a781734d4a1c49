//! The dashboard's desk: what its pages ask is read from the journal, beside the engine.
//!
//! In: a state folder. Out: finished days, the day in progress, what comes due. Invariant: takes no lease and no lock; a
//! finished day is read once.

pub mod live;
mod metrics;

pub use metrics::open_metrics;

use crate::cli::Global;
use crate::commands::obligations::due;
use crate::commands::operate::{cancel, leave};
use crate::commands::plan::in_force;
use crate::commands::{account::read_status, preview, records::Records};
use crate::failure::Failure;
use console::DayReport;
use console::account::Status;
use console::dashboard::{Access, Desk, Unanswered, View, Wish, serve};
use console::metrics::Activity;
use console::obligations::Obligation;
use console::plan::PlanPage;
use cycle::{Directive, Instruction};
use risk::Mode;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

/// Days the calendar looks ahead.
const AHEAD_DAYS: u32 = 30;

/// A desk over the journal of a state folder.
#[derive(Clone)]
pub struct JournalDesk {
    global: Arc<Global>,
    /// Where `kill` finds the gateway, when it is not where the settings say.
    gateway: Option<SocketAddr>,
    known: Arc<Mutex<Known>>,
}

/// What comes due, or why that is not known.
type Obligations = Result<Arc<Vec<Obligation>>, String>;

/// What does not change once it was read.
struct Known {
    records: Option<Arc<Records>>,
    days: Arc<Vec<DayReport>>,
    obligations: Obligations,
    /// What the records say in numbers, as far as they were counted.
    activity: Activity,
    /// The newest plan with the number of its record, without what was said of it.
    plan: Option<(i64, Arc<PlanPage>)>,
}

impl JournalDesk {
    /// A desk; the journal is opened with the first question, and may not be there yet.
    pub fn new(global: Global, gateway: Option<SocketAddr>) -> JournalDesk {
        JournalDesk {
            global: Arc::new(global),
            gateway,
            known: Arc::new(Mutex::new(Known {
                records: None,
                days: Arc::default(),
                obligations: Ok(Arc::default()),
                activity: Activity::default(),
                plan: None,
            })),
        }
    }

    /// The journal, once something was recorded in it.
    async fn records(&self) -> Option<Arc<Records>> {
        let mut known = self.known.lock().await;
        if known.records.is_none() {
            known.records = Records::open(&self.global).await.ok().map(Arc::new);
        }
        known.records.clone()
    }

    /// Every finished day; those that finished since the last question are read now.
    async fn days(&self, records: &Records) -> Result<(Arc<Vec<DayReport>>, Obligations), Failure> {
        let mut known = self.known.lock().await;
        let last = known.days.last().map(|day| day.date.clone());
        let newest = records.last_day().await?.map(|(_, day)| day.date);
        if newest != last {
            let mut days = known.days.to_vec();
            days.extend(records.days_after(last.as_deref()).await?);
            let due = due(&self.global, days.last(), None, AHEAD_DAYS);
            known.obligations = due.map(|due| Arc::new(due.rows)).map_err(|failure| failure.to_string());
            known.days = Arc::new(days);
        }
        Ok((known.days.clone(), known.obligations.clone()))
    }

    async fn read(&self) -> Result<View, Failure> {
        let Some(records) = self.records().await else { return Ok(nothing_yet()) };
        let (days, obligations) = self.days(&records).await?;
        let status = read_status(&records).await?;
        let live = match &status.open_day {
            Some(day) => Some(live::day(&records, &day.date).await?),
            None => None,
        };
        let plan = self.plan(&records).await.map_err(|failure| failure.to_string());
        Ok(View { days, status, live, plan, obligations })
    }

    /// The newest plan as it stands now.
    async fn plan(&self, records: &Records) -> Result<Option<Arc<PlanPage>>, Failure> {
        let Some(newest) = records.journal.last_of_kind(&records.account, "plan").await? else { return Ok(None) };
        let mut known = self.known.lock().await;
        let page = match &known.plan {
            Some((seq, page)) if *seq == newest.seq => page.clone(),
            _ => Arc::new(preview::of(records, &records.day(None).await?).await?),
        };
        known.plan = Some((newest.seq, page.clone()));
        let approval = preview::approval(records, newest.seq, &page).await?;
        Ok(Some(Arc::new(PlanPage { approval, ..(*page).clone() })))
    }

    /// Passes on what a person said; `kill` also goes to the gateway at once, and neither way hides what became of the
    /// other.
    async fn pass_on(&self, wish: Wish, about: &str, by: String, reason: String) -> Result<String, Failure> {
        let directive = match wish {
            Wish::Halt => Directive::Tighten { mode: Mode::CancelOnly },
            Wish::ReduceOnly => Directive::Tighten { mode: Mode::ReduceOnly },
            Wish::Kill => Directive::Tighten { mode: Mode::Frozen },
            Wish::Flatten => Directive::Flatten,
            Wish::Resume => Directive::Resume { mode: Mode::Normal, new_high_water_mark: false },
            Wish::Approve | Wish::Reject => match self.in_force(about).await {
                Ok(plan) if wish == Wish::Approve => Directive::Approve { plan },
                Ok(plan) => Directive::Reject { plan },
                Err(Failure::Halted(why)) => return Ok(format!("nothing was told to the engine: {why}")),
                Err(failure) => return Err(failure),
            },
        };
        let instruction = Instruction { directive, by, reason };
        let told = leave(&self.global, &instruction).await.map(|left| left.sentence());
        if wish != Wish::Kill {
            return told;
        }
        match (told, cancel(&self.global, self.gateway).await) {
            (Ok(told), Ok(cancelled)) => Ok(format!("{cancelled} · {told}")),
            (Ok(sentence), Err(failure)) | (Err(failure), Ok(sentence)) => {
                Err(Failure::Broker(format!("{failure} · {sentence}")))
            }
            (Err(told), Err(cancelled)) => Err(Failure::Broker(format!("{cancelled} · {told}"))),
        }
    }

    async fn in_force(&self, about: &str) -> Result<String, Failure> {
        in_force(&Records::open(&self.global).await?, about).await
    }

    /// Answers on a thread that may block: reading a year of reports must not hold up the engine beside it.
    async fn aside<T, F>(&self, ask: impl FnOnce(JournalDesk) -> F + Send + 'static) -> Result<T, Unanswered>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>>,
    {
        let (desk, runtime) = (self.clone(), Handle::current());
        let answer = tokio::task::spawn_blocking(move || runtime.block_on(ask(desk))).await;
        let answer = answer.map_err(|error| Unanswered(format!("the page could not be made: {error}")))?;
        answer.map_err(|failure| Unanswered(failure.to_string()))
    }
}

impl Desk for JournalDesk {
    async fn head(&self) -> Result<i64, Unanswered> {
        self.aside(async |desk| {
            let Some(records) = desk.records().await else { return Ok(0) };
            Ok(records.journal.head(&records.account).await?.map_or(0, |head| head.seq))
        })
        .await
    }

    async fn view(&self) -> Result<View, Unanswered> {
        self.aside(async |desk| desk.read().await).await
    }

    async fn say(&self, wish: Wish, about: String, by: String, reason: String) -> Result<String, Unanswered> {
        self.aside(async move |desk| desk.pass_on(wish, &about, by, reason).await).await
    }
}

fn nothing_yet() -> View {
    let status = Status {
        account: "not opened yet".into(),
        engine: None,
        mode: "NORMAL".into(),
        flatten: false,
        unanswered: Vec::new(),
        open_day: None,
        last_day: None,
    };
    View { days: Arc::default(), status, live: None, plan: Ok(None), obligations: Ok(Arc::default()) }
}

/// Opens the dashboard and serves it beside whatever else this process does. Returns the address it got.
///
/// # Errors
/// [`Failure::Usage`] when it would be open to the network without a password, or the address is taken.
pub async fn open(
    desk: JournalDesk,
    listen: SocketAddr,
    password: Option<&Path>,
    hosts: &[String],
) -> Result<SocketAddr, Failure> {
    let hash = password.map(std::fs::read_to_string).transpose();
    let hash = hash.map_err(|error| Failure::Usage(format!("the password file cannot be read: {error}")))?;
    let access = Access::new(listen, hash, hosts).map_err(|error| Failure::Usage(error.to_string()))?;
    let taken = |error| {
        Failure::Usage(format!("the dashboard cannot listen on {listen}: {error}; name another address with --listen"))
    };
    let listener = TcpListener::bind(listen).await.map_err(taken)?;
    let address = listener.local_addr().map_err(taken)?;
    tokio::spawn(async move {
        if let Err(error) = serve(listener, access, desk).await {
            tracing::error!(%error, "the dashboard ended");
        }
    });
    Ok(address)
}
