//! FNV-1a, 64 bit: a checksum against accidents, and a stable number for a name.
//!
//! In: bytes. Out: a number that is the same on every machine and in every version. Invariant: never used
//! against people.

/// Where a fresh checksum begins.
pub(crate) const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

/// The checksum of what came before, followed by these bytes.
pub(crate) fn checksum(before: u64, bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(before, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
