//! Skills of agents.

use crate::app::skills::{self, EditSkill, NewSkill, Skill};
use crate::http::problem::Problem;
use crate::http::{Body, Context, Filter, IfMatch, Page, Paged, Path, Versioned};
use axum::http::StatusCode;
use ronda_domain::SkillId;

/// List skills
///
/// What agents can do and conversations ask for: languages, subjects.
#[utoipa::path(get, path = "/skills", tag = "Skills", params(Page), responses((status = 200, body = Paged<Skill>)))]
pub async fn list(context: Context, Filter(page): Filter<Page>) -> Result<Paged<Skill>, Problem> {
    let (after, limit) = (page.after(0)?, page.limit()?);
    let items = context
        .read("skills", move |tx, who| skills::list(tx, who, after, limit))
        .await?;
    Ok(Paged::of(items, limit, |s| s.id))
}

/// Create a skill
#[utoipa::path(post, path = "/skills", tag = "Skills", request_body = NewSkill, responses((status = 201, body = Skill)))]
pub async fn create(context: Context, Body(input): Body<NewSkill>) -> Result<(StatusCode, Versioned<Skill>), Problem> {
    let skill = context
        .write("create_skill", move |tx, who| skills::create(tx, who, &input))
        .await?;
    let version = skill.version;
    Ok((StatusCode::CREATED, Versioned(skill, version)))
}

/// Read a skill
#[utoipa::path(get, path = "/skills/{id}", tag = "Skills", params(("id" = i64, Path)), responses((status = 200, body = Skill)))]
pub async fn get(context: Context, Path(id): Path<SkillId>) -> Result<Versioned<Skill>, Problem> {
    let skill = context.read("skill", move |tx, who| skills::get(tx, who, id)).await?;
    let version = skill.version;
    Ok(Versioned(skill, version))
}

/// Edit a skill
#[utoipa::path(patch, path = "/skills/{id}", tag = "Skills", params(("id" = i64, Path)), request_body = EditSkill, responses((status = 200, body = Skill)))]
pub async fn edit(
    context: Context,
    Path(id): Path<SkillId>,
    IfMatch(version): IfMatch,
    Body(input): Body<EditSkill>,
) -> Result<Versioned<Skill>, Problem> {
    let skill = context
        .write("edit_skill", move |tx, who| skills::edit(tx, who, id, version, &input))
        .await?;
    let version = skill.version;
    Ok(Versioned(skill, version))
}

/// Delete a skill
///
/// Nothing new asks for it. Conversations that ask for it already still find the users who have it.
#[utoipa::path(delete, path = "/skills/{id}", tag = "Skills", params(("id" = i64, Path)), responses((status = 204)))]
pub async fn delete(context: Context, Path(id): Path<SkillId>) -> Result<StatusCode, Problem> {
    context
        .write("delete_skill", move |tx, who| skills::delete(tx, who, id))
        .await?;
    // Channel accounts that asked for it do so no more.
    context.app.accounts.changed();
    Ok(StatusCode::NO_CONTENT)
}
