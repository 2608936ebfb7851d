//! Automatic assignment: its policy, a look ahead, and the log of decisions (spec CP-11).

use crate::app::AppResult;
use crate::app::policies::{self, NewPolicy, PolicyVersion, Previewed};
use crate::app::routing::{self as rules, DecisionView};
use crate::http::input::{cursor, limit_of, read_cursor};
use crate::http::{Body, Context, Filter, Page, Paged, Problem};
use axum::Json;
use axum::http::StatusCode;
use ronda_domain::permission::Permission;
use ronda_domain::{AgentId, ConversationId, Ms};
use ronda_routing::Policy;
use ronda_storage::routing::DecisionsOf;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

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

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DecisionsQuery {
    conversation: Option<i64>,
    /// From or to this agent.
    agent: Option<i64>,
    /// `assign`, `rotate`, `take` …
    act: Option<String>,
    /// The code of the reason: `in_turn`, `no_answer` …
    reason: Option<String>,
    /// Not before, in milliseconds.
    from: Option<i64>,
    /// Before, in milliseconds.
    to: Option<i64>,
    limit: Option<i64>,
    cursor: Option<String>,
}

/// List decisions
///
/// Newest first, each with the funnel of who was considered.
#[utoipa::path(get, path = "/routing-decisions", tag = "Routing", params(DecisionsQuery), responses((status = 200, body = Paged<DecisionView>)))]
pub async fn decisions(ctx: Context, Filter(q): Filter<DecisionsQuery>) -> Result<Json<Paged<DecisionView>>, Problem> {
    let limit = limit_of(q.limit)?;
    let before: i64 = q.cursor.as_deref().map(read_cursor).transpose()?.unwrap_or(i64::MAX);
    let of = match (q.conversation, q.agent) {
        (Some(c), None) => DecisionsOf::Conversation(ConversationId(c)),
        (None, Some(a)) => DecisionsOf::Agent(AgentId(a)),
        (None, None) => DecisionsOf::All,
        _ => return Err(Problem::invalid("/query/agent", "one_of", "a conversation or an agent")),
    };
    let (act, reason, from, to) = (q.act, q.reason, q.from.map(Ms), q.to.map(Ms));
    let (items, next) = ctx
        .read("decisions", move |tx, who| -> AppResult<_> {
            who.need(Permission::RoutingExplain)?;
            let before = match to {
                // The log is ordered by time: what is later is not looked at.
                Some(to) => before.min(ronda_storage::routing::decision_before(tx, who.workspace, to)? + 1),
                None => before,
            };
            // Filters that no index serves are applied to a bounded number of rows; the cursor goes on from there.
            let filtered = act.is_some() || reason.is_some() || from.is_some() || to.is_some();
            let read = if filtered { limit * 10 } else { limit };
            let rows = rules::decisions(tx, who.workspace, of, before, read)?;
            let more = rows.len() as i64 == read && rows.last().is_some_and(|d| from.is_none_or(|f| d.at >= f));
            let last = rows.last().map(|d| d.seq).filter(|_| more);
            let mut items: Vec<DecisionView> = rows
                .into_iter()
                .filter(|d| act.as_ref().is_none_or(|a| d.act == *a))
                .filter(|d| {
                    let code = d.reason["code"].as_str().or(d.reason.as_str());
                    reason.as_deref().is_none_or(|r| code == Some(r))
                })
                .filter(|d| from.is_none_or(|f| d.at >= f) && to.is_none_or(|t| d.at < t))
                .collect();
            let cut = items.len() as i64 > limit;
            items.truncate(limit as usize);
            let next = if cut { items.last().map(|d| d.seq) } else { last };
            Ok((items, next))
        })
        .await?;
    Ok(Json(Paged {
        items,
        next_cursor: next.map(|seq| cursor(&seq)),
    }))
}
