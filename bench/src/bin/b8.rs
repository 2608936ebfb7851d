//! B8: 5,000 agents with their sockets open, against bytes written raw to as many sockets.
//!
//! The server stands in a process of its own (this program, started again), so that its memory and CPU time can be read.
//! Memory: how much more it has with the sockets than without, divided by them. Fan-out: customers write in
//! conversations that wait, which everybody sees; frames delivered a second of the server's CPU time, against a process
//! that writes the same number of frames of the same length to as many sockets.

use anyhow::{Context as _, Result, bail, ensure};
use ronda_bench::stage::{self, Stage};
use ronda_bench::{Goal, figure, median, resident, spread};
use ronda_storage::Engine;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const AGENTS: usize = 5_000;
/// Customers' messages of a round; each is two events, and so two frames for everybody.
const MESSAGES: u64 = 100;
const ROUNDS: usize = 3;
const REST: Duration = Duration::from_secs(3);
/// Everybody is told of everybody who comes: 5,000 × 5,000 frames before it is quiet.
const PATIENCE: Duration = Duration::from_secs(240);
/// Between two looks at what arrived.
const LOOK: Duration = Duration::from_millis(100);
/// Bytes that pings bring between two looks, with room: 5,000 sockets, 80 bytes in 15 seconds each.
const PINGS: u64 = 20_000;
/// Ticks of `/proc/<pid>/stat` a second: fixed by Linux for programs.
const TICKS: f64 = 100.0;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match std::env::args().nth(1).as_deref() {
        Some("server") => runtime.block_on(server()),
        Some("raw") => runtime.block_on(raw()),
        _ => runtime.block_on(measure()),
    }
}

/// The server: says its address and the tokens of its agents, and ends with its input.
async fn server() -> Result<()> {
    let stage = Stage::open(Engine::Sqlite, AGENTS, false).await?;
    println!("{}", stage.address);
    for (_, token) in &stage.agents {
        println!("{token}");
    }
    println!();
    wait_for_end().await;
    stage.close().await
}

/// The reference: accepts sockets, and writes a frame to each of them as often as a line of its input says.
async fn raw() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let mut sockets = Vec::new();
    while sockets.len() < AGENTS {
        sockets.push(listener.accept().await?.0);
    }
    println!("ready");
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(tokio::io::stdin()));
    while let Some(line) = lines.next_line().await? {
        let (frames, length) = line.split_once(' ').context("frames and their length")?;
        let (frames, frame): (usize, Arc<Vec<u8>>) = (frames.parse()?, Arc::new(vec![b'x'; length.parse()?]));
        // As many writers as the server has threads.
        let mut writers = Vec::new();
        let half = sockets.len() / 2;
        let second = sockets.split_off(half);
        for mut part in [std::mem::take(&mut sockets), second] {
            let frame = frame.clone();
            writers.push(tokio::spawn(async move {
                for _ in 0..frames {
                    for socket in &mut part {
                        socket.write_all(&frame).await?;
                    }
                }
                anyhow::Ok(part)
            }));
        }
        for writer in writers {
            sockets.append(&mut writer.await??);
        }
        println!("done");
    }
    Ok(())
}

async fn wait_for_end() {
    let mut rest = Vec::new();
    let _ = tokio::io::stdin().read_to_end(&mut rest).await;
}

/// A process of this program, stopped when dropped.
struct Other {
    process: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Other {
    fn start(role: &str) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg(role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = process.stdout.take().context("its output")?;
        Ok(Self {
            process,
            lines: BufReader::new(out).lines(),
        })
    }

    fn line(&mut self) -> Result<String> {
        self.lines
            .next()
            .context("the other process ended")?
            .map_err(Into::into)
    }

    /// Seconds of CPU it has used.
    fn cpu(&self) -> Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let (_, rest) = stat.rsplit_once(')').context("a name in brackets")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok(ticks / TICKS)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        for _ in 0..50 {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn measure() -> Result<()> {
    let mut server = Other::start("server")?;
    let address = server.line()?;
    let mut tokens = Vec::new();
    loop {
        match server.line()? {
            token if token.is_empty() => break,
            token => tokens.push(token),
        }
    }
    let bytes = Arc::new(AtomicU64::new(0));
    let before = resident(server.process.id())?;
    let mut readers = Vec::new();
    for token in &tokens {
        let mut socket = TcpStream::connect(&address).await?;
        upgrade(&mut socket, &address, token).await?;
        readers.push(tokio::spawn(count(socket, bytes.clone())));
    }
    quiet(&bytes).await?;
    tokio::time::sleep(REST).await;
    let after = resident(server.process.id())?;
    let each = (after.saturating_sub(before)) as f64 / tokens.len() as f64 / 1_024.0;
    figure(
        "B8",
        "resident memory of a connection",
        each,
        "KiB",
        Goal::AtMost(12.0),
        &format!("{} sockets of as many agents", tokens.len()),
    );

    // One round to make the conversations.
    write(&address, 0).await?;
    quiet(&bytes).await?;
    let (mut ours, mut of_bytes) = (Vec::new(), 0);
    for round in 1..=ROUNDS as u64 {
        let (cpu, had) = (server.cpu()?, bytes.load(Ordering::SeqCst));
        write(&address, round).await?;
        quiet(&bytes).await?;
        of_bytes = bytes.load(Ordering::SeqCst) - had;
        ours.push((2 * MESSAGES * AGENTS as u64) as f64 / (server.cpu()? - cpu));
    }
    let closed = readers.iter().filter(|reader| reader.is_finished()).count();
    ensure!(
        closed == 0,
        "{closed} of {AGENTS} sockets were closed: not everything was delivered"
    );
    for reader in readers {
        reader.abort();
    }
    drop(server);

    let length = of_bytes / (2 * MESSAGES * AGENTS as u64);
    ensure!(length > 50, "frames of {length} bytes are no frames");
    let mut raw = Other::start("raw")?;
    let address = raw.line()?;
    let bytes = Arc::new(AtomicU64::new(0));
    for _ in 0..AGENTS {
        let socket = TcpStream::connect(&address).await?;
        tokio::spawn(count(socket, bytes.clone()));
    }
    ensure!(raw.line()? == "ready", "the reference is not ready");
    let mut reference = Vec::new();
    for _ in 0..ROUNDS {
        let cpu = raw.cpu()?;
        let input = raw.process.stdin.as_mut().context("its input")?;
        writeln!(input, "{} {length}", 2 * MESSAGES)?;
        ensure!(raw.line()? == "done", "the reference stopped");
        reference.push((2 * MESSAGES * AGENTS as u64) as f64 / (raw.cpu()? - cpu));
    }
    figure(
        "B8",
        "fan-out a second of CPU",
        median(&ours) / median(&reference),
        "×",
        Goal::AtLeast(0.5),
        &format!(
            "frames of {length} bytes a CPU second: ours {}, raw {}",
            spread(&ours),
            spread(&reference)
        ),
    );
    Ok(())
}

/// A hundred customers write a message each.
async fn write(address: &str, round: u64) -> Result<()> {
    let mut socket = TcpStream::connect(address).await?;
    for person in 0..MESSAGES {
        let id = round * MESSAGES + person;
        stage::post(&mut socket, address, &stage::body(id, person, "Hola, ¿hay alguien?")).await?;
    }
    Ok(())
}

/// Opens a socket by hand: a client library would cost this process more than the server is given.
async fn upgrade(socket: &mut TcpStream, host: &str, token: &str) -> Result<()> {
    let head = format!(
        "GET /api/v1/events HTTP/1.1\r\nhost: {host}\r\ncookie: ronda={token}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.windows(4).any(|w| w == b"\r\n\r\n") {
        let mut chunk = [0; 1_024];
        let n = socket.read(&mut chunk).await?;
        ensure!(n > 0, "the server closed the connection");
        answer.extend_from_slice(&chunk[..n]);
    }
    let text = String::from_utf8_lossy(&answer);
    if !text.starts_with("HTTP/1.1 101") {
        bail!("no socket: {text}");
    }
    Ok(())
}

/// Reads until the server closes, which it does to whom it finds too slow.
async fn count(mut socket: TcpStream, bytes: Arc<AtomicU64>) {
    let mut chunk = [0; 4_096];
    while let Ok(n) = socket.read(&mut chunk).await {
        if n == 0 {
            return;
        }
        bytes.fetch_add(n as u64, Ordering::Relaxed);
    }
}

/// Until nothing more arrives but pings: every socket has one in 15 seconds, at its own time.
async fn quiet(bytes: &AtomicU64) -> Result<()> {
    let started = Instant::now();
    let mut last = bytes.load(Ordering::SeqCst);
    let mut since = Instant::now();
    while since.elapsed() < Duration::from_secs(2) {
        ensure!(started.elapsed() < PATIENCE, "it does not become quiet");
        tokio::time::sleep(LOOK).await;
        let now = bytes.load(Ordering::SeqCst);
        if now - last > PINGS {
            since = Instant::now();
        }
        last = now;
    }
    Ok(())
}
