//! People, threads, files and templates, in memory, behind one lock that is never held while waiting.

use crate::config::{Config, Faults, Number};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

/// Milliseconds of the service window.
const WINDOW_MS: i64 = 24 * 3_600_000;
/// Events kept for those who ask again.
const EVENTS_KEPT: usize = 2_000;
/// Messages kept per thread; people beyond this many are forgotten, the longest silent first.
const THREAD_KEPT: usize = 400;
const PEOPLE_KEPT: usize = 5_000;
/// Business numbers beyond which none are made.
const NUMBERS_KEPT: usize = 1_000;

/// Somebody with a phone.
#[derive(Clone, Debug, Serialize)]
pub struct Person {
    /// The digits of the phone, which are the `wa_id` too.
    pub id: String,
    pub name: String,
    /// The scoped user id.
    pub user_id: String,
    pub username: Option<String>,
    /// The number is left out of webhooks, as for people who adopted a username.
    pub hide_phone: bool,
    /// Reads by itself.
    pub auto_read: bool,
    /// Written by the traffic generator.
    pub simulated: bool,
    pub created_at: i64,
}

/// A message as the phone shows it. `body` has the shape of the API for its kind.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    pub id: String,
    pub phone_number_id: String,
    pub person: String,
    pub from_customer: bool,
    pub kind: String,
    pub body: Value,
    /// The text of a template with its variables filled.
    pub rendered: Option<Value>,
    pub at: i64,
    /// Outgoing: `accepted`, `sent`, `delivered`, `read`, `failed`. Incoming: `sent` (webhook under way), `delivered`
    /// (accepted by the callback), `read` (marked by the business), `failed` (given up).
    pub status: String,
    pub error: Option<Value>,
    pub reply_to: Option<String>,
    pub edited: bool,
    pub deleted: bool,
    pub reaction_customer: Option<String>,
    pub reaction_business: Option<String>,
    pub callback_data: Option<String>,
}

/// Something a screen may want to know.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    pub seq: u64,
    /// `message`, `person`, `number`, `typing`, `faults`, `traffic`, `webhook`.
    pub kind: &'static str,
    pub data: Value,
}

#[derive(Clone)]
pub struct Media {
    pub bytes: bytes::Bytes,
    pub mime: String,
    pub name: Option<String>,
    pub sha256: String,
    pub number: String,
}

#[derive(Default)]
struct Thread {
    messages: Vec<Message>,
    last_inbound: Option<i64>,
    /// Sends still allowed in a row, and when that was counted.
    pair: Option<(f64, i64)>,
}

struct Inner {
    numbers: Vec<Number>,
    people: BTreeMap<String, Person>,
    threads: HashMap<(String, String), Thread>,
    /// Message id → thread.
    whose: HashMap<String, (String, String)>,
    media: HashMap<String, Media>,
    templates: Vec<(String, Value)>,
    profiles: HashMap<String, Value>,
    subscriptions: HashMap<String, Option<String>>,
    registered: HashMap<String, bool>,
    blocked: HashMap<String, Vec<String>>,
    throughput: HashMap<String, (i64, u32)>,
    faults: Faults,
    events: VecDeque<Event>,
    seq: u64,
    counts: BTreeMap<&'static str, u64>,
}

pub struct Store {
    inner: Mutex<Inner>,
    /// Writes made numbers one after the other.
    keeping: Mutex<()>,
    news: broadcast::Sender<Event>,
}

/// Milliseconds since 1970.
pub fn now() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

/// Ids are random: the other side remembers them longer than this process lives.
pub fn random_hex(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    // Without entropy an id of the present instant is still unlikely to repeat.
    if getrandom::fill(&mut buffer).is_err() {
        buffer = Sha256::digest(now().to_be_bytes())[..bytes.min(32)].to_vec();
    }
    hex::encode_upper(buffer)
}

pub fn message_id() -> String {
    format!("wamid.SIM{}", random_hex(16))
}

fn random_number() -> String {
    let hex = random_hex(8);
    let number = u64::from_str_radix(&hex, 16).unwrap_or_default() % 900_000_000_000_000 + 100_000_000_000_000;
    number.to_string()
}

/// The digits of a typed number. Without `+` the country of the business is put in front where it is missing;
/// Argentine mobiles have one spelling, as on the platform.
pub fn phone_digits(typed: &str, business: Option<&Number>) -> Option<String> {
    let mut digits: String = typed.chars().filter(char::is_ascii_digit).collect();
    if !typed.chars().all(|c| c.is_ascii_digit() || "+ -().".contains(c)) {
        return None;
    }
    if !typed.trim_start().starts_with('+')
        && let Some(country) = business.map(Number::digits).and_then(|d| d.get(..2).map(str::to_owned))
        && !digits.starts_with(&country)
        && !digits.starts_with("999")
    {
        digits = country + &digits;
    }
    if digits.len() == 12 && digits.starts_with("54") && !digits.starts_with("549") {
        digits.insert(2, '9');
    }
    (7..=15).contains(&digits.len()).then_some(digits)
}

/// The same person has the same id every time, so that a restart is no rotation.
fn user_id_of(digits: &str) -> String {
    let country = match digits {
        d if d.starts_with("54") => "AR",
        d if d.starts_with("55") => "BR",
        d if d.starts_with("52") => "MX",
        d if d.starts_with("34") => "ES",
        _ => "US",
    };
    let hash = Sha256::digest(digits);
    let number = hash.iter().take(8).fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
    format!("{country}.{number:020}")
}

pub struct Counts {
    pub people: usize,
    pub threads: usize,
    pub messages: usize,
    pub media: usize,
    pub counters: BTreeMap<&'static str, u64>,
}

impl Store {
    pub fn new(config: &Config, kept: Vec<Number>) -> Self {
        let mut templates = Vec::new();
        let mut numbers = config.numbers.clone();
        let known = |n: &Number| config.numbers.iter().any(|c| c.phone_number_id == n.phone_number_id);
        numbers.extend(kept.into_iter().filter(|n| !known(n)));
        let mut subscriptions = HashMap::new();
        for number in numbers.iter_mut().filter(|n| n.owner.is_some()) {
            if let Some(callback) = number.callback_url.take() {
                subscriptions.insert(number.waba_id.clone(), Some(callback));
            }
        }
        let mut wabas: Vec<&str> = numbers.iter().map(|n| n.waba_id.as_str()).collect();
        wabas.dedup();
        for waba in wabas {
            templates.extend(first_templates().into_iter().map(|t| (waba.to_owned(), t)));
        }
        let inner = Inner {
            numbers,
            people: BTreeMap::new(),
            threads: HashMap::new(),
            whose: HashMap::new(),
            media: HashMap::new(),
            templates,
            profiles: HashMap::new(),
            subscriptions,
            registered: HashMap::new(),
            blocked: HashMap::new(),
            throughput: HashMap::new(),
            faults: config.faults.clone(),
            events: VecDeque::new(),
            seq: 0,
            counts: BTreeMap::new(),
        };
        Self {
            inner: Mutex::new(inner),
            keeping: Mutex::new(()),
            news: broadcast::channel(1_024).0,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, inner: &mut Inner, kind: &'static str, data: Value) {
        inner.seq += 1;
        let event = Event {
            seq: inner.seq,
            kind,
            data,
        };
        inner.events.push_back(event.clone());
        if inner.events.len() > EVENTS_KEPT {
            inner.events.pop_front();
        }
        // Nobody listening is no failure.
        let _ = self.news.send(event);
    }

    pub fn announce(&self, kind: &'static str, data: Value) {
        let mut inner = self.lock();
        self.tell(&mut inner, kind, data);
    }

    /// The stream of news from now on, and what is remembered of events after `seq`.
    pub fn listen(&self, seq: Option<u64>) -> (Vec<Event>, broadcast::Receiver<Event>) {
        let inner = self.lock();
        let past = match seq {
            Some(seq) => inner.events.iter().filter(|e| e.seq > seq).cloned().collect(),
            None => Vec::new(),
        };
        (past, self.news.subscribe())
    }

    pub fn seq(&self) -> u64 {
        self.lock().seq
    }

    pub fn count(&self, what: &'static str) {
        *self.lock().counts.entry(what).or_default() += 1;
    }

    pub fn counts(&self) -> Counts {
        let inner = self.lock();
        Counts {
            people: inner.people.len(),
            threads: inner.threads.len(),
            messages: inner.threads.values().map(|t| t.messages.len()).sum(),
            media: inner.media.len(),
            counters: inner.counts.clone(),
        }
    }

    pub fn faults(&self) -> Faults {
        self.lock().faults.clone()
    }

    pub fn set_faults(&self, faults: Faults) {
        let mut inner = self.lock();
        let data = serde_json::to_value(&faults).unwrap_or_default();
        inner.faults = faults;
        self.tell(&mut inner, "faults", data);
    }

    // ── Numbers ──────────────────────────────────────────────────────────────────────────────────────────────────

    pub fn numbers(&self) -> Vec<Number> {
        self.lock().numbers.clone()
    }

    pub fn number(&self, id: &str) -> Option<Number> {
        self.lock().numbers.iter().find(|n| n.phone_number_id == id).cloned()
    }

    /// The number nobody needs to name.
    pub fn first_number(&self) -> Option<Number> {
        self.lock().numbers.first().cloned()
    }

    /// A number of a business account.
    pub fn account(&self, waba: &str) -> Option<Number> {
        self.lock().numbers.iter().find(|n| n.waba_id == waba).cloned()
    }

    /// Whether some number has this token of its own.
    pub fn knows_token(&self, token: &str) -> bool {
        self.lock()
            .numbers
            .iter()
            .any(|n| n.access_token.as_deref() == Some(token))
    }

    /// The number of `owner`, made when there is none, and whether it was made now. `None` when there are too many.
    pub fn number_for(&self, owner: &str, name: &str) -> Option<(Number, bool)> {
        let mut inner = self.lock();
        if let Some(number) = inner.numbers.iter().find(|n| n.owner.as_deref() == Some(owner)) {
            return Some((number.clone(), false));
        }
        if inner.numbers.len() >= NUMBERS_KEPT {
            return None;
        }
        let line = 100 + inner.numbers.len();
        let number = Number {
            phone_number_id: random_number(),
            waba_id: random_number(),
            display_phone: format!("+54 9 11 5555-{line:04}"),
            verified_name: name.to_owned(),
            callback_url: None,
            owner: Some(owner.to_owned()),
            access_token: Some(format!("SIM{}", random_hex(24))),
            app_secret: Some(random_hex(16).to_lowercase()),
        };
        inner.numbers.push(number.clone());
        let templates = first_templates().into_iter().map(|t| (number.waba_id.clone(), t));
        inner.templates.extend(templates);
        self.tell(&mut inner, "number", public(&number));
        Some((number, true))
    }

    /// Writes the made numbers down, for the next run.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep_numbers(&self, file: &Path) -> std::io::Result<()> {
        let _one = self.keeping.lock().unwrap_or_else(PoisonError::into_inner);
        let made: Vec<Number> = {
            let inner = self.lock();
            let made = inner.numbers.iter().filter(|n| n.owner.is_some());
            made.map(|n| Number {
                callback_url: inner.subscriptions.get(&n.waba_id).cloned().flatten(),
                ..n.clone()
            })
            .collect()
        };
        let beside = file.with_extension("new");
        let mut open = std::fs::OpenOptions::new();
        open.write(true).create(true).truncate(true);
        // Tokens and secrets, even if simulated, are for nobody else on this machine.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
        open.open(&beside)?
            .write_all(serde_json::to_vec_pretty(&made)?.as_slice())?;
        std::fs::rename(beside, file)
    }

    // ── People ───────────────────────────────────────────────────────────────────────────────────────────────────

    pub fn people(&self) -> Vec<Person> {
        self.lock().people.values().cloned().collect()
    }

    pub fn person(&self, id: &str) -> Option<Person> {
        self.lock().people.get(id).cloned()
    }

    pub fn person_by_user_id(&self, user_id: &str) -> Option<Person> {
        self.lock().people.values().find(|p| p.user_id == user_id).cloned()
    }

    /// The person with these digits, created with `make` where there is none.
    pub fn person_or(&self, digits: &str, make: impl FnOnce(&mut Person)) -> Person {
        let mut inner = self.lock();
        if let Some(person) = inner.people.get(digits) {
            return person.clone();
        }
        if inner.people.len() >= PEOPLE_KEPT {
            forget_oldest(&mut inner);
        }
        let mut person = Person {
            id: digits.to_owned(),
            name: String::new(),
            user_id: user_id_of(digits),
            username: None,
            hide_phone: false,
            auto_read: true,
            simulated: false,
            created_at: now(),
        };
        make(&mut person);
        inner.people.insert(digits.to_owned(), person.clone());
        self.tell(&mut inner, "person", json!(person));
        person
    }

    pub fn change_person(&self, id: &str, change: impl FnOnce(&mut Person)) -> Option<Person> {
        let mut inner = self.lock();
        let person = inner.people.get_mut(id)?;
        change(person);
        let person = person.clone();
        self.tell(&mut inner, "person", json!(person));
        Some(person)
    }

    /// Gives the person another number, with all threads.
    pub fn renumber(&self, id: &str, digits: &str) -> Option<Person> {
        let mut inner = self.lock();
        if inner.people.contains_key(digits) {
            return None;
        }
        let mut person = inner.people.remove(id)?;
        person.id = digits.to_owned();
        person.user_id = user_id_of(digits);
        inner.people.insert(digits.to_owned(), person.clone());
        let keys: Vec<_> = inner.threads.keys().filter(|k| k.1 == id).cloned().collect();
        for key in keys {
            if let Some(mut thread) = inner.threads.remove(&key) {
                for message in &mut thread.messages {
                    message.person = digits.to_owned();
                    inner
                        .whose
                        .insert(message.id.clone(), (key.0.clone(), digits.to_owned()));
                }
                inner.threads.insert((key.0, digits.to_owned()), thread);
            }
        }
        self.tell(&mut inner, "person", json!(person));
        Some(person)
    }

    // ── Threads ──────────────────────────────────────────────────────────────────────────────────────────────────

    /// Adds a message. A reaction changes its target instead and is told as a change of that.
    pub fn add(&self, message: Message) {
        let mut inner = self.lock();
        let key = (message.phone_number_id.clone(), message.person.clone());
        if message.kind == "reaction" {
            let target = message.body["message_id"].as_str().unwrap_or_default().to_owned();
            let emoji = message.body["emoji"]
                .as_str()
                .filter(|e| !e.is_empty())
                .map(str::to_owned);
            let by_customer = message.from_customer;
            self.edit(&mut inner, &target, |m| {
                if by_customer {
                    m.reaction_customer = emoji
                } else {
                    m.reaction_business = emoji
                }
            });
            inner.whose.insert(message.id, key);
            return;
        }
        let told = json!(message);
        inner.whose.insert(message.id.clone(), key.clone());
        let thread = inner.threads.entry(key).or_default();
        if message.from_customer {
            thread.last_inbound = Some(message.at);
        }
        thread.messages.push(message);
        let gone = (thread.messages.len() > THREAD_KEPT).then(|| thread.messages.remove(0));
        if let Some(gone) = gone {
            inner.whose.remove(&gone.id);
        }
        self.tell(&mut inner, "message", told);
    }

    fn edit(&self, inner: &mut Inner, id: &str, change: impl FnOnce(&mut Message)) -> Option<Message> {
        let key = inner.whose.get(id)?.clone();
        let message = inner.threads.get_mut(&key)?.messages.iter_mut().find(|m| m.id == id)?;
        change(message);
        let message = message.clone();
        self.tell(inner, "message", json!(message));
        Some(message)
    }

    pub fn change(&self, id: &str, change: impl FnOnce(&mut Message)) -> Option<Message> {
        self.edit(&mut self.lock(), id, change)
    }

    pub fn message(&self, id: &str) -> Option<Message> {
        let inner = self.lock();
        let key = inner.whose.get(id)?;
        inner.threads.get(key)?.messages.iter().find(|m| m.id == id).cloned()
    }

    pub fn thread(&self, number: &str, person: &str) -> Vec<Message> {
        let inner = self.lock();
        inner
            .threads
            .get(&(number.to_owned(), person.to_owned()))
            .map(|t| t.messages.clone())
            .unwrap_or_default()
    }

    /// For lists: who has a thread, its last message and how many business messages are unread.
    pub fn summaries(&self) -> Vec<Value> {
        let inner = self.lock();
        inner
            .threads
            .iter()
            .filter_map(|((number, person), thread)| {
                let last = thread.messages.last()?;
                let unread = thread
                    .messages
                    .iter()
                    .filter(|m| !m.from_customer && m.status == "delivered")
                    .count();
                Some(
                    json!({ "phone_number_id": number, "person": person, "unread": unread, "last": last,
                    "window_open": open(thread) }),
                )
            })
            .collect()
    }

    /// Whether free messages may go to this person from this number.
    pub fn window_open(&self, number: &str, person: &str) -> bool {
        self.lock()
            .threads
            .get(&(number.to_owned(), person.to_owned()))
            .is_some_and(open)
    }

    /// Moves the last message of the customer into the past, as if a day had gone by.
    pub fn close_window(&self, number: &str, person: &str) {
        if let Some(thread) = self.lock().threads.get_mut(&(number.to_owned(), person.to_owned())) {
            thread.last_inbound = Some(now() - WINDOW_MS);
        }
    }

    /// The business read this message of the customer and all before it.
    pub fn business_read(&self, id: &str) -> Option<Message> {
        let mut inner = self.lock();
        let key = inner.whose.get(id)?.clone();
        let thread = inner.threads.get_mut(&key)?;
        let at = thread.messages.iter().position(|m| m.id == id && m.from_customer)?;
        let message = thread.messages[at].clone();
        let read: Vec<String> = thread.messages[..=at]
            .iter()
            .filter(|m| m.from_customer && m.status != "read")
            .map(|m| m.id.clone())
            .collect();
        for id in read {
            self.edit(&mut inner, &id, |m| m.status = "read".into());
        }
        Some(message)
    }

    /// What the person has received and not read.
    pub fn unread(&self, number: Option<&str>, person: &str) -> Vec<Message> {
        let inner = self.lock();
        inner
            .threads
            .iter()
            .filter(|((n, p), _)| p == person && number.is_none_or(|wanted| wanted == n))
            .flat_map(|(_, t)| {
                t.messages
                    .iter()
                    .filter(|m| !m.from_customer && m.status == "delivered")
                    .cloned()
            })
            .collect()
    }

    /// Counts a send against the limits; the code of the limit it breaks otherwise.
    pub fn admit(&self, number: &str, person: &str, config: &Config) -> Result<(), i64> {
        let mut inner = self.lock();
        if inner.faults.no_rate_limits {
            return Ok(());
        }
        let at = now();
        let second = inner.throughput.entry(number.to_owned()).or_insert((at / 1_000, 0));
        if second.0 != at / 1_000 {
            *second = (at / 1_000, 0);
        }
        if second.1 >= config.per_second {
            return Err(130_429);
        }
        second.1 += 1;
        let burst = f64::from(config.pair_burst);
        let thread = inner.threads.entry((number.to_owned(), person.to_owned())).or_default();
        let (left, since) = thread.pair.unwrap_or((burst, at));
        let earned = (at - since) as f64 / (1_000.0 * f64::from(config.pair_seconds.max(1)));
        let left = (left + earned).min(burst);
        thread.pair = Some((if left >= 1.0 { left - 1.0 } else { left }, at));
        if left >= 1.0 { Ok(()) } else { Err(131_056) }
    }

    // ── Files ────────────────────────────────────────────────────────────────────────────────────────────────────

    pub fn add_media(&self, number: &str, bytes: bytes::Bytes, mime: &str, name: Option<String>) -> (String, Media) {
        let sha256 = hex::encode(Sha256::digest(&bytes));
        let media = Media {
            bytes,
            mime: mime.to_owned(),
            name,
            sha256,
            number: number.to_owned(),
        };
        let id = random_number();
        self.lock().media.insert(id.clone(), media.clone());
        (id, media)
    }

    pub fn media(&self, id: &str) -> Option<Media> {
        self.lock().media.get(id).cloned()
    }

    pub fn delete_media(&self, id: &str) -> bool {
        self.lock().media.remove(id).is_some()
    }

    // ── Templates, profiles, subscriptions ───────────────────────────────────────────────────────────────────────

    pub fn templates(&self, waba: &str) -> Vec<Value> {
        self.lock()
            .templates
            .iter()
            .filter(|t| t.0 == waba)
            .map(|t| t.1.clone())
            .collect()
    }

    /// Adds a template with a new id; `None` when the name exists in this language.
    pub fn add_template(&self, waba: &str, mut template: Value) -> Option<String> {
        let mut inner = self.lock();
        let same = |t: &Value| t["name"] == template["name"] && t["language"] == template["language"];
        if inner.templates.iter().any(|t| t.0 == waba && same(&t.1)) {
            return None;
        }
        let id = random_number();
        template["id"] = id.as_str().into();
        inner.templates.push((waba.to_owned(), template));
        Some(id)
    }

    pub fn template(&self, id: &str) -> Option<(String, Value)> {
        self.lock().templates.iter().find(|t| t.1["id"] == id).cloned()
    }

    pub fn change_template(&self, id: &str, change: impl FnOnce(&mut Value)) -> Option<(String, Value)> {
        let mut inner = self.lock();
        let template = inner.templates.iter_mut().find(|t| t.1["id"] == id)?;
        change(&mut template.1);
        Some(template.clone())
    }

    pub fn delete_templates(&self, waba: &str, name: &str, id: Option<&str>) -> usize {
        let mut inner = self.lock();
        let before = inner.templates.len();
        inner
            .templates
            .retain(|t| t.0 != waba || t.1["name"] != name || id.is_some_and(|id| t.1["id"] != id));
        before - inner.templates.len()
    }

    pub fn profile(&self, number: &str) -> Value {
        self.lock()
            .profiles
            .get(number)
            .cloned()
            .unwrap_or_else(|| json!({ "messaging_product": "whatsapp" }))
    }

    pub fn set_profile(&self, number: &str, changes: &serde_json::Map<String, Value>) {
        let mut inner = self.lock();
        let profile = inner
            .profiles
            .entry(number.to_owned())
            .or_insert_with(|| json!({ "messaging_product": "whatsapp" }));
        if let Some(profile) = profile.as_object_mut() {
            profile.extend(changes.clone());
        }
    }

    /// The subscription of an account: its own callback, if it named one.
    pub fn subscription(&self, waba: &str) -> Option<Option<String>> {
        self.lock().subscriptions.get(waba).cloned()
    }

    pub fn subscribe(&self, waba: &str, callback: Option<String>) {
        self.lock().subscriptions.insert(waba.to_owned(), callback);
    }

    pub fn unsubscribe(&self, waba: &str) {
        self.lock().subscriptions.remove(waba);
    }

    pub fn registered(&self, number: &str) -> bool {
        self.lock().registered.get(number).copied().unwrap_or(true)
    }

    pub fn register(&self, number: &str, registered: bool) {
        self.lock().registered.insert(number.to_owned(), registered);
    }

    pub fn blocked(&self, number: &str) -> Vec<String> {
        self.lock().blocked.get(number).cloned().unwrap_or_default()
    }

    pub fn block(&self, number: &str, person: &str, blocked: bool) {
        let mut inner = self.lock();
        let list = inner.blocked.entry(number.to_owned()).or_default();
        list.retain(|p| p != person);
        if blocked {
            list.push(person.to_owned());
        }
    }
}

/// A number as every screen may see it: without its secrets.
pub fn public(number: &Number) -> Value {
    json!({ "phone_number_id": number.phone_number_id, "waba_id": number.waba_id,
        "display_phone": number.display_phone, "verified_name": number.verified_name })
}

fn open(thread: &Thread) -> bool {
    thread.last_inbound.is_some_and(|at| now() - at < WINDOW_MS)
}

fn forget_oldest(inner: &mut Inner) {
    let last = |inner: &Inner, id: &str| {
        inner
            .threads
            .iter()
            .filter(|(k, _)| k.1 == id)
            .filter_map(|(_, t)| t.messages.last())
            .map(|m| m.at)
            .max()
    };
    let mut silent: Vec<_> = inner
        .people
        .values()
        .map(|p| (last(inner, &p.id).unwrap_or(p.created_at), p.id.clone()))
        .collect();
    silent.sort();
    for (_, id) in silent.into_iter().take(PEOPLE_KEPT / 10) {
        inner.people.remove(&id);
        inner.threads.retain(|k, _| k.1 != id);
        inner.whose.retain(|_, k| k.1 != id);
    }
}

/// Approved templates a new account already has.
fn first_templates() -> Vec<Value> {
    let make = |name: &str, language: &str, category: &str, format: &str, components: Value| {
        json!({ "id": random_number(), "name": name, "language": language, "status": "APPROVED", "category": category,
            "parameter_format": format, "components": components, "quality_score": { "score": "GREEN" } })
    };
    vec![
        make(
            "bienvenida",
            "es_AR",
            "UTILITY",
            "POSITIONAL",
            json!([
            { "type": "BODY", "text": "Hola {{1}}, gracias por escribirnos. ¿En qué podemos ayudarle hoy?",
              "example": { "body_text": [["Julia"]] } }]),
        ),
        make(
            "recordatorio_turno",
            "es_AR",
            "UTILITY",
            "NAMED",
            json!([
            { "type": "HEADER", "format": "TEXT", "text": "Recordatorio de turno" },
            { "type": "BODY", "text": "Hola {{nombre}}, le recordamos su turno del {{dia}} a las {{hora}}. ¿Podrá venir?",
              "example": { "body_text_named_params": [{ "param_name": "nombre", "example": "Julia" },
                { "param_name": "dia", "example": "martes 9" }, { "param_name": "hora", "example": "9:30" }] } },
            { "type": "FOOTER", "text": "Responda con un toque" },
            { "type": "BUTTONS", "buttons": [{ "type": "QUICK_REPLY", "text": "Confirmo" },
              { "type": "QUICK_REPLY", "text": "Necesito cambiarlo" }] }]),
        ),
        make(
            "seguimiento_pedido",
            "es_AR",
            "UTILITY",
            "POSITIONAL",
            json!([
            { "type": "BODY", "text": "Su pedido {{1}} ya salió y llega el {{2}}. Puede seguirlo desde el botón.",
              "example": { "body_text": [["A-1042", "jueves"]] } },
            { "type": "BUTTONS", "buttons": [{ "type": "URL", "text": "Seguir el envío",
              "url": "https://example.com/envios/{{1}}", "example": ["A-1042"] }] }]),
        ),
        make(
            "order_update",
            "en_US",
            "UTILITY",
            "POSITIONAL",
            json!([
            { "type": "BODY", "text": "Hello {{1}}, your order {{2}} has shipped.",
              "example": { "body_text": [["Julia", "A-1042"]] } }]),
        ),
        make(
            "aviso_de_entrega",
            "pt_BR",
            "UTILITY",
            "POSITIONAL",
            json!([
            { "type": "BODY", "text": "Olá {{1}}, seu pedido {{2}} chega hoje.",
              "example": { "body_text": [["Júlia", "A-1042"]] } }]),
        ),
        make(
            "promo_invierno",
            "es_AR",
            "MARKETING",
            "POSITIONAL",
            json!([
            { "type": "HEADER", "format": "IMAGE" },
            { "type": "BODY", "text": "Hola {{1}}, esta semana todo el invierno tiene un 30 % de descuento.",
              "example": { "body_text": [["Julia"]] } },
            { "type": "FOOTER", "text": "Escriba BAJA para no recibir más" }]),
        ),
    ]
}
