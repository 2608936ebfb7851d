//! Who a visitor of a web chat is: what they, or the page they are on, say about them, and the id for which the site's
//! own server vouches (spec CP-3).

use crate::accounts::Account;
use crate::app::channel_accounts::{Asked, WebChatSettings};
use crate::app::visitors::sender;
use crate::app::{AppError, AppResult, Fields, receive, views};
use hmac::{Hmac, KeyInit as _, Mac as _};
use ronda_domain::channel::IdentityKind;
use ronda_domain::event::{Event, EventKind};
use ronda_domain::{CustomerId, MessageId, Ms, WorkspaceId, phone};
use ronda_storage::visitors::{self, VisitorRow};
use ronda_storage::{StoreError, Tx, customers, workspaces};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use std::sync::Arc;

const NAME_CHARS: usize = 120;
/// Longest id of a site's own user.
const USER_ID_CHARS: usize = 200;
const MOST_ATTRIBUTES: usize = 20;
const ATTRIBUTE_NAME_CHARS: usize = 40;
const ATTRIBUTE_CHARS: usize = 500;

/// What is said about a visitor. With `user_id` it counts only if `hash` proves that the site's server says so.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    #[serde(default)]
    pub user_id: Option<String>,
    /// Hex HMAC-SHA256 of `user_id` under the site's secret.
    #[serde(default)]
    pub hash: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub phone: Option<String>,
    /// Texts, numbers and yes/no by name.
    #[serde(default)]
    pub attributes: Map<String, Value>,
    /// The box beside the consent text was ticked.
    #[serde(default)]
    pub consent: bool,
}

/// What is kept of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    pub name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// What was agreed to, and when.
    pub consent: Option<Consent>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    pub text: String,
    pub at: Ms,
}

/// What the visitor is told.
#[derive(Clone, Debug, Serialize)]
pub struct Known {
    /// The site's server vouched for them.
    pub verified: bool,
    /// What they have read on other devices.
    pub read_up_to: MessageId,
    /// Questions of the form before the chat that are still open.
    pub missing: Vec<&'static str>,
}

/// Whether a secret of the site made this hash of the user's id. The comparison takes the same time for every hash.
#[must_use]
pub fn vouched(secrets: &[&str], user_id: &str, hash: &str) -> bool {
    let Ok(hash) = hex(hash) else { return false };
    secrets.iter().any(|secret| {
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).is_ok_and(|mut mac| {
            mac.update(user_id.as_bytes());
            mac.verify_slice(&hash).is_ok()
        })
    })
}

fn hex(text: &str) -> Result<Vec<u8>, ()> {
    if text.len() != 64 || !text.is_ascii() {
        return Err(());
    }
    (0..32)
        .map(|i| u8::from_str_radix(text.get(2 * i..2 * i + 2).unwrap_or(""), 16).map_err(|_| ()))
        .collect()
}

/// What was said, checked.
///
/// # Errors
/// Every wrong field, named.
fn checked(said: &Said, country: &str, form: &str, now: Ms) -> AppResult<Profile> {
    let mut fields = Fields::new();
    let name = fields.optional("/name", said.name.as_deref(), 0..=NAME_CHARS);
    let typed = said.email.as_deref().filter(|e| !e.trim().is_empty());
    let email = typed.map(|e| fields.email("/email", e).shown);
    let typed = said.phone.as_deref().filter(|p| !p.trim().is_empty());
    let phone = typed.and_then(|p| match phone::parse(p, Some(country)) {
        Ok(number) => Some(number.as_str().to_owned()),
        Err(e) => {
            fields.fail("/phone", "format", e.to_string());
            None
        }
    });
    if said.attributes.len() > MOST_ATTRIBUTES {
        fields.fail("/attributes", "too_many", format!("at most {MOST_ATTRIBUTES}"));
    }
    for (name, value) in &said.attributes {
        let fits = match value {
            Value::String(text) => text.chars().count() <= ATTRIBUTE_CHARS,
            Value::Number(_) | Value::Bool(_) => true,
            _ => false,
        };
        if !fits || name.is_empty() || name.chars().count() > ATTRIBUTE_NAME_CHARS {
            fields.fail(
                &format!("/attributes/{name}"),
                "format",
                "a short text, a number, or yes or no",
            );
        }
    }
    fields.done()?;
    Ok(Profile {
        name,
        email,
        phone,
        attributes: said.attributes.clone(),
        consent: said.consent.then(|| Consent {
            text: form.to_owned(),
            at: now,
        }),
    })
}

impl Profile {
    #[must_use]
    pub fn of(v: &VisitorRow) -> Self {
        serde_json::from_str(&v.profile).unwrap_or_default()
    }

    /// What is new wins, what is not named stays.
    fn with(mut self, new: Self) -> Self {
        self.name = new.name.or(self.name);
        self.email = new.email.or(self.email);
        self.phone = new.phone.or(self.phone);
        self.consent = new.consent.or(self.consent);
        self.attributes.extend(new.attributes);
        self
    }

    /// The questions of the form that have to be answered and are not.
    #[must_use]
    pub fn missing(&self, settings: &WebChatSettings) -> Vec<&'static str> {
        let form = &settings.form;
        [
            ("name", form.name == Asked::Required && self.name.is_none()),
            ("email", form.email == Asked::Required && self.email.is_none()),
            ("phone", form.phone == Asked::Required && self.phone.is_none()),
            ("consent", !form.consent.is_empty() && self.consent.is_none()),
        ]
        .into_iter()
        .filter_map(|(name, missing)| missing.then_some(name))
        .collect()
    }
}

/// Refuses what may not be written yet.
///
/// # Errors
/// `identity_required`; questions of the form that are open, named.
pub fn may_write(account: &Account, v: &VisitorRow) -> AppResult<()> {
    let settings = account.web_chat();
    if settings.identity_required && v.user_id.is_none() {
        return Err(AppError::Refused {
            code: "identity_required",
            detail: "this chat is for people who are signed in on the site".into(),
        });
    }
    let missing = Profile::of(v).missing(&settings);
    if missing.is_empty() {
        return Ok(());
    }
    let mut fields = Fields::new();
    for name in missing {
        fields.fail(&format!("/profile/{name}"), "required", "this is needed");
    }
    fields.done()
}

/// Keeps what is said about a visitor. Somebody for whom the site vouches has their history on every device.
///
/// # Errors
/// Wrong fields; `another_user` when the visitor has been somebody else: a new visitor is needed.
pub fn identify(tx: &mut Tx<'_>, account: &Arc<Account>, v: &VisitorRow, said: &Said) -> AppResult<Known> {
    let w = v.workspace;
    let settings = account.web_chat();
    let workspace = workspaces::get(tx, w)?.ok_or(AppError::NotFound)?;
    let now = tx.now();
    let new = checked(said, &workspace.country, &settings.form.consent, now)?;
    let mut v = v.clone();
    if let Some(user_id) = &said.user_id {
        if user_id.trim().is_empty() || user_id.chars().count() > USER_ID_CHARS {
            return Err(AppError::field(
                "/user_id",
                "length",
                format!("1 to {USER_ID_CHARS} characters"),
            ));
        }
        if is_somebody_else(tx, &v, user_id)? {
            return Err(AppError::Refused {
                code: "another_user",
                detail: "this visitor is somebody else".into(),
            });
        }
        v.user_id = Some(user_id.clone());
    }
    let profile = Profile::of(&v).with(new);
    v.profile = views::text(&profile);
    visitors::set_profile(tx, w, v.id, v.user_id.as_deref(), &v.profile)?;
    let known = receive::known_as(tx, &account.row, &sender(&v))?;
    let mut read_up_to = v.read_up_to;
    if let Some(customer) = known {
        if v.customer != Some(customer) {
            visitors::set_customer(tx, w, v.id, customer)?;
        }
        read_up_to = read_up_to.max(visitors::read_elsewhere(tx, w, customer)?);
        visitors::set_read(tx, w, v.id, read_up_to)?;
        apply(tx, w, customer, &profile)?;
    }
    Ok(Known {
        verified: v.user_id.is_some(),
        read_up_to,
        missing: profile.missing(&settings),
    })
}

/// Whether the visitor, or their customer by way of another device, is known under another id of the site.
fn is_somebody_else(tx: &mut Tx<'_>, v: &VisitorRow, user_id: &str) -> AppResult<bool> {
    if v.user_id.as_deref().is_some_and(|known| known != user_id) {
        return Ok(true);
    }
    let Some(customer) = v.customer else { return Ok(false) };
    let scope = v.channel_account.to_string();
    let identities = customers::identities(tx, v.workspace, customer)?;
    Ok(identities
        .iter()
        .any(|i| i.kind == IdentityKind::WebUser && i.scope == scope && i.value != user_id))
}

/// Tells the customer what is known of the visitor; what a person of ours has typed stays.
///
/// # Errors
/// When the database fails.
pub fn apply(tx: &mut Tx<'_>, w: WorkspaceId, customer: CustomerId, profile: &Profile) -> AppResult<()> {
    let Some(mut row) = customers::lock(tx, w, customer)? else {
        return Ok(());
    };
    let before = row.clone();
    if let Some(name) = &profile.name
        && matches!(row.name_source.as_str(), "profile" | "generated")
    {
        row.name.clone_from(name);
        row.name_source = "profile".into();
    }
    row.email = row.email.or_else(|| profile.email.clone());
    row.phone = row.phone.or_else(|| profile.phone.clone());
    if !profile.attributes.is_empty() {
        let mut all: Map<String, Value> = serde_json::from_str(&row.attributes).unwrap_or_default();
        all.extend(profile.attributes.clone());
        row.attributes = Value::Object(all).to_string();
    }
    if row == before {
        return Ok(());
    }
    if customers::update(tx, &row)? == 0 {
        return Err(StoreError::Retry.into());
    }
    tx.emit(Event::general(
        w,
        EventKind::CustomerChanged,
        &json!({ "id": customer, "name": row.name, "version": row.version + 1 }),
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `printf %s 4711 | openssl dgst -sha256 -hmac clave`.
    const HASH: &str = "05a242beed9650bc1f336370db2acb82d70dec2d3ad085be0cea0e764beaa039";

    #[test]
    fn cp_3_4_only_a_hash_of_this_id_under_a_secret_of_the_site_vouches() {
        assert!(vouched(&["clave"], "4711", HASH));
        assert!(
            vouched(&["nueva", "clave"], "4711", HASH),
            "during a change both secrets count"
        );
        assert!(vouched(&["clave"], "4711", &HASH.to_uppercase()));
        assert!(!vouched(&["otra"], "4711", HASH));
        assert!(!vouched(&["clave"], "4712", HASH));
        assert!(!vouched(&["clave"], "4711", &HASH[..62]));
        assert!(!vouched(&["clave"], "4711", "ñ"));
        assert!(
            !vouched(&[], "4711", HASH),
            "a site without a secret vouches for nobody"
        );
    }
}
