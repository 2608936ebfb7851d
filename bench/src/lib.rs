//! What the programs of the performance goals share: rounds in turn with their reference, and figures as JSON lines.
//!
//! Goals and how to read them: `docs/PERFORMANCE.md`.

pub mod inbound;
pub mod place;
pub mod plain;
pub mod soak;
pub mod stage;

use serde_json::json;
use std::time::{Duration, Instant};

/// Rounds of each of the two.
pub const ROUNDS: usize = 5;

/// What a figure must be.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    fn met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(goal) => value >= goal,
            Self::AtMost(goal) => value <= goal,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(goal) => format!("≥ {goal}"),
            Self::AtMost(goal) => format!("≤ {goal}"),
        }
    }
}

/// Prints one figure. `detail` is for people: what the ratio was made of.
pub fn figure(id: &str, name: &str, value: f64, unit: &str, goal: Goal, detail: &str) {
    let rounded = (value * 1000.0).round() / 1000.0;
    let line = json!({
        "id": id, "name": name, "value": rounded, "unit": unit, "goal": goal.text(), "met": goal.met(value), "detail": detail,
    });
    println!("{line}");
}

/// The rounds of ours and of the reference, each as work per second.
#[derive(Clone, Debug, Default)]
pub struct Rounds {
    pub ours: Vec<f64>,
    pub reference: Vec<f64>,
}

impl Rounds {
    /// Runs ours and the reference in turn, so that what the machine does meanwhile meets both.
    ///
    /// # Errors
    /// The first of a round.
    pub fn run(
        mut ours: impl FnMut() -> anyhow::Result<f64>,
        mut reference: impl FnMut() -> anyhow::Result<f64>,
    ) -> anyhow::Result<Self> {
        let mut rounds = Self::default();
        for _ in 0..ROUNDS {
            rounds.ours.push(ours()?);
            rounds.reference.push(reference()?);
        }
        Ok(rounds)
    }

    /// Median of ours over median of the reference.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        median(&self.ours) / median(&self.reference)
    }

    /// Both medians with their lowest and highest round.
    #[must_use]
    pub fn detail(&self, unit: &str) -> String {
        format!(
            "ours {}, reference {} {unit}",
            spread(&self.ours),
            spread(&self.reference)
        )
    }
}

/// "12100 [11800–12900]".
#[must_use]
pub fn spread(values: &[f64]) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{} [{}–{}]", short(median(values)), short(low), short(high))
}

fn short(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

/// The middle value; of an even number the lower one of the two in the middle.
///
/// # Panics
/// Without values.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 50.0)
}

/// The value below which `p` percent of the others are.
///
/// # Panics
/// Without values.
#[must_use]
pub fn percentile(values: &[f64], p: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len() - 1;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a position among fewer than 2^52 values"
    )]
    let at = (last as f64 * p / 100.0).floor() as usize;
    sorted[at]
}

/// Repeats `step` for about `time`; what it did per second.
///
/// # Errors
/// The first of a step.
pub fn per_second(time: Duration, mut step: impl FnMut() -> anyhow::Result<usize>) -> anyhow::Result<f64> {
    let started = Instant::now();
    let mut done = 0;
    while started.elapsed() < time {
        done += step()?;
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
    Ok(done as f64 / started.elapsed().as_secs_f64())
}

/// Resident memory of a process in bytes, as Linux counts it.
///
/// # Errors
/// When there is no such process, or no `/proc`.
pub fn resident(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|l| l.starts_with("VmRSS:"));
    let kib: Option<u64> = line.and_then(|l| l.split_whitespace().nth(1)?.parse().ok());
    kib.map(|k| k * 1024)
        .ok_or_else(|| anyhow::anyhow!("process {pid} says no VmRSS"))
}

/// A small generator with a fixed start, so that every run does the same work.
#[derive(Clone, Debug)]
pub struct Numbers(u64);

impl Numbers {
    #[must_use]
    pub const fn from(start: u64) -> Self {
        Self(start)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}
