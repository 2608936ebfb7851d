//! Fetches received media from the provider into our store (meta-platform §9).

use crate::App;
use crate::app::{AppError, AppResult, outgoing, views};
use ronda_channels::outcome::CallError;
use ronda_domain::Ms;
use ronda_domain::content::Content;
use ronda_storage::files::{self, FileRow, MediaJobRow};
use ronda_storage::{Lane, StoreResult, Tx, messages};
use std::sync::Arc;

/// Fetches at once.
const CLAIM: i64 = 8;
/// How long a fetch may take.
const LEASE_MS: i64 = 5 * Ms::MINUTE;
/// Attempts before a person has to ask again. Source: spec CORE-3.
const ATTEMPTS: i64 = 5;

/// Starts the worker.
pub fn start(app: &Arc<App>) {
    let its = app.clone();
    super::spawn(app, "media", async move {
        loop {
            match step(&its).await {
                Ok(0) => {
                    its.wakes.media.take(super::IDLE * 4).await;
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "media could not be fetched yet");
                    tokio::time::sleep(super::REST).await;
                }
            }
        }
    });
}

/// Fetches what is due; how many.
///
/// # Errors
/// When the database fails.
pub async fn step(app: &Arc<App>) -> AppResult<usize> {
    // Looking costs no transaction when nothing waits.
    let now = app.clock.now();
    let next: StoreResult<Option<Ms>> = app.db.read("media_next", files::next_job).await;
    if next.map_err(AppError::from)?.is_none_or(|due| due > now) {
        return Ok(0);
    }
    let jobs: StoreResult<Vec<MediaJobRow>> = app
        .db
        .write("media_claim", Lane::Background, move |tx| {
            let until = tx.now().plus(LEASE_MS);
            files::claim_jobs(tx, until, CLAIM)
        })
        .await;
    let jobs = jobs.map_err(AppError::from)?;
    let n = jobs.len();
    let work = jobs.into_iter().map(|job| one(app, job));
    for done in futures_util::future::join_all(work).await {
        done?;
    }
    Ok(n)
}

async fn one(app: &Arc<App>, job: MediaJobRow) -> AppResult<()> {
    let id = uuid::Uuid::now_v7();
    let fetched = fetch(app, &job, id).await;
    app.db
        .write("media_done", Lane::Background, move |tx| settle(tx, &job, id, &fetched))
        .await
}

/// What was fetched: mime, size and checksum of the stored bytes; or why not, and whether asking again can help.
type Fetched = Result<(String, i64, String), (String, bool)>;

async fn fetch(app: &Arc<App>, job: &MediaJobRow, id: uuid::Uuid) -> Fetched {
    let later = |e: String| (e, true);
    let snapshot = app.accounts.snapshot(app).await.map_err(|e| later(e.to_string()))?;
    let account = snapshot
        .get(job.channel_account)
        .ok_or_else(|| ("the channel account is gone".to_owned(), false))?;
    let client = super::deliver::client(app, account).map_err(|e| (e, false))?;
    let file = client
        .download_media(
            &account.secrets.access_token,
            &job.provider_media,
            Some(&account.row.external_id),
            app.config.limits.file_bytes as u64,
        )
        .await
        .map_err(|e: CallError| (e.to_string(), e.may_retry()))?;
    let size = file.bytes.len() as i64;
    let mime = file.mime.unwrap_or_else(|| "application/octet-stream".into());
    let sha256 = app.files.put(id, file.bytes).await.map_err(|e| later(e.to_string()))?;
    Ok((mime, size, sha256))
}

fn settle(tx: &mut Tx<'_>, job: &MediaJobRow, id: uuid::Uuid, fetched: &Fetched) -> AppResult<()> {
    let w = job.workspace;
    let Some(message) = messages::get(tx, w, job.message)? else {
        files::job_done(tx, job.id)?;
        return Ok(());
    };
    let Ok(mut content) = serde_json::from_str::<Content>(&message.content) else {
        files::job_failed(tx, job.id, "the message cannot be read")?;
        return Ok(());
    };
    let Some(media) = content.media_mut() else {
        files::job_done(tx, job.id)?;
        return Ok(());
    };
    match fetched {
        Ok((mime, size, sha256)) => {
            let name = media.name.clone().unwrap_or_else(|| file_name(mime, message.at));
            let row = FileRow {
                workspace: w,
                public_id: id.to_string(),
                name,
                mime: mime.clone(),
                size: *size,
                sha256: sha256.clone(),
                conversation: Some(message.conversation),
                visitor: None,
                uploaded_by: None,
                created_at: tx.now(),
            };
            files::insert(tx, &row)?;
            media.file = Some(id);
            media.size = Some(*size);
            media.mime.get_or_insert_with(|| mime.clone());
            media.failed = None;
            files::job_done(tx, job.id)?;
        }
        Err((_, true)) if job.attempts < ATTEMPTS => {
            let pause = Ms::SECOND << job.attempts.min(10);
            let due = tx.now().plus(pause);
            files::job_later(tx, job.id, due)?;
            return Ok(());
        }
        Err((reason, _)) => {
            media.failed = Some(reason.clone());
            files::job_failed(tx, job.id, reason)?;
        }
    }
    let text = views::text(&content);
    messages::set_content(tx, w, message.id, &text, content.kind(), message.edited_at)?;
    outgoing::tell_changed(tx, w, message.conversation, message.id)
}

fn file_name(mime: &str, at: Ms) -> String {
    let extension = mime_guess::get_mime_extensions_str(mime)
        .and_then(|list| list.first())
        .copied()
        .unwrap_or("bin");
    format!("{at}.{extension}")
}
