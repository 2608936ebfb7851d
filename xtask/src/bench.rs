//! `make bench`: each goal is a program that prints one JSON line; this runs them and prints the table.

use crate::postgres::Postgres;
use crate::{demo, node, process};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

struct Goal {
    id: &'static str,
    what: &'static str,
    postgres: bool,
    run: fn(&Path, &Surroundings) -> Result<String>,
}

/// What some of the programs need.
#[derive(Default)]
struct Surroundings {
    postgres: Option<Postgres>,
}

const GOALS: &[Goal] = &[
    Goal {
        id: "B1",
        what: "SQLite: inbound messages, whole store operation",
        postgres: false,
        run: |_, around| program("b1", &["B1"], around),
    },
    Goal {
        id: "B2",
        what: "PostgreSQL: inbound messages, whole store operation",
        postgres: true,
        run: |_, around| program("b1", &["B2"], around),
    },
    Goal {
        id: "B3",
        what: "whole path at full load, webhook to screen",
        postgres: true,
        run: |_, around| program("b3", &[], around),
    },
    Goal {
        id: "B4",
        what: "from the customer's message to the owner's socket",
        postgres: true,
        run: |_, around| program("b4", &[], around),
    },
    Goal {
        id: "B5",
        what: "pure routing step against ordered sets",
        postgres: false,
        run: |_, around| program("b5", &[], around),
    },
    Goal {
        id: "B6",
        what: "durable assignments in batches against single ones",
        postgres: true,
        run: |_, around| program("b6", &[], around),
    },
    Goal {
        id: "B7",
        what: "rotation storm: 100,000 held and unanswered",
        postgres: true,
        run: |_, around| program("b7", &[], around),
    },
    Goal {
        id: "B8",
        what: "5,000 sockets: memory and fan-out",
        postgres: false,
        run: |_, around| program("b8", &[], around),
    },
    Goal {
        id: "B10",
        what: "the release binary: size, start, memory",
        postgres: false,
        run: |root, around| {
            demo::release(root)?;
            program("b10", &[], around)
        },
    },
    Goal {
        id: "B13",
        what: "web: first load of the agent console",
        postgres: false,
        run: |root, _| sizes(root, "web", "B13"),
    },
    Goal {
        id: "B14",
        what: "widget: loader and panel",
        postgres: false,
        run: |root, _| sizes(root, "widget", "B14"),
    },
    Goal {
        id: "B16",
        what: "developer's loop: cold build, edit to test binaries",
        postgres: false,
        run: |_, around| program("b16", &[], around),
    },
];

/// Measures the goals named (all when none is), prints a table or one JSON line each.
pub fn run(root: &Path, only: &[String], json: bool) -> Result<()> {
    for name in only {
        if !GOALS.iter().any(|goal| goal.id.eq_ignore_ascii_case(name)) {
            let known: Vec<&str> = GOALS.iter().map(|goal| goal.id).collect();
            bail!("there is no program for {name} yet; there are {}", known.join(", "));
        }
    }
    let chosen: Vec<&Goal> = GOALS
        .iter()
        .filter(|g| only.is_empty() || only.iter().any(|n| n.eq_ignore_ascii_case(g.id)))
        .collect();
    let mut around = Surroundings::default();
    if chosen.iter().any(|goal| goal.postgres) {
        around.postgres = Some(Postgres::start(None)?);
    }
    let mut broken = Vec::new();
    for goal in chosen {
        if !json {
            println!("\n━━ {}: {}", goal.id, goal.what);
        }
        match (goal.run)(root, &around) {
            Ok(text) => print(&text, json)?,
            Err(error) => {
                eprintln!("{}: {error:#}", goal.id);
                broken.push(goal.id);
            }
        }
    }
    if broken.is_empty() {
        Ok(())
    } else {
        bail!("could not be measured: {}", broken.join(", "))
    }
}

/// Each line that is a JSON object is a figure; the rest is for people.
fn print(text: &str, json: bool) -> Result<()> {
    for line in text.lines() {
        if !line.starts_with('{') {
            if json {
                eprintln!("{line}");
            } else {
                println!("{line}");
            }
            continue;
        }
        if json {
            println!("{line}");
            continue;
        }
        let figure: Value = serde_json::from_str(line).context("a figure is one JSON object")?;
        let met = if figure["met"] == Value::Bool(true) {
            "met"
        } else {
            "NOT MET"
        };
        let name = figure["name"].as_str().unwrap_or_default();
        let id = figure["id"].as_str().unwrap_or_default();
        let value = format!(
            "{} {}",
            plain(&figure["value"]),
            figure["unit"].as_str().unwrap_or_default()
        );
        println!(
            "{id:<5} {name:<58} {value:>14}   goal {:<10} {met}",
            plain(&figure["goal"])
        );
        if let Some(detail) = figure["detail"].as_str().filter(|d| !d.is_empty()) {
            println!("      {detail}");
        }
    }
    Ok(())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A long life of the assignment engine: not a figure of speed but of faults, so it is no goal of the table.
pub fn soak(events: u64, seed: u64) -> Result<()> {
    let mut command = measured("soak");
    command.args(["--events", &events.to_string(), "--seed", &seed.to_string()]);
    process::run(&mut command)
}

/// A program of `bench/`, in the profile for measurements.
fn program(name: &str, arguments: &[&str], around: &Surroundings) -> Result<String> {
    let mut command = measured(name);
    command.args(arguments);
    if let Some(postgres) = &around.postgres {
        command.env("RONDA_TEST_POSTGRES", &postgres.url);
    }
    process::output(&mut command)
}

fn measured(name: &str) -> Command {
    let mut command = Command::new("cargo");
    command.args([
        "run",
        "--quiet",
        "--profile",
        "measure",
        "--package",
        "ronda-bench",
        "--bin",
        name,
        "--",
    ]);
    command
}

fn sizes(root: &Path, package: &str, id: &str) -> Result<String> {
    node::build(root, package)?;
    process::output(Command::new("node").arg("bench/sizes.mjs").args(["--only", id]))
}
