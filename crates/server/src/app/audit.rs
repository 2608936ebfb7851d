//! What every change of settings leaves behind: one entry of the audit log and one event for open screens.

use crate::app::{Actor, AppResult};
use ronda_domain::WorkspaceId;
use ronda_domain::event::{Event, EventKind};
use ronda_storage::Tx;
use ronda_storage::audit::{self, NewAudit};
use serde::Serialize;
use serde_json::{Value, json};

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

/// Records a change and tells open screens. Call it once per change.
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
    tx.emit(Event {
        workspace,
        kind: EventKind::SettingsChanged,
        conversation: None,
        scope_before: None,
        scope_after: None,
        body: json!({ "resource": object, "id": id, "version": version }),
    });
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
