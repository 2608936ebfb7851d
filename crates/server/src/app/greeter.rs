//! The built-in greeter of a channel account: what the bot engine will do one day, in its smallest form. Pure: it is
//! given what was said and returns effects.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The settings of a greeter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Greeter {
    /// What is said first.
    pub text: String,
    #[serde(default)]
    pub handover: Handover,
    /// The words that ask for a person, compared without case and accents; for [`Handover::Words`].
    #[serde(default)]
    pub words: Vec<String>,
    /// The key of the group that is asked, as bots name it; the channel account's default when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_group: Option<String>,
}

/// When a person takes over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Handover {
    /// At the first message after the greeting.
    #[default]
    FirstMessage,
    /// At a message that contains one of the words.
    Words,
}

/// What is to be done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    Say(String),
    /// Ask for a person of the group with this key; none means the channel account's default.
    HandOver(Option<String>),
}

/// One message of the customer. `greeted`: the greeting was said before.
#[must_use]
pub fn step(greeter: &Greeter, greeted: bool, said: &str) -> Vec<Effect> {
    let asked = match greeter.handover {
        Handover::FirstMessage => greeted,
        Handover::Words => {
            let said = fold(said);
            greeter
                .words
                .iter()
                .any(|w| !w.trim().is_empty() && said.contains(&fold(w)))
        }
    };
    let mut effects = Vec::new();
    if !greeted {
        effects.push(Effect::Say(greeter.text.clone()));
    }
    if asked {
        effects.push(Effect::HandOver(greeter.chat_group.clone()));
    }
    effects
}

fn fold(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    text.nfd()
        .filter(|c| !unicode_normalization::char::is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeter(handover: Handover) -> Greeter {
        Greeter {
            text: "¡Hola!".into(),
            handover,
            words: vec!["persona".into(), "atención".into()],
            chat_group: None,
        }
    }

    #[test]
    fn greets_once_and_hands_over_at_the_next_message() {
        let g = greeter(Handover::FirstMessage);
        assert_eq!(step(&g, false, "hola"), [Effect::Say("¡Hola!".into())]);
        assert_eq!(step(&g, true, "quiero comprar"), [Effect::HandOver(None)]);
    }

    #[test]
    fn hands_over_at_a_word_whatever_its_accents() {
        let g = greeter(Handover::Words);
        assert_eq!(step(&g, true, "hola?"), []);
        assert_eq!(step(&g, true, "quiero ATENCION ya"), [Effect::HandOver(None)]);
        assert_eq!(
            step(&g, false, "una persona por favor"),
            [Effect::Say("¡Hola!".into()), Effect::HandOver(None)]
        );
    }
}
