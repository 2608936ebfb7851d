//! Phone numbers in one form, so that the same person is found however the number was written (spec CORE-6).
//!
//! The form is E.164 with `+`. Three countries write one mobile in several ways, and all of them become one:
//! Argentina (`+549…`, with or without 9 and 15), Brazil (with the ninth digit) and Mexico (without the old 1). What
//! WhatsApp itself calls a person (`wa_id`) is kept apart by the caller and wins for sending.

use serde::{Deserialize, Serialize};

/// A phone number in its compared form: `+` and 7 to 15 digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phone(String);

impl Phone {
    /// E.164 with `+`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits without `+`, as providers name people.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0[1..]
    }
}

impl std::fmt::Display for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a usable phone number. Such a text is kept as typed and never used for sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    #[error("this is not a phone number")]
    NotAPhone,
    /// Neither a country code nor a country to assume.
    #[error("the country of the number is missing")]
    CountryMissing,
    #[error("no number of this country looks like this")]
    Impossible,
}

/// Argentine area codes of three digits; 11 has two, all others have four. Needed to find where an inner 15 begins.
const AR_THREE: &[&str] = &[
    "220", "221", "223", "230", "236", "237", "249", "260", "261", "263", "264", "266", "280", "291", "294", "297",
    "298", "299", "336", "341", "342", "343", "345", "348", "351", "353", "358", "362", "364", "370", "376", "379",
    "380", "381", "383", "385", "387", "388",
];

/// A number as a person typed it. `region` is the ISO code of the country of the channel account, used where the text
/// has no `+` (or `00`).
///
/// # Errors
/// [`PhoneError`] when no number can be read from it.
pub fn parse(typed: &str, region: Option<&str>) -> Result<Phone, PhoneError> {
    let typed = typed.trim();
    if !typed
        .chars()
        .all(|c| c.is_ascii_digit() || " +-–().\u{a0}/\u{202a}\u{202c}\u{2011}".contains(c))
    {
        return Err(PhoneError::NotAPhone);
    }
    let mut digits: String = typed.chars().filter(char::is_ascii_digit).collect();
    if !(6..=18).contains(&digits.len()) {
        return Err(PhoneError::NotAPhone);
    }
    let mut international = typed
        .trim_start_matches(|c: char| !c.is_ascii_digit() && c != '+')
        .starts_with('+');
    if !international && digits.starts_with("00") {
        digits.drain(..2);
        international = true;
    }
    if international {
        return international_number(&digits);
    }
    let region = region.ok_or(PhoneError::CountryMissing)?.to_ascii_uppercase();
    let national = match region.as_str() {
        "AR" => argentina(&digits),
        "BR" => brazil(&digits),
        "MX" => mexico(&digits),
        _ => {
            let id = region.parse().map_err(|_| PhoneError::CountryMissing)?;
            phonenumber::parse(Some(id), &digits)
                .ok()
                .filter(phonenumber::PhoneNumber::is_valid)
                .map(|n| n.format().mode(phonenumber::Mode::E164).to_string())
        }
    };
    match national {
        Some(e164) => Ok(Phone(e164)),
        // People also type the country code without `+`.
        None => international_number(&digits),
    }
}

/// The digits by which a provider names a person: always international, trusted even where our tables do not know the
/// range.
///
/// # Errors
/// [`PhoneError::NotAPhone`] unless there are 7 to 15 digits (a leading `+` is accepted).
pub fn from_provider(digits: &str) -> Result<Phone, PhoneError> {
    let digits = digits.trim().trim_start_matches('+');
    if !(7..=15).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(PhoneError::NotAPhone);
    }
    Ok(Phone(special(digits).unwrap_or_else(|| format!("+{digits}"))))
}

fn international_number(digits: &str) -> Result<Phone, PhoneError> {
    if let Some(e164) = special(digits) {
        return Ok(Phone(e164));
    }
    if ["54", "55", "52"].iter().any(|code| digits.starts_with(code)) {
        return Err(PhoneError::Impossible);
    }
    phonenumber::parse(None, format!("+{digits}"))
        .ok()
        .filter(phonenumber::PhoneNumber::is_valid)
        .map(|n| Phone(n.format().mode(phonenumber::Mode::E164).to_string()))
        .ok_or(PhoneError::Impossible)
}

/// The three countries with several spellings, from international digits.
fn special(digits: &str) -> Option<String> {
    if let Some(rest) = digits.strip_prefix("54") {
        argentina(rest)
    } else if let Some(rest) = digits.strip_prefix("55") {
        brazil(rest)
    } else if let Some(rest) = digits.strip_prefix("52") {
        mexico(rest)
    } else {
        None
    }
}

/// Area and number make ten digits. Fixed lines and mobiles share the plan, so both get the 9 by which WhatsApp and
/// foreign callers reach a mobile; a fixed line on WhatsApp compares equal with itself all the same.
fn argentina(national: &str) -> Option<String> {
    let n = national.strip_prefix('0').unwrap_or(national);
    let n = if n.len() > 10 {
        n.strip_prefix('9').unwrap_or(n)
    } else {
        n
    };
    let n = n.strip_prefix('0').unwrap_or(n);
    let area = match n.get(..3)? {
        a if a.starts_with("11") => 2,
        a if AR_THREE.contains(&a) => 3,
        a if a.starts_with(['2', '3']) => 4,
        _ => return None,
    };
    match n.len() {
        10 => Some(format!("+549{n}")),
        12 if n.get(area..area + 2) == Some("15") => Some(format!("+549{}{}", &n[..area], &n[area + 2..])),
        _ => None,
    }
}

/// Area of two digits; mobiles have nine digits, of which older spellings omit the first.
fn brazil(national: &str) -> Option<String> {
    let n = national.strip_prefix('0').unwrap_or(national);
    let (area, number) = (n.get(..2)?, n.get(2..)?);
    if area.contains('0') {
        return None;
    }
    match (number.len(), number.as_bytes().first()?) {
        (9, b'9') | (8, b'2'..=b'5') => Some(format!("+55{area}{number}")),
        (8, b'6'..=b'9') => Some(format!("+55{area}9{number}")),
        _ => None,
    }
}

/// Ten digits; mobiles once had a 1 in front.
fn mexico(national: &str) -> Option<String> {
    let n = if national.len() == 11 {
        national.strip_prefix('1')?
    } else {
        national
    };
    (n.len() == 10 && matches!(n.as_bytes()[0], b'2'..=b'9')).then(|| format!("+52{n}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_6_3_every_spelling_of_one_mobile_is_one_number() {
        let cases = [
            (
                "AR",
                "+5491155550000",
                &[
                    "+54 9 11 5555-0000",
                    "011 15 5555-0000",
                    "541155550000",
                    "11 5555 0000",
                    "+54 11 15 5555 0000",
                    "0054 9 11 5555 0000",
                    "9 11 5555-0000",
                ][..],
            ),
            (
                "AR",
                "+5493415551234",
                &["0341 15 555-1234", "+54 341 555 1234", "5493415551234"],
            ),
            ("AR", "+5492966421234", &["02966 15 421234", "+54 9 2966 42-1234"]),
            (
                "BR",
                "+5511987654321",
                &["+55 11 98765-4321", "(11) 8765-4321", "551187654321", "011 98765 4321"],
            ),
            ("BR", "+5555987654321", &["55 98765-4321", "+55 55 8765 4321"]),
            ("BR", "+551132654321", &["(11) 3265-4321"]),
            (
                "MX",
                "+525512345678",
                &["+52 1 55 1234 5678", "55 1234 5678", "5215512345678", "52 55 1234 5678"],
            ),
            (
                "IT",
                "+393330001122",
                &["333 000 1122", "+39 333 000 1122", "0039 3330001122"],
            ),
        ];
        for (region, expected, spellings) in cases {
            for typed in spellings {
                assert_eq!(
                    parse(typed, Some(region)).map(|p| p.0),
                    Ok(expected.to_owned()),
                    "{typed} in {region}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_a_number_is_refused_with_its_reason() {
        for typed in [
            "",
            "hola",
            "12",
            "tel: 1155550000",
            "+54 9 11 5555",
            "11 5555 0000 99999999999",
        ] {
            assert!(parse(typed, Some("AR")).is_err(), "{typed}");
        }
        assert_eq!(parse("11 5555 0000", None), Err(PhoneError::CountryMissing));
        assert_eq!(parse("+54 9 11 555", None), Err(PhoneError::Impossible));
    }

    #[test]
    fn the_providers_digits_are_trusted() {
        assert_eq!(from_provider("541155550000").unwrap().as_str(), "+5491155550000");
        assert_eq!(from_provider("551187654321").unwrap().digits(), "5511987654321");
        assert_eq!(from_provider("999123456789").unwrap().as_str(), "+999123456789");
        assert!(from_provider("US.1234").is_err());
    }
}
