//! The text codec's alphabet: fields that end with a zero byte.
//!
//! In: values and the fields of a frame. Out: the fields of a frame and values. Invariant: a value can contain no zero
//! byte, so it cannot begin another field; an empty field is an absent value, and what is no number is an error.

use super::{ComboLeg, Contract, with_length};

/// How IB writes a double that has no value.
pub(super) const UNSET_DOUBLE: &str = "1.7976931348623157E308";

/// A message that is being written.
#[derive(Debug, Default)]
pub struct Line {
    bytes: Vec<u8>,
}

impl Line {
    /// Appends one field, or the several of a composite.
    pub(super) fn put(&mut self, field: &(impl Field + ?Sized)) {
        field.put(self);
    }

    pub(super) fn into_frame(self) -> Vec<u8> {
        with_length(&self.bytes)
    }

    fn push(&mut self, text: &str) {
        self.bytes.extend(text.bytes().filter(|&byte| byte != 0));
        self.bytes.push(0);
    }
}

/// A value as one field, or as several.
pub(super) trait Field {
    fn put(&self, line: &mut Line);
}

impl Field for str {
    fn put(&self, line: &mut Line) {
        line.push(self);
    }
}

macro_rules! shown {
    ($($number:ty),+) => {
        $(impl Field for $number {
            fn put(&self, line: &mut Line) {
                line.push(&self.to_string());
            }
        })+
    };
}

shown!(i32, i64, usize);

impl Field for bool {
    fn put(&self, line: &mut Line) {
        line.push(if *self { "1" } else { "0" });
    }
}

impl Field for f64 {
    fn put(&self, line: &mut Line) {
        if *self == f64::MAX { line.push(UNSET_DOUBLE) } else { line.push(&self.to_string()) }
    }
}

impl Field for String {
    fn put(&self, line: &mut Line) {
        line.push(self);
    }
}

impl<T: Field + ?Sized> Field for &T {
    fn put(&self, line: &mut Line) {
        (*self).put(line);
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self, line: &mut Line) {
        match self {
            Some(value) => value.put(line),
            None => line.push(""),
        }
    }
}

/// Every element, one after the other.
impl<T: Field> Field for [T] {
    fn put(&self, line: &mut Line) {
        self.iter().for_each(|value| value.put(line));
    }
}

/// So many empty fields.
pub(super) struct Blank(pub usize);

impl Field for Blank {
    fn put(&self, line: &mut Line) {
        (0..self.0).for_each(|_| line.push(""));
    }
}

/// A double without a value is written as the largest one.
pub(super) struct OrUnset(pub Option<f64>);

impl Field for OrUnset {
    fn put(&self, line: &mut Line) {
        self.0.unwrap_or(f64::MAX).put(line);
    }
}

/// An amount or a size that must be a number: without a value it is -1, IB's "there is none".
pub(super) struct OrNone<'a>(pub &'a Option<String>);

impl Field for OrNone<'_> {
    fn put(&self, line: &mut Line) {
        line.push(self.0.as_deref().unwrap_or("-1"));
    }
}

/// Text in which everything beyond ASCII is escaped as `\u00e9`, as clients of version 153 and later unescape it.
pub(super) struct Ascii<'a>(pub &'a Option<String>);

impl Field for Ascii<'_> {
    fn put(&self, line: &mut Line) {
        let text = self.0.as_deref().unwrap_or_default();
        let mut escaped = String::with_capacity(text.len());
        for unit in text.encode_utf16() {
            match u8::try_from(unit) {
                Ok(b'\\') => escaped.push_str(r"\\"),
                Ok(byte) if byte.is_ascii() => escaped.push(char::from(byte)),
                _ => escaped.push_str(&format!(r"\u{unit:04x}")),
            }
        }
        line.push(&escaped);
    }
}

/// A contract without its primary exchange, the eleven fields most answers carry.
pub(super) struct Eleven<'a>(pub &'a Option<Contract>);

impl Field for Eleven<'_> {
    fn put(&self, line: &mut Line) {
        let Some(contract) = self.0 else { return Blank(11).put(line) };
        line.put(&contract.con_id);
        line.put(&contract.symbol);
        line.put(&contract.sec_type);
        line.put(&contract.last_trade_date_or_contract_month);
        line.put(&contract.strike.unwrap_or_default());
        line.put(&contract.right);
        line.put(&contract.multiplier);
        line.put(&contract.exchange);
        line.put(&contract.currency);
        line.put(&contract.local_symbol);
        line.put(&contract.trading_class);
    }
}

/// What a field should have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadField {
    #[error("field {0} is missing")]
    Missing(usize),
    #[error("field {0} is not a whole number of 32 bits")]
    Integer(usize),
    #[error("field {0} is not a number")]
    Double(usize),
    #[error("field {0} is not 0 or 1")]
    Flag(usize),
    #[error("it is not UTF-8")]
    NotUtf8,
}

/// The fields of a frame, read from left to right.
#[derive(Debug)]
pub struct Fields<'a> {
    rest: std::str::Split<'a, char>,
    read: usize,
}

impl<'a> Fields<'a> {
    /// # Errors
    /// [`BadField::NotUtf8`].
    pub(super) fn new(frame: &'a [u8]) -> Result<Fields<'a>, BadField> {
        let text = std::str::from_utf8(frame).map_err(|_| BadField::NotUtf8)?;
        Ok(Fields { rest: text.strip_suffix('\0').unwrap_or(text).split('\0'), read: 0 })
    }

    fn next(&mut self) -> Result<(usize, &'a str), BadField> {
        let place = self.read;
        self.read += 1;
        self.rest.next().map(|field| (place, field)).ok_or(BadField::Missing(place))
    }

    pub(super) fn skip(&mut self, count: usize) -> Result<(), BadField> {
        (0..count).try_for_each(|_| self.next().map(drop))
    }

    pub(super) fn text(&mut self) -> Result<Option<String>, BadField> {
        let (_, field) = self.next()?;
        Ok((!field.is_empty()).then(|| field.to_owned()))
    }

    /// The largest value is how clients write a number they did not set.
    pub(super) fn integer(&mut self) -> Result<Option<i32>, BadField> {
        let (place, field) = self.next()?;
        if field.is_empty() {
            return Ok(None);
        }
        let number: i32 = field.parse().map_err(|_| BadField::Integer(place))?;
        Ok((number != i32::MAX).then_some(number))
    }

    /// A count of what follows, which must fit in the frame: more than its fields is an error on reading them.
    pub(super) fn count(&mut self) -> Result<usize, BadField> {
        let place = self.read;
        let count = self.integer()?.unwrap_or_default();
        usize::try_from(count).ok().filter(|&count| count <= u16::MAX.into()).ok_or(BadField::Integer(place))
    }

    pub(super) fn double(&mut self) -> Result<Option<f64>, BadField> {
        let (place, field) = self.next()?;
        if field.is_empty() {
            return Ok(None);
        }
        let number: f64 = field.parse().map_err(|_| BadField::Double(place))?;
        Ok((number != f64::MAX).then_some(number))
    }

    pub(super) fn flag(&mut self) -> Result<Option<bool>, BadField> {
        let (place, field) = self.next()?;
        match field {
            "" => Ok(None),
            "0" | "false" | "False" => Ok(Some(false)),
            "1" | "true" | "True" => Ok(Some(true)),
            _ => Err(BadField::Flag(place)),
        }
    }

    /// The twelve fields of a contract in a request. Zero is how this codec writes a strike that is not set.
    pub(super) fn contract(&mut self) -> Result<Contract, BadField> {
        Ok(Contract {
            con_id: self.integer()?,
            symbol: self.text()?,
            sec_type: self.text()?,
            last_trade_date_or_contract_month: self.text()?,
            strike: self.double()?.filter(|&strike| strike != 0.0),
            right: self.text()?,
            multiplier: self.double()?,
            exchange: self.text()?,
            primary_exch: self.text()?,
            currency: self.text()?,
            local_symbol: self.text()?,
            trading_class: self.text()?,
            ..Contract::default()
        })
    }

    /// The legs of a combination: a count, then eight fields each in an order and four elsewhere.
    pub(super) fn legs(&mut self, fields_each: usize) -> Result<Vec<ComboLeg>, BadField> {
        let count = self.count()?;
        let mut legs = Vec::new();
        for _ in 0..count {
            let (con_id, ratio, action) = (self.integer()?, self.integer()?, self.text()?);
            legs.push(ComboLeg { con_id, ratio, action, exchange: self.text()?, ..ComboLeg::default() });
            self.skip(fields_each - 4)?;
        }
        Ok(legs)
    }

    /// Passes over the legs of a combination: a count, then so many fields each.
    pub(super) fn skip_list(&mut self, fields_each: usize) -> Result<(), BadField> {
        let count = self.count()?;
        self.skip(count * fields_each)
    }
}
