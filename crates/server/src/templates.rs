//! The templates of each number as its platform lists them, kept for a minute.

use crate::App;
use crate::accounts::Account;
use crate::workers::deliver;
use ronda_channels::outcome::CallError;
use ronda_channels::whatsapp::client::TemplateInfo;
use ronda_domain::{ChannelAccountId, Ms};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How old a list may be. A review at the platform takes longer.
const FRESH_MS: i64 = Ms::MINUTE;

type List = Arc<Vec<TemplateInfo>>;

/// The cache.
#[derive(Default)]
pub struct Templates(Mutex<HashMap<ChannelAccountId, (Ms, List)>>);

impl Templates {
    /// The templates of a number.
    ///
    /// # Errors
    /// When the platform does not answer with them, or refuses.
    pub async fn of(&self, app: &App, account: &Account) -> Result<List, CallError> {
        let (id, now) = (account.row.id, app.clock.now());
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some((_, list)) = known.filter(|(at, _)| now.since(*at) < FRESH_MS) {
            return Ok(list);
        }
        let client = deliver::client(app, account).map_err(|reason| CallError::Unreachable { reason })?;
        let list = client
            .templates(&account.secrets.access_token, &account.whatsapp().waba_id)
            .await?;
        let list = Arc::new(list);
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, (now, list.clone()));
        Ok(list)
    }

    /// The account changed: its list is asked for again.
    pub fn forget(&self, id: ChannelAccountId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}
