//! What a person types to look after the journal: verify it, copy it, carry a day of it to another machine.
//!
//! In: arguments. Out: typed options.
//! Invariant: nothing here needs a broker; what is written goes to a new file.

use clap::Subcommand;
use jiff::civil::Date;
use journal::Head;
use std::path::PathBuf;

/// `journal …`.
#[derive(Debug, Subcommand)]
pub enum JournalCommand {
    /// Walk the hash chain and name the first record that was changed or lost.
    Verify {
        /// A chain head from a report, to find that the end was cut off or written anew.
        #[arg(long, value_name = "SEQ:HASH")]
        head: Option<Head>,
        /// The account tag the head belongs to, where the journal has several.
        #[arg(long, value_name = "TAG", requires = "head")]
        account: Option<String>,
    },
    /// Write everything to one compressed file, consistent while an engine runs.
    Backup {
        /// The new file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Put a backup into an empty state folder or database, and verify it.
    Restore {
        /// The backup.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
    },
    /// Write one trade date, or all, with the configuration in force to one file for another machine.
    Export {
        /// The trade date.
        #[arg(long, required_unless_present = "all", conflicts_with = "all")]
        date: Option<Date>,
        /// Every record.
        #[arg(long)]
        all: bool,
        /// The new file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Read an exported file into an empty state folder or database; its configuration goes to `config` in the folder.
    Import {
        /// The exported file.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
    },
}
