//! Loops around one step function each; a test can call the step. No rules here.

pub mod accept;
pub mod deliver;
pub mod ingest;
pub mod leases;
pub mod media;
pub mod planner;
pub mod presence;
pub mod push;
pub mod relay;
pub mod shadow;
pub mod timers;
pub mod warnings;

use crate::App;
use std::sync::Arc;
use std::time::Duration;

/// How long a loop sleeps when nothing wakes it: what a lost wake costs.
pub const IDLE: Duration = Duration::from_millis(if cfg!(feature = "testing") { 20 } else { 250 });

/// How long a worker rests after a failure of the database.
pub const REST: Duration = Duration::from_millis(if cfg!(feature = "testing") { 20 } else { 500 });

/// Starts the workers of this process, by its roles. They end when `app.stop` says so.
pub fn start(app: &Arc<App>) {
    crate::realtime::bus::start(app);
    leases::start(app);
    // A node that only works has the cache of the channel accounts too, which events refresh.
    relay::start(app);
    if app.config.roles.http {
        accept::start(app);
        presence::start_renewing(app);
    }
    if app.config.roles.workers {
        ingest::start(app);
        planner::start(app);
        deliver::start(app);
        media::start(app);
        presence::start_looking(app);
        timers::start(app);
        push::start(app);
        warnings::start(app);
    }
}

/// Runs a loop until the server stops.
pub fn spawn(app: &Arc<App>, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
    let stop = app.stop.clone();
    app.workers.spawn(async move {
        tokio::select! {
            () = work => tracing::warn!(worker = name, "a worker ended by itself"),
            () = stop.cancelled() => {}
        }
    });
}
