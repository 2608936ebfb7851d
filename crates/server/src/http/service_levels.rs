//! Service levels: what customers are promised, and how it was kept.

use crate::app::reports;
use crate::app::service_levels::{self, Compliance, EditServiceTarget, NewServiceTarget, ServiceTarget};
use crate::app::simulated::Simulated;
use crate::http::{Body, Context, Filter, IfMatch, Paged, Path, Problem};
use axum::Json;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

/// List service targets
#[utoipa::path(get, path = "/service-targets", tag = "Reports", responses((status = 200, body = Paged<ServiceTarget>)))]
pub async fn list(ctx: Context) -> Result<Json<Paged<ServiceTarget>>, Problem> {
    let items = ctx.read("service_targets", service_levels::list).await?;
    Ok(Json(Paged {
        items,
        next_cursor: None,
    }))
}

/// Promise an answer in time
///
/// For everybody, for a group, for a channel, or for both; the most specific holds. Waits that begin from now on have it.
#[utoipa::path(post, path = "/service-targets", tag = "Reports", request_body = NewServiceTarget, responses((status = 201, body = ServiceTarget)))]
pub async fn create(
    ctx: Context,
    Body(new): Body<NewServiceTarget>,
) -> Result<(StatusCode, Json<ServiceTarget>), Problem> {
    let made = ctx
        .write("service_target", move |tx, who| service_levels::create(tx, who, &new))
        .await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Change a service target
///
/// Conversations that wait keep what they began with, unless `apply` is set.
#[utoipa::path(patch, path = "/service-targets/{id}", tag = "Reports", params(("id" = i64, Path)), request_body = EditServiceTarget, responses((status = 200, body = ServiceTarget)))]
pub async fn edit(
    ctx: Context,
    Path(id): Path<i64>,
    IfMatch(version): IfMatch,
    Body(edit): Body<EditServiceTarget>,
) -> Result<Json<ServiceTarget>, Problem> {
    let edited = ctx
        .write("edit_service_target", move |tx, who| {
            service_levels::edit(tx, who, id, version, &edit)
        })
        .await?;
    Ok(Json(edited))
}

/// Remove a service target
#[utoipa::path(delete, path = "/service-targets/{id}", tag = "Reports", params(("id" = i64, Path)), responses((status = 204)))]
pub async fn delete(ctx: Context, Path(id): Path<i64>) -> Result<StatusCode, Problem> {
    ctx.write("delete_service_target", move |tx, who| {
        service_levels::delete(tx, who, id)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ServiceQuery {
    /// Not before, in milliseconds; a day before `to`.
    from: Option<i64>,
    /// Before, in milliseconds; now.
    to: Option<i64>,
    /// `include`: also simulated conversations.
    #[param(inline)]
    simulated: Option<Simulated>,
}

/// Report on service levels
///
/// Target by target: kept ÷ (kept + broken), with what is still open apart. At most 31 days.
#[utoipa::path(get, path = "/reports/service-levels", tag = "Reports", params(ServiceQuery), responses((status = 200, body = Paged<Compliance>)))]
pub async fn compliance(ctx: Context, Filter(q): Filter<ServiceQuery>) -> Result<Json<Paged<Compliance>>, Problem> {
    let period = reports::period(q.from, q.to, ctx.app.clock.now())?;
    let items = ctx
        .read("service_levels", move |tx, who| {
            service_levels::compliance(tx, who, period, q.simulated)
        })
        .await?;
    Ok(Json(Paged {
        items,
        next_cursor: None,
    }))
}
