//! Where the tests keep their hundreds of short-lived databases: in memory when the machine has room there, since what
//! they prove (also when processes are killed) does not depend on a disk, and a slow disk would take most of their time.

use crate::process;
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system in memory that Linux has.
const MEMORY: &str = "/dev/shm";
/// Less than this, in KiB, and the disk is used.
const ROOM_KIB: u64 = 4 * 1024 * 1024;
/// Before the process id of who made the folder.
const NAME: &str = "ronda-tests-";

/// A folder that goes away with this value.
pub struct Scratch {
    pub folder: PathBuf,
}

impl Scratch {
    pub fn new() -> Result<Self> {
        sweep();
        let name = format!("{NAME}{}-XXXXXXXX", std::process::id());
        let mut make = Command::new("mktemp");
        if room() >= ROOM_KIB {
            make.args(["-d", "-p", MEMORY, &name]);
        } else {
            make.args(["-d", "-t", &name]);
        }
        let folder = PathBuf::from(process::output(&mut make)?.trim());
        if !folder.is_dir() {
            bail!("mktemp made no folder");
        }
        // PostgreSQL runs as somebody else, in a folder of its own below.
        process::run(Command::new("chmod").arg("711").arg(&folder))?;
        Ok(Self { folder })
    }

    /// Makes a child, and what it starts, keep its temporary files here.
    pub fn lend(&self, command: &mut Command) {
        command.env("TMPDIR", &self.folder);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Removes what runs that were killed have left in memory.
fn sweep() {
    for entry in std::fs::read_dir(MEMORY).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name
            .to_str()
            .and_then(|n| n.strip_prefix(NAME)?.split('-').next()?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// What is free in memory, in KiB; 0 where there is no such file system.
fn room() -> u64 {
    let writable = Path::new(MEMORY)
        .metadata()
        .is_ok_and(|m| m.is_dir() && !m.permissions().readonly());
    if !writable {
        return 0;
    }
    process::output(Command::new("df").args(["-k", "--output=avail", MEMORY]))
        .ok()
        .and_then(|text| text.lines().last()?.trim().parse().ok())
        .unwrap_or(0)
}
