//! What routing decided, and why (spec CORE-7, CP-11).

use crate::app::decisions::{self, ChainView, ReplayView};
use crate::app::routing::DecisionView;
use crate::http::input::{cursor, limit_of, read_cursor};
use crate::http::{Context, Filter, Paged, Path, Problem};
use axum::Json;
use ronda_domain::{AgentId, ConversationId, GroupId, Ms};
use ronda_storage::decisions::Wanted;
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DecisionsQuery {
    conversation: Option<i64>,
    /// From or to this agent.
    agent: Option<i64>,
    /// The target group of the conversation.
    group: Option<i64>,
    /// `assign`, `rotate`, `take` …
    act: Option<String>,
    /// The code of the reason: `no_answer`, `in_turn` …
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
/// Newest first, each with the funnel of who was considered. Filters are asked for together. A page may be short, even
/// empty, and still have a next one: rare decisions are looked for a piece at a time. Agents may ask for their own, and
/// get them without the funnel.
#[utoipa::path(get, path = "/routing-decisions", tag = "Routing", params(DecisionsQuery), responses((status = 200, body = Paged<DecisionView>)))]
pub async fn list(ctx: Context, Filter(q): Filter<DecisionsQuery>) -> Result<Json<Paged<DecisionView>>, Problem> {
    let limit = limit_of(q.limit)?;
    let before: i64 = q.cursor.as_deref().map(read_cursor).transpose()?.unwrap_or(i64::MAX);
    let wanted = Wanted {
        conversation: q.conversation.map(ConversationId),
        agent: q.agent.map(AgentId),
        group: q.group.map(GroupId),
        act: q.act,
        reason: q.reason,
        from: q.from.map(Ms),
        to: q.to.map(Ms),
    };
    let (items, next) = ctx
        .read("decisions", move |tx, who| {
            decisions::list(tx, who, &wanted, before, limit)
        })
        .await?;
    Ok(Json(Paged {
        items,
        next_cursor: next.map(|seq| cursor(&seq)),
    }))
}

/// Get a decision
#[utoipa::path(get, path = "/routing-decisions/{seq}", tag = "Routing", params(("seq" = i64, Path)), responses((status = 200, body = DecisionView)))]
pub async fn get(ctx: Context, Path(seq): Path<i64>) -> Result<Json<DecisionView>, Problem> {
    Ok(Json(
        ctx.read("decision", move |tx, who| decisions::get(tx, who, seq))
            .await?,
    ))
}

/// Make a decision again
///
/// Takes the nearest kept state before it, makes the inputs since again, and compares: `exact` when the state on the way had
/// the recorded hash, `same` when the engine decides the same. With everybody who was considered and why not. What was
/// decided before states were kept, past the time they are kept, or in a workspace too large to keep any, cannot be made
/// again; `because` says which.
#[utoipa::path(get, path = "/routing-decisions/{seq}/replay", tag = "Routing", params(("seq" = i64, Path)), responses((status = 200, body = ReplayView)))]
pub async fn replay(ctx: Context, Path(seq): Path<i64>) -> Result<Json<ReplayView>, Problem> {
    let evidence = ctx
        .read("decision_evidence", move |tx, who| decisions::evidence(tx, who, seq))
        .await?;
    let remade = tokio::task::spawn_blocking(move || decisions::made_again(&evidence))
        .await
        .map_err(|e| crate::app::AppError::Internal(e.to_string()))?;
    Ok(Json(
        ctx.read("decision_replayed", move |tx, who| {
            decisions::replayed(tx, who, &remade)
        })
        .await?,
    ))
}

/// Verify the log of decisions
///
/// Each decision carries a hash over itself and the one before. Reads the newest 5,000 again and names the first that was
/// altered or is missing; `ronda doctor` reads all of them.
#[utoipa::path(get, path = "/routing-decisions/chain", tag = "Routing", responses((status = 200, body = ChainView)))]
pub async fn chain(ctx: Context) -> Result<Json<ChainView>, Problem> {
    Ok(Json(ctx.read("decision_chain", decisions::chain).await?))
}
