//! The two cookies: the session, and the device that signed in before.

use crate::app::sessions::Opened;
use crate::config::Config;
use axum::http::{HeaderValue, header};
use axum::response::AppendHeaders;
use axum_extra::extract::CookieJar;
use ronda_domain::Ms;

/// Life of the cookie that makes a device known.
const DEVICE_SECONDS: i64 = 365 * 86_400;

/// Cookies to set with an answer.
pub type SetCookies = AppendHeaders<Vec<(header::HeaderName, HeaderValue)>>;

/// The name of the session's cookie. The prefix makes browsers refuse it from elsewhere; they allow it over https only.
#[must_use]
pub fn session_name(config: &Config) -> &'static str {
    if config.is_https() { "__Host-ronda" } else { "ronda" }
}

fn device_name(config: &Config) -> &'static str {
    if config.is_https() {
        "__Host-ronda-device"
    } else {
        "ronda-device"
    }
}

/// The token that makes this device known.
#[must_use]
pub fn device(config: &Config, jar: &CookieJar) -> Option<String> {
    jar.get(device_name(config))
        .map(|c| c.value().to_owned())
        .filter(|v| !v.is_empty())
}

fn cookie(config: &Config, name: &str, value: &str, max_age_seconds: Option<i64>) -> (header::HeaderName, HeaderValue) {
    let secure = if config.is_https() { "; Secure" } else { "" };
    let age = max_age_seconds.map(|s| format!("; Max-Age={s}")).unwrap_or_default();
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}");
    let value = HeaderValue::from_str(&text).expect("tokens are plain letters");
    (header::SET_COOKIE, value)
}

/// The cookies of a session that was just opened. Without "remember me" its cookie ends with the browser.
pub fn signed_in(config: &Config, opened: &Opened, now: Ms) -> SetCookies {
    let seconds = opened.remember.then(|| opened.expires_at.since(now) / 1_000);
    AppendHeaders(vec![
        cookie(config, session_name(config), &opened.token, seconds),
        cookie(config, device_name(config), &opened.device, Some(DEVICE_SECONDS)),
    ])
}

/// Takes the session's cookie away.
pub fn signed_out(config: &Config) -> SetCookies {
    AppendHeaders(vec![cookie(config, session_name(config), "", Some(0))])
}
