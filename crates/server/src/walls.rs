//! The pictures of the live wall that this process has drawn. A picture is drawn at most every [`EVERY`], for all who see
//! the whole workspace and for each who does not, however many screens look: whoever asks is given one that was begun
//! after they asked, so that an event they heard of is in it.

use crate::App;
use crate::app::wall::{self, Onlooker, Overview};
use crate::app::{AppError, AppResult};
use bytes::Bytes;
use ronda_domain::{AgentId, ConversationId, WorkspaceId};
use ronda_routing::{NextChange, State};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Pause between two pictures of a workspace. With the pause of screens (300 ms) it stays well below the second that
/// spec REP-11.1 allows.
const EVERY: Duration = Duration::from_millis(200);

/// The newest picture of a workspace, and when drawing it began.
pub struct Picture {
    begun: Instant,
    by: Onlooker,
    pub overview: Overview,
    /// The same as JSON: it is written once for everybody who looks.
    pub body: Bytes,
}

/// Held by whoever draws.
type Room = Arc<tokio::sync::Mutex<Option<Arc<Picture>>>>;

/// The pictures of this process. Everything in it can be thrown away.
#[derive(Default)]
pub struct Walls {
    rooms: Mutex<HashMap<(WorkspaceId, Option<AgentId>), Room>>,
}

impl Walls {
    /// The wall of a workspace as `by` sees it, drawn after this was called.
    ///
    /// # Errors
    /// [`AppError::RoutingUnavailable`], or when the database fails.
    pub async fn look(&self, app: &Arc<App>, w: WorkspaceId, by: Onlooker) -> AppResult<Arc<Picture>> {
        let asked = Instant::now();
        let room = {
            let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
            rooms.entry((w, by.agent())).or_default().clone()
        };
        // One draws; who waited behind it is given the same picture when it was begun after they asked.
        let mut newest = room.lock().await;
        if let Some(picture) = newest.as_ref() {
            if picture.begun >= asked && picture.by == by {
                return Ok(picture.clone());
            }
            tokio::time::sleep_until(picture.begun + EVERY).await;
        }
        let begun = Instant::now();
        let overview = draw(app, w, &by).await?;
        let body = serde_json::to_vec(&overview).map_err(|e| AppError::Internal(e.to_string()))?;
        metrics::histogram!("ronda_wall_seconds").record(begun.elapsed().as_secs_f64());
        let picture = Arc::new(Picture {
            begun,
            by,
            overview,
            body: body.into(),
        });
        *newest = Some(picture.clone());
        Ok(picture)
    }
}

async fn draw(app: &Arc<App>, w: WorkspaceId, by: &Onlooker) -> AppResult<Overview> {
    let now = app.clock.now();
    let eyes = by.clone();
    let look = move |state: &State| {
        let survey = ronda_routing::survey_of(state, now, |conv| eyes.sees(conv));
        let first = survey.queues.iter().filter_map(|q| q.oldest);
        let next = first.filter_map(|(_, id)| Some((id, ronda_routing::next_change(state, id)?)));
        let next: BTreeMap<ConversationId, NextChange> = next.collect();
        (survey, next)
    };
    let (survey, next) = app.planners.ask(app, w, look).await?;
    let by = by.clone();
    app.db
        .read("wall", move |tx| wall::overview(tx, w, &survey, &next, &by))
        .await
}
