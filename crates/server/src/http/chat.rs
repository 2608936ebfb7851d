//! The visitors' API of web chats, `/chat/v1`: bearer tokens of visitors, the allowed sites, limits of its own.

use crate::App;
use crate::accounts::Account;
use crate::app::channel_accounts::{ChatForm, Upload, WhenClosed};
use crate::app::hours::{Calendar, State};
use crate::app::visitor_profiles::{self, Known, Profile, Said};
use crate::app::visitors::{self, VisitorConversation, VisitorMessage, Written};
use crate::app::{AppError, AppResult};
use crate::http::client_ip;
use crate::http::files::{self, FileView};
use crate::http::input::{Body, Filter, Path};
use crate::http::problem::Problem;
use crate::realtime::visitor;
use axum::extract::{self, DefaultBodyLimit, FromRequestParts, Multipart, Request, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use ronda_domain::channel::{ChannelKind, ChannelStatus};
use ronda_domain::{MessageId, Ms};
use ronda_storage::visitors::{self as stored, VisitorRow};
use ronda_storage::{Lane, files as stored_files};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Longest description of a page in bytes; what is longer is left out.
const PAGE_BYTES: usize = 4_000;
const MOST_MESSAGES: i64 = 200;

pub fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let large = DefaultBodyLimit::max(app.config.limits.file_bytes);
    Router::new()
        .route("/chat/v1/sites/{key}", get(site))
        .route("/chat/v1/visitors", post(create))
        .route("/chat/v1/profile", post(profile))
        .route("/chat/v1/messages", get(messages).post(write))
        .route("/chat/v1/files", post(upload).layer(large))
        .route("/chat/v1/files/{id}", get(file))
        .route("/chat/v1/typing", post(typing))
        .route("/chat/v1/read", post(read))
        .route("/chat/v1/events", get(events))
        .layer(from_fn_with_state(app.clone(), guard))
}

/// Every site may ask; whether it may use a chat is decided by the chat's own list.
async fn guard(extract::State(app): extract::State<Arc<App>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let ip = client_ip::of(&app.config, &request);
    let mut response = if request.method() == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        match app.limits.anonymous.take(&format!("chat:{ip}")) {
            Ok(_) => next.run(request).await,
            Err(seconds) => Problem::from(AppError::RateLimited {
                retry_after_seconds: seconds,
            })
            .into_response(),
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
            (header::ACCESS_CONTROL_EXPOSE_HEADERS, "retry-after"),
            (header::ACCESS_CONTROL_MAX_AGE, "86400"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

/// The web chat of a public key, if it is in service and this site may show it.
async fn chat(app: &Arc<App>, key: &str, headers: &HeaderMap) -> Result<Arc<Account>, Problem> {
    let snapshot = app.accounts.snapshot(app).await?;
    let account = snapshot
        .by_external(ChannelKind::WebChat, key)
        .filter(|a| a.row.status == ChannelStatus::Connected)
        .cloned()
        .ok_or_else(Problem::not_found)?;
    allowed(app, &account, headers)?;
    Ok(account)
}

fn allowed(app: &App, account: &Account, headers: &HeaderMap) -> Result<(), Problem> {
    let domains = account.web_chat().allowed_domains;
    let Some(origin) = headers.get(header::ORIGIN).and_then(|v| v.to_str().ok()) else {
        return Ok(());
    };
    let Ok(origin) = url::Url::parse(origin) else {
        return Err(refused_site());
    };
    if domains.is_empty() || origin.origin() == app.config.public_url.origin() || is_allowed(&domains, &origin) {
        return Ok(());
    }
    Err(refused_site())
}

fn refused_site() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "domain_not_allowed",
        "this chat may not be shown on this site",
    )
}

fn is_allowed(domains: &[String], origin: &url::Url) -> bool {
    let host = origin.host_str().unwrap_or_default();
    let with_port = origin.port().map(|p| format!("{host}:{p}"));
    domains.iter().any(|d| match d.strip_prefix("*.") {
        Some(base) => host == base || host.ends_with(&format!(".{base}")),
        None => d == host || with_port.as_deref() == Some(d),
    })
}

#[derive(Serialize)]
struct Site {
    name: String,
    colour: String,
    position: String,
    launcher_text: String,
    greeting: String,
    language: String,
    upload: Upload,
    when_closed: WhenClosed,
    form: ChatForm,
    identity_required: bool,
    open: bool,
    /// When somebody is there again; `null` while somebody is, or when no opening is in sight.
    opens_at: Option<Ms>,
}

async fn site(
    extract::State(app): extract::State<Arc<App>>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Site>, Problem> {
    let account = chat(&app, &key, &headers).await?;
    let s = account.web_chat();
    let (w, id, group) = (account.row.workspace, account.row.id, account.row.default_group);
    let state: AppResult<State> = app
        .db
        .read("site_hours", move |tx| Ok(Calendar::load(tx, w)?.state(group, id)))
        .await;
    let state = state?;
    Ok(Json(Site {
        name: account.row.name.clone(),
        colour: s.colour,
        position: s.position,
        launcher_text: s.launcher_text,
        greeting: s.greeting,
        language: s.language,
        upload: s.upload,
        when_closed: s.when_closed,
        form: s.form,
        identity_required: s.identity_required,
        open: state.open,
        opens_at: state.opens_at,
    }))
}

/// The campaign that the address of a page names, beside what the page says of itself.
fn with_campaign(mut page: Value) -> Value {
    let url = page["url"].as_str().and_then(|u| url::Url::parse(u).ok());
    let utm: serde_json::Map<String, Value> = url
        .iter()
        .flat_map(url::Url::query_pairs)
        .filter_map(|(name, value)| {
            let name = name.strip_prefix("utm_")?;
            matches!(name, "source" | "medium" | "campaign" | "term" | "content")
                .then(|| (name.to_owned(), Value::String(value.into_owned())))
        })
        .collect();
    if !utm.is_empty() {
        page["utm"] = Value::Object(utm);
    }
    page
}

#[derive(Deserialize)]
struct NewVisitor {
    site_key: String,
    #[serde(default)]
    page: Value,
}

async fn create(
    extract::State(app): extract::State<Arc<App>>,
    headers: HeaderMap,
    Body(new): Body<NewVisitor>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let account = chat(&app, &new.site_key, &headers).await?;
    let page = if new.page.to_string().len() > PAGE_BYTES {
        json!({})
    } else {
        with_campaign(new.page)
    };
    let created: AppResult<(i64, String)> = app
        .db
        .write("visitor", Lane::Interactive, move |tx| {
            visitors::create(tx, &account, &page)
        })
        .await;
    let (id, token) = created?;
    Ok((StatusCode::CREATED, Json(json!({ "id": id, "token": token }))))
}

/// A visitor by their token, from a site that may show the chat.
struct Visitor {
    app: Arc<App>,
    row: VisitorRow,
    account: Arc<Account>,
}

#[derive(Deserialize)]
struct Tokens {
    /// For what a browser opens without headers: sockets.
    token: Option<String>,
    /// For pictures.
    t: Option<String>,
}

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let bearer = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.strip_prefix("Bearer "))
            .map(str::to_owned);
        let query = axum::extract::Query::<Tokens>::try_from_uri(&parts.uri).ok();
        let token = bearer
            .or_else(|| query.and_then(|q| q.0.token.or(q.0.t)))
            .ok_or(AppError::Unauthenticated)?;
        let hash = crate::secrets::hash(&token);
        let row: AppResult<Option<VisitorRow>> =
            app.db.read("visitor", move |tx| Ok(stored::by_token(tx, &hash)?)).await;
        let row = row?.ok_or(AppError::Unauthenticated)?;
        let snapshot = app.accounts.snapshot(app).await?;
        let account = snapshot
            .get(row.channel_account)
            .cloned()
            .ok_or(AppError::Unauthenticated)?;
        allowed(app, &account, &parts.headers)?;
        Ok(Self {
            app: app.clone(),
            row,
            account,
        })
    }
}

/// What a page or a visitor says about the visitor. An id without proof is ignored with everything beside it.
async fn profile(v: Visitor, Body(said): Body<Said>) -> Result<Json<Known>, Problem> {
    let secrets = &v.account.secrets;
    if let Some(id) = &said.user_id
        && !visitor_profiles::vouched(
            &secrets.of_site(v.app.clock.now()),
            id,
            said.hash.as_deref().unwrap_or_default(),
        )
    {
        v.app.refused_identities.note(v.account.row.id);
        return Ok(Json(Known {
            verified: false,
            read_up_to: v.row.read_up_to,
            missing: Profile::of(&v.row).missing(&v.account.web_chat()),
        }));
    }
    let (row, account) = (v.row, v.account);
    let known = v
        .app
        .db
        .write("visitor_profile", Lane::Interactive, move |tx| {
            visitor_profiles::identify(tx, &account, &row, &said)
        })
        .await?;
    Ok(Json(known))
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: i64,
    limit: Option<i64>,
}

#[derive(Serialize)]
struct Messages {
    items: Vec<VisitorMessage>,
    conversation: VisitorConversation,
}

async fn messages(v: Visitor, Filter(q): Filter<After>) -> Result<Json<Messages>, Problem> {
    let limit = q.limit.unwrap_or(100).clamp(1, MOST_MESSAGES);
    let row = v.row;
    let (items, conversation) = v
        .app
        .db
        .read("visitor_messages", move |tx| {
            visitors::after(tx, &row, MessageId(q.after), limit)
        })
        .await?;
    Ok(Json(Messages { items, conversation }))
}

async fn write(v: Visitor, Body(new): Body<Written>) -> Result<(StatusCode, Json<VisitorMessage>), Problem> {
    if let Err(seconds) = v.app.limits.visitors.take(&v.row.id.to_string()) {
        return Err(AppError::RateLimited {
            retry_after_seconds: seconds,
        }
        .into());
    }
    let (row, account) = (v.row.clone(), v.account.clone());
    let (message, conversation) = v
        .app
        .db
        .write("visitor_writes", Lane::Interactive, move |tx| {
            // The row may have got its customer meanwhile.
            visitors::write(tx, &account, &row, &new)
        })
        .await?;
    v.app.hub.give_visitor(v.row.workspace, v.row.id, conversation);
    Ok((StatusCode::CREATED, Json(message)))
}

async fn upload(
    v: Visitor,
    form: Result<Multipart, axum::extract::multipart::MultipartRejection>,
) -> Result<(StatusCode, Json<FileView>), Problem> {
    let rules = v.account.web_chat().upload;
    if !rules.enabled {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "upload_off",
            "this chat takes no files",
        ));
    }
    if let Err(seconds) = v.app.limits.visitors.take(&v.row.id.to_string()) {
        return Err(AppError::RateLimited {
            retry_after_seconds: seconds,
        }
        .into());
    }
    let form = form.map_err(|e| Problem::new(e.status(), "not_a_form", e.body_text()))?;
    let limit = usize::try_from(rules.max_bytes)
        .unwrap_or(0)
        .min(v.app.config.limits.file_bytes);
    let sent = files::read_form(form, limit).await?;
    let view = files::store(&v.app, v.row.workspace, sent, Some(v.row.id), None).await?;
    Ok((StatusCode::CREATED, Json(view)))
}

async fn file(v: Visitor, Path(id): Path<uuid::Uuid>) -> Result<Response, Problem> {
    let row = v.row.clone();
    let file = v
        .app
        .db
        .read("visitor_file", move |tx| -> AppResult<_> {
            let file = stored_files::get(tx, row.workspace, &id.to_string())?.ok_or(AppError::NotFound)?;
            let mine = file.visitor == Some(row.id);
            let sent = match file.conversation {
                None => false,
                Some(c) => {
                    stored::conversations(tx, &row, MOST_MESSAGES)?.contains(&c)
                        && ronda_storage::messages::shows_file(tx, row.workspace, c, &id.to_string())?
                }
            };
            if mine || sent {
                Ok(file)
            } else {
                Err(AppError::NotFound)
            }
        })
        .await?;
    files::answer(&v.app, id, &file, false).await
}

async fn typing(v: Visitor) -> Result<StatusCode, Problem> {
    let row = v.row.clone();
    let conversations: AppResult<Vec<_>> = v
        .app
        .db
        .read("visitor", move |tx| Ok(stored::conversations(tx, &row, 1)?))
        .await;
    if let Some(c) = conversations?.first() {
        let frame = json!({ "type": "typing", "conversation": c, "customer": true });
        v.app.hub.mark(v.row.workspace, *c, &frame, None);
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct UpTo {
    up_to: MessageId,
}

async fn read(v: Visitor, Body(b): Body<UpTo>) -> Result<StatusCode, Problem> {
    let row = v.row;
    let done: AppResult<()> = v
        .app
        .db
        .write("visitor_reads", Lane::Interactive, move |tx| {
            visitors::read(tx, &row, b.up_to)
        })
        .await;
    done?;
    Ok(StatusCode::NO_CONTENT)
}

async fn events(
    v: Visitor,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|e| Problem::new(e.status(), "upgrade", e.body_text()))?;
    let (app, row) = (v.app, v.row);
    Ok(upgrade
        .max_message_size(4 << 10)
        .read_buffer_size(super::events::READ_BUFFER)
        .write_buffer_size(0)
        .on_upgrade(move |ws| visitor::serve(app, row, ws)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cp_3_the_campaign_is_read_from_the_address() {
        let page =
            with_campaign(json!({ "url": "https://shop.example/?utm_source=ig&utm_campaign=d%C3%ADa&utm_x=1&q=2" }));
        assert_eq!(page["utm"], json!({ "source": "ig", "campaign": "día" }));
        assert_eq!(
            with_campaign(json!({ "url": "not an address" })),
            json!({ "url": "not an address" })
        );
        assert_eq!(with_campaign(json!("?")), json!("?"));
    }

    #[test]
    fn cp_3_3_only_named_sites_show_the_chat() {
        let domains = vec!["shop.example.com".to_owned(), "*.example.org".to_owned()];
        let fine = |u: &str| is_allowed(&domains, &url::Url::parse(u).unwrap());
        assert!(fine("https://shop.example.com") && fine("https://a.example.org") && fine("https://example.org"));
        assert!(
            !fine("https://example.com")
                && !fine("https://evilexample.org")
                && !fine("https://shop.example.com.evil.net")
        );
    }
}
