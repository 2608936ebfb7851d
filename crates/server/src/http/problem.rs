//! Errors as clients see them: RFC 9457 problem details with a stable `code` (spec G1).

use crate::app::{AppError, FieldError};
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ronda_domain::AgentId;
use ronda_storage::StoreError;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// Seconds after which a client tries again when the database is busy.
const RETRY_SECONDS: u64 = 2;

/// An error on its way to the client.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    extra: Map<String, Value>,
    retry_after: Option<u64>,
}

/// The body of every error.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A page that explains the code.
    pub r#type: String,
    pub title: String,
    pub status: u16,
    /// Stable word: decide by this.
    pub code: String,
    pub detail: String,
    /// The wrong values of the request.
    pub errors: Vec<WrongValue>,
}

/// One wrong value.
#[derive(Serialize, ToSchema)]
pub struct WrongValue {
    /// JSON pointer into the body; `/query/name` for the query.
    pub pointer: String,
    pub code: String,
    pub message: String,
}

impl Problem {
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            extra: Map::new(),
            retry_after: None,
        }
    }

    /// A wrong value of the request.
    #[must_use]
    pub fn invalid(pointer: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        AppError::field(pointer, code, message).into()
    }

    #[must_use]
    pub fn not_found() -> Self {
        AppError::NotFound.into()
    }

    /// The code and the words, where a problem is a line of a report.
    #[must_use]
    pub fn told(self) -> (&'static str, String) {
        (self.code, self.detail)
    }

    fn with(mut self, name: &str, value: Value) -> Self {
        self.extra.insert(name.into(), value);
        self
    }

    fn retry_in(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

fn owner(owner: Option<(AgentId, String)>) -> Value {
    owner.map_or(Value::Null, |(id, name)| json!({ "id": id, "name": name }))
}

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        use StatusCode as S;
        let detail = error.to_string();
        match error {
            AppError::Unauthenticated => Self::new(S::UNAUTHORIZED, "unauthenticated", detail),
            AppError::Forbidden(p) => {
                Self::new(S::FORBIDDEN, "forbidden", detail).with("permission", p.as_str().into())
            }
            AppError::Denied { code, owner: o, .. } => Self::new(S::FORBIDDEN, code, detail).with("owner", owner(o)),
            AppError::NotFirst { conversation, number } => Self::new(S::FORBIDDEN, "not_first", detail)
                .with("conversation", conversation.0.into())
                .with("number", number.into()),
            AppError::NotFound => Self::new(S::NOT_FOUND, "not_found", detail),
            AppError::Conflict { epoch, owner: o } => Self::new(S::CONFLICT, "conflict", detail)
                .with("epoch", epoch.into())
                .with("owner", owner(o)),
            AppError::NotOwner { epoch, owner: o } => Self::new(S::CONFLICT, "not_owner", detail)
                .with("epoch", epoch.into())
                .with("owner", owner(o)),
            AppError::HardCap { load, cap } => Self::new(S::CONFLICT, "hard_cap", detail)
                .with("load", load.into())
                .with("cap", cap.into()),
            AppError::CustomerWrote { last_message } => {
                Self::new(S::CONFLICT, "customer_wrote", detail).with("last_message", last_message.into())
            }
            AppError::NeedsConfirmation { code, findings } => Self::new(S::CONFLICT, "needs_confirmation", detail)
                .with("reason", code.into())
                .with("findings", findings),
            AppError::Refused { code, detail } => Self::new(S::CONFLICT, code, detail),
            AppError::VersionMismatch => Self::new(S::PRECONDITION_FAILED, "version_mismatch", detail),
            AppError::Invalid(errors) => Self {
                errors,
                ..Self::new(S::UNPROCESSABLE_ENTITY, "invalid", detail)
            },
            AppError::TooLarge { limit } => {
                Self::new(S::PAYLOAD_TOO_LARGE, "too_large", detail).with("limit", limit.into())
            }
            AppError::RateLimited { retry_after_seconds } => {
                Self::new(S::TOO_MANY_REQUESTS, "rate_limited", detail).retry_in(retry_after_seconds)
            }
            AppError::Gone { code, detail } => Self::new(S::GONE, code, detail),
            AppError::RoutingUnavailable => {
                Self::new(S::SERVICE_UNAVAILABLE, "routing_unavailable", detail).retry_in(RETRY_SECONDS)
            }
            AppError::Store(error) => error.into(),
            AppError::Internal(_) => {
                tracing::error!(error = %detail, "a request failed");
                Self::new(S::INTERNAL_SERVER_ERROR, "internal", "something went wrong on our side")
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => AppError::NotFound.into(),
            StoreError::Unavailable(_) | StoreError::CommitUnknown | StoreError::TooLong { .. } | StoreError::Retry => {
                tracing::warn!(%error, "the database was not available for a request");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "try again in a moment")
                    .retry_in(RETRY_SECONDS)
            }
            error => AppError::Internal(error.to_string()).into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = Map::new();
        body.insert("type".into(), format!("/api/docs#problem-{}", self.code).into());
        body.insert("title".into(), self.status.canonical_reason().unwrap_or("Error").into());
        body.insert("status".into(), self.status.as_u16().into());
        body.insert("code".into(), self.code.into());
        body.insert("detail".into(), self.detail.into());
        let errors: Vec<Value> = self
            .errors
            .into_iter()
            .map(|e| json!({ "pointer": e.pointer, "code": e.code, "message": e.message }))
            .collect();
        body.insert("errors".into(), errors.into());
        body.extend(self.extra);
        let mut response = (self.status, Json(Value::Object(body))).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
