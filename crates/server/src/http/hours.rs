//! Business hours, and holidays to fill them with.

use crate::app::AppError;
use crate::app::holidays::{self, Calendar, HolidaySet, Imported};
use crate::app::hours::{self, BusinessHours, EditHours, Preview, PreviewHours};
use crate::http::{Body, Context, Filter, IfMatch, Paged, Path, Problem, Versioned};
use axum::Json;
use axum::http::StatusCode;
use ronda_domain::permission::Permission;
use serde::Deserialize;
use utoipa::IntoParams;

/// List business hours
///
/// Of the workspace, and of every channel account and group that has hours of its own.
#[utoipa::path(get, path = "/business-hours", tag = "Hours", responses((status = 200, body = Paged<BusinessHours>)))]
pub async fn list(context: Context) -> Result<Paged<BusinessHours>, Problem> {
    Ok(Paged::whole(context.read("business_hours", hours::list).await?))
}

/// Read business hours
///
/// Of `workspace`, `channel-7` or `group-3`; inherited ones say from where.
#[utoipa::path(get, path = "/business-hours/{scope}", tag = "Hours", params(("scope" = String, Path)), responses((status = 200, body = BusinessHours)))]
pub async fn get(context: Context, Path(scope): Path<String>) -> Result<Versioned<BusinessHours>, Problem> {
    let hours = context
        .read("business_hours", move |tx, who| hours::get(tx, who, &scope))
        .await?;
    let version = hours.version;
    Ok(Versioned(hours, version))
}

/// Save business hours
///
/// `If-Match: "0"` gives a scope its first hours. Clocks that run go on with what was left of their open time.
/// Stretches that end before they begin are read as nights once `confirm` is set.
#[utoipa::path(put, path = "/business-hours/{scope}", tag = "Hours", params(("scope" = String, Path)), request_body = EditHours, responses((status = 200, body = BusinessHours)))]
pub async fn save(
    context: Context,
    Path(scope): Path<String>,
    IfMatch(version): IfMatch,
    Body(edit): Body<EditHours>,
) -> Result<Versioned<BusinessHours>, Problem> {
    let saved = context
        .write("save_business_hours", move |tx, who| {
            hours::save(tx, who, &scope, version, &edit)
        })
        .await?;
    let version = saved.version;
    Ok(Versioned(saved, version))
}

/// Delete business hours
///
/// The scope inherits again; the workspace is always open then.
#[utoipa::path(delete, path = "/business-hours/{scope}", tag = "Hours", params(("scope" = String, Path)), responses((status = 204)))]
pub async fn delete(context: Context, Path(scope): Path<String>) -> Result<StatusCode, Problem> {
    context
        .write("delete_business_hours", move |tx, who| hours::delete(tx, who, &scope))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Look ahead
///
/// What hours would mean: open or closed now, the next opening, what would be merged, and every day of a year. Nothing
/// is saved.
#[utoipa::path(post, path = "/business-hours/preview", tag = "Hours", request_body = PreviewHours, responses((status = 200, body = Preview)))]
pub async fn preview(context: Context, Body(input): Body<PreviewHours>) -> Result<Json<Preview>, Problem> {
    let seen = context.read("preview_hours", move |tx, who| hours::preview(tx, who, &input));
    Ok(Json(seen.await?))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SetOf {
    /// `AR`, `BR`, `CL`, `CO`, `ES`, `MX`, `PE` or `UY`.
    country: Option<String>,
    /// From 2024 to 2100.
    year: Option<i16>,
}

/// List holidays of a country
///
/// Closed days to put into the exceptions of a schedule; `leaves_out` says what a set does not know.
#[utoipa::path(get, path = "/holidays", tag = "Hours", params(SetOf), responses((status = 200, body = HolidaySet)))]
pub async fn holidays(context: Context, Filter(of): Filter<SetOf>) -> Result<Json<HolidaySet>, Problem> {
    context.who.need(Permission::WorkspaceManage)?;
    let asked = |name: &str| AppError::field(format!("/query/{name}"), "required", "this is needed");
    let country = of.country.ok_or_else(|| asked("country"))?;
    let year = of.year.ok_or_else(|| asked("year"))?;
    Ok(Json(holidays::of(&country, year)?))
}

/// Read a calendar file
///
/// The whole days of an iCalendar file as closed days, and what was left out. Nothing is saved.
#[utoipa::path(post, path = "/holidays/calendar", tag = "Hours", request_body = Calendar, responses((status = 200, body = Imported)))]
pub async fn import(context: Context, Body(calendar): Body<Calendar>) -> Result<Json<Imported>, Problem> {
    context.who.need(Permission::WorkspaceManage)?;
    Ok(Json(holidays::read(&calendar.text)?))
}
