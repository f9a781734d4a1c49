//! The TWS API on the wire, protobuf codec.
//!
//! In: bytes. Out: requests a client may make; the other way, answers as frames. Invariant: a field that is
//! absent stays absent (absent and zero differ), and an id belongs to exactly one message type.

mod answer;
mod frame;
mod nested;
mod request;

pub use answer::*;
pub use frame::{FrameError, read_frame, read_handshake, text_frame, with_length};
pub use nested::*;
pub use request::*;

/// Added to a message id, in both directions, where the body is protobuf.
const PROTOBUF: i32 = 200;
/// Bytes of the message id that opens a frame body.
const ID_BYTES: usize = 4;
