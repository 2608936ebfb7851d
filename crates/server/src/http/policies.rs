//! The assignment rules as reviewed configuration: versions, what differs, going back, texts, tests, candidates and
//! replays (spec CP-11).

use crate::app::candidates::{self, Candidate, NewCandidate, ShadowDifference, Verdict};
use crate::app::policies::{
    self, ExportedPolicy, FieldChange, ImportedPolicy, Judged, NewPolicy, Overrides, PolicyVersion, RestorePolicy,
    TestRun,
};
use crate::app::{AppError, replays};
use crate::http::input::{limit_of, read_cursor};
use crate::http::{Body, Context, Filter, Paged, Path, Problem};
use axum::Json;
use axum::http::StatusCode;
use ronda_domain::GroupId;
use ronda_domain::permission::Permission;
use ronda_routing::Policy;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use utoipa::{IntoParams, ToSchema};

/// Time a replay may take; both halves get the same.
const LONGEST_REPLAY: Duration = Duration::from_secs(8);
/// Runs of a replay when there is time. Source: routing reference §4, item 1.
const RUNS: u64 = 200;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct VersionsQuery {
    limit: Option<i64>,
    cursor: Option<String>,
    /// As it was for the conversations of this group.
    group: Option<i64>,
}

/// List policy versions
///
/// Newest first. With `group`, `policy` is the one that its conversations were under.
#[utoipa::path(get, path = "/routing-policies", tag = "Routing", params(VersionsQuery), responses((status = 200, body = Paged<PolicyVersion>)))]
pub async fn versions(ctx: Context, Filter(q): Filter<VersionsQuery>) -> Result<Paged<PolicyVersion>, Problem> {
    let limit = limit_of(q.limit)?;
    let before: i64 = q.cursor.as_deref().map(read_cursor).transpose()?.unwrap_or(i64::MAX);
    let group = q.group.map(GroupId);
    let items = ctx
        .read("policies", move |tx, who| policies::list(tx, who, before, limit, group))
        .await?;
    Ok(Paged::of(items, limit, |p: &PolicyVersion| p.version))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CurrentQuery {
    /// As it is for the conversations of this group.
    group: Option<i64>,
}

/// Get the policy in force
#[utoipa::path(get, path = "/routing-policies/current", tag = "Routing", params(CurrentQuery), responses((status = 200, body = PolicyVersion)))]
pub async fn current(ctx: Context, Filter(q): Filter<CurrentQuery>) -> Result<Json<PolicyVersion>, Problem> {
    let group = q.group.map(GroupId);
    Ok(Json(
        ctx.read("policy", move |tx, who| policies::current(tx, who, group))
            .await?,
    ))
}

/// Save a policy
///
/// A new version, in force at once. `if_version` names the version that was edited: 412 when a newer one exists.
/// Findings that need a decision, and tests that fail, answer 409 `needs_confirmation` until `confirm` is set.
#[utoipa::path(post, path = "/routing-policies", tag = "Routing", request_body = NewPolicy, responses((status = 201, body = PolicyVersion)))]
pub async fn save(ctx: Context, Body(new): Body<NewPolicy>) -> Result<(StatusCode, Json<PolicyVersion>), Problem> {
    let saved = ctx
        .write("save_policy", move |tx, who| policies::save(tx, who, &new))
        .await?;
    ronda_storage::crash_point("settings.after_commit");
    Ok((StatusCode::CREATED, Json(saved)))
}

/// Get a version
#[utoipa::path(get, path = "/routing-policies/versions/{version}", tag = "Routing", params(("version" = i64, Path)), responses((status = 200, body = PolicyVersion)))]
pub async fn version(ctx: Context, Path(number): Path<i64>) -> Result<Json<PolicyVersion>, Problem> {
    Ok(Json(
        ctx.read("policy_version", move |tx, who| policies::one(tx, who, number))
            .await?,
    ))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DiffQuery {
    /// The version to compare with; the one before when it is not named.
    against: Option<i64>,
}

/// Compare versions
///
/// The fields that differ from `against` to this version, with both values.
#[utoipa::path(get, path = "/routing-policies/versions/{version}/diff", tag = "Routing", params(("version" = i64, Path), DiffQuery), responses((status = 200, body = Vec<FieldChange>)))]
pub async fn diff(
    ctx: Context,
    Path(number): Path<i64>,
    Filter(q): Filter<DiffQuery>,
) -> Result<Json<Vec<FieldChange>>, Problem> {
    let from = q.against.unwrap_or(number.saturating_sub(1));
    Ok(Json(
        ctx.read("policy_diff", move |tx, who| policies::diff(tx, who, from, number))
            .await?,
    ))
}

/// Return to a version
///
/// A new version with the content of an older one, in force at once.
#[utoipa::path(post, path = "/routing-policies/versions/{version}/restore", tag = "Routing", params(("version" = i64, Path)), request_body = RestorePolicy, responses((status = 201, body = PolicyVersion)))]
pub async fn restore(
    ctx: Context,
    Path(number): Path<i64>,
    Body(how): Body<RestorePolicy>,
) -> Result<(StatusCode, Json<PolicyVersion>), Problem> {
    let saved = ctx
        .write("restore_policy", move |tx, who| {
            policies::restore(tx, who, number, &how)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(saved)))
}

/// Export a version
///
/// A text to be kept elsewhere and compared; groups are named by their keys, people by their names.
#[utoipa::path(get, path = "/routing-policies/versions/{version}/export", tag = "Routing", params(("version" = i64, Path)), responses((status = 200, body = ExportedPolicy)))]
pub async fn export(ctx: Context, Path(number): Path<i64>) -> Result<Json<ExportedPolicy>, Problem> {
    Ok(Json(
        ctx.read("policy_export", move |tx, who| policies::export(tx, who, number))
            .await?,
    ))
}

/// Read an exported version
///
/// What it says, in terms of this workspace. Nothing is saved.
#[utoipa::path(post, path = "/routing-policies/import", tag = "Routing", request_body = ExportedPolicy, responses((status = 200, body = ImportedPolicy)))]
pub async fn import(ctx: Context, Body(text): Body<ExportedPolicy>) -> Result<Json<ImportedPolicy>, Problem> {
    Ok(Json(
        ctx.read("policy_import", move |tx, who| policies::import(tx, who, &text))
            .await?,
    ))
}

/// Run the tests of a policy
///
/// Each test with who got the chat, or why it waits. Nothing is saved.
#[utoipa::path(post, path = "/routing-policies/test", tag = "Routing", request_body = TestRun, responses((status = 200, body = Vec<Judged>)))]
pub async fn test(ctx: Context, Body(run): Body<TestRun>) -> Result<Json<Vec<Judged>>, Problem> {
    Ok(Json(
        ctx.read("policy_test", move |tx, who| policies::test(tx, who, &run))
            .await?,
    ))
}

/// List policies that are not in force
///
/// Those that wait for their time, and those that plan in the shadow of the live one.
#[utoipa::path(get, path = "/routing-policies/candidates", tag = "Routing", responses((status = 200, body = Vec<Candidate>)))]
pub async fn candidates(ctx: Context) -> Result<Json<Vec<Candidate>>, Problem> {
    Ok(Json(ctx.read("candidates", candidates::list).await?))
}

/// Save a policy that is not in force
///
/// With `activates_at` it comes into force then, unless a newer version exists or a test fails; otherwise it plans beside
/// the live one, and the differences are logged. Nothing it decides is done.
#[utoipa::path(post, path = "/routing-policies/candidates", tag = "Routing", request_body = NewCandidate, responses((status = 201, body = Candidate)))]
pub async fn add_candidate(
    ctx: Context,
    Body(new): Body<NewCandidate>,
) -> Result<(StatusCode, Json<Candidate>), Problem> {
    let added = ctx
        .write("add_candidate", move |tx, who| candidates::add(tx, who, &new))
        .await?;
    Ok((StatusCode::CREATED, Json(added)))
}

/// Say yes to a policy
///
/// Of somebody else: 403 `own_proposal`. A proposed one is in force at once, a planned one comes at its time. 412 when
/// another version came since.
#[utoipa::path(post, path = "/routing-policies/candidates/{id}/approve", tag = "Routing", params(("id" = i64, Path)), request_body = Verdict, responses((status = 200, body = Candidate)))]
pub async fn approve(
    ctx: Context,
    Path(id): Path<i64>,
    Body(verdict): Body<Verdict>,
) -> Result<Json<Candidate>, Problem> {
    Ok(Json(
        ctx.write("approve", move |tx, who| candidates::approve(tx, who, id, &verdict))
            .await?,
    ))
}

/// Say no to a policy
///
/// It stays in the list with the reason until it is dropped.
#[utoipa::path(post, path = "/routing-policies/candidates/{id}/reject", tag = "Routing", params(("id" = i64, Path)), request_body = Verdict, responses((status = 200, body = Candidate)))]
pub async fn reject(
    ctx: Context,
    Path(id): Path<i64>,
    Body(verdict): Body<Verdict>,
) -> Result<Json<Candidate>, Problem> {
    Ok(Json(
        ctx.write("reject", move |tx, who| candidates::reject(tx, who, id, &verdict))
            .await?,
    ))
}

/// Drop a policy that is not in force
#[utoipa::path(delete, path = "/routing-policies/candidates/{id}", tag = "Routing", params(("id" = i64, Path)), responses((status = 204)))]
pub async fn drop_candidate(ctx: Context, Path(id): Path<i64>) -> Result<StatusCode, Problem> {
    ctx.write("drop_candidate", move |tx, who| candidates::remove(tx, who, id))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DifferencesQuery {
    limit: Option<i64>,
    cursor: Option<String>,
}

/// List where a shadow decided otherwise
///
/// Newest first; the newest 2,000 are kept.
#[utoipa::path(get, path = "/routing-policies/candidates/{id}/differences", tag = "Routing", params(("id" = i64, Path), DifferencesQuery), responses((status = 200, body = Paged<ShadowDifference>)))]
pub async fn differences(
    ctx: Context,
    Path(id): Path<i64>,
    Filter(q): Filter<DifferencesQuery>,
) -> Result<Paged<ShadowDifference>, Problem> {
    let limit = limit_of(q.limit)?;
    let before: i64 = q.cursor.as_deref().map(read_cursor).transpose()?.unwrap_or(i64::MAX);
    let items = ctx
        .read("differences", move |tx, who| {
            candidates::differences(tx, who, id, before, limit)
        })
        .await?;
    Ok(Paged::of(items, limit, |d: &ShadowDifference| d.id))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayAsked {
    #[schema(value_type = Object)]
    policy: Policy,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    groups: Option<BTreeMap<GroupId, Overrides>>,
    /// How many days back, 1 to 7.
    #[serde(default = "one")]
    days: i64,
}

const fn one() -> i64 {
    1
}

/// What a policy would have done with recorded traffic.
#[derive(Serialize, ToSchema)]
pub struct Replayed {
    days: i64,
    /// Figures as they were, as the policy of then gives them when it is played again, and as this one would; each as
    /// `low`, `middle` and `high` over runs with different seeds. `refused` says why nothing is predicted.
    #[schema(value_type = Object)]
    result: ronda_whatif::replay::Replay,
}

/// Replay recorded traffic
///
/// Arrivals, patience and shifts as they were; how long answers take is drawn from what was observed of each agent. The
/// policy of then is played first: when it does not agree with what was observed within the stated error, nothing is
/// predicted. One at a time per workspace (409 `replay_running`), some seconds at most. Nothing changes.
#[utoipa::path(post, path = "/routing-policies/replay", tag = "Routing", request_body = ReplayAsked, responses((status = 200, body = Replayed)))]
pub async fn replay(ctx: Context, Body(asked): Body<ReplayAsked>) -> Result<Json<Replayed>, Problem> {
    ctx.who.need(Permission::RoutingEdit)?;
    if !(1..=replays::MOST_DAYS).contains(&asked.days) {
        return Err(Problem::invalid("/days", "out_of_range", "between 1 and 7 days"));
    }
    let Some(turn) = ctx.app.replays.begin(ctx.who.workspace) else {
        return Err(AppError::Refused {
            code: "replay_running",
            detail: "another replay of this workspace is under way".into(),
        }
        .into());
    };
    let days = asked.days;
    let new = NewPolicy {
        policy: asked.policy,
        groups: asked.groups,
        ..NewPolicy::default()
    };
    let (record, facts) = ctx
        .read("replay", move |tx, who| {
            let record = replays::record(tx, who, days)?;
            let book = policies::checked(tx, who.workspace, &new)?;
            Ok((record, replays::what_if(&book)))
        })
        .await?;
    // Who no longer waits for the answer stops it with this value.
    let stopped = Stopped(Arc::new(AtomicBool::new(false)));
    let asked_to_stop = stopped.0.clone();
    let result = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let began = Instant::now();
        let mut go_on = |second: bool| {
            let until = if second { LONGEST_REPLAY } else { LONGEST_REPLAY / 2 };
            !asked_to_stop.load(Ordering::Relaxed) && began.elapsed() < until
        };
        ronda_whatif::replay::replay(&record, &facts, RUNS, &mut go_on)
    })
    .await
    .map_err(|e| AppError::Internal(e.to_string()))?;
    drop(stopped);
    Ok(Json(Replayed { days, result }))
}

struct Stopped(Arc<AtomicBool>);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
