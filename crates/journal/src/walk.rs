//! The walk over everything a journal holds, beside the start of an engine.
//! In: an open journal. Out: where each chain ends, or the first damage.
//! Invariant: it has a thread and a connection of its own, so that nobody who talks to a broker waits for it; it reads every
//! record from the first to the last, at every start.

use std::thread;

use sqlx::Connection;
use tokio::runtime;
use tokio::sync::oneshot;

use crate::error::JournalError;
use crate::open::connect;
use crate::patience::driver_answered;
use crate::read::verify_every_chain;
use crate::{Head, Journal, Place};

const WALKING: &str = "read";

/// Where each account's chain ends.
type Ends = Vec<(String, Head)>;

/// An open journal whose structure and chains are still being checked.
#[derive(Debug)]
pub struct Walking {
    journal: Journal,
    walk: Walk,
}

/// A walk.
#[derive(Debug)]
pub(crate) enum Walk {
    UnderWay(oneshot::Receiver<Result<Ends, JournalError>>),
    Over(Ends),
}

impl Walking {
    pub(crate) fn begin(journal: Journal) -> Result<Walking, JournalError> {
        let walk = Walk::begin(journal.place().clone())?;
        Ok(Walking { journal, walk })
    }

    /// Where it is kept.
    pub fn place(&self) -> &Place {
        self.journal.place()
    }

    /// The journal, when all of it was found whole.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] with the first damage; [`JournalError::Unavailable`].
    pub async fn walked(self) -> Result<Journal, JournalError> {
        self.walk.end().await?;
        Ok(self.journal)
    }

    /// The same when the walk is over and has found everything whole.
    ///
    /// # Errors
    /// As for [`Walking::walked`].
    pub async fn over(self) -> Result<Walking, JournalError> {
        Ok(Walking { journal: self.journal, walk: Walk::Over(self.walk.end().await?) })
    }

    pub(crate) fn parts(self) -> (Journal, Walk) {
        (self.journal, self.walk)
    }
}

impl Walk {
    fn begin(place: Place) -> Result<Walk, JournalError> {
        let (tell, told) = oneshot::channel();
        let named = place.clone();
        let walk = move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            let ends = match runtime {
                Ok(runtime) => runtime.block_on(walk(&place)),
                Err(error) => Err(JournalError::unavailable(&place, WALKING, error)),
            };
            // An engine that ended meanwhile does not want to know.
            let _ = tell.send(ends);
        };
        let started = thread::Builder::new().name("journal walk".to_owned()).spawn(walk);
        started.map_err(|error| JournalError::unavailable(&named, WALKING, error))?;
        Ok(Walk::UnderWay(told))
    }

    /// Waits until it is over.
    pub(crate) async fn end(self) -> Result<Ends, JournalError> {
        match self {
            Walk::UnderWay(told) => told.await.expect("a walk tells how it ended"),
            Walk::Over(ends) => Ok(ends),
        }
    }
}

async fn walk(place: &Place) -> Result<Ends, JournalError> {
    let failed = |error| JournalError::from_database(place, WALKING, error);
    let mut connection = connect(place).await.map_err(failed)?;
    let ends = verify_every_chain(&mut connection, place).await?;
    driver_answered(connection.close()).await.map_err(failed)?;
    Ok(ends)
}
