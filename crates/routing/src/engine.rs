//! The steps: time first, then the fact, and after each of them everything that becomes possible.

use crate::defaults as d;
use crate::fact::{Fact, HoursScope, Input};
use crate::index::Due;
use crate::outcome::{Answer, Outcome};
use crate::state::State;
use crate::work::Work;
use ronda_domain::Ms;
use std::collections::BTreeSet;

/// One input.
pub fn step(state: &mut State, input: &Input) -> Outcome {
    run(state, std::slice::from_ref(input))
}

/// A batch of inputs, as a fold of single steps with their effects summed.
pub fn run(state: &mut State, inputs: &[Input]) -> Outcome {
    let mut work = Work::new(state);
    let mut results = Vec::with_capacity(inputs.len());
    for input in inputs {
        results.push((input.seq, work.input(input)));
    }
    work.finish(results)
}

/// The same on a copy.
#[must_use]
pub fn plan(state: &State, inputs: &[Input]) -> (State, Outcome) {
    let mut copy = state.clone();
    let outcome = run(&mut copy, inputs);
    (copy, outcome)
}

impl Work<'_> {
    pub(crate) fn input(&mut self, input: &Input) -> Answer {
        if input.seq <= self.s.head.input_seq {
            return Answer::Duplicate;
        }
        self.s.head.input_seq = input.seq;
        self.cause = input.seq;
        self.gone.clear();
        self.deadlines = d::DEADLINES;
        let now = self.s.head.at.max(input.at);
        let mut owners = BTreeSet::new();
        let mut opened = Vec::new();
        if let Fact::Gap { lost_ms } = input.fact {
            // Before anything fires: nobody could answer while the installation stood still (row 34).
            opened = self.s.raise(now);
            owners = self.amnesty(lost_ms);
        }
        opened.extend(self.raise(now));
        if let Fact::Gap { lost_ms } = input.fact {
            // After the steps of pacing, which an edited agent would be past.
            self.excuse(owners, lost_ms);
        }
        self.open(&opened);
        self.settle();
        let answer = self.apply(&input.fact);
        self.settle();
        answer
    }

    /// Raises the time and takes the steps of pacing that are due: who has room depends on the time.
    fn raise(&mut self, now: Ms) -> Vec<HoursScope> {
        let opened = self.s.raise(now);
        self.resume();
        let due = self.s.index.due.iter().take_while(|(at, _)| *at <= now);
        let ramps: Vec<_> = due.filter(|(_, d)| matches!(d, Due::Ramp(_))).copied().collect();
        for (at, due) in ramps {
            self.fire(at, due);
        }
        opened
    }

    /// Dispatches, and fires what is due as if each deadline were an input of its own, until nothing is left to do or this
    /// input has fired its share: what is left stays due, and the shell steps again (row 78).
    fn settle(&mut self) {
        loop {
            self.find_groups();
            self.dispatch();
            let first = self.s.index.due.first().copied();
            let Some((at, due)) = first.filter(|(at, _)| *at <= self.now() && self.deadlines > 0) else {
                return;
            };
            self.deadlines -= 1;
            self.fire(at, due);
        }
    }
}
