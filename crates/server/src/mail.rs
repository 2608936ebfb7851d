//! Mails to people who have an account or are invited. Texts in three languages stand in `mail.toml`.

use crate::config;
use lettre::message::Mailbox;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

const TEXTS: &str = include_str!("mail.toml");
/// Times a mail is tried, and the wait before the second; each further wait is four times as long.
const TRIES: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_secs(2);

/// A mail before it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub to: String,
    pub subject: String,
    pub body: String,
}

impl Letter {
    /// The mail `kind` of `mail.toml` in a language, with `{name}` replaced by the values.
    ///
    /// # Panics
    /// When there is no such mail: kinds are words of the source.
    #[must_use]
    pub fn new(kind: &str, language: &str, to: &str, values: &[(&str, &str)]) -> Self {
        let texts = texts();
        let by_language = texts.get(kind).unwrap_or_else(|| panic!("no mail {kind}"));
        let (subject, body) = by_language.get(language).unwrap_or(&by_language["es"]);
        let fill = |text: &str| {
            let mut text = text.to_owned();
            for (name, value) in values {
                text = text.replace(&format!("{{{name}}}"), value);
            }
            text
        };
        Self {
            to: to.into(),
            // A name with a line break must not add headers.
            subject: fill(subject).replace(['\r', '\n'], " "),
            body: fill(body),
        }
    }
}

type Texts = BTreeMap<String, BTreeMap<String, (String, String)>>;

fn texts() -> &'static Texts {
    static TABLE: OnceLock<Texts> = OnceLock::new();
    TABLE.get_or_init(|| {
        let raw: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>> =
            toml::from_str(TEXTS).expect("mail.toml is TOML");
        raw.into_iter()
            .map(|(kind, languages)| {
                let languages = languages
                    .into_iter()
                    .map(|(language, mut t)| {
                        let mut part = |name: &str| t.remove(name).unwrap_or_default();
                        (language, (part("subject"), part("body")))
                    })
                    .collect();
                (kind, languages)
            })
            .collect()
    })
}

enum Transport {
    None,
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>),
    /// Tests read what would have been sent.
    Kept(Mutex<Vec<Letter>>),
}

/// The way out for mails.
pub struct Mail {
    transport: Transport,
    from: Mailbox,
}

impl Mail {
    /// # Errors
    /// When the address of the mail server or the sender cannot be used.
    pub fn open(config: &config::Mail) -> anyhow::Result<Self> {
        let transport = match &config.smtp_url {
            None => Transport::None,
            Some(url) => {
                let smtp = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)?;
                Transport::Smtp(Box::new(smtp.timeout(Some(Duration::from_secs(20))).build()))
            }
        };
        Ok(Self {
            transport,
            from: config.from.parse()?,
        })
    }

    /// Keeps mails instead of sending them.
    #[must_use]
    pub fn kept() -> Self {
        Self {
            transport: Transport::Kept(Mutex::default()),
            from: "Ronda <ronda@localhost>".parse().expect("an address"),
        }
    }

    /// Whether mails can be sent at all.
    #[must_use]
    pub fn configured(&self) -> bool {
        !matches!(self.transport, Transport::None)
    }

    /// The mails kept since the last call.
    #[must_use]
    pub fn take(&self) -> Vec<Letter> {
        match &self.transport {
            Transport::Kept(kept) => std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner)),
            _ => Vec::new(),
        }
    }

    /// Sends, trying again for a minute and a half. A mail that cannot be sent is logged without its text.
    pub async fn send(&self, letter: Letter) {
        let smtp = match &self.transport {
            Transport::None => return,
            Transport::Kept(kept) => {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(letter);
                return;
            }
            Transport::Smtp(smtp) => smtp,
        };
        let mut wait = FIRST_WAIT;
        for attempt in 1..=TRIES {
            match self.message(&letter) {
                Err(error) => {
                    tracing::error!(%error, "a mail cannot be written");
                    return;
                }
                Ok(message) => match smtp.send(message).await {
                    Ok(_) => return,
                    Err(error) => tracing::warn!(%error, attempt, "a mail was not accepted"),
                },
            }
            tokio::time::sleep(wait).await;
            wait *= 4;
        }
        tracing::error!("a mail was given up");
    }

    fn message(&self, letter: &Letter) -> anyhow::Result<Message> {
        Ok(Message::builder()
            .from(self.from.clone())
            .to(letter.to.parse()?)
            .subject(letter.subject.clone())
            .body(letter.body.clone())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mail_exists_in_three_languages_with_the_same_blanks() {
        let blanks = |text: &str| {
            let mut found: Vec<String> = text
                .split('{')
                .skip(1)
                .filter_map(|p| p.split_once('}'))
                .map(|(n, _)| n.to_owned())
                .collect();
            found.sort();
            found
        };
        for (kind, languages) in texts() {
            assert_eq!(languages.len(), 3, "{kind}");
            let es = &languages["es"];
            for (language, (subject, body)) in languages {
                assert!(!subject.is_empty() && !body.is_empty(), "{kind}.{language}");
                assert_eq!(blanks(body), blanks(&es.1), "{kind}.{language}");
            }
        }
    }

    #[test]
    fn a_name_cannot_add_headers() {
        let letter = Letter::new(
            "invitation",
            "en",
            "a@example.com",
            &[("workspace", "X\r\nBcc: b@example.com")],
        );
        assert!(!letter.subject.contains('\n'));
    }
}
