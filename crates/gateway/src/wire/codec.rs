//! Which of the two codecs a connection speaks, and under which server version.
//!
//! In: the versions a client offers. Out: the codec, or nothing for a client older than both. Invariant: the version
//! announced is one the client offered to understand, as far as this gateway has it; the mixed versions between the
//! two codecs are never announced.

use super::VersionRange;

/// Server versions at which every message is protobuf.
const PROTOBUF: std::ops::RangeInclusive<i32> = 213..=222;
/// Server versions at which every message is text.
const TEXT: std::ops::RangeInclusive<i32> = 157..=176;

/// The codec of a connection with its server version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Length, binary id, protobuf body.
    Protobuf(i32),
    /// Length, then fields that end with a zero byte, the first of them the id.
    Text(i32),
}

impl Codec {
    /// What a real gateway of this age answers: protobuf when the client's highest version has it, else text. A client
    /// that offers more than either is announced the highest of the codec it can read.
    pub fn negotiate(offered: VersionRange) -> Option<Codec> {
        let version = |served: &std::ops::RangeInclusive<i32>| {
            Some(offered.max.min(*served.end())).filter(|version| served.contains(version))
        };
        if offered.max >= *PROTOBUF.start() {
            return version(&PROTOBUF).map(Codec::Protobuf);
        }
        version(&TEXT).map(Codec::Text)
    }

    /// The server version.
    pub fn version(self) -> i32 {
        match self {
            Codec::Protobuf(version) | Codec::Text(version) => version,
        }
    }

    /// The lowest version a client must offer.
    pub fn floor() -> i32 {
        *TEXT.start()
    }
}
