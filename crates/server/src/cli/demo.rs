//! `ronda demo`: everything on this machine, and nothing that leaves it.

use super::{print, runtime, stopped};
use crate::demo::{self, Demo, Settings};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Args, Clone)]
pub struct DemoArgs {
    /// Address and port of the console.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Address and port of the simulated WhatsApp. It has no sign-in: keep it on this machine. Left out: port 8090, or
    /// a free one when that is taken.
    #[arg(long)]
    simulator: Option<SocketAddr>,
    /// Keep the demo in this folder; without it everything is forgotten at the end.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Begin again: forget what an earlier demo left in the folder.
    #[arg(long, requires = "data")]
    reset: bool,
    /// New conversations a minute, 0 to 10; 0 is silence.
    #[arg(long, default_value_t = 2.5)]
    rate: f64,
    /// How many of the six agents work by themselves, 0 to 6; the others are yours.
    #[arg(long, default_value_t = 3)]
    agents: usize,
    /// The address people type, when it is not this machine.
    #[arg(long)]
    public_url: Option<String>,
    /// What is logged: error, warn, info, debug, trace, or a filter.
    #[arg(long, default_value = "warn")]
    log: String,
}

/// Runs until Ctrl-C.
///
/// # Errors
/// When the folder holds something else than a demo, or an address cannot be used.
pub fn run(args: DemoArgs) -> anyhow::Result<()> {
    anyhow::ensure!((0.0..=10.0).contains(&args.rate), "--rate: from 0 to 10 a minute");
    anyhow::ensure!(args.agents <= demo::AGENTS, "--agents: from 0 to {}", demo::AGENTS);
    let settings = Settings {
        listen: args.listen,
        simulator: args.simulator,
        data: args.data,
        reset: args.reset,
        per_minute: args.rate,
        agents: args.agents,
        public_url: args.public_url,
        log: args.log,
        ..Settings::default()
    };
    print("Preparing the demo …\n")?;
    runtime()?.block_on(async {
        let demo = Demo::open(settings).await?;
        super::logs(&demo.app.config);
        print(&welcome(&demo))?;
        demo.run(stopped()).await?;
        print("The demo has ended.\n")
    })
}

/// Where to go, and as whom.
fn welcome(demo: &Demo) -> String {
    let mut text = format!(
        "\n  Ronda demo: {}\n\n  Console        {}\n  Demo shop      {}   (web chat)\n  WhatsApp phone {}   (write as a customer)\n\n  Everybody's password: {}\n\n",
        demo::SHOP,
        demo.app.config.link("/"),
        demo.app.config.link("/demo/"),
        demo.phone_page(),
        demo.password,
    );
    for p in demo.people() {
        text.push_str(&format!("    {:<34} {:<16} {}\n", p.email, p.name, p.what));
    }
    text.push_str(&format!(
        "\n  Data: {}{}\n  Stop it with Ctrl-C.\n\n",
        demo.app.config.data.display(),
        if demo.keeps_data() {
            ""
        } else {
            " (removed at the end; --data DIR keeps it)"
        },
    ));
    text
}
