//! `ronda route`: what the assignment rules do to people, in numbers that anybody can repeat (docs/SIMULATION.md).

use clap::{Args, Subcommand, ValueEnum};
use ronda_whatif::Interval;
use ronda_whatif::scenario::{Line, Scenario, simulate};
use std::fmt::Write as _;

#[derive(Subcommand)]
pub enum RouteCommand {
    /// Play the public scenarios with the real engine and print what customers and agents would feel.
    Simulate(SimulateArgs),
}

#[derive(Args)]
pub struct SimulateArgs {
    /// Which situations.
    #[arg(long, value_enum, default_value = "all")]
    scenario: Which,
    /// How many runs of each, with the seeds 1, 2, …
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    seeds: u64,
    /// Print JSON instead of a table: times in milliseconds, shares in thousandths, each as low, middle, high.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Which {
    Morning,
    Absent,
    Burst,
    Night,
    All,
}

impl Which {
    fn scenarios(self) -> Vec<Scenario> {
        match self {
            Self::Morning => vec![Scenario::Morning],
            Self::Absent => vec![Scenario::Absent],
            Self::Burst => vec![Scenario::Burst],
            Self::Night => vec![Scenario::Night],
            Self::All => Scenario::ALL.to_vec(),
        }
    }
}

/// Plays what was asked for; the text to print.
#[must_use]
pub fn run(command: &RouteCommand) -> String {
    let RouteCommand::Simulate(args) = command;
    let mut lines = Vec::new();
    for scenario in args.scenario.scenarios() {
        lines.extend(simulate(scenario, args.seeds, &mut |_, _| {}));
    }
    if args.json {
        let json = serde_json::json!({ "seeds": args.seeds, "lines": lines });
        return format!("{json:#}\n");
    }
    table(&lines, args.seeds)
}

fn table(lines: &[Line], seeds: u64) -> String {
    let mut text = format!(
        "{seeds} runs each; the middle one of them, and in brackets what nine of ten runs lie between.\n\
         Waits are from the customer's message (at night: from the opening) to the first reply.\n"
    );
    let mut before = None;
    for l in lines {
        if before != Some(l.situation) {
            let _ = write!(text, "\n{}: {} ({} chats)\n", l.scenario.name(), l.situation, l.chats);
            let _ = writeln!(
                text,
                "  {:15} {:>18} {:>8} {:>8} {:>10} {:>15} {:>6} {:>8}",
                "rules", "mean wait", "p90", "worst", "no answer", "moves a chat", "aside", "busiest"
            );
            before = Some(l.situation);
        }
        let _ = writeln!(
            text,
            "  {:15} {:>18} {:>8} {:>8} {:>10} {:>15} {:>6} {:>8}",
            l.rules.name(),
            spread(l.mean_ms, |ms| format!("{} s", ms / 1_000)),
            middle(l.p90_ms),
            middle(l.worst_ms),
            share(l.never_permille.middle),
            spread(Some(l.moves_permille), hundredths),
            l.benched.middle,
            share(l.busiest_permille.middle),
        );
    }
    text
}

fn middle(of: Option<Interval>) -> String {
    of.map_or_else(|| "-".to_owned(), |i| format!("{} s", i.middle / 1_000))
}

fn spread(of: Option<Interval>, one: impl Fn(i64) -> String) -> String {
    let Some(i) = of else { return "-".to_owned() };
    let plain = |n: i64| one(n).trim_end_matches(" s").to_owned();
    format!("{} [{}-{}]", one(i.middle), plain(i.low), plain(i.high))
}

fn hundredths(permille: i64) -> String {
    format!("{}.{:02}", permille / 1_000, permille % 1_000 / 10)
}

fn share(permille: i64) -> String {
    format!("{} %", (permille + 5) / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(json: bool) -> String {
        run(&RouteCommand::Simulate(SimulateArgs {
            scenario: Which::Night,
            seeds: 1,
            json,
        }))
    }

    #[test]
    fn the_table_compares_the_rules() {
        let text = asked(false);
        for word in ["no rotation", "rotate", "ours", "60 chats", "moves a chat"] {
            assert!(text.contains(word), "{word} is missing in\n{text}");
        }
    }

    #[test]
    fn the_json_has_a_line_for_each_row() {
        let json: serde_json::Value = serde_json::from_str(&asked(true)).expect("JSON");
        assert_eq!(json["seeds"], 1);
        assert_eq!(json["lines"].as_array().map(Vec::len), Some(4));
        assert_eq!(json["lines"][0]["chats"], 60);
    }
}
