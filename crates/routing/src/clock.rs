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
    }
}
