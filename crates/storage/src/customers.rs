//! Customers and their identities.

use crate::{Row, Rows, StoreResult, Tx, statements};
use ronda_domain::channel::IdentityKind;
use ronda_domain::search;
use ronda_domain::{CustomerId, IdentityId, Ms, WorkspaceId};
use std::collections::BTreeSet;

/// The person outside. `attributes` is JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomerRow {
    pub id: CustomerId,
    pub workspace: WorkspaceId,
    pub name: String,
    pub name_source: String,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub attributes: String,
    pub notes: String,
    pub version: i64,
    pub created_at: Ms,
    pub updated_at: Ms,
}

/// One address of a customer on a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct IdentityRow {
    pub id: IdentityId,
    pub kind: IdentityKind,
    pub scope: String,
    pub value: String,
    pub customer: CustomerId,
    pub send_to: Option<String>,
    pub replaced_by: Option<IdentityId>,
}

/// What identities are unique by, inside a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdentityKey {
    pub kind: IdentityKind,
    pub scope: String,
    pub value: String,
}

statements! {
    FIND = "select i.id, i.kind, i.scope, i.value, i.customer, i.send_to, i.replaced_by
        from {rows(kind: text, scope: text, value: text)} as p, identity as i
        where i.kind = p.kind and i.scope = p.scope and i.value = p.value and i.workspace = $4";
    OF_CUSTOMER = "select id, kind, scope, value, customer, send_to, replaced_by from identity where workspace = $1 and customer = $2 order by id";
    INSERT_IDENTITY = "insert into identity(workspace, kind, scope, value, customer, send_to, created_at) values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (workspace, kind, scope, value) do nothing";
    SEND_TO = "update identity set send_to = $3 where workspace = $1 and id = $2 and (send_to is null or send_to <> $3)";
    REPLACED = "update identity set replaced_by = $3 where workspace = $1 and id = $2";
    MOVE_IDENTITIES = "update identity set customer = $3 where workspace = $1 and customer = $2";
    INSERT = "insert into customer(workspace, name, name_source, phone, created_at, updated_at) values ($1, $2, $3, $4, $5, $5) returning id";
    GET = "select id, workspace, name, name_source, phone, email, attributes, notes, version, created_at, updated_at from customer
        where workspace = $1 and id = $2 and merged_into is null";
    GET_MANY = "select c.id, c.workspace, c.name, c.name_source, c.phone, c.email, c.attributes, c.notes, c.version, c.created_at, c.updated_at
        from {rows(id: i64)} as p, customer as c where c.id = p.id and c.workspace = $2";
    LOCK = "select id, workspace, name, name_source, phone, email, attributes, notes, version, created_at, updated_at from customer
        where workspace = $1 and id = $2 and merged_into is null {lock: for update}";
    UPDATE = "update customer set name = $3, name_source = $4, phone = $5, email = $6, attributes = $7, notes = $8, version = version + 1,
          updated_at = $9 where workspace = $1 and id = $2 and version = $10";
    ADD_WORDS = "insert into customer_word(workspace, word, customer) select cast($2 as bigint), p.word, cast($3 as bigint)
        from {rows(word: bytes)} as p where length(p.word) > 0 on conflict (workspace, word, customer) do nothing";
    FORGET_WORDS = "delete from customer_word where workspace = $1 and customer = $2";
    MOVE_VISITORS = "update visitor set customer = $3 where workspace = $1 and customer = $2";
    MERGE = "update customer set merged_into = $3, updated_at = $4 where workspace = $1 and id = $2 and merged_into is null";
    MERGE_CONVERSATIONS = "update conversation set customer = $3 where workspace = $1 and customer = $2
        and (place = 'closed' or not exists (select 1 from conversation as o where o.channel_account = conversation.channel_account
          and o.customer = $3 and o.place <> 'closed'))";
}

fn read_identity(r: &Row<'_>) -> StoreResult<IdentityRow> {
    Ok(IdentityRow {
        id: r.id(0)?,
        kind: r.word(1, IdentityKind::parse, "identity.kind")?,
        scope: r.t(2)?,
        value: r.t(3)?,
        customer: r.id(4)?,
        send_to: r.ot(5)?,
        replaced_by: r.oid(6)?,
    })
}

fn read(r: &Row<'_>) -> StoreResult<CustomerRow> {
    Ok(CustomerRow {
        id: r.id(0)?,
        workspace: r.id(1)?,
        name: r.t(2)?,
        name_source: r.t(3)?,
        phone: r.ot(4)?,
        email: r.ot(5)?,
        attributes: r.t(6)?,
        notes: r.t(7)?,
        version: r.i(8)?,
        created_at: Ms(r.i(9)?),
        updated_at: Ms(r.i(10)?),
    })
}

/// The customers who have a word from `$n` up to, not including, `$n+1`, as a select to stand in a condition; `$1` is the
/// workspace.
#[must_use]
pub fn with_word(n: usize) -> String {
    format!(
        "select w.customer from customer_word as w where w.workspace = $1 and w.word >= ${n} and w.word < ${}",
        n + 1
    )
}

/// The identities that exist among `keys`.
pub fn find_identities(tx: &mut Tx<'_>, w: WorkspaceId, keys: &[IdentityKey]) -> StoreResult<Vec<IdentityRow>> {
    let mut rows = Rows::new();
    for k in keys {
        rows.push([k.kind.as_str().into(), k.scope.as_str().into(), k.value.as_str().into()]);
    }
    tx.batch_query(&FIND, &rows, &[w.into()], read_identity)
}

/// The identities of a customer, oldest first.
pub fn identities(tx: &mut Tx<'_>, w: WorkspaceId, customer: CustomerId) -> StoreResult<Vec<IdentityRow>> {
    tx.query(&OF_CUSTOMER, &[w.into(), customer.into()], read_identity)
}

/// Adds an identity; 0 when it exists already, whoever has it.
pub fn insert_identity(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    key: &IdentityKey,
    customer: CustomerId,
    send_to: Option<&str>,
) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(
        &INSERT_IDENTITY,
        &[
            w.into(),
            key.kind.as_str().into(),
            key.scope.as_str().into(),
            key.value.as_str().into(),
            customer.into(),
            send_to.into(),
            now.into(),
        ],
    )
}

/// Keeps the address that the provider returned for sending.
pub fn set_send_to(tx: &mut Tx<'_>, w: WorkspaceId, id: IdentityId, send_to: &str) -> StoreResult<u64> {
    tx.exec(&SEND_TO, &[w.into(), id.into(), send_to.into()])
}

/// Marks an identity as followed by a newer one of the same person.
pub fn set_replaced(tx: &mut Tx<'_>, w: WorkspaceId, id: IdentityId, by: IdentityId) -> StoreResult<u64> {
    tx.exec(&REPLACED, &[w.into(), id.into(), by.into()])
}

pub fn insert(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    name: &str,
    name_source: &str,
    phone: Option<&str>,
) -> StoreResult<CustomerId> {
    let now = tx.now();
    let id = tx.one(
        &INSERT,
        &[w.into(), name.into(), name_source.into(), phone.into(), now.into()],
        |r| r.id(0),
    )?;
    add_words(tx, w, id, &search::words(name, None, phone))?;
    Ok(id)
}

/// Makes a customer found by these words.
fn add_words(tx: &mut Tx<'_>, w: WorkspaceId, id: CustomerId, words: &BTreeSet<String>) -> StoreResult<()> {
    let mut rows = Rows::new();
    for word in words {
        rows.push([word.as_bytes().into()]);
    }
    tx.batch(&ADD_WORDS, &rows, &[w.into(), id.into()])?;
    Ok(())
}

pub fn get(tx: &mut Tx<'_>, w: WorkspaceId, id: CustomerId) -> StoreResult<Option<CustomerRow>> {
    tx.opt(&GET, &[w.into(), id.into()], read)
}

pub fn get_many(tx: &mut Tx<'_>, w: WorkspaceId, ids: &[CustomerId]) -> StoreResult<Vec<CustomerRow>> {
    let mut rows = Rows::new();
    for id in ids {
        rows.push([(*id).into()]);
    }
    tx.batch_query(&GET_MANY, &rows, &[w.into()], read)
}

pub fn lock(tx: &mut Tx<'_>, w: WorkspaceId, id: CustomerId) -> StoreResult<Option<CustomerRow>> {
    tx.opt(&LOCK, &[w.into(), id.into()], read)
}

/// Writes the editable columns, guarded by the version in `c`. Number of rows changed.
pub fn update(tx: &mut Tx<'_>, c: &CustomerRow) -> StoreResult<u64> {
    let now = tx.now();
    let changed = tx.exec(
        &UPDATE,
        &[
            c.workspace.into(),
            c.id.into(),
            c.name.as_str().into(),
            c.name_source.as_str().into(),
            c.phone.clone().into(),
            c.email.clone().into(),
            c.attributes.as_str().into(),
            c.notes.as_str().into(),
            now.into(),
            c.version.into(),
        ],
    )?;
    if changed > 0 {
        tx.exec(&FORGET_WORDS, &[c.workspace.into(), c.id.into()])?;
        let words = search::words(&c.name, c.email.as_deref(), c.phone.as_deref());
        add_words(tx, c.workspace, c.id, &words)?;
    }
    Ok(changed)
}

/// Moves everything of `from` to `into`. A live conversation whose channel account has another live one of `into`
/// stays with the row of `from`, which then still answers by its identities: the caller closes it as merged first.
pub fn merge(tx: &mut Tx<'_>, w: WorkspaceId, from: CustomerId, into: CustomerId) -> StoreResult<()> {
    let now = tx.now();
    tx.exec(&MERGE_CONVERSATIONS, &[w.into(), from.into(), into.into()])?;
    // Who attends the one that stays, stays (routing row 75).
    crate::affinities::merge(tx, w, from, into)?;
    tx.exec(&MOVE_IDENTITIES, &[w.into(), from.into(), into.into()])?;
    tx.exec(&MOVE_VISITORS, &[w.into(), from.into(), into.into()])?;
    tx.exec(&MERGE, &[w.into(), from.into(), into.into(), now.into()])?;
    tx.exec(&FORGET_WORDS, &[w.into(), from.into()])?;
    Ok(())
}
