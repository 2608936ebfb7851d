//! Sets of holidays to fill exceptions with: those of eight countries, computed, and those of a calendar file
//! (spec CP-9). Nothing is stored here: whoever edits a schedule takes what they want into it.

use crate::app::civil::Exception;
use crate::app::{AppError, AppResult};
use jiff::civil::{Date, Weekday, date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The countries with a set.
pub const COUNTRIES: [&str; 8] = ["AR", "BR", "CL", "CO", "ES", "MX", "PE", "UY"];
/// Years for which sets are computed: today's laws are not those of long ago.
pub const YEARS: std::ops::RangeInclusive<i16> = 2024..=2100;
/// Longest calendar in bytes.
const CALENDAR_BYTES: usize = 500_000;
/// Most days taken from one calendar.
const MOST_DAYS: usize = 1_000;
/// Most days of one event of a calendar.
const MOST_DAYS_OF_ONE: usize = 60;

/// The holidays of a country in a year.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HolidaySet {
    pub country: String,
    pub year: i16,
    /// Closed days. Those that fall on the same day every year say so.
    pub items: Vec<Exception>,
    /// What the set leaves out, as a word: `regional`, `bridge_days`, `optional_days`, `working_holidays`.
    pub leaves_out: Vec<&'static str>,
}

/// A calendar file (iCalendar, RFC 5545).
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(as = CalendarFile)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// The text of the file.
    pub text: String,
}

/// What a calendar file had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ImportedHolidays)]
pub struct Imported {
    pub items: Vec<Exception>,
    /// Events that are no closed days.
    pub skipped: Vec<Skipped>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SkippedEvent)]
pub struct Skipped {
    /// The line of the file on which the event begins, from 1.
    pub line: usize,
    pub name: String,
    /// `no_date`, `not_a_day`, `rule`, `cancelled`, `too_long`.
    pub reason: &'static str,
}

/// A holiday while a set is made.
struct Set {
    year: i16,
    easter: Date,
    items: Vec<Exception>,
}

impl Set {
    fn add(&mut self, day: Date, yearly: bool, name: &str) {
        self.items.push(Exception {
            name: name.to_owned(),
            date: day.to_string(),
            yearly,
            spans: Vec::new(),
        });
    }

    /// The same day every year.
    fn fixed(&mut self, month: i8, day: i8, name: &str) {
        self.add(date(self.year, month, day), true, name);
    }

    /// On this day of this year.
    fn this_year(&mut self, day: Date, name: &str) {
        self.add(day, false, name);
    }

    /// Days from Easter Sunday.
    fn easter(&mut self, days: i32, name: &str) {
        self.this_year(plus(self.easter, days), name);
    }

    /// The n-th weekday of a month.
    fn nth(&mut self, month: i8, n: i8, weekday: Weekday, name: &str) {
        if let Ok(day) = date(self.year, month, 1).nth_weekday_of_month(n, weekday) {
            self.this_year(day, name);
        }
    }

    /// Kept on a Monday: the day itself, or the next one (Colombia).
    fn next_monday(&mut self, month: i8, day: i8, name: &str) {
        let day = date(self.year, month, day);
        let ahead = (7 - from_monday(day)) % 7;
        self.this_year(plus(day, ahead), name);
    }
}

fn plus(day: Date, days: i32) -> Date {
    use jiff::ToSpan as _;
    day.checked_add(days.days()).unwrap_or(day)
}

/// 0 on Mondays.
fn from_monday(day: Date) -> i32 {
    i32::from(day.weekday().to_monday_zero_offset())
}

/// Easter Sunday of the Gregorian calendar (the anonymous computus).
#[must_use]
pub fn easter(year: i16) -> Date {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    date(year, (n / 31) as i8, (n % 31 + 1) as i8)
}

/// The holidays of a country.
///
/// # Errors
/// A country or a year without a set.
pub fn of(country: &str, year: i16) -> AppResult<HolidaySet> {
    let make: fn(&mut Set) -> &'static [&'static str] = match country {
        "AR" => argentina,
        "BR" => brazil,
        "CL" => chile,
        "CO" => colombia,
        "ES" => spain,
        "MX" => mexico,
        "PE" => peru,
        "UY" => uruguay,
        _ => {
            let known = COUNTRIES.join(", ");
            return Err(AppError::field("/query/country", "unknown", format!("one of {known}")));
        }
    };
    if !YEARS.contains(&year) {
        let (first, last) = (YEARS.start(), YEARS.end());
        return Err(AppError::field(
            "/query/year",
            "out_of_range",
            format!("from {first} to {last}"),
        ));
    }
    let mut set = Set {
        year,
        easter: easter(year),
        items: Vec::new(),
    };
    let leaves_out = make(&mut set).to_vec();
    set.items.sort_by(|a, b| a.date.cmp(&b.date));
    Ok(HolidaySet {
        country: country.to_owned(),
        year,
        items: set.items,
        leaves_out,
    })
}

/// Laws 27.399 and its decrees; bridge days are fixed by a decree each year.
fn argentina(s: &mut Set) -> &'static [&'static str] {
    s.fixed(1, 1, "Año Nuevo");
    s.easter(-48, "Carnaval");
    s.easter(-47, "Carnaval");
    s.fixed(3, 24, "Día de la Memoria");
    s.easter(-2, "Viernes Santo");
    s.fixed(4, 2, "Día del Veterano y de los Caídos en Malvinas");
    s.fixed(5, 1, "Día del Trabajador");
    s.fixed(5, 25, "Revolución de Mayo");
    s.fixed(6, 20, "Paso a la Inmortalidad del Gral. Belgrano");
    s.fixed(7, 9, "Día de la Independencia");
    s.fixed(12, 8, "Inmaculada Concepción");
    s.fixed(12, 25, "Navidad");
    for (month, day, name) in [
        (6, 17, "Paso a la Inmortalidad del Gral. Güemes"),
        (8, 17, "Paso a la Inmortalidad del Gral. San Martín"),
        (10, 12, "Respeto a la Diversidad Cultural"),
        (11, 20, "Día de la Soberanía Nacional"),
    ] {
        let day = date(s.year, month, day);
        let moved = match from_monday(day) {
            // Tuesday and Wednesday to the Monday before, Thursday and Friday to the one after.
            n @ (1 | 2) => plus(day, -n),
            n @ (3 | 4) => plus(day, 7 - n),
            _ => day,
        };
        s.this_year(moved, name);
    }
    &["bridge_days", "regional"]
}

/// National holidays by law; Carnival and Corpus Christi are days off by custom only.
fn brazil(s: &mut Set) -> &'static [&'static str] {
    s.fixed(1, 1, "Confraternização Universal");
    s.easter(-2, "Paixão de Cristo");
    s.fixed(4, 21, "Tiradentes");
    s.fixed(5, 1, "Dia do Trabalho");
    s.fixed(9, 7, "Independência do Brasil");
    s.fixed(10, 12, "Nossa Senhora Aparecida");
    s.fixed(11, 2, "Finados");
    s.fixed(11, 15, "Proclamação da República");
    s.fixed(11, 20, "Dia Nacional de Zumbi e da Consciência Negra");
    s.fixed(12, 25, "Natal");
    &["optional_days", "regional"]
}

fn chile(s: &mut Set) -> &'static [&'static str] {
    s.fixed(1, 1, "Año Nuevo");
    s.easter(-2, "Viernes Santo");
    s.easter(-1, "Sábado Santo");
    s.fixed(5, 1, "Día del Trabajo");
    s.fixed(5, 21, "Día de las Glorias Navales");
    // The day of the winter solstice.
    let solstice = if s.year % 4 <= 1 { 20 } else { 21 };
    s.this_year(date(s.year, 6, solstice), "Día de los Pueblos Indígenas");
    for (month, day, name) in [(6, 29, "San Pedro y San Pablo"), (10, 12, "Encuentro de Dos Mundos")] {
        let day = date(s.year, month, day);
        let moved = match from_monday(day) {
            n @ (1..=3) => plus(day, -n),
            4 => plus(day, 3),
            _ => day,
        };
        s.this_year(moved, name);
    }
    s.fixed(7, 16, "Virgen del Carmen");
    s.fixed(8, 15, "Asunción de la Virgen");
    s.fixed(9, 18, "Independencia Nacional");
    s.fixed(9, 19, "Glorias del Ejército");
    for (day, weekday) in [(17, Weekday::Monday), (20, Weekday::Friday)] {
        if date(s.year, 9, day).weekday() == weekday {
            s.this_year(date(s.year, 9, day), "Fiestas Patrias");
        }
    }
    let churches = date(s.year, 10, 31);
    let moved = match from_monday(churches) {
        1 => plus(churches, -4),
        2 => plus(churches, 2),
        _ => churches,
    };
    s.this_year(moved, "Día de las Iglesias Evangélicas");
    s.fixed(11, 1, "Día de Todos los Santos");
    s.fixed(12, 8, "Inmaculada Concepción");
    s.fixed(12, 25, "Navidad");
    &["regional"]
}

/// Law 51 of 1983 moves most of them to the next Monday.
fn colombia(s: &mut Set) -> &'static [&'static str] {
    s.fixed(1, 1, "Año Nuevo");
    s.next_monday(1, 6, "Reyes Magos");
    s.next_monday(3, 19, "San José");
    s.easter(-3, "Jueves Santo");
    s.easter(-2, "Viernes Santo");
    s.fixed(5, 1, "Día del Trabajo");
    s.easter(43, "Ascensión del Señor");
    s.easter(64, "Corpus Christi");
    s.easter(71, "Sagrado Corazón");
    s.next_monday(6, 29, "San Pedro y San Pablo");
    s.fixed(7, 20, "Día de la Independencia");
    s.fixed(8, 7, "Batalla de Boyacá");
    s.next_monday(8, 15, "Asunción de la Virgen");
    s.next_monday(10, 12, "Día de la Raza");
    s.next_monday(11, 1, "Todos los Santos");
    s.next_monday(11, 11, "Independencia de Cartagena");
    s.fixed(12, 8, "Inmaculada Concepción");
    s.fixed(12, 25, "Navidad");
    &[]
}

/// The days that all autonomous communities keep; each moves or adds its own.
fn spain(s: &mut Set) -> &'static [&'static str] {
    s.fixed(1, 1, "Año Nuevo");
    s.fixed(1, 6, "Epifanía del Señor");
    s.easter(-2, "Viernes Santo");
    s.fixed(5, 1, "Fiesta del Trabajo");
    s.fixed(8, 15, "Asunción de la Virgen");
    s.fixed(10, 12, "Fiesta Nacional de España");
    s.fixed(11, 1, "Todos los Santos");
    s.fixed(12, 6, "Día de la Constitución");
    s.fixed(12, 8, "Inmaculada Concepción");
    s.fixed(12, 25, "Navidad");
    &["regional"]
}

/// Days of rest of article 74 of the labour law; those of elections are not in it.
fn mexico(s: &mut Set) -> &'static [&'static str] {
    s.fixed(1, 1, "Año Nuevo");
    s.nth(2, 1, Weekday::Monday, "Día de la Constitución");
    s.nth(3, 3, Weekday::Monday, "Natalicio de Benito Juárez");
    s.fixed(5, 1, "Día del Trabajo");
    s.fixed(9, 16, "Día de la Independencia");
    if s.year % 6 == 2 {
        s.this_year(date(s.year, 10, 1), "Transmisión del Poder Ejecutivo Federal");
    }
    s.nth(11, 3, Weekday::Monday, "Día de la Revolución");
    s.fixed(12, 25, "Navidad");
    &["regional", "optional_days"]
}

fn peru(s: &mut Set) -> &'static [&'static str] {
    s.fixed(1, 1, "Año Nuevo");
    s.easter(-3, "Jueves Santo");
    s.easter(-2, "Viernes Santo");
    s.fixed(5, 1, "Día del Trabajo");
    s.fixed(6, 7, "Batalla de Arica y Día de la Bandera");
    s.fixed(6, 29, "San Pedro y San Pablo");
    s.fixed(7, 23, "Día de la Fuerza Aérea");
    s.fixed(7, 28, "Fiestas Patrias");
    s.fixed(7, 29, "Fiestas Patrias");
    s.fixed(8, 6, "Batalla de Junín");
    s.fixed(8, 30, "Santa Rosa de Lima");
    s.fixed(10, 8, "Combate de Angamos");
    s.fixed(11, 1, "Todos los Santos");
    s.fixed(12, 8, "Inmaculada Concepción");
    s.fixed(12, 9, "Batalla de Ayacucho");
    s.fixed(12, 25, "Navidad");
    &["optional_days"]
}

/// The five paid days on which nobody works; the others are working holidays.
fn uruguay(s: &mut Set) -> &'static [&'static str] {
    s.fixed(1, 1, "Año Nuevo");
    s.fixed(5, 1, "Día de los Trabajadores");
    s.fixed(7, 18, "Jura de la Constitución");
    s.fixed(8, 25, "Declaratoria de la Independencia");
    s.fixed(12, 25, "Día de la Familia");
    &["working_holidays"]
}

// Calendar files -------------------------------------------------------------------------------------------------------

/// An event while it is read.
#[derive(Default)]
struct Event {
    line: usize,
    start: Option<(String, bool)>,
    end: Option<String>,
    name: String,
    rule: Option<String>,
    cancelled: bool,
}

/// The closed days of a calendar file: events of whole days, with a yearly repetition or none.
///
/// # Errors
/// A text that is too long, or no calendar.
pub fn read(text: &str) -> AppResult<Imported> {
    if text.len() > CALENDAR_BYTES {
        return Err(AppError::field(
            "/text",
            "too_long",
            format!("at most {CALENDAR_BYTES} bytes"),
        ));
    }
    let lines = unfold(text);
    let is = |line: &str, what: &str| line.trim().eq_ignore_ascii_case(what);
    if !lines
        .iter()
        .any(|(_, l)| is(l.trim_start_matches('\u{feff}'), "BEGIN:VCALENDAR"))
    {
        return Err(AppError::field("/text", "format", "not a calendar file (iCalendar)"));
    }
    let mut found = Imported {
        items: Vec::new(),
        skipped: Vec::new(),
    };
    let mut event: Option<Event> = None;
    // Alarms and the like inside an event have names and dates of their own.
    let mut inner = 0_usize;
    for (number, line) in &lines {
        if is(line, "BEGIN:VEVENT") {
            event = Some(Event {
                line: *number,
                ..Event::default()
            });
            inner = 0;
            continue;
        }
        let Some(e) = &mut event else { continue };
        if is(line, "END:VEVENT") {
            if let Some(e) = event.take() {
                take(&mut found, e);
            }
            continue;
        }
        let upper = line.trim().to_ascii_uppercase();
        if upper.starts_with("BEGIN:") {
            inner += 1;
        } else if upper.starts_with("END:") {
            inner = inner.saturating_sub(1);
        } else if inner == 0 {
            property(e, line);
        }
    }
    if found.items.len() > MOST_DAYS {
        return Err(AppError::field(
            "/text",
            "too_many",
            format!("at most {MOST_DAYS} days"),
        ));
    }
    found
        .items
        .sort_by(|a, b| (&a.date, a.yearly).cmp(&(&b.date, b.yearly)));
    found.items.dedup_by(|a, b| a.date == b.date && a.yearly == b.yearly);
    Ok(found)
}

/// The lines with their numbers; what was folded is one line again.
fn unfold(text: &str) -> Vec<(usize, String)> {
    let mut out: Vec<(usize, String)> = Vec::new();
    for (i, line) in text.lines().enumerate() {
        match (line.strip_prefix([' ', '\t']), out.last_mut()) {
            (Some(more), Some(last)) => last.1.push_str(more),
            _ => out.push((i + 1, line.to_owned())),
        }
    }
    out
}

fn property(e: &mut Event, line: &str) {
    // A parameter may have a colon between quotes.
    let mut quoted = false;
    let colon = line.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == ':' && !quoted
    });
    let Some((colon, _)) = colon else { return };
    let (head, value) = (&line[..colon], &line[colon + 1..]);
    let mut parts = head.split(';');
    let name = parts.next().unwrap_or_default().trim().to_ascii_uppercase();
    let whole_day = parts.any(|p| p.trim().eq_ignore_ascii_case("VALUE=DATE"));
    let value = value.trim();
    match name.as_str() {
        "DTSTART" => e.start = Some((value.to_owned(), whole_day || !value.contains('T'))),
        "DTEND" => e.end = Some(value.to_owned()),
        "SUMMARY" => e.name = unescape(value),
        "RRULE" => e.rule = Some(value.to_ascii_uppercase()),
        "STATUS" => e.cancelled = value.eq_ignore_ascii_case("CANCELLED"),
        _ => {}
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => out.push(' '),
                Some(other) => out.push(other),
                None => {}
            },
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.trim().chars().take(crate::app::hours::NAME_CHARS).collect()
}

/// `20261225` as a date.
fn day(value: &str) -> Option<Date> {
    let digits = value.get(..8).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
    let (year, month, day) = (
        digits[..4].parse().ok()?,
        digits[4..6].parse().ok()?,
        digits[6..].parse().ok()?,
    );
    Date::new(year, month, day).ok()
}

fn take(found: &mut Imported, e: Event) {
    let mut skip = |reason| {
        found.skipped.push(Skipped {
            line: e.line,
            name: e.name.clone(),
            reason,
        });
    };
    if e.cancelled {
        return skip("cancelled");
    }
    let Some((start, whole_day)) = &e.start else {
        return skip("no_date");
    };
    if !whole_day {
        return skip("not_a_day");
    }
    let Some(first) = day(start) else {
        return skip("no_date");
    };
    let yearly = match e.rule.as_deref() {
        None => false,
        Some(rule) => {
            // A rule that says more than "every year on this day" is no day of the year.
            let parts: Vec<&str> = rule.split(';').filter(|p| !p.is_empty()).collect();
            let plain = |p: &&str| {
                matches!(*p, "FREQ=YEARLY" | "INTERVAL=1")
                    || p.starts_with("WKST=")
                    || *p == format!("BYMONTH={}", first.month())
                    || *p == format!("BYMONTHDAY={}", first.day())
            };
            if !parts.contains(&"FREQ=YEARLY") || !parts.iter().all(plain) {
                return skip("rule");
            }
            true
        }
    };
    // The end is the day after the last one.
    let last = e
        .end
        .as_deref()
        .and_then(day)
        .map(|end| plus(end, -1))
        .filter(|last| *last >= first)
        .unwrap_or(first);
    let mut date = first;
    for n in 0.. {
        if n >= MOST_DAYS_OF_ONE {
            return skip("too_long");
        }
        found.items.push(Exception {
            name: e.name.clone(),
            date: date.to_string(),
            yearly,
            spans: Vec::new(),
        });
        if date >= last {
            return;
        }
        date = plus(date, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dates(country: &str, year: i16) -> Vec<String> {
        of(country, year).unwrap().items.into_iter().map(|e| e.date).collect()
    }

    fn named(country: &str, year: i16, name: &str) -> String {
        let set = of(country, year).unwrap();
        set.items.into_iter().find(|e| e.name == name).unwrap().date
    }

    #[test]
    fn cp_9_easter_is_where_the_tables_have_it() {
        for (year, month, day) in [
            (2019, 4, 21),
            (2024, 3, 31),
            (2025, 4, 20),
            (2026, 4, 5),
            (2027, 3, 28),
            (2038, 4, 25),
            (2049, 4, 18),
        ] {
            assert_eq!(easter(year), date(year, month, day));
        }
    }

    #[test]
    fn cp_9_each_country_has_its_holidays() {
        assert_eq!(
            dates("AR", 2026),
            [
                "2026-01-01",
                "2026-02-16",
                "2026-02-17",
                "2026-03-24",
                "2026-04-02",
                "2026-04-03",
                "2026-05-01",
                "2026-05-25",
                "2026-06-15",
                "2026-06-20",
                "2026-07-09",
                "2026-08-17",
                "2026-10-12",
                "2026-11-23",
                "2026-12-08",
                "2026-12-25"
            ]
        );
        assert_eq!(
            dates("CO", 2026),
            [
                "2026-01-01",
                "2026-01-12",
                "2026-03-23",
                "2026-04-02",
                "2026-04-03",
                "2026-05-01",
                "2026-05-18",
                "2026-06-08",
                "2026-06-15",
                "2026-06-29",
                "2026-07-20",
                "2026-08-07",
                "2026-08-17",
                "2026-10-12",
                "2026-11-02",
                "2026-11-16",
                "2026-12-08",
                "2026-12-25"
            ]
        );
        assert_eq!(
            dates("CL", 2026),
            [
                "2026-01-01",
                "2026-04-03",
                "2026-04-04",
                "2026-05-01",
                "2026-05-21",
                "2026-06-21",
                "2026-06-29",
                "2026-07-16",
                "2026-08-15",
                "2026-09-18",
                "2026-09-19",
                "2026-10-12",
                "2026-10-31",
                "2026-11-01",
                "2026-12-08",
                "2026-12-25"
            ]
        );
        assert_eq!(
            dates("MX", 2026),
            [
                "2026-01-01",
                "2026-02-02",
                "2026-03-16",
                "2026-05-01",
                "2026-09-16",
                "2026-11-16",
                "2026-12-25"
            ]
        );
        assert!(dates("MX", 2030).contains(&"2030-10-01".to_owned()));
        assert_eq!(named("CL", 2024, "Fiestas Patrias"), "2024-09-20");
        assert_eq!(named("CL", 2028, "Día de las Iglesias Evangélicas"), "2028-10-27");
        assert_eq!(named("BR", 2026, "Paixão de Cristo"), "2026-04-03");
        assert_eq!(named("PE", 2026, "Jueves Santo"), "2026-04-02");
        assert_eq!(dates("UY", 2026).len(), 5);
        assert_eq!(dates("ES", 2026).len(), 10);
        assert!(of("US", 2026).is_err() && of("AR", 1990).is_err());
    }

    #[test]
    fn cp_9_a_calendar_file_gives_its_days() {
        let text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261225\r\nDTEND;VALUE=DATE:20261226\r\n\
            RRULE:FREQ=YEARLY\r\nSUMMARY:Navidad\\, en fa\r\n milia\r\nBEGIN:VALARM\r\nDTSTART:20200101\r\nSUMMARY:no\r\nEND:VALARM\r\n\
            END:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY;LANGUAGE=es:Semana\r\nDTSTART:20270104\r\nDTEND:20270107\r\nEND:VEVENT\r\n\
            BEGIN:VEVENT\r\nSUMMARY:Reunión\r\nDTSTART;TZID=\"a:b\":20270104T100000\r\nEND:VEVENT\r\n\
            BEGIN:VEVENT\r\nSUMMARY:Tercer lunes\r\nDTSTART;VALUE=DATE:20270104\r\nRRULE:FREQ=YEARLY;BYDAY=3MO\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let found = read(text).unwrap();
        let days: Vec<_> = found
            .items
            .iter()
            .map(|e| (e.name.as_str(), e.date.as_str(), e.yearly))
            .collect();
        assert_eq!(
            days,
            [
                ("Navidad, en familia", "2026-12-25", true),
                ("Semana", "2027-01-04", false),
                ("Semana", "2027-01-05", false),
                ("Semana", "2027-01-06", false)
            ]
        );
        let skipped: Vec<_> = found.skipped.iter().map(|s| (s.line, s.reason)).collect();
        assert_eq!(skipped, [(19, "not_a_day"), (23, "rule")]);
        assert!(read("hola").is_err() && read(&"x".repeat(CALENDAR_BYTES + 1)).is_err());
        assert_eq!(read("BEGIN:VCALENDAR\nEND:VCALENDAR").unwrap().items, []);
    }
}
