//! Reports on automatic assignment.

use crate::app::fairness::{self, Fairness, Log};
use crate::app::reports;
use crate::http::{Context, Filter, Problem};
use axum::Json;
use ronda_domain::{ConversationId, GroupId};
use serde::Deserialize;
use std::collections::BTreeSet;
use utoipa::IntoParams;

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
}

/// Report on fairness
///
/// Per agent, what they were given against the time they could be given something, and what the decision log proves about
/// turns. At most 31 days and 300,000 decisions.
#[utoipa::path(get, path = "/reports/fairness", tag = "Reports", params(FairnessQuery), responses((status = 200, body = Fairness)))]
pub async fn fairness(ctx: Context, Filter(q): Filter<FairnessQuery>) -> Result<Json<Fairness>, Problem> {
    let period = reports::period(q.from, q.to, ctx.app.clock.now())?;
    let group = q.group;
    let (first, last) = ctx
        .read("report_bounds", move |tx, who| {
            if let Some(group) = group {
                reports::group(tx, who, group)?;
            }
            reports::bounds(tx, who, period)
        })
        .await?;
    let mut log = Log {
        from: period.0,
        to: period.1,
        ..Log::default()
    };
    (log.members, log.states) = ctx
        .read("report_people", move |tx, who| reports::people(tx, who, period))
        .await?;
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
    let ids: BTreeSet<ConversationId> = log.decisions.iter().filter_map(|d| d.conversation).collect();
    let ids: Vec<ConversationId> = ids.into_iter().collect();
    for piece in ids.chunks(reports::PIECE as usize / 4) {
        let piece = piece.to_vec();
        let (answers, groups) = ctx
            .read("report_answers", move |tx, who| reports::said(tx, who, &piece, period))
            .await?;
        log.answers.extend(answers);
        log.groups.extend(groups);
    }
    // Pure work over many rows: not on a thread that answers others.
    let report = tokio::task::spawn_blocking(move || fairness::report(&log, group))
        .await
        .map_err(|e| crate::app::AppError::Internal(e.to_string()))?;
    Ok(Json(report))
}
