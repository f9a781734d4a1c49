//! `dashboard`: the account in a browser.
//!
//! In: a state folder, an address. Out: pages until Ctrl-C; or the hash of a password. Invariant: works beside a running
//! engine and without one; a password is read from standard input and never printed.

use super::show;
use crate::cli::{DashboardArgs, Global, ListenArgs};
use crate::dashboard::{JournalDesk, open};
use crate::failure::Failure;
use argon2::Argon2;
use argon2::password_hash::PasswordHasher;
use std::io::{IsTerminal, Read};
use std::net::SocketAddr;
use std::path::Path;

/// Shorter ones are guessed.
const PASSWORD_MIN: usize = 12;
/// Longer ones are not typed.
const PASSWORD_MAX: usize = 200;

pub async fn dashboard(global: &Global, args: &DashboardArgs) -> Result<(), Failure> {
    if let Some(file) = &args.new_password {
        return new_password(file);
    }
    let address = serve(global, &args.listen, args.gateway).await?;
    show(format!("dashboard: http://{address}/ (Ctrl-C ends it)\n"))?;
    until_told().await
}

/// Opens a dashboard beside whatever else this process does.
pub(super) async fn serve(
    global: &Global,
    args: &ListenArgs,
    gateway: Option<SocketAddr>,
) -> Result<SocketAddr, Failure> {
    let desk = JournalDesk::new(global.clone(), gateway);
    open(desk, args.listen, args.password_file.as_deref(), &args.hosts).await
}

/// Waits for Ctrl-C, or for the system to ask for the end.
pub(super) async fn until_told() -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Usage(format!("cannot wait for Ctrl-C: {error}"));
    let mut asked = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).map_err(failed)?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed.map_err(failed),
        _ = asked.recv() => Ok(()),
    }
}

/// One line, which a terminal does not show; from elsewhere, all there is.
fn read_password() -> std::io::Result<String> {
    let input = std::io::stdin();
    if input.is_terminal() {
        return rpassword::prompt_password(format!(
            "New password of the dashboard, {PASSWORD_MIN} to {PASSWORD_MAX} bytes, not shown: "
        ));
    }
    let mut typed = String::new();
    input.take(4 * PASSWORD_MAX as u64).read_to_string(&mut typed).map(|_| typed)
}

fn new_password(file: &Path) -> Result<(), Failure> {
    let typed = read_password().map_err(|error| Failure::Usage(format!("no password on standard input: {error}")))?;
    let password = typed.trim_end_matches(['\r', '\n']);
    if !(PASSWORD_MIN..=PASSWORD_MAX).contains(&password.len()) {
        return Err(Failure::Usage(format!(
            "a password has {PASSWORD_MIN} to {PASSWORD_MAX} bytes, this one has {}; type another",
            password.len()
        )));
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    let hash = hash.map_err(|error| Failure::Usage(format!("the password cannot be hashed: {error}")))?;
    write_private(file, &format!("{hash}\n")).map_err(|error| {
        Failure::Usage(format!("cannot write {}: {error}; a password file is never written over", file.display()))
    })?;
    show(format!("{} holds the hash; name it with --password-file\n", file.display()))
}

/// A new file that only its owner reads.
fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(text.as_bytes())
}
