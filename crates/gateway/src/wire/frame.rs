//! How bytes become messages: the opening handshake and length-prefixed frames.
//!
//! In: a byte stream from a client nobody vouches for. Out: version ranges and frame bodies.
//! Invariant: a length prefix reserves no memory, a body must arrive in bounded time, and a frame longer
//! than [`FRAME_MAX`] is refused before its body is read.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// Longest frame body either side may send: 16 MiB - 1, the limit IB's own clients use.
pub const FRAME_MAX: usize = (1 << 24) - 1;
/// Longest handshake a client may send: a version range and a few connect options.
const HANDSHAKE_MAX: usize = 1024;
/// How long a client may take from a frame's first byte to its last, and for the whole handshake.
const PATIENCE: Duration = Duration::from_secs(20);
/// What every client sends first.
const GREETING: &[u8; 4] = b"API\0";

/// Why a connection can no longer be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The peer closed or the socket failed.
    #[error("connection lost: {0}")]
    Lost(#[from] io::Error),
    /// The peer began something and did not finish it.
    #[error("the peer stopped in the middle of a frame for {} s", PATIENCE.as_secs())]
    Stalled,
    /// The peer does not read what it is sent.
    #[error("the peer left more than {0} bytes unread")]
    Unread(usize),
    /// The prefix announces more than is accepted here.
    #[error("a frame of {length} bytes was announced; at most {limit} are accepted here")]
    TooLong {
        /// Announced body length.
        length: usize,
        /// Accepted body length.
        limit: usize,
    },
    /// The first bytes are not the TWS API greeting.
    #[error("the peer does not speak the TWS API: the connection must begin with `API` and a zero byte")]
    NoGreeting,
    /// The handshake carries no version range.
    #[error("`{0}` is not a version range of the form v100..222")]
    NoVersionRange(String),
}

/// The protocol versions a client offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    /// Lowest version it understands.
    pub min: i32,
    /// Highest version it understands.
    pub max: i32,
}

/// Reads the greeting and the version range.
///
/// # Errors
/// [`FrameError`] when the peer is no TWS API client, or too slow to be one.
pub async fn read_handshake(reader: &mut (impl AsyncRead + Unpin)) -> Result<VersionRange, FrameError> {
    let handshake = async {
        let mut greeting = [0; GREETING.len()];
        reader.read_exact(&mut greeting).await?;
        if greeting != *GREETING {
            return Err(FrameError::NoGreeting);
        }
        let length = reader.read_u32().await?;
        let text = read_body(reader, length, HANDSHAKE_MAX).await?;
        version_range(&String::from_utf8_lossy(&text))
    };
    timeout(PATIENCE, handshake).await.map_err(|_| FrameError::Stalled)?
}

/// Reads one frame body; `None` when the peer closed between frames. Waits for its first byte without limit.
///
/// # Errors
/// [`FrameError`]; the stream is unusable afterwards.
pub async fn read_frame(reader: &mut (impl AsyncRead + Unpin)) -> Result<Option<Vec<u8>>, FrameError> {
    let first = match reader.read_u8().await {
        Ok(byte) => byte,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let rest = async {
        let mut prefix = [first, 0, 0, 0];
        reader.read_exact(&mut prefix[1..]).await?;
        read_body(reader, u32::from_be_bytes(prefix), FRAME_MAX).await
    };
    timeout(PATIENCE, rest).await.map_err(|_| FrameError::Stalled)?.map(Some)
}

/// The body grows with what arrives, so that a claimed length costs nothing.
async fn read_body(reader: &mut (impl AsyncRead + Unpin), length: u32, limit: usize) -> Result<Vec<u8>, FrameError> {
    let length = length as usize;
    if length > limit {
        return Err(FrameError::TooLong { length, limit });
    }
    let mut body = Vec::new();
    reader.take(length as u64).read_to_end(&mut body).await?;
    if body.len() < length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(body)
}

/// `v100..222`, optionally followed by a space and connect options.
///
/// # Errors
/// [`FrameError::NoVersionRange`].
pub fn version_range(text: &str) -> Result<VersionRange, FrameError> {
    let range = text.split(' ').next().unwrap_or_default();
    let parsed = range.strip_prefix('v').and_then(|versions| {
        let (min, max) = versions.split_once("..").unwrap_or((versions, versions));
        Some(VersionRange { min: min.parse().ok()?, max: max.parse().ok()? })
    });
    parsed.ok_or_else(|| FrameError::NoVersionRange(text.to_owned()))
}

/// A text frame: fields that end with a zero byte. The handshake's answer has this form under every codec.
pub fn text_frame(fields: &[&str]) -> Vec<u8> {
    let body: Vec<u8> = fields.iter().flat_map(|field| field.bytes().chain([0])).collect();
    with_length(&body)
}

/// Prefixes a body with its length.
pub fn with_length(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("frames we build stay far below FRAME_MAX");
    let mut frame = Vec::with_capacity(4 + body.len());
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(body);
    frame
}
