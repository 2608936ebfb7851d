//! A server of the tests: its own folder, its own port, gone afterwards, however we end.

use crate::process;
use anyhow::{Result, bail};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

const GUARD: &str = include_str!("guard.sh");
/// No run of the tests lasts longer; a forgotten server ends by itself.
const BOUND_SECONDS: u32 = 5_400;

/// A running server under its guard. Dropping it stops the server by its process id and removes its folder; so does the
/// end of this process.
pub struct Guarded {
    guard: Child,
    input: Option<ChildStdin>,
}

impl Guarded {
    /// Starts `server` (program and arguments) with its output in `folder`.
    pub fn start(folder: &Path, server: &Command) -> Result<Self> {
        let mut guard = Command::new("bash")
            .arg("-c")
            .arg(GUARD)
            .arg("guard")
            .arg(folder)
            .arg(BOUND_SECONDS.to_string())
            .arg(server.get_program())
            .args(server.get_args())
            .current_dir(folder)
            .stdin(Stdio::piped())
            .spawn()?;
        let input = guard.stdin.take();
        Ok(Self { guard, input })
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.guard.wait();
    }
}

/// A new folder for a server, in `place` or where temporary files are.
pub fn folder(of: &str, place: Option<&Path>) -> Result<PathBuf> {
    let mut make = Command::new("mktemp");
    if let Some(place) = place {
        make.env("TMPDIR", place);
    }
    let made = process::output(make.args(["-d", "-t", &format!("ronda-{of}-XXXXXXXX")]))?;
    let folder = PathBuf::from(made.trim());
    if !folder.is_dir() {
        bail!("mktemp made no folder");
    }
    Ok(folder)
}

/// A port of this machine that nobody uses.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
