//! Invitations of movers, which admins make, see and withdraw.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use uuid::Uuid;

use super::cursor::Cursors;
use super::forms::Body;
use super::queries::{Page, Query, id_in_path};
use super::sessions::incomplete;
use crate::auth::extractors::Admin;
use crate::auth::invitations::{link, new_token};
use crate::domain::account::Role;
use crate::error::Result;
use crate::server::App;
use crate::storage::accounts;
use crate::storage::invitations::{self, Invitation};

/// The longest note, in characters.
const NOTE_MAX: usize = 1000;

#[derive(Serialize)]
struct CreatedInvitation {
    #[serde(flatten)]
    invitation: Invitation,
    /// Shown only now.
    link: String,
}

pub async fn create(app: web::Data<App>, Admin(caller, ..): Admin, body: Body) -> Result<HttpResponse> {
    let mut form = body.form()?;
    if !form.has("role") {
        form.refuse("role", "missing", "is required");
    }
    let role = form.one_of("role", &[Role::Mover, Role::Admin], Role::name);
    let note = form.optional_paragraph("note", NOTE_MAX).flatten();
    form.finish()?;
    let role = role.ok_or_else(incomplete)?;

    let token = new_token();
    let link = link(&app.config.public_url, &token);
    let invitation = app
        .db
        .write(move |connection| {
            accounts::require_admin(connection, caller.account_id)?;
            invitations::create(connection, &token, role, note.as_deref(), Some(caller.account_id))
        })
        .await?;
    Ok(HttpResponse::Created().insert_header((CACHE_CONTROL, "no-store")).json(CreatedInvitation { invitation, link }))
}

pub async fn list(app: web::Data<App>, _: Admin, mut query: Query) -> Result<web::Json<Page<Invitation>>> {
    let (limit, cursor) = (query.limit(), query.cursor());
    query.finish()?;
    let cursors = Cursors::new(&app.config.jwt_secret, "invitations", &());
    let after: Option<Uuid> = cursor.map(|cursor| cursors.open(&cursor)).transpose()?;
    let rows = app.db.read(move |connection| invitations::list(connection, after, limit as i64 + 1)).await?;
    Ok(web::Json(Page::new(rows, limit, &cursors, |invitation| invitation.id)))
}

pub async fn withdraw(app: web::Data<App>, Admin(caller, ..): Admin, path: web::Path<String>) -> Result<HttpResponse> {
    let id = id_in_path(&path)?;
    app.db
        .write(move |connection| {
            accounts::require_admin(connection, caller.account_id)?;
            invitations::withdraw(connection, id)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
