//! Automatic assignment: its policy and a look ahead (spec CP-11).

use crate::app::policies::{self, Previewed};
use crate::http::{Body, Context, Problem};
use axum::Json;
use ronda_domain::GroupId;
use ronda_domain::permission::Permission;
use ronda_routing::Policy;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Preview {
    #[schema(value_type = Object)]
    policy: Policy,
    /// The whole policy of this group: only its findings are looked for.
    #[serde(default)]
    group: Option<i64>,
}

/// Look ahead
///
/// What the policy would do now: findings, who could receive, what would move. Nothing changes.
#[utoipa::path(post, path = "/routing-policies/preview", tag = "Routing", request_body = Preview, responses((status = 200, body = Previewed)))]
pub async fn preview(ctx: Context, Body(b): Body<Preview>) -> Result<Json<Previewed>, Problem> {
    ctx.who.need(Permission::RoutingExplain)?;
    let policy = b.policy;
    if let Some(group) = b.group {
        let findings = ctx
            .read("found", move |tx, who| {
                policies::found_for_group(tx, who, &policy, GroupId(group))
            })
            .await?;
        return Ok(Json(Previewed {
            findings,
            preview: serde_json::Value::Null,
        }));
    }
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
