//! Web push to the agents' own browsers: the message is encrypted for one browser (RFC 8291, in the coding of RFC 8188),
//! says which installation sends it (RFC 8292), and goes to the push service that the browser named. The only HTTP there.
//!
//! The address comes from a client, so that it is called only when it belongs to a push service that the operator allows
//! ([`Services`]), without redirects and in bounded time. No retries and no state: what to do with an outcome is decided
//! by the caller.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{StatusCode, Url, header};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::hkdf::{self, HKDF_SHA256, KeyType, Salt};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use ronda_domain::Ms;
use serde_json::json;
use std::time::Duration;

/// Longest address of a push service in characters; those of the browsers have some hundreds.
pub const ENDPOINT_CHARS: usize = 2_048;
/// Most bytes a message may have before it is encrypted: 4,096 less the header, the padding and the tag (RFC 8291 §4).
pub const MESSAGE_BYTES: usize = 4_096 - HEADER - 1 - 16;
/// Salt, size of records, length of the key, key (RFC 8188 §2.1).
const HEADER: usize = 16 + 4 + 1 + 65;
/// How long a proof of the sender holds: at most 24 hours are allowed (RFC 8292 §2).
const PROOF_MS: i64 = 12 * Ms::HOUR;
const CONNECT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(10);
/// A service that asks for more patience is asked again after this.
const MOST_PATIENCE: Duration = Duration::from_secs(60 * 60);

/// The push services that may be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Services(Vec<Service>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Service {
    /// This host over https on its usual port.
    Host(String),
    /// Every host below this one, which begins with a dot.
    Below(String),
    /// Exactly this scheme, host and port: a service of one's own.
    Origin(String),
}

impl Services {
    /// Reads `host`, `*.host` and `https://host:port`, comma separated; none when something else is named.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let names = text.split(',').map(str::trim).filter(|s| !s.is_empty());
        names.map(Service::parse).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Whether nothing may be called at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a message may be sent to this address.
    #[must_use]
    pub fn allow(&self, endpoint: &Url) -> bool {
        let plain = endpoint.username().is_empty() && endpoint.password().is_none();
        plain && self.0.iter().any(|s| s.allows(endpoint))
    }
}

impl Service {
    fn parse(text: &str) -> Option<Self> {
        if text.contains("://") {
            let url = Url::parse(text).ok()?;
            let bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
            let known = matches!(url.scheme(), "http" | "https") && url.has_host();
            return (bare && known).then(|| Self::Origin(url.origin().ascii_serialization()));
        }
        let (below, host) = match text.strip_prefix("*.") {
            Some(host) => (true, host),
            None => (false, text),
        };
        let url = Url::parse(&format!("https://{host}/")).ok()?;
        let name = url.domain().filter(|d| *d == host && d.contains('.'))?;
        Some(if below {
            Self::Below(format!(".{name}"))
        } else {
            Self::Host(name.to_owned())
        })
    }

    fn allows(&self, url: &Url) -> bool {
        let usual = url.scheme() == "https" && url.port().is_none();
        let name = url.domain().filter(|_| usual);
        match self {
            Self::Host(host) => name == Some(host),
            Self::Below(end) => name.is_some_and(|n| n.ends_with(end.as_str())),
            Self::Origin(origin) => url.origin().ascii_serialization() == *origin,
        }
    }
}

/// Where one browser is reached, and its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    pub endpoint: Url,
    /// A point of P-256, uncompressed.
    pub p256dh: Vec<u8>,
    pub auth: Vec<u8>,
}

/// What of a subscription cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    #[error("not an address")]
    Endpoint,
    #[error("not a public key of P-256: 65 bytes in base64url")]
    P256dh,
    #[error("not a secret: 16 bytes in base64url")]
    Auth,
}

impl Subscription {
    /// Reads what a browser gave.
    ///
    /// # Errors
    /// Names the part that cannot be used.
    pub fn read(endpoint: &str, p256dh: &str, auth: &str) -> Result<Self, Unusable> {
        let subscription = Self::again(endpoint, p256dh, auth)?;
        // Whether the point is on the curve shows when something is encrypted for it.
        subscription.encrypt(b"")?;
        Ok(subscription)
    }

    /// Reads what [`Subscription::read`] found good before.
    ///
    /// # Errors
    /// Names the part that is damaged.
    pub fn again(endpoint: &str, p256dh: &str, auth: &str) -> Result<Self, Unusable> {
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
        Ok(Self {
            endpoint: Url::parse(endpoint).map_err(|_| Unusable::Endpoint)?,
            p256dh: bytes(p256dh).filter(|k| k.len() == 65).ok_or(Unusable::P256dh)?,
            auth: bytes(auth).filter(|k| k.len() == 16).ok_or(Unusable::Auth)?,
        })
    }

    /// The body of a message for this browser alone.
    ///
    /// # Errors
    /// When its key is no point of the curve.
    pub fn encrypt(&self, message: &[u8]) -> Result<Vec<u8>, Unusable> {
        let random = SystemRandom::new();
        let bad = |_| Unusable::P256dh;
        let own = EphemeralPrivateKey::generate(&ECDH_P256, &random).map_err(bad)?;
        let own_public = own.compute_public_key().map_err(bad)?;
        let mut salt = [0; 16];
        random.fill(&mut salt).map_err(bad)?;
        let theirs = UnparsedPublicKey::new(&ECDH_P256, &self.p256dh);
        let mut shared = [0; 32];
        agree_ephemeral(own, &theirs, |secret| shared.copy_from_slice(secret)).map_err(bad)?;
        let keys = [b"WebPush: info\0".as_slice(), &self.p256dh, own_public.as_ref()];
        let ikm: [u8; 32] = derive(&self.auth, &shared, &keys);
        let key: [u8; 16] = derive(&salt, &ikm, &[b"Content-Encoding: aes128gcm\0"]);
        let nonce: [u8; 12] = derive(&salt, &ikm, &[b"Content-Encoding: nonce\0"]);
        // The last record ends with a 2, and there is only one.
        let mut sealed = [message, &[2]].concat();
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).map_err(bad)?);
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
            .map_err(bad)?;
        let mut body = salt.to_vec();
        body.extend(4_096_u32.to_be_bytes());
        body.push(65);
        body.extend(own_public.as_ref());
        body.extend(sealed);
        Ok(body)
    }
}

/// The length of something derived.
struct Len(usize);

impl KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

fn derive<const N: usize>(salt: &[u8], secret: &[u8], info: &[&[u8]]) -> [u8; N] {
    let prk: hkdf::Prk = Salt::new(HKDF_SHA256, salt).extract(secret);
    let mut out = [0; N];
    prk.expand(info, Len(N))
        .and_then(|okm| okm.fill(&mut out))
        .expect("fewer bytes than the hash may give");
    out
}

/// The keys by which push services know the installation.
pub struct Identity {
    pair: EcdsaKeyPair,
    /// Who can be asked when something is wrong: `mailto:` or `https:`.
    contact: String,
}

impl Identity {
    /// New keys, as PKCS#8.
    ///
    /// # Panics
    /// When the operating system gives no random bytes.
    #[must_use]
    pub fn generate() -> Vec<u8> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        made.expect("the operating system gives random bytes").as_ref().to_vec()
    }

    /// Reads what [`Identity::generate`] made; none when it is something else.
    #[must_use]
    pub fn read(pkcs8: &[u8], contact: &str) -> Option<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &SystemRandom::new()).ok()?;
        Some(Self {
            pair,
            contact: contact.to_owned(),
        })
    }

    /// What browsers need to subscribe: base64url.
    #[must_use]
    pub fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.public_key())
    }

    /// The proof for one push service.
    fn proof(&self, endpoint: &Url, now: Ms) -> Option<String> {
        let claims = json!({
            "aud": endpoint.origin().ascii_serialization(),
            "exp": now.plus(PROOF_MS).0 / 1_000,
            "sub": self.contact,
        });
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&json!({ "typ": "JWT", "alg": "ES256" })), part(&claims));
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes()).ok()?;
        let signature = URL_SAFE_NO_PAD.encode(signature.as_ref());
        Some(format!("vapid t={text}.{signature}, k={}", self.public_key()))
    }
}

/// How a message is treated on its way.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// How long the service keeps it for a device that is off.
    pub keep: Duration,
    /// Replaces what still waits under the same name: at most 32 letters and digits.
    pub topic: Option<String>,
}

/// What the push service said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It will deliver it.
    Accepted,
    /// The browser is not there any more, and will not be.
    Gone,
    /// Perhaps later, at the earliest after this.
    Later { after: Option<Duration>, why: String },
    /// Not this message.
    Refused { why: String },
}

/// The client of all push services; cheap to clone.
#[derive(Clone, Debug)]
pub struct PushClient {
    http: reqwest::Client,
    services: Services,
}

impl PushClient {
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(services: Services) -> Result<Self, String> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(TIMEOUT)
            .user_agent(concat!("Ronda/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| e.to_string())?;
        Ok(Self { http, services })
    }

    #[must_use]
    pub const fn services(&self) -> &Services {
        &self.services
    }

    /// Sends one message. `now` dates the proof of the sender.
    pub async fn send(
        &self,
        identity: &Identity,
        to: &Subscription,
        message: &[u8],
        delivery: &Delivery,
        now: Ms,
    ) -> Pushed {
        let refused = |why: &str| Pushed::Refused { why: why.to_owned() };
        if !self.services.allow(&to.endpoint) {
            return refused("the push service is not allowed any more");
        }
        if message.len() > MESSAGE_BYTES {
            return refused("too long");
        }
        let (Ok(body), Some(proof)) = (to.encrypt(message), identity.proof(&to.endpoint, now)) else {
            return refused("it cannot be encrypted");
        };
        let mut request = self
            .http
            .post(to.endpoint.clone())
            .header(header::AUTHORIZATION, proof)
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header(header::CONTENT_ENCODING, "aes128gcm")
            .header("ttl", delivery.keep.as_secs())
            .header("urgency", "high")
            .body(body);
        if let Some(topic) = &delivery.topic {
            request = request.header("topic", topic);
        }
        match request.send().await {
            Ok(answer) => outcome(answer.status(), answer.headers()),
            Err(error) => Pushed::Later {
                after: None,
                // Addresses of devices are as good as keys: they stay out of logs.
                why: error.without_url().to_string(),
            },
        }
    }
}

/// RFC 8030 §5 and §7.3, and what the services of the browsers document.
fn outcome(status: StatusCode, headers: &header::HeaderMap) -> Pushed {
    let why = format!("the push service answered {status}");
    match status.as_u16() {
        200..=299 => Pushed::Accepted,
        404 | 410 => Pushed::Gone,
        408 | 425 | 429 | 500..=599 => {
            let seconds = headers
                .get(header::RETRY_AFTER)
                .and_then(|v| v.to_str().ok()?.parse().ok());
            let after = seconds.map(Duration::from_secs).map(|d| d.min(MOST_PATIENCE));
            Pushed::Later { after, why }
        }
        _ => Pushed::Refused { why },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(services: &str, endpoint: &str) -> bool {
        let services = Services::parse(services).expect("services");
        services.allow(&Url::parse(endpoint).expect("an address"))
    }

    #[test]
    fn only_the_named_services_are_called() {
        let usual = "fcm.googleapis.com, *.push.apple.com";
        assert!(allowed(usual, "https://fcm.googleapis.com/fcm/send/abc"));
        assert!(allowed(usual, "https://web.push.apple.com/abc"));
        for other in [
            "http://fcm.googleapis.com/x",
            "https://fcm.googleapis.com:8443/x",
            "https://me@fcm.googleapis.com/x",
            "https://fcm.googleapis.com.example.org/x",
            "https://example.org/?fcm.googleapis.com",
            "https://push.apple.com/x",
            "https://evilpush.apple.com/x",
            "https://127.0.0.1/x",
            "https://[::1]/x",
            "https://169.254.169.254/latest",
            "https://fcm.googleapis.com./x",
        ] {
            assert!(!allowed(usual, other), "{other}");
        }
        assert!(allowed("http://127.0.0.1:9000", "http://127.0.0.1:9000/x"));
        assert!(!allowed("http://127.0.0.1:9000", "http://127.0.0.1:9001/x"));
        assert!(!allowed("", "https://fcm.googleapis.com/x"));
        for wrong in [
            "https://a.example/path",
            "*",
            "*.com",
            "a b",
            "ftp://a.example",
            "a.example/x",
            "10.0.0.1",
        ] {
            assert_eq!(Services::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_that_is_no_point_is_named() {
        let auth = URL_SAFE_NO_PAD.encode([1; 16]);
        let read = |key: &[u8]| Subscription::read("https://a.example/x", &URL_SAFE_NO_PAD.encode(key), &auth);
        assert_eq!(read(&[4; 65]), Err(Unusable::P256dh));
        assert_eq!(read(&[4; 64]), Err(Unusable::P256dh));
        let point = EcdsaKeyPair::from_pkcs8(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &Identity::generate(),
            &SystemRandom::new(),
        );
        let point = URL_SAFE_NO_PAD.encode(point.expect("a pair").public_key());
        assert!(Subscription::read("https://a.example/x", &point, &auth).is_ok());
        assert_eq!(Subscription::read("x", &point, &auth), Err(Unusable::Endpoint));
        assert_eq!(
            Subscription::read("https://a.example/x", &point, "AA"),
            Err(Unusable::Auth)
        );
    }

    #[test]
    fn what_a_service_says_is_understood() {
        let none = header::HeaderMap::new();
        let says = |code: u16| outcome(StatusCode::from_u16(code).expect("a status"), &none);
        assert_eq!(says(201), Pushed::Accepted);
        assert_eq!((says(404), says(410)), (Pushed::Gone, Pushed::Gone));
        assert!(matches!(says(503), Pushed::Later { after: None, .. }));
        assert!(matches!(says(302), Pushed::Refused { .. }));
        assert!(matches!(says(413), Pushed::Refused { .. }));
        let mut patient = header::HeaderMap::new();
        patient.insert(header::RETRY_AFTER, "999999".parse().expect("a value"));
        let later = outcome(StatusCode::TOO_MANY_REQUESTS, &patient);
        assert!(
            matches!(
                later,
                Pushed::Later {
                    after: Some(MOST_PATIENCE),
                    ..
                }
            ),
            "{later:?}"
        );
    }
}
