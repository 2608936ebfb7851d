//! The users of a workspace, for administrators.

use crate::app::users::{self, EditUser, NewUser, StateChange, StateSpan, User};
use crate::app::{AppError, Fields};
use crate::http::input::{limit_of, read_cursor};
use crate::http::password_resets;
use crate::http::problem::Problem;
use crate::http::{Body, Context, Filter, IfMatch, Page, Paged, Path, Versioned};
use crate::secrets;
use axum::http::StatusCode;
use ronda_domain::permission::{Permission, Role};
use ronda_domain::{AgentId, GroupId, Ms};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TypedUser {
    email: String,
    name: String,
    role: Role,
    #[serde(default)]
    groups: Vec<GroupId>,
    /// Has to be changed at the first sign-in.
    password: String,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Between {
    /// UTC milliseconds, inclusive.
    from: Option<i64>,
    /// UTC milliseconds, exclusive.
    to: Option<i64>,
    limit: Option<i64>,
    cursor: Option<String>,
}

/// List users
#[utoipa::path(get, path = "/users", tag = "Users", params(Page), responses((status = 200, body = Paged<User>)))]
pub async fn list(context: Context, Filter(page): Filter<Page>) -> Result<Paged<User>, Problem> {
    let (after, limit) = (page.after(0)?, page.limit()?);
    let items = context
        .read("users", move |tx, who| users::list(tx, who, after, limit))
        .await?;
    Ok(Paged::of(items, limit, |u| u.id))
}

/// Create a user with a typed password
///
/// For people who cannot read mails; everybody else is invited. The password has to be changed at the first sign-in.
#[utoipa::path(post, path = "/users", tag = "Users", request_body = TypedUser, responses((status = 201, body = User)))]
pub async fn create(context: Context, Body(input): Body<TypedUser>) -> Result<(StatusCode, Versioned<User>), Problem> {
    // Before the hash: it is work that only somebody with the right may ask for.
    context.who.need(Permission::UsersManage)?;
    let mut f = Fields::new();
    let (email, name) = users::check_new(&mut f, &input.email, &input.name, &input.password);
    f.done()?;
    let new = NewUser {
        email,
        name,
        role: input.role,
        groups: input.groups,
        password_hash: context.app.passwords.hash(input.password).await,
    };
    let user = context
        .write("create_user", move |tx, who| users::create(tx, who, &new))
        .await?;
    let version = user.version;
    Ok((StatusCode::CREATED, Versioned(user, version)))
}

/// Read a user
#[utoipa::path(get, path = "/users/{id}", tag = "Users", params(("id" = i64, Path)), responses((status = 200, body = User)))]
pub async fn get(context: Context, Path(id): Path<AgentId>) -> Result<Versioned<User>, Problem> {
    let user = context.read("user", move |tx, who| users::get(tx, who, id)).await?;
    let version = user.version;
    Ok(Versioned(user, version))
}

/// Edit a user
///
/// A suspended user cannot sign in and is assigned nothing; what they held goes back to the queue.
#[utoipa::path(patch, path = "/users/{id}", tag = "Users", params(("id" = i64, Path)), request_body = EditUser, responses((status = 200, body = User)))]
pub async fn edit(
    context: Context,
    Path(id): Path<AgentId>,
    IfMatch(version): IfMatch,
    Body(input): Body<EditUser>,
) -> Result<Versioned<User>, Problem> {
    let user = context
        .write("edit_user", move |tx, who| users::edit(tx, who, id, version, &input))
        .await?;
    let version = user.version;
    Ok(Versioned(user, version))
}

/// Delete a user
///
/// History keeps the name; conversations go back to the queue.
#[utoipa::path(delete, path = "/users/{id}", tag = "Users", params(("id" = i64, Path)), responses((status = 204)))]
pub async fn delete(context: Context, Path(id): Path<AgentId>) -> Result<StatusCode, Problem> {
    context
        .write("delete_user", move |tx, who| users::delete(tx, who, id))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the state changes of a user
///
/// Newest first, with who or what caused each.
#[utoipa::path(get, path = "/users/{id}/states", tag = "Users", params(("id" = i64, Path), Between), responses((status = 200, body = Paged<StateChange>)))]
pub async fn states(
    context: Context,
    Path(id): Path<AgentId>,
    Filter(query): Filter<Between>,
) -> Result<Paged<StateChange>, Problem> {
    let limit = limit_of(query.limit)?;
    let before = match &query.cursor {
        Some(cursor) => read_cursor(cursor)?,
        None => i64::MAX,
    };
    let between = (Ms(query.from.unwrap_or(0)), Ms(query.to.unwrap_or(i64::MAX)));
    let items = context
        .read("user_states", move |tx, who| {
            users::states(tx, who, id, before, between, limit)
        })
        .await?;
    Ok(Paged::of(items, limit, |s| s.id))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SpansBetween {
    /// A day before `to` when left out, in milliseconds.
    from: Option<i64>,
    /// Now when left out; at most 31 days after `from`.
    to: Option<i64>,
}

/// List the times a user spent in each state
///
/// Oldest first, one after the other without a hole: what adds up to the time between `from` and `to`, or now.
#[utoipa::path(get, path = "/users/{id}/state-spans", tag = "Users", params(("id" = i64, Path), SpansBetween), responses((status = 200, body = Paged<StateSpan>)))]
pub async fn state_spans(
    context: Context,
    Path(id): Path<AgentId>,
    Filter(query): Filter<SpansBetween>,
) -> Result<Paged<StateSpan>, Problem> {
    let to = query.to.map_or_else(|| context.app.clock.now(), Ms);
    let from = query.from.map_or_else(|| to.plus(-Ms::DAY), Ms);
    Ok(Paged::whole(
        context
            .read("user_state_spans", move |tx, who| users::spans(tx, who, id, from, to))
            .await?,
    ))
}

/// Send a user a link for a new password
///
/// And sign their devices out. The link goes to their address only.
#[utoipa::path(post, path = "/users/{id}/password-reset", tag = "Users", params(("id" = i64, Path)), responses((status = 202)))]
pub async fn reset(context: Context, Path(id): Path<AgentId>) -> Result<StatusCode, Problem> {
    context.who.need(Permission::UsersManage)?;
    if !context.app.mail.configured() {
        return Err(AppError::Refused {
            code: "no_mail",
            detail: "this server sends no mails: its operator makes a link with `ronda user reset-link`".into(),
        }
        .into());
    }
    let token = secrets::token();
    let hash = secrets::hash(&token);
    let recipient = context
        .write("reset_user", move |tx, who| users::reset(tx, who, id, &hash))
        .await?;
    password_resets::deliver(&context.app, &recipient, &token);
    Ok(StatusCode::ACCEPTED)
}
