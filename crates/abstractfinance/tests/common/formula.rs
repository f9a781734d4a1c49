//! The arithmetic of a chain, as a person would do it with a pocket calculator.
//!
//! In: a formula, named values. Out: its value. Invariant: knows nothing of the engine; an unknown name or function is an
//! error, so that no link can lean on what is not above it.

use std::collections::BTreeMap;

/// The value of a formula.
pub fn evaluate(formula: &str, known: &BTreeMap<String, f64>) -> Result<f64, String> {
    let mut reader = Reader { rest: formula, known };
    let value = reader.sum()?;
    match reader.rest.trim() {
        "" => Ok(value),
        rest => Err(format!("`{rest}` is left over")),
    }
}

struct Reader<'a> {
    rest: &'a str,
    known: &'a BTreeMap<String, f64>,
}

impl Reader<'_> {
    fn take(&mut self, sign: char) -> bool {
        self.rest = self.rest.trim_start();
        let Some(rest) = self.rest.strip_prefix(sign) else { return false };
        self.rest = rest;
        true
    }

    fn sum(&mut self) -> Result<f64, String> {
        let mut value = self.product()?;
        loop {
            if self.take('+') {
                value += self.product()?;
            } else if self.take('-') {
                value -= self.product()?;
            } else {
                return Ok(value);
            }
        }
    }

    fn product(&mut self) -> Result<f64, String> {
        let mut value = self.term()?;
        loop {
            if self.take('*') {
                value *= self.term()?;
            } else if self.take('/') {
                value /= self.term()?;
            } else {
                return Ok(value);
            }
        }
    }

    fn term(&mut self) -> Result<f64, String> {
        if self.take('(') {
            let value = self.sum()?;
            return if self.take(')') { Ok(value) } else { Err("a bracket is not closed".into()) };
        }
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        if let Ok(number) = word.parse() {
            return Ok(number);
        }
        if !self.take('(') {
            return self.known.get(word).copied().ok_or_else(|| format!("`{word}` is not above it"));
        }
        let mut values = vec![self.sum()?];
        while self.take(',') {
            values.push(self.sum()?);
        }
        if !self.take(')') {
            return Err(format!("{word}: a bracket is not closed"));
        }
        function(word, &values)
    }
}

fn function(name: &str, values: &[f64]) -> Result<f64, String> {
    Ok(match (name, values) {
        ("min", values) => values.iter().copied().fold(f64::INFINITY, f64::min),
        ("max", values) => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        ("abs", [value]) => value.abs(),
        // What rounding noise left a hair below a whole is that whole.
        ("trunc", [value]) => (value + value.signum() * 1e-9).trunc(),
        ("nearest", [value]) => (value.abs() + 0.5 + 1e-9).floor() * value.signum(),
        ("toward_zero", [held, wanted]) if held * wanted < 0.0 => -held,
        ("toward_zero", [held, wanted]) if wanted.abs() < held.abs() => wanted - held,
        ("toward_zero", [_, _]) => 0.0,
        ("tick_down", [price, tick]) => on_grid(*price, *tick, |steps| steps.floor()),
        ("tick_up", [price, tick]) => on_grid(*price, *tick, |steps| steps.ceil()),
        (name, values) => return Err(format!("no function {name} of {} values", values.len())),
    })
}

/// A price in whole hundred-millionths, so that no binary fraction moves it to another step.
fn on_grid(price: f64, tick: f64, round: impl Fn(f64) -> f64) -> f64 {
    let [price, tick] = [price, tick].map(|value| (value * 1e8).round());
    round(price / tick) * tick / 1e8
}
