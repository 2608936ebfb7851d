//! The simulator alone: `cargo run -p ronda-simulator --example simulator -- --per-minute 4`.

use clap::Parser;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: ronda_simulator::Args,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let simulator = ronda_simulator::start(Command::parse().args.into()).await?;
    println!("{}/phone", simulator.base_url());
    simulator.wait().await
}
