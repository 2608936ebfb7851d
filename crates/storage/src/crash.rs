//! Named points at which tests stop the process: for good as a power cut would, or until it is told to go on.

/// The environment variable that names the point.
#[cfg(feature = "testing")]
pub const VARIABLE: &str = "RONDA_CRASH_POINT";

/// The environment variable that names a file: the point is passed by until it is there.
#[cfg(feature = "testing")]
pub const ARMED: &str = "RONDA_CRASH_ARMED";

/// Ends the process at once when `RONDA_CRASH_POINT` names this point and the file of `RONDA_CRASH_ARMED`, if any, is
/// there; with `stop:` before the name it is paused there the first time, until a `CONT`. Does nothing without the feature
/// `testing`.
#[inline]
pub fn crash_point(name: &'static str) {
    #[cfg(feature = "testing")]
    {
        static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
        let chosen = CHOSEN.get_or_init(|| std::env::var(VARIABLE).ok());
        if chosen.as_deref() == Some(name) {
            let armed = std::env::var_os(ARMED);
            if armed.is_none_or(|file| std::path::Path::new(&file).exists()) {
                std::process::abort();
            }
        }
        static STOPPED: std::sync::Once = std::sync::Once::new();
        if chosen.as_deref().and_then(|c| c.strip_prefix("stop:")) == Some(name) {
            STOPPED.call_once(|| {
                let own = std::process::id().to_string();
                // The signal may reach another thread first: this one goes on only after all of them stood still.
                let stop = "kill -STOP $0; while grep -h ^State: /proc/$0/task/*/status | grep -qv stopped; do :; done";
                let _ = std::process::Command::new("sh").args(["-c", stop, &own]).status();
            });
        }
    }
    #[cfg(not(feature = "testing"))]
    let _ = name;
}
