//! The Node packages: installed from their lock files, built only when something changed. What they print goes to
//! standard error, because figures of `bench` stand on standard output.

use crate::process::output;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

/// `npm` in a package's folder.
pub fn npm(root: &Path, package: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command
        .current_dir(root.join(package))
        .args(arguments)
        .env("NO_UPDATE_NOTIFIER", "1");
    command
}

/// Whether the tree has this package.
pub fn exists(root: &Path, package: &str) -> bool {
    root.join(package).join("package.json").is_file()
}

/// Installs exactly what the lock file says, unless that is what is installed.
pub fn install(root: &Path, package: &str) -> Result<()> {
    let folder = root.join(package);
    let lock = std::fs::read(folder.join("package-lock.json"))
        .with_context(|| format!("{package}/package-lock.json must be committed"))?;
    let stamp = folder.join("node_modules/.installed-lock");
    if std::fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    eprintln!("installing the packages of {package}/ …");
    eprint!(
        "{}",
        output(&mut npm(
            root,
            package,
            &["ci", "--no-audit", "--no-fund", "--loglevel=error"]
        ))?
    );
    std::fs::write(stamp, lock)?;
    Ok(())
}

/// Builds `package/dist` when it is older than its sources.
pub fn build(root: &Path, package: &str) -> Result<()> {
    install(root, package)?;
    let folder = root.join(package);
    let built = newest(&folder.join("dist"), &[])?;
    let sources = newest(&folder, &["node_modules", "dist", "coverage"])?;
    if let (Some(built), Some(sources)) = (built, sources)
        && built >= sources
    {
        eprintln!("{package}/dist is up to date");
        return Ok(());
    }
    eprintln!("building {package}/ …");
    eprint!("{}", output(&mut npm(root, package, &["run", "--silent", "build"]))?);
    if !folder.join("dist").is_dir() {
        bail!("{package}: the build made no dist folder");
    }
    Ok(())
}

/// The latest change below a folder, without the folders named.
fn newest(folder: &Path, without: &[&str]) -> Result<Option<SystemTime>> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(None);
    };
    let mut latest = None;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        if without.iter().any(|w| name == *w) {
            continue;
        }
        let kind = entry.file_type()?;
        let time = if kind.is_dir() {
            newest(&entry.path(), without)?
        } else {
            Some(entry.metadata()?.modified()?)
        };
        latest = latest.max(time);
    }
    Ok(latest)
}
