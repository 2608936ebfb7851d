//! The assignment policy of a workspace: its versions, and what one would do (spec CP-11, T11).

use crate::app::audit::{self, Change};
use crate::app::{Actor, AppError, AppResult, Who, routing as rules, views};
use ronda_domain::permission::Permission;
use ronda_domain::{AgentId, Ms};
use ronda_routing::{Fact, Finding, Policy, PolicyScope, Reach, Severity, State, World};
use ronda_storage::routing::{self, PolicyRow};
use ronda_storage::{StoreError, Tx, agents};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A stored version.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PolicyVersion {
    pub version: i64,
    #[schema(value_type = Object)]
    pub policy: Policy,
    pub author: Option<AgentId>,
    pub author_name: Option<String>,
    pub created_at: Option<Ms>,
}

/// A policy to save.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPolicy {
    #[schema(value_type = Object)]
    pub policy: Policy,
    /// Whether clocks that run follow the new policy too.
    #[serde(default)]
    #[schema(value_type = String)]
    pub reach: Reach,
    /// The version that was edited; 0 before the first.
    #[serde(default)]
    pub if_version: Option<i64>,
    /// Save in spite of findings that ask for a decision.
    #[serde(default)]
    pub confirm: bool,
}

/// What a policy would do now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Previewed {
    #[schema(value_type = Vec<Object>)]
    pub findings: Vec<Finding>,
    #[schema(value_type = Object)]
    pub preview: Value,
}

impl Previewed {
    /// With the names of the agents it mentions by id.
    #[must_use]
    pub fn with_names(mut self, names: &[(AgentId, String)]) -> Self {
        let names: BTreeMap<String, &str> = names.iter().map(|(id, n)| (id.to_string(), n.as_str())).collect();
        if let Some(object) = self.preview.as_object_mut() {
            object.insert("names".into(), json!(names));
        }
        self
    }
}

fn version(row: &PolicyRow, names: &BTreeMap<AgentId, String>) -> AppResult<PolicyVersion> {
    let mut policy: Policy = serde_json::from_str(&row.body).map_err(|e| StoreError::BadData {
        place: "routing_policy.body",
        detail: e.to_string(),
    })?;
    policy.version = row.version;
    Ok(PolicyVersion {
        version: row.version,
        policy,
        author: row.author,
        author_name: row.author.and_then(|a| names.get(&a).cloned()),
        created_at: Some(row.created_at),
    })
}

/// The versions below `before`, newest first.
///
/// # Errors
/// [`AppError::Forbidden`].
pub fn list(tx: &mut Tx<'_>, who: &Who, before: i64, limit: i64) -> AppResult<Vec<PolicyVersion>> {
    who.need(Permission::RoutingExplain)?;
    let names = agents::names(tx, who.workspace)?.into_iter().collect();
    routing::policies(tx, who.workspace, before, limit)?
        .iter()
        .map(|row| version(row, &names))
        .collect()
}

/// The policy in force. Everybody may know the rules they work under.
///
/// # Errors
/// When the database fails.
pub fn current(tx: &mut Tx<'_>, who: &Who) -> AppResult<PolicyVersion> {
    let names = agents::names(tx, who.workspace)?.into_iter().collect();
    match routing::policy(tx, who.workspace)? {
        Some(row) => version(&row, &names),
        None => Ok(PolicyVersion {
            version: 0,
            policy: Policy::default(),
            author: None,
            author_name: None,
            created_at: None,
        }),
    }
}

/// The agents a policy is judged against.
fn world(tx: &mut Tx<'_>, who: &Who) -> AppResult<World> {
    let agents = agents::routable(tx, who.workspace)?
        .into_iter()
        .filter(|a| a.active && a.role.may(Permission::ConversationsReply))
        .map(|a| a.agent)
        .collect();
    Ok(World { agents })
}

/// Saves a policy as the next version.
///
/// # Errors
/// [`AppError::Forbidden`], [`AppError::VersionMismatch`], wrong values, [`AppError::NeedsConfirmation`].
pub fn save(tx: &mut Tx<'_>, who: &Who, new: &NewPolicy) -> AppResult<PolicyVersion> {
    who.need(Permission::RoutingEdit)?;
    let w = who.workspace;
    let before = routing::policy(tx, w)?;
    let seen = before.as_ref().map_or(0, |p| p.version);
    if new.if_version.is_some_and(|v| v != seen) {
        return Err(AppError::VersionMismatch);
    }
    let world = world(tx, who)?;
    let findings = new.policy.validate(&world);
    let wrong: Vec<_> = findings
        .iter()
        .filter(|f| f.severity == Severity::Error)
        .map(|f| crate::app::FieldError {
            pointer: pointer(f),
            code: "policy",
            message: word(f),
        })
        .collect();
    if !wrong.is_empty() {
        return Err(AppError::Invalid(wrong));
    }
    if !new.confirm && findings.iter().any(|f| f.severity == Severity::Confirm) {
        return Err(AppError::NeedsConfirmation {
            code: "policy",
            findings: views::json(&findings),
        });
    }
    let mut policy = honest(new.policy.clone());
    policy.version = seen + 1;
    match routing::insert_policy(tx, w, seen + 1, &views::json(&policy).to_string(), Some(who.agent)) {
        Err(StoreError::Constraint(_)) => return Err(AppError::VersionMismatch),
        other => other?,
    };
    rules::tell(
        tx,
        w,
        &[Fact::PolicySet {
            scope: PolicyScope::Workspace,
            policy: Some(Box::new(policy.clone())),
            reach: new.reach,
        }],
    )?;
    audit::record(
        tx,
        w,
        &Actor::from(who),
        Change {
            action: "updated",
            object: "routing-policies",
            id: seen + 1,
            version: seen + 1,
            before: before.and_then(|p| serde_json::from_str(&p.body).ok()),
            after: Some(views::json(&policy)),
        },
    )?;
    ronda_storage::crash_point("settings.before_commit");
    current(tx, who)
}

fn word(f: &Finding) -> String {
    views::json(&f.code).as_str().unwrap_or("policy").to_owned()
}

/// The field of the body that a finding is about.
fn pointer(f: &Finding) -> String {
    use ronda_routing::FindingCode as C;
    let field = match f.code {
        C::ReassignOutOfRange => "/reassign_seconds",
        C::LimitOutOfRange => "/limit",
        C::RoundsOutOfRange => "/rounds",
        C::BackoffOutOfRange => "/backoff_percent",
        C::EverybodyExcluded | C::ExcludedUnknown => "/excluded",
        _ => "",
    };
    format!("/policy{field}")
}

/// A policy that says it is a model configuration and is not, is one made from it.
fn honest(mut policy: Policy) -> Policy {
    use ronda_routing::Preset;
    let Some(preset) = policy.preset else { return policy };
    let model = match preset {
        Preset::Sales => Policy::sales(),
        Preset::Support => Policy::support(),
    };
    let same = Policy {
        excluded: policy.excluded.clone(),
        version: policy.version,
        ..model
    };
    if policy != same {
        policy.preset = None;
        policy.based_on = Some(preset);
    }
    policy
}

/// What a policy would do in the present state.
#[must_use]
pub fn preview(state: &State, policy: &Policy) -> Previewed {
    Previewed {
        findings: policy.validate(&state.world()),
        preview: views::json(&ronda_routing::preview(state, policy)),
    }
}
