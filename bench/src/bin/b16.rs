//! B16: the developer's loop: a cold build into an empty folder, and the time from an edit to the test binaries.
//! Packages must have been downloaded before.

use anyhow::{Result, ensure};
use ronda_bench::place::data_folder;
use ronda_bench::{Goal, figure, median, spread};
use std::fs::{File, FileTimes};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime};

const EDITS: usize = 3;

fn cargo(target: &Path, arguments: &[&str]) -> Result<f64> {
    let started = Instant::now();
    let status = Command::new("cargo")
        .args(arguments)
        .args(["--offline", "--quiet"])
        .env("CARGO_TARGET_DIR", target)
        .stdout(Stdio::null())
        .status()?;
    ensure!(status.success(), "cargo {arguments:?}: {status}");
    Ok(started.elapsed().as_secs_f64())
}

/// As after saving the file in an editor.
fn edit(file: &str) -> Result<()> {
    File::options()
        .append(true)
        .open(file)?
        .set_times(FileTimes::new().set_modified(SystemTime::now()))?;
    Ok(())
}

fn main() -> Result<()> {
    let folder = tempfile::tempdir_in(data_folder()?)?;
    let server = ["build", "--package", "ronda-server", "--bin", "ronda"];
    let cold = cargo(folder.path(), &server)?;
    figure(
        "B16",
        "cold build of the server",
        cold,
        "s",
        Goal::AtMost(360.0),
        "dev profile",
    );
    for (name, file, package) in [
        ("routing", "crates/routing/src/lib.rs", "ronda-routing"),
        ("server", "crates/server/src/lib.rs", "ronda-server"),
    ] {
        let tests = ["test", "--no-run", "--package", package];
        cargo(folder.path(), &tests)?;
        let mut times = Vec::new();
        for _ in 0..EDITS {
            edit(file)?;
            times.push(cargo(folder.path(), &tests)?);
        }
        figure(
            "B16",
            &format!("edit in {name} to its test binaries"),
            median(&times),
            "s",
            Goal::AtMost(10.0),
            &spread(&times),
        );
    }
    Ok(())
}
