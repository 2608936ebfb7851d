//! Who is at work, for the saturation guard (row 14): kept with every change, so that an expiry looks at nobody.
//!
//! "At work" is whoever answered or typed within one time to answer. Policies have different times, so there is one
//! [`Team`] for each of them. Time takes people out: [`Busy::rest`] is told of it before anything else happens.

use crate::row::AgentRow;
use ronda_domain::{AgentId, Ms};
use std::collections::{BTreeMap, BTreeSet};

/// What is counted of an agent: their last work, and what a first reply takes them when that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    at: Option<Ms>,
    reply_ms: Option<i64>,
}

impl Work {
    pub const fn of(agent: &AgentRow) -> Self {
        Self {
            at: agent.keep.worked_at,
            reply_ms: agent.keep.reply_ms,
        }
    }

    /// Whether it was within `whole_ms` before `now`.
    pub fn is_fresh(self, now: Ms, whole_ms: i64) -> bool {
        self.ends(whole_ms).is_some_and(|ends| ends > now)
    }

    fn ends(self, whole_ms: i64) -> Option<Ms> {
        self.at.map(|at| at.plus(whole_ms))
    }
}

/// The agents who are at work, by one time to answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Team {
    pub agents: u32,
    /// Clocks that run for them.
    pub clocks: u32,
    /// What a first reply takes those of whom it is known: the faster half, the middle one included.
    fast: BTreeSet<(i64, AgentId)>,
    /// The slower half.
    slow: BTreeSet<(i64, AgentId)>,
}

impl Team {
    /// What a first reply takes the middle one of them; the faster of two.
    pub fn median_ms(&self) -> Option<i64> {
        self.fast.last().map(|(ms, _)| *ms)
    }

    fn join(&mut self, agent: AgentId, reply_ms: Option<i64>, clocks: u32) {
        self.agents += 1;
        self.clocks = self.clocks.saturating_add(clocks);
        if let Some(ms) = reply_ms {
            self.slow.insert((ms, agent));
            self.fast.extend(self.slow.pop_first());
            self.balance();
        }
    }

    fn leave(&mut self, agent: AgentId, reply_ms: Option<i64>, clocks: u32) {
        self.agents = self.agents.saturating_sub(1);
        self.clocks = self.clocks.saturating_sub(clocks);
        if let Some(ms) = reply_ms {
            if !self.fast.remove(&(ms, agent)) {
                self.slow.remove(&(ms, agent));
            }
            self.balance();
        }
    }

    /// As many in both halves, or one more in the faster.
    fn balance(&mut self) {
        while self.fast.len() > self.slow.len() + 1 {
            self.slow.extend(self.fast.pop_last());
        }
        while self.fast.len() < self.slow.len() {
            self.fast.extend(self.slow.pop_first());
        }
    }
}

/// All teams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Busy {
    /// By time to answer, in milliseconds.
    teams: BTreeMap<i64, Team>,
    /// When whom which team loses unless they work again.
    ends: BTreeSet<(Ms, i64, AgentId)>,
}

impl Busy {
    /// Nobody at work; a team for each of these times to answer.
    pub fn by(times: impl Iterator<Item = i64>) -> Self {
        Self {
            teams: times.map(|ms| (ms, Team::default())).collect(),
            ends: BTreeSet::new(),
        }
    }

    pub fn team(&self, whole_ms: i64) -> Option<&Team> {
        self.teams.get(&whole_ms)
    }

    /// Counts an agent in each team they are at work for, with the clocks that run for them.
    pub fn join(&mut self, now: Ms, agent: AgentId, work: Work, clocks: u32) {
        for (whole_ms, team) in &mut self.teams {
            if let Some(ends) = work.ends(*whole_ms).filter(|ends| *ends > now) {
                self.ends.insert((ends, *whole_ms, agent));
                team.join(agent, work.reply_ms, clocks);
            }
        }
    }

    pub fn leave(&mut self, agent: AgentId, work: Work, clocks: u32) {
        for (whole_ms, team) in &mut self.teams {
            if let Some(ends) = work.ends(*whole_ms)
                && self.ends.remove(&(ends, *whole_ms, agent))
            {
                team.leave(agent, work.reply_ms, clocks);
            }
        }
    }

    /// One clock more or less runs for an agent.
    pub fn clock(&mut self, agent: AgentId, work: Work, more: bool) {
        for (whole_ms, team) in &mut self.teams {
            if let Some(ends) = work.ends(*whole_ms)
                && self.ends.contains(&(ends, *whole_ms, agent))
            {
                team.clocks = if more {
                    team.clocks.saturating_add(1)
                } else {
                    team.clocks.saturating_sub(1)
                };
            }
        }
    }

    /// It is `now`: whoever has not worked for the whole time is in the team no more. `known` says what is counted of an
    /// agent, and how many clocks run for them.
    pub fn rest(&mut self, now: Ms, known: impl Fn(AgentId) -> (Work, u32)) {
        while let Some(&(ends, whole_ms, agent)) = self.ends.first().filter(|(ends, ..)| *ends <= now) {
            self.ends.remove(&(ends, whole_ms, agent));
            let (work, clocks) = known(agent);
            if let Some(team) = self.teams.get_mut(&whole_ms) {
                team.leave(agent, work.reply_ms, clocks);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(at: i64, reply_ms: i64) -> Work {
        Work {
            at: Some(Ms(at)),
            reply_ms: Some(reply_ms),
        }
    }

    #[test]
    fn the_median_is_the_faster_of_the_middle_ones_whatever_the_order() {
        for order in [[1, 2, 3, 4], [4, 3, 2, 1], [2, 4, 1, 3]] {
            let mut busy = Busy::by([100].into_iter());
            for n in order {
                busy.join(Ms(0), AgentId(n), work(0, n * 10), 1);
            }
            let team = busy.team(100).expect("one");
            assert_eq!((team.agents, team.clocks, team.median_ms()), (4, 4, Some(20)));
            busy.leave(AgentId(1), work(0, 10), 1);
            let team = busy.team(100).expect("one");
            assert_eq!((team.agents, team.clocks, team.median_ms()), (3, 3, Some(30)));
        }
    }

    #[test]
    fn each_time_to_answer_forgets_at_its_own_time() {
        let mut busy = Busy::by([100, 300].into_iter());
        busy.join(Ms(50), AgentId(1), work(0, 10), 2);
        busy.clock(AgentId(1), work(0, 10), true);
        busy.rest(Ms(99), |_| (work(0, 10), 3));
        assert_eq!(busy.team(100).map(|t| (t.agents, t.clocks)), Some((1, 3)));
        busy.rest(Ms(100), |_| (work(0, 10), 3));
        assert_eq!(busy.team(100), Some(&Team::default()));
        assert_eq!(busy.team(300).map(|t| (t.agents, t.clocks)), Some((1, 3)));
        assert!(!work(0, 10).is_fresh(Ms(100), 100) && work(0, 10).is_fresh(Ms(99), 100));
    }
}
