//! The settings a day runs under are on record, and a limit is not loosened in passing.
//!
//! In: the settings of this run, those of the run before. Out: a record of what changed. Invariant: the first run under
//! looser limits needs a name and a reason; tighter ones need nobody.

use super::{Run, World};
use crate::failure::Failure;
use crate::settings::{Change, changes};
use jiff::civil::Date;
use ports::{Clock, Journal, Record};
use serde_json::{Value, json};

/// Its kind in the journal.
const SETTINGS: &str = "settings";

/// Compares with the last settings on record, and records these when they differ.
pub(super) async fn on_record<B, J: Journal, C: Clock>(
    date: Date,
    run: &Run,
    world: &mut World<B, J, C>,
) -> Result<(), Failure> {
    if !world.journal.keeps(SETTINGS) {
        return Ok(());
    }
    let now = serde_json::to_value(&run.settings).expect("settings hold only finite numbers and text keys");
    let changes = match world.journal.latest(SETTINGS).await? {
        None => Vec::new(),
        Some(last) => {
            let body: Value = serde_json::from_str(&last.body).map_err(|error| {
                Failure::Journal(format!("record {} ({SETTINGS}) cannot be read: {error}", last.seq))
            })?;
            let changes = changes(&body["settings"], &now);
            if changes.is_empty() {
                return Ok(());
            }
            changes
        }
    };
    let loosened: Vec<&Change> = changes.iter().filter(|change| change.loosens).collect();
    if !loosened.is_empty() && run.loosening.is_none() {
        return Err(Failure::Usage(refusal(&loosened)));
    }
    let (by, reason) = run.loosening.as_ref().map(|accepted| (&accepted.by, &accepted.reason)).unzip();
    let body = json!({ "settings": now, "changes": changes, "by": by, "reason": reason }).to_string();
    let record = Record { kind: SETTINGS, version: 1, order_ref: None, at: world.clock.now(), body };
    world.journal.append(date, &[record]).await?;
    Ok(())
}

fn refusal(loosened: &[&Change]) -> String {
    let line = |change: &&Change| format!("\n  {}: {} → {}", change.key, change.before, change.after);
    let lines: String = loosened.iter().map(line).collect();
    format!(
        "the settings let the engine do more than on its last day:{lines}\nwrite the old values back, or say that it is \
         meant, once: --accept-loosened REASON"
    )
}
