//! A real PostgreSQL server of a test's own: initdb and postgres on a free loopback port, in a temporary folder.
//! In: the programs of an installed PostgreSQL. Out: databases with a password, and a server that can be killed.
//! Invariant: the server ends and its folder goes when the test process ends, however it ends. Without an installed
//! PostgreSQL a test says that it is skipped; with `AF_NEED_POSTGRES=1`, as in our pipeline, it fails.
#![allow(clippy::disallowed_methods, reason = "runs a server")]

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use journal::Place;
use sqlx::{AnyConnection, Connection};

const PASSWORD: &str = "p&ss w?rd%";
const PASSWORD_ESCAPED: &str = "p%26ss%20w%3Frd%25";
/// The user and group `nobody` of Debian and most others; PostgreSQL refuses to run as root.
const NOBODY: u32 = 65_534;
const START: Duration = Duration::from_secs(60);

/// A running server.
pub struct PostgresServer {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    as_nobody: bool,
    // Children that end, and end the server, when their standard input is closed: when this process is gone.
    _guards: Vec<Child>,
}

/// The server that all stories of a test program share; `None` where no PostgreSQL is installed.
pub fn shared() -> Option<&'static PostgresServer> {
    static SHARED: OnceLock<Option<PostgresServer>> = OnceLock::new();
    SHARED.get_or_init(PostgresServer::start).as_ref()
}

impl PostgresServer {
    /// Starts a server of its own; `None`, said aloud, where no PostgreSQL is installed.
    pub fn start() -> Option<PostgresServer> {
        let Some(programs) = programs() else {
            assert!(std::env::var_os("AF_NEED_POSTGRES").is_none(), "AF_NEED_POSTGRES is set and there is no initdb");
            eprintln!("skipped: stories on PostgreSQL (no initdb on the PATH or under /usr/lib/postgresql)");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("journal-postgres-").tempdir().unwrap().keep();
        let as_nobody = fs::metadata(&folder).unwrap().uid() == 0;
        fs::write(folder.join("password"), PASSWORD).unwrap();
        if as_nobody {
            fs::set_permissions(folder.join("password"), fs::Permissions::from_mode(0o644)).unwrap();
            chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut server = PostgresServer { programs, folder, port, as_nobody, _guards: Vec::new() };
        server.guard("cat >/dev/null; while [ -e data/postmaster.pid ] && [ $((tries+=1)) -lt 50 ]; do sleep 0.1; done; rm -rf \"$PWD\"");
        let initdb = server
            .command("initdb")
            .args(["-D", "data", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"])
            .args(["-A", "scram-sha-256", "--pwfile=password"])
            .output()
            .unwrap();
        assert!(initdb.status.success(), "initdb: {}", String::from_utf8_lossy(&initdb.stderr));
        server.run();
        Some(server)
    }

    /// Starts the server on its data, after `start` or `kill`.
    pub fn run(&mut self) {
        let deadline = Instant::now() + START;
        while !self.answers() {
            assert!(Instant::now() < deadline, "{}", fs::read_to_string(self.folder.join("log")).unwrap());
            // A server that was killed leaves processes that end a moment later; until then the next one gives up.
            if !self.alive() {
                let postgres = self.programs.join("postgres");
                self.guard(&format!(
                    "'{}' -D data -p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
                     -c shared_buffers=16MB >>log 2>&1 & cat >/dev/null; kill -INT $! 2>/dev/null",
                    postgres.display(),
                    self.port
                ));
                std::thread::sleep(Duration::from_millis(300));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends the server as `kill -9` does, with whatever it was doing.
    pub fn kill(&self) {
        let id = self.id().expect("a running server");
        assert!(Command::new("kill").args(["-9", &id]).status().unwrap().success());
        while self.alive() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Stops every process of the server, as a host or network that hangs does, or lets it go on.
    pub fn hang(&self, hangs: bool) {
        let id = self.id().expect("a running server");
        let children = Command::new("pgrep").args(["-P", &id]).output().unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        let signal = if hangs { "-STOP" } else { "-CONT" };
        assert!(
            Command::new("kill").arg(signal).arg(&id).args(children.split_whitespace()).status().unwrap().success()
        );
    }

    /// A new empty database.
    pub async fn database(&self) -> PostgresDatabase {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("story_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        execute(&self.url("postgres"), &format!("CREATE DATABASE {name}")).await;
        let place = Place::server(&format!("postgres://postgres@127.0.0.1:{}/{name}", self.port), Some(PASSWORD));
        PostgresDatabase { place: place.unwrap(), url: self.url(&name) }
    }

    /// Where the password is, for a program that reads it itself.
    pub fn password_file(&self) -> PathBuf {
        self.folder.join("password")
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres:{PASSWORD_ESCAPED}@127.0.0.1:{}/{database}", self.port)
    }

    fn answers(&self) -> bool {
        let ready = self.command("pg_isready").args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]).status();
        self.alive() && ready.unwrap().success()
    }

    fn alive(&self) -> bool {
        let id = self.id();
        id.is_some_and(|id| {
            let state = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            !state.is_empty() && !state.contains(") Z ")
        })
    }

    fn id(&self) -> Option<String> {
        let file = fs::read_to_string(self.folder.join("data/postmaster.pid")).ok()?;
        file.lines().next().map(str::to_owned)
    }

    fn guard(&mut self, script: &str) {
        let mut shell = Command::new("sh");
        self.unprivileged(shell.args(["-c", script]));
        self._guards.push(shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        self.unprivileged(&mut command);
        command
    }

    fn unprivileged(&self, command: &mut Command) {
        command.current_dir(&self.folder).env_remove("PGHOST").env("LC_ALL", "C");
        if self.as_nobody {
            command.uid(NOBODY).gid(NOBODY);
        }
    }
}

/// One database of a server.
pub struct PostgresDatabase {
    pub place: Place,
    pub url: String,
}

/// Runs one statement on a database as a foreign program would.
pub async fn execute(url: &str, statement: &str) {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    sqlx::query(sqlx::AssertSqlSafe(statement.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
    connection.close().await.expect("closes");
}

/// The folder of initdb and postgres: on the PATH, of a Debian package, or where pg_config says.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    match fs::read_dir("/usr/lib/postgresql") {
        Ok(versions) => folders.extend(versions.map(|version| version.unwrap().path().join("bin"))),
        Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound),
    }
    if let Ok(told) = Command::new("pg_config").arg("--bindir").output() {
        folders.push(PathBuf::from(String::from_utf8_lossy(&told.stdout).trim()));
    }
    let whole = |folder: &&PathBuf| ["initdb", "postgres", "pg_isready"].iter().all(|name| folder.join(name).exists());
    folders.iter().find(whole).map(|folder| resolved(folder))
}

/// postgres finds its files from where it really is.
fn resolved(folder: &Path) -> PathBuf {
    let postgres = folder.join("postgres").canonicalize().unwrap();
    postgres.parent().unwrap().to_owned()
}
