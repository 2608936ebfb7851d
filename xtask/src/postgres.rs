//! A PostgreSQL server for the tests: its own folder, its own port, an unprivileged user, gone afterwards.

use crate::guarded::{self, Guarded};
use crate::nats::Nats;
use crate::packages::{self, Program};
use crate::process;
use crate::scratch::Scratch;
use anyhow::{Context, Result, bail};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const START_BOUND: Duration = Duration::from_secs(60);

/// A running server. Dropping it stops the server and removes its folder; so does the end of this process.
pub struct Postgres {
    pub url: String,
    _guarded: Guarded,
}

impl Postgres {
    /// Starts one whose data are in `place`, or where temporary files are.
    pub fn start(place: Option<&Path>) -> Result<Self> {
        packages::ensure(&[Program::Postgres])?;
        let bin = Program::Postgres.find().context("PostgreSQL")?;
        let root = process::is_root();
        let folder = guarded::folder("postgres", place)?;
        let password = random_word()?;
        let data = folder.join("data");
        let secret = folder.join("password");
        std::fs::write(&secret, &password)?;
        if root {
            process::run(Command::new("chown").args(["-R", "postgres:postgres"]).arg(&folder))?;
        }

        let mut initdb = unprivileged(root, &bin.join("initdb"));
        initdb
            .arg("--pgdata")
            .arg(&data)
            .args([
                "--username=postgres",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-instructions",
            ])
            .arg("--pwfile")
            .arg(&secret)
            .current_dir(&folder)
            .stdout(Stdio::null());
        process::run(&mut initdb).context("initdb")?;

        let port = guarded::free_port()?;
        let mut server = unprivileged(root, &bin.join("postgres"));
        server.arg("-D").arg(&data).arg("-k").arg(&folder);
        for setting in [
            "listen_addresses=127.0.0.1",
            &format!("port={port}"),
            "max_connections=200",
            "shared_buffers=256MB",
            "wal_level=minimal",
            "max_wal_senders=0",
            "max_wal_size=2GB",
            "checkpoint_timeout=30min",
            "log_min_messages=warning",
        ] {
            server.arg("-c").arg(setting);
        }
        let this = Self {
            url: format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres"),
            _guarded: Guarded::start(&folder, &server).context("PostgreSQL")?,
        };
        wait_until_ready(&bin, port, &folder)?;
        Ok(this)
    }
}

/// Keeps servers until the standard input ends: for running single tests by hand.
pub fn serve() -> Result<()> {
    let scratch = Scratch::new()?;
    let server = Postgres::start(Some(&scratch.folder))?;
    let bus = Nats::start(Some(&scratch.folder))?;
    let temporary = scratch.folder.display();
    println!(
        "export RONDA_TEST_POSTGRES={} RONDA_TEST_NATS={} TMPDIR={temporary}",
        server.url, bus.url
    );
    eprintln!("PostgreSQL and NATS run until this is stopped (Ctrl+D).");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// PostgreSQL refuses to run as root: root becomes the user of Debian's package.
fn unprivileged(root: bool, program: &Path) -> Command {
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"])
        .arg(program);
    command
}

fn random_word() -> Result<String> {
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

fn wait_until_ready(bin: &Path, port: u16, folder: &Path) -> Result<()> {
    let started = Instant::now();
    while started.elapsed() < START_BOUND {
        let ready = Command::new(bin.join("pg_isready"))
            .args(["--quiet", "--host=127.0.0.1", &format!("--port={port}")])
            .status()?;
        if ready.success() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let log = std::fs::read_to_string(folder.join("server.log")).unwrap_or_default();
    bail!("PostgreSQL did not start in {} s:\n{log}", START_BOUND.as_secs());
}
