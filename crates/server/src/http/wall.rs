//! The live wall, for supervisors and for screens in the room.

use crate::App;
use crate::app::pauses::{self, NewPause, RotationPause};
use crate::app::scope::Sight;
use crate::app::wall::{Overview, PublicWall};
use crate::app::wall_links::{self, NewWallLink, WallLink};
use crate::http::{Body, Context, Paged, Path, Problem};
use crate::secrets;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use ronda_domain::permission::Permission;
use std::sync::Arc;

/// Look at the wall
///
/// Queues, agents and what needs somebody, at a glance. True as of the request; many who ask at once share one answer.
/// Whoever sees their groups alone is given what is in these.
#[utoipa::path(get, path = "/routing/overview", tag = "Routing", responses((status = 200, body = Overview)))]
pub async fn overview(ctx: Context) -> Result<Response, Problem> {
    ctx.who.need(Permission::RoutingExplain)?;
    let by = Sight::from(&ctx.who).into();
    let picture = ctx.app.walls.look(&ctx.app, ctx.who.workspace, by).await?;
    Ok(([(CONTENT_TYPE, "application/json")], picture.body.clone()).into_response())
}

/// Pause rotation
///
/// The clocks of a group, or of all, stand still for at most 60 minutes and go on with what was left; 0 minutes ends a
/// pause. It is in the audit log.
#[utoipa::path(post, path = "/rotation-pauses", tag = "Routing", request_body = NewPause, responses((status = 201, body = RotationPause)))]
pub async fn pause(ctx: Context, Body(new): Body<NewPause>) -> Result<(StatusCode, Json<RotationPause>), Problem> {
    let pause = ctx
        .write("pause_rotation", move |tx, who| pauses::set(tx, who, &new))
        .await?;
    Ok((StatusCode::CREATED, Json(pause)))
}

/// List links to the wall
#[utoipa::path(get, path = "/wall-links", tag = "Routing", responses((status = 200, body = Paged<WallLink>)))]
pub async fn links(ctx: Context) -> Result<Json<Paged<WallLink>>, Problem> {
    let items = ctx.read("wall_links", wall_links::list).await?;
    Ok(Json(Paged {
        items,
        next_cursor: None,
    }))
}

/// Make a link to the wall
///
/// For a screen in the room: whoever has it sees the wall of who made it, without customers, and nothing else, until it is
/// revoked. The address is given once.
#[utoipa::path(post, path = "/wall-links", tag = "Routing", request_body = NewWallLink, responses((status = 201, body = WallLink)))]
pub async fn create(ctx: Context, Body(input): Body<NewWallLink>) -> Result<(StatusCode, Json<WallLink>), Problem> {
    let token = secrets::token();
    let hash = secrets::hash(&token);
    let mut link = ctx
        .write("wall_link", move |tx, who| wall_links::create(tx, who, &input, &hash))
        .await?;
    link.link = Some(ctx.app.config.link(&format!("/wall/{token}")));
    Ok((StatusCode::CREATED, Json(link)))
}

/// Revoke a link to the wall
#[utoipa::path(delete, path = "/wall-links/{id}", tag = "Routing", params(("id" = i64, Path)), responses((status = 204)))]
pub async fn revoke(ctx: Context, Path(id): Path<i64>) -> Result<StatusCode, Problem> {
    ctx.write("revoke_wall_link", move |tx, who| wall_links::revoke(tx, who, id))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Look at the wall with a link
///
/// For the bearer of a link.
#[utoipa::path(get, path = "/wall/{token}", tag = "Routing", params(("token" = String, Path)), responses((status = 200, body = PublicWall)))]
pub async fn public(State(app): State<Arc<App>>, Path(token): Path<String>) -> Result<Json<PublicWall>, Problem> {
    let hash = secrets::hash(&token);
    let (link, workspace, by) = app
        .db
        .read("wall_link", move |tx| wall_links::opened(tx, &hash))
        .await?;
    let picture = app.walls.look(&app, link.workspace, by).await?;
    Ok(Json(PublicWall::of(&picture.overview, &workspace, link.names)))
}
