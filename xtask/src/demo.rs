//! `make run` and `make release`.

use crate::node;
use crate::process;
use anyhow::{Context, Result};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// What the server has inside for browsers.
pub fn pages(root: &Path) -> Result<()> {
    for (name, package) in [("1/3  web application", "web"), ("2/3  chat for web sites", "widget")] {
        if node::exists(root, package) {
            step(name, || node::build(root, package))?;
        }
    }
    Ok(())
}

/// Builds in the profile that tests use too.
fn build(root: &Path) -> Result<()> {
    pages(root)?;
    step("3/3  server (the first time takes some minutes)", || {
        process::run(Command::new("cargo").args(["build", "--package", "ronda-server", "--bin", "ronda"]))
    })
}

/// Builds and starts the demo; this process is replaced, so that Ctrl+C reaches the server itself.
pub fn run(root: &Path, arguments: &[String]) -> Result<()> {
    build(root)?;
    let binary = process::target(root).join("debug/ronda");
    let error = Command::new(&binary).arg("demo").args(arguments).exec();
    Err(error).with_context(|| format!("cannot start {}", binary.display()))
}

/// The binary to ship.
pub fn release(root: &Path) -> Result<()> {
    pages(root)?;
    step("3/3  server, optimised (about eight minutes on two cores)", || {
        process::run(Command::new("cargo").args(["build", "--release", "--package", "ronda-server", "--bin", "ronda"]))
    })?;
    let binary = process::target(root).join("release/ronda");
    let size = std::fs::metadata(&binary)?.len();
    eprintln!("\n{}, {:.1} MB", binary.display(), size as f64 / 1e6);
    Ok(())
}

fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    eprintln!("\n── {name}");
    let started = Instant::now();
    work()?;
    eprintln!("   done in {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}
