//! Named points at which tests stop the process as a power cut would.

/// The environment variable that names the point.
#[cfg(feature = "testing")]
pub const VARIABLE: &str = "RONDA_CRASH_POINT";

/// Stops the process at once when `RONDA_CRASH_POINT` names this point. Does nothing without the feature `testing`.
#[inline]
pub fn crash_point(name: &'static str) {
    #[cfg(feature = "testing")]
    {
        static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
        let chosen = CHOSEN.get_or_init(|| std::env::var(VARIABLE).ok());
        if chosen.as_deref() == Some(name) {
            std::process::abort();
        }
    }
    #[cfg(not(feature = "testing"))]
    let _ = name;
}
