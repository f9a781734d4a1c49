//! The protobuf codec of the gateway on any bytes.
//!
//! In: a frame body. Out: nothing. Invariant: it is a request or a refusal, and never a panic.
#![no_main]

use gateway::wire::{Codec, Request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|frame: &[u8]| {
    let _ = Request::decode(Codec::Protobuf(222), frame);
});
