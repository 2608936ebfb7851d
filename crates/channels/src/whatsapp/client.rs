//! The only HTTP towards the Graph API. No retries and no state: what to do with an outcome is decided by the caller.

use super::errors::classify;
use super::render::read_receipt;
use super::wire;
use crate::inbound::Sender;
use crate::outcome::{CallError, ErrorClass, ProviderError, SendOutcome};
use base64::Engine as _;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use reqwest::{RequestBuilder, Response, StatusCode, Url, header};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// The address of the real platform.
pub const GRAPH_URL: &str = "https://graph.facebook.com";
/// The version of the API used where an account names none.
pub const GRAPH_VERSION: &str = "v25.0";

/// Hosts (and their subdomains) the platform serves files from.
const META_MEDIA_HOSTS: &[&str] = &["facebook.com", "fbsbx.com", "whatsapp.net"];
/// Answers other than files are never larger than this.
const ANSWER_MAX: u64 = 8 * 1024 * 1024;
/// Pages of templates read at most; 6,000 templates are allowed by the platform.
const PAGES_MAX: usize = 200;

/// Where and how patiently to call.
#[derive(Clone, Debug)]
pub struct GraphConfig {
    /// Scheme, host and port, e.g. [`GRAPH_URL`] or the simulator's address.
    pub base_url: String,
    /// `v25.0` and the like.
    pub version: String,
    /// Further hosts files may be fetched from over https, besides the base URL's own and, for the real platform,
    /// Meta's media hosts. The token is shown to them.
    pub media_hosts: Vec<String>,
    pub connect_timeout: Duration,
    /// For calls.
    pub timeout: Duration,
    /// For files, up or down.
    pub media_timeout: Duration,
}

impl Default for GraphConfig {
    fn default() -> Self {
        Self {
            base_url: GRAPH_URL.to_owned(),
            version: GRAPH_VERSION.to_owned(),
            media_hosts: Vec::new(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(20),
            media_timeout: Duration::from_secs(120),
        }
    }
}

/// A setting the client cannot work with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ClientSetup(String);

/// A client of one API address; cheap to clone. Tokens are given per call and never kept.
#[derive(Clone, Debug)]
pub struct GraphClient {
    http: reqwest::Client,
    base: Url,
    version: String,
    media_hosts: Vec<String>,
    timeout: Duration,
    media_timeout: Duration,
}

/// A business number as the platform describes it. Words are the platform's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NumberInfo {
    pub display_phone: String,
    pub verified_name: String,
    /// `GREEN`, `YELLOW`, `RED`, `NA`, `UNKNOWN`.
    pub quality: Option<String>,
    pub name_status: Option<String>,
    /// `CONNECTED` is needed to send.
    pub status: Option<String>,
    /// `TIER_250` …
    pub messaging_limit: Option<String>,
}

/// Where a file can be fetched for a few minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaInfo {
    pub url: String,
    pub mime: Option<String>,
    /// Hex or base64, as the platform wrote it.
    pub sha256: Option<String>,
    pub size: Option<u64>,
}

/// A fetched file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaFile {
    pub bytes: Bytes,
    pub mime: Option<String>,
    /// Of the bytes received, lower-case hex.
    pub sha256: String,
}

/// A template as the platform lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateInfo {
    pub id: String,
    pub name: String,
    pub language: String,
    /// `APPROVED` alone may be sent.
    pub status: String,
    pub category: String,
    /// `POSITIONAL` or `NAMED`.
    pub parameter_format: String,
    pub rejected_reason: Option<String>,
    pub components: Vec<Value>,
}

impl GraphClient {
    /// A client with its own connections.
    ///
    /// # Errors
    /// When the address or the version cannot be used.
    pub fn new(config: &GraphConfig) -> Result<Self, ClientSetup> {
        // Another part of the process may have chosen the provider already; either is good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (base, version) = address(&config.base_url, &config.version)?;
        let http = reqwest::Client::builder()
            .user_agent(concat!("ronda/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(config.connect_timeout)
            // A redirect could carry the token to a host nobody named.
            .redirect(reqwest::redirect::Policy::none());
        let http = if is_loopback(&base) { http.no_proxy() } else { http };
        let http = http.build().map_err(|e| ClientSetup(format!("no HTTP client: {e}")))?;
        Ok(Self {
            http,
            base,
            version,
            media_hosts: config.media_hosts.clone(),
            timeout: config.timeout,
            media_timeout: config.media_timeout,
        })
    }

    /// The same connections and timeouts for an account with another address or version.
    ///
    /// # Errors
    /// As [`GraphClient::new`].
    pub fn at(&self, base_url: &str, version: &str) -> Result<Self, ClientSetup> {
        let (base, version) = address(base_url, version)?;
        Ok(Self {
            base,
            version,
            ..self.clone()
        })
    }

    /// Sends a body made by [`super::render`].
    pub async fn send(&self, phone_number_id: &str, token: &str, body: &Value) -> SendOutcome {
        let url = match self.url(&[phone_number_id, "messages"]) {
            Ok(url) => url,
            Err(reason) => {
                return SendOutcome::Rejected {
                    error: local(ErrorClass::Configuration, "number_gone", reason),
                };
            }
        };
        let request = self.http.post(url).bearer_auth(token).timeout(self.timeout).json(body);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_builder() => {
                // The request was never made: a token with characters no header may have.
                let error = local(ErrorClass::Auth, "token_invalid", reason(&error));
                return SendOutcome::Rejected { error };
            }
            Err(error) if error.is_connect() => {
                let error = local(ErrorClass::Retry, "provider_trouble", reason(&error));
                return SendOutcome::Retry { after_ms: None, error };
            }
            Err(error) => return SendOutcome::Uncertain { reason: reason(&error) },
        };
        let status = response.status();
        let after_ms = retry_after(&response);
        let bytes = match limited(response, ANSWER_MAX).await {
            Ok(bytes) => bytes,
            Err(error) => {
                return SendOutcome::Uncertain {
                    reason: error.to_string(),
                };
            }
        };
        if status.is_success() {
            let answer: wire::SendAnswer = serde_json::from_slice(&bytes).unwrap_or_default();
            let Some((id, word)) = answer
                .messages
                .into_iter()
                .find_map(|m| Some((m.id?, m.message_status)))
            else {
                return SendOutcome::Uncertain {
                    reason: "an accepting answer without a message id".into(),
                };
            };
            let contact = answer.contacts.into_iter().next().unwrap_or_default();
            return SendOutcome::Sent {
                provider_id: id,
                contact: Sender {
                    wa_id: contact.wa_id,
                    user_id: contact.user_id,
                    ..Sender::default()
                },
                held: matches!(word.as_deref(), Some("held_for_quality_assessment" | "paused")),
            };
        }
        match provider_error(status, &bytes) {
            Some((error, transient)) => {
                if error.class.may_retry() || transient && error.key == "unknown" {
                    SendOutcome::Retry { after_ms, error }
                } else {
                    SendOutcome::Rejected { error }
                }
            }
            // Not the API's own words: something between answered. Only these two say that nothing was taken.
            None if matches!(status.as_u16(), 429 | 503) => SendOutcome::Retry {
                after_ms,
                error: plain_error(status),
            },
            None if status.is_client_error() => SendOutcome::Rejected {
                error: plain_error(status),
            },
            None => SendOutcome::Uncertain {
                reason: format!("HTTP {status} without an explanation"),
            },
        }
    }

    /// Marks a message of the customer as read, and shows that an answer is being written when `typing`.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn send_read(
        &self,
        phone_number_id: &str,
        token: &str,
        provider_id: &str,
        typing: bool,
    ) -> Result<(), CallError> {
        let url = self.call_url(&[phone_number_id, "messages"])?;
        let request = self.http.post(url).json(&read_receipt(provider_id, typing));
        self.call::<Value>(request, token, self.timeout).await.map(drop)
    }

    /// Uploads a file for sending; the answer is its handle, good for 30 days.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn upload_media(
        &self,
        phone_number_id: &str,
        token: &str,
        bytes: Bytes,
        mime: &str,
        name: &str,
    ) -> Result<String, CallError> {
        let url = self.call_url(&[phone_number_id, "media"])?;
        let part = reqwest::multipart::Part::stream_with_length(bytes.clone(), bytes.len() as u64)
            .file_name(name.to_owned())
            .mime_str(mime)
            .map_err(|e| CallError::Provider(Box::new(local(ErrorClass::Permanent, "file_refused", reason(&e)))))?;
        let form = reqwest::multipart::Form::new()
            .text("messaging_product", "whatsapp")
            .text("type", mime.to_owned())
            .part("file", part);
        let answer: wire::MediaAnswer = self
            .call(self.http.post(url).multipart(form), token, self.media_timeout)
            .await?;
        answer.id.ok_or_else(|| bad("an upload was answered without an id"))
    }

    /// Where the file `media_id` can be fetched. `phone_number_id`, where given, proves whose file it is.
    ///
    /// # Errors
    /// [`CallError::Gone`] when the platform no longer knows the file; otherwise see [`CallError`].
    pub async fn media_info(
        &self,
        token: &str,
        media_id: &str,
        phone_number_id: Option<&str>,
    ) -> Result<MediaInfo, CallError> {
        let mut url = self.call_url(&[media_id])?;
        if let Some(id) = phone_number_id {
            url.query_pairs_mut().append_pair("phone_number_id", id);
        }
        let answer: wire::MediaAnswer = match self.call(self.http.get(url), token, self.timeout).await {
            Err(CallError::Provider(error)) if error.code == 100 || error.http_status == Some(404) => {
                return Err(CallError::Gone);
            }
            other => other?,
        };
        Ok(MediaInfo {
            url: answer
                .url
                .ok_or_else(|| bad("a file was described without an address"))?,
            mime: answer.mime_type,
            sha256: answer.sha256,
            size: answer.file_size.and_then(|s| u64::try_from(s).ok()),
        })
    }

    /// Fetches the file `media_id`. An address that has expired is asked for once more. At most `limit` bytes are
    /// read, the announced checksum is compared, and the token is shown to media hosts only.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn download_media(
        &self,
        token: &str,
        media_id: &str,
        phone_number_id: Option<&str>,
        limit: u64,
    ) -> Result<MediaFile, CallError> {
        for _ in 0..2 {
            let info = self.media_info(token, media_id, phone_number_id).await?;
            match self.fetch(token, &info, limit).await {
                Err(CallError::Gone) => {}
                other => return other,
            }
        }
        Err(CallError::Gone)
    }

    async fn fetch(&self, token: &str, info: &MediaInfo, limit: u64) -> Result<MediaFile, CallError> {
        let url = Url::parse(&info.url).map_err(|_| bad("the address of a file is not an address"))?;
        if !self.may_fetch(&url) {
            return Err(CallError::ForbiddenHost {
                host: url.host_str().unwrap_or_default().to_owned(),
            });
        }
        if info.size.is_some_and(|size| size > limit) {
            return Err(CallError::TooLarge { limit });
        }
        let request = self.http.get(url).bearer_auth(token).timeout(self.media_timeout);
        let response = request.send().await.map_err(unanswered)?;
        let status = response.status();
        if status == StatusCode::NOT_FOUND || status == StatusCode::GONE {
            return Err(CallError::Gone);
        }
        if !status.is_success() {
            let bytes = limited(response, ANSWER_MAX).await?;
            let error = provider_error(status, &bytes).map_or_else(|| plain_error(status), |(error, _)| error);
            return Err(CallError::Provider(Box::new(error)));
        }
        let said = response
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .map(str::to_owned);
        let bytes = limited(response, limit).await?;
        let digest = Sha256::digest(&bytes);
        if info
            .sha256
            .as_deref()
            .is_some_and(|announced| !same_digest(announced, &digest))
        {
            return Err(CallError::Checksum);
        }
        Ok(MediaFile {
            bytes,
            mime: info.mime.clone().or(said),
            sha256: hex::encode(digest),
        })
    }

    /// The API's own address, or https to a host files are known to come from.
    fn may_fetch(&self, url: &Url) -> bool {
        let same_origin = url.origin() == self.base.origin();
        let Some(host) = url.host_str() else { return false };
        let under = |known: &str| host == known || host.strip_suffix(known).is_some_and(|h| h.ends_with('.'));
        let real = self
            .base
            .host_str()
            .is_some_and(|h| h == "facebook.com" || h.ends_with(".facebook.com"));
        let meta = real && META_MEDIA_HOSTS.iter().any(|known| under(known));
        let plain = url.username().is_empty() && url.password().is_none();
        plain && (same_origin || url.scheme() == "https" && (meta || self.media_hosts.iter().any(|known| under(known))))
    }

    /// Reads a business number; also the check that a token fits it.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn read_number(&self, token: &str, phone_number_id: &str) -> Result<NumberInfo, CallError> {
        let mut url = self.call_url(&[phone_number_id])?;
        url.query_pairs_mut().append_pair(
            "fields",
            "id,display_phone_number,verified_name,quality_rating,name_status,status,\
             whatsapp_business_manager_messaging_limit",
        );
        let answer: wire::NumberAnswer = self.call(self.http.get(url), token, self.timeout).await?;
        Ok(NumberInfo {
            display_phone: answer
                .display_phone_number
                .ok_or_else(|| bad("this id is not a phone number"))?,
            verified_name: answer.verified_name.unwrap_or_default(),
            quality: answer.quality_rating,
            name_status: answer.name_status,
            status: answer.status,
            messaging_limit: answer.whatsapp_business_manager_messaging_limit,
        })
    }

    /// Subscribes the app of the token to the webhooks of a WhatsApp Business Account. With `callback` (address and
    /// verify token) the messages of this account go there instead of to the app's own callback.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn subscribe_app(
        &self,
        token: &str,
        waba_id: &str,
        callback: Option<(&str, &str)>,
    ) -> Result<(), CallError> {
        let url = self.call_url(&[waba_id, "subscribed_apps"])?;
        let request = match callback {
            Some((uri, verify)) => self
                .http
                .post(url)
                .json(&json!({ "override_callback_uri": uri, "verify_token": verify })),
            None => self.http.post(url),
        };
        self.call::<Value>(request, token, self.timeout).await.map(drop)
    }

    /// All templates of a WhatsApp Business Account, page by page.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn templates(&self, token: &str, waba_id: &str) -> Result<Vec<TemplateInfo>, CallError> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut url = self.call_url(&[waba_id, "message_templates"])?;
            url.query_pairs_mut()
                .append_pair(
                    "fields",
                    "id,name,status,category,language,components,parameter_format,rejected_reason",
                )
                .append_pair("limit", "100");
            if let Some(after) = &after {
                url.query_pairs_mut().append_pair("after", after);
            }
            let page: wire::Page = self.call(self.http.get(url), token, self.timeout).await?;
            all.extend(page.data.into_iter().filter_map(template));
            // The cursor is followed, never the address in `next`: the token stays with the API we were told of.
            let paging = page.paging.unwrap_or_default();
            match paging.cursors.and_then(|c| c.after).filter(|_| paging.next.is_some()) {
                Some(next) if after.as_ref() != Some(&next) => after = Some(next),
                _ => break,
            }
        }
        Ok(all)
    }

    fn url(&self, path: &[&str]) -> Result<Url, String> {
        let mut url = self.base.clone();
        for part in path {
            if part.is_empty() || !part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.:".contains(&b)) {
                return Err(format!("{part:?} is not an id of the platform"));
            }
        }
        url.path_segments_mut()
            .map_err(|()| "the base URL has no path".to_owned())?
            .pop_if_empty()
            .push(&self.version)
            .extend(path);
        Ok(url)
    }

    fn call_url(&self, path: &[&str]) -> Result<Url, CallError> {
        self.url(path)
            .map_err(|reason| CallError::Provider(Box::new(local(ErrorClass::Permanent, "request_refused", reason))))
    }

    async fn call<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        token: &str,
        timeout: Duration,
    ) -> Result<T, CallError> {
        let response = request
            .bearer_auth(token)
            .timeout(timeout)
            .send()
            .await
            .map_err(unanswered)?;
        let status = response.status();
        let bytes = limited(response, ANSWER_MAX).await?;
        if status.is_success() {
            return serde_json::from_slice(&bytes).map_err(|e| bad(&format!("an answer is not as documented: {e}")));
        }
        let error = provider_error(status, &bytes).map_or_else(|| plain_error(status), |(error, _)| error);
        Err(CallError::Provider(Box::new(error)))
    }
}

fn address(base_url: &str, version: &str) -> Result<(Url, String), ClientSetup> {
    let base = Url::parse(base_url).map_err(|e| ClientSetup(format!("{base_url:?} is not an address: {e}")))?;
    if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
        return Err(ClientSetup(format!("{base_url:?} is not an http(s) address")));
    }
    if base.scheme() == "http" && !is_loopback(&base) && !is_private_name(&base) {
        return Err(ClientSetup(format!(
            "{base_url:?} would show the token unencrypted on the network"
        )));
    }
    let fits = version.strip_prefix('v').is_some_and(|v| {
        v.split_once('.').is_some_and(|(a, b)| {
            !a.is_empty() && !b.is_empty() && (a.to_owned() + b).bytes().all(|c| c.is_ascii_digit())
        })
    });
    if !fits {
        return Err(ClientSetup(format!(
            "{version:?} is not a version such as {GRAPH_VERSION}"
        )));
    }
    Ok((base, version.to_owned()))
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

/// A name without a dot is a neighbour on a private network, e.g. the simulator in its own container.
fn is_private_name(url: &Url) -> bool {
    url.domain().is_some_and(|d| !d.contains('.'))
}

fn template(raw: Value) -> Option<TemplateInfo> {
    let t: wire::Template = serde_json::from_value(raw).ok()?;
    Some(TemplateInfo {
        id: t.id.unwrap_or_default(),
        name: t.name?,
        language: t.language?,
        status: t.status.unwrap_or_default(),
        category: t.category.unwrap_or_default(),
        parameter_format: t.parameter_format.unwrap_or_else(|| "POSITIONAL".to_owned()),
        rejected_reason: t.rejected_reason.filter(|r| r != "NONE"),
        components: t.components,
    })
}

/// The whole answer, refused as soon as it is larger than `limit`.
async fn limited(response: Response, limit: u64) -> Result<Bytes, CallError> {
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(CallError::TooLarge { limit });
    }
    let mut bytes = BytesMut::new();
    let mut stream = response.bytes_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(unanswered)?;
        if (bytes.len() + chunk.len()) as u64 > limit {
            return Err(CallError::TooLarge { limit });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// The error of an answer in the API's words and whether it calls itself transient; `None` for anything else.
fn provider_error(status: StatusCode, bytes: &[u8]) -> Option<(ProviderError, bool)> {
    let root: Value = serde_json::from_slice(bytes).ok()?;
    let error: wire::Error = serde_json::from_value(root.get("error")?.clone()).ok()?;
    let code = error.code.unwrap_or(0);
    let (class, key) = classify(code, Some(status.as_u16()));
    let detail = error.details();
    let transient = error.is_transient.unwrap_or(false);
    let error = ProviderError {
        code,
        subcode: error.error_subcode,
        class,
        key: key.to_owned(),
        title: error.title.or(error.message).unwrap_or_default(),
        detail,
        http_status: Some(status.as_u16()),
        trace_id: error.fbtrace_id,
    };
    Some((error, transient))
}

/// An answer that is not the API's own, judged by its status alone.
fn plain_error(status: StatusCode) -> ProviderError {
    // Code -1 is none of the platform's, so that the status decides.
    let (class, key) = classify(-1, Some(status.as_u16()));
    let title = format!("HTTP {status}");
    ProviderError {
        http_status: Some(status.as_u16()),
        ..local_with(class, key, title, String::new())
    }
}

/// A failure on our side of the wire.
fn local(class: ErrorClass, key: &str, detail: String) -> ProviderError {
    local_with(class, key, "The request was not made".to_owned(), detail)
}

fn local_with(class: ErrorClass, key: &str, title: String, detail: String) -> ProviderError {
    ProviderError {
        code: 0,
        subcode: None,
        class,
        key: key.to_owned(),
        title,
        detail,
        http_status: None,
        trace_id: None,
    }
}

fn bad(reason: &str) -> CallError {
    CallError::BadAnswer {
        reason: reason.to_owned(),
    }
}

fn unanswered(error: reqwest::Error) -> CallError {
    if error.is_builder() {
        CallError::Provider(Box::new(local(ErrorClass::Auth, "token_invalid", reason(&error))))
    } else if error.is_connect() {
        CallError::Unreachable { reason: reason(&error) }
    } else {
        CallError::NoAnswer { reason: reason(&error) }
    }
}

/// The innermost cause, without the address: addresses of files carry secrets.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause = std::error::Error::source(error);
    let mut said = "the connection failed".to_owned();
    while let Some(inner) = cause {
        said = inner.to_string();
        cause = inner.source();
    }
    said
}

fn retry_after(response: &Response) -> Option<i64> {
    let seconds: i64 = response
        .headers()
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    (0..=3_600).contains(&seconds).then_some(seconds * 1_000)
}

/// Compares with hex or base64; a form we do not recognise proves nothing and is let through.
fn same_digest(announced: &str, digest: &[u8]) -> bool {
    let announced = announced.trim();
    let bytes = match announced.len() {
        64 => hex::decode(announced).ok(),
        43 | 44 => {
            let bare = announced.trim_end_matches('=').replace('-', "+").replace('_', "/");
            base64::engine::general_purpose::STANDARD_NO_PAD.decode(bare).ok()
        }
        _ => None,
    };
    bytes.is_none_or(|b| b == digest)
}
