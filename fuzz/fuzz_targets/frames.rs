//! The handshake and the frames behind it on any bytes.
//!
//! In: what a peer sends from its first byte on. Out: nothing. Invariant: it is frames or an error, never a panic, and
//! never more bytes than were sent.
#![no_main]

use gateway::wire::{read_frame, read_handshake};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|sent: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let mut rest = sent;
        let _ = read_handshake(&mut rest).await;
        let mut rest = sent;
        while let Ok(Some(frame)) = read_frame(&mut rest).await {
            assert!(frame.len() <= sent.len());
        }
    });
});
