//! The file of a search: which keys take which values.
//!
//! In: YAML. Out: points, each a value for every key. Invariant: the same file gives the same points in the same order,
//! however many threads run them.

use super::Numbers;
use crate::failure::Failure;
use ::backtest::sweep::paths;
use serde::Deserialize;
use serde_json::{Number, Value};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Runs of one search: more are rather a mistake.
const RUNS_MAX: usize = 100_000;

/// A search as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    settings: BTreeMap<String, Value>,
    #[serde(default)]
    random: Option<Random>,
}

/// A search that can be made.
#[derive(Debug)]
pub struct Search {
    /// Values of each key, one or several dotted paths in settings.yaml.
    settings: BTreeMap<String, Values>,
    /// Draws points by chance instead of trying every combination.
    random: Option<Random>,
}

#[derive(Debug)]
enum Values {
    List(Vec<Value>),
    /// Any number from the first to the second, of four digits.
    Range(f64, f64),
    /// A whole number from the first to the second, both included.
    Whole(i64, i64),
}

impl Values {
    fn of(written: Value) -> Result<Values, String> {
        let range = match &written {
            Value::Object(fields) if fields.len() == 2 => fields.get("from").zip(fields.get("to")),
            Value::Array(list) => return Ok(Values::List(list.clone())),
            _ => None,
        };
        let whole = range.and_then(|(from, to)| from.as_i64().zip(to.as_i64()));
        let real = range.and_then(|(from, to)| from.as_f64().zip(to.as_f64()));
        match (whole, real) {
            (Some((from, to)), _) => Ok(Values::Whole(from, to)),
            (None, Some((from, to))) => Ok(Values::Range(from, to)),
            (None, None) => Err(format!("{written} is neither a list, such as [1, 2], nor a range {{from: 1, to: 2}}")),
        }
    }

    fn ends(&self) -> Option<(f64, f64)> {
        match *self {
            Values::List(_) => None,
            Values::Range(from, to) => Some((from, to)),
            Values::Whole(from, to) => Some((from as f64, to as f64)),
        }
    }

    /// The value at a share of the way, from 0 to below 1.
    fn at(&self, share: f64) -> Value {
        let place = |count: f64| (share * count) as usize;
        match *self {
            Values::List(ref list) => list[place(list.len() as f64).min(list.len() - 1)].clone(),
            Values::Range(from, to) => {
                let drawn = short(from + (to - from) * share).clamp(from, to);
                Number::from_f64(drawn).map_or(Value::Null, Value::Number)
            }
            Values::Whole(from, to) => from.saturating_add(place(to as f64 - from as f64 + 1.0) as i64).min(to).into(),
        }
    }
}

/// A value that is in a list already, 1 and 1.0 being the same.
fn twice(list: &[Value]) -> Option<&Value> {
    let mut seen = BTreeSet::new();
    list.iter()
        .find(|value| !seen.insert(value.as_f64().map_or_else(|| value.to_string(), |number| number.to_string())))
}

/// A number as a person would write it into a file.
fn short(number: f64) -> f64 {
    format!("{number:.3e}").parse().unwrap_or(number)
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Random {
    runs: usize,
    #[serde(default)]
    seed: u64,
}

/// One combination.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) set: BTreeMap<String, Value>,
}

impl Point {
    /// Each setting by its own path.
    pub(super) fn settings(&self) -> impl Iterator<Item = (String, Value)> {
        self.set.iter().flat_map(|(key, value)| paths(key).map(|path| (path.to_owned(), value.clone())))
    }
}

impl Search {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Failure::Usage`] with the file, the key and what to do.
    pub fn read(file: &Path) -> Result<Search, Failure> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).map_err(|error| Failure::Usage(format!("{name}: {error}")))?;
        Search::parse(&name, &text)
    }

    /// Reads the text of a search; `name` is what a person knows it by.
    ///
    /// # Errors
    /// As [`Search::read`].
    pub fn parse(name: &str, text: &str) -> Result<Search, Failure> {
        let wrong = |problem: String| Failure::Usage(format!("{name}: {problem}"));
        let Written { settings, random } =
            serde_saphyr::from_str(text).map_err(|error: serde_saphyr::Error| wrong(error.to_string()))?;
        let values = |(key, written)| match Values::of(written) {
            Ok(values) => Ok((key, values)),
            Err(problem) => Err(format!("{key}: {problem}")),
        };
        let settings = settings.into_iter().map(values).collect::<Result<_, _>>().map_err(wrong)?;
        let search = Search { settings, random };
        search.check().map_err(wrong)?;
        Ok(search)
    }

    fn check(&self) -> Result<(), String> {
        if self.settings.is_empty() {
            return Err("`settings` names no key; give at least one, such as `vol_target_annual: [0.10, 0.12]`".into());
        }
        let mut named = BTreeSet::new();
        for (key, values) in &self.settings {
            if let Some(path) = paths(key).find(|path| !named.insert(*path)) {
                return Err(format!("{key}: `{path}` is named twice; name each setting once"));
            }
            match (values, values.ends()) {
                (Values::List(list), _) if list.is_empty() => {
                    return Err(format!("{key}: an empty list; give it a value"));
                }
                (Values::List(list), _) if let Some(twice) = twice(list) => {
                    return Err(format!("{key}: {twice} stands twice in its list; name each value once"));
                }
                (_, Some(_)) if self.random.is_none() => {
                    return Err(format!("{key}: a range needs a `random` search; give a list for a grid"));
                }
                (_, Some((from, to))) if !(from.is_finite() && to.is_finite() && from < to) => {
                    return Err(format!("{key}: `from` {from} has to be below `to` {to}"));
                }
                _ => {}
            }
        }
        match self.runs() {
            0 => Err("`random.runs` is 0; ask for at least one".into()),
            runs if runs > RUNS_MAX => {
                Err(format!("{runs} runs; at most {RUNS_MAX} are made: draw some with `random`"))
            }
            _ => Ok(()),
        }
    }

    fn runs(&self) -> usize {
        match self.random {
            Some(random) => random.runs,
            None => self.settings.values().fold(1, |runs, values| match values {
                Values::List(list) => runs.saturating_mul(list.len()),
                Values::Range(..) | Values::Whole(..) => runs,
            }),
        }
    }

    /// What each wanted run sets, as JSON.
    ///
    /// # Errors
    /// As [`Search::wanted`].
    pub fn listed(&self, only: Option<&Numbers>) -> Result<Value, Failure> {
        Ok(self.wanted(only)?.into_values().map(|point| Value::from_iter(point.set)).collect())
    }

    /// The wanted runs by their numbers; all without any that are named.
    ///
    /// # Errors
    /// [`Failure::Usage`] when none that is named is a run of this search.
    pub(super) fn wanted(&self, only: Option<&Numbers>) -> Result<BTreeMap<usize, Point>, Failure> {
        let wanted: BTreeMap<_, _> =
            self.points().filter(|(number, _)| only.is_none_or(|only| only.contains(*number))).collect();
        if wanted.is_empty() {
            return Err(Failure::Usage(format!(
                "--only names none of the runs of this search, which are 1 to {}; --list shows them",
                self.runs()
            )));
        }
        Ok(wanted)
    }

    /// Every combination with its number, from 1, the last key changing fastest; or as many as are drawn.
    pub(super) fn points(&self) -> impl Iterator<Item = (usize, Point)> {
        (1..=self.runs()).map(|number| (number, Point { set: self.point(number - 1) }))
    }

    fn point(&self, run: usize) -> BTreeMap<String, Value> {
        let mut rest = run;
        let rows = self.settings.iter().rev().map(|(key, values)| {
            let value = match (values, self.random) {
                (Values::List(list), None) => {
                    let at = rest % list.len();
                    rest /= list.len();
                    list[at].clone()
                }
                (values, random) => values.at(random.map_or(0.0, |random| uniform(random.seed, run, key))),
            };
            (key.clone(), value)
        });
        rows.collect()
    }
}

/// A number from 0 to below 1 that depends on seed, run and key alone.
fn uniform(seed: u64, run: usize, key: &str) -> f64 {
    let digest = Sha256::digest(format!("{seed} {run} {key}").as_bytes());
    let bits = u64::from_be_bytes(digest[..8].try_into().expect("eight bytes")) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(yaml: &str) -> Result<Search, String> {
        Search::parse("search.yaml", yaml).map_err(|error| error.to_string())
    }

    fn points(yaml: &str) -> Vec<Point> {
        search(yaml).unwrap().points().map(|(_, point)| point).collect()
    }

    #[test]
    fn a_grid_is_every_combination_once() {
        let points = points("settings:\n  a: [1, 2, 3]\n  b.c: [x, z]\n");
        let texts: Vec<String> = points.iter().map(|point| format!("{}{}", point.set["a"], point.set["b.c"])).collect();
        assert_eq!(texts, ["1\"x\"", "1\"z\"", "2\"x\"", "2\"z\"", "3\"x\"", "3\"z\""]);
    }

    #[test]
    fn a_random_search_is_drawn_from_its_seed() {
        let yaml = |seed| {
            format!(
                "settings:\n  a: {{from: 1.0, to: 2}}\n  b: [x, y]\n  c: {{from: 1, to: 4}}\nrandom: {{runs: 200, seed: {seed}}}\n"
            )
        };
        let drawn = points(&yaml(1));
        assert_eq!(drawn, points(&yaml(1)));
        assert_ne!(drawn, points(&yaml(2)));
        let a: Vec<f64> = drawn.iter().map(|point| point.set["a"].as_f64().unwrap()).collect();
        let mean = a.iter().sum::<f64>() / 200.0;
        assert!(a.iter().all(|a| (1.0..=2.0).contains(a)) && (mean - 1.5).abs() < 0.07, "{mean}");
        let x = drawn.iter().filter(|point| point.set["b"] == "x").count();
        assert!((70..130).contains(&x), "{x}");
        let of_c = |whole: i64| drawn.iter().filter(|point| point.set["c"] == whole).count();
        let counts = [1, 2, 3, 4].map(of_c);
        assert!(counts.iter().sum::<usize>() == 200 && counts.iter().all(|count| *count > 30), "{counts:?}");
    }

    #[test]
    fn settings_that_belong_together_take_one_value() {
        let yaml = "settings:\n  a.b, c: {from: 0.1, to: 0.2}\n  d: [x]\nrandom: {runs: 1}";
        let point = &points(yaml)[0];
        let set: BTreeMap<String, Value> = point.settings().collect();
        assert_eq!(set.keys().collect::<Vec<_>>(), ["a.b", "c", "d"]);
        assert_eq!((&set["a.b"], set["c"].to_string().len()), (&set["c"], "0.1234".len()), "and of four digits");
    }

    #[test]
    fn what_cannot_be_searched_says_why() {
        let says = |yaml| search(yaml).unwrap_err();
        assert!(says("settings: {}").contains("names no key"));
        assert!(says("settings:\n  a: []").contains("a: an empty list"));
        assert!(says("settings:\n  a: {from: 1, to: 2}").contains("a range needs a `random` search"));
        assert!(says("settings:\n  a: {from: 2, to: 1}\nrandom: {runs: 3}").contains("has to be below"));
        assert!(says("settings:\n  a: [x, 1, 1.0]").contains("a: 1.0 stands twice in its list"));
        assert!(says("settings:\n  a, b: [1]\n  b: [2]").contains("`b` is named twice"));
        assert!(says("setting:\n  a: [1]").contains("setting"));
        let neither = "search.yaml: a: 0.1 is neither a list, such as [1, 2], nor a range {from: 1, to: 2}";
        assert_eq!(says("settings:\n  a: 0.1"), neither);
        assert!(says("settings:\n  a: {from: 1, upto: 2}").contains("nor a range"));
    }
}
