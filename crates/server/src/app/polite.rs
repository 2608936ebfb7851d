//! What counts as a polite ending of a conversation (spec CP-20).

/// Whether a text is only a polite ending: at most three words, all of the list (spec CP-20).
#[must_use]
pub fn is_ending(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "gracias", "muchas", "ok", "okey", "dale", "listo", "perfecto", "genial", "👍", "🙏", "thanks", "thank", "you",
        "obrigado", "obrigada", "valeu",
    ];
    let words: Vec<String> = text
        .split_whitespace()
        .map(|w| {
            w.trim_matches(|c: char| c.is_ascii_punctuation() || "¡¿".contains(c))
                .to_lowercase()
        })
        .filter(|w| !w.is_empty())
        .collect();
    (1..=3).contains(&words.len()) && words.iter().all(|w| WORDS.contains(&w.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cp_20_4_polite_endings_are_short_and_only_polite() {
        for text in ["gracias!", "Muchas gracias", "ok", "👍", "¡Gracias!"] {
            assert!(is_ending(text), "{text}");
        }
        for text in ["gracias, y otra cosa", "", "ok pero no llegó", "hola"] {
            assert!(!is_ending(text), "{text}");
        }
    }
}
