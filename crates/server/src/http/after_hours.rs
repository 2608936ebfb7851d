//! What customers are told when nobody is there.

use crate::app::after_hours::{self, AfterHours, AfterHoursMessage, PreviewMessage, PreviewedMessage};
use crate::http::{Body, Context, IfMatch, Paged, Path, Problem, Versioned};
use axum::Json;
use axum::http::StatusCode;

/// List after-hours messages
///
/// Of the workspace, and of every channel account and group that has one of its own.
#[utoipa::path(get, path = "/after-hours-messages", tag = "Hours", responses((status = 200, body = Paged<AfterHoursMessage>)))]
pub async fn list(context: Context) -> Result<Paged<AfterHoursMessage>, Problem> {
    Ok(Paged::whole(context.read("after_hours", after_hours::list).await?))
}

/// Read an after-hours message
#[utoipa::path(get, path = "/after-hours-messages/{scope}", tag = "Hours", params(("scope" = String, Path)), responses((status = 200, body = AfterHoursMessage)))]
pub async fn get(context: Context, Path(scope): Path<String>) -> Result<Versioned<AfterHoursMessage>, Problem> {
    let message = context
        .read("after_hours", move |tx, who| after_hours::get(tx, who, &scope))
        .await?;
    let version = message.version;
    Ok(Versioned(message, version))
}

/// Save an after-hours message
///
/// `If-Match: "0"` gives a scope its first.
#[utoipa::path(put, path = "/after-hours-messages/{scope}", tag = "Hours", params(("scope" = String, Path)), request_body = AfterHours, responses((status = 200, body = AfterHoursMessage)))]
pub async fn save(
    context: Context,
    Path(scope): Path<String>,
    IfMatch(version): IfMatch,
    Body(input): Body<AfterHours>,
) -> Result<Versioned<AfterHoursMessage>, Problem> {
    let saved = context
        .write("save_after_hours", move |tx, who| {
            after_hours::save(tx, who, &scope, version, &input)
        })
        .await?;
    let version = saved.version;
    Ok(Versioned(saved, version))
}

/// Delete an after-hours message
///
/// The scope says what is said elsewhere again.
#[utoipa::path(delete, path = "/after-hours-messages/{scope}", tag = "Hours", params(("scope" = String, Path)), responses((status = 204)))]
pub async fn delete(context: Context, Path(scope): Path<String>) -> Result<StatusCode, Problem> {
    context
        .write("delete_after_hours", move |tx, who| {
            after_hours::delete(tx, who, &scope)
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Fill a text
///
/// The texts as a customer would read them now. Nothing is saved.
#[utoipa::path(post, path = "/after-hours-messages/preview", tag = "Hours", request_body = PreviewMessage, responses((status = 200, body = PreviewedMessage)))]
pub async fn preview(context: Context, Body(input): Body<PreviewMessage>) -> Result<Json<PreviewedMessage>, Problem> {
    let filled = context.read("preview_after_hours", move |tx, who| {
        after_hours::preview(tx, who, &input)
    });
    Ok(Json(filled.await?))
}
