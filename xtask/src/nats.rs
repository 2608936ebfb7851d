//! A NATS server for the tests of several nodes.

use crate::guarded::{self, Guarded};
use crate::packages::{self, Program};
use anyhow::{Context, Result, bail};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const START_BOUND: Duration = Duration::from_secs(20);

/// A running server, on this machine only. It ends with this value.
pub struct Nats {
    pub url: String,
    _guarded: Guarded,
}

impl Nats {
    pub fn start(place: Option<&Path>) -> Result<Self> {
        packages::ensure(&[Program::Nats])?;
        let program = Program::Nats.find().context("NATS")?;
        let folder = guarded::folder("nats", place)?;
        let port = guarded::free_port()?;
        let mut server = Command::new(program);
        server.args(["--addr", "127.0.0.1", "--port", &port.to_string()]);
        let this = Self {
            url: format!("nats://127.0.0.1:{port}"),
            _guarded: Guarded::start(&folder, &server).context("NATS")?,
        };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if started.elapsed() > START_BOUND {
                let log = std::fs::read_to_string(folder.join("server.log")).unwrap_or_default();
                bail!("NATS did not start in {} s:\n{log}", START_BOUND.as_secs());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(this)
    }
}
