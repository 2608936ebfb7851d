//! What a simulator pretends to be, and how badly it behaves.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Settings of a simulator. [`Default`] is the sandbox every guide and test assumes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub listen: SocketAddr,
    /// Permits an address that is not loopback. There is no sign-in, so this is for isolated networks only.
    pub allow_remote: bool,
    /// Where webhooks go, unless a number or an account names another place.
    pub callback_url: String,
    pub verify_token: String,
    /// Signs the webhooks.
    pub app_secret: String,
    /// Tokens the API accepts.
    pub tokens: Vec<String>,
    pub numbers: Vec<Number>,
    /// Whoever shows it may have numbers made (`POST /_sim/numbers`). Without it nobody may.
    pub sandbox_key: Option<String>,
    /// Where made numbers are kept between two runs, with their secrets. Without it they are forgotten.
    pub numbers_file: Option<PathBuf>,
    pub delays: Delays,
    /// Whether people created by the API read what they receive after [`Delays::read_ms`].
    pub auto_read: bool,
    pub webhook_timeout_ms: u64,
    /// Pause before the first repetition of a webhook; it doubles each time up to a minute.
    pub webhook_retry_ms: u64,
    pub webhook_attempts: u32,
    /// How long the address of a file is good for.
    pub media_url_seconds: i64,
    /// How long a new template is in review.
    pub template_review_ms: u64,
    /// Sends a second per number before 130429.
    pub per_second: u32,
    /// Sends in a row to one person before 131056; one is earned back every [`Config::pair_seconds`].
    pub pair_burst: u32,
    pub pair_seconds: u32,
    pub traffic: Traffic,
    pub faults: Faults,
    /// Makes the traffic repeatable; absent means different every time.
    pub seed: Option<u64>,
}

/// A business number.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Number {
    pub phone_number_id: String,
    pub waba_id: String,
    pub display_phone: String,
    pub verified_name: String,
    /// Where webhooks of this number go instead of [`Config::callback_url`].
    pub callback_url: Option<String>,
    /// For whom it was made: asking again for the same gives the same number. None for those of the configuration.
    pub owner: Option<String>,
    /// A token that opens this number and its account alone, beside [`Config::tokens`].
    pub access_token: Option<String>,
    /// Signs what goes to a callback of its own; what goes to [`Config::callback_url`] is signed with
    /// [`Config::app_secret`].
    pub app_secret: Option<String>,
}

/// Pauses before the states of an outgoing message, each counted from the one before.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delays {
    pub sent_ms: u64,
    pub delivered_ms: u64,
    pub read_ms: u64,
}

/// Customers that write by themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Traffic {
    /// New conversations a minute; 0 is none.
    pub per_minute: f64,
    /// Conversations going on at once; new ones wait when it is reached.
    pub max_active: usize,
    /// How fast people type, read and lose patience; 1 is life, 10 is ten times faster.
    pub speed: f64,
    /// Share of conversations begun by somebody who has written before.
    pub returning: f64,
}

/// What goes wrong. Rates are between 0 and 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Pause before every answer of the API.
    pub answer_delay_ms: u64,
    /// Share of sends that are carried out and whose answer is lost.
    pub lost_answer_rate: f64,
    /// Code with which sends are refused, and the share of them.
    pub error_code: Option<i64>,
    pub error_rate: f64,
    /// Code with which accepted sends fail later, and the share of them.
    pub failed_code: Option<i64>,
    pub failed_rate: f64,
    /// Sends to this number (digits) are refused with this code. Besides, any number `999` + code always is.
    pub by_number: BTreeMap<String, i64>,
    /// A closed window is reported by a failed status instead of by the answer.
    pub window_by_status: bool,
    /// Pause before every webhook, and up to how much more at random.
    pub webhook_delay_ms: u64,
    pub webhook_jitter_ms: u64,
    /// Share of webhooks sent twice, overtaken by later ones, or lost.
    pub duplicate_rate: f64,
    pub reorder_rate: f64,
    pub drop_rate: f64,
    /// Several webhooks waiting for the same callback go in one body.
    pub batch: bool,
    /// States of an outgoing message.
    pub skip_delivered: bool,
    pub reverse_statuses: bool,
    pub never_read: bool,
    /// The `conversation` object of older API versions.
    pub conversation_object: bool,
    /// Leaves out the scoped user ids, as before 2026.
    pub no_user_ids: bool,
    /// Leaves out phone numbers of everybody, as for people who adopted a username.
    pub hide_phones: bool,
    /// Turns the rate limits (130429, 131056) off.
    pub no_rate_limits: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8090)),
            allow_remote: false,
            callback_url: "http://127.0.0.1:8080/webhooks/meta".into(),
            verify_token: "sim-verify".into(),
            app_secret: "sim-app-secret".into(),
            tokens: vec!["sim-token".into()],
            numbers: vec![Number::default()],
            sandbox_key: None,
            numbers_file: None,
            delays: Delays::default(),
            auto_read: true,
            webhook_timeout_ms: 5_000,
            webhook_retry_ms: 1_000,
            webhook_attempts: 20,
            media_url_seconds: 300,
            template_review_ms: 30_000,
            per_second: 80,
            pair_burst: 45,
            pair_seconds: 6,
            traffic: Traffic::default(),
            faults: Faults::default(),
            seed: None,
        }
    }
}

impl Default for Number {
    fn default() -> Self {
        Self {
            phone_number_id: "100000000000001".into(),
            waba_id: "200000000000001".into(),
            display_phone: "+54 9 11 5555-0100".into(),
            verified_name: "Ronda Demo".into(),
            callback_url: None,
            owner: None,
            access_token: None,
            app_secret: None,
        }
    }
}

impl Number {
    /// The number as webhooks write it.
    #[must_use]
    pub fn digits(&self) -> String {
        self.display_phone.chars().filter(char::is_ascii_digit).collect()
    }
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            sent_ms: 150,
            delivered_ms: 500,
            read_ms: 2_500,
        }
    }
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            per_minute: 0.0,
            max_active: 80,
            speed: 1.0,
            returning: 0.2,
        }
    }
}

/// The settings people give on a command line; everything else keeps its default.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Address the simulator listens on.
    #[arg(long, default_value = "127.0.0.1:8090")]
    pub listen: SocketAddr,
    /// Permit an address that is not loopback (there is no sign-in).
    #[arg(long)]
    pub allow_remote: bool,
    /// Where webhooks go.
    #[arg(long, default_value = "http://127.0.0.1:8080/webhooks/meta")]
    pub callback: String,
    /// New simulated conversations a minute.
    #[arg(long, default_value_t = 0.0)]
    pub per_minute: f64,
    /// How fast simulated people are; 1 is life.
    #[arg(long, default_value_t = 1.0)]
    pub speed: f64,
    /// Makes the traffic repeatable.
    #[arg(long)]
    pub seed: Option<u64>,
    /// The word with which a server may have numbers made, its `sandbox.key`. Without it nobody may.
    #[arg(long)]
    pub sandbox_key: Option<String>,
    /// Keep made numbers, with their secrets, in this file; without it they are forgotten at the end.
    #[arg(long)]
    pub numbers: Option<PathBuf>,
}

impl From<Args> for Config {
    fn from(args: Args) -> Self {
        Self {
            listen: args.listen,
            allow_remote: args.allow_remote,
            callback_url: args.callback,
            traffic: Traffic {
                per_minute: args.per_minute,
                speed: args.speed,
                ..Traffic::default()
            },
            seed: args.seed,
            sandbox_key: args.sandbox_key.filter(|key| !key.is_empty()),
            numbers_file: args.numbers,
            ..Self::default()
        }
    }
}
