//! `make run` and `make release`.

use crate::node;
use crate::process;
use anyhow::{Context, Result};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Builds in the profile that tests use too.
fn build(root: &Path) -> Result<()> {
    step("1/3  web application", || node::build(root, "web"))?;
    step("2/3  chat for web sites", || node::build(root, "widget"))?;
    step("3/3  server (the first time takes some minutes)", || {
        process::run(Command::new("cargo").args(["build", "--package", "ronda-server", "--bin", "ronda"]))
    })
}

/// Builds and starts the demo; this process is replaced, so that Ctrl+C reaches the server itself.
pub fn run(root: &Path, arguments: &[String]) -> Result<()> {
    build(root)?;
    let error = Command::new(root.join("target/debug/ronda"))
        .arg("demo")
        .args(arguments)
        .exec();
    Err(error).context("cannot start target/debug/ronda")
}

/// The binary to ship.
pub fn release(root: &Path) -> Result<()> {
    step("1/3  web application", || node::build(root, "web"))?;
    step("2/3  chat for web sites", || node::build(root, "widget"))?;
    step("3/3  server, optimised (about eight minutes on two cores)", || {
        process::run(Command::new("cargo").args(["build", "--release", "--package", "ronda-server", "--bin", "ronda"]))
    })?;
    let size = std::fs::metadata(root.join("target/release/ronda"))?.len();
    println!("\ntarget/release/ronda, {:.1} MB", size as f64 / 1e6);
    Ok(())
}

fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("\n── {name}");
    let started = Instant::now();
    work()?;
    println!("   done in {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}
