//! Who changed what.

use crate::app::audit::{self, AuditEntry};
use crate::http::input::{limit_of, read_cursor};
use crate::http::problem::Problem;
use crate::http::{Context, Filter, Paged};
use ronda_domain::{AgentId, Ms};
use ronda_storage::audit::Wanted;
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Entries {
    /// The resource as URLs name it, such as `users`.
    object: Option<String>,
    actor: Option<AgentId>,
    /// UTC milliseconds, inclusive.
    from: Option<i64>,
    /// UTC milliseconds, exclusive.
    to: Option<i64>,
    limit: Option<i64>,
    cursor: Option<String>,
}

/// List the audit log
///
/// Newest first.
#[utoipa::path(get, path = "/audit-entries", tag = "Audit", params(Entries), responses((status = 200, body = Paged<AuditEntry>)))]
pub async fn list(context: Context, Filter(query): Filter<Entries>) -> Result<Paged<AuditEntry>, Problem> {
    let limit = limit_of(query.limit)?;
    let before = match &query.cursor {
        Some(cursor) => read_cursor(cursor)?,
        None => i64::MAX,
    };
    let wanted = Wanted {
        object: query.object.unwrap_or_default(),
        actor: query.actor,
        from: Ms(query.from.unwrap_or(0)),
        to: Ms(query.to.unwrap_or(i64::MAX)),
    };
    let items = context
        .read("audit", move |tx, who| audit::list(tx, who, &wanted, before, limit))
        .await?;
    Ok(Paged::of(items, limit, |e| e.id))
}
