//! Every message byte for byte, in both codecs and both directions, against the files of `tests/golden/wire`.
//!
//! Requests are frames that IB's own Python API and ib_async sent (recorded with `tests/compat/relay.py`); answers are
//! samples of every message. `UPDATE_GOLDEN=1` writes the files anew; read the difference before committing it.

use crate::samples::answers;
use gateway::wire::{ANSWER_IDS, Codec, REQUEST_IDS, Request};
use std::collections::BTreeSet;
use std::path::PathBuf;

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/wire").join(name)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().map(|digit| digit.to_digit(16).expect("hexadecimal") as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// Compares with a file, or writes it.
fn hold_against(name: &str, now: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(golden(name), now).expect("the folder of golden files is there");
    }
    let before = std::fs::read_to_string(golden(name)).expect("a golden file");
    let differs = before.lines().zip(now.lines()).find(|(before, now)| before != now);
    assert!(before == now, "{name} differs, first here:\n{differs:#?}\nUPDATE_GOLDEN=1 writes it anew");
}

#[test]
fn every_answer_has_the_bytes_it_had() {
    for codec in [Codec::Protobuf(222), Codec::Text(157), Codec::Text(163), Codec::Text(164), Codec::Text(176)] {
        let mut lines = String::new();
        for (id, name, answer) in answers() {
            lines += &format!("{id} {name}\n{}\n", hex(&answer.frames(codec)));
        }
        let file = match codec {
            Codec::Protobuf(version) => format!("answers-protobuf-{version}.hex"),
            Codec::Text(version) => format!("answers-text-{version}.hex"),
        };
        hold_against(&file, &lines);
    }
    let sampled: BTreeSet<i32> = answers().iter().map(|(id, ..)| *id).collect();
    assert_eq!(sampled, ANSWER_IDS.iter().copied().collect(), "every message has a sample");
}

/// A file of recorded requests: a frame in hexadecimal, then how it is understood.
fn recorded(name: &str, codec: Codec) -> BTreeSet<i32> {
    let text = std::fs::read_to_string(golden(name)).expect("a golden file");
    let frames = text.lines().filter(|line| !line.starts_with(' '));
    let mut lines = String::new();
    let mut ids = BTreeSet::new();
    for frame in frames {
        let body = bytes(frame);
        let request = Request::decode(codec, &body).unwrap_or_else(|error| panic!("{name}: {frame}: {error}"));
        assert!(!matches!(request, Request::Unknown(_)), "{name}: {frame} is not known");
        ids.insert(match codec {
            Codec::Protobuf(_) => i32::from_be_bytes(body[..4].try_into().expect("an id")) - 200,
            Codec::Text(_) => {
                let field = body.split(|&byte| byte == 0).next().expect("a field");
                std::str::from_utf8(field).expect("text").parse().expect("an id")
            }
        });
        lines += &format!("{frame}\n    {request:?}\n");
    }
    hold_against(name, &lines);
    ids
}

#[test]
fn what_real_clients_send_is_understood_as_it_was() {
    let protobuf = recorded("requests-protobuf-222.hex", Codec::Protobuf(222));
    let text = recorded("requests-text-176.hex", Codec::Text(176));
    let known: BTreeSet<i32> = REQUEST_IDS.iter().copied().collect();
    let (protobuf, text): (Vec<_>, Vec<_>) = (known.difference(&protobuf).collect(), known.difference(&text).collect());
    assert_eq!((protobuf, text), (vec![], vec![&105, &106]), "in text there are no milliseconds and no end of details");
}

/// The frames of the oldest version that is announced, and of those between: fields came and went, what is meant did not.
#[test]
fn what_is_meant_does_not_depend_on_the_version_it_is_said_in() {
    let meant = |name: &str| {
        let text = std::fs::read_to_string(golden(name)).expect("a golden file");
        text.lines().filter(|line| line.starts_with(' ')).map(str::to_owned).collect::<Vec<_>>()
    };
    let newest = meant("requests-text-176.hex");
    for version in [157, 163, 164] {
        let name = format!("requests-text-{version}.hex");
        recorded(&name, Codec::Text(version));
        assert_eq!(meant(&name), newest, "{version}");
    }
}
