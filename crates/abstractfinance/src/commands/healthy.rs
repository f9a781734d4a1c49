//! `healthy`: whether a process of ours answers, for containers that hold no other program.
//!
//! In: an address. Out: exit code 0 or 3. Invariant: asks `/health` and nothing else, and waits no longer than three
//! seconds.

use super::show;
use crate::failure::Failure;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(3);

pub fn healthy(address: SocketAddr) -> Result<(), Failure> {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET /health HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
        let mut answer = String::new();
        stream.take(4096).read_to_string(&mut answer)?;
        Ok(answer)
    };
    let said = ask().map_err(|error| Failure::Broker(format!("{address} does not answer: {error}")))?;
    match said.split(' ').nth(1) {
        Some("200") => show("alive\n"),
        _ => Err(Failure::Broker(format!("{address} answers, and not that it is alive"))),
    }
}
