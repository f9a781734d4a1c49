//! Peers that mean harm: bytes nobody would send, to both codecs. Bounded memory, no panic, and everybody else is served.
//!
//! The corpus is the requests real clients sent, and the conversations of `fuzz/seeds`; `AF_LONG=1` mutates it a hundred times
//! as often. The same decoders are the targets under `fuzz/`.

use crate::handshake::{frame, greet, is_alive, request, write_frame};
use crate::support::*;
use gateway::wire::{Codec, Request, read_frame, read_handshake, version_range};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const CODECS: [(Codec, &str, &str); 2] = [
    (Codec::Protobuf(222), "v213..226", "requests-protobuf-222.hex"),
    (Codec::Text(176), "v157..178", "requests-text-176.hex"),
];

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("hexadecimal") as u8;
    hex.trim().as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(repository("tests/golden/wire").join(name)).expect("a golden file");
    text.lines().filter(|line| !line.starts_with(' ')).map(bytes).collect()
}

/// What the target `frames` starts from, and what it has found.
fn conversations() -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(repository("fuzz/seeds/frames")).expect("the seeds are there");
    let seed = |file: std::io::Result<std::fs::DirEntry>| {
        let path = file.expect("a file").path();
        (path.display().to_string(), bytes(&std::fs::read_to_string(&path).expect("a seed")))
    };
    files.map(seed).collect()
}

fn rounds(short: u64) -> u64 {
    if std::env::var_os("AF_LONG").is_some() { 100 * short } else { short }
}

/// Numbers that are not what they should be, a place and a way.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

/// A frame with something cut off, doubled, overwritten or replaced by a number nobody expects.
fn mutated(frame: &[u8], chance: &mut Chance) -> Vec<u8> {
    const NUMBERS: [&str; 8] =
        ["-1", "2147483647", "-2147483648", "99999999999999999999", "1e308", "NaN", "-0.0", "\u{1F4A3}"];
    let mut bytes = frame.to_vec();
    for _ in 0..=chance.below(3) {
        let place = chance.below(bytes.len());
        match chance.below(5) {
            0 => bytes.truncate(place),
            1 => bytes.extend_from_within(place..),
            2 => bytes[place..].iter_mut().take(1).for_each(|byte| *byte ^= 1 << (place % 8)),
            3 => bytes[place..].iter_mut().take(9).for_each(|byte| *byte = 0xff),
            _ => {
                let number = NUMBERS[chance.below(NUMBERS.len())].bytes();
                bytes.splice(place..(place + 1).min(bytes.len()), number);
            }
        }
    }
    bytes
}

#[tokio::test]
async fn mutations_of_real_requests_harm_nobody() {
    for (codec, offer, file) in CODECS {
        let gateway = gateway_at(MORNING).await;
        let corpus = corpus(file);
        let start = corpus[0].clone();
        let mut chance = Chance(20_260_302);
        for round in 0..rounds(6) {
            let mut stream = greet(&gateway, offer).await;
            frame(&mut stream).await.expect("a version");
            write_frame(&mut stream, &start).await;
            for _ in 0..50 {
                let bytes = mutated(&corpus[chance.below(corpus.len())], &mut chance);
                write_frame(&mut stream, &bytes).await;
            }
            fence(&mut stream, codec)
                .await
                .unwrap_or_else(|| panic!("{codec:?}: the session of round {round} is lost"));
        }
        is_alive(&gateway).await;
    }
}

/// Reads until the time that was asked for last arrives.
async fn fence(stream: &mut TcpStream, codec: Codec) -> Option<()> {
    let mark: &[u8] = match codec {
        Codec::Protobuf(_) => &249_i32.to_be_bytes(),
        Codec::Text(_) => b"49\0",
    };
    match codec {
        Codec::Protobuf(_) => request(stream, 49, &[]).await,
        Codec::Text(_) => write_frame(stream, b"49\x001\0").await,
    }
    while !frame(stream).await?.starts_with(mark) {}
    Some(())
}

#[tokio::test]
async fn announced_lengths_and_slow_drips_cost_nothing() {
    let gateway = gateway_at(MORNING).await;
    let before = resident();
    let mut held = Vec::new();
    for client in 0..25_u8 {
        let mut stream = greet(&gateway, "v213..226").await;
        frame(&mut stream).await.expect("a version");
        request(&mut stream, 71, &[0x08, 100 + client]).await;
        for _ in 0..5 {
            frame(&mut stream).await.expect("a greeting");
        }
        // 16 MiB less a byte are announced, one byte of it comes now and then.
        stream.write_all(&[0x00, 0xff, 0xff, 0xff, 1]).await.expect("written");
        held.push(stream);
    }
    for _ in 0..5 {
        for stream in &mut held {
            stream.write_all(&[2]).await.expect("it waits");
        }
        let started = Instant::now();
        is_alive(&gateway).await;
        assert!(started.elapsed() < Duration::from_secs(2), "others are served meanwhile");
    }
    assert!(resident().saturating_sub(before) < 64 << 20, "400 MiB were announced and {} grew", resident() - before);
}

/// Bytes of this process in memory; zero where the system does not say.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or_default() * 1024
}

/// What the target `frames` does with what a peer sends.
async fn understood(sent: &[u8]) -> (bool, usize) {
    let mut rest = sent;
    let greeted = read_handshake(&mut rest).await.is_ok();
    let mut rest = sent;
    let mut frames = 0;
    while let Ok(Some(frame)) = read_frame(&mut rest).await {
        assert!(frame.len() <= sent.len());
        for (codec, ..) in CODECS {
            let _ = Request::decode(codec, &frame);
        }
        frames += 1;
    }
    (greeted, frames)
}

#[tokio::test]
async fn the_corpus_of_the_frames_is_read_or_refused_and_so_is_what_is_near_it() {
    let (seeds, mut chance) = (conversations(), Chance(1));
    for (name, sent) in &seeds {
        let (greeted, frames) = understood(sent).await;
        let is = |kind: &str| name.contains(kind);
        // A range that ends before it begins is one of a client that is too old, and is told so.
        let read =
            ["protobuf", "text", "with_options", "range_reversed"].iter().any(|it| is(&format!("/handshake_{it}")));
        assert_eq!(greeted, read, "{name}");
        assert_eq!(frames > 2, is("in_a_row"), "{name}: {frames} frames");
        for _ in 0..rounds(20) {
            understood(&mutated(sent, &mut chance)).await;
        }
    }
    // And a server that is told each of them goes on to serve.
    let gateway = gateway_at(MORNING).await;
    for (name, sent) in &seeds {
        let mut stream = TcpStream::connect(gateway.local_addr()).await.expect("it listens");
        stream.write_all(sent).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    is_alive(&gateway).await;
}

#[test]
fn every_target_has_a_corpus_that_some_test_replays() {
    let files = std::fs::read_dir(repository("fuzz/fuzz_targets")).expect("the targets are there");
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("a name"));
    let names: BTreeSet<String> = names.collect();
    // The first here, the last in `feeds/tests/telegram.rs`, the two between here and in `golden.rs`.
    let replayed = ["frames.rs", "protobuf_request.rs", "text_request.rs", "telegram_updates.rs"];
    assert_eq!(names, replayed.map(str::to_owned).into());
}

proptest! {
    #[test]
    fn any_bytes_are_a_request_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for (codec, ..) in CODECS {
            let _ = Request::decode(codec, &bytes);
        }
    }

    #[test]
    fn any_fields_are_a_request_or_refused(id in 0..110_i32, fields in proptest::collection::vec("[-0-9a-z.]{0,12}", 0..150)) {
        let line = fields.iter().fold(format!("{id}\0"), |line, field| line + field + "\0");
        let _ = Request::decode(Codec::Text(176), line.as_bytes());
    }

    #[test]
    fn any_text_is_a_version_range_or_refused(text in "\\PC{0,40}") {
        let _ = version_range(&text);
    }

    #[test]
    fn any_bytes_are_frames_or_the_end(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut rest = bytes.as_slice();
            let mut read = 0;
            while let Ok(Some(frame)) = read_frame(&mut rest).await {
                read += 4 + frame.len();
            }
            prop_assert!(read <= bytes.len());
            Ok(())
        })?;
    }
}
