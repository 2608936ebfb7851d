//! Connected numbers and sites.

use crate::accounts::Account;
use crate::app::channel_accounts::{
    self as rules, AccountSecrets, ChannelAccount, Edit, NewWhatsapp, Seen, WebChatSettings, WhatsappSettings,
};
use crate::app::fields::nullable;
use crate::app::greeter::Greeter;
use crate::app::sandbox;
use crate::app::views::ChannelOf;
use crate::app::{Actor, AppError, AppResult, Fields, Who};
use crate::http::{Body, Context, IfMatch, Paged, Path, Problem, Versioned};
use axum::http::StatusCode;
use ronda_channels::outcome::CallError;
use ronda_channels::whatsapp::GraphClient;
use ronda_channels::whatsapp::client::GRAPH_VERSION;
use ronda_domain::channel::{self, ChannelKind, Limits};
use ronda_domain::permission::Permission;
use ronda_domain::{ChannelAccountId, GroupId, SkillId};
use ronda_storage::channel_accounts::{self as stored, ChannelAccountRow};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

fn view(ctx: &Context, seen: &Seen) -> ChannelAccount {
    let secrets = rules::open(&ctx.app.secrets, &seen.row);
    let noted = rules::Noted {
        signatures: ctx.app.refused_signatures.of(seen.row.id),
        identities: ctx.app.refused_identities.of(seen.row.id),
        last_webhook_at: ctx.app.webhooks_seen.of(seen.row.id),
    };
    let mut account = ChannelAccount::of(seen, &secrets, noted, &|path| ctx.app.config.link(path));
    account.phone_page = sandbox::phone_page(&ctx.app.config, &seen.row);
    account
}

/// List channel accounts
#[utoipa::path(get, path = "/channel-accounts", tag = "Channels", responses((status = 200, body = Paged<ChannelAccount>)))]
pub async fn list(ctx: Context) -> Result<Paged<ChannelAccount>, Problem> {
    let rows = ctx
        .read("channel_accounts", |tx, who: &Who| {
            who.need(Permission::ChannelsManage)?;
            let rows = stored::of_workspace(tx, who.workspace)?;
            rows.into_iter()
                .map(|row| rules::seen(tx, row))
                .collect::<AppResult<Vec<Seen>>>()
        })
        .await?;
    Ok(Paged::whole(rows.iter().map(|row| view(&ctx, row)).collect()))
}

async fn row(ctx: &Context, id: ChannelAccountId) -> Result<Seen, Problem> {
    ctx.read("channel_account", move |tx, who| {
        who.need(Permission::ChannelsManage)?;
        let row = stored::get(tx, who.workspace, id)?.ok_or(AppError::NotFound)?;
        rules::seen(tx, row)
    })
    .await
}

/// What was just written, with nothing left of what was known before.
pub(super) async fn written(ctx: &Context, id: ChannelAccountId) -> Result<Versioned<ChannelAccount>, Problem> {
    ctx.app.accounts.changed();
    ctx.app.templates.forget(id);
    let seen = row(ctx, id).await?;
    Ok(Versioned(view(ctx, &seen), seen.row.version))
}

/// Get a channel account
#[utoipa::path(get, path = "/channel-accounts/{id}", tag = "Channels", params(("id" = i64, Path)), responses((status = 200, body = ChannelAccount)))]
pub async fn get(ctx: Context, Path(id): Path<ChannelAccountId>) -> Result<Versioned<ChannelAccount>, Problem> {
    let seen = row(&ctx, id).await?;
    Ok(Versioned(view(&ctx, &seen), seen.row.version))
}

/// A number or a site to connect, told apart by `kind`.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum NewAccount {
    Whatsapp {
        /// 1 to 60 characters.
        name: String,
        /// Digits, 5 to 32.
        phone_number_id: String,
        /// Digits, 5 to 32.
        waba_id: String,
        /// Secret; the platform is asked with it before anything is stored.
        access_token: String,
        /// Secret of the workspace's own app; without it the installation's app delivers.
        #[serde(default)]
        app_secret: Option<String>,
        /// Made when left out.
        #[serde(default)]
        verify_token: Option<String>,
        #[serde(default)]
        greeter: Option<Greeter>,
        #[serde(default)]
        default_group: Option<GroupId>,
        #[serde(default)]
        /// Another base address of the Graph API, for a simulator; on this machine only.
        graph_url: Option<String>,
    },
    WebChat {
        name: String,
        #[serde(default)]
        settings: WebChatSettings,
        #[serde(default)]
        greeter: Option<Greeter>,
        #[serde(default)]
        default_group: Option<GroupId>,
    },
}

fn digits(fields: &mut Fields, pointer: &str, text: &str) -> String {
    let text = text.trim();
    if !(5..=32).contains(&text.len()) || !text.chars().all(|c| c.is_ascii_digit()) {
        fields.fail(pointer, "format", "5 to 32 digits");
    }
    text.to_owned()
}

/// Why the platform did not name the number, beside the field that is likely wrong.
fn platform_problem(error: &CallError) -> Problem {
    use ronda_channels::outcome::ErrorClass;
    match error {
        CallError::Provider(e) if e.class == ErrorClass::Auth => Problem::invalid(
            "/access_token",
            "refused",
            format!("the platform refused the token: {e}"),
        ),
        CallError::Provider(e) => Problem::invalid(
            "/phone_number_id",
            "refused",
            format!("the platform does not show this number with this token: {e}"),
        ),
        other => Problem::new(
            StatusCode::BAD_GATEWAY,
            "platform_unreachable",
            format!("the platform could not be asked: {other}"),
        ),
    }
}

/// List channels
///
/// What conversations and filters name: every member may read it.
#[utoipa::path(get, path = "/channels", tag = "Channels", responses((status = 200, body = Paged<ChannelOf>)))]
pub async fn names(ctx: Context) -> Result<Paged<ChannelOf>, Problem> {
    let rows = ctx
        .read("channels", |tx, who| Ok(stored::of_workspace(tx, who.workspace)?))
        .await?;
    let name = |row: ChannelAccountRow| ChannelOf {
        id: row.id,
        kind: row.kind,
        name: row.name,
    };
    Ok(Paged::whole(rows.into_iter().map(name).collect()))
}

/// Read the content limits
///
/// What each kind of channel carries: lengths, types and sizes. What does not fit may go out as a link.
#[utoipa::path(get, path = "/content-limits", tag = "Channels", responses((status = 200, body = std::collections::BTreeMap<String, Limits>)))]
pub async fn limits(_: Context) -> axum::Json<BTreeMap<&'static str, Limits>> {
    axum::Json(
        ChannelKind::ALL
            .iter()
            .map(|kind| (kind.as_str(), channel::limits(*kind)))
            .collect(),
    )
}

/// Connect a channel account
///
/// A WhatsApp number is stored only after its token has named it. One number belongs to one workspace.
#[utoipa::path(post, path = "/channel-accounts", tag = "Channels", request_body = NewAccount, responses((status = 201, body = ChannelAccount)))]
pub async fn create(
    ctx: Context,
    Body(new): Body<NewAccount>,
) -> Result<(StatusCode, Versioned<ChannelAccount>), Problem> {
    ctx.who.need(Permission::ChannelsManage)?;
    let row = match new {
        NewAccount::WebChat {
            name,
            settings,
            greeter,
            default_group,
        } => {
            let mut fields = Fields::new();
            let name = rules::checked_name(&mut fields, &name);
            let settings = rules::checked_web_chat(&mut fields, settings);
            let greeter = rules::checked_greeter(&mut fields, greeter);
            fields.done()?;
            ctx.write("web_chat", move |tx, who| {
                rules::create_web_chat(
                    tx,
                    who.workspace,
                    &Actor::from(who),
                    &name,
                    &settings,
                    greeter.as_ref(),
                    default_group,
                )
            })
            .await?
        }
        NewAccount::Whatsapp {
            name,
            phone_number_id,
            waba_id,
            access_token,
            app_secret,
            verify_token,
            greeter,
            default_group,
            graph_url,
        } => {
            let mut fields = Fields::new();
            let name = rules::checked_name(&mut fields, &name);
            let phone_number_id = digits(&mut fields, "/phone_number_id", &phone_number_id);
            let waba_id = digits(&mut fields, "/waba_id", &waba_id);
            if access_token.trim().is_empty() {
                fields.fail("/access_token", "required", "this is needed");
            }
            let greeter = rules::checked_greeter(&mut fields, greeter);
            let local = |u: &str| url::Url::parse(u).is_ok_and(|u| crate::config::is_loopback(&u));
            if graph_url.as_deref().is_some_and(|u| !local(u)) {
                fields.fail("/graph_url", "format", "an address of this machine");
            }
            fields.done()?;
            let settings = WhatsappSettings {
                waba_id,
                display_phone: String::new(),
                graph_url,
            };
            let new = NewWhatsapp {
                name,
                phone_number_id,
                settings,
                secrets: AccountSecrets {
                    access_token: access_token.trim().to_owned(),
                    app_secrets: app_secret.into_iter().filter(|s| !s.is_empty()).collect(),
                    verify_token: verify_token
                        .filter(|t| !t.trim().is_empty())
                        .unwrap_or_else(|| crate::secrets::token().chars().take(32).collect()),
                    ..AccountSecrets::default()
                },
                greeter,
                default_group,
                simulated: false,
                health: json!({}),
            };
            connect(&ctx, new).await?
        }
    };
    Ok((StatusCode::CREATED, written(&ctx, row.id).await?))
}

fn client(ctx: &Context, settings: &WhatsappSettings) -> Result<GraphClient, Problem> {
    match &settings.graph_url {
        None => Ok(ctx.app.graph.clone()),
        Some(url) => ctx
            .app
            .graph
            .at(url, GRAPH_VERSION)
            .map_err(|e| Problem::invalid("/graph_url", "format", e.to_string())),
    }
}

/// Connects a number once its token has named it, and asks the platform to deliver.
pub(super) async fn connect(ctx: &Context, mut new: NewWhatsapp) -> Result<ChannelAccountRow, Problem> {
    let client = client(ctx, &new.settings)?;
    if new.secrets.app_secrets.is_empty()
        && let Some(sibling) = sibling(ctx, &new.settings.waba_id).await?
    {
        // Numbers of one business account are delivered together: by the app of the workspace, if it has one there.
        new.secrets.app_secrets.clone_from(&sibling.secrets.app_secrets);
    }
    let number = client
        .read_number(&new.secrets.access_token, &new.phone_number_id)
        .await
        .map_err(|e| platform_problem(&e))?;
    new.settings.display_phone.clone_from(&number.display_phone);
    new.simulated |= new.settings.graph_url.is_some();
    let (app, stored_as) = (ctx.app.clone(), new.clone());
    let row = ctx
        .write("whatsapp", move |tx, who| {
            rules::connect_whatsapp(tx, &app.secrets, who.workspace, &Actor::from(who), &stored_as)
        })
        .await?;
    // The platform asks our callback while it is being subscribed: the account is there by now.
    ctx.app.accounts.changed();
    let (subscribed, own_callback) = subscribe(ctx, &client, &new.secrets, &row).await;
    let health = json!({
        "display_phone": number.display_phone, "verified_name": number.verified_name, "quality": number.quality,
        "name_status": number.name_status, "messaging_limit": number.messaging_limit,
        "subscribed": subscribed.is_ok(), "subscribe_error": subscribed.err().map(|e| e.to_string()),
        "callback_error": own_callback.err().map(|e| e.to_string()),
        "checked_at": ctx.app.clock.now(),
    });
    let id = row.id;
    ctx.write("whatsapp_health", move |tx, who| {
        Ok(stored::set_health(tx, who.workspace, id, &health.to_string())?)
    })
    .await?;
    Ok(row)
}

/// Another number of the same business account, with an app of this workspace.
async fn sibling(ctx: &Context, waba: &str) -> Result<Option<Arc<Account>>, Problem> {
    let snapshot = ctx.app.accounts.snapshot(&ctx.app).await?;
    let mut all = snapshot.all().filter(|a| {
        a.row.workspace == ctx.who.workspace
            && a.row.kind == ChannelKind::Whatsapp
            && a.row.scope == waba
            && !a.secrets.app_secrets.is_empty()
    });
    Ok(all.next().cloned())
}

/// Asks the platform to deliver: with an app of the workspace to its own callback, and where that cannot be reached, or
/// with the installation's app, to the callback that is typed at the platform.
async fn subscribe(
    ctx: &Context,
    client: &GraphClient,
    secrets: &AccountSecrets,
    row: &ChannelAccountRow,
) -> (Result<(), CallError>, Result<(), CallError>) {
    let (token, waba) = (&secrets.access_token, &row.scope);
    if secrets.app_secrets.is_empty() {
        return (client.subscribe_app(token, waba, None).await, Ok(()));
    }
    let callback = ctx.app.config.link(&format!("/webhooks/meta/{}", row.webhook_token));
    let own = client
        .subscribe_app(token, waba, Some((&callback, &secrets.verify_token)))
        .await;
    if own.is_ok() {
        return (Ok(()), own);
    }
    (client.subscribe_app(token, waba, None).await, own)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EditChannelAccount)]
pub struct EditAccount {
    #[serde(default)]
    name: Option<String>,
    /// Of a web chat.
    #[serde(default)]
    settings: Option<WebChatSettings>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Greeter>)]
    greeter: Option<Option<Greeter>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>)]
    default_group: Option<Option<GroupId>>,
    /// What a conversation that begins here asks of whoever takes it, all of it.
    #[serde(default)]
    skills: Option<Vec<SkillId>>,
    /// Head start in the queue, 0 to 1,440 minutes.
    #[serde(default)]
    priority_minutes: Option<i64>,
    /// A new one; the platform is asked with it first.
    #[serde(default)]
    access_token: Option<String>,
    /// Several are accepted during a change.
    #[serde(default)]
    app_secrets: Option<Vec<String>>,
}

/// Edit a channel account
#[utoipa::path(patch, path = "/channel-accounts/{id}", tag = "Channels", params(("id" = i64, Path)), request_body = EditAccount, responses((status = 200, body = ChannelAccount)))]
pub async fn edit(
    ctx: Context,
    IfMatch(version): IfMatch,
    Path(id): Path<ChannelAccountId>,
    Body(b): Body<EditAccount>,
) -> Result<Versioned<ChannelAccount>, Problem> {
    let before = row(&ctx, id).await?;
    let mut fields = Fields::new();
    let mut edit = Edit {
        name: b.name.map(|n| rules::checked_name(&mut fields, &n)),
        web_chat: b.settings.map(|s| rules::checked_web_chat(&mut fields, s)),
        greeter: b.greeter.map(|g| rules::checked_greeter(&mut fields, g)),
        default_group: b.default_group,
        skills: b.skills,
        priority_minutes: b.priority_minutes,
        access_token: b.access_token.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()),
        app_secrets: b.app_secrets,
        health: None,
    };
    fields.done()?;
    if let (Some(token), ChannelKind::Whatsapp) = (&edit.access_token, before.row.kind) {
        let settings: WhatsappSettings = serde_json::from_str(&before.row.settings).unwrap_or_default();
        let number = client(&ctx, &settings)?
            .read_number(token, &before.row.external_id)
            .await
            .map_err(|e| platform_problem(&e))?;
        edit.health = Some(json!({
            "display_phone": number.display_phone, "verified_name": number.verified_name, "quality": number.quality,
            "checked_at": ctx.app.clock.now(),
        }));
    }
    let app = ctx.app.clone();
    ctx.write("edit_channel", move |tx, who| {
        rules::edit(tx, &app.secrets, who, id, version, &edit)
    })
    .await?;
    written(&ctx, id).await
}

/// Disconnect a channel account
///
/// Its conversations stay.
#[utoipa::path(delete, path = "/channel-accounts/{id}", tag = "Channels", params(("id" = i64, Path)), responses((status = 204)))]
pub async fn delete(ctx: Context, Path(id): Path<ChannelAccountId>) -> Result<StatusCode, Problem> {
    let gone = ctx
        .write("delete_channel", move |tx, who| rules::delete(tx, who, id))
        .await?;
    ctx.app.accounts.changed();
    // What was delivered to its callback goes to that of another number of the same business account.
    if gone.kind == ChannelKind::Whatsapp
        && let Some(heir) = sibling(&ctx, &gone.scope).await?
        && let Ok(client) = client(&ctx, &heir.whatsapp())
    {
        let (subscribed, own) = subscribe(&ctx, &client, &heir.secrets, &heir.row).await;
        if let Err(error) = subscribed.and(own) {
            tracing::warn!(account = %heir.row.id, %error, "the platform could not be told where to deliver");
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Check a channel account
///
/// Asks the platform with the stored token, and connects the account again when that works.
#[utoipa::path(post, path = "/channel-accounts/{id}/check", tag = "Channels", params(("id" = i64, Path)), responses((status = 200, body = ChannelAccount)))]
pub async fn check(ctx: Context, Path(id): Path<ChannelAccountId>) -> Result<Versioned<ChannelAccount>, Problem> {
    let before = row(&ctx, id).await?;
    if before.row.kind == ChannelKind::Whatsapp {
        let settings: WhatsappSettings = serde_json::from_str(&before.row.settings).unwrap_or_default();
        let secrets = rules::open(&ctx.app.secrets, &before.row);
        let asked = client(&ctx, &settings)?
            .read_number(&secrets.access_token, &before.row.external_id)
            .await;
        let now = ctx.app.clock.now();
        ctx.write("check_channel", move |tx, who| -> AppResult<()> {
            use ronda_domain::channel::ChannelStatus;
            match &asked {
                Ok(number) => {
                    stored::set_status(tx, who.workspace, id, ChannelStatus::Connected, "")?;
                    let health = json!({
                        "display_phone": number.display_phone, "verified_name": number.verified_name,
                        "quality": number.quality, "name_status": number.name_status,
                        "messaging_limit": number.messaging_limit, "checked_at": now,
                    });
                    stored::set_health(tx, who.workspace, id, &health.to_string())?;
                    ronda_storage::outbox::hurry(tx, id)?;
                }
                Err(CallError::Provider(error)) => {
                    crate::app::delivery::disconnected(tx, who.workspace, id, &error.to_string())?;
                }
                // The platform being away says nothing about the account.
                Err(_) => {}
            }
            Ok(())
        })
        .await?;
    }
    written(&ctx, id).await
}

/// A secret that is shown this once.
#[derive(serde::Serialize, ToSchema)]
pub struct SiteSecret {
    /// The key of HMAC-SHA256 over the ids of the site's users.
    secret: String,
}

/// Make the secret of a web chat
///
/// With it the site's server vouches for its users: `hash` of `Ronda('identify', …)` is the hex HMAC-SHA256 of the user's
/// id. It is shown only now. A secret made before counts for another 24 hours.
#[utoipa::path(post, path = "/channel-accounts/{id}/site-secret", tag = "Channels", params(("id" = i64, Path)), responses((status = 201, body = SiteSecret)))]
pub async fn site_secret(
    ctx: Context,
    Path(id): Path<ChannelAccountId>,
) -> Result<(StatusCode, axum::Json<SiteSecret>), Problem> {
    let app = ctx.app.clone();
    let secret = ctx
        .write("site_secret", move |tx, who| {
            rules::new_site_secret(tx, &app.secrets, who, id)
        })
        .await?;
    ctx.app.accounts.changed();
    Ok((StatusCode::CREATED, axum::Json(SiteSecret { secret })))
}

/// A part of a delivery that was not understood.
#[derive(serde::Serialize, ToSchema)]
pub struct InboundFailure {
    id: i64,
    pointer: String,
    reason: String,
    #[schema(value_type = Object)]
    raw: Value,
    at: ronda_domain::Ms,
    replayed_at: Option<ronda_domain::Ms>,
}

/// List what was received and not understood
#[utoipa::path(get, path = "/inbound-failures", tag = "Channels", params(crate::http::Page), responses((status = 200, body = Paged<InboundFailure>)))]
pub async fn failures(
    ctx: Context,
    crate::http::Filter(page): crate::http::Filter<crate::http::Page>,
) -> Result<Paged<InboundFailure>, Problem> {
    let (limit, before) = (page.limit()?, page.after(i64::MAX)?);
    let items = ctx
        .read("inbound_failures", move |tx, who| {
            who.need(Permission::ChannelsManage)?;
            Ok(ronda_storage::journal::failed_parts(tx, who.workspace, before, limit)?)
        })
        .await?;
    let items = items
        .into_iter()
        .map(|f| InboundFailure {
            id: f.id,
            pointer: f.pointer,
            reason: f.reason,
            raw: serde_json::from_str(&f.raw).unwrap_or(Value::String(f.raw)),
            at: f.at,
            replayed_at: f.replayed_at,
        })
        .collect();
    Ok(Paged::of(items, limit, |f: &InboundFailure| f.id))
}

/// Read a delivery again
///
/// The whole body is processed again; what was stored from it stays as it is.
#[utoipa::path(post, path = "/inbound-failures/{id}/replay", tag = "Channels", params(("id" = i64, Path)), responses((status = 204)))]
pub async fn replay(ctx: Context, Path(id): Path<i64>) -> Result<StatusCode, Problem> {
    ctx.write("replay", move |tx, who| {
        who.need(Permission::ChannelsManage)?;
        let journal = ronda_storage::journal::part_replayed(tx, who.workspace, id)?.ok_or(AppError::NotFound)?;
        let lane = ronda_storage::journal::reopen(tx, journal)?.ok_or_else(|| AppError::Gone {
            code: "body_gone",
            detail: "the delivery is not kept any more".into(),
        })?;
        tx.wake(ronda_storage::Wake::Lane(lane));
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
