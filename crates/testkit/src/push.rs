//! A push service on this machine, and browsers that read what it was given: they know nothing of how it was encrypted
//! but the standards (RFC 8188, 8291, 8292).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use p256::{PublicKey, SecretKey};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Longest wait for a push. Source: spec AG-3, check 1.
const IN_TIME: Duration = Duration::from_secs(5);

/// What the push service was given.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    /// By their lower-case names.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// The push service. It takes everything, unless it was told to answer otherwise.
pub struct PushService {
    /// `http://127.0.0.1:port`.
    pub address: String,
    received: tokio::sync::Mutex<UnboundedReceiver<Received>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

impl PushService {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("the port"));
        let answers: Arc<Mutex<VecDeque<u16>>> = Arc::default();
        let (told, received) = unbounded_channel();
        let its = answers.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, its.clone(), told.clone()));
            }
        });
        Self {
            address,
            received: tokio::sync::Mutex::new(received),
            answers,
        }
    }

    /// The next answers are these, in this order.
    pub fn answers(&self, statuses: &[u16]) {
        self.answers.lock().expect("answers").extend(statuses);
    }

    /// The next push, which comes in time.
    pub async fn next(&self) -> Received {
        let mut received = self.received.lock().await;
        let next = tokio::time::timeout(IN_TIME, received.recv()).await;
        next.expect("a push within five seconds").expect("the service runs")
    }

    /// What came and was not looked at.
    pub async fn rest(&self) -> Vec<Received> {
        let mut received = self.received.lock().await;
        std::iter::from_fn(|| received.try_recv().ok()).collect()
    }
}

async fn serve(
    mut socket: tokio::net::TcpStream,
    answers: Arc<Mutex<VecDeque<u16>>>,
    told: UnboundedSender<Received>,
) -> Option<()> {
    let mut bytes = Vec::new();
    loop {
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
                break end;
            }
            if socket.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        let text = String::from_utf8(bytes[..head].to_vec()).ok()?;
        let mut lines = text.split("\r\n");
        let path = lines.next()?.split(' ').nth(1)?.to_owned();
        let headers: BTreeMap<String, String> = lines
            .filter_map(|l| l.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length: usize = headers.get("content-length")?.parse().ok()?;
        while bytes.len() < head + 4 + length {
            if socket.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        }
        let body = bytes[head + 4..head + 4 + length].to_vec();
        bytes.drain(..head + 4 + length);
        let status = answers.lock().expect("answers").pop_front().unwrap_or(201);
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nlocation: http://127.0.0.1:1/\r\n\r\n");
        socket.write_all(answer.as_bytes()).await.ok()?;
        told.send(Received { path, headers, body }).ok()?;
    }
}

/// The browser of an agent as a push service knows it.
pub struct PushBrowser {
    pub endpoint: String,
    secret: SecretKey,
    auth: [u8; 16],
}

impl PushBrowser {
    #[must_use]
    pub fn new(service: &PushService, name: &str) -> Self {
        let random = || *uuid::Uuid::new_v4().as_bytes();
        Self {
            endpoint: format!("{}/{name}", service.address),
            secret: SecretKey::from_slice(&[random(), random()].concat()).expect("a key"),
            auth: random(),
        }
    }

    /// As the page hands it to the server.
    #[must_use]
    pub fn subscription(&self, label: &str) -> Value {
        let public = self.secret.public_key().to_encoded_point(false).as_bytes().to_vec();
        json!({
            "endpoint": self.endpoint, "label": label, "language": "es",
            "keys": { "p256dh": URL_SAFE_NO_PAD.encode(public), "auth": URL_SAFE_NO_PAD.encode(self.auth) },
        })
    }

    /// What a push says, after everything about it was checked: who sent it, to whom, and that nobody else could read it.
    #[must_use]
    pub fn reads(&self, push: &Received, public_key: &str) -> Value {
        assert!(
            self.endpoint.ends_with(&push.path),
            "{} is not {}",
            push.path,
            self.endpoint
        );
        assert_eq!(push.headers["content-encoding"], "aes128gcm");
        assert!(push.headers["ttl"].parse::<u32>().is_ok());
        let origin = self.endpoint.strip_suffix(&push.path).expect("an origin");
        proven(&push.headers["authorization"], public_key, origin);
        let text = decrypt(&self.secret, &self.auth, &push.body);
        serde_json::from_slice(&text).expect("JSON")
    }
}

/// RFC 8292: a JSON Web Token of the installation's key for this push service.
fn proven(authorization: &str, public_key: &str, origin: &str) {
    let rest = authorization.strip_prefix("vapid t=").expect("the scheme");
    let (token, key) = rest.split_once(", k=").expect("token and key");
    assert_eq!(key, public_key);
    let (text, signature) = token.rsplit_once('.').expect("a signature");
    let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("base64url");
    let key = VerifyingKey::from_sec1_bytes(&bytes(key)).expect("a point");
    let signature = Signature::from_slice(&bytes(signature)).expect("a signature");
    key.verify(text.as_bytes(), &signature).expect("signed by it");
    let claims: Value = serde_json::from_slice(&bytes(text.split_once('.').expect("claims").1)).expect("JSON");
    assert_eq!(claims["aud"], origin);
    let contact = claims["sub"].as_str().expect("a contact");
    assert!(
        contact.starts_with("mailto:") || contact.starts_with("https:"),
        "{contact}"
    );
    assert!(claims["exp"].as_i64().is_some(), "{claims}");
}

fn hmac(key: &[u8], text: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key");
    text.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// RFC 8291 §3.4, read from the other side.
fn decrypt(secret: &SecretKey, auth: &[u8], body: &[u8]) -> Vec<u8> {
    let (salt, rest) = body.split_at(16);
    let (size, rest) = rest.split_at(4);
    assert!(
        u32::from_be_bytes(size.try_into().expect("four")) as usize >= rest.len() - 66,
        "one record"
    );
    assert_eq!(rest[0], 65);
    let (sender, sealed) = rest[1..].split_at(65);
    let public = PublicKey::from_sec1_bytes(sender).expect("a point");
    let shared = p256::ecdh::diffie_hellman(secret.to_nonzero_scalar(), public.as_affine());
    let own = secret.public_key().to_encoded_point(false).as_bytes().to_vec();
    let prk = hmac(auth, &[shared.raw_secret_bytes()]);
    let ikm = hmac(&prk, &[b"WebPush: info\0", &own, sender, &[1]]);
    let prk = hmac(salt, &[&ikm]);
    let key = &hmac(&prk, &[b"Content-Encoding: aes128gcm\0", &[1]])[..16];
    let nonce = &hmac(&prk, &[b"Content-Encoding: nonce\0", &[1]])[..12];
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).expect("sixteen bytes"));
    let nonce = Nonce::try_assume_unique_for_key(nonce).expect("twelve bytes");
    let mut sealed = sealed.to_vec();
    let plain = key
        .open_in_place(nonce, Aad::empty(), &mut sealed)
        .expect("for this browser");
    let end = plain.iter().rposition(|b| *b != 0).expect("a delimiter");
    assert_eq!(plain[end], 2, "the last record");
    plain[..end].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 8291, appendix A: what reads the pushes in the tests is what the standard says.
    #[test]
    fn the_example_of_the_standard_is_read() {
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url");
        let secret = SecretKey::from_slice(&bytes("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94")).expect("a key");
        let body = bytes(
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
        );
        let read = decrypt(&secret, &bytes("BTBZMqHH6r4Tts7J_aSIgg"), &body);
        assert_eq!(read, b"When I grow up, I want to be a watermelon");
    }
}
