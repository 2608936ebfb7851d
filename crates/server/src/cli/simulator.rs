//! `ronda simulator`: the Graph API of WhatsApp on this machine, with people who write.

use super::{print, runtime, stopped};

/// Runs until Ctrl-C.
///
/// # Errors
/// When it cannot listen.
pub fn run(args: ronda_simulator::Args) -> anyhow::Result<()> {
    let config = ronda_simulator::Config::from(args);
    runtime()?.block_on(async {
        let (callback, number) = (config.callback_url.clone(), config.numbers.first().cloned());
        let (token, secret) = (config.tokens.first().cloned(), config.app_secret.clone());
        let sandbox = match &config.sandbox_key {
            Some(_) => "on: workspaces of a server with this address and the key in [sandbox] get numbers of their own",
            None => "off (--sandbox-key WORD switches it on)",
        };
        let simulator = ronda_simulator::start(config).await?;
        let number = number.unwrap_or_default();
        print(&format!(
            "The simulator is at {base}\n\
             Phone page:        {base}/phone\n\
             Webhooks go to:    {callback}\n\
             Phone number id:   {}\n\
             WABA id:           {}\n\
             Access token:      {}\n\
             App secret:        {secret}\n\
             Sandbox:           {sandbox}\n\
             Stop it with Ctrl-C.\n",
            number.phone_number_id,
            number.waba_id,
            token.unwrap_or_default(),
            base = simulator.base_url(),
        ))?;
        stopped().await;
        simulator.stop().await
    })
}
