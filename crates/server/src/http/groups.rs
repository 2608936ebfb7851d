//! Groups of agents.

use crate::app::groups::{self, EditGroup, Group, NewGroup};
use crate::http::problem::Problem;
use crate::http::{Body, Context, Filter, IfMatch, Page, Paged, Path, Versioned};
use axum::http::StatusCode;
use ronda_domain::GroupId;
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Heir {
    /// The group that takes over the live conversations.
    heir: Option<GroupId>,
}

/// List groups
#[utoipa::path(get, path = "/groups", tag = "Groups", params(Page), responses((status = 200, body = Paged<Group>)))]
pub async fn list(context: Context, Filter(page): Filter<Page>) -> Result<Paged<Group>, Problem> {
    let (after, limit) = (page.after(0)?, page.limit()?);
    let items = context
        .read("groups", move |tx, who| groups::list(tx, who, after, limit))
        .await?;
    Ok(Paged::of(items, limit, |g| g.id))
}

/// Create a group
#[utoipa::path(post, path = "/groups", tag = "Groups", request_body = NewGroup, responses((status = 201, body = Group)))]
pub async fn create(context: Context, Body(input): Body<NewGroup>) -> Result<(StatusCode, Versioned<Group>), Problem> {
    let group = context
        .write("create_group", move |tx, who| groups::create(tx, who, &input))
        .await?;
    let version = group.version;
    Ok((StatusCode::CREATED, Versioned(group, version)))
}

/// Read a group
#[utoipa::path(get, path = "/groups/{id}", tag = "Groups", params(("id" = i64, Path)), responses((status = 200, body = Group)))]
pub async fn get(context: Context, Path(id): Path<GroupId>) -> Result<Versioned<Group>, Problem> {
    let group = context.read("group", move |tx, who| groups::get(tx, who, id)).await?;
    let version = group.version;
    Ok(Versioned(group, version))
}

/// Edit a group
///
/// A former key keeps working. Members see other conversations at once.
#[utoipa::path(patch, path = "/groups/{id}", tag = "Groups", params(("id" = i64, Path)), request_body = EditGroup, responses((status = 200, body = Group)))]
pub async fn edit(
    context: Context,
    Path(id): Path<GroupId>,
    IfMatch(version): IfMatch,
    Body(input): Body<EditGroup>,
) -> Result<Versioned<Group>, Problem> {
    let group = context
        .write("edit_group", move |tx, who| groups::edit(tx, who, id, version, &input))
        .await?;
    let version = group.version;
    Ok(Versioned(group, version))
}

/// Delete a group
///
/// A group with live conversations needs an heir.
#[utoipa::path(delete, path = "/groups/{id}", tag = "Groups", params(("id" = i64, Path), Heir), responses((status = 204)))]
pub async fn delete(
    context: Context,
    Path(id): Path<GroupId>,
    Filter(query): Filter<Heir>,
) -> Result<StatusCode, Problem> {
    context
        .write("delete_group", move |tx, who| groups::delete(tx, who, id, query.heir))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
