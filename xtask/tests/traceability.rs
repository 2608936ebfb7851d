//! `docs/TRACEABILITY.md` speaks of tests and states; a name that no longer exists is a lie.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Entries of the help's navigation tree and blocks beyond it.
const ROWS: usize = 102 + 40;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_path_buf()
}

struct Line {
    id: String,
    state: String,
    tests: String,
}

/// The rows of both tables: the state stands third from the end, the tests last.
fn lines() -> Vec<Line> {
    let text = std::fs::read_to_string(root().join("docs/TRACEABILITY.md")).expect("docs/TRACEABILITY.md");
    text.lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let id = *cells.get(1)?;
            let (letters, number) = id.split_once('-')?;
            let is_id = letters.chars().all(|c| c.is_ascii_uppercase()) && number.parse::<u32>().is_ok();
            is_id.then(|| Line {
                id: id.to_owned(),
                state: cells[cells.len() - 3].to_owned(),
                tests: cells[cells.len() - 1].to_owned(),
            })
        })
        .collect()
}

/// The text of every file in which tests are written.
fn sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if !["target", "node_modules", "dist", ".git"].iter().any(|n| name == *n) {
                sources(&path, text);
            }
        } else if path
            .extension()
            .is_some_and(|e| ["rs", "ts", "tsx"].iter().any(|n| e == *n))
        {
            text.push_str(&std::fs::read_to_string(&path).expect("text"));
        }
    }
}

#[test]
fn every_entry_has_one_line_with_a_known_state() {
    let lines = lines();
    let ids: BTreeSet<&String> = lines.iter().map(|l| &l.id).collect();
    assert_eq!(lines.len(), ids.len(), "an entry stands twice");
    assert_eq!(lines.len(), ROWS);
    let unknown: Vec<String> = lines
        .iter()
        .filter(|l| l.state != "works" && l.state != "not yet" && !l.state.starts_with("partly: "))
        .map(|l| format!("{}: {}", l.id, l.state))
        .collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn what_works_names_a_test_and_every_test_named_exists() {
    let mut all = String::new();
    for folder in ["crates", "xtask", "web", "widget", "e2e"] {
        if root().join(folder).is_dir() {
            sources(&root().join(folder), &mut all);
        }
    }
    let mut wrong = Vec::new();
    for line in lines() {
        let tests: Vec<&str> = line.tests.split('`').skip(1).step_by(2).collect();
        if line.state == "works" && tests.is_empty() {
            wrong.push(format!("{} works, says the table, but no test proves it", line.id));
        }
        let missing = tests.iter().filter(|test| !all.contains(**test));
        wrong.extend(missing.map(|test| format!("{}: there is no test {test}", line.id)));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
