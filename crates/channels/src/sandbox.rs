//! Numbers for trying things out without the platform. Something that stands in for it gives them out, over HTTP as
//! everything else. From then on such a number is used by the client of its channel, as any other: only the base address
//! is another one.

use reqwest::{Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// A person has clicked and waits.
const TIMEOUT: Duration = Duration::from_secs(5);
/// An answer is never larger than this, in bytes.
const ANSWER_MAX: u64 = 64 * 1024;

/// A number that was given out, with what opens it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SandboxNumber {
    pub phone_number_id: String,
    pub waba_id: String,
    pub display_phone: String,
    pub access_token: String,
    pub app_secret: String,
}

/// Why the sandbox gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SandboxError {
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// It answered, and no.
    #[error("it refused: {0}")]
    Refused(String),
}

/// Whoever gives numbers out.
#[derive(Clone, Debug)]
pub struct Sandbox {
    http: reqwest::Client,
    base: Url,
    key: String,
}

impl Sandbox {
    /// # Errors
    /// [`SandboxError::Unreachable`] when no client can be made.
    pub fn new(base: Url, key: &str) -> Result<Self, SandboxError> {
        // Another part of the process may have chosen the provider already; either is good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent(concat!("ronda/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            // A redirect could carry the key to a host nobody named.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(unreachable)?;
        Ok(Self {
            http,
            base,
            key: key.to_owned(),
        })
    }

    /// The number of `owner`, the same one every time; `name` is what its profile shows when it is made.
    ///
    /// # Errors
    /// See [`SandboxError`].
    pub async fn number(&self, owner: &str, name: &str) -> Result<SandboxNumber, SandboxError> {
        let body = json!({ "owner": owner, "verified_name": name });
        let answer = self.post(&["_sim", "numbers"], &body).await?;
        serde_json::from_value(answer).map_err(|e| SandboxError::Refused(format!("an answer that is no number: {e}")))
    }

    /// Somebody new writes `text` to the number.
    ///
    /// # Errors
    /// See [`SandboxError`].
    pub async fn hello(&self, phone_number_id: &str, name: &str, text: &str) -> Result<(), SandboxError> {
        let body = json!({ "name": name, "text": text });
        self.post(&["_sim", "numbers", phone_number_id, "hello"], &body)
            .await
            .map(drop)
    }

    async fn post(&self, path: &[&str], body: &Value) -> Result<Value, SandboxError> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| SandboxError::Unreachable("its address has no path".into()))?
            .pop_if_empty()
            .extend(path);
        let request = self.http.post(url).bearer_auth(&self.key).json(body);
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let answer = limited(response).await?;
        if status.is_success() {
            return Ok(answer);
        }
        Err(match answer["error"].as_str() {
            Some(why) => SandboxError::Refused(why.to_owned()),
            None if status == StatusCode::NOT_FOUND => {
                SandboxError::Refused("what answers at its address gives no numbers".into())
            }
            None => SandboxError::Refused(format!("HTTP {}", status.as_u16())),
        })
    }
}

async fn limited(mut response: Response) -> Result<Value, SandboxError> {
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(unreachable)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() as u64 > ANSWER_MAX {
            return Err(SandboxError::Refused("an answer that is too large".into()));
        }
    }
    // What is not JSON is judged by its status.
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}

/// Without the address, which stands in the configuration: what is told reaches people who may not know it.
fn unreachable(error: reqwest::Error) -> SandboxError {
    SandboxError::Unreachable(error.without_url().to_string())
}
