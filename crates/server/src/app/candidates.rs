//! Policies that are saved and not in force: they come into force at their time, or plan in the shadow of the live one
//! (spec CP-11 "Rules"; routing reference §4, item 6).

use crate::app::audit::{self, Change};
use crate::app::policies::{self, NewPolicy, Overrides, Rulebook, Version};
use crate::app::{Actor, AppError, AppResult, Fields, Who, views};
use ronda_domain::permission::Permission;
use ronda_domain::{AgentId, ConversationId, GroupId, Ms, WorkspaceId};
use ronda_routing::{Fact, Policy, Reach};
use ronda_storage::candidates::{self, CandidateRow};
use ronda_storage::{StoreError, Tx, Wake, agents, routing, timers};
use ronda_whatif::expect::Case;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Most candidates of a workspace.
const MOST: usize = 20;
/// How far ahead a policy may be planned.
const FARTHEST_MS: i64 = 366 * Ms::DAY;
/// Longest words of whoever decides, in characters.
const LONGEST_NOTE: usize = 500;
/// The kind of the timers.
pub const TIMER: &str = "policy";

/// What an agent would have had, and had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShadowShare {
    pub live: i64,
    pub shadow: i64,
}

/// What a shadow has counted since `since`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ShadowCounts {
    pub since: Option<Ms>,
    pub until: Option<Ms>,
    /// Number of the first input it plans: the one after it was saved.
    pub first_input: Option<i64>,
    /// Inputs that both planned.
    pub inputs: i64,
    /// Inputs after which they had decided otherwise about a conversation.
    pub differences: i64,
    pub live_rotations: i64,
    pub shadow_rotations: i64,
    /// Chats given automatically, by agent.
    #[schema(value_type = Object)]
    pub agents: BTreeMap<AgentId, ShadowShare>,
}

/// A policy that is not in force.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Candidate {
    pub id: i64,
    /// `scheduled`, `proposed` (in force as soon as a second person says yes) or `shadow`.
    pub kind: String,
    #[schema(value_type = Object)]
    pub policy: Policy,
    #[schema(value_type = Object)]
    pub groups: BTreeMap<GroupId, Overrides>,
    #[schema(value_type = Vec<Object>)]
    pub tests: Vec<Case>,
    #[schema(value_type = String)]
    pub reach: Reach,
    pub note: String,
    /// The version that was edited.
    pub based_on: i64,
    pub author: Option<AgentId>,
    pub author_name: Option<String>,
    pub activates_at: Option<Ms>,
    pub created_at: Ms,
    /// What the shadow has counted; empty for others.
    pub counts: ShadowCounts,
    /// Why it was not put in force: `newer_version`, `tests_failed`, `not_approved` or `rejected`.
    pub failed: Option<String>,
    /// It waits for a second person to say yes.
    pub needs_approval: bool,
    /// Who said yes or no, and their words.
    pub decided_by: Option<AgentId>,
    pub decided_by_name: Option<String>,
    pub decision_note: String,
}

/// A policy to keep without putting it in force.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCandidate {
    #[schema(value_type = Object)]
    pub policy: Policy,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub groups: Option<BTreeMap<GroupId, Overrides>>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<Object>>)]
    pub tests: Option<Vec<Case>>,
    #[serde(default)]
    #[schema(value_type = String)]
    pub reach: Reach,
    #[serde(default)]
    pub note: String,
    #[serde(default)]
    pub if_version: Option<i64>,
    /// When it comes into force.
    #[serde(default)]
    pub activates_at: Option<Ms>,
    /// Without a time: proposed to a second person, in force as soon as they say yes. Otherwise it plans in the shadow.
    #[serde(default)]
    pub propose: bool,
    #[serde(default)]
    pub confirm: bool,
}

/// What a second person says to a policy.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Why, for whoever proposed it.
    #[serde(default)]
    pub note: String,
    /// Yes in spite of findings that ask for a decision, and of tests that fail since it was proposed.
    #[serde(default)]
    pub confirm: bool,
}

/// Whether a candidate waits for a second person, in a workspace that asks for one or not.
fn waits_for_approval(row: &CandidateRow, asks: bool) -> bool {
    let may_come = row.kind == "proposed" || (row.kind == "scheduled" && asks);
    may_come && row.decided_by.is_none() && row.failed.is_none()
}

fn view(row: CandidateRow, names: &BTreeMap<AgentId, String>, asks: bool) -> AppResult<Candidate> {
    let bad = |e: serde_json::Error| StoreError::BadData {
        place: "routing_candidate",
        detail: e.to_string(),
    };
    let book = book(&row)?;
    Ok(Candidate {
        needs_approval: waits_for_approval(&row, asks),
        decided_by: row.decided_by,
        decided_by_name: row.decided_by.and_then(|a| names.get(&a).cloned()),
        id: row.id,
        kind: row.kind,
        policy: book.policy,
        groups: book.groups,
        tests: book.tests,
        reach: serde_json::from_value(json!(row.reach)).map_err(bad)?,
        note: row.note,
        based_on: row.based_on,
        author: row.author,
        author_name: row.author.and_then(|a| names.get(&a).cloned()),
        activates_at: row.activates_at,
        created_at: row.created_at,
        counts: serde_json::from_str(&row.counts).map_err(bad)?,
        failed: row.failed,
        decision_note: row.decision_note,
    })
}

/// What a candidate says.
///
/// # Errors
/// When it cannot be read.
pub fn book(row: &CandidateRow) -> AppResult<Rulebook> {
    let bad = |e: serde_json::Error| StoreError::BadData {
        place: "routing_candidate",
        detail: e.to_string(),
    };
    Ok(Rulebook {
        policy: serde_json::from_str(&row.body).map_err(bad)?,
        groups: serde_json::from_str(&row.groups).map_err(bad)?,
        tests: serde_json::from_str(&row.tests).map_err(bad)?,
    })
}

/// All candidates, oldest first.
///
/// # Errors
/// [`AppError::Forbidden`].
pub fn list(tx: &mut Tx<'_>, who: &Who) -> AppResult<Vec<Candidate>> {
    who.need(Permission::RoutingExplain)?;
    let names = agents::names(tx, who.workspace)?.into_iter().collect();
    let rows = candidates::list(tx, who.workspace)?;
    let asks = policies::asks_for_approval(tx, who.workspace)?;
    rows.into_iter().map(|row| view(row, &names, asks)).collect()
}

/// Keeps a policy for its time, or for the shadow.
///
/// # Errors
/// [`AppError::Forbidden`], wrong values, [`AppError::NeedsConfirmation`]; [`AppError::Refused`] `shadow_exists`: one shadow
/// plans at a time.
pub fn add(tx: &mut Tx<'_>, who: &Who, new: &NewCandidate) -> AppResult<Candidate> {
    who.need(Permission::RoutingEdit)?;
    let w = who.workspace;
    let (seen, _) = policies::in_force(tx, w)?;
    if new.if_version.is_some_and(|v| v != seen) {
        return Err(AppError::VersionMismatch);
    }
    let now = tx.now();
    if let Some(at) = new.activates_at
        && (at <= now || at.since(now) > FARTHEST_MS)
    {
        return Err(AppError::field(
            "/activates_at",
            "out_of_range",
            "between now and a year from now",
        ));
    }
    let known = candidates::list(tx, w)?;
    let kind = if new.activates_at.is_some() {
        "scheduled"
    } else if new.propose {
        "proposed"
    } else {
        "shadow"
    };
    if kind == "shadow" && known.iter().any(|c| c.kind == "shadow") {
        return Err(AppError::Refused {
            code: "shadow_exists",
            detail: "one policy plans in the shadow already".into(),
        });
    }
    if known.len() >= MOST {
        return Err(AppError::Refused {
            code: "too_many",
            detail: "at most 20 policies wait".into(),
        });
    }
    let asked = NewPolicy {
        policy: new.policy.clone(),
        groups: new.groups.clone(),
        tests: new.tests.clone(),
        note: new.note.clone(),
        ..NewPolicy::default()
    };
    let book = policies::checked(tx, w, &asked)?;
    // A shadow does nothing: there is nothing to be sure of.
    policies::confirmed(tx, w, &book, new.confirm || kind == "shadow")?;
    let reach = views::json(&new.reach);
    let row = CandidateRow {
        id: 0,
        kind: kind.into(),
        body: views::text(&book.policy),
        groups: views::text(&book.groups),
        tests: views::text(&book.tests),
        reach: reach.as_str().unwrap_or("new_only").to_owned(),
        note: new.note.trim().to_owned(),
        based_on: seen,
        author: Some(who.agent),
        activates_at: new.activates_at,
        confirmed: new.confirm,
        created_at: now,
        counts: "{}".into(),
        failed: None,
        decided_by: None,
        decision_note: String::new(),
    };
    let id = candidates::insert(tx, w, &row)?;
    match new.activates_at {
        Some(at) => {
            timers::put(tx, w, TIMER, id, seen, at)?;
        }
        None => mark(tx, w)?,
    }
    audit(
        tx,
        w,
        &Actor::from(who),
        "created",
        id,
        None,
        Some(json!({ "kind": kind, "activates_at": new.activates_at })),
    )?;
    one(tx, w, id)
}

fn one(tx: &mut Tx<'_>, w: WorkspaceId, id: i64) -> AppResult<Candidate> {
    let names = agents::names(tx, w)?.into_iter().collect();
    let asks = policies::asks_for_approval(tx, w)?;
    view(candidates::get(tx, w, id)?.ok_or(AppError::NotFound)?, &names, asks)
}

/// A candidate that waits for a second person, and the words of whoever decides.
fn to_decide(tx: &mut Tx<'_>, who: &Who, id: i64, verdict: &Verdict) -> AppResult<(CandidateRow, String)> {
    who.need(Permission::RoutingEdit)?;
    let row = candidates::get(tx, who.workspace, id)?.ok_or(AppError::NotFound)?;
    let mut f = Fields::new();
    let note = f.text("/note", &verdict.note, 0..=LONGEST_NOTE);
    f.done()?;
    let asks = policies::asks_for_approval(tx, who.workspace)?;
    if !waits_for_approval(&row, asks) {
        return Err(AppError::Refused {
            code: "not_proposed",
            detail: "nobody waits for a decision about it".into(),
        });
    }
    Ok((row, note))
}

/// A second person says yes: a proposed policy is in force at once, a planned one comes at its time.
///
/// # Errors
/// [`AppError::Forbidden`], [`AppError::NotFound`]; [`AppError::Denied`] `own_proposal`; [`AppError::Refused`]
/// `not_proposed`; [`AppError::VersionMismatch`] when another version came since; [`AppError::NeedsConfirmation`].
pub fn approve(tx: &mut Tx<'_>, who: &Who, id: i64, verdict: &Verdict) -> AppResult<Candidate> {
    let w = who.workspace;
    let (row, note) = to_decide(tx, who, id, verdict)?;
    if row.author == Some(who.agent) {
        return Err(AppError::Denied {
            code: "own_proposal",
            detail: "somebody else has to say yes to it".into(),
            owner: None,
        });
    }
    let (seen, _) = policies::in_force(tx, w)?;
    if row.based_on != seen {
        return Err(AppError::VersionMismatch);
    }
    let book = living(tx, w, &row)?;
    policies::confirmed(tx, w, &book, row.confirmed || verdict.confirm)?;
    if candidates::decide(tx, w, id, who.agent, &note, None)? == 0 {
        return Err(StoreError::Retry.into());
    }
    let decided = one(tx, w, id)?;
    let after = json!({ "kind": row.kind, "author": row.author, "note": note });
    audit(tx, w, &Actor::from(who), "approved", id, None, Some(after))?;
    if row.kind == "proposed" {
        into_force(tx, w, &Actor::from(who), row, book, Some(who.agent))?;
    }
    Ok(decided)
}

/// A second person says no. It stays in the list with their words until it is dropped.
///
/// # Errors
/// [`AppError::Forbidden`], [`AppError::NotFound`]; [`AppError::Refused`] `not_proposed`.
pub fn reject(tx: &mut Tx<'_>, who: &Who, id: i64, verdict: &Verdict) -> AppResult<Candidate> {
    let w = who.workspace;
    let (row, note) = to_decide(tx, who, id, verdict)?;
    if candidates::decide(tx, w, id, who.agent, &note, Some("rejected"))? == 0 {
        return Err(StoreError::Retry.into());
    }
    timers::remove(tx, w, TIMER, id)?;
    let after = json!({ "kind": row.kind, "author": row.author, "note": note });
    audit(tx, w, &Actor::from(who), "rejected", id, None, Some(after))?;
    one(tx, w, id)
}

/// What a candidate says, without the groups that are gone since.
fn living(tx: &mut Tx<'_>, w: WorkspaceId, row: &CandidateRow) -> AppResult<Rulebook> {
    let mut book = book(row)?;
    let live = policies::live_groups(tx, w)?;
    book.groups.retain(|g, _| live.contains(g));
    Ok(book)
}

/// Marks the place among the inputs at which a shadow begins or ends, for whichever node plans: an input that says nothing
/// to the engine.
fn mark(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<()> {
    routing::insert_inputs(tx, w, &[views::text(&Fact::Tick)])?;
    tx.wake(Wake::Planner(w));
    Ok(())
}

fn audit(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    actor: &Actor,
    action: &'static str,
    id: i64,
    before: Option<serde_json::Value>,
    after: Option<serde_json::Value>,
) -> AppResult<()> {
    audit::record(
        tx,
        w,
        actor,
        Change {
            action,
            object: "routing-candidates",
            id,
            version: 1,
            before,
            after,
        },
    )
}

/// Drops a candidate.
///
/// # Errors
/// [`AppError::Forbidden`], [`AppError::NotFound`].
pub fn remove(tx: &mut Tx<'_>, who: &Who, id: i64) -> AppResult<()> {
    who.need(Permission::RoutingEdit)?;
    let w = who.workspace;
    let row = candidates::get(tx, w, id)?.ok_or(AppError::NotFound)?;
    timers::remove(tx, w, TIMER, id)?;
    candidates::remove(tx, w, id)?;
    if row.kind == "shadow" {
        mark(tx, w)?;
    }
    audit(
        tx,
        w,
        &Actor::from(who),
        "deleted",
        id,
        Some(json!({ "kind": row.kind })),
        None,
    )
}

/// The time of a scheduled policy has come. It is put in force unless somebody saved another version since, or one of its
/// tests fails that nobody said yes to.
///
/// # Errors
/// When the database fails.
pub fn activate(tx: &mut Tx<'_>, w: WorkspaceId, id: i64) -> AppResult<()> {
    let Some(row) = candidates::get(tx, w, id)? else {
        return Ok(());
    };
    let (seen, _) = policies::in_force(tx, w)?;
    let book = living(tx, w, &row)?;
    let asks = policies::asks_for_approval(tx, w)?;
    let fails = !row.confirmed && book.judge().iter().any(|v| !v.passed);
    let why = if row.failed.is_some() {
        return Ok(());
    } else if waits_for_approval(&row, asks) {
        Some("not_approved")
    } else if row.based_on != seen {
        Some("newer_version")
    } else if fails {
        Some("tests_failed")
    } else {
        None
    };
    if let Some(why) = why {
        candidates::set_failed(tx, w, id, why)?;
        return Ok(());
    }
    let name = match row.author {
        Some(author) => agents::names(tx, w)?
            .into_iter()
            .find(|(a, _)| *a == author)
            .map(|(_, n)| n),
        None => None,
    };
    let actor = Actor {
        agent: row.author,
        name: name.unwrap_or_default(),
        ip: String::new(),
    };
    let approved_by = row.decided_by;
    into_force(tx, w, &actor, row, book, approved_by)
}

/// A candidate becomes the next version.
fn into_force(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    actor: &Actor,
    row: CandidateRow,
    book: Rulebook,
    approved_by: Option<AgentId>,
) -> AppResult<()> {
    let version = Version {
        book,
        reach: serde_json::from_value(json!(row.reach)).unwrap_or_default(),
        note: row.note,
        restored_from: None,
        author: row.author,
        approved_by,
    };
    policies::put(tx, w, actor, version)?;
    candidates::remove(tx, w, row.id)?;
    Ok(())
}

/// Where a shadow decided otherwise.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ShadowDifference {
    pub id: i64,
    pub at: Ms,
    pub conversation: Option<ConversationId>,
    /// What was done: `assign`, `rotate` …; none when nothing was.
    pub live_act: Option<String>,
    pub live_agent: Option<AgentId>,
    pub shadow_act: Option<String>,
    pub shadow_agent: Option<AgentId>,
}

/// The differences of a shadow below `before`, newest first.
///
/// # Errors
/// [`AppError::Forbidden`], [`AppError::NotFound`].
pub fn differences(tx: &mut Tx<'_>, who: &Who, id: i64, before: i64, limit: i64) -> AppResult<Vec<ShadowDifference>> {
    who.need(Permission::RoutingExplain)?;
    candidates::get(tx, who.workspace, id)?.ok_or(AppError::NotFound)?;
    let rows = candidates::differences(tx, who.workspace, id, before, limit)?;
    let of = |d: candidates::DifferenceRow| ShadowDifference {
        id: d.id,
        at: d.at,
        conversation: d.conversation,
        live_act: d.live_act,
        live_agent: d.live_agent,
        shadow_act: d.shadow_act,
        shadow_agent: d.shadow_agent,
    };
    Ok(rows.into_iter().map(of).collect())
}
