//! What a password must be (spec CP-6): 10 to 128 characters, and not one that everybody tries first.

use crate::app::Fields;
use crate::app::fields::name_key;

const LENGTH: std::ops::RangeInclusive<usize> = 10..=128;

/// One password a line, lower case.
const COMMON: &str = include_str!("common_passwords.txt");

/// Notes what is wrong with `password`. `about` is what others know of its owner: address, name, company.
pub fn check(fields: &mut Fields, pointer: &str, password: &str, about: &[&str]) {
    let n = password.chars().count();
    if n < *LENGTH.start() {
        return fields.fail(pointer, "too_short", format!("at least {} characters", LENGTH.start()));
    }
    if n > *LENGTH.end() {
        return fields.fail(pointer, "too_long", format!("at most {} characters", LENGTH.end()));
    }
    if is_common(password) {
        return fields.fail(pointer, "common", "this password is among the first that are tried");
    }
    let plain = name_key(password);
    let known = about
        .iter()
        .flat_map(|a| [name_key(a), name_key(a.split('@').next().unwrap_or(a))])
        .any(|a| !a.is_empty() && (plain == a || plain.replace(char::is_numeric, "") == a));
    if known {
        fields.fail(pointer, "personal", "not your own name or address");
    }
}

/// On the list as it is, with digits or signs around it, or one short pattern repeated.
fn is_common(password: &str) -> bool {
    let lower = password.to_lowercase();
    let core = lower.trim_matches(|c: char| !c.is_alphabetic());
    let listed = |text: &str| !text.is_empty() && COMMON.lines().any(|l| l == text);
    listed(&lower) || listed(core) || repeats(&lower) || runs(&lower)
}

/// `aaaaaaaaaa`, `abcabcabcabc`.
fn repeats(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (1..=4).any(|period| chars.len() > 2 * period && chars.iter().zip(&chars[period..]).all(|(a, b)| a == b))
}

/// `0123456789`, `jihgfedcba`.
fn runs(text: &str) -> bool {
    let codes: Vec<i64> = text.chars().map(|c| i64::from(u32::from(c))).collect();
    // After 9 comes 0, as on the keyboard.
    let up = |a: i64, b: i64| b - a == 1 || (a, b) == (57, 48);
    let all = |next: &dyn Fn(i64, i64) -> bool| codes.windows(2).all(|w| next(w[0], w[1]));
    codes.len() > 1 && (all(&up) || all(&|a, b| up(b, a)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::AppError;

    fn verdict(password: &str) -> &'static str {
        let mut f = Fields::new();
        check(&mut f, "/password", password, &["ana.lopez@example.com", "Ana López"]);
        match f.done() {
            Ok(()) => "fine",
            Err(AppError::Invalid(e)) => e[0].code,
            Err(_) => "other",
        }
    }

    #[test]
    fn cp_6_passwords_are_long_and_not_the_first_that_are_tried() {
        let cases = [
            ("short", "too_short"),
            ("correct horse battery", "fine"),
            ("ñandúes-y-patos", "fine"),
            ("1234567890", "common"),
            ("0987654321", "common"),
            ("aaaaaaaaaaaa", "common"),
            ("abcabcabcabc", "common"),
            ("Password2024!", "common"),
            ("qwertyuiop", "common"),
            ("contraseña123", "common"),
            ("ana.lopez2024", "personal"),
            ("ana lopez", "too_short"),
        ];
        for (password, expect) in cases {
            assert_eq!(verdict(password), expect, "{password}");
        }
        assert_eq!(verdict(&"xy-".repeat(43)), "too_long");
    }
}
