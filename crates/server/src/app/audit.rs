//! What every change of settings leaves behind: one entry of the audit log and one event for open screens.

use crate::app::{Actor, AppResult, Who};
use ronda_domain::event::{Event, EventKind};
use ronda_domain::permission::Permission;
use ronda_domain::{AgentId, Ms, WorkspaceId};
use ronda_storage::Tx;
use ronda_storage::audit::{self, NewAudit, Wanted};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// A change that somebody made.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    pub id: i64,
    pub at: Ms,
    /// `null` for the operator at the command line and for people who were not signed in.
    pub actor: Option<AgentId>,
    pub actor_name: String,
    pub ip: String,
    /// `created`, `updated`, `deleted`, or a verb of its own.
    pub action: String,
    /// The resource as URLs name it.
    pub object: String,
    pub object_id: String,
    /// What differed, as it was. No secrets.
    #[schema(value_type = Object)]
    pub before: Option<Value>,
    #[schema(value_type = Object)]
    pub after: Option<Value>,
}

/// The entries of a workspace before entry `before`, newest first.
///
/// # Errors
/// [`crate::app::AppError::Forbidden`].
pub fn list(tx: &mut Tx<'_>, who: &Who, wanted: &Wanted, before: i64, limit: i64) -> AppResult<Vec<AuditEntry>> {
    who.need(Permission::AuditSee)?;
    let json = |text: Option<String>| text.and_then(|t| serde_json::from_str(&t).ok());
    Ok(audit::page(tx, who.workspace, wanted, before, limit)?
        .into_iter()
        .map(|e| AuditEntry {
            id: e.id,
            at: e.at,
            actor: e.actor,
            actor_name: e.actor_name,
            ip: e.ip,
            action: e.action,
            object: e.object,
            object_id: e.object_id,
            before: json(e.before),
            after: json(e.after),
        })
        .collect())
}

/// A change of one object. `before` and `after` hold no secrets.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    /// `created`, `updated`, `deleted`, or a verb of its own such as `invited`.
    pub action: &'a str,
    /// The resource as URLs name it: `users`, `groups`.
    pub object: &'a str,
    pub id: i64,
    /// The version after the change; 0 where there is none.
    pub version: i64,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// Records a change and tells open screens. Call it once per change and last: it locks the head of the log.
///
/// # Errors
/// When the database fails.
pub fn record(tx: &mut Tx<'_>, workspace: WorkspaceId, actor: &Actor, change: Change<'_>) -> AppResult<()> {
    audit::insert(
        tx,
        workspace,
        &NewAudit {
            actor: actor.agent,
            actor_name: &actor.name,
            ip: &actor.ip,
            action: change.action,
            object: change.object,
            object_id: change.id.to_string(),
            before: change.before.map(|v| v.to_string()),
            after: change.after.map(|v| v.to_string()),
        },
    )?;
    changed(tx, workspace, change.object, change.id, change.version);
    Ok(())
}

/// Tells open screens that an object changed as a consequence of a change that [`record`] tells about.
pub fn changed(tx: &mut Tx<'_>, workspace: WorkspaceId, object: &str, id: i64, version: i64) {
    tx.emit(Event::general(
        workspace,
        EventKind::SettingsChanged,
        &json!({ "resource": object, "id": id, "version": version }),
    ));
}

/// What differs between two objects, as it was and as it is.
#[must_use]
pub fn difference(before: &impl Serialize, after: &impl Serialize) -> (Option<Value>, Option<Value>) {
    let fields = |object: &dyn Fn() -> serde_json::Result<Value>| match object() {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let mut before = fields(&|| serde_json::to_value(before));
    let mut after = fields(&|| serde_json::to_value(after));
    before.retain(|name, value| after.get(name) != Some(value));
    after.retain(|name, _| before.contains_key(name));
    (Some(Value::Object(before)), Some(Value::Object(after)))
}
