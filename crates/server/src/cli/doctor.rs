//! `ronda doctor`: looks at everything that an installation needs and says what to do about what is missing.

use crate::config::Config;
use crate::{database, secrets};
use ronda_domain::{Clock, Ms};
use ronda_storage::{
    Db, DbConfig, StoreResult, Tx, audit, channel_accounts, checks, decisions, migrate, nodes, workspaces,
};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Oldest PostgreSQL that is supported. Source: spec PLAT-8.
const LEAST_POSTGRES: i64 = 150_000;
/// A message or a received body that waits longer than this says that a worker does not run.
const LATE_MS: i64 = 5 * Ms::MINUTE;

/// A node that was not seen for so long is not there.
const LATE_NODE_MS: i64 = 10 * Ms::SECOND;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Fine,
    /// It works, but not as somebody may expect.
    Note,
    /// It does not work.
    Broken,
}

/// One line of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub verdict: Verdict,
    pub about: &'static str,
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.verdict {
            Verdict::Fine => "ok    ",
            Verdict::Note => "note  ",
            Verdict::Broken => "BROKEN",
        };
        write!(f, "{sign} {}: {}", self.about, self.text)
    }
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, verdict: Verdict, about: &'static str, text: impl Into<String>) {
        let text = text.into();
        self.0.push(Finding { verdict, about, text });
    }

    fn fine(&mut self, about: &'static str, text: impl Into<String>) {
        self.add(Verdict::Fine, about, text);
    }

    fn note(&mut self, about: &'static str, text: impl Into<String>) {
        self.add(Verdict::Note, about, text);
    }

    fn broken(&mut self, about: &'static str, text: impl Into<String>) {
        self.add(Verdict::Broken, about, text);
    }
}

/// Looks at an installation. Changes nothing; the server may be running or not.
#[must_use]
pub fn examine(config: &Config) -> Vec<Finding> {
    let mut found = Findings::default();
    address(config, &mut found);
    folder("data", &config.data, &mut found);
    if config.files.exists() {
        folder("files", &config.files, &mut found);
    }
    let key = key(config, &mut found);
    let mut usable = false;
    match migrate::missing(&database(config)) {
        Err(error) => found.broken("database", error.to_string()),
        Ok(steps) if steps.is_empty() => usable = true,
        Ok(steps) => found.note(
            "database",
            format!("{} steps are missing: the next start of ronda runs them", steps.len()),
        ),
    }
    if usable && let Err(error) = inside(config, key.as_deref(), &mut found) {
        found.broken("database", error.to_string());
    }
    if !config.nats.is_empty() {
        bus(config, &mut found);
    }
    match &config.mail.smtp_url {
        None => found.note("mail", "no mail server: links are copied by hand (mail.smtp_url)"),
        Some(_) => match crate::mail::Mail::open(&config.mail) {
            Ok(_) => found.fine("mail", "configured; send an invitation to try it"),
            Err(error) => found.broken("mail", format!("{error:#}")),
        },
    }
    found.0
}

fn address(config: &Config, found: &mut Findings) {
    let url = config.public_url.as_str();
    if config.is_https() {
        found.fine("public_url", url);
    } else if config.is_local() {
        found.note("public_url", format!("{url} reaches this machine only"));
    } else {
        found.broken("public_url", format!("{url}: nobody can sign in without https"));
    }
}

fn folder(about: &'static str, path: &Path, found: &mut Findings) {
    if !path.exists() {
        return found.note(about, format!("{} is made at the first start", path.display()));
    }
    let probe = path.join(format!(".doctor-{}", std::process::id()));
    match std::fs::write(&probe, b"probe").and_then(|()| std::fs::remove_file(&probe)) {
        Ok(()) => found.fine(about, path.display().to_string()),
        Err(error) => found.broken(about, format!("cannot write into {}: {error}", path.display())),
    }
}

/// Asked from a thread of its own: whoever calls may be inside a runtime.
fn bus(config: &Config, found: &mut Findings) {
    let servers = config.nats.clone();
    let asked = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| e.to_string())?;
        runtime.block_on(crate::realtime::bus::probe(&servers))
    });
    match asked.join() {
        Ok(Ok(version)) => found.fine("nats", format!("NATS {version}")),
        Ok(Err(error)) => found.broken(
            "nats",
            format!("{error}: nodes hear of each other's work only when they ask the database"),
        ),
        Err(_) => found.broken("nats", "it could not be asked"),
    }
}

/// The name of the key of the secrets.
fn key(config: &Config, found: &mut Findings) -> Option<String> {
    if config.secret_key.is_none() && !config.data.join("secret.key").exists() {
        found.note("secret_key", "made at the first start");
        return None;
    }
    match secrets::Secrets::load(config.secret_key.as_ref(), &config.data) {
        Ok(key) => {
            found.fine("secret_key", format!("key {}", key.key_id()));
            Some(key.key_id().to_owned())
        }
        Err(error) => {
            found.broken("secret_key", format!("{error:#}"));
            None
        }
    }
}

/// What only the rows tell.
struct Rows {
    workspaces: usize,
    ownerless: Vec<String>,
    foreign_secrets: Vec<String>,
    failed_bodies: i64,
    oldest_body: Option<Ms>,
    late_rows: i64,
    postgres: Option<i64>,
    nodes: Vec<nodes::NodeRow>,
    /// What is wrong with a log that nobody may alter, and how many decisions were read again.
    altered: Vec<String>,
    decisions: i64,
}

fn inside(config: &Config, key: Option<&str>, found: &mut Findings) -> StoreResult<()> {
    let clock = Clock::system();
    let db = Db::open_without_migrating(&database(config), clock.clone(), Arc::new(|_| {}))?;
    let key = key.map(str::to_owned);
    let now = clock.now();
    let rows = db.read_blocking("doctor", move |tx| look(tx, key.as_deref(), now))?;
    match (&config.database, rows.postgres) {
        (Some(_), Some(version)) if version < LEAST_POSTGRES => {
            found.broken(
                "database",
                format!("PostgreSQL {}: 15 or later is needed", version / 10_000),
            );
        }
        (Some(_), version) => {
            let version = version.unwrap_or_default() / 10_000;
            found.fine(
                "database",
                format!("PostgreSQL {version}, {} workspaces", rows.workspaces),
            );
        }
        (None, _) => {
            if let DbConfig::Sqlite(path) = database(config) {
                ronda_storage::backup::examine(&path)?;
            }
            found.fine("database", format!("SQLite, intact, {} workspaces", rows.workspaces));
        }
    }
    let alive = rows
        .nodes
        .iter()
        .filter(|n| now.since(n.seen_at) < LATE_NODE_MS)
        .count();
    for n in rows.nodes.iter().filter(|n| now.since(n.seen_at) >= LATE_NODE_MS) {
        let seconds = now.since(n.seen_at) / 1_000;
        found.note(
            "nodes",
            format!("{} was not seen for {seconds} s and did not say goodbye", n.id),
        );
    }
    if alive > 0 {
        found.fine("nodes", format!("{alive} of this installation run"));
        let works = |n: &&nodes::NodeRow| n.roles.contains("workers") && now.since(n.seen_at) < LATE_NODE_MS;
        if !rows.nodes.iter().any(|n| works(&n)) {
            found.broken(
                "nodes",
                "none of them has the role workers: nothing is received, assigned or sent",
            );
        }
    }
    if rows.altered.is_empty() {
        found.fine("logs", format!("whole; {} decisions read again", rows.decisions));
    }
    for what in rows.altered {
        found.broken("logs", what);
    }
    if rows.workspaces == 0 {
        found.note(
            "workspaces",
            "none yet: open the address above, or ronda workspace create",
        );
    }
    for name in rows.ownerless {
        found.broken(
            "workspaces",
            format!("{name} has no active owner: ronda user create --role owner"),
        );
    }
    for name in rows.foreign_secrets {
        found.broken(
            "secret_key",
            format!("the secrets of {name} were encrypted with another key"),
        );
    }
    if rows.failed_bodies > 0 {
        found.note(
            "inbound",
            format!("{} received bodies wait for a person", rows.failed_bodies),
        );
    }
    if rows.oldest_body.is_some_and(|at| now.since(at) > LATE_MS) {
        found.note(
            "inbound",
            "received messages wait for more than five minutes: is the server running?",
        );
    }
    if rows.late_rows > 0 {
        found.note(
            "outbound",
            format!("{} messages are late: is the server running?", rows.late_rows),
        );
    }
    Ok(())
}

fn look(tx: &mut Tx<'_>, key: Option<&str>, now: Ms) -> StoreResult<Rows> {
    let ours = key.map(|k| format!("1:{k}:"));
    let accounts = channel_accounts::all(tx)?;
    let foreign = |secrets: &str| match &ours {
        // Every sealed secret begins with the name of its key.
        Some(ours) => secrets.matches("\"1:").count() != secrets.matches(&format!("\"{ours}")).count(),
        None => false,
    };
    let (altered, decisions) = chains(tx)?;
    Ok(Rows {
        altered,
        decisions,
        workspaces: workspaces::all(tx)?.len(),
        ownerless: checks::ownerless(tx)?
            .into_iter()
            .map(|(id, name)| format!("workspace {id} ({name})"))
            .collect(),
        foreign_secrets: accounts
            .into_iter()
            .filter(|a| foreign(&a.secrets))
            .map(|a| a.name)
            .collect(),
        failed_bodies: checks::failed_bodies(tx)?,
        oldest_body: checks::oldest_body(tx)?,
        late_rows: checks::late_rows(tx, now.plus(-LATE_MS))?,
        postgres: checks::postgres_version(tx)?,
        nodes: nodes::all(tx)?,
    })
}

/// Follows the hashes of the audit log and of the decisions of every workspace.
fn chains(tx: &mut Tx<'_>) -> StoreResult<(Vec<String>, i64)> {
    let (mut altered, mut read) = (Vec::new(), 0);
    for row in workspaces::all(tx)? {
        let name = row.name;
        match decisions::verify(tx, row.id, None)? {
            decisions::Chain::Whole { first, last } => read += last - first + 1,
            decisions::Chain::BrokenAt(seq) => {
                altered.push(format!("{name}: decision {seq} was altered, or taken away"));
            }
            decisions::Chain::CutAt(seq) => {
                altered.push(format!("{name}: the decisions from {seq} on were taken away"))
            }
        }
        match audit::verify(tx, row.id)? {
            audit::Chain::Whole { .. } => {}
            audit::Chain::BrokenAt(id) => altered.push(format!(
                "{name}: audit entry {id} was altered, or the one before it taken away"
            )),
            audit::Chain::Cut => altered.push(format!("{name}: the newest audit entries were taken away")),
        }
    }
    Ok((altered, read))
}
