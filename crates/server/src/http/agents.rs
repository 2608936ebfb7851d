//! Colleagues and their states.

use crate::app::presence::{self, Choice};
use crate::app::users::{self, Agent};
use crate::app::{AppResult, Who};
use crate::http::{Body, Context, Paged, Path, Problem};
use axum::Json;
use axum::http::StatusCode;
use ronda_domain::agent::ChosenState;
use ronda_domain::{AgentId, Ms};
use ronda_storage::Tx;
use serde::Deserialize;
use utoipa::ToSchema;

/// List agents
///
/// Every active member with state and load.
#[utoipa::path(get, path = "/agents", tag = "Agents", responses((status = 200, body = Paged<Agent>)))]
pub async fn list(ctx: Context) -> Result<Paged<Agent>, Problem> {
    let items = ctx
        .read("agents", |tx: &mut Tx<'_>, who: &Who| -> AppResult<Vec<Agent>> {
            let limits = users::limits(tx, who.workspace)?;
            let rows = ronda_storage::users::page(tx, who.workspace, 0, i64::from(u16::MAX))?;
            Ok(rows
                .iter()
                .filter(|u| u.status == "active")
                .map(|u| Agent::of(u, limits))
                .collect())
        })
        .await?;
    Ok(Paged::whole(items))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct State {
    state: ChosenState,
    /// Why away.
    #[serde(default)]
    reason: String,
    /// When the absence ends by itself.
    #[serde(default)]
    until: Option<Ms>,
}

/// Choose one's state
#[utoipa::path(put, path = "/me/state", tag = "Agents", request_body = State, responses((status = 200, body = Agent)))]
pub async fn set_mine(ctx: Context, Body(state): Body<State>) -> Result<Json<Agent>, Problem> {
    let agent = ctx.who.agent;
    set(ctx, agent, state).await
}

/// Choose the state of an agent
///
/// Needs `agents:set_state`; it is recorded with its reason.
#[utoipa::path(put, path = "/agents/{id}/state", tag = "Agents", params(("id" = i64, Path)), request_body = State, responses((status = 200, body = Agent)))]
pub async fn set_other(
    ctx: Context,
    Path(id): Path<AgentId>,
    Body(state): Body<State>,
) -> Result<Json<Agent>, Problem> {
    set(ctx, id, state).await
}

async fn set(ctx: Context, agent: AgentId, state: State) -> Result<Json<Agent>, Problem> {
    let up = ctx.app.up_since;
    let choice = Choice {
        state: state.state,
        reason: state.reason.trim().to_owned(),
        until: state.until,
    };
    Ok(Json(
        ctx.write("state", move |tx, who| presence::choose(tx, who, agent, &choice, up))
            .await?,
    ))
}

/// Say that one is here
///
/// Any use of the console; at most one is noted a minute.
#[utoipa::path(post, path = "/me/activity", tag = "Agents", responses((status = 204)))]
pub async fn activity(ctx: Context) -> Result<StatusCode, Problem> {
    let up = ctx.app.up_since;
    ctx.write("activity", move |tx, who| {
        presence::activity(tx, who.workspace, who.agent, up)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
