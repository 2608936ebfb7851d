//! What a use case can answer instead of its result. `http/problem.rs` gives each its status and text.

use ronda_domain::permission::Permission;
use ronda_domain::{AgentId, ConversationId};
use ronda_storage::{MaybeRetry, StoreError};

/// One wrong value in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// JSON pointer into the body, or `/query/name`.
    pub pointer: String,
    /// Stable word for clients: `required`, `too_long`, `unknown`, `taken` …
    pub code: &'static str,
    /// English sentence; clients translate by `code`.
    pub message: String,
}

/// An error that a caller can act on, or the one opaque variant.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error("not signed in")]
    Unauthenticated,
    #[error("missing permission {0}")]
    Forbidden(Permission),
    /// Somebody else has a right to it; names who.
    #[error("{detail}")]
    Denied {
        code: &'static str,
        detail: String,
        owner: Option<(AgentId, String)>,
    },
    /// Only the first of the queue may be taken; names it.
    #[error("take the first of the queue: #{number}")]
    NotFirst { conversation: ConversationId, number: i64 },
    #[error("not found")]
    NotFound,
    /// Somebody changed the conversation first; names who has it now.
    #[error("the conversation has changed")]
    Conflict {
        epoch: i64,
        owner: Option<(AgentId, String)>,
    },
    /// The text cannot go to the customer: the conversation is not the caller's. Nothing typed is lost.
    #[error("the conversation is not yours")]
    NotOwner {
        epoch: i64,
        owner: Option<(AgentId, String)>,
    },
    #[error("the agent holds {load} of at most {cap}")]
    HardCap { load: i64, cap: i64 },
    #[error("the customer wrote meanwhile")]
    CustomerWrote { last_message: i64 },
    /// A consequence that a person has to confirm; `findings` is JSON for the screen.
    #[error("needs confirmation: {code}")]
    NeedsConfirmation {
        code: &'static str,
        findings: serde_json::Value,
    },
    /// Another conflict that the client knows by its code.
    #[error("{detail}")]
    Refused { code: &'static str, detail: String },
    #[error("a newer version exists")]
    VersionMismatch,
    #[error("invalid input")]
    Invalid(Vec<FieldError>),
    #[error("too large: at most {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("too many requests")]
    RateLimited { retry_after_seconds: u64 },
    /// It existed and is over: links and tokens.
    #[error("{detail}")]
    Gone { code: &'static str, detail: String },
    #[error("routing is not available")]
    RoutingUnavailable,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Internal(String),
}

/// The result of a use case.
pub type AppResult<T> = Result<T, AppError>;

impl AppError {
    /// One wrong field.
    pub fn field(pointer: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError {
            pointer: pointer.into(),
            code,
            message: message.into(),
        }])
    }
}

impl MaybeRetry for AppError {
    fn is_retry(&self) -> bool {
        matches!(self, Self::Store(StoreError::Retry))
    }
}
