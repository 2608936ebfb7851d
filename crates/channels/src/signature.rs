//! Who sent a webhook: the signature over the raw bytes, and the handshake that sets a callback up.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Name of the header that carries the signature.
pub const SIGNATURE_HEADER: &str = "X-Hub-Signature-256";

const PREFIX: &str = "sha256=";

/// Whether `header` signs exactly these bytes with one of `secrets` (several are accepted while one is replaced). Empty
/// secrets never match. All secrets are tried, so that the time tells nothing about which one fits.
#[must_use]
pub fn verify<S: AsRef<[u8]>>(header: Option<&str>, body: &[u8], secrets: &[S]) -> bool {
    let Some(claimed) = header
        .and_then(|h| h.trim().strip_prefix(PREFIX))
        .and_then(|h| hex::decode(h).ok())
    else {
        return false;
    };
    let mut good = subtle::Choice::from(0);
    for secret in secrets.iter().map(AsRef::as_ref).filter(|s| !s.is_empty()) {
        good |= mac(secret, body).as_slice().ct_eq(&claimed);
    }
    good.into()
}

/// The header value that signs `body` with `secret`.
#[must_use]
pub fn sign(secret: &[u8], body: &[u8]) -> String {
    format!("{PREFIX}{}", hex::encode(mac(secret, body)))
}

fn mac(secret: &[u8], body: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(body);
    mac.finalize().into_bytes().into()
}

/// The query of a callback handshake (`hub.mode`, `hub.verify_token`, `hub.challenge`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Handshake<'a> {
    pub mode: Option<&'a str>,
    pub verify_token: Option<&'a str>,
    pub challenge: Option<&'a str>,
}

impl<'a> Handshake<'a> {
    /// The text to answer with (status 200, plain), or `None` for 403. `expected` are the verify tokens accepted here.
    #[must_use]
    pub fn answer<S: AsRef<str>>(&self, expected: &[S]) -> Option<&'a str> {
        let (Some("subscribe"), Some(token), Some(challenge)) = (self.mode, self.verify_token, self.challenge) else {
            return None;
        };
        let mut good = subtle::Choice::from(0);
        for known in expected.iter().map(AsRef::as_ref).filter(|t| !t.is_empty()) {
            good |= known.as_bytes().ct_eq(token.as_bytes());
        }
        bool::from(good).then_some(challenge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "sim-app-secret-001";
    const ESCAPED: &[u8] = br#"{"object":"whatsapp_business_account","entry":[{"id":"900100200300400","changes":[{"field":"messages","value":{"note":"ciao \u00e8 \ud83d\ude00 \/ok"}}]}]}"#;

    #[test]
    fn documented_vectors_verify() {
        let cases: [(&[u8], &str); 2] = [
            (
                br#"{"object":"page","entry":[]}"#,
                "95c7ca0a870bb0b091c4bccf95108df7c86b71cf82d3f4706d16e06df9e94de0",
            ),
            (
                ESCAPED,
                "f23c24da8d1bb715ee7a35eff9665f5d5f851378dfcc5693e1f2bc47fe3733f0",
            ),
        ];
        for (body, hex) in cases {
            let header = format!("sha256={hex}");
            assert_eq!(sign(SECRET.as_bytes(), body), header);
            assert!(verify(Some(&header), body, &[SECRET]));
            assert!(verify(
                Some(&header.to_uppercase().replace("SHA256", "sha256")),
                body,
                &["other", SECRET]
            ));
        }
    }

    #[test]
    fn forged_requests_are_refused() {
        let body = br#"{"object":"page","entry":[]}"#;
        let good = sign(SECRET.as_bytes(), body);
        let reserialised = serde_json::to_vec(&serde_json::from_slice::<serde_json::Value>(ESCAPED).unwrap()).unwrap();
        assert!(
            !verify(Some(&sign(SECRET.as_bytes(), ESCAPED)), &reserialised, &[SECRET]),
            "other bytes, same JSON"
        );
        for header in [
            None,
            Some(""),
            Some("sha256="),
            Some("sha256=zz"),
            Some("sha1=00"),
            Some(&good[7..]),
            Some(&good[..20]),
        ] {
            assert!(!verify(header, body, &[SECRET]), "{header:?}");
        }
        assert!(!verify(Some(&good), body, &["other"]));
        assert!(!verify::<&str>(Some(&good), body, &[]), "no secret accepts nobody");
        assert!(
            !verify(Some(&sign(b"", body)), body, &[""]),
            "an empty secret accepts nobody"
        );
    }

    #[test]
    fn the_handshake_answers_the_challenge_to_the_right_token_only() {
        let ask = |mode, token| Handshake {
            mode: Some(mode),
            verify_token: Some(token),
            challenge: Some("1158201444"),
        };
        assert_eq!(
            ask("subscribe", "our-secret").answer(&["old", "our-secret"]),
            Some("1158201444")
        );
        assert_eq!(ask("subscribe", "our-secre").answer(&["our-secret"]), None);
        assert_eq!(ask("unsubscribe", "our-secret").answer(&["our-secret"]), None);
        assert_eq!(ask("subscribe", "").answer(&[""]), None);
        assert_eq!(Handshake::default().answer(&["our-secret"]), None);
    }
}
