//! The steps.
use crate::fact::Input;
use crate::outcome::{Answer, Outcome};
use crate::state::State;

/// One input.
pub fn step(state: &mut State, input: &Input) -> Outcome {
    run(state, std::slice::from_ref(input))
}

/// A batch of inputs, as a fold of single steps with their effects summed.
pub fn run(state: &mut State, inputs: &[Input]) -> Outcome {
    let head_before = state.head;
    let mut results = Vec::new();
    for input in inputs {
        state.head.input_seq = state.head.input_seq.max(input.seq);
        state.head.at = state.head.at.max(input.at);
        results.push((
            input.seq,
            Answer::Ok {
                epoch: None,
                owner: None,
            },
        ));
    }
    Outcome {
        results,
        next_due: state.next_due(),
        hash: state.hash(),
        head_before,
        head: state.head,
        ..Outcome::default()
    }
}

/// The same on a copy.
#[must_use]
pub fn plan(state: &State, inputs: &[Input]) -> (State, Outcome) {
    let mut copy = state.clone();
    let outcome = run(&mut copy, inputs);
    (copy, outcome)
}
