//! A browser for tests: keeps cookies, says where it comes from, and fails with the whole answer.

use ronda_domain::AgentId;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// Somebody's browser.
pub struct Browser {
    client: reqwest::Client,
    pub(crate) address: String,
    cookies: Mutex<BTreeMap<String, String>>,
    /// The address the server sees.
    pub ip: String,
    /// Who is signed in.
    pub agent: AgentId,
    /// What the last sign-in answered.
    pub me: Value,
}

/// What the server answered.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
    asked: String,
}

impl Browser {
    /// A browser that nobody signed in with, for a server that the test started itself.
    #[must_use]
    pub fn at(address: &str) -> Self {
        Self::new(address)
    }

    pub(crate) fn new(address: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            client: reqwest::Client::builder().no_proxy().build().expect("a client"),
            address: address.to_owned(),
            cookies: Mutex::default(),
            ip: format!("203.0.{}.{}", n / 250 % 250, n % 250 + 1),
            agent: AgentId(0),
            me: Value::Null,
        }
    }

    /// The `Cookie` header, for sockets.
    #[must_use]
    pub fn cookie_header(&self) -> String {
        let cookies = self.cookies.lock().expect("cookies");
        cookies
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect::<Vec<_>>()
            .join("; ")
    }

    /// Forgets the session but keeps what makes the device known.
    pub fn close(&mut self) {
        self.cookies
            .lock()
            .expect("cookies")
            .retain(|n, _| n.ends_with("device"));
    }

    /// Signs in with [`crate::PASSWORD`].
    pub async fn sign_in(&mut self, email: &str) {
        let body = self.try_sign_in(email, crate::PASSWORD).await.expect(201);
        self.agent = AgentId(body["agent"]["id"].as_i64().unwrap_or(0));
        self.me = body;
    }

    pub async fn try_sign_in(&self, email: &str, password: &str) -> Answer {
        self.post("/sessions", json!({ "email": email, "password": password }))
            .await
    }

    /// A request with everything a page of ours would send, before it is sent.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let path = if path.starts_with("/api/") || path.starts_with("/chat/") || path.starts_with("/webhooks") {
            path.to_owned()
        } else {
            format!("/api/v1{path}")
        };
        self.outside(method, &path)
            .header("x-ronda", "1")
            .header("origin", &self.address)
    }

    /// A request to any address, without the headers of our own pages.
    pub fn outside(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.address))
            .header("x-forwarded-for", &self.ip);
        let cookies = self.cookie_header();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies);
        }
        request
    }

    /// Sends a request and keeps its cookies.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        self.try_send(request)
            .await
            .unwrap_or_else(|(asked, e)| panic!("{asked}: {e}"))
    }

    /// As [`Browser::send`], for servers that may go away.
    ///
    /// # Errors
    /// What was asked, and why there is no whole answer.
    pub async fn try_send(&self, request: reqwest::RequestBuilder) -> Result<Answer, (String, reqwest::Error)> {
        let request = request.build().expect("a request");
        let asked = format!("{} {}", request.method(), request.url().path());
        let response = match self.client.execute(request).await {
            Ok(response) => response,
            Err(e) => return Err((asked, e)),
        };
        for cookie in response.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().expect("a cookie");
            let (name, rest) = cookie.split_once('=').expect("a cookie");
            let value = rest.split(';').next().unwrap_or_default();
            let mut kept = self.cookies.lock().expect("cookies");
            if value.is_empty() {
                kept.remove(name);
            } else {
                kept.insert(name.into(), value.into());
            }
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = match response.text().await {
            Ok(text) => text,
            Err(e) => return Err((asked, e)),
        };
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer {
            status,
            headers,
            body,
            asked,
        })
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request("POST", path).json(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.request("PUT", path).json(&body)).await
    }

    /// Edits the version that was seen.
    pub async fn patch(&self, path: &str, version: i64, body: Value) -> Answer {
        self.send(
            self.request("PATCH", path)
                .header("if-match", format!("\"{version}\""))
                .json(&body),
        )
        .await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request("DELETE", path)).await
    }
}

impl Answer {
    /// The body of an answer with this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {:#}", self.asked, self.body);
        self.body
    }

    /// Any success.
    #[track_caller]
    pub fn ok(self) {
        assert!(
            (200..300).contains(&self.status),
            "{}: {} {:#}",
            self.asked,
            self.status,
            self.body
        );
    }

    /// The problem with this status and code.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Problem {
        assert_eq!(self.status, status, "{}: {:#}", self.asked, self.body);
        assert_eq!(self.body["code"], code, "{}: {:#}", self.asked, self.body);
        assert_eq!(
            self.headers["content-type"], "application/problem+json",
            "{}",
            self.asked
        );
        Problem { body: self.body }
    }

    /// A 422 that names this field with this code.
    #[track_caller]
    pub fn wrong(self, pointer: &str, code: &str) {
        let asked = self.asked.clone();
        let problem = self.problem(422, "invalid").body;
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        let found = errors.iter().any(|e| e["pointer"] == pointer && e["code"] == code);
        assert!(found, "{asked}: {errors:#?} does not name {pointer} {code}");
    }
}

/// The body of an expected problem.
pub struct Problem {
    pub body: Value,
}
