//! Every statement of the product is prepared on both engines, so that a misspelt column cannot ship.

use ronda_storage::{Engine, registry, testing::TestDb};

/// A file that declares statements and is not registered would escape the tests below.
#[test]
fn every_file_of_statements_is_registered() {
    let src = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut missing = Vec::new();
    for entry in std::fs::read_dir(src).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if text.lines().any(|l| l.starts_with("statements! {")) && !registry::ALL.iter().any(|(n, _)| *n == name) {
            missing.push(name);
        }
    }
    assert!(missing.is_empty(), "not in registry.rs: {missing:?}");
}

fn prepare_all(engine: Engine) {
    let t = TestDb::open(engine);
    let mut failures = Vec::new();
    for (file, statements) in registry::ALL {
        for s in *statements {
            let answer = t.db.read_blocking("prepare", |tx| tx.prepare_only(s));
            if let Err(e) = answer {
                failures.push(format!("{file}::{}: {e}", s.name));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn sqlite_prepares_every_statement() {
    prepare_all(Engine::Sqlite);
}

#[test]
fn postgres_prepares_every_statement() {
    prepare_all(Engine::Postgres);
}
