//! The assignment rules of a workspace as reviewed configuration: versions with author and differences, values of groups
//! field by field, tests that are run before, and what a policy would do (spec CP-11, T11).

use crate::app::audit::{self, Change};
use crate::app::{Actor, AppError, AppResult, FieldError, Who, routing as rules, views};
use ronda_domain::permission::Permission;
use ronda_domain::{AgentId, GroupId, Ms, WorkspaceId};
use ronda_routing::{Finding, Policy, Reach, Reject, Severity, State, Step, World};
use ronda_storage::routing::{self, PolicyRow};
use ronda_storage::{StoreError, Tx, agents, workspaces};
use ronda_whatif::expect::{self, Case, Expected, Policies, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// Longest note of a version, in characters.
const LONGEST_NOTE: usize = 500;
/// Longest words to a customer who waited so long, in characters: the shortest text limit of the channels.
const LONGEST_WORDS: usize = 1_000;
/// Most levels of escalation.
const MOST_LEVELS: usize = 10;
/// Longest time of a step or a level: a day.
const LONGEST_SECONDS: u32 = ronda_routing::defaults::REASSIGN_SECONDS.1;
/// What a group cannot have of its own: these are of the version.
const NOT_OF_GROUPS: [&str; 3] = ["version", "preset", "based_on"];

/// The fields of a policy that a group has of its own, by name.
pub type Overrides = Map<String, Value>;

/// What a version says: the policy of the workspace, what groups have of their own, and the tests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rulebook {
    pub policy: Policy,
    pub groups: BTreeMap<GroupId, Overrides>,
    pub tests: Vec<Case>,
}

impl Rulebook {
    /// What a stored version says.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(row: &PolicyRow) -> AppResult<Self> {
        let mut policy: Policy = read(&row.body, "routing_policy.body")?;
        policy.version = row.version;
        Ok(Self {
            policy,
            groups: read(&row.groups, "routing_policy.groups")?,
            tests: read(&row.tests, "routing_policy.tests")?,
        })
    }

    /// The policy that a group of conversations is under: the workspace's with the group's own fields in it.
    #[must_use]
    pub fn effective(&self, group: Option<GroupId>) -> Policy {
        let own = group.and_then(|g| self.groups.get(&g));
        let merged = own.and_then(|own| serde_json::from_value(merge(&self.policy, own)).ok());
        merged.unwrap_or_else(|| self.policy.clone())
    }

    /// The groups that have something of their own, with their whole policy.
    #[must_use]
    pub fn policies(&self) -> Vec<(GroupId, Policy)> {
        self.groups.keys().map(|g| (*g, self.effective(Some(*g)))).collect()
    }

    /// Runs every test.
    #[must_use]
    pub fn judge(&self) -> Vec<Verdict> {
        self.tests.iter().map(|case| expect::judge(case, self)).collect()
    }
}

impl Policies for Rulebook {
    fn of(&self, group: Option<GroupId>) -> Policy {
        self.effective(group)
    }
}

fn merge(policy: &Policy, own: &Overrides) -> Value {
    let mut whole = views::json(policy);
    if let Some(fields) = whole.as_object_mut() {
        fields.extend(own.clone());
    }
    whole
}

fn read<T: serde::de::DeserializeOwned>(text: &str, place: &'static str) -> AppResult<T> {
    serde_json::from_str(text).map_err(|e| {
        StoreError::BadData {
            place,
            detail: e.to_string(),
        }
        .into()
    })
}

/// A stored version.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PolicyVersion {
    pub version: i64,
    /// Of the workspace, or, when a group was asked for, the one it is under.
    #[schema(value_type = Object)]
    pub policy: Policy,
    /// What groups have of their own: fields of a policy by group id.
    #[schema(value_type = Object)]
    pub groups: BTreeMap<GroupId, Overrides>,
    #[schema(value_type = Vec<Object>)]
    pub tests: Vec<Case>,
    pub note: String,
    /// The older version whose content this one has again.
    pub restored_from: Option<i64>,
    pub author: Option<AgentId>,
    pub author_name: Option<String>,
    /// The second person who said yes, where one was asked.
    pub approved_by: Option<AgentId>,
    pub approved_by_name: Option<String>,
    pub created_at: Option<Ms>,
}

/// A policy to save.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPolicy {
    #[schema(value_type = Object)]
    pub policy: Policy,
    /// What groups have of their own, all of them; absent keeps what they have.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub groups: Option<BTreeMap<GroupId, Overrides>>,
    /// The tests, all of them; absent keeps them.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Object>>)]
    pub tests: Option<Vec<Case>>,
    /// Whether clocks that run follow the new policy too.
    #[serde(default)]
    #[schema(value_type = String)]
    pub reach: Reach,
    /// Why, for whoever reads the versions.
    #[serde(default)]
    pub note: String,
    /// The version that was edited; 0 before the first.
    #[serde(default)]
    pub if_version: Option<i64>,
    /// Save in spite of findings that ask for a decision, and of tests that fail.
    #[serde(default)]
    pub confirm: bool,
}

/// A finding, with the field of the policy that it is about.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    #[serde(flatten)]
    pub finding: Finding,
    /// As in problems, from the policy on: `/steps/1/after_seconds`.
    pub pointer: String,
}

impl Found {
    fn of(policy: &Policy, findings: Vec<Finding>) -> Vec<Self> {
        let found = |finding: Finding| {
            let pointers = fields(&finding, policy).into_iter();
            pointers.map(move |pointer| Self { finding, pointer })
        };
        findings.into_iter().flat_map(found).collect()
    }
}

/// What a policy would do now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Previewed {
    /// `{code, severity, count, moves, pointer}`: what is remarkable about it, and at which field.
    #[schema(value_type = Vec<Object>)]
    pub findings: Vec<Found>,
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

fn version(row: &PolicyRow, names: &BTreeMap<AgentId, String>, group: Option<GroupId>) -> AppResult<PolicyVersion> {
    let book = Rulebook::of(row)?;
    Ok(PolicyVersion {
        version: row.version,
        policy: book.effective(group),
        groups: book.groups,
        tests: book.tests,
        note: row.note.clone(),
        restored_from: row.restored_from,
        author: row.author,
        author_name: row.author.and_then(|a| names.get(&a).cloned()),
        approved_by: row.approved_by,
        approved_by_name: row.approved_by.and_then(|a| names.get(&a).cloned()),
        created_at: Some(row.created_at),
    })
}

/// The versions below `before`, newest first; with a group, as it was under them.
///
/// # Errors
/// [`AppError::Forbidden`].
pub fn list(
    tx: &mut Tx<'_>,
    who: &Who,
    before: i64,
    limit: i64,
    group: Option<GroupId>,
) -> AppResult<Vec<PolicyVersion>> {
    who.need(Permission::RoutingExplain)?;
    let names = agents::names(tx, who.workspace)?.into_iter().collect();
    routing::policies(tx, who.workspace, before, limit)?
        .iter()
        .map(|row| version(row, &names, group))
        .collect()
}

/// The policy in force. Everybody may know the rules they work under.
///
/// # Errors
/// When the database fails.
pub fn current(tx: &mut Tx<'_>, who: &Who, group: Option<GroupId>) -> AppResult<PolicyVersion> {
    let names = agents::names(tx, who.workspace)?.into_iter().collect();
    match routing::policy(tx, who.workspace)? {
        Some(row) => version(&row, &names, group),
        None => Ok(PolicyVersion {
            version: 0,
            policy: Policy::default(),
            groups: BTreeMap::new(),
            tests: Vec::new(),
            note: String::new(),
            restored_from: None,
            author: None,
            author_name: None,
            approved_by: None,
            approved_by_name: None,
            created_at: None,
        }),
    }
}

/// One version.
///
/// # Errors
/// [`AppError::Forbidden`], [`AppError::NotFound`].
pub fn one(tx: &mut Tx<'_>, who: &Who, number: i64) -> AppResult<PolicyVersion> {
    who.need(Permission::RoutingExplain)?;
    let names = agents::names(tx, who.workspace)?.into_iter().collect();
    version(&row(tx, who.workspace, number)?, &names, None)
}

fn row(tx: &mut Tx<'_>, w: WorkspaceId, number: i64) -> AppResult<PolicyRow> {
    let at_most = number.checked_add(1).ok_or(AppError::NotFound)?;
    let found = routing::policies(tx, w, at_most, 1)?.into_iter().next();
    found.filter(|p| p.version == number).ok_or(AppError::NotFound)
}

/// A field that differs between two versions.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FieldChange {
    /// None: the workspace's.
    pub group: Option<GroupId>,
    /// The field of the policy, or `tests`.
    pub field: String,
    /// Null when it had none: the group inherits.
    #[schema(value_type = Object)]
    pub before: Value,
    #[schema(value_type = Object)]
    pub after: Value,
}

/// What differs from one version to another.
///
/// # Errors
/// [`AppError::Forbidden`], [`AppError::NotFound`].
pub fn diff(tx: &mut Tx<'_>, who: &Who, from: i64, to: i64) -> AppResult<Vec<FieldChange>> {
    who.need(Permission::RoutingExplain)?;
    let to = Rulebook::of(&row(tx, who.workspace, to)?)?;
    // Before the first there was nothing.
    let from = match from {
        0 => Rulebook::default(),
        from => Rulebook::of(&row(tx, who.workspace, from)?)?,
    };
    Ok(changes(&from, &to))
}

fn changes(a: &Rulebook, b: &Rulebook) -> Vec<FieldChange> {
    let mut all = Vec::new();
    let mut compare = |group, a: &Map<String, Value>, b: &Map<String, Value>| {
        let fields: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        for field in fields.into_iter().filter(|f| *f != "version") {
            let (before, after) = (a.get(field), b.get(field));
            if before != after {
                all.push(FieldChange {
                    group,
                    field: field.clone(),
                    before: before.cloned().unwrap_or_default(),
                    after: after.cloned().unwrap_or_default(),
                });
            }
        }
    };
    let fields = |book: &Rulebook| views::json(&book.policy).as_object().cloned().unwrap_or_default();
    compare(None, &fields(a), &fields(b));
    let none = Map::new();
    let groups: BTreeSet<&GroupId> = a.groups.keys().chain(b.groups.keys()).collect();
    for group in groups {
        let own = |book: &'_ Rulebook| book.groups.get(group).unwrap_or(&none).clone();
        compare(Some(*group), &own(a), &own(b));
    }
    let tests = |book: &Rulebook| Map::from_iter([("tests".to_owned(), views::json(&book.tests))]);
    compare(None, &tests(a), &tests(b));
    all
}

/// The agents a policy is judged against; with a group, its members.
fn world(tx: &mut Tx<'_>, w: WorkspaceId, group: Option<GroupId>) -> AppResult<World> {
    let members: BTreeSet<(AgentId, GroupId)> = agents::members(tx, w)?.into_iter().collect();
    let (agents, others) = agents::routable(tx, w)?
        .into_iter()
        .filter(|a| a.active && a.role.may(Permission::ConversationsReply))
        .map(|a| a.agent)
        .partition(|agent| group.is_none_or(|g| members.contains(&(*agent, g))));
    Ok(World { agents, others })
}

/// The groups that exist.
///
/// # Errors
/// When the database fails.
pub fn live_groups(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<BTreeSet<GroupId>> {
    Ok(agents::groups(tx, w)?.into_iter().map(|g| g.group).collect())
}

/// The rulebook in force; an empty one before the first version.
///
/// # Errors
/// When the database fails or it cannot be read.
pub fn in_force(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<(i64, Rulebook)> {
    match routing::policy(tx, w)? {
        Some(row) => Ok((row.version, Rulebook::of(&row)?)),
        None => Ok((0, Rulebook::default())),
    }
}

/// What is asked for, with what stays as it is, every wrong field named.
///
/// # Errors
/// [`AppError::Invalid`].
pub fn checked(tx: &mut Tx<'_>, w: WorkspaceId, new: &NewPolicy) -> AppResult<Rulebook> {
    let (_, before) = in_force(tx, w)?;
    let named = steps_groups(&before.policy, &before.groups);
    let mut book = Rulebook {
        policy: honest(new.policy.clone()),
        groups: new.groups.clone().unwrap_or(before.groups),
        tests: new.tests.clone().unwrap_or(before.tests),
    };
    book.groups.retain(|_, own| !own.is_empty());
    let mut wrong = Vec::new();
    let mut add = |pointer: String, code, message: &str| {
        wrong.push(FieldError {
            pointer,
            code,
            message: message.to_owned(),
        });
    };
    if new.note.chars().count() > LONGEST_NOTE {
        add("/note".into(), "too_long", "at most 500 characters");
    }
    let live = live_groups(tx, w)?;
    if new.groups.is_none() {
        // Nobody asked for the groups that are gone since.
        book.groups.retain(|g, _| live.contains(g));
    }
    let known = views::json(&Policy::default());
    for (group, own) in &book.groups {
        if !live.contains(group) {
            add(format!("/groups/{group}"), "unknown", "there is no such group");
            continue;
        }
        for field in own.keys() {
            if known.get(field).is_none() || NOT_OF_GROUPS.contains(&field.as_str()) {
                add(
                    format!("/groups/{group}/{field}"),
                    "unknown",
                    "a group cannot have this of its own",
                );
            }
        }
        if let Err(error) = serde_json::from_value::<Policy>(merge(&book.policy, own)) {
            add(format!("/groups/{group}"), "json", &error.to_string());
        }
    }
    let agents: BTreeSet<AgentId> = world(tx, w, None)?.agents.into_iter().collect();
    if book.tests.len() > expect::MOST_TESTS {
        add("/tests".into(), "too_many", "at most 50 tests");
    }
    let mut names = BTreeSet::new();
    for (i, case) in book.tests.iter().enumerate() {
        let name = case.name.trim();
        if name.is_empty() {
            add(format!("/tests/{i}/name"), "required", "what is tested");
        } else if name.chars().count() > expect::LONGEST_NAME {
            add(format!("/tests/{i}/name"), "too_long", "at most 120 characters");
        } else if !names.insert(name.to_lowercase()) {
            add(format!("/tests/{i}/name"), "taken", "another test has this name");
        }
        // Tests that stand already may name people who left since: they are run, and shown as failing.
        if new.tests.is_none() {
            continue;
        }
        if case.agents.is_empty() || case.agents.len() > expect::MOST_AGENTS {
            add(format!("/tests/{i}/agents"), "required", "between 1 and 50 agents");
        }
        let mut seen = BTreeSet::new();
        for (j, given) in case.agents.iter().enumerate() {
            let at = format!("/tests/{i}/agents/{j}");
            if !agents.contains(&given.agent) {
                add(format!("{at}/agent"), "unknown", "nobody who answers has this id");
            } else if !seen.insert(given.agent) {
                add(format!("{at}/agent"), "taken", "named twice");
            }
            if given.load > expect::MOST_LOAD {
                add(format!("{at}/load"), "too_large", "at most 200");
            }
            if given.groups.iter().any(|g| !live.contains(g)) {
                add(format!("{at}/groups"), "unknown", "there is no such group");
            }
        }
        if case.chat.group.is_some_and(|g| !live.contains(&g)) {
            add(format!("/tests/{i}/chat/group"), "unknown", "there is no such group");
        }
        match &case.expect {
            Expected::Agent { agent } if !seen.contains(agent) => {
                add(
                    format!("/tests/{i}/expect/agent"),
                    "unknown",
                    "not among the agents of this test",
                );
            }
            Expected::Group { group } if !live.contains(group) => {
                add(format!("/tests/{i}/expect/group"), "unknown", "there is no such group");
            }
            _ => {}
        }
    }
    let mut all = vec![("/policy".to_owned(), book.policy.clone())];
    all.extend(
        book.policies()
            .into_iter()
            .filter(|(g, _)| book.groups.get(g).is_some_and(|own| own.contains_key("steps")))
            .map(|(g, p)| (format!("/groups/{g}"), p)),
    );
    for (at, policy) in &all {
        for (i, step) in policy.steps.iter().enumerate() {
            if step.add_groups.iter().any(|g| !live.contains(g) && !named.contains(g)) {
                add(
                    format!("{at}/steps/{i}/add_groups"),
                    "unknown",
                    "there is no such group",
                );
            }
        }
        let text = policy
            .max_wait
            .as_ref()
            .and_then(|m| m.text.as_deref())
            .unwrap_or_default();
        if text.chars().count() > LONGEST_WORDS {
            add(format!("{at}/max_wait/text"), "too_long", "at most 1,000 characters");
        }
        if policy.escalation_seconds.len() > MOST_LEVELS {
            add(format!("{at}/escalation_seconds"), "too_many", "at most 10 levels");
        }
        for (i, seconds) in policy.escalation_seconds.iter().enumerate() {
            if !(1..=LONGEST_SECONDS).contains(seconds) {
                add(
                    format!("{at}/escalation_seconds/{i}"),
                    "out_of_range",
                    "from 1 second to a day",
                );
            }
        }
    }
    for (group, found) in findings(tx, w, &book)? {
        let policy = book.effective(group);
        for f in found.iter().filter(|f| f.severity == Severity::Error) {
            let at = group.map_or_else(|| "/policy".to_owned(), |g| format!("/groups/{g}"));
            for field in fields(f, &policy) {
                add(format!("{at}{field}"), "policy", &word(f));
            }
        }
    }
    // Groups that are gone since they were named help nobody.
    for step in &mut book.policy.steps {
        step.add_groups.retain(|g| live.contains(g));
    }
    if wrong.is_empty() {
        Ok(book)
    } else {
        Err(AppError::Invalid(wrong))
    }
}

/// The groups that the steps of a rulebook ask.
fn steps_groups(policy: &Policy, groups: &BTreeMap<GroupId, Overrides>) -> BTreeSet<GroupId> {
    let own = groups.values().filter_map(|own| own.get("steps"));
    let own = own.filter_map(|steps| serde_json::from_value::<Vec<Step>>(steps.clone()).ok());
    let all = own.flatten().chain(policy.steps.iter().cloned());
    all.flat_map(|step| step.add_groups).collect()
}

/// The findings of each policy of a rulebook, the workspace's first.
fn findings(tx: &mut Tx<'_>, w: WorkspaceId, book: &Rulebook) -> AppResult<Vec<(Option<GroupId>, Vec<Finding>)>> {
    let mut all = vec![(None, book.policy.validate(&world(tx, w, None)?))];
    for (group, policy) in book.policies() {
        all.push((Some(group), policy.validate(&world(tx, w, Some(group))?)));
    }
    Ok(all)
}

/// What a rulebook needs a person to say yes to: grave findings, and tests that fail.
fn asks(tx: &mut Tx<'_>, w: WorkspaceId, book: &Rulebook) -> AppResult<Vec<Value>> {
    let mut all = Vec::new();
    for (group, found) in findings(tx, w, book)? {
        for f in found.iter().filter(|f| f.severity == Severity::Confirm) {
            let mut finding = views::json(f);
            finding["pointer"] = json!(fields(f, &book.effective(group)).first());
            if let Some(group) = group {
                finding["group"] = json!(group);
            }
            all.push(finding);
        }
    }
    let failed: Vec<String> = book.judge().into_iter().filter(|v| !v.passed).map(|v| v.name).collect();
    if !failed.is_empty() {
        all.push(json!({ "code": "tests_failed", "severity": "confirm", "count": failed.len(), "names": failed }));
    }
    Ok(all)
}

/// Saves a policy as the next version.
///
/// # Errors
/// [`AppError::Forbidden`], [`AppError::VersionMismatch`], wrong values, [`AppError::NeedsConfirmation`];
/// [`AppError::Refused`] `approval_needed` where a second person has to say yes.
pub fn save(tx: &mut Tx<'_>, who: &Who, new: &NewPolicy) -> AppResult<PolicyVersion> {
    who.need(Permission::RoutingEdit)?;
    alone(tx, who.workspace)?;
    let (seen, _) = in_force(tx, who.workspace)?;
    if new.if_version.is_some_and(|v| v != seen) {
        return Err(AppError::VersionMismatch);
    }
    let book = checked(tx, who.workspace, new)?;
    confirmed(tx, who.workspace, &book, new.confirm)?;
    let version = Version {
        book,
        reach: new.reach,
        note: new.note.trim().to_owned(),
        restored_from: None,
        author: Some(who.agent),
        approved_by: None,
    };
    put(tx, who.workspace, &Actor::from(who), version)?;
    current(tx, who, None)
}

/// Whether the workspace wants a second person to say yes to a policy.
///
/// # Errors
/// When the database fails.
pub fn asks_for_approval(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<bool> {
    let row = workspaces::get(tx, w)?.ok_or(StoreError::NotFound)?;
    Ok(crate::app::workspaces::settings(&row).policy_approval)
}

/// Whether one person may put a policy in force.
fn alone(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<()> {
    if asks_for_approval(tx, w)? {
        return Err(AppError::Refused {
            code: "approval_needed",
            detail: "a second person has to say yes: propose it".into(),
        });
    }
    Ok(())
}

/// Whether a person said yes to what a rulebook asks for.
///
/// # Errors
/// [`AppError::NeedsConfirmation`].
pub fn confirmed(tx: &mut Tx<'_>, w: WorkspaceId, book: &Rulebook, confirm: bool) -> AppResult<()> {
    let findings = asks(tx, w, book)?;
    if confirm || findings.is_empty() {
        return Ok(());
    }
    Err(AppError::NeedsConfirmation {
        code: "policy",
        findings: json!(findings),
    })
}

/// How to go back to an older version.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestorePolicy {
    /// Whether clocks that run follow too.
    #[serde(default)]
    #[schema(value_type = String)]
    pub reach: Reach,
    /// The version in force when it was decided.
    #[serde(default)]
    pub if_version: Option<i64>,
    #[serde(default)]
    pub confirm: bool,
}

/// Puts the content of an older version in force again, as a new version. What it says of groups and people that are
/// gone since is left out.
///
/// # Errors
/// [`AppError::Forbidden`], [`AppError::NotFound`], [`AppError::VersionMismatch`], [`AppError::NeedsConfirmation`].
pub fn restore(tx: &mut Tx<'_>, who: &Who, number: i64, how: &RestorePolicy) -> AppResult<PolicyVersion> {
    who.need(Permission::RoutingEdit)?;
    let w = who.workspace;
    let (seen, _) = in_force(tx, w)?;
    let mut book = Rulebook::of(&row(tx, w, number)?)?;
    alone(tx, w)?;
    if how.if_version.is_some_and(|v| v != seen) {
        return Err(AppError::VersionMismatch);
    }
    let live = live_groups(tx, w)?;
    book.groups.retain(|g, _| live.contains(g));
    confirmed(tx, w, &book, how.confirm)?;
    let version = Version {
        book,
        reach: how.reach,
        note: String::new(),
        restored_from: Some(number),
        author: Some(who.agent),
        approved_by: None,
    };
    put(tx, w, &Actor::from(who), version)?;
    current(tx, who, None)
}

/// A version to be put in force.
pub struct Version {
    pub book: Rulebook,
    pub reach: Reach,
    pub note: String,
    pub restored_from: Option<i64>,
    pub author: Option<AgentId>,
    pub approved_by: Option<AgentId>,
}

/// Puts a version in force: written, told to the engine, and in the audit log. Its number.
///
/// # Errors
/// [`AppError::VersionMismatch`] when another one came first.
pub fn put(tx: &mut Tx<'_>, w: WorkspaceId, actor: &Actor, version: Version) -> AppResult<i64> {
    let (seen, before) = in_force(tx, w)?;
    let number = seen + 1;
    let mut book = version.book;
    book.policy.version = number;
    let row = PolicyRow {
        version: number,
        body: views::text(&book.policy),
        groups: views::text(&book.groups),
        tests: views::text(&book.tests),
        note: version.note,
        restored_from: version.restored_from,
        author: version.author,
        approved_by: version.approved_by,
        created_at: tx.now(),
    };
    match routing::insert_policy(tx, w, &row) {
        Err(StoreError::Constraint(_)) => return Err(AppError::VersionMismatch),
        other => other?,
    };
    rules::tell(tx, w, &rules::policies_set(&before, &book, version.reach))?;
    let content = |book: &Rulebook| {
        let mut content = views::json(&book.policy);
        content["groups"] = views::json(&book.groups);
        content["tests"] = json!(book.tests.len());
        content
    };
    let mut after = content(&book);
    after["approved_by"] = json!(version.approved_by);
    audit::record(
        tx,
        w,
        actor,
        Change {
            action: if version.restored_from.is_some() {
                "restored"
            } else {
                "updated"
            },
            object: "routing-policies",
            id: number,
            version: number,
            before: (seen > 0).then(|| content(&before)),
            after: Some(after),
        },
    )?;
    ronda_storage::crash_point("settings.before_commit");
    Ok(number)
}

fn word(f: &Finding) -> String {
    views::json(&f.code).as_str().unwrap_or("policy").to_owned()
}

/// The fields of a policy that a finding is about.
fn fields(f: &Finding, policy: &Policy) -> Vec<String> {
    use ronda_routing::FindingCode as C;
    let one = match f.code {
        C::ReassignOutOfRange | C::NobodyToRotateTo => "/reassign_seconds",
        C::LimitOutOfRange | C::FastUnlimitedSmallTeam => "/limit",
        C::RoundsOutOfRange => "/rounds",
        C::BackoffOutOfRange => "/backoff_percent",
        C::EverybodyExcluded | C::ExcludedUnknown => "/excluded",
        C::StrikesOutOfRange => "/strikes",
        C::CoolDownOutOfRange => "/cool_down_seconds",
        C::ValueOutOfRange => return policy.out_of_range().into_iter().map(str::to_owned).collect(),
        C::TooManySteps | C::StepsAfterMaxWait => "/steps",
        C::StepOutOfRange => return wrong_steps(policy),
        C::MaxWaitOutOfRange => "/max_wait/after_seconds",
        C::WaitTextMissing => "/max_wait/text",
        C::NoAgents => "/enabled",
        C::OldBacklog => "/max_backlog_age_seconds",
    };
    vec![one.to_owned()]
}

/// The fields of steps that are out of range.
fn wrong_steps(policy: &Policy) -> Vec<String> {
    let mut wrong = Vec::new();
    for (i, step) in policy.steps.iter().enumerate() {
        if !(1..=LONGEST_SECONDS).contains(&step.after_seconds) {
            wrong.push(format!("/steps/{i}/after_seconds"));
        }
        if step.raise_minutes > ronda_routing::defaults::MAX_PRIORITY_MINUTES {
            wrong.push(format!("/steps/{i}/raise_minutes"));
        }
    }
    wrong
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

/// A test and what it is run against.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestRun {
    #[schema(value_type = Object)]
    pub policy: Policy,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub groups: Option<BTreeMap<GroupId, Overrides>>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<Object>>)]
    pub tests: Option<Vec<Case>>,
}

/// What came of a test.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Judged {
    pub name: String,
    pub passed: bool,
    /// Who has the chat; none when it waits.
    pub agent: Option<AgentId>,
    /// Why agents did not get it: pairs of a reason and how many.
    #[schema(value_type = Vec<Object>)]
    pub lost: Vec<(Reject, u32)>,
}

/// Runs the tests against a policy that is not saved.
///
/// # Errors
/// [`AppError::Forbidden`], wrong values.
pub fn test(tx: &mut Tx<'_>, who: &Who, run: &TestRun) -> AppResult<Vec<Judged>> {
    who.need(Permission::RoutingExplain)?;
    let new = NewPolicy {
        policy: run.policy.clone(),
        groups: run.groups.clone(),
        tests: run.tests.clone(),
        ..NewPolicy::default()
    };
    let verdicts = checked(tx, who.workspace, &new)?.judge().into_iter();
    Ok(verdicts
        .map(|v| Judged {
            name: v.name,
            passed: v.passed,
            agent: v.agent,
            lost: v.lost,
        })
        .collect())
}

/// The first line of every exported text.
const FORMAT: &str = "ronda-routing-policy/1";

/// A version as a text that can be kept elsewhere, read, compared and brought back, here or in another workspace.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportedPolicy {
    pub format: String,
    #[schema(value_type = Object)]
    pub policy: Policy,
    /// Own values by the key of the group.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub groups: BTreeMap<String, Overrides>,
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub tests: Vec<Case>,
    /// Who the agents of `policy` and `tests` are, by id.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub agents: BTreeMap<AgentId, String>,
    /// Which groups the ids of `tests` are, by key.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub group_ids: BTreeMap<String, GroupId>,
}

fn group_keys(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<BTreeMap<String, GroupId>> {
    let groups = ronda_storage::groups::page(tx, w, 0, i64::from(u16::MAX))?;
    Ok(groups.into_iter().map(|g| (g.key, g.id)).collect())
}

/// A version as text.
///
/// # Errors
/// [`AppError::Forbidden`], [`AppError::NotFound`].
pub fn export(tx: &mut Tx<'_>, who: &Who, number: i64) -> AppResult<ExportedPolicy> {
    who.need(Permission::RoutingExplain)?;
    let book = Rulebook::of(&row(tx, who.workspace, number)?)?;
    let names: BTreeMap<AgentId, String> = agents::names(tx, who.workspace)?.into_iter().collect();
    let keys = group_keys(tx, who.workspace)?;
    let mentioned: BTreeSet<AgentId> = book
        .policy
        .excluded
        .iter()
        .copied()
        .chain(book.tests.iter().flat_map(|t| t.agents.iter().map(|a| a.agent)))
        .collect();
    let by_key = |id: &GroupId| keys.iter().find(|(_, g)| *g == id).map(|(k, _)| k.clone());
    Ok(ExportedPolicy {
        format: FORMAT.into(),
        groups: book
            .groups
            .iter()
            .filter_map(|(g, own)| Some((by_key(g)?, own.clone())))
            .collect(),
        policy: book.policy,
        tests: book.tests,
        agents: names.into_iter().filter(|(id, _)| mentioned.contains(id)).collect(),
        group_ids: keys,
    })
}

/// A text that was read, to be looked at and saved.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ImportedPolicy {
    #[schema(value_type = Object)]
    pub policy: Policy,
    #[schema(value_type = Object)]
    pub groups: BTreeMap<GroupId, Overrides>,
    #[schema(value_type = Vec<Object>)]
    pub tests: Vec<Case>,
    /// Names of agents and keys of groups that are not here; what it says of them is left out.
    pub unknown: Vec<String>,
}

/// Reads an exported text; nothing is saved. People are found by their names, groups by their keys.
///
/// # Errors
/// [`AppError::Forbidden`], [`AppError::Invalid`] when it is no such text.
pub fn import(tx: &mut Tx<'_>, who: &Who, text: &ExportedPolicy) -> AppResult<ImportedPolicy> {
    who.need(Permission::RoutingEdit)?;
    if text.format != FORMAT {
        return Err(AppError::field(
            "/format",
            "unknown",
            "this is no exported policy of this version",
        ));
    }
    let here = agents::names(tx, who.workspace)?;
    let keys = group_keys(tx, who.workspace)?;
    let mut unknown = BTreeSet::new();
    let mut agent = |id: AgentId| {
        let name = text.agents.get(&id);
        let found = name.and_then(|n| here.iter().find(|(_, h)| h == n)).map(|(id, _)| *id);
        if found.is_none() {
            unknown.insert(name.cloned().unwrap_or_else(|| format!("#{id}")));
        }
        found
    };
    let mut policy = text.policy.clone();
    policy.excluded = policy.excluded.iter().filter_map(|id| agent(*id)).collect();
    let mut missing = BTreeSet::new();
    let mut group = |id: GroupId| {
        let key = text.group_ids.iter().find(|(_, g)| **g == id).map(|(k, _)| k.clone());
        let found = key.as_ref().and_then(|k| keys.get(k)).copied();
        if found.is_none() {
            missing.insert(key.unwrap_or_else(|| format!("#{id}")));
        }
        found
    };
    let mut tests = Vec::new();
    for case in &text.tests {
        let mut case = case.clone();
        let mut whole = true;
        for given in &mut case.agents {
            match agent(given.agent) {
                Some(id) => given.agent = id,
                None => whole = false,
            }
            let before = given.groups.len();
            given.groups = given.groups.iter().filter_map(|g| group(*g)).collect();
            whole &= given.groups.len() == before;
        }
        if let Some(id) = case.chat.group {
            case.chat.group = group(id);
            whole &= case.chat.group.is_some();
        }
        match &mut case.expect {
            Expected::Agent { agent: wanted } => match agent(*wanted) {
                Some(id) => *wanted = id,
                None => whole = false,
            },
            Expected::Group { group: wanted } => match group(*wanted) {
                Some(id) => *wanted = id,
                None => whole = false,
            },
            Expected::Waits { .. } => {}
        }
        if whole {
            tests.push(case);
        }
    }
    let mut groups = BTreeMap::new();
    for (key, own) in &text.groups {
        match keys.get(key) {
            Some(id) => {
                groups.insert(*id, own.clone());
            }
            None => {
                missing.insert(key.clone());
            }
        }
    }
    unknown.extend(missing);
    Ok(ImportedPolicy {
        policy,
        groups,
        tests,
        unknown: unknown.into_iter().collect(),
    })
}

/// What is found about a group's whole policy, judged against its members.
///
/// # Errors
/// When the database fails.
pub fn found_for_group(tx: &mut Tx<'_>, who: &Who, policy: &Policy, group: GroupId) -> AppResult<Vec<Found>> {
    Ok(Found::of(
        policy,
        policy.validate(&world(tx, who.workspace, Some(group))?),
    ))
}

/// What a policy would do in the present state.
#[must_use]
pub fn preview(state: &State, policy: &Policy) -> Previewed {
    let preview = ronda_routing::preview(state, policy);
    Previewed {
        findings: Found::of(policy, preview.findings.clone()),
        preview: views::json(&preview),
    }
}
