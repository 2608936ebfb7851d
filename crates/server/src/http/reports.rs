//! Reports on automatic assignment.

use crate::app::fairness::{self, Asked, Fairness, Figure, Log};
use crate::app::routing::About;
use crate::app::simulated::{self, Simulated};
use crate::app::{incidents, reports};
use crate::http::input::{cursor, limit_of, read_cursor};
use crate::http::{Context, Filter, Problem};
use axum::Json;
use ronda_domain::permission::Permission;
use ronda_domain::{AgentId, ConversationId, GroupId, Ms};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FairnessQuery {
    /// Not before, in milliseconds; a day before `to`.
    from: Option<i64>,
    /// Before, in milliseconds; now.
    to: Option<i64>,
    /// Only its members, and the conversations that are its own now.
    group: Option<GroupId>,
    /// `include`: also simulated conversations.
    #[param(inline)]
    simulated: Option<Simulated>,
}

/// Report on fairness
///
/// Per agent, what they were given against the time they could be given something, and what the decision log proves about
/// turns. At most 31 days and 300,000 decisions.
#[utoipa::path(get, path = "/reports/fairness", tag = "Reports", params(FairnessQuery), responses((status = 200, body = Fairness)))]
pub async fn fairness(ctx: Context, Filter(q): Filter<FairnessQuery>) -> Result<Json<Fairness>, Problem> {
    let log = gather(&ctx, &q).await?;
    Ok(Json(apart(move || fairness::report(&log, q.group)).await?))
}

/// Pure work over many rows: not on a thread that answers others.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|e| crate::app::AppError::Internal(e.to_string()))?)
}

/// Everything a report of this period is made of.
async fn gather(ctx: &Context, q: &FairnessQuery) -> Result<Log, Problem> {
    let period = reports::period(q.from, q.to, ctx.app.clock.now())?;
    let (group, asked) = (q.group, q.simulated);
    let ((first, last), simulated) = ctx
        .read("report_bounds", move |tx, who| {
            let bounds = reports::bounds(tx, who, period)?;
            if let Some(group) = group {
                reports::group(tx, who, group)?;
            }
            Ok((bounds, simulated::counts(tx, who.workspace, asked)?))
        })
        .await?;
    let mut log = Log {
        from: period.0,
        to: period.1,
        ..Log::default()
    };
    log.policies = ctx.read("report_policies", reports::policies).await?;
    let mut after = first;
    while after < last {
        let (piece, end) = ctx
            .read("report_decisions", move |tx, who| {
                reports::decisions(tx, who, after, last)
            })
            .await?;
        log.decisions.extend(piece);
        after = end;
    }
    let named: BTreeSet<AgentId> = log.decisions.iter().flat_map(|d| [d.from, d.to]).flatten().collect();
    (log.members, log.states) = ctx
        .read("report_people", move |tx, who| reports::people(tx, who, period, &named))
        .await?;
    let ids: BTreeSet<ConversationId> = log.decisions.iter().filter_map(|d| d.conversation).collect();
    let ids: Vec<ConversationId> = ids.into_iter().collect();
    for piece in ids.chunks(reports::PIECE as usize / 4) {
        let piece = piece.to_vec();
        let said = ctx
            .read("report_answers", move |tx, who| reports::said(tx, who, &piece, period))
            .await?;
        log.answers.extend(said.answers);
        log.groups.extend(said.groups);
        if !simulated {
            log.left_out.extend(said.simulated);
        }
    }
    Ok(log)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BehindQuery {
    /// Needed.
    #[param(inline)]
    figure: Option<Figure>,
    /// Whose figure; not for `decisions` and `waits`.
    agent: Option<AgentId>,
    /// Of `decisions`.
    act: Option<String>,
    /// Of `decisions` and `waits`.
    reason: Option<String>,
    /// As of the report: not before, in milliseconds; a day before `to`.
    from: Option<i64>,
    /// As of the report: before, in milliseconds; now.
    to: Option<i64>,
    /// As of the report.
    group: Option<GroupId>,
    /// As of the report.
    #[param(inline)]
    simulated: Option<Simulated>,
    limit: Option<i64>,
    cursor: Option<String>,
}

/// One of the things that a number counts: an instant or a span of time.
#[derive(Serialize, ToSchema)]
pub struct FairnessItem {
    from: Ms,
    /// The end of a span, or of a wait that has ended.
    to: Option<Ms>,
    conversation: Option<About>,
    /// The decision that did it, or with which it began.
    decision: Option<i64>,
}

/// What stands behind a number.
#[derive(Serialize, ToSchema)]
pub struct FairnessItems {
    /// How many there are, on all pages.
    total: i64,
    items: Vec<FairnessItem>,
    /// Give it back as `cursor` for the next page; `null` at the end.
    next_cursor: Option<String>,
}

/// List what a number of the report on fairness counts
///
/// In order of time, exactly as many things as the number says, or spans of exactly its length.
#[utoipa::path(get, path = "/reports/fairness/items", tag = "Reports", params(BehindQuery), responses((status = 200, body = FairnessItems)))]
pub async fn behind(ctx: Context, Filter(q): Filter<BehindQuery>) -> Result<Json<FairnessItems>, Problem> {
    ctx.who.need(Permission::RoutingExplain)?;
    let limit = limit_of(q.limit)?;
    let after: usize = q.cursor.as_deref().map(read_cursor).transpose()?.unwrap_or(0);
    let Some(figure) = q.figure else {
        return Err(Problem::invalid(
            "/query/figure",
            "required",
            "which number of the report",
        ));
    };
    if q.agent.is_none() && !matches!(figure, Figure::Decisions | Figure::Waits) {
        return Err(Problem::invalid("/query/agent", "required", "whose figure it is"));
    }
    let report = FairnessQuery {
        from: q.from,
        to: q.to,
        group: q.group,
        simulated: q.simulated,
    };
    let log = gather(&ctx, &report).await?;
    let asked = Asked {
        figure,
        agent: q.agent,
        act: q.act,
        reason: q.reason,
    };
    let all = apart(move || fairness::behind(&log, q.group, &asked)).await?;
    let end = after
        .saturating_add(usize::try_from(limit).unwrap_or(usize::MAX))
        .min(all.len());
    let page: Vec<_> = all.get(after..end).unwrap_or_default().to_vec();
    let ids: Vec<ConversationId> = page.iter().filter_map(|b| b.conversation).collect();
    let about = ctx
        .read("report_items", move |tx, who| {
            incidents::about(tx, who.workspace, ids.clone())
        })
        .await?;
    Ok(Json(FairnessItems {
        total: i64::try_from(all.len()).unwrap_or(i64::MAX),
        next_cursor: (end < all.len()).then(|| cursor(&end)),
        items: page
            .into_iter()
            .map(|b| FairnessItem {
                from: b.from,
                to: b.to,
                conversation: b.conversation.and_then(|c| about.get(&c).cloned()),
                decision: b.decision,
            })
            .collect(),
    }))
}
