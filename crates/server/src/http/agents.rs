//! Colleagues and their states.

use crate::app::presence::{self, Choice};
use crate::app::users::{self, Agent};
use crate::app::{AppResult, Who, commands};
use crate::http::conversations::TransferTo;
use crate::http::{Body, Context, Paged, Path, Problem};
use axum::Json;
use axum::http::StatusCode;
use ronda_domain::agent::ChosenState;
use ronda_domain::{AgentId, ConversationId, Ms};
use ronda_routing::Answer;
use ronda_storage::Tx;
use serde::{Deserialize, Serialize};
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

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Background {
    available: bool,
}

/// Stay available in the background
///
/// While no screen is open or used, somebody who chose it stays as they chose, for at most the hours of the workspace's
/// setting, as long as a device of theirs can be reached by push.
#[utoipa::path(put, path = "/me/background", tag = "Agents", request_body = Background, responses((status = 200, body = Agent)))]
pub async fn set_background(ctx: Context, Body(b): Body<Background>) -> Result<Json<Agent>, Problem> {
    let up = ctx.app.up_since;
    Ok(Json(
        ctx.write("background", move |tx, who| {
            presence::choose_background(tx, who, b.available, up)
        })
        .await?,
    ))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// An agent, a group, or whoever is next; each back to the queue it came from when left out.
    #[serde(default)]
    to: Option<TransferTo>,
}

/// A conversation that could not be given away.
#[derive(Serialize, ToSchema)]
pub struct NotReleased {
    conversation: ConversationId,
    number: i64,
    /// Why: the codes of a transfer.
    code: String,
}

#[derive(Serialize, ToSchema)]
pub struct Released {
    /// How many left.
    moved: usize,
    kept: Vec<NotReleased>,
}

/// Give away everything one holds
///
/// For the end of a shift. What cannot go stays, with the reason.
#[utoipa::path(post, path = "/me/release", tag = "Agents", request_body = Release, responses((status = 200, body = Released)))]
pub async fn release(ctx: Context, Body(b): Body<Release>) -> Result<Json<Released>, Problem> {
    let to = b.to.map(|to| to.target()).transpose()?;
    let facts = ctx
        .read("release", move |tx, who| commands::release(tx, who, to))
        .await?;
    let mut released = Released {
        moved: 0,
        kept: Vec::new(),
    };
    for (conversation, number, fact) in facts {
        let answer = ctx
            .app
            .planners
            .command(&ctx.app, ctx.who.workspace, None, fact, None)
            .await?;
        let code = match answer {
            Answer::Ok { .. } | Answer::Duplicate => {
                released.moved += 1;
                continue;
            }
            Answer::Conflict { .. } => "conflict",
            Answer::HardCap { .. } => "hard_cap",
            Answer::CustomerWrote => "customer_wrote",
            Answer::Refused { code } => commands::refusal(code),
        };
        released.kept.push(NotReleased {
            conversation,
            number,
            code: code.to_owned(),
        });
    }
    Ok(Json(released))
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
