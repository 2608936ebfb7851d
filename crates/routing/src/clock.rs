//! Open time. Calendars stay outside: the shell compiles civil hours and zones into spans of UTC time, and every clock
//! of the engine is computed by [`add_open`].

use ronda_domain::Ms;
use serde::{Deserialize, Serialize};

/// When the workspace is open, compiled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hours {
    /// No hours are set.
    #[default]
    Always,
    /// Sorted, disjoint, non-empty spans `[from, to)`.
    Spans(Vec<(Ms, Ms)>),
}

/// The instant at which `open_ms` milliseconds of open time have passed since `from`; `None` when the compiled spans end
/// before. Outside the spans no time passes.
#[must_use]
pub fn add_open(hours: &Hours, from: Ms, open_ms: i64) -> Option<Ms> {
    let spans = match hours {
        Hours::Always => return Some(from.plus(open_ms)),
        Hours::Spans(spans) => spans,
    };
    let mut left = open_ms.max(0);
    let first = spans.partition_point(|(_, to)| *to <= from);
    for (start, end) in spans.get(first..).unwrap_or_default() {
        let start = (*start).max(from);
        let length = end.since(start);
        if left < length {
            return Some(start.plus(left));
        }
        left -= length;
    }
    None
}

/// Whether it is open at `at`.
#[must_use]
pub fn is_open(hours: &Hours, at: Ms) -> bool {
    next_opening(hours, at).is_none_or(|opens| opens <= at) && !ended(hours, at)
}

/// The first instant from `at` on at which it is open; none when the compiled spans end before, or without hours.
#[must_use]
pub fn next_opening(hours: &Hours, at: Ms) -> Option<Ms> {
    let Hours::Spans(spans) = hours else {
        return None;
    };
    let first = spans.partition_point(|(_, to)| *to <= at);
    spans.get(first).map(|(from, _)| (*from).max(at))
}

/// The first start of a span after `at`.
#[must_use]
pub fn next_start(hours: &Hours, at: Ms) -> Option<Ms> {
    let Hours::Spans(spans) = hours else {
        return None;
    };
    let first = spans.partition_point(|(from, _)| *from <= at);
    spans.get(first).map(|(from, _)| *from)
}

fn ended(hours: &Hours, at: Ms) -> bool {
    matches!(hours, Hours::Spans(spans) if spans.last().is_none_or(|(_, to)| *to <= at))
}

/// Milliseconds of open time from `from` to `to`; none when `to` is earlier.
#[must_use]
pub fn open_between(hours: &Hours, from: Ms, to: Ms) -> i64 {
    let spans = match hours {
        Hours::Always => return to.since(from).max(0),
        Hours::Spans(spans) => spans,
    };
    let first = spans.partition_point(|(_, end)| *end <= from);
    let rest = spans.get(first..).unwrap_or_default().iter();
    rest.take_while(|(start, _)| *start < to)
        .map(|(start, end)| (*end).min(to).since((*start).max(from)).max(0))
        .fold(0, i64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn always_open_adds_plainly() {
        assert_eq!(add_open(&Hours::Always, Ms(5), 60), Some(Ms(65)));
    }

    #[test]
    fn closed_time_does_not_count() {
        let hours = Hours::Spans(vec![(Ms(100), Ms(200)), (Ms(300), Ms(400))]);
        assert_eq!(add_open(&hours, Ms(0), 10), Some(Ms(110)));
        assert_eq!(add_open(&hours, Ms(150), 60), Some(Ms(310)));
        assert_eq!(add_open(&hours, Ms(250), 0), Some(Ms(300)));
        assert_eq!(add_open(&hours, Ms(350), 60), None);
        assert_eq!(
            [99, 100, 199, 200, 300, 400].map(|at| is_open(&hours, Ms(at))),
            [false, true, true, false, true, false]
        );
        assert_eq!(
            [50, 150, 200, 400].map(|at| next_opening(&hours, Ms(at))),
            [Some(Ms(100)), Some(Ms(150)), Some(Ms(300)), None]
        );
        assert_eq!(open_between(&hours, Ms(150), Ms(310)), 60);
        assert_eq!(open_between(&hours, Ms(310), Ms(150)), 0);
    }
}
