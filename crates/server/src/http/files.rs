//! Files that people send and see.

use crate::App;
use crate::app::{AppError, AppResult, conversations};
use crate::http::{Context, Filter, Path, Problem};
use axum::Json;
use axum::body::Body;
use axum::extract::Multipart;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use ronda_domain::{AgentId, WorkspaceId};
use ronda_storage::files::{self, FileRow};
use serde::{Deserialize, Serialize};
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
        let mime = infer::get(&bytes).map_or(declared, |kind| kind.mime_type().to_owned());
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
    let row = ctx
        .read("file", move |tx, who| {
            let row = files::get(tx, who.workspace, &id.to_string())?.ok_or(AppError::NotFound)?;
            match row.conversation {
                Some(c) => {
                    conversations::seen(tx, who, c)?;
                }
                None if row.uploaded_by == Some(who.agent) => {}
                None => return Err(AppError::NotFound),
            }
            Ok(row)
        })
        .await?;
    answer(&ctx.app, id, &row, q.download == Some(1)).await
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
