//! Business hours as people write them, in the time of a place, and the instants they mean (spec CP-9, routing rows 40
//! and 41). Pure: a schedule, a zone and a stretch of time in, open spans out.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use ronda_domain::Ms;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// One stretch of a day, `from` before `to` on the clock of the wall. `to` may be `24:00`; a `to` that is not after
/// `from` is on the next day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = HoursSpan)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// `HH:MM`.
    pub from: String,
    /// `HH:MM`, at most `24:00`.
    pub to: String,
}

/// A date on which the week does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = HoursException)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// What the day is called.
    #[serde(default)]
    pub name: String,
    /// `YYYY-MM-DD`.
    pub date: String,
    /// Every year on this day; one that names the year wins.
    #[serde(default)]
    pub yearly: bool,
    /// When it is open instead; none: it is closed.
    #[serde(default)]
    pub spans: Vec<Span>,
}

/// A week and its exceptions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Seven days, Monday first.
    pub week: Vec<Vec<Span>>,
    #[serde(default)]
    pub exceptions: Vec<Exception>,
}

/// Minutes since midnight.
type Minute = u16;
/// The end of a day.
const MIDNIGHT: Minute = 24 * 60;

/// Reads `HH:MM`; `24:00` where a stretch may end.
#[must_use]
pub fn minute(text: &str, end: bool) -> Option<Minute> {
    let (hours, minutes) = text.split_once(':')?;
    let two =
        |part: &str| (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<Minute>());
    let (hours, minutes) = (two(hours)?.ok()?, two(minutes)?.ok()?);
    let all = hours * 60 + minutes;
    let most = if end { MIDNIGHT } else { MIDNIGHT - 1 };
    (minutes < 60 && all <= most).then_some(all)
}

fn clock(minute: Minute) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

impl Span {
    /// Begin and end in minutes from the midnight before; the end is past 24 h when it is on the next day.
    fn minutes(&self) -> Option<(Minute, Minute)> {
        let (from, to) = (minute(&self.from, false)?, minute(&self.to, true)?);
        Some((from, if to <= from { to + MIDNIGHT } else { to }))
    }

    /// Whether it ends on the day after the one on which it begins.
    #[must_use]
    pub fn overnight(&self) -> bool {
        self.minutes().is_some_and(|(_, to)| to > MIDNIGHT)
    }

    fn of((from, to): (Minute, Minute)) -> Self {
        Self {
            from: clock(from),
            to: clock(if to > MIDNIGHT { to - MIDNIGHT } else { to }),
        }
    }
}

/// The stretches of one day in order, those that touch or overlap as one, and whether any were joined.
#[must_use]
pub fn merged(spans: &[Span]) -> (Vec<Span>, bool) {
    let mut all: Vec<_> = spans.iter().filter_map(Span::minutes).collect();
    all.sort_unstable();
    let mut out: Vec<(Minute, Minute)> = Vec::new();
    for (from, to) in all {
        match out.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => out.push((from, to)),
        }
    }
    // Longer than a day would name an end that is before its beginning.
    for span in &mut out {
        span.1 = span.1.min(span.0 + MIDNIGHT);
    }
    let joined = out.len() < spans.len();
    (out.into_iter().map(Span::of).collect(), joined)
}

/// A schedule ready to be asked: its exceptions by date.
#[derive(Clone, Debug, Default)]
pub struct Civil {
    week: [Vec<(Minute, Minute)>; 7],
    dates: BTreeMap<Date, Day>,
    yearly: BTreeMap<(i8, i8), Day>,
}

#[derive(Clone, Debug, Default)]
struct Day {
    name: String,
    spans: Vec<(Minute, Minute)>,
}

impl Civil {
    /// What cannot be read is left out; [`crate::app::hours`] refuses it before it is stored.
    #[must_use]
    pub fn of(schedule: &Schedule) -> Self {
        let mut civil = Self::default();
        for (day, spans) in civil.week.iter_mut().zip(&schedule.week) {
            day.extend(spans.iter().filter_map(Span::minutes));
        }
        for e in &schedule.exceptions {
            let Ok(date) = e.date.parse::<Date>() else { continue };
            let day = Day {
                name: e.name.clone(),
                spans: e.spans.iter().filter_map(Span::minutes).collect(),
            };
            if e.yearly {
                civil.yearly.insert((date.month(), date.day()), day);
            } else {
                civil.dates.insert(date, day);
            }
        }
        civil
    }

    fn exception(&self, date: Date) -> Option<&Day> {
        let yearly = || self.yearly.get(&(date.month(), date.day()));
        self.dates.get(&date).or_else(yearly)
    }

    /// The name of the exception of a date, if it has one.
    #[must_use]
    pub fn exception_name(&self, date: Date) -> Option<&str> {
        self.exception(date).map(|day| day.name.as_str())
    }

    /// The stretches that begin on a date, in minutes from its midnight, and those of the night before that reach into
    /// it. An exception decides about all of its date, also about the end of the night before.
    #[must_use]
    pub fn on(&self, date: Date) -> Vec<(Minute, Minute)> {
        let begin = |date: Date| match self.exception(date) {
            Some(day) => &day.spans,
            None => &self.week[day_of(date)],
        };
        let cut = |date: Date| date.tomorrow().is_ok_and(|next| self.exception(next).is_some());
        let ends = cut(date);
        begin(date)
            .iter()
            .map(|(from, to)| (*from, if ends { (*to).min(MIDNIGHT) } else { *to }))
            .collect()
    }

    /// The open spans between two instants in a zone: sorted, disjoint, those that touch as one. A beginning that a
    /// change of the clock skips is shifted forward; of a time that happens twice, a beginning is the first and an end
    /// the second (row 40).
    #[must_use]
    pub fn spans(&self, zone: &TimeZone, from: Ms, to: Ms) -> Vec<(Ms, Ms)> {
        let date = |at: Ms| {
            let at = Timestamp::from_millisecond(at.0).unwrap_or_default();
            at.to_zoned(zone.clone()).date()
        };
        // The night before may reach into the first day.
        let mut day = date(from).yesterday().unwrap_or(Date::MIN);
        let last = date(to);
        let mut found: Vec<(Ms, Ms)> = Vec::new();
        while day <= last {
            for (begin, end) in self.on(day) {
                if let (Some(begin), Some(end)) = (opens(zone, day, begin), closes(zone, day, end)) {
                    let span = (begin.max(from), end.min(to));
                    if span.0 < span.1 {
                        found.push(span);
                    }
                }
            }
            match day.tomorrow() {
                Ok(next) => day = next,
                Err(_) => break,
            }
        }
        found.sort_unstable();
        let mut out: Vec<(Ms, Ms)> = Vec::with_capacity(found.len());
        for (begin, end) in found {
            match out.last_mut() {
                Some(before) if begin <= before.1 => before.1 = before.1.max(end),
                _ => out.push((begin, end)),
            }
        }
        out
    }
}

/// Monday is 0.
fn day_of(date: Date) -> usize {
    usize::from(date.weekday().to_monday_zero_offset().unsigned_abs()) % 7
}

fn civil(day: Date, minute: Minute) -> Option<DateTime> {
    let date = if minute >= MIDNIGHT { day.tomorrow().ok()? } else { day };
    let minute = minute % MIDNIGHT;
    let time = Time::new(i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?, 0, 0).ok()?;
    Some(date.to_datetime(time))
}

fn opens(zone: &TimeZone, day: Date, minute: Minute) -> Option<Ms> {
    let at = zone.to_ambiguous_timestamp(civil(day, minute)?).compatible().ok()?;
    Some(Ms(at.as_millisecond()))
}

fn closes(zone: &TimeZone, day: Date, minute: Minute) -> Option<Ms> {
    let at = zone.to_ambiguous_timestamp(civil(day, minute)?).later().ok()?;
    Some(Ms(at.as_millisecond()))
}

/// The midnight with which the day after `at` begins in a zone.
#[must_use]
pub fn next_midnight(zone: &TimeZone, at: Ms) -> Ms {
    let now = Timestamp::from_millisecond(at.0).unwrap_or_default();
    let next = now.to_zoned(zone.clone()).date().tomorrow().ok();
    next.and_then(|day| opens(zone, day, 0))
        .filter(|next| *next > at)
        .unwrap_or(at.plus(Ms::DAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: &str, to: &str) -> Span {
        Span {
            from: from.into(),
            to: to.into(),
        }
    }

    /// Every day the same stretches.
    fn daily(spans: &[(&str, &str)]) -> Schedule {
        let day: Vec<Span> = spans.iter().map(|(from, to)| span(from, to)).collect();
        Schedule {
            week: vec![day; 7],
            exceptions: Vec::new(),
        }
    }

    fn at(text: &str) -> Ms {
        Ms(text.parse::<Timestamp>().unwrap().as_millisecond())
    }

    fn utc(at: Ms) -> String {
        Timestamp::from_millisecond(at.0).unwrap().to_string()
    }

    /// The spans of one local date, written in UTC.
    fn on(schedule: &Schedule, zone: &str, date: &str) -> Vec<(String, String)> {
        let zone = TimeZone::get(zone).unwrap();
        let day: Date = date.parse().unwrap();
        let begin = opens(&zone, day, 0).unwrap();
        let end = opens(&zone, day.tomorrow().unwrap(), 0).unwrap();
        let spans = Civil::of(schedule).spans(&zone, begin, end);
        spans.iter().map(|(from, to)| (utc(*from), utc(*to))).collect()
    }

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect()
    }

    #[test]
    fn row_40_opening_and_closing_on_the_days_the_clock_changes() {
        let nine = daily(&[("09:00", "18:00")]);
        let night = daily(&[("00:30", "02:30")]);
        let cases = [
            // Chile goes back at 24:00 of a Saturday in April and forward at 24:00 of one in September.
            (
                "America/Santiago",
                &nine,
                "2026-04-04",
                &[("2026-04-04T12:00:00Z", "2026-04-04T21:00:00Z")][..],
            ),
            (
                "America/Santiago",
                &nine,
                "2026-04-05",
                &[("2026-04-05T13:00:00Z", "2026-04-05T22:00:00Z")],
            ),
            (
                "America/Santiago",
                &nine,
                "2026-09-06",
                &[("2026-09-06T12:00:00Z", "2026-09-06T21:00:00Z")],
            ),
            // 00:30 does not exist there on that day: it opens an hour later and closes at 02:30 all the same.
            (
                "America/Santiago",
                &night,
                "2026-09-06",
                &[("2026-09-06T04:30:00Z", "2026-09-06T05:30:00Z")],
            ),
            // Paraguay has had one time all year since October 2024.
            (
                "America/Asuncion",
                &nine,
                "2024-10-06",
                &[("2024-10-06T12:00:00Z", "2024-10-06T21:00:00Z")],
            ),
            (
                "America/Asuncion",
                &nine,
                "2025-03-23",
                &[("2025-03-23T12:00:00Z", "2025-03-23T21:00:00Z")],
            ),
            (
                "America/Asuncion",
                &nine,
                "2024-03-24",
                &[("2024-03-24T13:00:00Z", "2024-03-24T22:00:00Z")],
            ),
            (
                "America/Asuncion",
                &nine,
                "2024-03-23",
                &[("2024-03-23T12:00:00Z", "2024-03-23T21:00:00Z")],
            ),
            // Brazil until 2019: midnight itself was skipped.
            (
                "America/Sao_Paulo",
                &nine,
                "2018-11-03",
                &[("2018-11-03T12:00:00Z", "2018-11-03T21:00:00Z")],
            ),
            (
                "America/Sao_Paulo",
                &nine,
                "2018-11-04",
                &[("2018-11-04T11:00:00Z", "2018-11-04T20:00:00Z")],
            ),
            (
                "America/Sao_Paulo",
                &night,
                "2018-11-04",
                &[("2018-11-04T03:30:00Z", "2018-11-04T04:30:00Z")],
            ),
            (
                "America/Sao_Paulo",
                &nine,
                "2019-11-03",
                &[("2019-11-03T12:00:00Z", "2019-11-03T21:00:00Z")],
            ),
            // Mexico without summer time since 2022.
            (
                "America/Mexico_City",
                &nine,
                "2022-04-03",
                &[("2022-04-03T14:00:00Z", "2022-04-03T23:00:00Z")],
            ),
            (
                "America/Mexico_City",
                &nine,
                "2023-04-02",
                &[("2023-04-02T15:00:00Z", "2023-04-03T00:00:00Z")],
            ),
            // Spain: 02:00 is 03:00 in March, 03:00 is 02:00 in October.
            (
                "Europe/Madrid",
                &night,
                "2026-03-29",
                &[("2026-03-28T23:30:00Z", "2026-03-29T01:30:00Z")],
            ),
            (
                "Europe/Madrid",
                &night,
                "2026-10-25",
                &[("2026-10-24T22:30:00Z", "2026-10-25T01:30:00Z")],
            ),
            // Half an hour on Lord Howe: 02:00 is 02:30 in October, 02:00 is 01:30 in April.
            (
                "Australia/Lord_Howe",
                &night,
                "2026-10-04",
                &[("2026-10-03T14:00:00Z", "2026-10-03T15:30:00Z")],
            ),
            (
                "Australia/Lord_Howe",
                &night,
                "2026-04-05",
                &[("2026-04-04T13:30:00Z", "2026-04-04T16:00:00Z")],
            ),
        ];
        for (zone, schedule, date, expect) in cases {
            assert_eq!(on(schedule, zone, date), pairs(expect), "{zone} on {date}");
        }
    }

    #[test]
    fn row_40_a_time_that_happens_twice_opens_at_the_first_and_closes_at_the_second() {
        // In Madrid 02:00 to 03:00 happens twice on 25 October 2026: 00:00Z to 01:00Z and 01:00Z to 02:00Z.
        let twice = daily(&[("02:15", "02:45")]);
        assert_eq!(
            on(&twice, "Europe/Madrid", "2026-10-25"),
            pairs(&[("2026-10-25T00:15:00Z", "2026-10-25T01:45:00Z")])
        );
        // In Santiago 23:00 to 24:00 of 4 April 2026 does.
        let late = daily(&[("22:00", "23:30")]);
        assert_eq!(
            on(&late, "America/Santiago", "2026-04-04"),
            pairs(&[("2026-04-05T01:00:00Z", "2026-04-05T03:30:00Z")])
        );
    }

    #[test]
    fn row_40_a_time_that_does_not_exist_is_shifted_forward() {
        // 02:15 to 02:45 of 29 March 2026 are 03:15 to 03:45.
        let lost = daily(&[("02:15", "02:45")]);
        assert_eq!(
            on(&lost, "Europe/Madrid", "2026-03-29"),
            pairs(&[("2026-03-29T01:15:00Z", "2026-03-29T01:45:00Z")])
        );
    }

    #[test]
    fn row_40_all_day_is_as_long_as_the_day() {
        let always = daily(&[("00:00", "24:00")]);
        let length = |zone: &str, date: &str| -> i64 {
            let zone = TimeZone::get(zone).unwrap();
            let day: Date = date.parse().unwrap();
            let (from, to) = (
                opens(&zone, day, 0).unwrap(),
                opens(&zone, day.tomorrow().unwrap(), 0).unwrap(),
            );
            let spans = Civil::of(&always).spans(&zone, from, to);
            spans.iter().map(|(a, b)| b.since(*a)).sum::<i64>() / Ms::MINUTE
        };
        for (zone, date, minutes) in [
            ("America/Santiago", "2026-04-04", 25 * 60),
            ("America/Santiago", "2026-09-06", 23 * 60),
            ("America/Asuncion", "2024-03-23", 25 * 60),
            ("America/Asuncion", "2024-10-06", 23 * 60),
            ("America/Sao_Paulo", "2018-11-04", 23 * 60),
            ("America/Sao_Paulo", "2019-02-16", 25 * 60),
            ("America/Mexico_City", "2022-10-30", 25 * 60),
            ("Europe/Madrid", "2026-03-29", 23 * 60),
            ("Europe/Madrid", "2026-10-25", 25 * 60),
            ("Australia/Lord_Howe", "2026-10-04", 23 * 60 + 30),
            ("Australia/Lord_Howe", "2026-04-05", 24 * 60 + 30),
            ("America/Argentina/Buenos_Aires", "2026-04-05", 24 * 60),
        ] {
            assert_eq!(length(zone, date), minutes, "{zone} on {date}");
        }
    }

    #[test]
    fn cp_9_2_around_a_change_days_meet_without_a_gap() {
        // A week that is always open is one span, whatever the clock does in it.
        let always = Civil::of(&daily(&[("00:00", "24:00")]));
        for zone in [
            "America/Santiago",
            "America/Asuncion",
            "America/Sao_Paulo",
            "Europe/Madrid",
            "Australia/Lord_Howe",
        ] {
            let zone = TimeZone::get(zone).unwrap();
            for year in [2018, 2019, 2024, 2025, 2026] {
                let (from, to) = (
                    at(&format!("{year}-01-01T00:00:00Z")),
                    at(&format!("{}-01-01T00:00:00Z", year + 1)),
                );
                assert_eq!(always.spans(&zone, from, to), [(from, to)]);
            }
        }
    }

    #[test]
    fn cp_9_5_a_night_belongs_to_the_day_on_which_it_begins() {
        let mut week = vec![Vec::new(); 7];
        week[6] = vec![span("22:00", "06:00")];
        let mut schedule = Schedule {
            week,
            exceptions: Vec::new(),
        };
        let open = |s: &Schedule, zone: &str, time: &str| {
            let zone = TimeZone::get(zone).unwrap();
            let now = at(time);
            !Civil::of(s).spans(&zone, now, now.plus(1)).is_empty()
        };
        let zone = "America/Argentina/Buenos_Aires";
        // 23 November 2026 is a Monday; Buenos Aires is three hours behind.
        for (time, expect) in [
            ("2026-11-23T00:59:59Z", false),
            ("2026-11-23T01:00:00Z", true),
            ("2026-11-23T08:59:00Z", true),
            ("2026-11-23T09:00:00Z", false),
            ("2026-11-24T08:59:00Z", false),
        ] {
            assert_eq!(open(&schedule, zone, time), expect, "{time}");
        }
        // Closed on the Monday: the night ends at its midnight.
        schedule.exceptions = vec![Exception {
            name: "Feriado".into(),
            date: "2026-11-23".into(),
            yearly: false,
            spans: Vec::new(),
        }];
        assert!(open(&schedule, zone, "2026-11-23T02:59:00Z") && !open(&schedule, zone, "2026-11-23T03:00:00Z"));
    }

    #[test]
    fn cp_9_1_a_pause_at_noon_is_closed() {
        let zone = "Europe/Madrid";
        let two = daily(&[("14:00", "18:00"), ("09:00", "13:00")]);
        assert_eq!(
            on(&two, zone, "2026-06-01"),
            pairs(&[
                ("2026-06-01T07:00:00Z", "2026-06-01T11:00:00Z"),
                ("2026-06-01T12:00:00Z", "2026-06-01T16:00:00Z")
            ])
        );
    }

    #[test]
    fn an_exception_that_names_the_year_wins_over_a_yearly_one() {
        let mut s = daily(&[("09:00", "18:00")]);
        let exception = |date: &str, yearly, spans| Exception {
            name: String::new(),
            date: date.into(),
            yearly,
            spans,
        };
        s.exceptions = vec![
            exception("2020-12-24", true, vec![]),
            exception("2026-12-24", false, vec![span("09:00", "12:00")]),
        ];
        assert_eq!(on(&s, "UTC", "2025-12-24"), pairs(&[]));
        assert_eq!(
            on(&s, "UTC", "2026-12-24"),
            pairs(&[("2026-12-24T09:00:00Z", "2026-12-24T12:00:00Z")])
        );
    }

    #[test]
    fn stretches_that_overlap_or_touch_are_one() {
        let of = |list: &[(&str, &str)]| merged(&list.iter().map(|(a, b)| span(a, b)).collect::<Vec<_>>());
        assert_eq!(
            of(&[("12:00", "14:00"), ("09:00", "12:30")]),
            (vec![span("09:00", "14:00")], true)
        );
        assert_eq!(
            of(&[("09:00", "12:00"), ("12:00", "24:00")]),
            (vec![span("09:00", "24:00")], true)
        );
        assert_eq!(
            of(&[("22:00", "06:00"), ("23:00", "23:30")]),
            (vec![span("22:00", "06:00")], true)
        );
        let two = vec![span("09:00", "13:00"), span("14:00", "18:00")];
        assert_eq!(merged(&two), (two, false));
    }

    #[test]
    fn times_are_read_strictly() {
        assert_eq!(
            (minute("09:05", false), minute("24:00", true)),
            (Some(545), Some(1_440))
        );
        for wrong in ["24:00", "9:00", "09:60", "25:00", "0900", "", "09:0a", "-1:00"] {
            assert_eq!(minute(wrong, false), None, "{wrong}");
        }
        assert_eq!(minute("24:01", true), None);
    }

    #[test]
    fn midnight_is_the_first_instant_of_the_next_day() {
        let next = |zone: &str, now: &str| utc(next_midnight(&TimeZone::get(zone).unwrap(), at(now)));
        assert_eq!(
            next("America/Argentina/Buenos_Aires", "2026-11-23T02:59:59Z"),
            "2026-11-23T03:00:00Z"
        );
        // Midnight did not exist: the day began at one.
        assert_eq!(
            next("America/Sao_Paulo", "2018-11-03T12:00:00Z"),
            "2018-11-04T03:00:00Z"
        );
    }
}
