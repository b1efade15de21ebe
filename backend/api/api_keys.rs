//! API keys: making, listing and ending one's own. Only who is signed in does that, never a key.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use chrono::Utc;
use serde::Serialize;
use uuid::Uuid;

use super::cursor::Cursors;
use super::forms::Body;
use super::queries::{Page, Query, id_in_path};
use super::sessions::incomplete;
use crate::auth::api_keys::{generate, hash};
use crate::auth::extractors::SignedIn;
use crate::domain::account::NAME_MAX;
use crate::domain::scope::Scope;
use crate::domain::text::line;
use crate::error::Result;
use crate::server::App;
use crate::storage::api_keys::{self as table, ApiKey, NewApiKey};

#[derive(Serialize)]
struct CreatedApiKey {
    #[serde(flatten)]
    api_key: ApiKey,
    /// Shown only now.
    key: String,
}

pub async fn create(app: web::Data<App>, SignedIn(caller, ..): SignedIn, body: Body) -> Result<HttpResponse> {
    let mut form = body.form()?;
    let name = form.required("name", |typed| line(typed, NAME_MAX));
    let scopes = form.some_of("scopes", Scope::ALL, Scope::name);
    let expires_at = form.optional_time("expires_at").flatten();
    if expires_at.is_some_and(|at| at <= Utc::now()) {
        form.refuse("expires_at", "invalid_value", "must be in the future");
    }
    form.finish()?;
    let key = generate();
    let new = NewApiKey {
        name: name.ok_or_else(incomplete)?,
        hash: hash(&key),
        last_four: key[key.len() - 4..].to_owned(),
        scopes: scopes.ok_or_else(incomplete)?,
        expires_at,
    };
    let api_key = app.db.write(move |connection| table::create(connection, caller.account_id, new)).await?;
    Ok(HttpResponse::Created().insert_header((CACHE_CONTROL, "no-store")).json(CreatedApiKey { api_key, key }))
}

pub async fn list(
    app: web::Data<App>,
    SignedIn(caller, ..): SignedIn,
    mut query: Query,
) -> Result<web::Json<Page<ApiKey>>> {
    let (limit, cursor) = (query.limit(), query.cursor());
    query.finish()?;
    let cursors = Cursors::new(&app.config.jwt_secret, "api_keys", &caller.account_id);
    let after: Option<Uuid> = cursor.map(|cursor| cursors.open(&cursor)).transpose()?;
    let rows =
        app.db.read(move |connection| table::list(connection, caller.account_id, after, limit as i64 + 1)).await?;
    Ok(web::Json(Page::new(rows, limit, &cursors, |key| key.id)))
}

pub async fn end(app: web::Data<App>, SignedIn(caller, ..): SignedIn, path: web::Path<String>) -> Result<HttpResponse> {
    let id = id_in_path(&path)?;
    let hash = app.db.write(move |connection| table::end(connection, caller.account_id, id)).await?;
    app.api_keys.forget(&hash).await;
    Ok(HttpResponse::NoContent().finish())
}
