//! The developer's tasks. `make help` is the list for people; `cargo xtask --help` has the rest.

mod bench;
mod demo;
mod fresh;
mod guarded;
mod measure;
mod nats;
mod node;
mod packages;
mod parts;
mod postgres;
mod process;
mod scratch;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer tasks of Ronda")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs the tests, all parts in order or only some.
    Test {
        /// Parts to run, separated by commas (see `cargo xtask parts`).
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
    },
    /// Lists the parts of `test`.
    Parts,
    /// Writes the generated documents again (or with `--check` only compares them).
    Fresh {
        /// Compare with what is committed and fail on a difference.
        #[arg(long)]
        check: bool,
    },
    /// Builds everything and starts the demo.
    Run {
        /// Arguments for `ronda demo`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Builds web application, widget and the release binary.
    Release,
    /// Measures the performance goals.
    Bench {
        /// Goals to measure, separated by commas.
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
        /// One JSON line per goal.
        #[arg(long)]
        json: bool,
    },
    /// Lives a long life of the assignment engine, with faults, and checks its invariants.
    Soak {
        #[arg(long, default_value_t = 10_000_000)]
        events: u64,
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Takes the pictures of docs/pictures again.
    Pictures,
    /// Starts PostgreSQL and NATS for tests and keeps them until the input ends.
    Postgres,
}

fn main() {
    if let Err(error) = perform(Arguments::parse().task) {
        eprintln!("\nerror: {error:#}");
        std::process::exit(1);
    }
}

fn perform(task: Task) -> Result<()> {
    let root = root();
    std::env::set_current_dir(&root)?;
    match task {
        Task::Test { only } => parts::run(&root, &only),
        Task::Parts => {
            parts::list(&root);
            Ok(())
        }
        Task::Fresh { check } => fresh::run(&root, check),
        Task::Run { arguments } => demo::run(&root, &arguments),
        Task::Release => demo::release(&root),
        Task::Bench { only, json } => bench::run(&root, &only, json),
        Task::Soak { events, seed } => bench::soak(events, seed),
        Task::Pictures => parts::pictures(&root),
        Task::Postgres => postgres::serve(),
    }
}

/// The folder of the workspace, wherever the task was called from.
fn root() -> PathBuf {
    // Cargo says where it runs us from; what was true when we were compiled may be another copy of the repository.
    let mut folder =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    folder.pop();
    folder
}
