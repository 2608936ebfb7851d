//! The browsers in which agents are told by push, and what they are told (spec AG-3, AG-4).

use crate::app::alerts::{self, Raised};
use crate::app::{AppError, AppResult, Fields, Who, presence, workspaces};
use ronda_channels::push::{ENDPOINT_CHARS, Pushed, Services, Subscription, Unusable};
use ronda_domain::content::Content;
use ronda_domain::conversation::{Author, Place};
use ronda_domain::event::EventKind;
use ronda_domain::{AgentId, ConversationId, Ms, WorkspaceId};
use ronda_storage::push_devices::{self, NewPushDevice as Stored, PushDeviceRow, PushJobRow};
use ronda_storage::{StoredEvent, Tx, conversations, users, workspaces as stored_workspaces};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use utoipa::ToSchema;

/// Devices of one agent. More than anybody carries.
const MOST: usize = 10;
const LABEL: std::ops::RangeInclusive<usize> = 1..=80;
/// Longest text and name in a push: what a locked screen shows of them.
const SHOWN_CHARS: usize = 160;
/// A push is about now: what could not be sent within this is not sent any more.
pub const KEPT_MS: i64 = 10 * Ms::MINUTE;
/// Attempts to send one push.
const ATTEMPTS: i64 = 5;
/// The pause before the second attempt; each is twice as long as the one before.
const FIRST_PAUSE_MS: i64 = 5 * Ms::SECOND;

/// A browser that is told by push.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PushDevice {
    pub id: i64,
    /// The one that asks.
    pub current: bool,
    pub label: String,
    pub language: String,
    pub created_at: Ms,
    /// When its push service last took a push.
    pub accepted_at: Option<Ms>,
    /// Pushes it has not taken since: it keeps nobody available.
    pub failures: i64,
}

/// What a browser needs to be told by push, and how long a push keeps somebody available.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PushSettings {
    /// In base64url, as `applicationServerKey`; `null` where nothing is pushed.
    pub public_key: Option<String>,
    /// Whether the caller chose to stay available in the background.
    pub background: bool,
    /// Hours without activity for which that holds; 0 never.
    pub background_hours: i64,
}

/// The keys of a browser, in base64url.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PushKeys {
    pub p256dh: String,
    pub auth: String,
}

/// A subscription as the browser gives it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPushDevice {
    /// An address of a push service that the installation allows.
    pub endpoint: String,
    pub keys: PushKeys,
    /// What its owner calls it.
    pub label: String,
    /// In which it shows what it is told.
    pub language: String,
}

fn view(who: &Who, row: PushDeviceRow) -> PushDevice {
    PushDevice {
        id: row.id,
        current: row.session == who.session,
        label: row.label,
        language: row.language,
        created_at: row.created_at,
        accepted_at: row.accepted_at,
        failures: row.failures,
    }
}

/// # Errors
/// When the database fails.
pub fn settings(tx: &mut Tx<'_>, who: &Who, public_key: Option<&str>) -> AppResult<PushSettings> {
    let workspace = stored_workspaces::get(tx, who.workspace)?.ok_or(AppError::NotFound)?;
    let user = users::get(tx, who.workspace, who.agent)?.ok_or(AppError::NotFound)?;
    Ok(PushSettings {
        public_key: public_key.map(str::to_owned),
        background: user.background,
        background_hours: workspaces::settings(&workspace).background_hours,
    })
}

/// The caller's own devices, oldest first.
///
/// # Errors
/// When the database fails.
pub fn list(tx: &mut Tx<'_>, who: &Who) -> AppResult<Vec<PushDevice>> {
    let rows = push_devices::of_agent(tx, who.workspace, who.agent, MOST as i64)?;
    Ok(rows.into_iter().map(|row| view(who, row)).collect())
}

/// Remembers the browser of the caller's session; again, it is the same device.
///
/// # Errors
/// What is wrong with the subscription; `too_many`.
pub fn put(tx: &mut Tx<'_>, who: &Who, input: &NewPushDevice, services: &Services) -> AppResult<PushDevice> {
    let mut f = Fields::new();
    let endpoint = f.text("/endpoint", &input.endpoint, 1..=ENDPOINT_CHARS);
    let label = f.text("/label", &input.label, LABEL);
    let language = f.language("/language", &input.language);
    match Subscription::read(&endpoint, &input.keys.p256dh, &input.keys.auth) {
        Ok(subscription) if !services.allow(&subscription.endpoint) => {
            f.fail(
                "/endpoint",
                "not_allowed",
                "no push service that this installation calls",
            );
        }
        Ok(_) => {}
        Err(why) => {
            let pointer = match why {
                Unusable::Endpoint => "/endpoint",
                Unusable::P256dh => "/keys/p256dh",
                Unusable::Auth => "/keys/auth",
            };
            f.fail(pointer, "format", why.to_string());
        }
    }
    f.done()?;
    let w = who.workspace;
    // A browser has one subscription: the one before is over.
    let others = push_devices::of_agent(tx, w, who.agent, MOST as i64 + 1)?;
    let (before, others): (Vec<_>, Vec<_>) = others
        .into_iter()
        .partition(|d| d.session == who.session || d.endpoint == endpoint);
    if others.len() >= MOST {
        return Err(AppError::Refused {
            code: "too_many",
            detail: format!("at most {MOST} devices: remove one first"),
        });
    }
    for old in before.iter().filter(|d| d.endpoint != endpoint) {
        push_devices::delete(tx, w, who.agent, old.id)?;
    }
    let new = Stored {
        agent: who.agent,
        session: who.session,
        endpoint: &endpoint,
        p256dh: &input.keys.p256dh,
        auth: &input.keys.auth,
        label: &label,
        language: &language,
    };
    let id = push_devices::put(tx, w, &new)?;
    let row = push_devices::get(tx, w, id)?.ok_or(AppError::NotFound)?;
    Ok(view(who, row))
}

/// Forgets one of the caller's devices.
///
/// # Errors
/// [`AppError::NotFound`].
pub fn remove(tx: &mut Tx<'_>, who: &Who, id: i64) -> AppResult<()> {
    match push_devices::delete(tx, who.workspace, who.agent, id)? {
        0 => Err(AppError::NotFound),
        _ => Ok(()),
    }
}

/// Sends something to one of the caller's devices, so that they see whether it arrives.
///
/// # Errors
/// [`AppError::NotFound`].
pub fn try_out(tx: &mut Tx<'_>, who: &Who, id: i64) -> AppResult<()> {
    let device = push_devices::get(tx, who.workspace, id)?
        .filter(|d| d.agent == who.agent)
        .ok_or(AppError::NotFound)?;
    let body = json!({ "kind": "test", "tag": "test", "language": device.language });
    push_devices::enqueue(tx, who.workspace, &[(device.id, None, body.to_string())])?;
    Ok(())
}

// What is told -------------------------------------------------------------------------------------------------------

/// Something an agent is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    pub agent: AgentId,
    pub conversation: ConversationId,
    /// `assigned`, `rotated`, `transferred` or `message`.
    pub kind: &'static str,
    /// Of a message.
    pub text: String,
    /// Messages it stands for.
    pub count: u32,
}

/// What of the log agents are told: what came to them by itself or from others, and what their customers wrote. Several
/// about one conversation are one.
#[must_use]
pub fn news(page: &[StoredEvent]) -> Vec<News> {
    let mut found: BTreeMap<(AgentId, ConversationId), News> = BTreeMap::new();
    for one in page.iter().filter_map(told) {
        let at = (one.agent, one.conversation);
        match found.get_mut(&at) {
            // That it is theirs says more than what was written before.
            Some(known) if one.kind == "message" && known.kind != "message" => {}
            Some(known) => {
                let count = if one.kind == "message" {
                    known.count + 1
                } else {
                    one.count
                };
                *known = News { count, ..one };
            }
            None => {
                found.insert(at, one);
            }
        }
    }
    found.into_values().collect()
}

fn told(event: &StoredEvent) -> Option<News> {
    let conversation = event.conversation?;
    match event.kind {
        EventKind::RoutingDecided => {
            let body: Value = serde_json::from_str(&event.body).ok()?;
            let kind = match body["act"].as_str()? {
                "assign" => "assigned",
                "rotate" => "rotated",
                "transfer" => "transferred",
                _ => return None,
            };
            Some(News {
                agent: AgentId(body["to"]["id"].as_i64()?),
                conversation,
                kind,
                text: String::new(),
                count: 0,
            })
        }
        EventKind::MessageCreated => {
            let scope = event.scope_after.filter(|s| s.place == Place::Held)?;
            let body: Value = serde_json::from_str(&event.body).ok()?;
            if body["author"].as_str() != Some(Author::Customer.as_str()) {
                return None;
            }
            let content: Option<Content> = serde_json::from_value(body["content"].clone()).ok();
            Some(News {
                agent: scope.owner?,
                conversation,
                kind: "message",
                text: content.map(|c| cut(&c.preview())).unwrap_or_default(),
                count: 1,
            })
        }
        _ => None,
    }
}

fn cut(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}

/// Writes what is told to the devices of each agent, and that the log was read from `from` to `to`. Nothing when
/// somebody else has read it.
///
/// # Errors
/// When the database fails.
pub fn tell(tx: &mut Tx<'_>, w: WorkspaceId, (from, to): (i64, i64), news: &[News]) -> AppResult<()> {
    if !push_devices::advance(tx, w, from, to)? || news.is_empty() {
        return Ok(());
    }
    let mut agents: Vec<AgentId> = news.iter().map(|n| n.agent).collect();
    agents.sort_unstable();
    agents.dedup();
    let devices = push_devices::of_agents(tx, w, &agents)?;
    if devices.is_empty() {
        return Ok(());
    }
    let mut ids: Vec<ConversationId> = news.iter().map(|n| n.conversation).collect();
    ids.sort_unstable();
    ids.dedup();
    let views = conversations::views(tx, w, &ids)?;
    let about: HashMap<ConversationId, (i64, String)> = views
        .into_iter()
        .map(|v| (v.row.id, (v.row.number, cut(&v.customer_name))))
        .collect();
    let mut jobs = Vec::new();
    for one in news {
        let Some((number, name)) = about.get(&one.conversation) else {
            continue;
        };
        for (_, device, language) in devices.iter().filter(|(agent, ..)| *agent == one.agent) {
            let body = json!({
                "kind": one.kind, "conversation": one.conversation, "number": number, "name": name, "text": one.text,
                "count": one.count, "tag": format!("conversation-{}", one.conversation), "language": language,
            });
            jobs.push((*device, Some(one.conversation), body.to_string()));
        }
    }
    push_devices::enqueue(tx, w, &jobs)?;
    Ok(())
}

/// Notes what became of a push.
///
/// # Errors
/// When the database fails.
pub fn settle(tx: &mut Tx<'_>, job: &PushJobRow, pushed: &Pushed, up_since: Ms) -> AppResult<()> {
    let device = &job.device;
    let (w, now) = (device.workspace, tx.now());
    match pushed {
        Pushed::Accepted => {
            push_devices::job_done(tx, job.id)?;
            push_devices::accepted(tx, w, device.id)?;
            if device.failures > 0 {
                presence::reached_again(tx, w, device.agent, up_since)?;
            }
        }
        Pushed::Gone => {
            if push_devices::delete(tx, w, device.agent, device.id)? > 0 {
                let raised = Raised {
                    kind: "push_lost",
                    key: format!("push_lost:{}", device.id),
                    conversation: None,
                    agent: Some(device.agent),
                    detail: json!({ "device": device.label }),
                };
                alerts::raise(tx, w, &raised)?;
            }
        }
        Pushed::Later { after, .. } => {
            push_devices::failed(tx, w, device.id)?;
            let pause = FIRST_PAUSE_MS << job.attempts.clamp(1, 20).saturating_sub(1);
            let asked = after.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX));
            let due = now.plus(pause.max(asked));
            if job.attempts >= ATTEMPTS || due.since(job.created_at) > KEPT_MS {
                push_devices::job_done(tx, job.id)?;
            } else {
                push_devices::job_later(tx, job.id, due)?;
            }
        }
        Pushed::Refused { .. } => {
            push_devices::failed(tx, w, device.id)?;
            push_devices::job_done(tx, job.id)?;
        }
    }
    Ok(())
}
