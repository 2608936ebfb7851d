//! Words by which people are found: without accents, in lower case, and compared by their beginnings (spec AG-12).

use std::collections::BTreeSet;

/// Fewer digits than this are no part of a telephone number.
pub const LEAST_DIGITS: usize = 4;
/// Characters of a word that are kept; a longer one is found by these.
const WORD_CHARS: usize = 40;
/// Words of one text; a name has no more.
const MOST_WORDS: usize = 24;

/// Lower case, and letters of the Latin alphabets without their marks.
#[must_use]
pub fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match bare(c) {
            Some(plain) => out.push_str(plain),
            // Marks that stand apart from their letter.
            None if matches!(c, '\u{300}'..='\u{36f}') => {}
            None => out.push(c),
        }
    }
    out
}

/// A lower-case letter with a mark, as it is typed by who has no key for it.
const fn bare(c: char) -> Option<&'static str> {
    Some(match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' | 'ħ' => "h",
        'ì' | 'í' | 'î' | 'ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'ĵ' => "j",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => "o",
        'œ' => "oe",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'þ' => "th",
        'ù' | 'ú' | 'û' | 'ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => return None,
    })
}

fn cut(word: &str) -> String {
    word.chars().take(WORD_CHARS).collect()
}

/// The words of a text as they are kept: between spaces, and the parts of those that signs divide.
fn of_text(text: &str, found: &mut BTreeSet<String>) {
    let folded = fold(text);
    for word in folded.split_whitespace().take(MOST_WORDS) {
        let trimmed = word.trim_matches(|c: char| !c.is_alphanumeric());
        let parts = trimmed.split(|c: char| !c.is_alphanumeric()).take(MOST_WORDS);
        found.extend(parts.chain([trimmed]).filter(|w| !w.is_empty()).map(cut));
    }
}

/// The words by which a customer is found: of the name, of the address as a whole and in parts, and every end of the
/// telephone number that is long enough, so that any run of its digits is the beginning of one.
#[must_use]
pub fn words(name: &str, email: Option<&str>, phone: Option<&str>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    of_text(name, &mut found);
    of_text(email.unwrap_or_default(), &mut found);
    let digits: String = phone.unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    let ends = (0..digits.len()).map(|from| &digits[from..]);
    found.extend(ends.filter(|end| end.len() >= LEAST_DIGITS).map(cut));
    found
}

/// What somebody asks for: the beginnings of words, all of which a customer has to have; and, when it may be part of a
/// telephone number, its digits, which alone are enough.
#[must_use]
pub fn asked(q: &str) -> (Vec<String>, Option<String>) {
    let mut beginnings: Vec<String> = fold(q)
        .split_whitespace()
        .map(|word| cut(word.trim_matches(|c: char| !c.is_alphanumeric())))
        .filter(|word| !word.is_empty())
        .take(MOST_WORDS)
        .collect();
    beginnings.sort_unstable();
    beginnings.dedup();
    let digits: String = q.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0');
    let only = q.chars().all(|c| c.is_ascii_digit() || " +-().".contains(c));
    let number = (only && digits.len() >= LEAST_DIGITS).then(|| digits.to_owned());
    (beginnings, number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ag_12_words_have_no_accents_and_no_case() {
        assert_eq!(fold("Núñez ÀÇÃO Straße"), "nunez acao strasse");
        assert_eq!(fold("N\u{303}andu\u{301}"), "nandu");
        let found = words(
            "María-José  O'Neil",
            Some("MJ.oneil@Example.com"),
            Some("+54 9 11 5555-0000"),
        );
        for word in [
            "maria-jose",
            "maria",
            "jose",
            "o'neil",
            "neil",
            "mj.oneil@example.com",
            "example",
            "5550000",
        ] {
            assert!(found.contains(word), "{word}: {found:?}");
        }
        assert!(!found.contains("000"), "three digits are no number");
        assert!(words("", None, None).is_empty());
    }

    #[test]
    fn ag_12_2_what_is_asked_for() {
        assert_eq!(
            asked("  Núñez MARTA marta "),
            (vec!["marta".into(), "nunez".into()], None)
        );
        assert_eq!(asked("011 5555-0000").1.as_deref(), Some("1155550000"));
        assert_eq!(asked("+54 9 11 5555 0000").1.as_deref(), Some("5491155550000"));
        assert_eq!(asked("123").1, None);
        assert_eq!(asked("%_").0, Vec::<String>::new());
    }
}
