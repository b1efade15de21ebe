//! The own account: profile, password, sessions.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use uuid::Uuid;

use super::cursor::Cursors;
use super::forms::Body;
use super::queries::{Page, Query, id_in_path};
use super::sessions::{incomplete, not_empty};
use crate::auth::extractors::{AnyKey, SignedIn};
use crate::domain::account::{NAME_MAX, Password};
use crate::domain::text::line;
use crate::error::{Error, Result};
use crate::server::App;
use crate::storage::accounts::{self, Account};
use crate::storage::sessions::{self, Session};

pub async fn show(app: web::Data<App>, SignedIn(caller, ..): SignedIn<AnyKey>) -> Result<web::Json<Account>> {
    let account = app.db.read(move |connection| accounts::find(connection, caller.account_id)).await?;
    account.map(web::Json).ok_or(Error::SessionEnded)
}

pub async fn update(app: web::Data<App>, SignedIn(caller, ..): SignedIn, body: Body) -> Result<web::Json<Account>> {
    let mut form = body.form()?;
    // It may be absent, but it may not be null.
    let name = if form.has("name") { form.required("name", |typed| line(typed, NAME_MAX)) } else { None };
    form.finish()?;
    let id = caller.account_id;
    let account = match name {
        Some(name) => app.db.write(move |connection| accounts::rename(connection, id, &name)).await?,
        None => app.db.read(move |connection| accounts::find(connection, id)).await?,
    };
    account.map(web::Json).ok_or(Error::SessionEnded)
}

pub async fn change_password(app: web::Data<App>, SignedIn(caller, ..): SignedIn, body: Body) -> Result<HttpResponse> {
    let mut form = body.form()?;
    let current = form.required("current_password", not_empty);
    let new = form.required("new_password", Password::parse);
    form.finish()?;
    let (Some(current), Some(new)) = (current, new) else { return Err(incomplete()) };
    let incorrect = || Error::invalid("/current_password", "incorrect", "is not your password");

    let checked = app.db.read(move |connection| accounts::own_credentials(connection, caller.account_id)).await?;
    let checked = checked.ok_or(Error::SessionEnded)?;
    if !app.passwords.verify(&current, Some(checked.password_hash.clone())).await? {
        return Err(incorrect());
    }
    let hash = app.passwords.hash(&new).await?;
    let ended = app
        .db
        .write(move |connection| accounts::change_password(connection, &checked, &hash, caller.credential.id()))
        .await?
        // Changed meanwhile from another session.
        .ok_or_else(incorrect)?;
    app.revocations.note(ended);
    Ok(HttpResponse::NoContent().finish())
}

/// A session, and whether it is the one that asks.
#[derive(Debug, Serialize)]
pub struct SessionView {
    #[serde(flatten)]
    session: Session,
    current: bool,
}

pub async fn list_sessions(
    app: web::Data<App>,
    SignedIn(caller, ..): SignedIn,
    mut query: Query,
) -> Result<web::Json<Page<SessionView>>> {
    let (limit, cursor) = (query.limit(), query.cursor());
    query.finish()?;
    let cursors = Cursors::new(&app.config.jwt_secret, "sessions", &caller.account_id);
    let after: Option<Uuid> = cursor.map(|cursor| cursors.open(&cursor)).transpose()?;
    let account_id = caller.account_id;
    let rows = app.db.read(move |connection| sessions::list(connection, account_id, after, limit as i64 + 1)).await?;
    let page = Page::new(rows, limit, &cursors, |session| session.id);
    Ok(web::Json(page.map(|session| SessionView { current: session.id == caller.credential.id(), session })))
}

pub async fn end_session(
    app: web::Data<App>,
    SignedIn(caller, ..): SignedIn,
    path: web::Path<String>,
) -> Result<HttpResponse> {
    let session_id = id_in_path(&path)?;
    app.db.write(move |connection| sessions::end_own(connection, caller.account_id, session_id)).await?;
    app.revocations.note([session_id]);
    Ok(HttpResponse::NoContent().finish())
}
