//! The devices that tell an agent by push what happens while no page is open.

use crate::app::push_devices::{self, NewPushDevice, PushDevice, PushSettings};
use crate::http::{Body, Context, Paged, Path, Problem};
use axum::Json;
use axum::http::StatusCode;
use ronda_channels::push::Identity;

/// What a browser needs to be told by push
#[utoipa::path(get, path = "/me/push", tag = "Agents", responses((status = 200, body = PushSettings)))]
pub async fn settings(ctx: Context) -> Result<Json<PushSettings>, Problem> {
    let key = ctx.app.push_identity.get().map(Identity::public_key);
    let key = key.filter(|_| !ctx.app.config.push.is_empty());
    Ok(Json(
        ctx.read("push", move |tx, who| push_devices::settings(tx, who, key.as_deref()))
            .await?,
    ))
}

/// List one's push devices
#[utoipa::path(get, path = "/me/push-devices", tag = "Agents", responses((status = 200, body = Paged<PushDevice>)))]
pub async fn list(ctx: Context) -> Result<Paged<PushDevice>, Problem> {
    Ok(Paged::whole(ctx.read("push_devices", push_devices::list).await?))
}

/// Be told by push in this browser
///
/// Sent again it is the same device. It ends with the session it was sent in.
#[utoipa::path(put, path = "/me/push-devices", tag = "Agents", request_body = NewPushDevice, responses((status = 200, body = PushDevice)))]
pub async fn put(ctx: Context, Body(input): Body<NewPushDevice>) -> Result<Json<PushDevice>, Problem> {
    let services = ctx.app.config.push.clone();
    Ok(Json(
        ctx.write("push_device", move |tx, who| {
            push_devices::put(tx, who, &input, &services)
        })
        .await?,
    ))
}

/// Remove a push device
#[utoipa::path(delete, path = "/me/push-devices/{id}", tag = "Agents", params(("id" = i64, Path)), responses((status = 204)))]
pub async fn delete(ctx: Context, Path(id): Path<i64>) -> Result<StatusCode, Problem> {
    ctx.write("remove_push_device", move |tx, who| push_devices::remove(tx, who, id))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Try a push device
///
/// Something is sent to it, so that one sees whether it arrives.
#[utoipa::path(post, path = "/me/push-devices/{id}/test", tag = "Agents", params(("id" = i64, Path)), responses((status = 202)))]
pub async fn test(ctx: Context, Path(id): Path<i64>) -> Result<StatusCode, Problem> {
    ctx.write("try_push_device", move |tx, who| push_devices::try_out(tx, who, id))
        .await?;
    Ok(StatusCode::ACCEPTED)
}
