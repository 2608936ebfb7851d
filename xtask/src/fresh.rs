//! Generated documents are committed; this writes them and compares them.

use crate::parts;
use crate::process;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

/// Each document and the arguments of `ronda` that print it.
const DOCUMENTS: &[(&str, &[&str])] = &[("docs/openapi.json", &["openapi"]), ("docs/config.md", &["config"])];

/// Writes the documents again, or only compares.
pub fn run(root: &Path, check: bool) -> Result<()> {
    let binary = parts::test_binary(root)?;
    if check {
        return compare(root, &binary);
    }
    for (file, arguments) in DOCUMENTS {
        std::fs::write(root.join(file), document(&binary, arguments)?)?;
        println!("wrote {file}");
    }
    Ok(())
}

/// Fails naming the documents that differ from what the binary prints.
pub fn compare(root: &Path, binary: &Path) -> Result<()> {
    let mut stale = Vec::new();
    for (file, arguments) in DOCUMENTS {
        let committed = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        if committed == document(binary, arguments)? {
            println!("{file} is fresh");
        } else {
            stale.push(*file);
        }
    }
    if stale.is_empty() {
        Ok(())
    } else {
        bail!(
            "not what the code says: {}. Write them again with: cargo xtask fresh",
            stale.join(", ")
        )
    }
}

fn document(binary: &Path, arguments: &[&str]) -> Result<String> {
    let mut text = process::output(Command::new(binary).args(arguments)).context("a generated document")?;
    while text.ends_with('\n') {
        text.pop();
    }
    text.push('\n');
    Ok(text)
}
