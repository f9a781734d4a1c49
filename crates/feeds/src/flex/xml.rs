//! XML as a tree, read with suspicion.
//!
//! In: a text. Out: elements with their attributes. Invariant: the text is one whole element, every entity is one of the
//! five that XML knows, there is no document type, and nothing is nested deeper than [`DEPTH_MAX`].

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use std::collections::BTreeMap;

/// A statement has five levels.
const DEPTH_MAX: usize = 12;

/// An element with what is in it.
#[derive(Debug, Default)]
pub(crate) struct Element {
    pub name: String,
    pub attributes: BTreeMap<String, String>,
    pub children: Vec<Element>,
    /// All text directly in it, without white space around it.
    pub text: String,
}

impl Element {
    /// The first child of a name.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of a child, when it is there and says something.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str()).filter(|text| !text.is_empty())
    }

    /// An attribute, when it is there and says something.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

/// Reads one whole document.
///
/// # Errors
/// A sentence about what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Element> = Vec::new();
    let mut whole: Option<Element> = None;
    loop {
        let event = reader.read_event().map_err(|error| format!("no XML: {error}"))?;
        match event {
            Event::Start(start) if whole.is_some() => return Err(format!("a second document <{}>", name(&start)?)),
            Event::Start(_) if open.len() == DEPTH_MAX => return Err(format!("more than {DEPTH_MAX} levels")),
            Event::Start(start) => open.push(element(&start)?),
            Event::End(_) => {
                let mut done = open.pop().ok_or("an end without a start")?;
                done.text = done.text.trim().to_owned();
                match open.last_mut() {
                    Some(parent) => parent.children.push(done),
                    None => whole = Some(done),
                }
            }
            Event::Text(text) => say(&mut open, &text.xml_content().map_err(|error| error.to_string())?),
            Event::CData(text) => say(&mut open, &text.xml_content().map_err(|error| error.to_string())?),
            Event::GeneralRef(reference) => say(&mut open, &character(&reference)?.to_string()),
            Event::DocType(_) => return Err("a document type, which no statement has".to_owned()),
            Event::Empty(_) => unreachable!("empty elements are expanded"),
            Event::Eof => break,
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
    match (open.last(), whole) {
        (Some(unfinished), _) => Err(format!("cut off within <{}>", unfinished.name)),
        (None, Some(whole)) => Ok(whole),
        (None, None) => Err("empty".to_owned()),
    }
}

fn say(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn name(start: &BytesStart<'_>) -> Result<String, String> {
    let name = std::str::from_utf8(start.name().0).map_err(|error| error.to_string())?;
    Ok(name.to_owned())
}

fn element(start: &BytesStart<'_>) -> Result<Element, String> {
    let mut element = Element { name: name(start)?, ..Element::default() };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| format!("in <{}>: {error}", element.name))?;
        let key = std::str::from_utf8(attribute.key.0).map_err(|error| error.to_string())?;
        let value = attribute.unescape_value().map_err(|error| format!("in <{} {key}>: {error}", element.name))?;
        element.attributes.insert(key.to_owned(), value.into_owned());
    }
    Ok(element)
}

fn character(reference: &BytesRef<'_>) -> Result<char, String> {
    if let Some(character) = reference.resolve_char_ref().map_err(|error| error.to_string())? {
        return Ok(character);
    }
    let name = reference.decode().map_err(|error| error.to_string())?;
    let known = [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\'')];
    let found = known.iter().find(|(entity, _)| *entity == name).map(|(_, character)| *character);
    found.ok_or_else(|| format!("the entity &{name};, which XML does not know"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_one_whole_document_is_refused() {
        let refused = |text: &str| parse(text).unwrap_err();
        insta::assert_snapshot!(refused("<a><b x='1'/><c"), @"no XML: syntax error: tag not closed: `>` not found before end of input");
        insta::assert_snapshot!(refused("<a><b x='1'/>"), @"cut off within <a>");
        insta::assert_snapshot!(refused("<a></a><b></b>"), @"a second document <b>");
        insta::assert_snapshot!(refused(""), @"empty");
        insta::assert_snapshot!(refused(&"<a>".repeat(13)), @"more than 12 levels");
        let bomb = "<!DOCTYPE a [<!ENTITY lol \"lollollol\">]><a>&lol;</a>";
        insta::assert_snapshot!(refused(bomb), @"a document type, which no statement has");
        insta::assert_snapshot!(refused("<a>&lol;</a>"), @"the entity &lol;, which XML does not know");
        assert!(parse("<a b='&lol;'/>").unwrap_err().contains("lol"));
        let read = parse("<a b='S&amp;P'>x &lt; y<c/></a>").unwrap();
        assert_eq!((read.attribute("b"), read.text.as_str(), read.children.len()), (Some("S&P"), "x < y", 1));
    }
}
