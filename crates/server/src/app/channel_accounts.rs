//! Connected numbers and sites: what people set, what is secret, and the form in which the server keeps them at hand.

use crate::app::audit::{self, Change};
use crate::app::greeter::Greeter;
use crate::app::{Actor, AppError, AppResult, Fields, Who, groups, hours, skills};
use crate::secrets::{self, Place, Secrets};
use ronda_domain::channel::{ChannelKind, ChannelStatus};
use ronda_domain::event::{Event, EventKind};
use ronda_domain::permission::Permission;
use ronda_domain::{ChannelAccountId, GroupId, Ms, SkillId, WorkspaceId};
use ronda_routing::HoursScope;
use ronda_storage::channel_accounts::{self as stored, ChannelAccountRow};
use ronda_storage::{StoreError, Tx, agents, outbox};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// The secrets of an account, decrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountSecrets {
    pub access_token: String,
    /// Several during a change of the app's secret.
    pub app_secrets: Vec<String>,
    pub verify_token: String,
    /// What the server of a site signs the ids of its users with; empty until it is made.
    pub site_secret: String,
    /// The one before it, until then.
    pub site_secret_before: Option<(String, Ms)>,
}

/// How long the former secret of a site counts after a change. Source: spec DEV-2.
const SECRET_OVERLAP_MS: i64 = Ms::DAY;

impl AccountSecrets {
    /// The secrets with which a site may sign now.
    #[must_use]
    pub fn of_site(&self, now: Ms) -> Vec<&str> {
        let before = self.site_secret_before.as_ref().filter(|(_, until)| now < *until);
        [self.site_secret.as_str(), before.map_or("", |(s, _)| s)]
            .into_iter()
            .filter(|s| !s.is_empty())
            .collect()
    }
}

/// What a web chat looks like and may do (spec CP-3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WebChatSettings {
    /// `#rrggbb`.
    pub colour: String,
    /// `right` or `left`.
    pub position: String,
    pub launcher_text: String,
    pub greeting: String,
    /// `es`, `en`, `pt-BR` or `auto`.
    pub language: String,
    pub upload: Upload,
    /// What stands on the site outside business hours.
    pub when_closed: WhenClosed,
    /// Hosts that may show it, `*.example.com` for all of a domain; none means any.
    pub allowed_domains: Vec<String>,
    /// What is asked before the first message.
    pub form: ChatForm,
    /// Only people for whom the site's server vouches may write.
    pub identity_required: bool,
}

/// The questions before a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChatForm {
    pub name: Asked,
    pub email: Asked,
    pub phone: Asked,
    /// What has to be agreed to; empty for nothing.
    pub consent: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChatQuestion)]
pub enum Asked {
    #[default]
    Off,
    Optional,
    Required,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Upload {
    pub enabled: bool,
    /// At most 25 MB.
    pub max_bytes: i64,
}

/// A web chat outside business hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenClosed {
    /// As always.
    #[default]
    Chat,
    /// A form in its place: what is written there waits for somebody.
    Form,
    /// Nothing.
    Hide,
}

/// Largest file of a visitor. Source: spec CP-3.
const UPLOAD_BYTES: i64 = 25 * 1024 * 1024;

impl Default for Upload {
    fn default() -> Self {
        Self {
            enabled: true,
            max_bytes: UPLOAD_BYTES,
        }
    }
}

impl Default for WebChatSettings {
    fn default() -> Self {
        Self {
            colour: "#1f7a5c".into(),
            position: "right".into(),
            launcher_text: String::new(),
            greeting: String::new(),
            language: "auto".into(),
            upload: Upload::default(),
            when_closed: WhenClosed::Chat,
            allowed_domains: Vec::new(),
            form: ChatForm::default(),
            identity_required: false,
        }
    }
}

/// What a WhatsApp account is besides its secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WhatsappSettings {
    pub waba_id: String,
    pub display_phone: String,
    /// Another base address of the Graph API than the installation's.
    pub graph_url: Option<String>,
}

/// A channel account as administrators see it. Secrets never leave the server.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChannelAccount {
    pub id: ChannelAccountId,
    pub kind: ChannelKind,
    pub name: String,
    /// Phone number id, or the public key of the site.
    pub external_id: String,
    pub status: ChannelStatus,
    pub status_detail: String,
    #[schema(value_type = Object)]
    pub settings: Value,
    pub greeter: Option<Greeter>,
    pub default_group: Option<GroupId>,
    /// What a conversation that begins here asks of whoever takes it.
    pub skills: Vec<SkillId>,
    /// How much older than it is a conversation that begins here counts in the queue, in minutes.
    pub priority_minutes: i64,
    /// Where the platform delivers to, with the workspace's own app.
    pub webhook_url: Option<String>,
    /// Shown so that it can be typed at the platform.
    pub verify_token: Option<String>,
    /// What to put into the pages of the site.
    pub snippet: Option<String>,
    /// A web chat has a secret with which its site may vouch for its users. It is shown when it is made.
    pub site_secret: bool,
    pub simulated: bool,
    /// Where one writes to it as a customer: of numbers of the sandbox.
    pub phone_page: Option<String>,
    #[schema(value_type = Object)]
    pub health: Value,
    /// Messages that wait to be sent, and since when the oldest does.
    pub waiting: i64,
    pub waiting_since: Option<Ms>,
    pub version: i64,
}

impl ChannelAccount {
    #[must_use]
    pub fn of(seen: &Seen, secrets: &AccountSecrets, noted: Noted, link: &dyn Fn(&str) -> String) -> Self {
        let row = &seen.row;
        let whatsapp = row.kind == ChannelKind::Whatsapp;
        let mut health: Value = serde_json::from_str(&row.health).unwrap_or_default();
        if !health.is_object() {
            health = json!({});
        }
        // Since the start of this process.
        match row.kind {
            ChannelKind::Whatsapp => {
                health["refused_signatures"] = noted.signatures.into();
                health["last_webhook_at"] = json!(noted.last_webhook_at);
            }
            ChannelKind::WebChat => health["refused_identities"] = noted.identities.into(),
            _ => {}
        }
        Self {
            id: row.id,
            kind: row.kind,
            name: row.name.clone(),
            external_id: row.external_id.clone(),
            status: shown(row.status, &health),
            status_detail: row.status_detail.clone(),
            settings: serde_json::from_str(&row.settings).unwrap_or_default(),
            greeter: row.greeter.as_deref().and_then(|g| serde_json::from_str(g).ok()),
            default_group: row.default_group,
            skills: row.skills.clone(),
            priority_minutes: row.priority_minutes,
            webhook_url: whatsapp.then(|| link(&format!("/webhooks/meta/{}", row.webhook_token))),
            verify_token: whatsapp.then(|| secrets.verify_token.clone()),
            snippet: (row.kind == ChannelKind::WebChat).then(|| {
                format!(
                    "<script async src=\"{}\" data-ronda-site=\"{}\"></script>",
                    link("/w.js"),
                    row.external_id
                )
            }),
            site_secret: !secrets.site_secret.is_empty(),
            simulated: row.simulated,
            phone_page: None,
            health,
            waiting: seen.waiting,
            waiting_since: seen.waiting_since,
            version: row.version,
        }
    }
}

/// A connected number that the platform has doubts about, or that does not get its webhooks, is degraded: it sends, and
/// somebody should look.
fn shown(status: ChannelStatus, health: &Value) -> ChannelStatus {
    let doubts = matches!(health["quality"].as_str(), Some("YELLOW" | "RED"));
    let deaf = health["subscribed"] == false;
    if status == ChannelStatus::Connected && (doubts || deaf) {
        ChannelStatus::Degraded
    } else {
        status
    }
}

/// What this process has noted of an account: what it refused, and when something came.
#[derive(Clone, Copy, Debug, Default)]
pub struct Noted {
    pub signatures: u64,
    pub identities: u64,
    pub last_webhook_at: Option<Ms>,
}

/// An account with what waits on it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub row: ChannelAccountRow,
    pub waiting: i64,
    pub waiting_since: Option<Ms>,
}

/// Adds to a row what waits on it.
///
/// # Errors
/// When the database fails.
pub fn seen(tx: &mut Tx<'_>, row: ChannelAccountRow) -> AppResult<Seen> {
    let (waiting, waiting_since) = outbox::pending(tx, row.id)?;
    Ok(Seen {
        row,
        waiting,
        waiting_since,
    })
}

/// Where the secrets of a row stand: bound to its workspace and to its callback token, which never changes.
fn place(row: &ChannelAccountRow) -> Place<'_> {
    Place {
        workspace: row.workspace,
        table: "channel_account",
        column: "secrets",
        row: &row.webhook_token,
    }
}

/// The secrets of a row; none when they cannot be opened with this key, which is logged.
#[must_use]
pub fn open(key: &Secrets, row: &ChannelAccountRow) -> AccountSecrets {
    if row.secrets == "{}" {
        return AccountSecrets::default();
    }
    match key.open_text(place(row), &row.secrets) {
        Ok(text) => serde_json::from_str(&text).unwrap_or_default(),
        Err(error) => {
            tracing::error!(account = %row.id, %error, "the secrets of a channel account cannot be opened");
            AccountSecrets::default()
        }
    }
}

fn seal(key: &Secrets, row: &ChannelAccountRow, secrets: &AccountSecrets) -> String {
    key.seal(place(row), crate::app::views::text(secrets).as_bytes())
}

/// A WhatsApp number about to be connected; its token has named it before.
#[derive(Clone, Debug)]
pub struct NewWhatsapp {
    pub name: String,
    pub phone_number_id: String,
    pub settings: WhatsappSettings,
    pub secrets: AccountSecrets,
    pub greeter: Option<Greeter>,
    pub default_group: Option<GroupId>,
    pub simulated: bool,
    /// What the platform said about it so far.
    pub health: Value,
}

/// Longest name. Source: spec PS-2.
const NAME_CHARS: usize = 60;
/// Longest greeting text: the shortest text limit of the channels it is for.
const GREETING_CHARS: usize = 1_000;

/// Head start of the conversations of an account. Source: docs/ROUTING.md, F5.
pub const PRIORITY_MINUTES: std::ops::RangeInclusive<i64> = 0..=ronda_routing::defaults::MAX_PRIORITY_MINUTES as i64;

/// The rules of everything people type about an account.
pub fn checked_name(fields: &mut Fields, name: &str) -> String {
    fields.text("/name", name, 1..=NAME_CHARS)
}

/// Checks a greeter.
pub fn checked_greeter(fields: &mut Fields, greeter: Option<Greeter>) -> Option<Greeter> {
    greeter.map(|g| Greeter {
        text: fields.text("/greeter/text", &g.text, 1..=GREETING_CHARS),
        chat_group: fields.optional("/greeter/chat_group", g.chat_group.as_deref(), 1..=40),
        ..g
    })
}

/// Checks what a web chat looks like.
pub fn checked_web_chat(fields: &mut Fields, s: WebChatSettings) -> WebChatSettings {
    let hex = s
        .colour
        .strip_prefix('#')
        .is_some_and(|h| h.len() == 6 && h.chars().all(|c| c.is_ascii_hexdigit()));
    if !hex {
        fields.fail("/settings/colour", "format", "a colour such as #1f7a5c");
    }
    if !matches!(s.position.as_str(), "left" | "right") {
        fields.fail("/settings/position", "not_one_of", "left or right");
    }
    if !matches!(s.language.as_str(), "auto" | "es" | "en" | "pt-BR") {
        fields.fail("/settings/language", "not_one_of", "auto, es, en or pt-BR");
    }
    if !(1..=UPLOAD_BYTES).contains(&s.upload.max_bytes) {
        fields.fail("/settings/upload/max_bytes", "out_of_range", "at most 25 MB");
    }
    for (i, domain) in s.allowed_domains.iter().enumerate() {
        let bare = domain.strip_prefix("*.").unwrap_or(domain);
        let fine = !bare.is_empty()
            && bare.len() <= 253
            && bare
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':'));
        if !fine {
            fields.fail(
                &format!("/settings/allowed_domains/{i}"),
                "format",
                "a host such as shop.example.com or *.example.com",
            );
        }
    }
    WebChatSettings {
        launcher_text: fields.text("/settings/launcher_text", &s.launcher_text, 0..=40),
        greeting: fields.text("/settings/greeting", &s.greeting, 0..=GREETING_CHARS),
        form: ChatForm {
            consent: fields.text("/settings/form/consent", &s.form.consent, 0..=GREETING_CHARS),
            ..s.form
        },
        ..s
    }
}

fn checked_group(tx: &mut Tx<'_>, w: WorkspaceId, group: Option<GroupId>) -> AppResult<()> {
    if let Some(group) = group
        && !agents::groups(tx, w)?.iter().any(|g| g.group == group)
    {
        return Err(AppError::field("/default_group", "unknown", "no such group"));
    }
    Ok(())
}

fn insert(tx: &mut Tx<'_>, actor: &Actor, row: &ChannelAccountRow) -> AppResult<ChannelAccountRow> {
    checked_group(tx, row.workspace, row.default_group)?;
    let id = match stored::insert(tx, row) {
        Err(StoreError::Constraint(_)) => {
            return Err(AppError::Refused {
                code: "number_taken",
                detail: "this number is connected already, here or in another workspace".into(),
            });
        }
        other => other?,
    };
    if let Some(group) = row.default_group {
        groups::serve_also(tx, row.workspace, group, id)?;
    }
    record(tx, actor, row.workspace, id, "created", 1, &row.name)?;
    stored::get(tx, row.workspace, id)?.ok_or(AppError::NotFound)
}

fn record(
    tx: &mut Tx<'_>,
    actor: &Actor,
    w: WorkspaceId,
    id: ChannelAccountId,
    action: &str,
    version: i64,
    name: &str,
) -> AppResult<()> {
    audit::record(
        tx,
        w,
        actor,
        Change {
            action,
            object: "channel-accounts",
            id: id.0,
            version,
            before: None,
            after: Some(json!({ "name": name })),
        },
    )?;
    tx.emit(Event::general(w, EventKind::ChannelChanged, &json!({ "id": id })));
    Ok(())
}

fn blank(w: WorkspaceId, kind: ChannelKind) -> ChannelAccountRow {
    ChannelAccountRow {
        id: ChannelAccountId(0),
        workspace: w,
        kind,
        name: String::new(),
        external_id: String::new(),
        scope: String::new(),
        status: ChannelStatus::Connected,
        status_detail: String::new(),
        settings: "{}".into(),
        secrets: "{}".into(),
        webhook_token: secrets::token(),
        greeter: None,
        default_group: None,
        skills: Vec::new(),
        priority_minutes: 0,
        lane: 0,
        simulated: false,
        health: "{}".into(),
        version: 1,
        created_at: ronda_domain::Ms(0),
    }
}

/// Connects a number.
///
/// # Errors
/// `number_taken`; an unknown group.
pub fn connect_whatsapp(
    tx: &mut Tx<'_>,
    key: &Secrets,
    w: WorkspaceId,
    actor: &Actor,
    new: &NewWhatsapp,
) -> AppResult<ChannelAccountRow> {
    let mut row = blank(w, ChannelKind::Whatsapp);
    row.name.clone_from(&new.name);
    row.external_id.clone_from(&new.phone_number_id);
    row.scope.clone_from(&new.settings.waba_id);
    row.settings = crate::app::views::text(&new.settings);
    row.greeter = new.greeter.as_ref().map(crate::app::views::text);
    row.default_group = new.default_group;
    row.simulated = new.simulated;
    row.lane = crate::wakes::lane_of(&new.phone_number_id);
    row.secrets = seal(key, &row, &new.secrets);
    let row = insert(tx, actor, &row)?;
    stored::set_health(tx, w, row.id, &new.health.to_string())?;
    Ok(row)
}

/// Makes a web chat; its public key is made here.
///
/// # Errors
/// An unknown group.
pub fn create_web_chat(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    actor: &Actor,
    name: &str,
    settings: &WebChatSettings,
    greeter: Option<&Greeter>,
    default_group: Option<GroupId>,
) -> AppResult<ChannelAccountRow> {
    let mut row = blank(w, ChannelKind::WebChat);
    name.clone_into(&mut row.name);
    row.external_id = secrets::token();
    row.lane = crate::wakes::lane_of(&row.external_id);
    row.settings = crate::app::views::text(settings);
    row.greeter = greeter.map(crate::app::views::text);
    row.default_group = default_group;
    insert(tx, actor, &row)
}

/// What an edit changes; what is left out stays.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    pub name: Option<String>,
    pub web_chat: Option<WebChatSettings>,
    pub greeter: Option<Option<Greeter>>,
    pub default_group: Option<Option<GroupId>>,
    pub skills: Option<Vec<SkillId>>,
    pub priority_minutes: Option<i64>,
    pub access_token: Option<String>,
    pub app_secrets: Option<Vec<String>>,
    pub health: Option<Value>,
}

/// Edits an account under its version. A new token connects it again.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::VersionMismatch`], wrong fields.
pub fn edit(
    tx: &mut Tx<'_>,
    key: &Secrets,
    who: &Who,
    id: ChannelAccountId,
    version: i64,
    edit: &Edit,
) -> AppResult<ChannelAccountRow> {
    who.need(Permission::ChannelsManage)?;
    let w = who.workspace;
    let mut row = stored::get(tx, w, id)?.ok_or(AppError::NotFound)?;
    if row.version != version {
        return Err(AppError::VersionMismatch);
    }
    if let Some(name) = &edit.name {
        row.name.clone_from(name);
    }
    if let (Some(settings), ChannelKind::WebChat) = (&edit.web_chat, row.kind) {
        row.settings = crate::app::views::text(settings);
    }
    if let Some(greeter) = &edit.greeter {
        row.greeter = greeter.as_ref().map(crate::app::views::text);
    }
    if let Some(group) = edit.default_group {
        checked_group(tx, w, group)?;
        if let Some(group) = group
            && !groups::serves(tx, w, group, row.id)?
        {
            return Err(AppError::field(
                "/default_group",
                "not_served",
                "the group does not serve this channel",
            ));
        }
        row.default_group = group;
    }
    let mut fields = Fields::new();
    if let Some(wanted) = &edit.skills {
        row.skills = skills::checked(tx, w, &mut fields, "/skills", wanted)?;
    }
    if let Some(minutes) = edit.priority_minutes {
        row.priority_minutes = fields.whole("/priority_minutes", minutes, PRIORITY_MINUTES);
    }
    fields.done()?;
    let mut secrets = open(key, &row);
    if let Some(token) = &edit.access_token {
        secrets.access_token.clone_from(token);
        row.status = ChannelStatus::Connected;
        row.status_detail = String::new();
    }
    if let Some(list) = &edit.app_secrets {
        secrets.app_secrets.clone_from(list);
    }
    if row.kind == ChannelKind::Whatsapp {
        row.secrets = seal(key, &row, &secrets);
    }
    if stored::update(tx, &row)? == 0 {
        return Err(AppError::VersionMismatch);
    }
    if let Some(health) = &edit.health {
        stored::set_health(tx, w, id, &health.to_string())?;
    }
    if edit.access_token.is_some() {
        outbox::hurry(tx, id)?;
    }
    record(tx, &Actor::from(who), w, id, "updated", row.version + 1, &row.name)?;
    stored::get(tx, w, id)?.ok_or(AppError::NotFound)
}

/// Makes a secret with which the site of a web chat vouches for its users. The one before counts for a day.
///
/// # Errors
/// [`AppError::NotFound`] also for channels that have no site.
pub fn new_site_secret(tx: &mut Tx<'_>, key: &Secrets, who: &Who, id: ChannelAccountId) -> AppResult<String> {
    who.need(Permission::ChannelsManage)?;
    let w = who.workspace;
    let mut row = stored::get(tx, w, id)?
        .filter(|row| row.kind == ChannelKind::WebChat)
        .ok_or(AppError::NotFound)?;
    let mut kept = open(key, &row);
    let fresh = secrets::token();
    let before = std::mem::replace(&mut kept.site_secret, fresh.clone());
    kept.site_secret_before = (!before.is_empty()).then(|| (before, tx.now().plus(SECRET_OVERLAP_MS)));
    row.secrets = seal(key, &row, &kept);
    if stored::update(tx, &row)? == 0 {
        return Err(StoreError::Retry.into());
    }
    record(
        tx,
        &Actor::from(who),
        w,
        id,
        "secret_renewed",
        row.version + 1,
        &row.name,
    )?;
    Ok(fresh)
}

/// Takes an account out of service; what it was. Its conversations stay.
///
/// # Errors
/// [`AppError::NotFound`].
pub fn delete(tx: &mut Tx<'_>, who: &Who, id: ChannelAccountId) -> AppResult<ChannelAccountRow> {
    who.need(Permission::ChannelsManage)?;
    let row = stored::get(tx, who.workspace, id)?.ok_or(AppError::NotFound)?;
    stored::delete(tx, who.workspace, id)?;
    hours::scope_gone(tx, who.workspace, HoursScope::Channel(id))?;
    record(
        tx,
        &Actor::from(who),
        who.workspace,
        id,
        "deleted",
        row.version,
        &row.name,
    )?;
    Ok(row)
}
