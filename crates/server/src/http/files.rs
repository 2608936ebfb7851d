//! Files that people send and see.

use crate::App;
use crate::app::{AppError, AppResult, Who, conversations};
use crate::http::{Context, Filter, Path, Problem};
use axum::body::Body;
use axum::extract::{Multipart, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use bytes::{Bytes, BytesMut};
use ronda_domain::{AgentId, Ms, WorkspaceId};
use ronda_storage::Tx;
use ronda_storage::files::{self, FileRow};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// A stored file.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FileView {
    pub id: uuid::Uuid,
    pub name: String,
    pub mime: String,
    /// Bytes.
    pub size: i64,
}

/// A file as it came in a form.
pub struct Sent {
    pub name: String,
    pub mime: String,
    pub bytes: Bytes,
}

/// Longest file name in characters.
const NAME_CHARS: usize = 200;

/// Reads the part `file` of a form, at most `limit` bytes of it.
///
/// # Errors
/// 413 when it is larger; 400 without such a part.
pub async fn read_form(mut form: Multipart, limit: usize) -> Result<Sent, Problem> {
    let unreadable = |e: axum::extract::multipart::MultipartError| {
        if e.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Problem::from(AppError::TooLarge { limit: limit as u64 })
        } else {
            Problem::new(StatusCode::BAD_REQUEST, "unreadable", e.body_text())
        }
    };
    while let Some(mut field) = form.next_field().await.map_err(unreadable)? {
        if field.name() != Some("file") {
            continue;
        }
        let name = field.file_name().unwrap_or("archivo").to_owned();
        let declared = field.content_type().unwrap_or("application/octet-stream").to_owned();
        let mut bytes = BytesMut::new();
        while let Some(chunk) = field.chunk().await.map_err(unreadable)? {
            if bytes.len() + chunk.len() > limit {
                return Err(AppError::TooLarge { limit: limit as u64 }.into());
            }
            bytes.extend_from_slice(&chunk);
        }
        if bytes.is_empty() {
            return Err(Problem::invalid("/file", "empty", "the file is empty"));
        }
        // What the bytes are counts more than what the browser believed.
        let mime = infer::get(&bytes).map_or(declared, |kind| match kind.mime_type() {
            // The channels name the container: a voice note is Ogg, whatever is in it.
            "audio/opus" => "audio/ogg".to_owned(),
            other => other.to_owned(),
        });
        let name: String = name
            .rsplit(['/', '\\'])
            .next()
            .unwrap_or_default()
            .chars()
            .filter(|c| !c.is_control())
            .take(NAME_CHARS)
            .collect();
        return Ok(Sent {
            name,
            mime,
            bytes: bytes.freeze(),
        });
    }
    Err(Problem::invalid(
        "/file",
        "required",
        "send the file as the part `file`",
    ))
}

/// Stores a file and its row.
///
/// # Errors
/// When the store or the database fails.
pub async fn store(
    app: &App,
    w: WorkspaceId,
    sent: Sent,
    visitor: Option<i64>,
    by: Option<AgentId>,
) -> Result<FileView, Problem> {
    let id = uuid::Uuid::now_v7();
    let size = sent.bytes.len() as i64;
    let sha256 = app
        .files
        .put(id, sent.bytes)
        .await
        .map_err(|e| AppError::Internal(format!("a file was not stored: {e}")))?;
    let row = FileRow {
        workspace: w,
        public_id: id.to_string(),
        name: sent.name.clone(),
        mime: sent.mime.clone(),
        size,
        sha256,
        conversation: None,
        visitor,
        uploaded_by: by,
        created_at: app.clock.now(),
    };
    let stored: AppResult<()> = app
        .db
        .write("file", ronda_storage::Lane::Interactive, move |tx| {
            files::insert(tx, &row)?;
            Ok(())
        })
        .await;
    stored?;
    Ok(FileView {
        id,
        name: sent.name,
        mime: sent.mime,
        size,
    })
}

/// Upload a file
///
/// As the part `file` of a form. It belongs to whoever uploaded it until it is sent.
#[utoipa::path(post, path = "/files", tag = "Files", request_body(content_type = "multipart/form-data", content = Object), responses((status = 201, body = FileView)))]
pub async fn upload(
    ctx: Context,
    form: Result<Multipart, axum::extract::multipart::MultipartRejection>,
) -> Result<(StatusCode, Json<FileView>), Problem> {
    let form = form.map_err(|e| Problem::new(e.status(), "not_a_form", e.body_text()))?;
    let sent = read_form(form, ctx.app.config.limits.file_bytes).await?;
    let view = store(&ctx.app, ctx.who.workspace, sent, None, Some(ctx.who.agent)).await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// A public address of a file.
#[derive(Serialize, ToSchema)]
pub struct FileLink {
    pub url: String,
    pub expires_at: Ms,
    /// What a customer reads: name, size and address.
    pub text: String,
    /// How often the file was fetched by its links so far.
    pub downloads: i64,
}

/// Make a link of a file
///
/// For what a channel does not carry: whoever has the link may fetch the file, without signing in, until it expires
/// (`limits.file_link_days`). It cannot be guessed.
#[utoipa::path(post, path = "/files/{id}/link", tag = "Files", params(("id" = String, Path)), responses((status = 201, body = FileLink)))]
pub async fn link(ctx: Context, Path(id): Path<uuid::Uuid>) -> Result<(StatusCode, Json<FileLink>), Problem> {
    let token = crate::secrets::token();
    let hash = crate::secrets::hash(&token);
    let days = i64::from(ctx.app.config.limits.file_link_days);
    let (row, expires_at, downloads) = ctx
        .write("file_link", move |tx, who| {
            let row = seen(tx, who, id)?;
            let expires_at = tx.now().plus(days * Ms::DAY);
            files::insert_link(tx, who.workspace, &hash, &row.public_id, who.agent, expires_at)?;
            let downloads = files::downloads(tx, who.workspace, &row.public_id)?;
            Ok((row, expires_at, downloads))
        })
        .await?;
    let url = ctx.app.config.link(&format!("/f/{token}"));
    let text = format!("{} ({}): {url}", row.name, size_text(row.size));
    Ok((
        StatusCode::CREATED,
        Json(FileLink {
            url,
            expires_at,
            text,
            downloads,
        }),
    ))
}

/// A size as people read it.
fn size_text(bytes: i64) -> String {
    const KB: i64 = 1_024;
    const MB: i64 = KB * KB;
    match bytes {
        n if n >= MB => format!("{} MB", (n + MB / 2) / MB),
        n if n >= KB => format!("{} KB", (n + KB / 2) / KB),
        n => format!("{n} B"),
    }
}

/// What everybody with a link may fetch.
pub fn public_routes() -> Router<Arc<App>> {
    Router::new().route("/f/{token}", routing::get(linked))
}

async fn linked(State(app): State<Arc<App>>, Path(token): Path<String>) -> Result<Response, Problem> {
    let hash = crate::secrets::hash(&token);
    let found: AppResult<(FileRow, Ms)> = app
        .db
        .write("linked_file", ronda_storage::Lane::Interactive, move |tx| {
            let (row, expires_at) = files::by_link(tx, &hash)?.ok_or(AppError::NotFound)?;
            if expires_at > tx.now() {
                files::downloaded(tx, &hash)?;
            }
            Ok((row, expires_at))
        })
        .await;
    let (row, expires_at) = found?;
    if expires_at <= app.clock.now() {
        return Err(AppError::Gone {
            code: "link_expired",
            detail: "this link is too old: ask for the file again".into(),
        }
        .into());
    }
    let id = uuid::Uuid::parse_str(&row.public_id).map_err(|_| Problem::not_found())?;
    // Saved, never shown: nothing that was uploaded may look like a page of ours.
    answer(&app, id, &row, true).await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Download {
    /// `1` to save it instead of showing it.
    download: Option<u8>,
}

/// Get a file
///
/// Who sees its conversation sees the file.
#[utoipa::path(get, path = "/files/{id}", tag = "Files", params(("id" = String, Path), Download), responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>)))]
pub async fn get(ctx: Context, Path(id): Path<uuid::Uuid>, Filter(q): Filter<Download>) -> Result<Response, Problem> {
    let row = ctx.read("file", move |tx, who| seen(tx, who, id)).await?;
    answer(&ctx.app, id, &row, q.download == Some(1)).await
}

/// A file that the caller may see: its conversation is visible, or they uploaded it.
fn seen(tx: &mut Tx<'_>, who: &Who, id: uuid::Uuid) -> AppResult<FileRow> {
    let row = files::get(tx, who.workspace, &id.to_string())?.ok_or(AppError::NotFound)?;
    match row.conversation {
        Some(c) => {
            conversations::seen(tx, who, c)?;
        }
        None if row.uploaded_by == Some(who.agent) => {}
        None => return Err(AppError::NotFound),
    }
    Ok(row)
}

/// What browsers may show in place; everything else is only saved, so that nothing received can act as a page.
fn may_show(mime: &str) -> bool {
    matches!(
        mime,
        "image/jpeg" | "image/png" | "image/gif" | "image/webp" | "application/pdf"
    ) || mime.starts_with("video/")
        || mime.starts_with("audio/")
}

/// The bytes of a file under a policy that lets them do nothing.
///
/// # Errors
/// 404 when the bytes are gone.
pub async fn answer(app: &App, id: uuid::Uuid, row: &FileRow, save: bool) -> Result<Response, Problem> {
    let bytes = app.files.get(id).await.map_err(|_| Problem::not_found())?;
    let show = may_show(&row.mime) && !save;
    let disposition = format!(
        "{}; filename*=UTF-8''{}",
        if show { "inline" } else { "attachment" },
        url::form_urlencoded::byte_serialize(row.name.as_bytes())
            .collect::<String>()
            .replace('+', "%20")
    );
    let mut response = (StatusCode::OK, Body::from(bytes)).into_response();
    let headers = response.headers_mut();
    let mut set = |name: header::HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(
        header::CONTENT_TYPE,
        if may_show(&row.mime) {
            &row.mime
        } else {
            "application/octet-stream"
        },
    );
    set(header::CONTENT_DISPOSITION, &disposition);
    set(header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox");
    set(header::CACHE_CONTROL, "private, max-age=3600");
    Ok(response)
}
