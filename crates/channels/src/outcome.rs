//! What came of a call to a provider.

use crate::inbound::Sender;
use serde::{Deserialize, Serialize};

/// What an error asks of us. The table behind it is per channel, e.g. [`crate::whatsapp::errors`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// A passing failure of the provider: the same request may succeed later.
    Retry,
    /// Too many messages to this one person; others may go on.
    PairLimit,
    /// The account or the application as a whole is too fast.
    AccountLimit,
    /// This message will never be accepted.
    Permanent,
    /// The service window is closed: only a template may be sent.
    WindowClosed,
    /// The token is no longer valid or lacks a permission: the account is disconnected.
    Auth,
    /// Account, number or template needs a person: payment, review, block, registration.
    Configuration,
}

impl ErrorClass {
    /// Whether the same request may be sent again without a change.
    #[must_use]
    pub const fn may_retry(self) -> bool {
        matches!(self, Self::Retry | Self::PairLimit | Self::AccountLimit)
    }

    /// Milliseconds the provider asks to wait before attempt number `attempt` (the first retry is 1). The pair limit
    /// grows as 4^n s from 1 s, as the platform documents (meta-platform §8.4); the others are doubled. Zero where a
    /// retry makes no sense.
    #[must_use]
    pub fn pause_ms(self, attempt: u32) -> i64 {
        const SECOND: i64 = 1_000;
        const LONGEST: i64 = 15 * 60 * SECOND;
        let step = attempt.saturating_sub(1).min(16);
        let pause = match self {
            Self::Retry => SECOND << step.min(12),
            Self::PairLimit => SECOND << (2 * step).min(20),
            Self::AccountLimit => (5 * SECOND) << step.min(12),
            Self::Permanent | Self::WindowClosed | Self::Auth | Self::Configuration => 0,
        };
        pause.min(LONGEST)
    }
}

/// An error in the provider's words, with our class of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderError {
    /// The provider's code; 0 when the provider gave none.
    pub code: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subcode: Option<i64>,
    pub class: ErrorClass,
    /// Key of the plain-language explanation: `send.<key>` in the texts of the console.
    pub key: String,
    pub title: String,
    #[serde(default)]
    pub detail: String,
    /// HTTP status of the answer; absent for errors that arrived by webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The provider's trace of the call, for its support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

impl std::fmt::Display for ProviderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (code {}", self.title, self.code)?;
        if let Some(status) = self.http_status {
            write!(f, ", HTTP {status}")?;
        }
        f.write_str(")")?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

/// What came of sending one message. Only `Retry` may be repeated without asking anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// Accepted by the provider, which is not yet delivered.
    Sent {
        provider_id: String,
        /// The recipient as the provider knows it (`wa_id`, `user_id`); may be empty.
        contact: Sender,
        /// The provider holds the message back, e.g. a template under quality assessment.
        held: bool,
    },
    /// Refused for good; the class says what to tell and whom.
    Rejected { error: ProviderError },
    /// Not accepted, and certain not to have been: it may be sent again.
    Retry {
        /// The wait the provider named; otherwise [`ErrorClass::pause_ms`].
        after_ms: Option<i64>,
        error: ProviderError,
    },
    /// The request may have arrived and its answer was lost. Never repeated blindly (meta-platform §7.1).
    Uncertain { reason: String },
}

/// Why a call that is not a send did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error("{0}")]
    Provider(Box<ProviderError>),
    /// The provider could not be reached; nothing left this machine.
    #[error("the provider cannot be reached: {reason}")]
    Unreachable { reason: String },
    /// No usable answer within the time, although the request may have arrived.
    #[error("no answer from the provider: {reason}")]
    NoAnswer { reason: String },
    /// An answer that is not what the provider documents.
    #[error("unexpected answer of the provider: {reason}")]
    BadAnswer { reason: String },
    #[error("the file is larger than {limit} bytes")]
    TooLarge { limit: u64 },
    /// The file is no longer there under this address, even after asking for a new one.
    #[error("the file is no longer available")]
    Gone,
    /// The address is not one of the provider's media hosts; the token is not shown to it.
    #[error("files are not fetched from the host {host}")]
    ForbiddenHost { host: String },
    /// The bytes are not those the provider announced.
    #[error("the file does not have the announced checksum")]
    Checksum,
}

impl CallError {
    /// Whether asking again later can help.
    #[must_use]
    pub fn may_retry(&self) -> bool {
        match self {
            Self::Provider(error) => error.class.may_retry(),
            Self::Unreachable { .. } | Self::NoAnswer { .. } | Self::BadAnswer { .. } | Self::Checksum => true,
            Self::TooLarge { .. } | Self::Gone | Self::ForbiddenHost { .. } => false,
        }
    }
}
