//! Soak: millions of events with faults through the assignment engine, twice: with crashes, and without any. Both must end
//! with the same hash.

use anyhow::{Context, Result, bail, ensure};
use ronda_bench::soak::{Life, live};
use std::time::Instant;

fn main() -> Result<()> {
    let (mut events, mut seed) = (10_000_000, 1);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().context("each option has a number")?.parse()?;
        match name.as_str() {
            "--events" => events = value,
            "--seed" => seed = value,
            other => bail!("{other}: there are --events and --seed"),
        }
    }
    let life = Life {
        events,
        seed,
        look_every: 1_000,
        crashes: true,
    };
    let began = Instant::now();
    let report = live(life)?;
    let seconds = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = events as f64 / seconds;
    println!(
        "{events} events of seed {seed} in {seconds:.0} s ({rate:.0} a second): {} decisions, {} crashes, {} whole looks, 0 violations",
        report.decisions, report.crashes, report.looks
    );
    for (act, count) in &report.acts {
        println!("  {:<14} {count}", act.as_str());
    }
    let quiet = live(Life {
        crashes: false,
        look_every: 100_000,
        ..life
    })?;
    ensure!(
        quiet.hash == report.hash,
        "without crashes the hash is {:016x}, with them {:016x}",
        quiet.hash,
        report.hash
    );
    println!("hash {:016x}, with and without crashes", report.hash);
    Ok(())
}
