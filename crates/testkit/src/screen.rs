//! An open screen: a real socket of a signed-in browser.

use crate::Browser;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Longest wait for something that must happen; nothing waits for time to pass.
const LONGEST: Duration = Duration::from_secs(20);
/// How long pings alone are read: what a test waits for does not come any more.
const ONLY_PINGS: Duration = Duration::from_secs(90);

/// A screen that follows events.
pub struct Screen {
    socket: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>,
    /// The last number the server spoke of.
    pub served: i64,
    /// Since when only pings were read.
    quiet: Option<Instant>,
    /// Frames that came together with the last one.
    came: VecDeque<Value>,
}

impl Browser {
    /// Opens the event stream; `since` replays.
    pub async fn screen(&self, since: Option<i64>) -> Screen {
        self.try_screen(since, None).await.expect("a socket")
    }

    /// As [`Browser::screen`], from a page of another origin.
    ///
    /// # Errors
    /// What the server answered instead of a socket.
    pub async fn try_screen(&self, since: Option<i64>, origin: Option<&str>) -> Result<Screen, Box<Error>> {
        let query = since.map(|s| format!("?since={s}")).unwrap_or_default();
        let url = format!("{}/api/v1/events{query}", self.address.replacen("http", "ws", 1));
        let mut request = url.into_client_request().map_err(Box::new)?;
        let headers = request.headers_mut();
        let cookie = self.cookie_header();
        headers.insert("cookie", cookie.parse().expect("a cookie"));
        if let Some(origin) = origin {
            headers.insert("origin", origin.parse().expect("an origin"));
        }
        let (socket, _) = tokio_tungstenite::connect_async(request).await.map_err(Box::new)?;
        let mut screen = Screen {
            socket,
            served: 0,
            quiet: None,
            came: VecDeque::new(),
        };
        // A server that goes away just now says nothing.
        let welcome = screen.next().await.ok_or_else(|| Box::new(Error::ConnectionClosed))?;
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        Ok(screen)
    }
}

impl Screen {
    /// The next frame; none when the server closed. Checks that no number is missing (`prev`).
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(frame) = self.came.pop_front() {
                return Some(self.seen(frame));
            }
            let message = tokio::time::timeout(LONGEST, self.socket.next())
                .await
                .expect("a frame in time")?;
            match message {
                Ok(Message::Text(text)) => {
                    let mut frame: Value = serde_json::from_str(&text).expect("JSON");
                    match frame["frames"].as_array_mut() {
                        Some(frames) => {
                            assert!(frames.len() > 1, "one frame comes as it is");
                            self.came.extend(std::mem::take(frames));
                        }
                        None => self.came.push_back(frame),
                    }
                }
                Ok(Message::Close(frame)) => {
                    return frame.map(|f| serde_json::json!({ "type": "close", "code": u16::from(f.code) }));
                }
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    fn seen(&mut self, frame: Value) -> Value {
        if frame["type"] == "event" {
            assert_eq!(frame["prev"], self.served, "a hole before {frame}");
        }
        self.quiet = match self.quiet {
            _ if frame["type"] != "ping" => None,
            None => Some(Instant::now()),
            since => since,
        };
        let quiet = self.quiet.is_some_and(|since| since.elapsed() > ONLY_PINGS);
        assert!(!quiet, "nothing but pings comes");
        if let Some(seq) = frame["seq"].as_i64() {
            self.served = seq;
        }
        frame
    }

    /// The first event that fits, with what came before it forgotten.
    pub async fn until(&mut self, kind: &str, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let frame = self
                .next()
                .await
                .unwrap_or_else(|| panic!("the socket closed before {kind}"));
            if frame["kind"] == kind && fits(&frame["body"]) {
                return frame["body"].clone();
            }
        }
    }

    /// The code with which the server closes.
    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            let frame = self.next().await?;
            if frame["type"] == "close" {
                return frame["code"].as_u64().map(|c| c as u16);
            }
        }
    }

    /// Says something.
    pub async fn says(&mut self, what: Value) {
        self.socket
            .send(Message::Text(what.to_string().into()))
            .await
            .expect("a socket");
    }

    /// Leaves politely.
    pub async fn close(mut self) {
        let _ = self.socket.close(None).await;
    }
}
