//! The parts of `make test`, in the order in which they tell most for the least time.

use crate::measure::Counts;
use crate::nats::Nats;
use crate::packages::{self, Program};
use crate::postgres::Postgres;
use crate::process::{self, Failed};
use crate::scratch::Scratch;
use crate::{fresh, node};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The feature of the server that contains the movable clock. Browser tests need it; no shipped binary has it.
const TEST_FEATURE: &str = "testing";
/// A test of `crates/server/tests`: with it cargo builds the program too.
const TEST_THAT_RUNS_IT: &str = "documents";

struct Part {
    name: &'static str,
    about: &'static str,
    needs: &'static [Program],
    /// The folder of the Node package that this part is about; without it the part does not exist.
    package: Option<&'static str>,
    run: fn(&Ground) -> Result<Counts>,
}

/// What the parts share.
struct Ground {
    root: PathBuf,
    // The servers end before their folder goes.
    postgres: Option<Postgres>,
    nats: Option<Nats>,
    scratch: Scratch,
}

/// The pages come before the server that has them inside, so that it is compiled once.
const PARTS: &[Part] = &[
    Part {
        name: "format",
        about: "rustfmt",
        needs: &[],
        package: None,
        run: format,
    },
    Part {
        name: "web-check",
        about: "web: types, lint, texts",
        needs: &[],
        package: Some("web"),
        run: |c| check(c, "web"),
    },
    Part {
        name: "web",
        about: "web: unit tests and build",
        needs: &[],
        package: Some("web"),
        run: |c| unit(c, "web"),
    },
    Part {
        name: "widget-check",
        about: "widget: types, lint",
        needs: &[],
        package: Some("widget"),
        run: |c| check(c, "widget"),
    },
    Part {
        name: "widget",
        about: "widget: unit tests and build",
        needs: &[],
        package: Some("widget"),
        run: |c| unit(c, "widget"),
    },
    Part {
        name: "budgets",
        about: "sizes of what a browser loads first",
        needs: &[],
        package: None,
        run: budgets,
    },
    Part {
        name: "e2e-check",
        about: "browser tests: types",
        needs: &[],
        package: Some("e2e"),
        run: |c| check(c, "e2e"),
    },
    Part {
        name: "clippy",
        about: "clippy over all targets, warnings are errors",
        needs: &[],
        package: None,
        run: clippy,
    },
    Part {
        name: "rust",
        about: "the tests of all crates, storage on both engines",
        needs: &[Program::Postgres, Program::Nats],
        package: None,
        run: rust,
    },
    Part {
        name: "fresh",
        about: "generated documents are what the code says",
        needs: &[],
        package: None,
        run: fresh_documents,
    },
    Part {
        name: "e2e",
        about: "browser tests against the real binary",
        needs: &[Program::Postgres, Program::Chromium],
        package: Some("e2e"),
        run: browser,
    },
];

const MINUTE: Duration = Duration::from_secs(60);

/// The parts of this tree.
fn parts(root: &Path) -> impl Iterator<Item = &'static Part> {
    PARTS
        .iter()
        .filter(move |part| part.package.is_none_or(|package| node::exists(root, package)))
}

/// Prints the parts and what they are.
pub fn list(root: &Path) {
    for part in parts(root) {
        println!("{:<13} {}", part.name, part.about);
    }
}

/// Runs the chosen parts (all when none is named), goes on after a failure, and fails at the end.
pub fn run(root: &Path, only: &[String]) -> Result<()> {
    let chosen = choose(root, only)?;
    let mut needs: Vec<Program> = Vec::new();
    for program in chosen.iter().flat_map(|part| part.needs) {
        if !needs.contains(program) {
            needs.push(*program);
        }
    }
    packages::ensure(&needs)?;
    let scratch = Scratch::new()?;
    let postgres = if needs.contains(&Program::Postgres) {
        let started = Instant::now();
        let server = Postgres::start(Some(&scratch.folder))?;
        println!(
            "PostgreSQL for the tests started in {:.1} s",
            started.elapsed().as_secs_f64()
        );
        Some(server)
    } else {
        None
    };
    let nats = needs
        .contains(&Program::Nats)
        .then(|| Nats::start(Some(&scratch.folder)))
        .transpose()?;
    let context = Ground {
        root: root.to_path_buf(),
        postgres,
        nats,
        scratch,
    };

    let mut total = Counts::default();
    let mut lines = Vec::new();
    let mut failed = Vec::new();
    for part in chosen {
        println!("\n━━ {}: {}", part.name, part.about);
        let started = Instant::now();
        let result = (part.run)(&context);
        let seconds = started.elapsed().as_secs_f64();
        let (word, counts) = match result {
            Ok(counts) => ("ok", counts),
            Err(error) => {
                eprintln!("error in {}: {error:#}", part.name);
                failed.push(part.name);
                (
                    "FAILED",
                    error
                        .downcast_ref::<Failed>()
                        .map_or_else(Counts::default, |f| f.counts),
                )
            }
        };
        total.add(counts);
        lines.push(format!(
            "{:<13} {:<7} {seconds:>7.1} s {:>6} passed {:>4} failed",
            part.name, word, counts.passed, counts.failed
        ));
    }
    drop(context);

    println!("\n━━ parts");
    lines.iter().for_each(|line| println!("{line}"));
    println!("\ntests: {} passed, {} failed", total.passed, total.failed);
    println!("parts: {} passed, {} failed", lines.len() - failed.len(), failed.len());
    if failed.is_empty() {
        Ok(())
    } else {
        bail!(
            "failed: {}. Run one alone with: cargo xtask test --only {}",
            failed.join(", "),
            failed[0]
        );
    }
}

/// `web` chooses `web` and `web-check`; `web-check` only itself.
fn choose(root: &Path, only: &[String]) -> Result<Vec<&'static Part>> {
    let wanted = |part: &Part, name: &String| part.name == *name || part.name.strip_suffix("-check") == Some(name);
    for name in only {
        if !parts(root).any(|part| wanted(part, name)) {
            bail!("there is no part {name}; `cargo xtask parts` lists them");
        }
    }
    Ok(parts(root)
        .filter(|part| only.is_empty() || only.iter().any(|name| wanted(part, name)))
        .collect())
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments);
    command
}

fn format(_: &Ground) -> Result<Counts> {
    component("fmt", "rustfmt")?;
    process::run_tests(&mut cargo(&["fmt", "--all", "--check"]), 2 * MINUTE)
}

fn clippy(_: &Ground) -> Result<Counts> {
    component("clippy", "clippy")?;
    let mut command = cargo(&["clippy", "--workspace", "--all-targets", "--quiet"]);
    process::run_tests(
        command.args(["--features", &feature(), "--", "-D", "warnings"]),
        15 * MINUTE,
    )
}

fn component(command: &str, name: &str) -> Result<()> {
    let here = cargo(&[command, "--version"])
        .output()
        .is_ok_and(|o| o.status.success());
    if !here {
        bail!("{name} is missing: rustup component add {name}");
    }
    Ok(())
}

fn feature() -> String {
    format!("ronda-server/{TEST_FEATURE}")
}

fn rust(context: &Ground) -> Result<Counts> {
    let mut command = cargo(&["test", "--workspace", "--no-fail-fast", "--features", &feature()]);
    if let Some(postgres) = &context.postgres {
        command.env("RONDA_TEST_POSTGRES", &postgres.url);
    }
    if let Some(nats) = &context.nats {
        command.env("RONDA_TEST_NATS", &nats.url);
    }
    context.scratch.lend(&mut command);
    process::run_tests(&mut command, 45 * MINUTE)
}

fn fresh_documents(context: &Ground) -> Result<Counts> {
    let binary = test_binary(&context.root)?;
    fresh::compare(&context.root, &binary)?;
    Ok(Counts::default())
}

fn check(context: &Ground, package: &str) -> Result<Counts> {
    node::install(&context.root, package)?;
    process::run_tests(
        &mut node::npm(&context.root, package, &["run", "--silent", "check"]),
        5 * MINUTE,
    )
}

fn unit(context: &Ground, package: &str) -> Result<Counts> {
    node::install(&context.root, package)?;
    let tests = process::run_tests(
        &mut node::npm(&context.root, package, &["run", "--silent", "test"]),
        5 * MINUTE,
    );
    node::build(&context.root, package)?;
    tests
}

fn budgets(context: &Ground) -> Result<Counts> {
    build_pages(&context.root)?;
    process::run_tests(Command::new("node").arg("bench/sizes.mjs").arg("--check"), MINUTE)
}

fn browser(context: &Ground) -> Result<Counts> {
    process::run_tests(&mut browser_command(context, "test")?, 25 * MINUTE)
}

/// What the server has inside for browsers.
fn build_pages(root: &Path) -> Result<()> {
    for package in ["web", "widget"] {
        if node::exists(root, package) {
            node::build(root, package)?;
        }
    }
    Ok(())
}

fn browser_command(context: &Ground, script: &str) -> Result<Command> {
    build_pages(&context.root)?;
    node::install(&context.root, "e2e")?;
    let mut command = node::npm(&context.root, "e2e", &["run", "--silent", script]);
    context.scratch.lend(&mut command);
    command.env("RONDA_BIN", test_binary(&context.root)?);
    command.env("RONDA_CHROMIUM", Program::Chromium.find().context("Chromium")?);
    if let Some(postgres) = &context.postgres {
        command.env("RONDA_TEST_POSTGRES", &postgres.url);
    }
    Ok(command)
}

/// Takes the pictures of docs/pictures from the running product.
pub fn pictures(root: &Path) -> Result<()> {
    packages::ensure(&[Program::Chromium])?;
    let context = Ground {
        root: root.to_path_buf(),
        postgres: None,
        nats: None,
        scratch: Scratch::new()?,
    };
    process::run(&mut browser_command(&context, "pictures")?)
}

/// The server with the movable clock, copied away so that the next plain build does not replace it. It is built as
/// the tests are, for a test that runs it: another choice of packages would choose other features of what they stand on
/// and compile all of that once more.
pub fn test_binary(root: &Path) -> Result<PathBuf> {
    process::run(&mut cargo(&[
        "test",
        "--quiet",
        "--workspace",
        "--no-run",
        "--features",
        &feature(),
        "--test",
        TEST_THAT_RUNS_IT,
    ]))?;
    let target = process::target(root);
    let folder = target.join("testing");
    std::fs::create_dir_all(&folder)?;
    let copy = folder.join("ronda");
    let fresh = folder.join("ronda.new");
    std::fs::copy(target.join("debug/ronda"), &fresh)?;
    std::fs::rename(fresh, &copy)?;
    Ok(copy)
}
