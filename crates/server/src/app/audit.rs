//! What every change of settings leaves behind: one entry of the audit log and one event for open screens.

use crate::app::{Actor, AppResult};
use ronda_domain::WorkspaceId;
use ronda_domain::event::{Event, EventKind};
use ronda_storage::Tx;
use ronda_storage::audit::{self, NewAudit};
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
    tx.emit(Event {
        workspace,
        kind: EventKind::SettingsChanged,
        conversation: None,
        scope_before: None,
        scope_after: None,
        body: json!({ "resource": change.object, "id": change.id, "version": change.version }),
    });
    Ok(())
}
