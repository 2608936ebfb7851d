//! Recorded failures of service, and messages that could not be delivered.

use crate::app::incidents::{self, FailedSend, Incident};
use crate::app::simulated::Simulated;
use crate::http::input::{limit_of, read_cursor};
use crate::http::{Context, Filter, Paged, Problem};
use ronda_domain::Ms;
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct IncidentsQuery {
    /// Not before, in milliseconds.
    from: Option<i64>,
    /// Before, in milliseconds.
    to: Option<i64>,
    /// `include`: also those of simulated conversations.
    #[param(inline)]
    simulated: Option<Simulated>,
    limit: Option<i64>,
    cursor: Option<String>,
}

/// List incidents
///
/// Newest first: who had the conversation, how long the customer waited, and where it was.
#[utoipa::path(get, path = "/incidents", tag = "Routing", params(IncidentsQuery), responses((status = 200, body = Paged<Incident>)))]
pub async fn list(ctx: Context, Filter(q): Filter<IncidentsQuery>) -> Result<Paged<Incident>, Problem> {
    let limit = limit_of(q.limit)?;
    let before: i64 = q.cursor.as_deref().map(read_cursor).transpose()?.unwrap_or(i64::MAX);
    let period = (Ms(q.from.unwrap_or(0)), Ms(q.to.unwrap_or(i64::MAX)));
    let items = ctx
        .read("incidents", move |tx, who| {
            incidents::list(tx, who, before, period, limit, q.simulated)
        })
        .await?;
    Ok(Paged::of(items, limit, |i| i.id))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FailedQuery {
    /// Not before, in milliseconds.
    from: Option<i64>,
    /// `include`: also those of simulated conversations.
    #[param(inline)]
    simulated: Option<Simulated>,
    limit: Option<i64>,
    cursor: Option<String>,
}

/// List failed messages
///
/// Newest first: what was to be said and why it could not be delivered.
#[utoipa::path(get, path = "/failed-messages", tag = "Messages", params(FailedQuery), responses((status = 200, body = Paged<FailedSend>)))]
pub async fn failed(ctx: Context, Filter(q): Filter<FailedQuery>) -> Result<Paged<FailedSend>, Problem> {
    let limit = limit_of(q.limit)?;
    let before: i64 = q.cursor.as_deref().map(read_cursor).transpose()?.unwrap_or(i64::MAX);
    let from = Ms(q.from.unwrap_or(0));
    let items = ctx
        .read("failed_messages", move |tx, who| {
            incidents::failed_sends(tx, who, before, from, limit, q.simulated)
        })
        .await?;
    Ok(Paged::of(items, limit, |m| m.id))
}
