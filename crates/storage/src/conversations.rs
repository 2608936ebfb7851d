//! Conversations: facts and place in one narrow row (architecture.md §8, rule 1).

use crate::{Row, Rows, StoreResult, Tx, Value, statements};
use ronda_domain::channel::ChannelKind;
use ronda_domain::conversation::{Author, CloseReason, Direction, MessageStatus, Phase, Place};
use ronda_domain::event::Scope;
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, CustomerId, GroupId, MessageId, Ms, WorkspaceId};

/// A conversation as its row has it.
#[derive(Clone, Debug, PartialEq)]
pub struct ConversationRow {
    pub id: ConversationId,
    pub workspace: WorkspaceId,
    pub number: i64,
    pub channel_account: ChannelAccountId,
    pub customer: CustomerId,
    pub episode: i64,
    pub simulated: bool,
    pub outbound: bool,
    pub place: Place,
    pub owner: Option<AgentId>,
    pub epoch: i64,
    pub group: Option<GroupId>,
    pub phase: Option<Phase>,
    pub rotate_at: Option<Ms>,
    pub round: i64,
    pub exhausted: bool,
    pub waiting_since: Option<Ms>,
    pub assigned_at: Option<Ms>,
    /// JSON `{code, params}`.
    pub assigned_reason: Option<String>,
    pub reserved_for: Option<AgentId>,
    pub reserved_until: Option<Ms>,
    pub last_owner: Option<AgentId>,
    pub closed_at: Option<Ms>,
    pub close_reason: Option<CloseReason>,
    /// JSON of the routing engine.
    pub routing: Option<String>,
    pub owed_since: Option<Ms>,
    pub last_customer_at: Option<Ms>,
    pub last_activity_at: Ms,
    pub last_message: Option<MessageId>,
    pub unread: i64,
    pub marked_unread: bool,
    pub next_outbox: i64,
    pub window_closed: bool,
    pub greeted: bool,
    /// When its customer was last told that nobody is there.
    pub after_hours_at: Option<Ms>,
    /// The episode that an agent has answered; smaller than `episode` before the first answer of it.
    pub answered_episode: i64,
    pub created_at: Ms,
    /// JSON of where it began.
    pub origin: Option<String>,
}

impl ConversationRow {
    /// Whether somebody of ours began it and the customer has not answered.
    #[must_use]
    pub fn unanswered_outbound(&self) -> bool {
        self.outbound && self.place == Place::Bot
    }

    /// Who may see it: a closed conversation belongs to its last owner, one that was begun by us to its sender.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope {
            place: self.place,
            owner: if self.place == Place::Closed || self.unanswered_outbound() {
                self.last_owner
            } else {
                self.owner
            },
            group: self.group,
        }
    }
}

/// A conversation with what lists show beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct ConversationView {
    pub row: ConversationRow,
    pub channel: ChannelKind,
    pub channel_name: String,
    pub customer_name: String,
    pub owner_name: Option<String>,
    pub group_name: Option<String>,
    /// Its owner is a plain agent who is not in its group.
    pub outside: bool,
    pub last: Option<LastMessage>,
    /// The promise it waits under.
    pub service: Option<ServiceRow>,
}

/// The running clock of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRow {
    pub metric: String,
    pub started_at: Ms,
    pub risk_at: Ms,
    pub due_at: Ms,
}

/// The last message of a conversation, for one line of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct LastMessage {
    pub id: MessageId,
    pub direction: Direction,
    pub author: Author,
    pub kind: String,
    /// JSON of the content.
    pub content: String,
    pub at: Ms,
    pub status: Option<MessageStatus>,
    pub deleted: bool,
}

macro_rules! columns {
    () => {
        "c.id, c.workspace, c.number, c.channel_account, c.customer, c.episode, c.simulated, c.outbound, c.place, c.owner,
         c.epoch, c.group_id, c.phase, c.rotate_at, c.round, c.exhausted, c.waiting_since, c.assigned_at, c.assigned_reason,
         c.reserved_for, c.reserved_until, c.last_owner, c.closed_at, c.close_reason, c.routing, c.owed_since,
         c.last_customer_at, c.last_activity_at, c.last_message, c.unread, c.marked_unread, c.next_outbox, c.window_closed,
         c.greeted, c.after_hours_at, c.created_at, c.origin, c.answered_episode"
    };
}
const COLUMNS: usize = 38;

macro_rules! view {
    ($from:literal) => {
        concat!(
            "select ",
            columns!(),
            ", a.kind, a.name, k.name, o.name, g.name, m.id, m.direction, m.author, m.kind, m.content, m.at, m.status,
              m.deleted_at, cast(case when c.place = 'held' and c.group_id is not null and o.role = 'agent' and not exists (select 1
                from agent_group_member as x where x.workspace = c.workspace and x.group_id = c.group_id and x.agent = c.owner)
                then 1 else 0 end as bigint),
              s.metric, s.started_at, s.risk_at, s.due_at from ",
            $from,
            " join channel_account as a on a.id = c.channel_account join customer as k on k.id = c.customer
             left join agent as o on o.id = case when c.place = 'closed' or (c.place = 'bot' and c.outbound = 1)
               then c.last_owner else c.owner end
             left join agent_group as g on g.id = c.group_id left join message as m on m.id = c.last_message
             left join service_clock as s on s.id = (select u.id from service_clock as u where u.workspace = c.workspace
               and u.conversation = c.id and u.ended_at is null order by u.due_at, u.id limit 1)"
        )
    };
}

/// What a plan makes of a conversation, with more that it sets.
macro_rules! placed {
    ($more:literal) => {
        concat!(
            "update conversation as c set ",
            $more,
            "owner = p.owner, epoch = p.epoch, group_id = p.group_id, phase = p.phase, rotate_at = p.rotate_at, round = p.round,
              exhausted = p.exhausted,
              waiting_since = case when p.place = 'closed' then coalesce(p.waiting_since, c.waiting_since) else p.waiting_since end,
              assigned_at = p.assigned_at, assigned_reason = coalesce(p.assigned_reason, c.assigned_reason),
              reserved_for = p.reserved_for, reserved_until = p.reserved_until, last_owner = coalesce(p.owner, c.last_owner),
              routing = p.routing
            from {rows(id: i64, seen: i64, place: text, owner: i64, epoch: i64, group_id: i64, phase: text, rotate_at: i64,
              round: i64, exhausted: i64, waiting_since: i64, assigned_at: i64, assigned_reason: text, reserved_for: i64,
              reserved_until: i64, closed_at: i64, close_reason: text, routing: text, rotation: i64, owed_since: i64)} as p
            where c.id = p.id and c.workspace = $21 and c.epoch = p.seen
              and (p.rotation = 0 or c.owed_since = p.owed_since)"
        )
    };
}

statements! {
    GET = concat!("select ", columns!(), " from conversation as c where c.workspace = $1 and c.id = $2");
    LOCK = concat!("select ", columns!(), " from conversation as c where c.workspace = $1 and c.id = $2 {lock: for update}");
    SIMULATED_LIVE = "select id, place, owed_since from conversation where workspace = $1 and simulated = 1 and place in ('waiting', 'held')";
    FIRST_OWED = "select min(owed_since) from conversation where workspace = $1 and place = 'waiting' and owed_since is not null and simulated = 0";
    GET_MANY = concat!("select ", columns!(), " from {rows(id: i64)} as p, conversation as c where c.id = p.id and c.workspace = $2");
    LOCK_MANY = concat!("select ", columns!(), " from {rows(id: i64)} as p, conversation as c where c.id = p.id and c.workspace = $2
        {lock: order by c.id for update of c}");
    LOCK_LIVE = concat!("select ", columns!(), " from {rows(account: i64, customer: i64)} as p, conversation as c
        where c.channel_account = p.account and c.customer = p.customer and c.place <> 'closed' {lock: order by c.id for update of c}");
    LATEST = concat!("select ", columns!(), " from conversation as c where c.workspace = $1 and c.customer = $2 and c.channel_account = $3
        order by c.id desc limit 1 {lock: for update}");
    VIEW = concat!(view!("conversation as c"), " where c.workspace = $1 and c.id = $2");
    VIEWS = concat!(view!("{rows(id: i64)} as p, conversation as c"), " where c.id = p.id and c.workspace = $2");
    LIVE_OF = concat!("select ", columns!(), " from conversation as c where c.workspace = $1 and c.customer = $2 and c.place <> 'closed' order by c.id");
    HELD_BY = "select id from conversation where workspace = $1 and owner = $2 and place = 'held' order by id";
    LIVE_OWNER = "select owner from conversation where workspace = $1 and customer = $2 and place = 'held' and channel_account <> $3
        order by id desc limit 1";
    OF_CUSTOMER = concat!(view!("conversation as c"), " where c.workspace = $1 and c.customer = $2 order by c.id desc limit $3");
    TAKE_NUMBERS = "update workspace set next_number = next_number + $2 where id = $1 returning next_number";
    INSERT = "insert into conversation(workspace, number, channel_account, customer, simulated, outbound, place, group_id,
          waiting_since, owed_since, last_activity_at, created_at, epoch, phase, origin)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, 1, null, $12) returning id";
    REOPEN = "update conversation set place = 'waiting', owner = null, epoch = epoch + 1, episode = episode + 1, phase = null,
          rotate_at = null, round = 0, exhausted = 0, waiting_since = $3, owed_since = $3, reserved_for = $4, reserved_until = $5,
          closed_at = null, close_reason = null, routing = null, assigned_at = null, assigned_reason = null
        where workspace = $1 and id = $2 and place = 'closed'";
    INBOUND_FACTS = "update conversation as c set
          owed_since = case when c.place in ('waiting', 'held') then coalesce(c.owed_since, p.received) else null end,
          last_customer_at = case when c.last_customer_at is null or c.last_customer_at < p.said then p.said else c.last_customer_at end,
          last_activity_at = case when c.last_activity_at < p.received then p.received else c.last_activity_at end,
          last_message = case when p.last_message is null or exists (select 1 from message as m where m.id = c.last_message and m.at > p.at)
            then c.last_message else p.last_message end, unread = c.unread + p.n, window_closed = 0
        from {rows(id: i64, received: i64, said: i64, at: i64, last_message: i64, n: i64)} as p where c.id = p.id and c.workspace = $7";
    OUTBOUND_FACTS = "update conversation set owed_since = $3, unread = cast($4 as bigint), marked_unread = case when cast($4 as bigint) = 0 then 0 else marked_unread end,
          last_message = $5, last_activity_at = $6, next_outbox = next_outbox + $7 where workspace = $1 and id = $2";
    LAST_MESSAGE = "update conversation set last_message = $3, last_activity_at = $4 where workspace = $1 and id = $2";
    USE_OUTBOX = "update conversation set next_outbox = next_outbox + $3 where workspace = $1 and id = $2";
    OWED = "update conversation set owed_since = $3 where workspace = $1 and id = $2";
    READ = "update conversation set unread = 0, marked_unread = 0 where workspace = $1 and id = $2 and (unread > 0 or marked_unread = 1)";
    UNREAD = "update conversation set marked_unread = 1, unread = case when unread = 0 then 1 else unread end
        where workspace = $1 and id = $2";
    WINDOW_CLOSED = "update conversation set window_closed = 1 where workspace = $1 and id = $2";
    ANSWERED = "update conversation set answered_episode = episode where workspace = $1 and id = $2";
    GREETED = "update conversation set greeted = 1 where workspace = $1 and id = $2";
    AFTER_HOURS = "update conversation set after_hours_at = $3 where workspace = $1 and id = $2";
    HAND_OVER = "update conversation set place = 'waiting', epoch = epoch + 1, waiting_since = $3, owed_since = $4, group_id = $5
        where workspace = $1 and id = $2 and place = 'bot' and epoch = $6";
    ASK = "update conversation set routing = $3 where workspace = $1 and id = $2";
    BEGUN_BY = "update conversation set last_owner = $3, last_customer_at = $4, window_closed = $5 where workspace = $1 and id = $2";
    FOLLOW_MERGED = "update conversation set customer = (select k.merged_into from customer as k where k.id = conversation.customer)
        where workspace = $1 and place = 'closed' and close_reason = 'merged'
          and customer in (select k.id from customer as k where k.workspace = $1 and k.merged_into is not null)";
    PLACE = placed!("episode = case when c.place = 'closed' and p.place <> 'closed' then c.episode + 1 else c.episode end, place = p.place,
          closed_at = p.closed_at, close_reason = p.close_reason, ");
    /// [`PLACE`] of what was held and stays held. SQLite writes every index anew that has a column of the `set`, changed
    /// or not, and the place is in most.
    MOVE = placed!("");
    ROUTABLE = concat!("select ", columns!(), " from conversation as c where c.workspace = $1 and c.place in ('waiting', 'held') order by c.id");
    QUIET_BETWEEN = concat!(view!("conversation as c"), " where c.workspace = $1 and c.place in ('waiting', 'held')
        and c.last_customer_at >= $2 and c.last_customer_at < $3 order by c.last_customer_at, c.id limit $4");
    CLOSABLE = "select id, workspace, epoch from conversation where workspace = $1 and place = $2 and outbound = $5 and
        case when outbound = 1 then last_activity_at else coalesce(last_customer_at, last_activity_at) end <= $3 order by id limit $4";
}

/// Reads a [`ConversationRow`] from the first columns of `r`.
fn read(r: &Row<'_>) -> StoreResult<ConversationRow> {
    Ok(ConversationRow {
        id: r.id(0)?,
        workspace: r.id(1)?,
        number: r.i(2)?,
        channel_account: r.id(3)?,
        customer: r.id(4)?,
        episode: r.i(5)?,
        simulated: r.b(6)?,
        outbound: r.b(7)?,
        place: r.word(8, Place::parse, "conversation.place")?,
        owner: r.oid(9)?,
        epoch: r.i(10)?,
        group: r.oid(11)?,
        phase: r.oword(12, Phase::parse, "conversation.phase")?,
        rotate_at: r.oi(13)?.map(Ms),
        round: r.i(14)?,
        exhausted: r.b(15)?,
        waiting_since: r.oi(16)?.map(Ms),
        assigned_at: r.oi(17)?.map(Ms),
        assigned_reason: r.ot(18)?,
        reserved_for: r.oid(19)?,
        reserved_until: r.oi(20)?.map(Ms),
        last_owner: r.oid(21)?,
        closed_at: r.oi(22)?.map(Ms),
        close_reason: r.oword(23, CloseReason::parse, "conversation.close_reason")?,
        routing: r.ot(24)?,
        owed_since: r.oi(25)?.map(Ms),
        last_customer_at: r.oi(26)?.map(Ms),
        last_activity_at: Ms(r.i(27)?),
        last_message: r.oid(28)?,
        unread: r.i(29)?,
        marked_unread: r.b(30)?,
        next_outbox: r.i(31)?,
        window_closed: r.b(32)?,
        greeted: r.b(33)?,
        after_hours_at: r.oi(34)?.map(Ms),
        created_at: Ms(r.i(35)?),
        origin: r.ot(36)?,
        answered_episode: r.i(37)?,
    })
}

fn read_view(r: &Row<'_>) -> StoreResult<ConversationView> {
    let n = COLUMNS;
    let last = match r.oid(n + 5)? {
        None => None,
        Some(id) => Some(LastMessage {
            id,
            direction: r.word(n + 6, Direction::parse, "message.direction")?,
            author: r.word(n + 7, Author::parse, "message.author")?,
            kind: r.t(n + 8)?,
            content: r.t(n + 9)?,
            at: Ms(r.i(n + 10)?),
            status: r.oword(n + 11, MessageStatus::parse, "message.status")?,
            deleted: r.oi(n + 12)?.is_some(),
        }),
    };
    Ok(ConversationView {
        row: read(r)?,
        channel: r.word(n, ChannelKind::parse, "channel_account.kind")?,
        channel_name: r.t(n + 1)?,
        customer_name: r.t(n + 2)?,
        owner_name: r.ot(n + 3)?,
        group_name: r.ot(n + 4)?,
        outside: r.b(n + 13)?,
        service: match r.ot(n + 14)? {
            None => None,
            Some(metric) => Some(ServiceRow {
                metric,
                started_at: Ms(r.i(n + 15)?),
                risk_at: Ms(r.i(n + 16)?),
                due_at: Ms(r.i(n + 17)?),
            }),
        },
        last,
    })
}

pub fn get(tx: &mut Tx<'_>, w: WorkspaceId, id: ConversationId) -> StoreResult<Option<ConversationRow>> {
    tx.opt(&GET, &[w.into(), id.into()], read)
}

/// Reads and, on PostgreSQL, locks the row until the end of the transaction.
pub fn lock(tx: &mut Tx<'_>, w: WorkspaceId, id: ConversationId) -> StoreResult<Option<ConversationRow>> {
    tx.opt(&LOCK, &[w.into(), id.into()], read)
}

fn ids(ids: &[ConversationId]) -> Rows {
    let mut rows = Rows::new();
    for id in ids {
        rows.push([(*id).into()]);
    }
    rows
}

pub fn get_many(tx: &mut Tx<'_>, w: WorkspaceId, list: &[ConversationId]) -> StoreResult<Vec<ConversationRow>> {
    tx.batch_query(&GET_MANY, &ids(list), &[w.into()], read)
}

/// The simulated conversations that wait or are held: id, whether it waits, and since when it is owed a reply.
pub fn simulated_live(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Vec<(ConversationId, bool, Option<Ms>)>> {
    tx.query(&SIMULATED_LIVE, &[w.into()], |r| {
        let place = r.word(1, Place::parse, "conversation.place")?;
        Ok((r.id(0)?, place == Place::Waiting, r.oi(2)?.map(Ms)))
    })
}

/// Since when the longest waiting conversation that is not simulated is owed a reply.
pub fn first_owed(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Option<Ms>> {
    tx.one(&FIRST_OWED, &[w.into()], |r| Ok(r.oi(0)?.map(Ms)))
}

/// Locks several rows in id order.
pub fn lock_many(tx: &mut Tx<'_>, w: WorkspaceId, list: &[ConversationId]) -> StoreResult<Vec<ConversationRow>> {
    tx.batch_query(&LOCK_MANY, &ids(list), &[w.into()], read)
}

/// The live conversations of these (channel account, customer) pairs, locked. System function of T2: the pairs come
/// from the workspace's own identities.
pub fn lock_live(tx: &mut Tx<'_>, pairs: &[(ChannelAccountId, CustomerId)]) -> StoreResult<Vec<ConversationRow>> {
    let mut rows = Rows::new();
    for (account, customer) in pairs {
        rows.push([(*account).into(), (*customer).into()]);
    }
    tx.batch_query(&LOCK_LIVE, &rows, &[], read)
}

/// The newest conversation of a customer on a channel account, locked.
pub fn lock_latest(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    customer: CustomerId,
    account: ChannelAccountId,
) -> StoreResult<Option<ConversationRow>> {
    tx.opt(&LATEST, &[w.into(), customer.into(), account.into()], read)
}

/// One conversation as lists show it.
pub fn view(tx: &mut Tx<'_>, w: WorkspaceId, id: ConversationId) -> StoreResult<Option<ConversationView>> {
    tx.opt(&VIEW, &[w.into(), id.into()], read_view)
}

/// Several conversations as lists show them, ascending by id.
pub fn views(tx: &mut Tx<'_>, w: WorkspaceId, list: &[ConversationId]) -> StoreResult<Vec<ConversationView>> {
    let mut found = tx.batch_query(&VIEWS, &ids(list), &[w.into()], read_view)?;
    found.sort_unstable_by_key(|v| v.row.id);
    Ok(found)
}

/// The live conversations of a customer, on whatever channel account.
pub fn live_of(tx: &mut Tx<'_>, w: WorkspaceId, customer: CustomerId) -> StoreResult<Vec<ConversationRow>> {
    tx.query(&LIVE_OF, &[w.into(), customer.into()], read)
}

/// What an agent holds.
pub fn held_by(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId) -> StoreResult<Vec<ConversationId>> {
    tx.query(&HELD_BY, &[w.into(), agent.into()], |r| r.id(0))
}

/// Who holds another live conversation of this customer, on a channel account other than `but`.
pub fn live_owner(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    customer: CustomerId,
    but: ChannelAccountId,
) -> StoreResult<Option<AgentId>> {
    Ok(tx
        .opt(&LIVE_OWNER, &[w.into(), customer.into(), but.into()], |r| r.oid(0))?
        .flatten())
}

/// The conversations of a customer, newest first.
pub fn of_customer(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    customer: CustomerId,
    limit: i64,
) -> StoreResult<Vec<ConversationView>> {
    tx.query(&OF_CUSTOMER, &[w.into(), customer.into(), limit.into()], read_view)
}

/// Views by a condition rendered by the caller (`app/lists.rs` is the one place), as SQL after the `from` with `$n`.
pub fn views_where(tx: &mut Tx<'_>, condition: &str, params: &[Value]) -> StoreResult<Vec<ConversationView>> {
    let text = format!("{} where {condition}", view!("conversation as c"));
    tx.query_dynamic(&text, params, read_view)
}

/// Waiting and held conversations whose customer last wrote inside `[from, to)`, the longest ago first.
pub fn quiet_between(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    (from, to): (Ms, Ms),
    limit: i64,
) -> StoreResult<Vec<ConversationView>> {
    tx.query(
        &QUIET_BETWEEN,
        &[w.into(), from.into(), to.into(), limit.into()],
        read_view,
    )
}

/// The customers of the conversations that meet a condition, the newest conversation first; the last parameter is how
/// many. The condition is as for [`views_where`].
pub fn customers_where(tx: &mut Tx<'_>, condition: &str, params: &[Value]) -> StoreResult<Vec<CustomerId>> {
    tx.query_dynamic(&customers_text(condition, params.len()), params, |r| r.id(0))
}

/// The statement of [`customers_where`], for those who look at its plan; parameter `n` is how many.
#[must_use]
pub fn customers_text(condition: &str, n: usize) -> String {
    format!(
        "select c.customer from conversation as c where {condition} group by c.customer order by max(c.id) desc limit ${n}"
    )
}

/// An agent answered in the present episode.
pub fn set_answered(tx: &mut Tx<'_>, w: WorkspaceId, id: ConversationId) -> StoreResult<u64> {
    tx.exec(&ANSWERED, &[w.into(), id.into()])
}

/// How many conversations meet a condition, counted up to `most`. The condition is as for [`views_where`].
pub fn count_where(tx: &mut Tx<'_>, condition: &str, params: &[Value], most: i64) -> StoreResult<i64> {
    let text = format!("select count(*) from (select 1 from conversation as c where {condition} limit {most}) as t");
    Ok(tx
        .query_dynamic(&text, params, |r| r.i(0))?
        .first()
        .copied()
        .unwrap_or(0))
}

/// Takes `n` numbers; the first of them.
pub fn take_numbers(tx: &mut Tx<'_>, w: WorkspaceId, n: i64) -> StoreResult<i64> {
    Ok(tx.one(&TAKE_NUMBERS, &[w.into(), n.into()], |r| r.i(0))? - n)
}

/// What a birth needs.
#[derive(Clone, Debug)]
pub struct NewConversation {
    pub number: i64,
    pub channel_account: ChannelAccountId,
    pub customer: CustomerId,
    pub simulated: bool,
    pub outbound: bool,
    pub place: Place,
    pub group: Option<GroupId>,
    pub owed_since: Option<Ms>,
    /// JSON of where it began.
    pub origin: Option<String>,
    pub at: Ms,
}

pub fn insert(tx: &mut Tx<'_>, w: WorkspaceId, n: &NewConversation) -> StoreResult<ConversationId> {
    let waiting = (n.place == Place::Waiting).then_some(n.at);
    tx.one(
        &INSERT,
        &[
            w.into(),
            n.number.into(),
            n.channel_account.into(),
            n.customer.into(),
            n.simulated.into(),
            n.outbound.into(),
            n.place.as_str().into(),
            n.group.into(),
            waiting.into(),
            n.owed_since.into(),
            n.at.into(),
            n.origin.clone().into(),
        ],
        |r| r.id(0),
    )
}

/// `closed → waiting`, epoch + 1, a new episode. Number of rows changed.
pub fn reopen(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    id: ConversationId,
    at: Ms,
    reserved_for: Option<AgentId>,
    reserved_until: Option<Ms>,
) -> StoreResult<u64> {
    tx.exec(
        &REOPEN,
        &[
            w.into(),
            id.into(),
            at.into(),
            reserved_for.into(),
            reserved_until.into(),
        ],
    )
}

/// What customers' messages of one batch change on one conversation. One row per conversation.
#[derive(Clone, Copy, Debug)]
pub struct InboundFacts {
    pub id: ConversationId,
    pub received_at: Ms,
    /// The newest provider time: what the service window is counted from.
    pub said_at: Ms,
    /// The place of the newest message in the conversation.
    pub at: Ms,
    pub last_message: Option<MessageId>,
    pub count: i64,
}

pub fn inbound_facts(tx: &mut Tx<'_>, w: WorkspaceId, facts: &[InboundFacts]) -> StoreResult<u64> {
    let mut rows = Rows::new();
    for f in facts {
        rows.push([
            f.id.into(),
            f.received_at.into(),
            f.said_at.into(),
            f.at.into(),
            f.last_message.into(),
            f.count.into(),
        ]);
    }
    tx.batch(&INBOUND_FACTS, &rows, &[w.into()])
}

/// The facts after a message of ours. `outbox_rows` positions were used.
#[allow(clippy::too_many_arguments)]
pub fn outbound_facts(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    id: ConversationId,
    owed_since: Option<Ms>,
    unread: i64,
    last_message: MessageId,
    at: Ms,
    outbox_rows: i64,
) -> StoreResult<u64> {
    tx.exec(
        &OUTBOUND_FACTS,
        &[
            w.into(),
            id.into(),
            owed_since.into(),
            unread.into(),
            last_message.into(),
            at.into(),
            outbox_rows.into(),
        ],
    )
}

/// The last message, after a note or a system line.
pub fn set_last_message(tx: &mut Tx<'_>, w: WorkspaceId, id: ConversationId, m: MessageId, at: Ms) -> StoreResult<u64> {
    tx.exec(&LAST_MESSAGE, &[w.into(), id.into(), m.into(), at.into()])
}

/// Takes positions of the outbox for what changes no other fact.
pub fn use_outbox(tx: &mut Tx<'_>, w: WorkspaceId, id: ConversationId, rows: i64) -> StoreResult<u64> {
    tx.exec(&USE_OUTBOX, &[w.into(), id.into(), rows.into()])
}

pub fn set_owed(tx: &mut Tx<'_>, w: WorkspaceId, id: ConversationId, owed_since: Option<Ms>) -> StoreResult<u64> {
    tx.exec(&OWED, &[w.into(), id.into(), owed_since.into()])
}

pub fn mark_read(tx: &mut Tx<'_>, w: WorkspaceId, id: ConversationId) -> StoreResult<u64> {
    tx.exec(&READ, &[w.into(), id.into()])
}

pub fn mark_unread(tx: &mut Tx<'_>, w: WorkspaceId, id: ConversationId) -> StoreResult<u64> {
    tx.exec(&UNREAD, &[w.into(), id.into()])
}

/// The platform refused a free message: its word wins over our clock until the customer writes.
pub fn set_window_closed(tx: &mut Tx<'_>, w: WorkspaceId, id: ConversationId) -> StoreResult<u64> {
    tx.exec(&WINDOW_CLOSED, &[w.into(), id.into()])
}

pub fn set_greeted(tx: &mut Tx<'_>, w: WorkspaceId, id: ConversationId) -> StoreResult<u64> {
    tx.exec(&GREETED, &[w.into(), id.into()])
}

/// Its customer was told that nobody is there.
pub fn set_after_hours(tx: &mut Tx<'_>, w: WorkspaceId, id: ConversationId, at: Ms) -> StoreResult<u64> {
    tx.exec(&AFTER_HOURS, &[w.into(), id.into(), at.into()])
}

/// `bot → waiting`, guarded by place and epoch. Number of rows changed.
pub fn hand_over(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    id: ConversationId,
    epoch: i64,
    at: Ms,
    anchor: Ms,
    group: Option<GroupId>,
) -> StoreResult<u64> {
    tx.exec(
        &HAND_OVER,
        &[
            w.into(),
            id.into(),
            at.into(),
            anchor.into(),
            group.into(),
            epoch.into(),
        ],
    )
}

/// A place as the planner decided it, guarded by the epoch it planned on.
#[derive(Clone, Debug)]
pub struct PlannedPlace {
    pub id: ConversationId,
    pub seen: i64,
    pub place: Place,
    /// It was held at `seen`, and `place` is held.
    pub stays_held: bool,
    pub owner: Option<AgentId>,
    pub epoch: i64,
    pub group: Option<GroupId>,
    pub phase: Option<Phase>,
    pub rotate_at: Option<Ms>,
    pub round: i64,
    pub exhausted: bool,
    pub waiting_since: Option<Ms>,
    pub assigned_at: Option<Ms>,
    /// Null keeps the stored one.
    pub assigned_reason: Option<String>,
    pub reserved_for: Option<AgentId>,
    pub reserved_until: Option<Ms>,
    pub closed_at: Option<Ms>,
    pub close_reason: Option<CloseReason>,
    pub routing: Option<String>,
    /// A rotation also demands that nobody answered meanwhile: `owed_since` as planned.
    pub rotation_of: Option<Ms>,
}

/// Writes places; the caller compares the count with the plan.
pub fn place(tx: &mut Tx<'_>, w: WorkspaceId, planned: &[PlannedPlace]) -> StoreResult<u64> {
    let (mut placed, mut moved) = (Rows::new(), Rows::new());
    for p in planned {
        let rows = if p.stays_held { &mut moved } else { &mut placed };
        rows.push([
            p.id.into(),
            p.seen.into(),
            p.place.as_str().into(),
            p.owner.into(),
            p.epoch.into(),
            p.group.into(),
            p.phase.map(Phase::as_str).into(),
            p.rotate_at.into(),
            p.round.into(),
            p.exhausted.into(),
            p.waiting_since.into(),
            p.assigned_at.into(),
            p.assigned_reason.clone().into(),
            p.reserved_for.into(),
            p.reserved_until.into(),
            p.closed_at.into(),
            p.close_reason.map(CloseReason::as_str).into(),
            p.routing.clone().into(),
            i64::from(p.rotation_of.is_some()).into(),
            p.rotation_of.into(),
        ]);
    }
    Ok(tx.batch(&PLACE, &placed, &[w.into()])? + tx.batch(&MOVE, &moved, &[w.into()])?)
}

/// What a conversation asks for, as JSON of the routing engine, before a planner has seen it.
pub fn ask(tx: &mut Tx<'_>, w: WorkspaceId, id: ConversationId, routing: &str) -> StoreResult<u64> {
    tx.exec(&ASK, &[w.into(), id.into(), routing.into()])
}

/// Who began a conversation, and the service window that the customer's earlier messages left open.
pub fn begun_by(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    id: ConversationId,
    sender: AgentId,
    last_customer_at: Option<Ms>,
    window_closed: bool,
) -> StoreResult<u64> {
    tx.exec(
        &BEGUN_BY,
        &[
            w.into(),
            id.into(),
            sender.into(),
            last_customer_at.into(),
            i64::from(window_closed).into(),
        ],
    )
}

/// Conversations that were closed because two customers turned out to be one go to the one that stays.
pub fn follow_merged(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<u64> {
    tx.exec(&FOLLOW_MERGED, &[w.into()])
}

/// Everything the planner holds: waiting and held conversations.
pub fn routable(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Vec<ConversationRow>> {
    tx.query(&ROUTABLE, &[w.into()], read)
}

/// Live conversations in `place` that have been quiet since `before`, with their epochs.
pub fn quiet_since(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    place: Place,
    outbound: bool,
    before: Ms,
    limit: i64,
) -> StoreResult<Vec<(ConversationId, i64)>> {
    tx.query(
        &CLOSABLE,
        &[
            w.into(),
            place.as_str().into(),
            before.into(),
            limit.into(),
            outbound.into(),
        ],
        |r| Ok((r.id(0)?, r.i(2)?)),
    )
}
