//! Automatic assignment: its policy and a look ahead (spec CP-11).

use crate::app::policies::{self, NewPolicy, PolicyVersion, Previewed};
use crate::http::{Body, Context, Filter, Page, Paged, Problem};
use axum::Json;
use axum::http::StatusCode;
use ronda_domain::permission::Permission;
use ronda_routing::Policy;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// List policy versions
///
/// Newest first.
#[utoipa::path(get, path = "/routing-policies", tag = "Routing", params(Page), responses((status = 200, body = Paged<PolicyVersion>)))]
pub async fn versions(ctx: Context, Filter(page): Filter<Page>) -> Result<Paged<PolicyVersion>, Problem> {
    let (limit, before) = (page.limit()?, page.after(i64::MAX)?);
    let items = ctx
        .read("policies", move |tx, who| policies::list(tx, who, before, limit))
        .await?;
    Ok(Paged::of(items, limit, |p: &PolicyVersion| p.version))
}

/// Get the policy in force
#[utoipa::path(get, path = "/routing-policies/current", tag = "Routing", responses((status = 200, body = PolicyVersion)))]
pub async fn current(ctx: Context) -> Result<Json<PolicyVersion>, Problem> {
    Ok(Json(ctx.read("policy", policies::current).await?))
}

#[derive(Serialize, ToSchema)]
pub struct Presets {
    #[schema(value_type = Object)]
    sales: Policy,
    #[schema(value_type = Object)]
    support: Policy,
    /// What a new workspace starts with.
    #[schema(value_type = Object)]
    default: Policy,
}

/// Get the model configurations
#[utoipa::path(get, path = "/routing-policies/presets", tag = "Routing", responses((status = 200, body = Presets)))]
pub async fn presets(_: Context) -> Json<Presets> {
    Json(Presets {
        sales: Policy::sales(),
        support: Policy::support(),
        default: Policy::default(),
    })
}

/// Save a policy
///
/// A new version, in force at once. `if_version` names the version that was edited: 412 when a newer one exists.
/// Findings that need a decision answer 409 `needs_confirmation` until `confirm` is set.
#[utoipa::path(post, path = "/routing-policies", tag = "Routing", request_body = NewPolicy, responses((status = 201, body = PolicyVersion)))]
pub async fn save(ctx: Context, Body(new): Body<NewPolicy>) -> Result<(StatusCode, Json<PolicyVersion>), Problem> {
    let saved = ctx
        .write("save_policy", move |tx, who| policies::save(tx, who, &new))
        .await?;
    ronda_storage::crash_point("settings.after_commit");
    Ok((StatusCode::CREATED, Json(saved)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Preview {
    #[schema(value_type = Object)]
    policy: Policy,
}

/// Look ahead
///
/// What the policy would do now: findings, who could receive, what would move. Nothing changes.
#[utoipa::path(post, path = "/routing-policies/preview", tag = "Routing", request_body = Preview, responses((status = 200, body = Previewed)))]
pub async fn preview(ctx: Context, Body(b): Body<Preview>) -> Result<Json<Previewed>, Problem> {
    ctx.who.need(Permission::RoutingExplain)?;
    let policy = b.policy;
    let names = ctx
        .read("names", |tx, who| Ok(ronda_storage::agents::names(tx, who.workspace)?))
        .await?;
    let seen = ctx
        .app
        .planners
        .ask(&ctx.app, ctx.who.workspace, move |state| {
            policies::preview(state, &policy)
        })
        .await?;
    Ok(Json(seen.with_names(&names)))
}
