//! The gateway's process and its control, from outside.
//!
//! In: the program and a world. Out: time that moves when it is told to, and a record on the disk. Invariant: the process
//! lives on while engines die, and ends with the value that holds it.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running gateway and a connection to its control.
#[derive(Debug)]
pub struct GatewayProcess {
    child: Child,
    control: BufReader<TcpStream>,
    /// Where clients connect.
    pub api: String,
    /// Where time is moved.
    pub control_address: String,
    /// Where statements are fetched, when it serves them.
    pub statements: Option<String>,
}

impl GatewayProcess {
    /// Starts the program's gateway on free ports with these options, in a folder.
    ///
    /// # Errors
    /// When it does not start or does not say where it listens.
    pub fn start(program: &Path, folder: &Path, options: &[String]) -> Result<GatewayProcess> {
        let mut child = Command::new(program)
            .args(["gateway", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"])
            .args(options)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.join("gateway.err"))?)
            .spawn()?;
        let mut said = String::new();
        BufReader::new(child.stdout.take().context("its output")?).read_line(&mut said)?;
        let addresses = said.strip_prefix("simulated IB Gateway on ").and_then(|rest| rest.split_once(", control on "));
        let Some((api, rest)) = addresses else {
            let _ = child.wait();
            bail!("the gateway said `{said}` and {}", std::fs::read_to_string(folder.join("gateway.err"))?);
        };
        let control_address = rest.split([';', ',']).next().unwrap_or_default().to_owned();
        let statements = rest.split_once("statements on ").map(|(_, rest)| rest.split(';').next().unwrap_or_default());
        let statements = statements.map(str::to_owned);
        let stream = TcpStream::connect(&control_address)?;
        stream.set_nodelay(true)?;
        let (control, api) = (BufReader::new(stream), api.to_owned());
        Ok(GatewayProcess { child, control, api, control_address, statements })
    }

    fn ask(&mut self, request: &Value) -> Result<Value> {
        self.control.get_mut().write_all(format!("{request}\n").as_bytes())?;
        let mut line = String::new();
        self.control.read_line(&mut line)?;
        let answer: Value = serde_json::from_str(&line).with_context(|| format!("the control said `{line}`"))?;
        match answer.get("error") {
            Some(error) => bail!("the control declines {request}: {error}"),
            None => Ok(answer),
        }
    }

    /// Virtual time, as text of a fixed width that sorts by time.
    ///
    /// # Errors
    /// When the control is gone.
    pub fn now(&mut self) -> Result<String> {
        let clock = self.ask(&json!({ "do": "clock" }))?;
        Ok(clock["now"].as_str().context("a time")?.to_owned())
    }

    /// Moves time to an instant, if it is not there yet.
    ///
    /// # Errors
    /// When the control is gone or declines.
    pub fn advance_to(&mut self, to: &str) -> Result<()> {
        if self.now()?.as_str() < to {
            self.ask(&json!({ "do": "advance_to", "to": to }))?;
        }
        Ok(())
    }

    /// Has the account written into the record.
    ///
    /// # Errors
    /// When the control is gone.
    pub fn note_account(&mut self) -> Result<()> {
        self.ask(&json!({ "do": "note_account" })).map(drop)
    }
}

impl GatewayProcess {
    /// Ends the process.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for GatewayProcess {
    fn drop(&mut self) {
        self.stop();
    }
}
