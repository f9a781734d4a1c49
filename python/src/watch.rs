//! Work that Python waits for.
//!
//! In: work, and somebody to tell how far it is. Out: its result. Invariant: other threads of Python run meanwhile, and
//! Ctrl-C or an exception of the one who is told ends the work before its next trade date.

use crate::failed;
use abstractfinance::Failure;
use abstractfinance::research::{Step, Watch};
use pyo3::prelude::*;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// How often signals are looked at, and progress is told.
const LOOK: Duration = Duration::from_millis(100);

/// What the work says, and what it is told.
#[derive(Default)]
struct Slate {
    done: AtomicUsize,
    total: AtomicUsize,
    stop: AtomicBool,
}

impl Slate {
    fn step(&self, step: Step) -> ControlFlow<()> {
        self.total.store(step.total, Ordering::Relaxed);
        self.done.fetch_max(step.done, Ordering::Relaxed);
        if self.stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Does the work on a thread of its own while this one listens to Python.
pub fn watched<T: Send>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(Watch<'_>) -> Result<T, Failure> + Send,
) -> PyResult<T> {
    let (slate, (end, ended)) = (Slate::default(), channel::<()>());
    let ended = Mutex::new(ended);
    let wait = || ended.lock().expect("only this thread waits").recv_timeout(LOOK);
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let _end = end; // dropped when the work is over, however it ends
            work(&|step| slate.step(step))
        });
        let mut told = 0;
        let mut tell = || {
            py.check_signals()?;
            let (done, total) = (slate.done.load(Ordering::Relaxed), slate.total.load(Ordering::Relaxed));
            match progress.filter(|_| done > told) {
                Some(progress) => {
                    told = done;
                    progress.call1((done, total)).map(drop)
                }
                None => Ok(()),
            }
        };
        let mut heard = Ok(());
        while heard.is_ok() && py.detach(wait) == Err(RecvTimeoutError::Timeout) {
            heard = tell();
        }
        slate.stop.store(heard.is_err(), Ordering::Relaxed);
        let result = py.detach(|| worker.join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        heard?;
        let result = result.map_err(|failure| failed(&failure))?;
        if let Some(progress) = progress {
            let total = slate.total.load(Ordering::Relaxed);
            progress.call1((total, total))?;
        }
        Ok(result)
    })
}
