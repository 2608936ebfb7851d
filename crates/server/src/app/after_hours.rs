//! What customers are told when nobody is there, and what becomes of their conversation (spec CP-10).

use crate::app::audit::{self, Change};
use crate::app::channel_accounts::WebChatSettings;
use crate::app::fields::LANGUAGES;
use crate::app::hours::{self, Calendar, Opening};
use crate::app::{Actor, AppError, AppResult, Fields, Who, outgoing, views};
use jiff::Timestamp;
use ronda_domain::channel::ChannelKind;
use ronda_domain::content::Content;
use ronda_domain::conversation::Author;
use ronda_domain::permission::Permission;
use ronda_domain::{ConversationId, GroupId, Ms, WorkspaceId};
use ronda_routing::HoursScope;
use ronda_storage::channel_accounts::ChannelAccountRow;
use ronda_storage::conversations::{self, ConversationRow};
use ronda_storage::customers::{self, CustomerRow};
use ronda_storage::hours::{self as stored, MessageRow};
use ronda_storage::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// Longest text. Source: spec CP-10.
const TEXT: std::ops::RangeInclusive<usize> = 1..=1_000;
/// The variables a text may have.
const VARIABLES: [&str; 3] = ["customer.name", "customer.first_name", "next_opening"];

/// What becomes of a conversation that asks for a person while closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AfterHoursThen)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// It waits for the opening.
    #[default]
    Wait,
    /// It stays with the greeter of its channel; without one it waits.
    Bot,
    /// It is closed.
    Close,
}

/// What is said, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AfterHours {
    pub enabled: bool,
    #[serde(default)]
    pub then: Then,
    /// Also to customers who write to an agent's conversation while closed.
    #[serde(default = "yes")]
    pub held: bool,
    /// By language (`es`, `en`, `pt-BR`), each at most 1,000 characters. Variables: `{{customer.name}}`,
    /// `{{customer.first_name}}`, `{{next_opening}}`, each with what stands for it when there is none:
    /// `{{customer.name or 'cliente'}}`.
    #[serde(default)]
    pub texts: BTreeMap<String, String>,
}

const fn yes() -> bool {
    true
}

impl Default for AfterHours {
    fn default() -> Self {
        Self {
            enabled: false,
            then: Then::Wait,
            held: true,
            texts: BTreeMap::new(),
        }
    }
}

/// The message that counts for a scope.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AfterHoursMessage {
    /// `workspace`, `channel-7`, `group-3`.
    pub scope: String,
    /// Whose message it is: the scope itself, `workspace`, or `null` when nothing is said.
    pub from: Option<String>,
    #[serde(flatten)]
    pub message: AfterHours,
    /// 0: it has none of its own yet.
    pub version: i64,
}

// Texts ----------------------------------------------------------------------------------------------------------------

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Variable { name: &'a str, fallback: Option<&'a str> },
}

/// Splits a text at its variables; what is wrong with it.
fn parts(text: &str) -> Result<Vec<Part<'_>>, (&'static str, String)> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.find("{{") {
        out.push(Part::Text(&rest[..begin]));
        let inner = &rest[begin + 2..];
        let end = inner.find("}}").ok_or(("braces", "{{ without }}".to_owned()))?;
        let (name, fallback) = match inner[..end].split_once(" or ") {
            None => (inner[..end].trim(), None),
            Some((name, fallback)) => {
                let fallback = fallback.trim();
                let quoted = ['\'', '"']
                    .iter()
                    .find_map(|q| fallback.strip_prefix(*q)?.strip_suffix(*q));
                let quoted = quoted.filter(|f| !f.trim().is_empty() && !f.contains('{'));
                let fallback = quoted.ok_or(("fallback", format!("not a text in quotes: {fallback}")))?;
                (name.trim(), Some(fallback))
            }
        };
        if !VARIABLES.contains(&name) {
            let known = VARIABLES.join(", ");
            return Err(("unknown_variable", format!("{name} is none of {known}")));
        }
        out.push(Part::Variable { name, fallback });
        rest = &inner[end + 2..];
    }
    out.push(Part::Text(rest));
    Ok(out)
}

/// What a text is filled with.
#[derive(Clone, Debug, Default)]
pub struct Values {
    pub name: Option<String>,
    pub next_opening: Option<String>,
}

/// The text for a customer. A variable without a value is what its author put after `or`, else a word of ours.
#[must_use]
pub fn render(text: &str, language: &str, values: &Values) -> String {
    let Ok(parts) = parts(text) else {
        // Texts are checked when they are saved; braces are never shown.
        return text.replace("{{", "").replace("}}", "");
    };
    let mut out = String::with_capacity(text.len());
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Variable { name, fallback } => {
                let value = match name {
                    "customer.name" => values.name.clone(),
                    "customer.first_name" => values
                        .name
                        .as_deref()
                        .and_then(|n| n.split(' ').next())
                        .map(str::to_owned),
                    _ => values.next_opening.clone(),
                };
                let value = value.filter(|v| !v.is_empty());
                out.push_str(
                    &value.unwrap_or_else(|| fallback.unwrap_or_else(|| stands_in(name, language)).to_owned()),
                );
            }
        }
    }
    out.trim().to_owned()
}

/// What stands for a variable without a value.
fn stands_in(name: &str, language: &str) -> &'static str {
    match (name, language) {
        ("next_opening", "en") => "as soon as we are back",
        ("next_opening", "pt-BR") => "assim que voltarmos",
        ("next_opening", _) => "apenas volvamos",
        (_, "en") => "customer",
        (_, _) => "cliente",
    }
}

/// A name people may be called by: one line, without braces. Names that we made up are none.
fn called(customer: &CustomerRow) -> Option<String> {
    if customer.name_source == "generated" {
        return None;
    }
    let words: Vec<&str> = customer
        .name
        .split(['{', '}', ' ', '\n', '\t', '\r'])
        .filter(|w| !w.is_empty())
        .collect();
    let name = words.join(" ");
    (!name.is_empty()).then_some(name)
}

/// The next opening in words: `hoy a las 15:00`, `mañana a las 09:00`, `el lunes a las 09:00`, `el 7 de enero a las 09:00`.
#[must_use]
pub fn opening_words(opening: &Opening, now: Ms, language: &str) -> Option<String> {
    let local = |at: Ms| {
        let at = Timestamp::from_millisecond(at.0).ok()?;
        Some(at.to_zoned(opening.zone.clone()))
    };
    let (at, today) = (local(opening.opens_at()?)?, local(now)?.date());
    let time = format!("{:02}:{:02}", at.hour(), at.minute());
    let days = (today.until(at.date()).ok()?).get_days();
    let weekday = usize::from(at.date().weekday().to_monday_zero_offset().unsigned_abs()) % 7;
    let month = usize::from(at.month().unsigned_abs().saturating_sub(1)) % 12;
    let words = match language {
        "en" => match days {
            0 => "today".to_owned(),
            1 => "tomorrow".to_owned(),
            2..=6 => format!("on {}", EN_DAYS[weekday]),
            _ => format!("on {} {}", EN_MONTHS[month], at.day()),
        },
        "pt-BR" => match days {
            0 => "hoje".to_owned(),
            1 => "amanhã".to_owned(),
            2..=6 if weekday < 5 => format!("na {}", PT_DAYS[weekday]),
            2..=6 => format!("no {}", PT_DAYS[weekday]),
            _ => format!("em {} de {}", at.day(), PT_MONTHS[month]),
        },
        _ => match days {
            0 => "hoy".to_owned(),
            1 => "mañana".to_owned(),
            2..=6 => format!("el {}", ES_DAYS[weekday]),
            _ => format!("el {} de {}", at.day(), ES_MONTHS[month]),
        },
    };
    let at_time = match language {
        "en" => format!(" at {time}"),
        "pt-BR" => format!(" às {time}"),
        _ => format!(" a las {time}"),
    };
    Some(words + &at_time)
}

const ES_DAYS: [&str; 7] = ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"];
const EN_DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
const PT_DAYS: [&str; 7] = [
    "segunda-feira",
    "terça-feira",
    "quarta-feira",
    "quinta-feira",
    "sexta-feira",
    "sábado",
    "domingo",
];
const ES_MONTHS: [&str; 12] = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
];
const EN_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const PT_MONTHS: [&str; 12] = [
    "janeiro",
    "fevereiro",
    "março",
    "abril",
    "maio",
    "junho",
    "julho",
    "agosto",
    "setembro",
    "outubro",
    "novembro",
    "dezembro",
];

/// The language of a customer: the one they chose, their chat's, their telephone's, else the workspace's.
fn language(customer: &CustomerRow, account: &ChannelAccountRow, usual: &str) -> String {
    let known = |l: &str| {
        LANGUAGES
            .iter()
            .find(|known| known.get(..2) == l.get(..2))
            .map(|l| (*l).to_owned())
    };
    let attributes: serde_json::Value = serde_json::from_str(&customer.attributes).unwrap_or_default();
    let chosen = || attributes["language"].as_str().and_then(known);
    let chat = || {
        let settings: WebChatSettings = serde_json::from_str(&account.settings).ok()?;
        known(&settings.language).filter(|_| account.kind == ChannelKind::WebChat)
    };
    let phone = || {
        let digits = customer.phone.as_deref()?.trim_start_matches('+').to_owned();
        let begins = |codes: &[&str]| codes.iter().any(|code| digits.starts_with(code));
        if begins(&["55", "351"]) {
            Some("pt-BR")
        } else if begins(&["34", "51", "52", "53", "54", "56", "57", "58", "59", "50"]) {
            Some("es")
        } else if begins(&["1", "44", "61", "64", "353"]) {
            Some("en")
        } else {
            None
        }
        .map(str::to_owned)
    };
    chosen()
        .or_else(chat)
        .or_else(phone)
        .unwrap_or_else(|| usual.to_owned())
}

// Saying it ------------------------------------------------------------------------------------------------------------

/// Everything that decides what is said, of one workspace at one instant.
#[derive(Debug)]
pub struct Desk {
    pub calendar: Calendar,
    messages: Vec<(HoursScope, AfterHours)>,
    language: String,
}

impl Desk {
    /// # Errors
    /// When the database fails or a row cannot be read.
    pub fn load(tx: &mut Tx<'_>, w: WorkspaceId, language: &str) -> AppResult<Self> {
        let calendar = Calendar::load(tx, w)?;
        let messages = if calendar.is_empty() {
            Vec::new()
        } else {
            let rows = stored::messages(tx, w)?;
            rows.iter().map(read).collect::<AppResult<_>>()?
        };
        Ok(Self {
            calendar,
            messages,
            language: language.to_owned(),
        })
    }

    /// The hours and the message of a conversation that is closed at `at` and still is.
    fn closed(
        &self,
        row: &ConversationRow,
        group: Option<GroupId>,
        at: Ms,
        now: Ms,
    ) -> Option<(&Opening, &AfterHours)> {
        let opening = self.calendar.of(group, row.channel_account)?;
        if opening.is_open(at) || opening.is_open(now) {
            return None;
        }
        let (_, message) = hours::most_specific(&self.messages, group, row.channel_account)?;
        message.enabled.then_some((opening, message))
    }

    /// Whether a customer has been told in this closed period already.
    fn told(opening: &Opening, row: &ConversationRow) -> bool {
        row.after_hours_at.is_some_and(|at| at >= opening.closed_since())
    }

    /// What becomes of a conversation that asks for a person, who wrote at `at`; nothing while open. Its customer is
    /// told, at most once in a closed period.
    ///
    /// # Errors
    /// When the database fails.
    pub fn asks(
        &self,
        tx: &mut Tx<'_>,
        w: WorkspaceId,
        account: &ChannelAccountRow,
        conversation: ConversationId,
        group: Option<GroupId>,
        at: Ms,
    ) -> AppResult<Option<Then>> {
        self.say(tx, w, account, conversation, group, at, false)
    }

    /// A customer wrote to a conversation that an agent holds.
    ///
    /// # Errors
    /// When the database fails.
    pub fn wrote(
        &self,
        tx: &mut Tx<'_>,
        w: WorkspaceId,
        account: &ChannelAccountRow,
        row: &ConversationRow,
        at: Ms,
    ) -> AppResult<()> {
        self.say(tx, w, account, row.id, row.group, at, true)?;
        Ok(())
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "who, where and when; a struct would name them no better"
    )]
    fn say(
        &self,
        tx: &mut Tx<'_>,
        w: WorkspaceId,
        account: &ChannelAccountRow,
        conversation: ConversationId,
        group: Option<GroupId>,
        at: Ms,
        held: bool,
    ) -> AppResult<Option<Then>> {
        if self.messages.is_empty() {
            return Ok(None);
        }
        let now = tx.now();
        let row = conversations::get(tx, w, conversation)?.ok_or(AppError::NotFound)?;
        let Some((opening, message)) = self.closed(&row, group, at, now) else {
            return Ok(None);
        };
        if held && !message.held {
            return Ok(None);
        }
        if !Self::told(opening, &row) && outgoing::may_say(account, &row, now) {
            let customer = customers::get(tx, w, row.customer)?.ok_or(AppError::NotFound)?;
            if let Some(text) = self.text(opening, message, &customer, account, now) {
                outgoing::automatic(tx, w, account, row.id, Author::Automatic, &Content::text(text))?;
                conversations::set_after_hours(tx, w, row.id, now)?;
            }
        }
        Ok(Some(message.then))
    }

    fn text(
        &self,
        opening: &Opening,
        message: &AfterHours,
        customer: &CustomerRow,
        account: &ChannelAccountRow,
        now: Ms,
    ) -> Option<String> {
        let wanted = language(customer, account, &self.language);
        let by = |l: &str| message.texts.get_key_value(l);
        let (language, text) = by(&wanted)
            .or_else(|| by(&self.language))
            .or_else(|| message.texts.iter().next())?;
        let values = Values {
            name: called(customer),
            next_opening: opening_words(opening, now, language),
        };
        Some(render(text, language, &values))
    }

    /// Whether a closed conversation was closed because nobody is there, and nobody is there still: more of the same
    /// night is not answered again.
    #[must_use]
    pub fn still_closed(&self, row: &ConversationRow, at: Ms, now: Ms) -> bool {
        let closed = self.closed(row, row.group, at, now);
        closed.is_some_and(|(opening, message)| message.then == Then::Close && Self::told(opening, row))
    }

    /// Whether a conversation born at `at` will be closed at once.
    #[must_use]
    pub fn turns_away(&self, account: &ChannelAccountRow, group: Option<GroupId>, at: Ms, now: Ms) -> bool {
        let opening = self.calendar.of(group, account.id);
        let closed = opening.is_some_and(|o| !o.is_open(at) && !o.is_open(now));
        let message = hours::most_specific(&self.messages, group, account.id);
        closed && message.is_some_and(|(_, m)| m.enabled && m.then == Then::Close)
    }
}

fn read(row: &MessageRow) -> AppResult<(HoursScope, AfterHours)> {
    let message = serde_json::from_str(&row.body).map_err(|e| StoreError::BadData {
        place: "after_hours_message.body",
        detail: e.to_string(),
    })?;
    Ok((hours::scope_of(&row.scope)?, message))
}

// What people set ------------------------------------------------------------------------------------------------------

fn view(scope: HoursScope, rows: &[(HoursScope, AfterHours, i64)]) -> AfterHoursMessage {
    let of = |scope: HoursScope| rows.iter().find(|(s, _, _)| *s == scope);
    let counts = of(scope).or_else(|| of(HoursScope::Workspace));
    AfterHoursMessage {
        scope: hours::name(scope),
        from: counts.map(|(scope, _, _)| hours::name(*scope)),
        message: counts.map(|(_, message, _)| message.clone()).unwrap_or_default(),
        version: of(scope).map_or(0, |(_, _, version)| *version),
    }
}

fn all(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<Vec<(HoursScope, AfterHours, i64)>> {
    let with_version = |row: &MessageRow| read(row).map(|(scope, message)| (scope, message, row.version));
    stored::messages(tx, w)?.iter().map(with_version).collect()
}

/// Every scope that says something of its own; the workspace always, first.
///
/// # Errors
/// [`AppError::Forbidden`].
pub fn list(tx: &mut Tx<'_>, who: &Who) -> AppResult<Vec<AfterHoursMessage>> {
    who.need(Permission::WorkspaceManage)?;
    let rows = all(tx, who.workspace)?;
    let mut scopes: BTreeSet<HoursScope> = rows.iter().map(|(scope, _, _)| *scope).collect();
    scopes.insert(HoursScope::Workspace);
    Ok(scopes.into_iter().map(|scope| view(scope, &rows)).collect())
}

/// # Errors
/// [`AppError::NotFound`].
pub fn get(tx: &mut Tx<'_>, who: &Who, name: &str) -> AppResult<AfterHoursMessage> {
    who.need(Permission::WorkspaceManage)?;
    let scope = hours::scope(tx, who.workspace, name)?;
    Ok(view(scope, &all(tx, who.workspace)?))
}

fn check(f: &mut Fields, texts: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for (language, text) in texts {
        let pointer = format!("/texts/{language}");
        if !LANGUAGES.contains(&language.as_str()) {
            f.fail(&pointer, "language", format!("one of {}", LANGUAGES.join(", ")));
            continue;
        }
        let text = f.text(&pointer, text, TEXT);
        if let Err((code, message)) = parts(&text) {
            f.fail(&pointer, code, message);
        }
        out.insert(language.clone(), text);
    }
    out
}

/// Saves the message of a scope; version 0 gives it its first.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::VersionMismatch`], what is wrong with the texts.
pub fn save(tx: &mut Tx<'_>, who: &Who, name: &str, version: i64, input: &AfterHours) -> AppResult<AfterHoursMessage> {
    who.need(Permission::WorkspaceManage)?;
    let w = who.workspace;
    let scope = hours::scope(tx, w, name)?;
    let mut f = Fields::new();
    let texts = check(&mut f, &input.texts);
    if input.enabled && texts.is_empty() {
        f.fail("/texts", "required", "a text in one language at least");
    }
    f.done()?;
    let before = all(tx, w)?;
    if view(scope, &before).version != version {
        return Err(AppError::VersionMismatch);
    }
    let key = hours::key(scope);
    let own = stored::messages(tx, w)?.into_iter().find(|row| row.scope == key);
    let body = views::text(&AfterHours { texts, ..input.clone() });
    let (id, action) = match own {
        Some(own) => {
            if stored::update_message(tx, w, own.id, &body, version)? == 0 {
                return Err(AppError::VersionMismatch);
            }
            (own.id, "updated")
        }
        None => {
            let id = stored::insert_message(tx, w, &key, &body)?.ok_or(AppError::VersionMismatch)?;
            (id, "created")
        }
    };
    let after = view(scope, &all(tx, w)?);
    recorded(tx, who, action, id, &view(scope, &before), &after)?;
    Ok(after)
}

/// The scope says what is said elsewhere again.
///
/// # Errors
/// [`AppError::NotFound`] also when it says nothing of its own.
pub fn delete(tx: &mut Tx<'_>, who: &Who, name: &str) -> AppResult<()> {
    who.need(Permission::WorkspaceManage)?;
    let w = who.workspace;
    let scope = hours::scope(tx, w, name)?;
    let key = hours::key(scope);
    let own = stored::messages(tx, w)?.into_iter().find(|row| row.scope == key);
    let own = own.ok_or(AppError::NotFound)?;
    let before = view(scope, &all(tx, w)?);
    stored::delete_message(tx, w, &key)?;
    let after = view(scope, &all(tx, w)?);
    recorded(tx, who, "deleted", own.id, &before, &after)
}

fn recorded(
    tx: &mut Tx<'_>,
    who: &Who,
    action: &str,
    id: i64,
    before: &AfterHoursMessage,
    after: &AfterHoursMessage,
) -> AppResult<()> {
    let version = after.version;
    let (before, after) = audit::difference(before, after);
    audit::record(
        tx,
        who.workspace,
        &Actor::from(who),
        Change {
            action,
            object: "after-hours-messages",
            id,
            version,
            before,
            after,
        },
    )
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(as = AfterHoursTexts)]
#[serde(deny_unknown_fields)]
pub struct PreviewMessage {
    /// The scope whose hours give the next opening.
    pub scope: String,
    pub texts: BTreeMap<String, String>,
    /// What the customer is called; without it the text of somebody whose name nobody knows.
    #[serde(default)]
    pub customer_name: Option<String>,
}

/// The texts as a customer would read them now.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = AfterHoursFilled)]
pub struct PreviewedMessage {
    pub texts: BTreeMap<String, String>,
}

/// # Errors
/// [`AppError::NotFound`], what is wrong with the texts.
pub fn preview(tx: &mut Tx<'_>, who: &Who, input: &PreviewMessage) -> AppResult<PreviewedMessage> {
    who.need(Permission::WorkspaceManage)?;
    let w = who.workspace;
    let scope = hours::scope(tx, w, &input.scope)?;
    let mut f = Fields::new();
    let texts = check(&mut f, &input.texts);
    let name = f.optional("/customer_name", input.customer_name.as_deref(), 1..=100);
    f.done()?;
    let calendar = Calendar::load(tx, w)?;
    let opening = calendar.of_scope(scope);
    let now = tx.now();
    let texts = texts
        .into_iter()
        .map(|(language, text)| {
            let values = Values {
                name: name.clone(),
                next_opening: opening.and_then(|o| opening_words(o, now, &language)),
            };
            let text = render(&text, &language, &values);
            (language, text)
        })
        .collect();
    Ok(PreviewedMessage { texts })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, name: Option<&str>, opening: Option<&str>) -> String {
        let values = Values {
            name: name.map(str::to_owned),
            next_opening: opening.map(str::to_owned),
        };
        render(text, "es", &values)
    }

    #[test]
    fn cp_10_3_a_variable_without_a_value_is_its_fallback() {
        let text = "Hola {{ customer.first_name or 'qué tal' }}, abrimos {{next_opening}}.";
        assert_eq!(
            filled(text, Some("Ana María Ruiz"), Some("el lunes a las 09:00")),
            "Hola Ana, abrimos el lunes a las 09:00."
        );
        assert_eq!(filled(text, None, None), "Hola qué tal, abrimos apenas volvamos.");
        assert_eq!(filled("Hola {{customer.name}}", Some(""), None), "Hola cliente");
        assert_eq!(filled("{{customer.name or \"hey\"}}", None, None), "hey");
    }

    #[test]
    fn cp_10_3_no_braces_reach_anybody() {
        for text in ["{{", "{{customer.name", "{{nobody}}", "a }} b {{ c"] {
            assert!(!filled(text, None, None).contains("{{"), "{text}");
        }
        let row = |name: &str, source: &str| CustomerRow {
            id: ronda_domain::CustomerId(1),
            workspace: WorkspaceId(1),
            name: name.into(),
            name_source: source.into(),
            phone: None,
            email: None,
            attributes: "{}".into(),
            notes: String::new(),
            version: 1,
            created_at: Ms(0),
            updated_at: Ms(0),
        };
        assert_eq!(
            called(&row("{{next_opening}}\nx", "profile")).as_deref(),
            Some("next_opening x")
        );
        assert_eq!(called(&row("Visitante 1234", "generated")), None);
        assert_eq!(called(&row(" \t", "agent")), None);
    }

    #[test]
    fn cp_10_texts_that_cannot_be_filled_are_named() {
        let code = |text: &str| parts(text).map_or_else(|(code, _)| code, |_| "fine");
        for (text, expect) in [
            ("Hola", "fine"),
            ("Hola {{customer.name}} y {{ next_opening or 'pronto' }}", "fine"),
            ("Hola {{customer.name", "braces"),
            ("Hola {{customer.age}}", "unknown_variable"),
            ("Hola {{}}", "unknown_variable"),
            ("Hola {{customer.name or cliente}}", "fallback"),
            ("Hola {{customer.name or ''}}", "fallback"),
        ] {
            assert_eq!(code(text), expect, "{text}");
        }
    }
}
