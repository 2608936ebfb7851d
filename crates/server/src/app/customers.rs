//! Customers: who they are, as far as their conversations may be seen.

use crate::app::fields::nullable;
use crate::app::hours::Calendar;
use crate::app::scope::Sight;
use crate::app::views::Conversation;
use crate::app::{AppError, AppResult, Fields, Who};
use ronda_domain::channel::IdentityKind;
use ronda_domain::event::{Event, EventKind};
use ronda_domain::permission::Permission;
use ronda_domain::{CustomerId, Ms};
use ronda_storage::customers::{self, CustomerRow};
use ronda_storage::{Tx, conversations as stored};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Conversations of one customer that are shown.
const CONVERSATIONS: i64 = 100;
const NAME_CHARS: usize = 120;
const NOTE_CHARS: usize = 5_000;

/// One address of a customer on a channel.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Identity {
    pub kind: IdentityKind,
    pub value: String,
    /// Another address followed it.
    pub replaced: bool,
}

/// A person outside.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Customer {
    pub id: CustomerId,
    pub name: String,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub notes: String,
    /// What a site or the customer said about them, by name: texts, numbers, yes or no.
    #[schema(value_type = Object)]
    pub attributes: Value,
    pub identities: Vec<Identity>,
    pub created_at: Ms,
    pub updated_at: Ms,
    pub version: i64,
}

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditCustomer {
    pub name: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub email: Option<Option<String>>,
    pub notes: Option<String>,
}

/// A customer is visible to whoever sees one of their conversations.
/// # Errors
/// [`AppError::NotFound`], [`AppError::Forbidden`].
pub fn seen(tx: &mut Tx<'_>, who: &Who, id: CustomerId) -> AppResult<CustomerRow> {
    who.need(Permission::CustomersSee)?;
    let row = customers::get(tx, who.workspace, id)?.ok_or(AppError::NotFound)?;
    let sight = Sight::from(who);
    if sight.all() {
        return Ok(row);
    }
    let list = stored::of_customer(tx, who.workspace, id, CONVERSATIONS)?;
    if list.iter().any(|v| sight.sees(&v.row.scope())) {
        Ok(row)
    } else {
        Err(AppError::NotFound)
    }
}

fn view(tx: &mut Tx<'_>, who: &Who, row: CustomerRow) -> AppResult<Customer> {
    let identities = customers::identities(tx, who.workspace, row.id)?
        .into_iter()
        .map(|i| Identity {
            kind: i.kind,
            value: i.value,
            replaced: i.replaced_by.is_some(),
        })
        .collect();
    Ok(Customer {
        id: row.id,
        name: row.name,
        phone: row.phone,
        email: row.email,
        notes: row.notes,
        attributes: serde_json::from_str(&row.attributes).unwrap_or_default(),
        identities,
        created_at: row.created_at,
        updated_at: row.updated_at,
        version: row.version,
    })
}

/// One customer.
///
/// # Errors
/// [`AppError::NotFound`] also when none of their conversations may be seen.
pub fn get(tx: &mut Tx<'_>, who: &Who, id: CustomerId) -> AppResult<Customer> {
    let row = seen(tx, who, id)?;
    view(tx, who, row)
}

/// A customer as a search shows them.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FoundCustomer {
    pub id: CustomerId,
    pub name: String,
    pub phone: Option<String>,
    pub email: Option<String>,
}

/// Customers by part of a name, an e-mail address or a telephone, among those whose conversations the caller sees.
///
/// # Errors
/// [`AppError::Forbidden`].
pub fn find(tx: &mut Tx<'_>, who: &Who, q: &str, limit: i64) -> AppResult<Vec<FoundCustomer>> {
    who.need(Permission::CustomersSee)?;
    let q = q.trim();
    if q.is_empty() {
        return Ok(Vec::new());
    }
    let ids = super::conversations::customers_named(tx, who, q, limit)?;
    let mut rows = customers::get_many(tx, who.workspace, &ids)?;
    rows.sort_by_key(|row| ids.iter().position(|id| *id == row.id));
    Ok(rows
        .into_iter()
        .map(|row| FoundCustomer {
            id: row.id,
            name: row.name,
            phone: row.phone,
            email: row.email,
        })
        .collect())
}

/// Edits a customer under their version.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::VersionMismatch`], wrong fields.
pub fn edit(tx: &mut Tx<'_>, who: &Who, id: CustomerId, version: i64, edit: &EditCustomer) -> AppResult<Customer> {
    who.need(Permission::CustomersEdit)?;
    let mut row = seen(tx, who, id)?;
    if row.version != version {
        return Err(AppError::VersionMismatch);
    }
    let mut fields = Fields::new();
    if let Some(name) = &edit.name {
        row.name = fields.text("/name", name, 1..=NAME_CHARS);
        row.name_source = "agent".into();
    }
    if let Some(email) = &edit.email {
        row.email = email.as_ref().map(|e| fields.email("/email", e).shown);
    }
    if let Some(notes) = &edit.notes {
        row.notes = fields.text("/notes", notes, 0..=NOTE_CHARS);
    }
    fields.done()?;
    if customers::update(tx, &row)? == 0 {
        return Err(AppError::VersionMismatch);
    }
    tx.emit(Event::general(
        who.workspace,
        EventKind::CustomerChanged,
        &json!({ "id": id, "version": row.version + 1 }),
    ));
    let row = customers::get(tx, who.workspace, id)?.ok_or(AppError::NotFound)?;
    view(tx, who, row)
}

/// The conversations of a customer that the caller may see, newest first.
///
/// # Errors
/// [`AppError::NotFound`].
pub fn conversations(tx: &mut Tx<'_>, who: &Who, id: CustomerId) -> AppResult<Vec<Conversation>> {
    seen(tx, who, id)?;
    let sight = Sight::from(who);
    let now = tx.now();
    let calendar = Calendar::load(tx, who.workspace)?;
    Ok(stored::of_customer(tx, who.workspace, id, CONVERSATIONS)?
        .into_iter()
        .filter(|v| sight.sees(&v.row.scope()))
        .map(|v| Conversation::of(v, now, &calendar))
        .collect())
}
