//! A visitor of a web chat, over its own API.

use crate::{Answer, Browser, TestApp};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

/// A visitor with their token.
pub struct Visitor {
    browser: Browser,
    pub token: String,
}

impl TestApp {
    /// A web chat of the owner's workspace; its public key.
    pub async fn web_chat(&self, owner: &Browser, settings: Value) -> (i64, String) {
        let mut body = json!({ "kind": "web_chat", "name": "Tienda" });
        for (key, value) in settings.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        let account = owner.post("/channel-accounts", body).await.expect(201);
        (
            account["id"].as_i64().expect("an id"),
            account["external_id"].as_str().expect("a key").to_owned(),
        )
    }

    /// Somebody who opened the chat and is about to write.
    pub async fn visitor(&self, key: &str) -> Visitor {
        Visitor::opens(self.browser(), key).await
    }
}

impl Visitor {
    /// Somebody who opened the chat with this key and is about to write.
    pub async fn opens(browser: Browser, key: &str) -> Self {
        let request = browser
            .outside("POST", "/chat/v1/visitors")
            .json(&json!({ "site_key": key, "page": { "url": "https://shop.example/" } }));
        let made = browser.send(request).await.expect(201);
        Self {
            browser,
            token: made["token"].as_str().expect("a token").to_owned(),
        }
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.browser
            .outside(method, &format!("/chat/v1/{path}"))
            .bearer_auth(&self.token)
    }

    /// The same visitor, over another address of the server.
    #[must_use]
    pub fn elsewhere(&self, address: &str) -> Self {
        Self {
            browser: Browser::at(address),
            token: self.token.clone(),
        }
    }

    /// Opens the visitor's socket; what it is told comes out of the channel.
    pub async fn listens(&self) -> tokio::sync::mpsc::UnboundedReceiver<Value> {
        let address = self.browser.address.replacen("http", "ws", 1);
        let url = format!("{address}/chat/v1/events?token={}", self.token);
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("a socket");
        let (told, heard) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) = socket.next().await {
                let frame = message.to_text().ok().and_then(|t| serde_json::from_str(t).ok());
                if frame.is_some_and(|frame| told.send(frame).is_err()) {
                    return;
                }
            }
        });
        heard
    }

    /// Writes a text; the stored message.
    pub async fn writes(&self, text: &str) -> Value {
        self.sends(&uuid::Uuid::now_v7().to_string(), text).await.expect(201)
    }

    /// Sends a text under an id of one's own.
    pub async fn sends(&self, client_id: &str, text: &str) -> Answer {
        let request = self
            .request("POST", "messages")
            .json(&json!({ "client_id": client_id, "text": text }));
        self.browser.send(request).await
    }

    /// Everything after a message, and how the conversation stands.
    pub async fn reads(&self, after: i64) -> Value {
        let request = self.request("GET", &format!("messages?after={after}"));
        self.browser.send(request).await.expect(200)
    }

    /// Calls any other address of the visitors' API.
    pub async fn calls(&self, method: &str, path: &str, body: Value) -> Answer {
        let request = self.request(method, path);
        let request = if method == "GET" { request } else { request.json(&body) };
        self.browser.send(request).await
    }
}
