//! Members: closures waiting for a connection, and the futures that wait for them.

use crate::{StoreError, Tx, Wake};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How a run of a member ended.
pub(crate) enum Ran {
    /// The closure wants to be committed.
    Ok,
    /// The closure refused or failed; its answer is kept.
    Failed,
    /// Another transaction was in the way: run it again.
    Retry,
}

/// A closure with its typed answer hidden inside, so that members of one group can be of any type.
pub(crate) trait Member: Send {
    fn name(&self) -> &'static str;
    /// Runs the closure and numbers its events. May be called again after a rollback.
    fn run(&mut self, tx: &mut Tx<'_>) -> Ran;
    /// Answers the caller. `error` replaces the closure's answer when the group could not be committed.
    fn settle(self: Box<Self>, error: Option<StoreError>);
}

struct Typed<F, T, E> {
    name: &'static str,
    f: F,
    answer: Option<Result<T, E>>,
    reply: tokio::sync::oneshot::Sender<Result<T, E>>,
}

/// Makes a member and the receiver of its answer.
#[allow(clippy::type_complexity)]
pub(crate) fn member<F, T, E>(
    name: &'static str,
    f: F,
) -> (Box<dyn Member>, tokio::sync::oneshot::Receiver<Result<T, E>>)
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<StoreError> + MaybeRetry + Send + 'static,
{
    let (reply, receiver) = tokio::sync::oneshot::channel();
    (
        Box::new(Typed {
            name,
            f,
            answer: None,
            reply,
        }),
        receiver,
    )
}

/// Whether an error only says that another transaction was in the way. Application errors that wrap a
/// [`StoreError`] forward it.
pub trait MaybeRetry {
    fn is_retry(&self) -> bool {
        false
    }
}

impl MaybeRetry for StoreError {
    fn is_retry(&self) -> bool {
        matches!(self, Self::Retry)
    }
}

impl<F, T, E> Member for Typed<F, T, E>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<StoreError> + MaybeRetry + Send + 'static,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> Ran {
        tx.events.clear();
        tx.wakes.clear();
        tx.failed = false;
        let answer: Result<T, E> = catch_unwind(AssertUnwindSafe(|| {
            let answer = (self.f)(tx)?;
            if tx.failed {
                return Err(
                    StoreError::Other(format!("a statement of {} failed and the closure went on", self.name)).into(),
                );
            }
            crate::events::flush(tx)?;
            Ok(answer)
        }))
        .unwrap_or_else(|_| Err(StoreError::Panicked(self.name).into()));
        let ran = match &answer {
            Ok(_) => Ran::Ok,
            Err(e) if e.is_retry() => Ran::Retry,
            Err(_) => Ran::Failed,
        };
        self.answer = Some(answer);
        ran
    }

    fn settle(self: Box<Self>, error: Option<StoreError>) {
        let answer = match (error, self.answer) {
            // A closure that failed by itself keeps its own reason.
            (Some(_), Some(Err(own))) => Err(own),
            (Some(error), _) => Err(error.into()),
            (None, Some(answer)) => answer,
            (None, None) => Err(StoreError::Unavailable("the transaction was never run".into()).into()),
        };
        // The caller may have gone away; what was committed stays.
        let _ = self.reply.send(answer);
    }
}

/// The error that every waiting member of a failed group or lost connection gets a copy of.
pub(crate) fn copy(error: &StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(t) => StoreError::Unavailable(t.clone()),
        StoreError::CommitUnknown => StoreError::CommitUnknown,
        StoreError::TooLong { name, millis } => StoreError::TooLong { name, millis: *millis },
        StoreError::Retry => StoreError::Retry,
        other => StoreError::Other(other.to_string()),
    }
}

/// Collects wakes of several members, each once.
pub(crate) fn add_wakes(all: &mut Vec<Wake>, more: Vec<Wake>) {
    for wake in more {
        if !all.contains(&wake) {
            all.push(wake);
        }
    }
}
