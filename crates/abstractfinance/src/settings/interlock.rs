//! Whether mode, account, port and a person's word agree on which kind of money is traded.
//!
//! In: the broker's settings, the mode, today. Out: nothing, or what disagrees and what to do. Invariant: a live account is
//! traded only when all four say live, a paper account only when none says anything else, and whatever is not
//! recognised is refused.

use super::execution::Broker;
use super::model::Mode;
use jiff::civil::Date;

/// What an account id says of the money behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Money {
    /// `DU` and digits.
    Paper,
    /// `U` and digits.
    Real,
}

/// Ports on which Interactive Brokers' own programs, and the common images of them, serve one kind only.
const PORTS: [(u16, Money); 6] = [
    (7497, Money::Paper),
    (4002, Money::Paper),
    (4004, Money::Paper),
    (7496, Money::Real),
    (4001, Money::Real),
    (4003, Money::Real),
];

/// How long a person's word counts.
const CONFIRMED_DAYS: i64 = 366;

/// What disagrees, and the remedy.
pub type Disagreement = (String, &'static str);

/// The kind of an account; `None` for an id that is neither.
pub fn money(account: &str) -> Option<Money> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match account.strip_prefix("DU") {
        Some(rest) => digits(rest).then_some(Money::Paper),
        None => account.strip_prefix('U').filter(|rest| digits(rest)).map(|_| Money::Real),
    }
}

/// Whether everything agrees; without a date, a person's word is not asked for its age.
///
/// # Errors
/// The first thing that does not.
pub fn interlock(mode: Mode, broker: &Broker, today: Option<Date>) -> Result<(), Disagreement> {
    let wanted = match mode {
        Mode::Simulated => return Ok(()),
        Mode::Paper => Money::Paper,
        Mode::Live => Money::Real,
    };
    if broker.account.as_deref().and_then(money) != Some(wanted) {
        let remedy = "set `account`, or `mode: simulated`";
        return Err(match wanted {
            Money::Paper => ("has no paper account, whose id begins with DU".into(), remedy),
            Money::Real => ("has no live account, which `mode: live` needs".into(), remedy),
        });
    }
    if let Some((port, _)) = PORTS.iter().find(|&&(port, kind)| port == broker.port && kind != wanted) {
        let (serves, means) = if wanted == Money::Paper { ("live", "paper") } else { ("paper", "live") };
        let problem = format!("has port {port}, where {serves} accounts are served, and `mode` is {means}");
        return Err((problem, "name the port of the gateway that is meant, or change `mode`"));
    }
    if wanted == Money::Real { confirmed(broker, today) } else { Ok(()) }
}

fn confirmed(broker: &Broker, today: Option<Date>) -> Result<(), Disagreement> {
    let remedy = "write `live_confirmation: {account: ..., date: ...}` with the account once more and today's date, if \
                  real money is meant";
    let Some(word) = &broker.live_confirmation else {
        return Err(("has no `live_confirmation`, and `mode` is live".into(), remedy));
    };
    if Some(&word.account) != broker.account.as_ref() {
        return Err(("confirms another account in `live_confirmation` than `account`".into(), remedy));
    }
    let Some(today) = today else { return Ok(()) };
    let age = i64::from((today - word.date).get_days());
    match age {
        ..0 => Err((format!("has a `live_confirmation` of {}, which is still to come", word.date), remedy)),
        0..=CONFIRMED_DAYS => Ok(()),
        _ => Err((format!("has a `live_confirmation` of {}, more than {CONFIRMED_DAYS} days ago", word.date), remedy)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::execution::LiveConfirmation;
    use super::*;
    use jiff::civil::date;

    const TODAY: Date = date(2026, 11, 27);

    /// Every mode with every kind of account, port and confirmation: these are let through.
    #[test]
    fn of_all_combinations_only_those_that_agree_trade() {
        let settings = crate::settings::load(None).unwrap().settings.broker;
        let word = |account: &str, date| Some(LiveConfirmation { account: account.into(), date });
        let accounts = [None, Some("DU1234567"), Some("U1234567"), Some("F1234567"), Some("DU"), Some("U12x")];
        let ports = [4000, 4001, 4002, 7496, 7497];
        let words = [
            ("none", None),
            ("paper's", word("DU1234567", TODAY)),
            ("today", word("U1234567", TODAY)),
            ("a year ago", word("U1234567", date(2025, 11, 27))),
            ("older", word("U1234567", date(2025, 11, 25))),
            ("tomorrow", word("U1234567", date(2026, 11, 28))),
        ];
        let mut passed = Vec::new();
        let mut tried = 0;
        for mode in [Mode::Paper, Mode::Live] {
            for account in accounts {
                for port in ports {
                    for (name, word) in &words {
                        let broker = Broker {
                            account: account.map(str::to_owned),
                            port,
                            live_confirmation: word.clone(),
                            ..settings.clone()
                        };
                        assert_eq!(interlock(Mode::Simulated, &broker, Some(TODAY)), Ok(()));
                        tried += 1;
                        if interlock(mode, &broker, Some(TODAY)).is_ok() {
                            passed.push(format!("{mode:?} {} {port} {name}", account.unwrap_or("-")));
                        }
                    }
                }
            }
        }
        // Paper needs no word, and one that is there does no harm.
        let paper: Vec<String> = [4000, 4002, 7497]
            .iter()
            .flat_map(|port| words.iter().map(move |(name, _)| format!("Paper DU1234567 {port} {name}")))
            .collect();
        let live = [4000, 4001, 7496]
            .iter()
            .flat_map(|port| ["today", "a year ago"].map(|name| format!("Live U1234567 {port} {name}")));
        assert_eq!(tried, 360);
        assert_eq!(passed, paper.into_iter().chain(live).collect::<Vec<_>>());
    }
}
