//! Values typed by people: trimmed, normalised and checked, every wrong one named (spec G1, G4).

use crate::app::{AppError, AppResult, FieldError};
use ronda_domain::phone::{self, PhoneError};
use std::ops::RangeInclusive;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The languages of the product (spec G13).
pub const LANGUAGES: [&str; 3] = ["es", "en", "pt-BR"];
/// Longest e-mail address in characters. Source: RFC 5321 §4.5.3.1.
const EMAIL_CHARS: usize = 254;

/// Collects what is wrong with a body, so that a person sees all of it at once.
#[derive(Debug, Default)]
pub struct Fields {
    errors: Vec<FieldError>,
}

/// An e-mail address as typed and as uniqueness is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    pub shown: String,
    pub key: String,
}

impl Fields {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a wrong value.
    pub fn fail(&mut self, pointer: &str, code: &'static str, message: impl Into<String>) {
        self.errors.push(FieldError {
            pointer: pointer.into(),
            code,
            message: message.into(),
        });
    }

    /// A text of `length` Unicode scalar values: trimmed, NFC, no control characters but line breaks.
    pub fn text(&mut self, pointer: &str, raw: &str, length: RangeInclusive<usize>) -> String {
        let text: String = raw.trim().nfc().collect();
        let n = text.chars().count();
        if text.chars().any(|c| c.is_control() && c != '\n') {
            self.fail(pointer, "control_character", "control characters are not allowed");
        } else if n == 0 && *length.start() > 0 {
            self.fail(pointer, "required", "this is needed");
        } else if n < *length.start() {
            self.fail(pointer, "too_short", format!("at least {} characters", length.start()));
        } else if n > *length.end() {
            self.fail(pointer, "too_long", format!("at most {} characters", length.end()));
        }
        text
    }

    /// As [`Fields::text`]; an empty text is `None`.
    pub fn optional(&mut self, pointer: &str, raw: Option<&str>, length: RangeInclusive<usize>) -> Option<String> {
        let raw = raw.map(str::trim).filter(|t| !t.is_empty())?;
        Some(self.text(pointer, raw, length))
    }

    pub fn email(&mut self, pointer: &str, raw: &str) -> Email {
        let shown = self.text(pointer, raw, 1..=EMAIL_CHARS);
        let valid = shown.is_empty() || shown.parse::<lettre::Address>().is_ok();
        if !valid {
            self.fail(pointer, "email", "not an e-mail address");
        }
        Email {
            key: shown.to_lowercase(),
            shown,
        }
    }

    /// A telephone as people write it, or none. Its country may be missing: nothing is sent to it.
    pub fn telephone(&mut self, pointer: &str, raw: Option<&str>) -> Option<String> {
        let shown = self.optional(pointer, raw, 1..=40)?;
        if let Err(e @ PhoneError::NotAPhone) = phone::parse(&shown, None) {
            self.fail(pointer, "phone", e.to_string());
        }
        Some(shown)
    }

    /// A time zone of the IANA database.
    pub fn zone(&mut self, pointer: &str, raw: &str) -> String {
        let zone = raw.trim().to_owned();
        if jiff::tz::TimeZone::get(&zone).is_err() {
            self.fail(
                pointer,
                "zone",
                "not a time zone such as America/Argentina/Buenos_Aires",
            );
        }
        zone
    }

    pub fn language(&mut self, pointer: &str, raw: &str) -> String {
        if !LANGUAGES.contains(&raw) {
            self.fail(pointer, "language", format!("one of {}", LANGUAGES.join(", ")));
        }
        raw.to_owned()
    }

    /// Two letters of ISO 3166-1.
    pub fn country(&mut self, pointer: &str, raw: &str) -> String {
        let country = raw.trim().to_uppercase();
        if country.len() != 2 || !country.bytes().all(|b| b.is_ascii_uppercase()) {
            self.fail(pointer, "country", "two letters such as AR");
        }
        country
    }

    pub fn whole(&mut self, pointer: &str, value: i64, range: RangeInclusive<i64>) -> i64 {
        if !range.contains(&value) {
            let (least, most) = (range.start(), range.end());
            self.fail(pointer, "out_of_range", format!("from {least} to {most}"));
        }
        value
    }

    /// # Errors
    /// [`AppError::Invalid`] with everything noted.
    pub fn done(self) -> AppResult<()> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(AppError::Invalid(self.errors))
        }
    }
}

/// A name as uniqueness is judged: without case, accents and repeated spaces (spec G4).
#[must_use]
pub fn name_key(name: &str) -> String {
    let folded: String = name
        .nfd()
        .filter(|c| !is_combining_mark(*c))
        .collect::<String>()
        .to_lowercase();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A key for URLs and bots made from a name: `[a-z0-9_-]`.
#[must_use]
pub fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name_key(name).chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            out.push(c);
        } else if !out.ends_with('-') {
            out.push('-');
        }
    }
    out.trim_matches('-').to_owned()
}

/// Half of a merge patch: a field that may be left out, set to null, or set to a value.
pub fn nullable<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

use serde::Deserialize as _;

#[cfg(test)]
mod tests {
    use super::*;

    fn code(check: impl FnOnce(&mut Fields)) -> &'static str {
        let mut f = Fields::new();
        check(&mut f);
        match f.done() {
            Ok(()) => "fine",
            Err(AppError::Invalid(errors)) => errors[0].code,
            Err(_) => "other",
        }
    }

    #[test]
    fn texts_are_judged_in_scalar_values_after_trimming() {
        assert_eq!(code(|f| drop(f.text("/name", "  Ana  ", 1..=3))), "fine");
        assert_eq!(code(|f| drop(f.text("/name", "   ", 1..=3))), "required");
        assert_eq!(code(|f| drop(f.text("/name", "ñandú", 1..=4))), "too_long");
        assert_eq!(code(|f| drop(f.text("/name", "a\u{7}b", 1..=9))), "control_character");
        assert_eq!(code(|f| drop(f.text("/name", "a\nb", 1..=9))), "fine");
    }

    #[test]
    fn telephones_are_numbers_as_people_write_them() {
        for (typed, expect) in [
            (Some("+54 11 4444-5555"), "fine"),
            (Some("(011) 4444-5555"), "fine"),
            (Some("   "), "fine"),
            (None, "fine"),
            (Some("call my mother"), "phone"),
            (Some("123"), "phone"),
        ] {
            assert_eq!(code(|f| drop(f.telephone("/phone", typed))), expect, "{typed:?}");
        }
    }

    #[test]
    fn addresses_zones_and_countries() {
        for (email, expect) in [
            ("ana@example.com", "fine"),
            ("ana", "email"),
            ("a b@example.com", "email"),
        ] {
            assert_eq!(code(|f| drop(f.email("/email", email))), expect, "{email}");
        }
        assert_eq!(
            code(|f| drop(f.zone("/zone", "America/Argentina/Buenos_Aires"))),
            "fine"
        );
        assert_eq!(code(|f| drop(f.zone("/zone", "Moon/Base"))), "zone");
        assert_eq!(code(|f| drop(f.country("/country", "ar"))), "fine");
        assert_eq!(code(|f| drop(f.country("/country", "ARG"))), "country");
    }

    #[test]
    fn names_are_equal_without_case_and_accents() {
        assert_eq!(name_key(" Atención  AL Cliente"), "atencion al cliente");
        assert_eq!(slug("Atención al cliente (2)"), "atencion-al-cliente-2");
    }
}
