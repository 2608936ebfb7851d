//! The channel accounts at hand: what webhooks and senders look up on every call. A cache of the database, read again
//! after every change here and every few seconds for changes on other nodes.

use crate::App;
use crate::app::channel_accounts::{self, AccountSecrets, WebChatSettings, WhatsappSettings};
use ronda_domain::channel::ChannelKind;
use ronda_domain::{ChannelAccountId, Ms};
use ronda_storage::channel_accounts::{self as stored, ChannelAccountRow};
use ronda_storage::{StoreError, StoreResult};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How old the cache may be when nobody here changed anything.
const FRESH_MS: i64 = 5_000;

/// An account with its secrets.
#[derive(Debug)]
pub struct Account {
    pub row: Arc<ChannelAccountRow>,
    pub secrets: AccountSecrets,
}

impl Account {
    #[must_use]
    pub fn web_chat(&self) -> WebChatSettings {
        serde_json::from_str(&self.row.settings).unwrap_or_default()
    }

    #[must_use]
    pub fn whatsapp(&self) -> WhatsappSettings {
        serde_json::from_str(&self.row.settings).unwrap_or_default()
    }
}

/// All accounts at one time.
#[derive(Debug, Default)]
pub struct Snapshot {
    by_id: HashMap<ChannelAccountId, Arc<Account>>,
    by_external: HashMap<(ChannelKind, String), Arc<Account>>,
    by_token: HashMap<String, Arc<Account>>,
}

impl Snapshot {
    #[must_use]
    pub fn get(&self, id: ChannelAccountId) -> Option<&Arc<Account>> {
        self.by_id.get(&id)
    }

    #[must_use]
    pub fn by_external(&self, kind: ChannelKind, id: &str) -> Option<&Arc<Account>> {
        self.by_external.get(&(kind, id.to_owned()))
    }

    /// The account that owns a callback.
    #[must_use]
    pub fn by_token(&self, token: &str) -> Option<&Arc<Account>> {
        self.by_token.get(token)
    }

    pub fn all(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.by_id.values()
    }
}

/// The cache.
#[derive(Default)]
pub struct Accounts {
    snapshot: Mutex<Option<(Ms, Arc<Snapshot>)>>,
    dirty: AtomicBool,
}

impl Accounts {
    /// Something changed: the next look reads again.
    pub fn changed(&self) {
        self.dirty.store(true, Ordering::SeqCst);
    }

    /// The accounts. When the database does not answer, the last known ones.
    ///
    /// # Errors
    /// When the database fails and nothing is known yet.
    pub async fn snapshot(&self, app: &App) -> StoreResult<Arc<Snapshot>> {
        let now = app.clock.now();
        let known = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, snapshot)) = &known
            && !self.dirty.load(Ordering::SeqCst)
            && now.since(*at) < FRESH_MS
        {
            return Ok(snapshot.clone());
        }
        self.dirty.store(false, Ordering::SeqCst);
        let rows: Result<Vec<ChannelAccountRow>, StoreError> = app.db.read("channel_accounts", stored::all).await;
        let rows = match (rows, known) {
            (Ok(rows), _) => rows,
            (Err(error), None) => {
                self.changed();
                return Err(error);
            }
            (Err(_), Some((_, old))) => {
                self.changed();
                return Ok(old);
            }
        };
        let mut fresh = Snapshot::default();
        for row in rows {
            let account = Arc::new(Account {
                secrets: channel_accounts::open(&app.secrets, &row),
                row: Arc::new(row),
            });
            let r = &account.row;
            fresh.by_id.insert(r.id, account.clone());
            fresh.by_token.insert(r.webhook_token.clone(), account.clone());
            fresh
                .by_external
                .insert((r.kind, r.external_id.clone()), account.clone());
        }
        let fresh = Arc::new(fresh);
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, fresh.clone()));
        Ok(fresh)
    }
}
