//! What requests bring and lists give: bodies and queries with every wrong value named, versions, pages.

use crate::app::AppError;
use crate::http::problem::Problem;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Most items of one page of a list. Source: spec DEV-9.
const MOST_ITEMS: i64 = 200;
const USUAL_ITEMS: i64 = 50;

/// A JSON body. Fields that are not known are refused: give `T` `#[serde(deny_unknown_fields)]`.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .is_none_or(|t| t.starts_with("application/json"));
        if !json {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not_json",
                "send application/json",
            ));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(unreadable)?;
        // No body is an empty object: commands have only optional fields.
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|e| wrong_json(&e))?;
        reader.end().map_err(|e| Problem::invalid("", "json", e.to_string()))?;
        Ok(Self(value))
    }
}

fn unreadable(rejection: BytesRejection) -> Problem {
    match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is too large")
        }
        other => Problem::new(StatusCode::BAD_REQUEST, "unreadable", other.body_text()),
    }
}

fn wrong_json(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let text = error.inner().to_string();
    if error.inner().is_syntax() || error.inner().is_eof() {
        return Problem::new(StatusCode::BAD_REQUEST, "json", format!("not JSON: {text}"));
    }
    let mut pointer = String::new();
    for segment in error.path() {
        use serde_path_to_error::Segment as S;
        match segment {
            S::Seq { index } => pointer.push_str(&format!("/{index}")),
            S::Map { key } => pointer.push_str(&format!("/{}", escape(key))),
            S::Enum { .. } | S::Unknown => {}
        }
    }
    let (name, code, message) = explain(&text);
    if let Some(name) = name {
        let name = format!("/{}", escape(&name));
        if !pointer.ends_with(&name) {
            pointer.push_str(&name);
        }
    }
    Problem::invalid(pointer, code, message)
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// `(field it names, code, message)` of a sentence of the deserializer.
fn explain(text: &str) -> (Option<String>, &'static str, String) {
    let quoted = || text.split('`').nth(1).map(str::to_owned);
    let message = text.split(" at line ").next().unwrap_or(text).to_owned();
    if text.starts_with("unknown field") {
        (quoted(), "unknown", message)
    } else if text.starts_with("missing field") {
        (quoted(), "required", "this is needed".into())
    } else if text.starts_with("unknown variant") {
        (None, "not_one_of", message)
    } else {
        (None, "type", message)
    }
}

/// The query of a request, `#[serde(deny_unknown_fields)]` as bodies.
pub struct Filter<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Filter<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        axum::extract::Query::<T>::try_from_uri(&parts.uri)
            .map(|q| Self(q.0))
            .map_err(|rejection| {
                let text = rejection.body_text();
                let text = text
                    .strip_prefix("Failed to deserialize query string: ")
                    .unwrap_or(&text);
                let (path, sentence) = text.split_once(": ").unwrap_or(("", text));
                let (name, code, message) = explain(sentence);
                let (name, code, message) = match name {
                    Some(name) => (name, code, message),
                    None => {
                        let (inner, code, message) = explain(text);
                        (inner.unwrap_or_else(|| path.to_owned()), code, message)
                    }
                };
                Problem::invalid(format!("/query/{name}"), code, message)
            })
    }
}

/// Parts of the path. What does not parse names nothing: 404.
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        axum::extract::Path::<T>::from_request_parts(parts, state)
            .await
            .map(|p| Self(p.0))
            .map_err(|_| Problem::not_found())
    }
}

/// Which page of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// Items of a page, 1 to 200; 50 when left out.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Page {
    /// # Errors
    /// When it is out of range.
    pub fn limit(&self) -> Result<i64, AppError> {
        limit_of(self.limit)
    }

    /// Where the page begins: what [`cursor`] was given, or `first`.
    ///
    /// # Errors
    /// When the cursor is none of ours.
    pub fn after(&self, first: i64) -> Result<i64, AppError> {
        self.cursor.as_deref().map_or(Ok(first), read_cursor)
    }
}

/// Checks the `limit` of a list that has more filters than a [`Page`].
///
/// # Errors
/// When it is out of range.
pub fn limit_of(limit: Option<i64>) -> Result<i64, AppError> {
    match limit.unwrap_or(USUAL_ITEMS) {
        n if (1..=MOST_ITEMS).contains(&n) => Ok(n),
        _ => Err(AppError::field("/query/limit", "out_of_range", "from 1 to 200")),
    }
}

/// An opaque cursor made of whatever the list is ordered by.
#[must_use]
pub fn cursor<T: Serialize>(place: &T) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default())
}

/// The place a cursor was made of.
///
/// # Errors
/// When it is none of ours.
pub fn read_cursor<T: DeserializeOwned>(text: &str) -> Result<T, AppError> {
    URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| AppError::field("/query/cursor", "cursor", "not a cursor of this list"))
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Paged<T> {
    pub items: Vec<T>,
    /// Give it back as `cursor` for the next page; `null` at the end.
    pub next_cursor: Option<String>,
}

impl<T> Paged<T> {
    /// A page of at most `limit` items; a full one has a next page that begins after the place of its last item.
    #[must_use]
    pub fn of<P: Serialize>(items: Vec<T>, limit: i64, place: impl Fn(&T) -> P) -> Self {
        let full = items.len() as i64 >= limit;
        let next_cursor = items.last().filter(|_| full).map(|last| cursor(&place(last)));
        Self { items, next_cursor }
    }

    /// A short list that is never cut.
    #[must_use]
    pub fn whole(items: Vec<T>) -> Self {
        Self {
            items,
            next_cursor: None,
        }
    }
}

impl<T: Serialize> IntoResponse for Paged<T> {
    fn into_response(self) -> Response {
        axum::Json(self).into_response()
    }
}

/// The version a client edits (`If-Match: "3"`, spec G2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IfMatch(pub i64);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if_match(&parts.headers)?.map(Self).ok_or_else(|| {
            Problem::new(
                StatusCode::PRECONDITION_REQUIRED,
                "version_required",
                "send If-Match with the version that is being edited",
            )
        })
    }
}

fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let version = value
        .to_str()
        .ok()
        .and_then(|t| t.trim().trim_start_matches("W/").trim_matches('"').parse().ok());
    // An etag that is none of ours matches nothing.
    version.map(Some).ok_or_else(|| AppError::VersionMismatch.into())
}

/// An answer with its version as `ETag`.
pub struct Versioned<T>(pub T, pub i64);

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        let mut response = axum::Json(self.0).into_response();
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", self.1)) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}
