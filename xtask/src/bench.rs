//! `make bench`: each goal is a program that prints one JSON line; this runs them and prints the table.

use crate::node;
use crate::process;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

struct Goal {
    id: &'static str,
    what: &'static str,
    run: fn(&Path) -> Result<String>,
}

const GOALS: &[Goal] = &[
    Goal {
        id: "B5",
        what: "pure routing step against an ordered set",
        run: |_| example("ronda-routing", "b5"),
    },
    Goal {
        id: "B13",
        what: "web: first load of the agent console",
        run: |root| sizes(root, "web", "B13"),
    },
    Goal {
        id: "B14",
        what: "widget: loader and panel",
        run: |root| sizes(root, "widget", "B14"),
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
    let chosen = GOALS
        .iter()
        .filter(|g| only.is_empty() || only.iter().any(|n| n.eq_ignore_ascii_case(g.id)));
    let mut broken = Vec::new();
    for goal in chosen {
        if !json {
            println!("\n━━ {}: {}", goal.id, goal.what);
        }
        match (goal.run)(root) {
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
        println!(
            "{id:<5} {name:<44} {:>14}   goal {:<12} {met}",
            plain(&figure["value"]),
            plain(&figure["goal"])
        );
    }
    Ok(())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn example(package: &str, name: &str) -> Result<String> {
    process::output(Command::new("cargo").args(["run", "--release", "--quiet", "-p", package, "--example", name]))
}

fn sizes(root: &Path, package: &str, id: &str) -> Result<String> {
    node::build(root, package)?;
    process::output(Command::new("node").arg("bench/sizes.mjs").args(["--only", id]))
}
