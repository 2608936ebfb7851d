//! B10: what the release binary weighs: its file, the time until it answers, its memory when it has nothing to do.
//!
//! Needs `target/release/ronda` (`make release`). The data are an empty folder.

use anyhow::{Context, Result, bail};
use ronda_bench::place::data_folder;
use ronda_bench::{Goal, figure, median, resident, spread};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const STARTS: usize = 5;
const IDLE: Duration = Duration::from_secs(30);
const BOUND: Duration = Duration::from_secs(20);
const MIB: f64 = 1024.0 * 1024.0;

/// The server; killed when dropped.
struct Server {
    process: Child,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts the binary on an empty folder; the milliseconds until it was ready.
fn start(binary: &Path) -> Result<(Server, f64)> {
    let folder = tempfile::tempdir_in(data_folder()?)?;
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let started = Instant::now();
    let process = Command::new(binary)
        .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("{}: build it with `make release`", binary.display()))?;
    let server = Server {
        process,
        _folder: folder,
    };
    while started.elapsed() < BOUND {
        if ready(port).unwrap_or(false) {
            return Ok((server, started.elapsed().as_secs_f64() * 1000.0));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    bail!("the server was not ready in {} s", BOUND.as_secs())
}

fn ready(port: u16) -> Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}

fn main() -> Result<()> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let binary = target.join("release/ronda");
    #[expect(clippy::cast_precision_loss, reason = "sizes of files")]
    let size = std::fs::metadata(&binary).context("make release")?.len() as f64;
    figure("B10", "size of the binary", size / 1e6, "MB", Goal::AtMost(45.0), "");
    let mut times = Vec::new();
    let mut last = None;
    for _ in 0..STARTS {
        drop(last.take());
        let (server, time) = start(&binary)?;
        times.push(time);
        last = Some(server);
    }
    figure(
        "B10",
        "ready after",
        median(&times),
        "ms",
        Goal::AtMost(1_000.0),
        &format!("{} ms, migrations of an empty folder included", spread(&times)),
    );
    let server = last.context("a server")?;
    std::thread::sleep(IDLE);
    #[expect(clippy::cast_precision_loss, reason = "bytes of memory")]
    let memory = resident(server.process.id())? as f64 / MIB;
    figure(
        "B10",
        "resident when idle",
        memory,
        "MiB",
        Goal::AtMost(60.0),
        "after 30 s",
    );
    Ok(())
}
