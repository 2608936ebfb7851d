//! What becomes of a conversation because it waits: another group, a wider search, more weight, and whom it is told to.
//! It is never dropped.

use crate::decision::{Act, Reason};
use crate::index;
use crate::outcome::{Answer, Notice};
use crate::policy::{Policy, WaitAction};
use crate::row::ConvRow;
use crate::work::{Work, asked_anew};
use ronda_domain::conversation::Place;
use ronda_domain::{ConversationId, GroupId};

impl Work<'_> {
    /// Looks at what came to wait: whether anybody is in its group (row 68), and can do what is asked for (row 72).
    pub fn find_groups(&mut self) {
        while let Some(conv) = self.came.pop_first() {
            let waits = |c: &&ConvRow| c.place == Place::Waiting && c.reserved_for.is_none();
            let Some(old) = self.s.conv(conv).filter(waits).cloned() else {
                continue;
            };
            let rules = self.s.rules();
            if !rules.policy_of(&old).enabled {
                continue;
            }
            let home = rules.home(old.group);
            match home.filter(|g| !self.s.index.is_peopled(*g)) {
                None => self.told_of_skills(&old),
                Some(group) => match self.next_peopled(&old, group) {
                    Some(to) => self.flow(&old, group, to, true),
                    None => self.notices.push(Notice::EmptyGroup {
                        conversation: conv,
                        group,
                    }),
                },
            }
        }
    }

    fn told_of_skills(&mut self, conv: &ConvRow) {
        if conv.keep.needs.is_empty() {
            return;
        }
        let funnel = self.funnel(&self.s.rules().scope_of(conv), &index::lane(conv));
        let nobody = funnel.skills.iter().filter(|s| s.have == 0);
        self.notices.extend(nobody.map(|s| Notice::NobodyHasSkill {
            conversation: conv.conv,
            skill: s.skill,
            members: funnel.members,
        }));
    }

    /// The first group with somebody in it: along the overflow, then the default.
    fn next_peopled(&self, conv: &ConvRow, from: GroupId) -> Option<GroupId> {
        let groups = &self.s.groups;
        let mut seen = conv.keep.via.clone();
        seen.push(from);
        let mut at = from;
        loop {
            let known = |g: &GroupId| groups.contains_key(g) && !seen.contains(g);
            let overflow = groups.get(&at).and_then(|g| g.overflow).filter(known);
            let default = || groups.values().find(|g| g.default).map(|g| g.group).filter(known);
            let next = overflow.or_else(default)?;
            if self.s.index.is_peopled(next) {
                return Some(next);
            }
            seen.push(next);
            at = next;
        }
    }

    /// It waited in its group for as long as the group says.
    pub fn flow_on(&mut self, conv: ConversationId) {
        let Some(old) = self.s.conv(conv).cloned() else {
            return;
        };
        let group = self.s.rules().home(old.group).and_then(|g| self.s.groups.get(&g));
        if let Some((from, to)) = group.and_then(|g| Some((g.group, self.s.rules().flows_to(&old, g)?))) {
            self.flow(&old, from, to, false);
        }
    }

    /// Another group is asked, from the beginning; the place in the queue stays.
    fn flow(&mut self, old: &ConvRow, from: GroupId, to: GroupId, empty: bool) {
        let mut row = ConvRow {
            group: Some(to),
            epoch: old.epoch.next(),
            round: 0,
            exhausted: false,
            missed: Vec::new(),
            ..old.clone()
        };
        row.keep.level = 0;
        row.keep.step = 0;
        row.keep.step_since = Some(self.now());
        row.keep.asked_since = Some(self.now());
        row.keep.via.push(from);
        let funnel = self.funnel(&self.s.rules().scope_of(&row), &index::lane(&row));
        self.decide(old, &row, Act::Overflow, Reason::Overflow { from, to, empty }, funnel);
        self.put(row);
    }

    /// The next step of its wait (rows 71–73).
    pub fn widen(&mut self, conv: ConversationId) {
        let Some(old) = self.s.conv(conv).cloned() else {
            return;
        };
        let steps = &self.s.rules().policy_of(&old).steps;
        let Some(step) = steps.get(usize::from(old.keep.step)) else {
            return;
        };
        let reason = Reason::Step {
            step: old.keep.step.saturating_add(1),
            skills_dropped: step.drop_skills,
            groups: step.add_groups.iter().copied().collect(),
            raise_minutes: step.raise_minutes,
        };
        let mut row = old.clone();
        raise(&mut row, step.raise_minutes);
        row.keep.step = old.keep.step.saturating_add(1);
        row.keep.step_since = Some(self.now());
        let funnel = self.funnel(&self.s.rules().scope_of(&row), &index::lane(&row));
        self.decide(&old, &row, Act::Widen, reason, funnel);
        self.put(row);
    }

    /// The longest wait is over (row 71).
    pub fn waited_out(&mut self, conv: ConversationId) {
        let Some(old) = self.s.conv(conv).cloned() else {
            return;
        };
        let policy: &Policy = self.s.rules().policy_of(&old);
        let Some(longest) = policy.max_wait.clone() else {
            return;
        };
        let action = longest.action;
        let mut row = old.clone();
        row.keep.waited_out = true;
        match action {
            WaitAction::Widen => {
                let rest = policy.steps.iter().skip(usize::from(old.keep.step));
                raise(
                    &mut row,
                    rest.fold(0, |sum: u32, s| sum.saturating_add(s.raise_minutes)),
                );
                row.keep.step = u8::try_from(policy.steps.len()).unwrap_or(u8::MAX).max(old.keep.step);
                row.keep.step_since = Some(self.now());
            }
            WaitAction::Raise => raise(&mut row, crate::defaults::MAX_PRIORITY_MINUTES),
            WaitAction::TellCustomer | WaitAction::OfferCallback | WaitAction::OfferForm => {}
            WaitAction::ReturnToBot => row = self.leave(&old, Place::Bot),
        }
        let waited_ms = old.waiting_since.map_or(0, |since| self.now().since(since));
        self.notices.push(Notice::WaitOver {
            conversation: conv,
            group: old.group,
            waited_ms,
            action,
            text: longest.text.filter(|_| action.speaks()),
        });
        let act = if action == WaitAction::ReturnToBot {
            Act::ReturnToBot
        } else {
            Act::WaitOver
        };
        let funnel = self.funnel(&self.s.rules().scope_of(&old), &index::lane(&old));
        self.decide(&old, &row, act, Reason::LongestWait { waited_ms, action }, funnel);
        self.put(row);
    }

    /// Nobody has shown life since its rounds were used up: more people are told (row 10).
    pub fn escalate(&mut self, conv: ConversationId) {
        let Some(old) = self.s.conv(conv).cloned() else {
            return;
        };
        let mut row = old.clone();
        row.keep.level = old.keep.level.saturating_add(1);
        // The first level was told when the rounds were used up.
        let level = row.keep.level.saturating_add(1);
        self.notices.push(Notice::Escalated {
            conversation: conv,
            group: old.group,
            level,
        });
        let funnel = self.funnel(&self.s.rules().scope_of(&old), &index::lane(&old));
        self.decide(&old, &row, Act::Escalate, Reason::StillExhausted { level }, funnel);
        self.put(row);
    }

    /// A promise to its customer is broken: it counts as older while it waits, and another group may be asked.
    pub fn promise_broken(&mut self, conv: ConversationId, raise_minutes: u32, to: Option<GroupId>) -> Answer {
        let Some(old) = self.s.conv(conv).cloned() else {
            return self.ok(conv);
        };
        let to = to.filter(|g| old.group != Some(*g) && self.s.groups.contains_key(g));
        let Some(group) = to else {
            if old.place == Place::Waiting && raise_minutes > 0 {
                let mut row = old.clone();
                raise(&mut row, raise_minutes);
                let reason = Reason::PromiseBroken { raise_minutes, to };
                self.decide(&old, &row, Act::Raise, reason, crate::decision::Funnel::default());
                self.put(row);
            }
            return self.ok(conv);
        };
        // As after a transfer to a group, without anybody who gave it away.
        let mut row = self.unowned(&ConvRow {
            group: Some(group),
            round: 0,
            missed: old.owner.into_iter().collect(),
            ..old.clone()
        });
        row.keep.previous = None;
        asked_anew(&mut row);
        raise(&mut row, raise_minutes);
        let funnel = self.funnel(&self.s.rules().scope_of(&row), &index::lane(&row));
        self.decide(
            &old,
            &row,
            Act::Overflow,
            Reason::PromiseBroken { raise_minutes, to },
            funnel,
        );
        self.put(row);
        self.ok(conv)
    }

    /// The reply window of its channel ends soon (row 65): its place rises, stepwise.
    pub fn window_ends(&mut self, conv: ConversationId) {
        let Some((old, ends)) = self
            .s
            .conv(conv)
            .cloned()
            .and_then(|c| c.keep.window_ends.map(|e| (c, e)))
        else {
            return;
        };
        let step = crate::defaults::WINDOW_STEPS.get(usize::from(old.keep.window_step));
        let Some((minutes, raise_minutes)) = step.copied() else {
            return;
        };
        let mut row = old.clone();
        row.keep.window_step = old.keep.window_step.saturating_add(1);
        self.notices.push(Notice::WindowEnds {
            conversation: conv,
            owner: old.owner,
            ends,
            minutes,
        });
        let reason = Reason::WindowEnds { ends, raise_minutes };
        self.decide(&old, &row, Act::Raise, reason, crate::decision::Funnel::default());
        self.put(row);
    }
}

/// Gives a head start, up to the largest.
fn raise(row: &mut ConvRow, minutes: u32) {
    let raised = row.keep.raised_minutes.saturating_add(minutes);
    row.keep.raised_minutes = raised.min(crate::defaults::MAX_PRIORITY_MINUTES);
}
