//! The one extractor that opens a request: who asks, in which workspace, and the means to begin a read or a write
//! once the input is whole.

use crate::App;
use crate::app::{AppError, AppResult, Who, sessions};
use crate::http::client_ip;
use crate::http::problem::Problem;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use axum_extra::extract::CookieJar;
use ronda_domain::Ms;
use ronda_storage::sessions::OpenSession;
use ronda_storage::{Lane, Tx};
use std::sync::Arc;

/// A use that is older than this is noted again: at most one write a minute and device.
const TOUCH_MS: i64 = Ms::MINUTE;

/// The session of a request, if it has one; put there by [`open_session`].
#[derive(Clone)]
pub struct Caller {
    pub open: Option<Arc<OpenSession>>,
    pub ip: String,
}

/// Finds the session of the cookie once for the whole request.
pub async fn open_session(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let ip = client_ip::of(&app.config, &request);
    let token = CookieJar::from_headers(request.headers())
        .get(crate::http::cookies::session_name(&app.config))
        .map(|c| c.value().to_owned());
    let mut open = None;
    if let Some(token) = token {
        let hash = crate::secrets::hash(&token);
        match app
            .db
            .read("session", move |tx| ronda_storage::sessions::by_token(tx, &hash))
            .await
        {
            Ok(found) => open = found.map(Arc::new),
            Err(error) => return axum::response::IntoResponse::into_response(Problem::from(error)),
        }
    }
    if let Some(open) = &open
        && app.clock.now().since(open.session.last_used_at) > TOUCH_MS
    {
        let (app, open) = (app.clone(), open.clone());
        app.background.clone().spawn(async move {
            let noted = app
                .db
                .write("touch", Lane::Background, move |tx| sessions::touch(tx, &open.session))
                .await;
            if let Err(error) = noted {
                tracing::warn!(%error, "the use of a session was not noted");
            }
        });
    }
    request.extensions_mut().insert(Caller { open, ip });
    next.run(request).await
}

/// A person who is signed in, whether or not a workspace was entered: for one's own account.
pub struct SignedIn {
    pub app: Arc<App>,
    pub open: Arc<OpenSession>,
    pub ip: String,
}

impl FromRequestParts<Arc<App>> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Caller>().cloned();
        match caller {
            Some(Caller { open: Some(open), ip }) => Ok(Self {
                app: app.clone(),
                open,
                ip,
            }),
            _ => Err(AppError::Unauthenticated.into()),
        }
    }
}

/// A member of a workspace, with the means to read and write in it.
pub struct Context {
    pub app: Arc<App>,
    pub who: Who,
    method: Method,
}

impl FromRequestParts<Arc<App>> for Context {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let signed_in = SignedIn::from_request_parts(parts, app).await?;
        if signed_in.open.must_change_password {
            let detail = "choose a password of your own first";
            return Err(Problem::new(StatusCode::FORBIDDEN, "password_change_needed", detail));
        }
        Ok(Self {
            who: sessions::who(&signed_in.open, &signed_in.ip)?,
            app: signed_in.app,
            method: parts.method.clone(),
        })
    }
}

impl Context {
    /// Runs a use case on a reading connection.
    ///
    /// # Errors
    /// What the use case answered, as a problem.
    pub async fn read<T, F>(&self, name: &'static str, mut f: F) -> Result<T, Problem>
    where
        F: FnMut(&mut Tx<'_>, &Who) -> AppResult<T> + Send + 'static,
        T: Send + 'static,
    {
        let who = self.who.clone();
        Ok(self.app.db.read(name, move |tx| f(tx, &who)).await?)
    }

    /// Runs a use case in a transaction; the answer comes after the commit. The closure may run more than once.
    ///
    /// # Errors
    /// What the use case answered, as a problem.
    ///
    /// # Panics
    /// In a GET request: those never write.
    pub async fn write<T, F>(&self, name: &'static str, mut f: F) -> Result<T, Problem>
    where
        F: FnMut(&mut Tx<'_>, &Who) -> AppResult<T> + Send + 'static,
        T: Send + 'static,
    {
        assert!(!self.method.is_safe(), "{name}: a GET request never writes");
        let who = self.who.clone();
        Ok(self
            .app
            .db
            .write(name, Lane::Interactive, move |tx| f(tx, &who))
            .await?)
    }
}
