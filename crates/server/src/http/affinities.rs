//! Which agent always attends a customer.

use crate::app::affinities::{self, Affinity, AffinityCount, AffinityOf, Reassign, Reassigned, SetAffinity};
use crate::http::{Body, Context, Filter, Page, Paged, Path, Problem};
use axum::Json;
use axum::http::StatusCode;
use ronda_domain::{AgentId, CustomerId};
use serde::Deserialize;
use utoipa::IntoParams;

/// Get the affinity of a customer
///
/// With what the caller may do about it.
#[utoipa::path(get, path = "/customers/{id}/affinity", tag = "Customers", params(("id" = i64, Path)), responses((status = 200, body = AffinityOf)))]
pub async fn get(ctx: Context, Path(id): Path<CustomerId>) -> Result<Json<AffinityOf>, Problem> {
    Ok(Json(
        ctx.read("affinity", move |tx, who| affinities::get(tx, who, id))
            .await?,
    ))
}

/// Set the affinity of a customer
///
/// Agents make customers their own, unless another has them: 403 `affinity_of_other` names who. Supervisors decide
/// inside their groups, administrators over all.
#[utoipa::path(put, path = "/customers/{id}/affinity", tag = "Customers", params(("id" = i64, Path)), request_body = SetAffinity, responses((status = 200, body = AffinityOf)))]
pub async fn set(
    ctx: Context,
    Path(id): Path<CustomerId>,
    Body(input): Body<SetAffinity>,
) -> Result<Json<AffinityOf>, Problem> {
    Ok(Json(
        ctx.write("set_affinity", move |tx, who| affinities::set(tx, who, id, &input))
            .await?,
    ))
}

/// Remove the affinity of a customer
#[utoipa::path(delete, path = "/customers/{id}/affinity", tag = "Customers", params(("id" = i64, Path)), responses((status = 204)))]
pub async fn remove(ctx: Context, Path(id): Path<CustomerId>) -> Result<StatusCode, Problem> {
    ctx.write("remove_affinity", move |tx, who| affinities::remove(tx, who, id))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Of {
    /// Of this agent; when left out of all, or one's own without `affinities:manage_all`.
    agent: Option<i64>,
    /// 1 to 200; 50 when left out.
    limit: Option<i64>,
    cursor: Option<String>,
}

/// List affinities
///
/// One's own for everybody; those of others for who manages them.
#[utoipa::path(get, path = "/affinities", tag = "Customers", params(Of), responses((status = 200, body = Paged<Affinity>)))]
pub async fn list(ctx: Context, Filter(of): Filter<Of>) -> Result<Paged<Affinity>, Problem> {
    let page = Page {
        limit: of.limit,
        cursor: of.cursor,
    };
    let (after, limit) = (page.after(0)?, page.limit()?);
    let agent = of.agent.map(AgentId);
    let items = ctx
        .read("affinities", move |tx, who| {
            affinities::list(tx, who, agent, after, limit)
        })
        .await?;
    Ok(Paged::of(items, limit, |a| a.customer))
}

/// Count affinities
///
/// Per agent; those who left and still have some are to be reassigned.
#[utoipa::path(get, path = "/affinities/summary", tag = "Customers", responses((status = 200, body = Paged<AffinityCount>)))]
pub async fn summary(ctx: Context) -> Result<Paged<AffinityCount>, Problem> {
    Ok(Paged::whole(ctx.read("affinity_counts", affinities::summary).await?))
}

/// Reassign all customers of an agent
#[utoipa::path(post, path = "/affinities/reassign", tag = "Customers", request_body = Reassign, responses((status = 200, body = Reassigned)))]
pub async fn reassign(ctx: Context, Body(input): Body<Reassign>) -> Result<Json<Reassigned>, Problem> {
    Ok(Json(
        ctx.write("reassign", move |tx, who| affinities::reassign(tx, who, &input))
            .await?,
    ))
}
