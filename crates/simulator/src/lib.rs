//! A local Graph API for WhatsApp: the endpoints Ronda calls, the webhooks it receives, and people who write.
//!
//! It is reached over HTTP only, so that nothing in the product differs except a base URL. Everything lives in memory
//! and nothing leaves the machine: the only outgoing requests are webhooks to the configured callback.
//!
//! * `/{version}/…` behaves like graph.facebook.com ([`graph`], [`validate`]).
//! * `/_sim/…` plays the other side: people, faults, traffic, events ([`control`]).
//! * `/` is a phone on which a person writes as a customer.

mod config;
mod control;
mod graph;
mod page;
mod samples;
mod store;
mod traffic;
mod validate;
mod webhook;

pub use config::{Args, Config, Delays, Faults, Number, Traffic};
pub use store::{Event, Message, Person};

use anyhow::{Context as _, ensure};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Everything the parts share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sim(Arc<Shared>);

pub(crate) struct Shared {
    pub config: Config,
    pub store: store::Store,
    pub hooks: webhook::Hooks,
    pub traffic: traffic::Control,
    pub stop: CancellationToken,
}

impl std::ops::Deref for Sim {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// A running simulator. Dropping it stops it.
pub struct Simulator {
    sim: Sim,
    address: SocketAddr,
    server: Option<JoinHandle<std::io::Result<()>>>,
}

impl Simulator {
    /// The address it listens on; tells the port where the configuration asked for any.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to configure as Graph base URL.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes how many new customers write; as `POST /_sim/traffic`.
    pub fn set_traffic(&self, traffic: Traffic) {
        self.sim.traffic.set(traffic);
    }

    /// Changes the faults; as `POST /_sim/faults`.
    pub fn set_faults(&self, faults: Faults) {
        self.sim.store.set_faults(faults);
    }

    fn person(&self, digits: &str, name: &str) -> anyhow::Result<()> {
        ensure!(
            !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()),
            "a phone number is digits"
        );
        self.sim.store.person_or(digits, |p| name.clone_into(&mut p.name));
        Ok(())
    }

    /// A person has written this text to the first number before the simulator started: they can be answered, and
    /// nobody is told again.
    ///
    /// # Errors
    /// When the digits are no phone number.
    pub fn recall(&self, digits: &str, name: &str, text: &str) -> anyhow::Result<()> {
        self.person(digits, name)?;
        match control::recall(&self.sim, digits, text) {
            Ok(()) => Ok(()),
            Err(_) => anyhow::bail!("the simulator has no number"),
        }
    }

    /// A person writes a text to the first number; unknown people are made. As `POST /_sim/people` and its messages.
    ///
    /// # Errors
    /// When the digits are no phone number or the text cannot be sent.
    pub fn write(&self, digits: &str, name: &str, text: &str) -> anyhow::Result<()> {
        self.person(digits, name)?;
        let writing = control::Writing {
            text: Some(text.to_owned()),
            ..control::Writing::default()
        };
        match control::say(&self.sim, digits, writing) {
            Ok(_) => Ok(()),
            Err(_) => anyhow::bail!("the simulator refused the message"),
        }
    }

    /// Stops accepting, ends all tasks and waits for the server to close.
    ///
    /// # Errors
    /// When the server ended with an I/O error.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.sim.stop.cancel();
        match self.server.take() {
            Some(server) => Ok(server.await??),
            None => Ok(()),
        }
    }

    /// Waits until the server ends by itself or by [`Simulator::stop`] from elsewhere.
    ///
    /// # Errors
    /// When the server ended with an I/O error.
    pub async fn wait(mut self) -> anyhow::Result<()> {
        match self.server.take() {
            Some(server) => Ok(server.await??),
            None => Ok(()),
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.sim.stop.cancel();
    }
}

/// The numbers made in earlier runs.
fn kept(config: &Config) -> anyhow::Result<Vec<Number>> {
    let Some(file) = &config.numbers_file else {
        return Ok(Vec::new());
    };
    match std::fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| format!("{} holds no numbers", file.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
    }
}

impl Shared {
    /// Keeps what was made or changed about a number for the next run.
    fn keep_numbers(&self) {
        if let Some(file) = &self.config.numbers_file
            && let Err(error) = self.store.keep_numbers(file)
        {
            tracing::warn!(file = %file.display(), %error, "the numbers of the simulator were not kept");
        }
    }
}

/// Starts a simulator.
///
/// # Errors
/// When the address cannot be bound, is not loopback without [`Config::allow_remote`], or a setting is unusable.
pub async fn start(config: Config) -> anyhow::Result<Simulator> {
    ensure!(
        config.allow_remote || config.listen.ip().is_loopback(),
        "the simulator listens on loopback only ({} is not); allow_remote says otherwise",
        config.listen
    );
    ensure!(
        !config.numbers.is_empty(),
        "the simulator needs at least one business number"
    );
    // Another part of the process may have chosen the provider already; either is good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("the simulator cannot listen on {}", config.listen))?;
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let sim = Sim(Arc::new(Shared {
        store: store::Store::new(&config, kept(&config)?),
        hooks: webhook::Hooks::new(&config)?,
        traffic: traffic::Control::new(config.traffic.clone()),
        stop: stop.clone(),
        config,
    }));
    webhook::run(&sim);
    traffic::run(&sim);
    let app = axum::Router::new()
        .merge(page::routes())
        .merge(control::routes())
        .merge(graph::routes())
        .with_state(sim.clone());
    let closing = stop.clone();
    let server = tokio::spawn(async move {
        let serve = axum::serve(listener, app).with_graceful_shutdown(closing.clone().cancelled_owned());
        // Event streams never end by themselves: after the signal the connections get a moment, no more.
        tokio::select! {
            ended = async { serve.await } => ended,
            () = async { closing.cancelled().await; tokio::time::sleep(std::time::Duration::from_millis(300)).await } => Ok(()),
        }
    });
    tracing::info!(%address, "simulator listening");
    Ok(Simulator {
        sim,
        address,
        server: Some(server),
    })
}
