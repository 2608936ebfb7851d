//! Programs that tests need beside the compilers: PostgreSQL, NATS and Chromium, from Debian's packages.

use crate::process;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

const INSTALL: &str = include_str!("install.sh");

/// A program that a part of the tests starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Postgres,
    Nats,
    Chromium,
}

impl Program {
    const fn package(self) -> &'static str {
        match self {
            Self::Postgres => "postgresql",
            Self::Nats => "nats-server",
            Self::Chromium => "chromium",
        }
    }

    /// Where the program is, if it is here.
    #[must_use]
    pub fn find(self) -> Option<PathBuf> {
        match self {
            Self::Postgres => postgres_bin(),
            Self::Nats => first(&[
                "/usr/sbin/nats-server",
                "/usr/bin/nats-server",
                "/usr/local/bin/nats-server",
            ]),
            Self::Chromium => std::env::var_os("RONDA_CHROMIUM").map(PathBuf::from).or_else(|| {
                first(&[
                    "/usr/bin/chromium",
                    "/usr/bin/chromium-browser",
                    "/usr/bin/google-chrome",
                ])
            }),
        }
    }
}

/// The newest folder with `initdb` and `postgres`.
fn postgres_bin() -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version = path.file_name()?.to_str()?.parse().ok()?;
            Some((version, path.join("bin")))
        })
        .filter(|(_, bin)| bin.join("initdb").is_file() && bin.join("postgres").is_file())
        .collect();
    found.sort();
    found.pop().map(|(_, bin)| bin)
}

fn first(paths: &[&str]) -> Option<PathBuf> {
    paths.iter().map(PathBuf::from).find(|p| p.is_file())
}

/// Installs those of `programs` that are missing, or says plainly why it cannot.
pub fn ensure(programs: &[Program]) -> Result<()> {
    let missing: Vec<&str> = programs
        .iter()
        .filter(|p| p.find().is_none())
        .map(|p| p.package())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let line = format!("sudo apt-get install -y {}", missing.join(" "));
    if !process::on_path("apt-get") {
        bail!(
            "the tests need {}. This system has no apt-get: install the same programs with its own package manager.",
            missing.join(", ")
        );
    }
    println!("installing from Debian's packages: {}", missing.join(" "));
    let mut command = if process::is_root() {
        Command::new("sh")
    } else {
        let may_sudo = Command::new("sudo")
            .args(["-n", "true"])
            .output()
            .is_ok_and(|o| o.status.success());
        if !may_sudo {
            bail!("the tests need packages that only root may install here. Run this once:\n\n    {line}\n");
        }
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "sh"]);
        sudo
    };
    process::run(command.arg("-c").arg(INSTALL).arg("install").args(&missing))
        .with_context(|| format!("installing failed. By hand: {line}"))?;
    for program in programs {
        if program.find().is_none() {
            bail!(
                "{} was installed but its program is not where Debian puts it",
                program.package()
            );
        }
    }
    Ok(())
}
