//! The TWS API on the wire: one table of messages, two codecs.
//!
//! In: bytes. Out: requests a client may make; the other way, answers as frames. Invariant: a field that is
//! absent stays absent (absent and zero differ), and an id belongs to exactly one message type, in both codecs.

#![allow(missing_docs, reason = "fields have the names IB gives them; every message says what it is")]

mod answer;
mod answer_text;
mod codec;
mod frame;
mod line;
mod nested;
mod order_text;
mod reference;
mod request;
mod request_text;

pub use answer::*;
pub use codec::Codec;
pub use frame::{
    FRAME_MAX, FrameError, VersionRange, read_frame, read_handshake, text_frame, version_range, with_length,
};
pub use nested::*;
pub use reference::*;
pub use request::*;

/// Added to a message id, in both directions, where the body is protobuf.
const PROTOBUF: i32 = 200;
/// Bytes of the message id that opens a frame body.
const ID_BYTES: usize = 4;
