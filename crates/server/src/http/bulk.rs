//! The same done to many conversations, reported one by one (spec AG-9, DEV-9).

use crate::app::{AppResult, Who, commands, conversations};
use crate::http::conversations::carry_out;
use crate::http::{Body, Context, Problem};
use axum::Json;
use ronda_domain::{AgentId, ConversationId, GroupId, MessageId};
use ronda_storage::Tx;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Most conversations of one request. Source: spec AG-9.
const MOST: usize = 200;

/// One of them, as the client saw it.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BulkConversation)]
pub struct One {
    id: ConversationId,
    #[serde(default)]
    seen: Option<i64>,
    /// A newer message of the customer stops the closing of this one.
    #[serde(default)]
    last_message: Option<MessageId>,
}

/// What is done.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = BulkAction)]
pub enum Action {
    Close {
        /// Also those whose customer is owed a reply.
        #[serde(default)]
        confirm_unanswered: bool,
        /// Why, left as a note.
        #[serde(default)]
        reason: Option<String>,
    },
    Take,
    /// To an agent or to a group.
    Transfer {
        #[serde(default)]
        agent: Option<AgentId>,
        #[serde(default)]
        group: Option<GroupId>,
    },
    Read,
    Unread,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Bulk {
    /// 1 to 200.
    conversations: Vec<One>,
    action: Action,
}

/// What became of one of them.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkDone)]
pub struct Done {
    id: ConversationId,
    ok: bool,
    /// The code and the words of the problem that a request of its own would have got.
    code: Option<&'static str>,
    detail: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = BulkReport)]
pub struct Report {
    items: Vec<Done>,
}

/// Do the same to many conversations
///
/// One after another; what is refused for one of them is reported and does not stop the others.
#[utoipa::path(post, path = "/conversations/bulk", tag = "Conversations", request_body = Bulk, responses((status = 200, body = Report)))]
pub async fn run(ctx: Context, Body(bulk): Body<Bulk>) -> Result<Json<Report>, Problem> {
    if !(1..=MOST).contains(&bulk.conversations.len()) {
        return Err(Problem::invalid("/conversations", "length", format!("1 to {MOST}")));
    }
    let target = match &bulk.action {
        Action::Transfer {
            agent: Some(a),
            group: None,
        } => ronda_routing::Target::Agent(*a),
        Action::Transfer {
            agent: None,
            group: Some(g),
        } => ronda_routing::Target::Group(*g),
        Action::Transfer { .. } => return Err(Problem::invalid("/action", "one_of", "name an agent or a group")),
        _ => ronda_routing::Target::Anyone,
    };
    let mut items = Vec::with_capacity(bulk.conversations.len());
    for one in bulk.conversations {
        let done = each(&ctx, &bulk.action, target, one).await;
        let problem = done.err().map(Problem::told);
        items.push(Done {
            id: one.id,
            ok: problem.is_none(),
            code: problem.as_ref().map(|(code, _)| *code),
            detail: problem.map(|(_, detail)| detail),
        });
    }
    Ok(Json(Report { items }))
}

async fn each(ctx: &Context, action: &Action, target: ronda_routing::Target, one: One) -> Result<(), Problem> {
    let id = one.id;
    let mark: fn(&mut Tx<'_>, &Who, ConversationId) -> AppResult<_> = match action {
        Action::Read => conversations::mark_read,
        Action::Unread => conversations::mark_unread,
        _ => {
            let action = action.clone();
            let prepare = move |tx: &mut Tx<'_>, who: &Who| match &action {
                Action::Close {
                    confirm_unanswered,
                    reason,
                } => commands::close(
                    tx,
                    who,
                    id,
                    one.seen,
                    one.last_message,
                    *confirm_unanswered,
                    reason.as_deref(),
                ),
                Action::Transfer { .. } => {
                    let transfer = commands::Transfer {
                        to: target,
                        seen: one.seen,
                        note: None,
                        deferred_until: None,
                        skills: None,
                        return_unanswered: false,
                    };
                    commands::transfer(tx, who, id, &transfer)
                }
                _ => commands::take(tx, who, id, one.seen),
            };
            carry_out(ctx, None, id, prepare).await?;
            return Ok(());
        }
    };
    ctx.write("bulk_mark", move |tx, who| mark(tx, who, id)).await?;
    Ok(())
}
