//! The state of a workspace: rows, and the index derived from them.

use crate::clock::{Hours, is_open};
use crate::fact::HoursScope;
use crate::hash::{self, Map};
use crate::index::{Index, Rules, Scope, Status};
use crate::outcome::Outcome;
use crate::policy::{Policy, World};
use crate::row::{AgentRow, ConvRow, GroupRow, Head, Rows};
use ronda_domain::conversation::Place;
use ronda_domain::{AgentId, ConversationId, GroupId, Ms};
use std::collections::BTreeMap;

const HEAD: u8 = 0;
const SETTINGS: u8 = 1;
const CONV: u8 = 2;
const AGENT: u8 = 3;
const GROUP: u8 = 4;

/// Everything the engine knows of a workspace.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub(crate) head: Head,
    /// The policy of the workspace.
    pub(crate) policy: Policy,
    /// The policies of groups that have their own.
    pub(crate) policies: BTreeMap<GroupId, Policy>,
    pub(crate) hours: BTreeMap<HoursScope, Hours>,
    /// Until when rotation is paused, by group; none is the whole workspace. Future ones only.
    pub(crate) pauses: BTreeMap<Option<GroupId>, Ms>,
    pub(crate) groups: BTreeMap<GroupId, GroupRow>,
    pub(crate) convs: Map<ConversationId, ConvRow>,
    pub(crate) agents: Map<AgentId, AgentRow>,
    pub(crate) index: Index,
    /// Sum of the hashes of conversations and agents.
    pub(crate) entities: u64,
    /// Sum of the hashes of policy, hours and groups.
    pub(crate) settings: u64,
    /// Rows came from outside: the next step looks at every queue.
    pub(crate) unsettled: bool,
}

impl State {
    /// The state that `rows` describe. Conversations that neither wait nor are held are left out; loads are recounted.
    #[must_use]
    pub fn from_rows(rows: Rows) -> Self {
        let mut state = Self {
            head: rows.head,
            policy: rows.policy,
            policies: rows.policies.into_iter().collect(),
            hours: rows.hours.into_iter().collect(),
            pauses: rows
                .pauses
                .into_iter()
                .filter(|(_, until)| *until > rows.head.at)
                .collect(),
            groups: rows.groups.into_iter().map(|g| (g.group, g)).collect(),
            unsettled: true,
            ..Self::default()
        };
        state.agents = rows
            .agents
            .into_iter()
            .map(|a| (a.agent, tidy_agent(AgentRow { load: 0, ..a })))
            .collect();
        for conv in rows.convs {
            if let Some(conv) = tidy_conv(conv) {
                if let Some(owner) = conv.owner {
                    state.agents.entry(owner).or_insert_with(|| AgentRow::new(owner)).load += 1;
                }
                state.convs.insert(conv.conv, conv);
            }
        }
        state.rebuild();
        state
    }

    /// The rows of this state: the exact inverse of [`State::from_rows`].
    #[must_use]
    pub fn rows(&self) -> Rows {
        let mut convs: Vec<_> = self.convs.values().cloned().collect();
        convs.sort_unstable_by_key(|c| c.conv);
        let mut agents: Vec<_> = self.agents.values().cloned().collect();
        agents.sort_unstable_by_key(|a| a.agent);
        Rows {
            head: self.head,
            policy: self.policy.clone(),
            policies: self.policies.iter().map(|(g, p)| (*g, p.clone())).collect(),
            hours: self.hours.iter().map(|(s, h)| (*s, h.clone())).collect(),
            pauses: self.pauses.iter().map(|(g, until)| (*g, *until)).collect(),
            groups: self.groups.values().copied().collect(),
            agents,
            convs,
        }
    }

    /// Hash of everything but the counters of the head: a sum over the entities, kept with each change. Two states with
    /// the same rows have the same hash, whatever happened before.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.entities.wrapping_add(self.settings)
    }

    /// [`State::hash`] with the counters of the head.
    #[must_use]
    pub fn hash_with_head(&self) -> u64 {
        self.hash().wrapping_add(hash::of(HEAD, &self.head))
    }

    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }

    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// A waiting or held conversation.
    #[must_use]
    pub fn conv(&self, conv: ConversationId) -> Option<&ConvRow> {
        self.convs.get(&conv)
    }

    #[must_use]
    pub fn agent(&self, agent: AgentId) -> Option<&AgentRow> {
        self.agents.get(&agent)
    }

    /// The limit of an agent under the policy of the workspace; none means unlimited.
    #[must_use]
    pub fn limit(&self, agent: AgentId) -> Option<u32> {
        self.limit_in(agent, None)
    }

    /// The limit of an agent for conversations of a group; none means unlimited. It counts all that they hold.
    #[must_use]
    pub fn limit_in(&self, agent: AgentId, group: Option<GroupId>) -> Option<u32> {
        let rules = self.rules();
        let policy = rules.policy_in(rules.home(group));
        self.agents
            .get(&agent)
            .map_or(policy.limit, |a| Rules::limit(a, policy))
    }

    /// The most an agent may hold by manual work and returns; none means unlimited.
    #[must_use]
    pub fn hard_cap(&self, agent: AgentId) -> Option<u32> {
        self.hard_cap_in(agent, None)
    }

    /// The same when the conversation is of a group.
    #[must_use]
    pub fn hard_cap_in(&self, agent: AgentId, group: Option<GroupId>) -> Option<u32> {
        let rules = self.rules();
        let limit = self.limit_in(agent, group)?;
        Some(rules.policy_in(rules.home(group)).hard_cap.over(limit))
    }

    /// The policy that holds for conversations of a group: its own, or the workspace's.
    #[must_use]
    pub fn policy_in(&self, group: Option<GroupId>) -> &Policy {
        let rules = self.rules();
        rules.policy_in(rules.home(group))
    }

    /// Number of conversations that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.index
            .waiting
            .values()
            .flat_map(BTreeMap::values)
            .map(std::collections::BTreeSet::len)
            .sum()
    }

    /// Number of agents and of conversations.
    #[must_use]
    pub fn size(&self) -> usize {
        self.agents.len() + self.convs.len()
    }

    /// When time alone will change something: the shell steps with [`crate::Fact::Tick`] then.
    #[must_use]
    pub fn next_due(&self) -> Option<Ms> {
        let due = self.index.due.first().map(|(at, _)| *at);
        let pending = !(self.index.waiting.is_empty() && self.index.overdue.is_empty());
        // At the opening, what waits is given to people (row 38).
        let opening = self.index.opening.filter(|_| pending);
        let resumes = self.pauses.values().copied();
        due.into_iter().chain(opening).chain(resumes).min()
    }

    /// Whether more is due than one input fires: then others have their turn in between (row 78).
    #[must_use]
    pub fn is_behind(&self, now: Ms) -> bool {
        let due = self.index.due.iter().take_while(|(at, _)| *at <= now);
        due.take(crate::defaults::DEADLINES).count() == crate::defaults::DEADLINES
    }

    /// What policies are judged against.
    #[must_use]
    pub fn world(&self) -> World {
        let mut agents: Vec<_> = self.agents.values().filter(|a| a.active).map(|a| a.agent).collect();
        agents.sort_unstable();
        World {
            agents,
            others: Vec::new(),
        }
    }

    /// Replaces what is known of a conversation by its row in the database, after a conflict. A row that neither waits
    /// nor is held makes it unknown. Follow with a step.
    pub fn put_conv(&mut self, row: ConvRow) {
        let id = row.conv;
        if let Some(owner) = self.convs.get(&id).and_then(|c| c.owner) {
            self.relink_agent(owner, |a| a.load = a.load.saturating_sub(1));
        }
        let row = tidy_conv(row);
        if let Some(owner) = row.as_ref().and_then(|r| r.owner) {
            self.relink_agent(owner, |a| a.load = a.load.saturating_add(1));
        }
        self.set_conv(id, row);
        self.unsettled = true;
    }

    /// Makes a conversation unknown, after a conflict, when its row is gone.
    pub fn drop_conv(&mut self, conv: ConversationId) {
        if let Some(owner) = self.convs.get(&conv).and_then(|c| c.owner) {
            self.relink_agent(owner, |a| a.load = a.load.saturating_sub(1));
        }
        self.set_conv(conv, None);
    }

    /// Replaces what is known of an agent by their row in the database, after a conflict. The load stays the recount.
    pub fn put_agent(&mut self, row: AgentRow) {
        let id = row.agent;
        let load = self.agents.get(&id).map_or(0, |a| a.load);
        self.set_agent(id, Some(tidy_agent(AgentRow { load, ..row })));
        self.unsettled = true;
    }

    /// Takes back what the last [`crate::run`] did, when its outcome could not be committed.
    pub fn revert(&mut self, outcome: &Outcome) {
        let undo = &outcome.undo;
        let settings =
            undo.policy.is_some() || undo.policies.is_some() || undo.hours.is_some() || undo.groups.is_some();
        if let Some(policy) = &undo.policy {
            self.policy = (**policy).clone();
        }
        if let Some(policies) = &undo.policies {
            self.policies.clone_from(policies);
        }
        if let Some(hours) = &undo.hours {
            self.hours.clone_from(hours);
        }
        if let Some(pauses) = &undo.pauses {
            self.pauses.clone_from(pauses);
            self.hash_settings();
        }
        if let Some(groups) = &undo.groups {
            self.groups.clone_from(groups);
        }
        self.head = outcome.head_before;
        if settings {
            for change in &outcome.convs {
                replace(&mut self.convs, change.row.conv, change.before.clone());
            }
            for change in &outcome.agents {
                replace(&mut self.agents, change.row.agent, change.before.clone());
            }
            self.rebuild();
            self.unsettled = true;
            return;
        }
        for change in &outcome.convs {
            self.set_conv(change.row.conv, change.before.clone());
        }
        for change in &outcome.agents {
            self.set_agent(change.row.agent, change.before.clone());
        }
        // Ramps are read at the time of the head, which went back: link every agent that has one again.
        for agent in self.index.ramping() {
            self.relink_agent(agent, |_| {});
        }
        self.index.opening = self.rules().next_opening();
        let rules = Rules {
            policy: &self.policy,
            policies: &self.policies,
            groups: &self.groups,
            hours: &self.hours,
            pauses: &self.pauses,
            now: self.head.at,
        };
        self.index.wake(&rules);
        self.unsettled = true;
    }

    pub(crate) const fn rules(&self) -> Rules<'_> {
        Rules {
            policy: &self.policy,
            policies: &self.policies,
            groups: &self.groups,
            hours: &self.hours,
            pauses: &self.pauses,
            now: self.head.at,
        }
    }

    /// Raises the time. Returns the calendars that opened meanwhile.
    pub(crate) fn raise(&mut self, now: Ms) -> Vec<HoursScope> {
        let before = std::mem::replace(&mut self.head.at, now);
        self.index.rest(now);
        if self.index.opening.is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.index.opening = self.rules().next_opening();
        let opened = self
            .hours
            .iter()
            .filter(|(_, h)| !is_open(h, before) && is_open(h, now));
        opened.map(|(scope, _)| *scope).collect()
    }

    /// Builds index and hash from the rows.
    pub(crate) fn rebuild(&mut self) {
        self.index = Index::build(&self.rules(), self.convs.values(), self.agents.values());
        self.entities = 0;
        for conv in self.convs.values() {
            self.entities = self.entities.wrapping_add(hash::of(CONV, conv));
        }
        for agent in self.agents.values() {
            self.entities = self.entities.wrapping_add(hash::of(AGENT, agent));
        }
        self.hash_settings();
    }

    pub(crate) fn hash_settings(&mut self) {
        self.settings = hash::of(SETTINGS, &(&self.policy, &self.policies, &self.hours, &self.pauses));
        for group in self.groups.values() {
            self.settings = self.settings.wrapping_add(hash::of(GROUP, group));
        }
    }

    /// Puts a conversation in place of the one known under this id; hash and index follow.
    pub(crate) fn set_conv(&mut self, id: ConversationId, row: Option<ConvRow>) {
        let rules = Rules {
            policy: &self.policy,
            policies: &self.policies,
            groups: &self.groups,
            hours: &self.hours,
            pauses: &self.pauses,
            now: self.head.at,
        };
        if let Some(old) = self.convs.get(&id) {
            self.index.unlink_conv(&rules, |a| self.agents.get(&a), old);
            self.entities = self.entities.wrapping_sub(hash::of(CONV, old));
        }
        if let Some(new) = &row {
            self.index.link_conv(&rules, |a| self.agents.get(&a), new);
            self.entities = self.entities.wrapping_add(hash::of(CONV, new));
        }
        replace(&mut self.convs, id, row);
    }

    /// Puts an agent in place of the one known under this id; hash and index follow.
    pub(crate) fn set_agent(&mut self, id: AgentId, row: Option<AgentRow>) {
        let rules = Rules {
            policy: &self.policy,
            policies: &self.policies,
            groups: &self.groups,
            hours: &self.hours,
            pauses: &self.pauses,
            now: self.head.at,
        };
        if let Some(old) = self.agents.get(&id) {
            self.index.unlink_agent(&rules, old);
            self.entities = self.entities.wrapping_sub(hash::of(AGENT, old));
        }
        if let Some(new) = &row {
            self.index.link_agent(&rules, new);
            self.entities = self.entities.wrapping_add(hash::of(AGENT, new));
        }
        replace(&mut self.agents, id, row);
    }

    fn relink_agent(&mut self, id: AgentId, edit: impl FnOnce(&mut AgentRow)) {
        let mut row = self.agents.get(&id).cloned().unwrap_or_else(|| AgentRow::new(id));
        edit(&mut row);
        self.set_agent(id, Some(row));
    }

    /// Agents who pass every test but pacing and capacity by some policy, in no order.
    pub(crate) fn available(&self) -> impl Iterator<Item = &AgentRow> {
        self.agents.values().filter(|a| self.rules().is_there(a))
    }

    pub(crate) fn status(&self, agent: &AgentRow, scope: &Scope) -> Status {
        self.index.status(&self.rules(), agent, scope)
    }

    /// By the policy that holds for a conversation, whatever the skills.
    pub(crate) fn status_for(&self, agent: &AgentRow, conv: &ConvRow) -> Status {
        let rules = self.rules();
        self.index.status_by(&rules, agent, rules.policy_of(conv))
    }
}

fn replace<K: std::hash::Hash + Eq, V>(map: &mut Map<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => {
            map.insert(key, value);
        }
        None => {
            map.remove(&key);
        }
    }
}

/// A row from outside in the form the engine keeps, or none when it is not the engine's.
fn tidy_conv(mut row: ConvRow) -> Option<ConvRow> {
    row.missed.sort_unstable();
    row.missed.dedup();
    row.keep.needs.sort_unstable();
    row.keep.needs.dedup();
    match (row.place, row.owner) {
        (Place::Held, Some(_)) => Some(row),
        (Place::Waiting, _) => {
            row.owner = None;
            Some(row)
        }
        _ => None,
    }
}

fn tidy_agent(mut row: AgentRow) -> AgentRow {
    row.groups.sort_unstable();
    row.groups.dedup();
    row.skills.sort_unstable();
    row.skills.dedup();
    if let Some(channels) = &mut row.channels {
        channels.sort_unstable();
        channels.dedup();
    }
    row
}
