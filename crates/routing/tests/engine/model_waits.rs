//! The reference model: what waiting does to a conversation.

use crate::model::Model;
use ronda_domain::conversation::Place;
use ronda_domain::{GroupId, Ms};
use ronda_routing::{Act, ConvRow, WaitAction};

impl Model {
    /// What time does to a conversation, in the order of the engine: step, overflow, longest wait, escalation, window.
    pub fn wakes(&self, c: &ConvRow) -> Vec<(Ms, u8)> {
        let policy = self.policy_of(c);
        let waits = c.place == Place::Waiting && policy.enabled && !c.keep.stale;
        let asks = waits && c.reserved_for.is_none() && !c.exhausted;
        let after = |start: Option<Ms>, seconds: u32| {
            self.add_open(
                c,
                start.or(c.waiting_since).expect("it waits"),
                i64::from(seconds) * 1_000,
            )
        };
        let mut found = Vec::new();
        if let Some(step) = policy.steps.get(usize::from(c.keep.step)).filter(|_| asks) {
            found.extend(after(c.keep.step_since, step.after_seconds).map(|at| (at, 5)));
        }
        if asks && let Some(seconds) = self.on(c).and_then(|(_, _, seconds)| seconds) {
            found.extend(after(c.keep.asked_since, seconds).map(|at| (at, 6)));
        }
        if let Some(longest) = policy.max_wait.as_ref().filter(|_| waits && !c.keep.waited_out) {
            found.extend(after(None, longest.after_seconds).map(|at| (at, 7)));
        }
        let level = usize::from(c.keep.level);
        if waits && c.exhausted && level < policy.escalation_seconds.len() {
            let seconds = policy.escalation_seconds.iter().take(level + 1).sum();
            found.extend(after(None, seconds).map(|at| (at, 8)));
        }
        if let Some(ends) = c.keep.window_ends
            && c.anchor.is_some()
            && c.keep.window_step < 3
        {
            let hours = [4, 2, 1][usize::from(c.keep.window_step)];
            found.push((Ms(ends.0 - hours * 3_600_000), 9));
        }
        found
    }

    /// From which group to which it flows, and after how long.
    fn on(&self, c: &ConvRow) -> Option<(GroupId, GroupId, Option<u32>)> {
        let home = self.target_group(c.group)?;
        let group = self.rows.groups.iter().find(|g| g.group == home)?;
        let to = group.overflow.filter(|to| *to != home && !c.keep.via.contains(to))?;
        let known = self.rows.groups.iter().any(|g| g.group == to);
        known.then_some((home, to, group.overflow_seconds))
    }

    pub fn waited(&mut self, what: u8, old: &ConvRow) {
        let policy = self.policy_of(old).clone();
        let mut row = old.clone();
        let now = Some(self.now());
        match what {
            5 => {
                let step = &policy.steps[usize::from(old.keep.step)];
                row.keep.raised_minutes = (old.keep.raised_minutes + step.raise_minutes).min(1_440);
                row.keep.step += 1;
                row.keep.step_since = now;
                self.change(Act::Widen, old, row);
            }
            6 => {
                let (from, to, _) = self.on(old).expect("it was due");
                self.flow(old, from, to);
            }
            7 => {
                row.keep.waited_out = true;
                let action = policy.max_wait.expect("it was due").action;
                match action {
                    WaitAction::Widen => {
                        let rest = policy.steps.iter().skip(old.keep.step.into());
                        let rest: u32 = rest.map(|s| s.raise_minutes).sum();
                        row.keep.raised_minutes = (old.keep.raised_minutes + rest).min(1_440);
                        row.keep.step = old.keep.step.max(u8::try_from(policy.steps.len()).expect("few"));
                        row.keep.step_since = now;
                    }
                    WaitAction::Raise => row.keep.raised_minutes = 1_440,
                    WaitAction::ReturnToBot => {
                        row = ConvRow {
                            place: Place::Bot,
                            ..self.waiting(old)
                        };
                        return self.change(Act::ReturnToBot, old, row);
                    }
                    _ => {}
                }
                self.change(Act::WaitOver, old, row);
            }
            8 => {
                row.keep.level += 1;
                self.change(Act::Escalate, old, row);
            }
            _ => {
                row.keep.window_step += 1;
                self.change(Act::Raise, old, row);
            }
        }
    }

    fn flow(&mut self, old: &ConvRow, from: GroupId, to: GroupId) {
        let mut row = old.clone();
        row.group = Some(to);
        row.epoch.0 += 1;
        (row.round, row.exhausted, row.missed) = (0, false, Vec::new());
        (row.keep.level, row.keep.step) = (0, 0);
        (row.keep.step_since, row.keep.asked_since) = (Some(self.now()), Some(self.now()));
        row.keep.via.push(from);
        self.change(Act::Overflow, old, row);
    }

    fn peopled(&self, group: GroupId) -> bool {
        self.rows.agents.iter().any(|a| a.active && a.groups.contains(&group))
    }

    /// What waits in a group without anybody is looked at again: of these groups, or of all.
    pub fn look_again(&mut self, groups: Option<Vec<GroupId>>) {
        for c in self.rows.convs.clone() {
            let home = self.target_group(c.group);
            let its = home.filter(|g| groups.as_ref().is_none_or(|x| x.contains(g)));
            if c.place == Place::Waiting && its.is_some_and(|g| !self.peopled(g)) {
                self.came.push(c.conv);
            }
        }
    }

    pub fn find_groups(&mut self) {
        loop {
            self.came.sort();
            self.came.dedup();
            if self.came.is_empty() {
                return;
            }
            let conv = self.came.remove(0);
            let Some(c) = self.conv(conv) else { continue };
            let home = self.target_group(c.group).filter(|g| !self.peopled(*g));
            let (Some(home), true) = (home, c.place == Place::Waiting && c.reserved_for.is_none()) else {
                continue;
            };
            if !self.policy_of(&c).enabled {
                continue;
            }
            let mut seen = c.keep.via.clone();
            let mut at = Some(home);
            while let Some(group) = at {
                seen.push(group);
                let of = |id: GroupId| self.rows.groups.iter().find(|g| g.group == id);
                let known = |g: &GroupId| of(*g).is_some() && !seen.contains(g);
                let over = of(group).and_then(|g| g.overflow).filter(known);
                let default = self
                    .rows
                    .groups
                    .iter()
                    .find(|g| g.default)
                    .map(|g| g.group)
                    .filter(known);
                at = over.or(default);
                if let Some(to) = at.filter(|g| self.peopled(*g)) {
                    self.flow(&c, home, to);
                    at = None;
                }
            }
        }
    }
}
