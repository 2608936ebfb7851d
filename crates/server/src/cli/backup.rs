//! `ronda backup` and `ronda restore`: a folder with a consistent copy of the database, the files, and a list of both
//! with their checksums.

use crate::config::Config;
use crate::{database, secrets};
use anyhow::{Context as _, bail, ensure};
use ronda_channels::outcome::{ErrorClass, ProviderError};
use ronda_domain::Clock;
use ronda_storage::{DbConfig, backup, migrate};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

const LIST: &str = "backup.json";
const DATABASE: &str = "ronda.db";
const FILES: &str = "files";
const KEY: &str = "secret.key";
/// Backups are named by their time, so that names sort as times do.
const PREFIX: &str = "ronda-";

/// What a backup says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub struct List {
    /// Version of this layout.
    format: u32,
    /// Version of the program that made it.
    ronda: String,
    /// RFC 3339.
    created: String,
    /// Names the key that the secrets in the database are encrypted with.
    key: String,
    /// Rows by table.
    rows: backup::Counts,
    /// Every file by its path inside the backup.
    content: BTreeMap<String, Entry>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    bytes: u64,
    sha256: String,
}

/// Copies database and files into a new folder inside `into`; the server may be running. Of the backups there the
/// newest `keep` stay. The key of the secrets is left out unless `with_key`: who has both reads everything.
///
/// # Errors
/// On PostgreSQL, which has its own tools; when a folder cannot be read or written.
pub fn create(config: &Config, into: &Path, keep: Option<usize>, with_key: bool) -> anyhow::Result<PathBuf> {
    let DbConfig::Sqlite(path) = database(config) else {
        bail!(
            "the data is in PostgreSQL: use pg_dump, and copy the folder {}",
            config.files.display()
        );
    };
    let key = secrets::Secrets::load(config.secret_key.as_ref(), &config.data)?;
    fs::create_dir_all(into).with_context(|| format!("cannot make {}", into.display()))?;
    let now = jiff::Timestamp::now();
    let target = into.join(format!("{PREFIX}{}", now.strftime("%Y%m%dT%H%M%S%3fZ")));
    // Under another name until it is whole: what bears the name of a backup is one.
    let partial = target.with_extension("partial");
    fs::create_dir(&partial).with_context(|| format!("cannot make {}", partial.display()))?;
    backup::snapshot(&path, &partial.join(DATABASE))?;
    // After the database: a file exists before the message that names it.
    if config.files.is_dir() {
        copy_folder(&config.files, &partial.join(FILES))?;
    }
    if with_key {
        ensure!(
            config.secret_key.is_none(),
            "the key stands in the configuration: keep a copy of that"
        );
        fs::copy(config.data.join(KEY), partial.join(KEY)).context("cannot copy the key")?;
    }
    let list = List {
        format: 1,
        ronda: env!("CARGO_PKG_VERSION").into(),
        created: now.to_string(),
        key: key.key_id().into(),
        rows: backup::examine(&partial.join(DATABASE))?,
        content: content(&partial)?,
    };
    write_synced(&partial.join(LIST), &serde_json::to_vec_pretty(&list)?)?;
    fs::rename(&partial, &target)?;
    if let Some(keep) = keep {
        forget(into, keep)?;
    }
    Ok(target)
}

/// Reads every byte of a backup and compares it with its list.
///
/// # Errors
/// Names the first file that is damaged, missing or too much.
pub fn check(from: &Path) -> anyhow::Result<List> {
    let text = fs::read(from.join(LIST)).with_context(|| format!("{} is not a backup: no {LIST}", from.display()))?;
    let list: List = serde_json::from_slice(&text).with_context(|| format!("{LIST} is damaged"))?;
    ensure!(list.format == 1, "made by a newer ronda ({}): use that one", list.ronda);
    let mut found = content(from)?;
    found.remove(LIST);
    for (name, entry) in &list.content {
        match found.remove(name) {
            None => bail!("{name} is missing"),
            Some(now) if now != *entry => bail!("{name} is damaged: it is not what was backed up"),
            Some(_) => {}
        }
    }
    if let Some(name) = found.keys().next() {
        bail!("{name} does not belong to this backup");
    }
    let rows = backup::examine(&from.join(DATABASE)).with_context(|| format!("{DATABASE} is damaged"))?;
    ensure!(rows == list.rows, "{DATABASE} has other rows than were backed up");
    Ok(list)
}

/// Puts a checked backup into an empty installation. What waited to be sent is not sent: the original may have done so.
/// Number of messages held back.
///
/// # Errors
/// When the backup is damaged, the installation has data, or the key is another one.
pub fn restore(config: &Config, from: &Path) -> anyhow::Result<u64> {
    let list = check(from)?;
    let DbConfig::Sqlite(path) = database(config) else {
        bail!("restore into SQLite, then move to PostgreSQL: ronda migrate --to postgres://…");
    };
    ensure!(
        !path.exists(),
        "{} exists: restore into an empty folder",
        path.display()
    );
    let empty = !config.files.is_dir() || fs::read_dir(&config.files)?.next().is_none();
    ensure!(empty, "{} is not empty", config.files.display());
    fs::create_dir_all(&config.data)?;
    let key = config.data.join(KEY);
    let with_key = from.join(KEY).exists();
    if with_key && !key.exists() && config.secret_key.is_none() {
        copy_key(&from.join(KEY), &key)?;
    }
    let has_key = config.secret_key.is_some() || key.exists();
    ensure!(
        has_key,
        "the key {} is needed: put {KEY} into {} or set secret_key",
        list.key,
        config.data.display()
    );
    let ours = secrets::Secrets::load(config.secret_key.as_ref(), &config.data)?;
    ensure!(
        ours.key_id() == list.key,
        "the secrets were encrypted with key {}, this installation has {}",
        list.key,
        ours.key_id()
    );
    let partial = path.with_extension("partial");
    fs::copy(from.join(DATABASE), &partial)?;
    migrate::run(&DbConfig::Sqlite(partial.clone()))?;
    let error = ProviderError {
        code: 0,
        subcode: None,
        class: ErrorClass::Permanent,
        key: "restored".into(),
        title: "Not sent: it was waiting when the backup was made".into(),
        detail: "Check with the customer before sending it again.".into(),
        http_status: None,
        trace_id: None,
    };
    let held = backup::hold_back(&partial, &serde_json::to_string(&error)?, Clock::system().now())?;
    if from.join(FILES).is_dir() {
        copy_folder(&from.join(FILES), &config.files)?;
    }
    // The log of the copy belongs to the old name; closing the last connection has emptied it.
    for rest in ["partial-wal", "partial-shm"] {
        let _ = fs::remove_file(path.with_extension(rest));
    }
    fs::rename(&partial, &path)?;
    Ok(held)
}

/// Removes all but the newest backups of a folder.
fn forget(folder: &Path, keep: usize) -> anyhow::Result<()> {
    let mut backups: Vec<PathBuf> = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|p| {
            let name = p.file_name().map(|n| n.to_string_lossy().into_owned());
            name.is_some_and(|n| n.starts_with(PREFIX)) && p.extension().is_none() && p.join(LIST).exists()
        })
        .collect();
    backups.sort();
    let old = backups.len().saturating_sub(keep.max(1));
    for backup in &backups[..old] {
        fs::remove_dir_all(backup).with_context(|| format!("cannot remove {}", backup.display()))?;
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("cannot copy {}", entry.path().display()))?;
            fs::File::open(&target)?.sync_all()?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn copy_key(from: &Path, to: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::copy(from, to)?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o600))?;
    Ok(())
}

#[cfg(not(unix))]
fn copy_key(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to)?;
    Ok(())
}

fn write_synced(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut file = fs::File::create_new(path)?;
    file.write_all(bytes)?;
    Ok(file.sync_all()?)
}

/// Every file below a folder, by its path with `/`.
fn content(root: &Path) -> anyhow::Result<BTreeMap<String, Entry>> {
    fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<String, Entry>) -> anyhow::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                walk(root, &path, found)?;
                continue;
            }
            let name: Vec<_> = path
                .strip_prefix(root)?
                .components()
                .map(|c| c.as_os_str().to_string_lossy().into_owned())
                .collect();
            found.insert(name.join("/"), entry_of(&path)?);
        }
        Ok(())
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found)?;
    Ok(found)
}

fn entry_of(path: &Path) -> anyhow::Result<Entry> {
    let mut file = fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = file
            .read(&mut buffer)
            .with_context(|| format!("cannot read {}", path.display()))?;
        if n == 0 {
            break;
        }
        hash.update(&buffer[..n]);
        bytes += n as u64;
    }
    Ok(Entry {
        bytes,
        sha256: hex::encode(hash.finalize()),
    })
}
