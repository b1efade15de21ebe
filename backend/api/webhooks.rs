//! Webhooks: making and changing them, and the log of what was sent.

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::cursor::Cursors;
use super::forms::{Body, Form, parse_time};
use super::queries::{Page, Query, id_in_path};
use super::sessions::incomplete;
use crate::auth::extractors::{Identity, UserOrAdmin, WebhooksManage};
use crate::domain::account::Role;
use crate::domain::event::EventType;
use crate::domain::text::line;
use crate::error::{Error, Result};
use crate::server::App;
use crate::storage::db::until;
use crate::storage::deliveries::Secret;
use crate::storage::delivery_log::{self as log, Attempt, Delivery, DeliveryStatus};
use crate::storage::webhooks::{self as table, Holder, NewWebhook, Webhook, WebhookChange};
use crate::webhooks::address::Guard;
use crate::webhooks::message::{new_secret, show_secret};

const URL_MAX: usize = 2000;
const DESCRIPTION_MAX: usize = 1000;
/// Deliveries.
const DELETED_AT_ONCE: i64 = 2000;

#[derive(Serialize)]
struct WithSecret {
    #[serde(flatten)]
    webhook: Webhook,
    /// Shown only now.
    secret: String,
}

#[derive(Serialize)]
pub struct DeliveryWithAttempts {
    #[serde(flatten)]
    delivery: Delivery,
    attempts: Vec<Attempt>,
}

/// Users for their own orders; admins for all.
fn holder(caller: &Identity) -> Holder {
    Holder { account_id: caller.account_id, is_admin: caller.role == Role::Admin }
}

pub async fn create(
    app: web::Data<App>,
    UserOrAdmin(caller, ..): UserOrAdmin<WebhooksManage>,
    body: Body,
) -> Result<HttpResponse> {
    let holder = holder(&caller);
    let mut form = body.form()?;
    if !form.has("url") {
        form.refuse("url", "missing", "is required");
    }
    let url = read_url(&mut form, &app.webhook_guard);
    let event_types = read_types(&mut form);
    let description = form.optional_paragraph("description", DESCRIPTION_MAX).flatten();
    form.finish()?;
    let new =
        NewWebhook { url: url.ok_or_else(incomplete)?, event_types: event_types.unwrap_or_default(), description };
    let secret = new_secret();
    let webhook = app.db.write(move |connection| table::create(connection, holder, new, &secret)).await?;
    app.webhooks.wake();
    Ok(with_secret(StatusCode::CREATED, webhook, &secret))
}

pub async fn list(
    app: web::Data<App>,
    UserOrAdmin(caller, ..): UserOrAdmin<WebhooksManage>,
    mut query: Query,
) -> Result<web::Json<Page<Webhook>>> {
    let holder = holder(&caller);
    let (limit, cursor) = (query.limit(), query.cursor());
    query.finish()?;
    let cursors = Cursors::new(&app.config.jwt_secret, "webhooks", &holder.account_id);
    let after: Option<Uuid> = cursor.map(|cursor| cursors.open(&cursor)).transpose()?;
    let rows =
        app.db.read(move |connection| table::list(connection, holder.account_id, after, limit as i64 + 1)).await?;
    Ok(web::Json(Page::new(rows, limit, &cursors, |webhook| webhook.id)))
}

pub async fn show(
    app: web::Data<App>,
    UserOrAdmin(caller, ..): UserOrAdmin<WebhooksManage>,
    path: web::Path<String>,
) -> Result<web::Json<Webhook>> {
    find(&app, &caller, &path).await.map(web::Json)
}

pub async fn update(
    app: web::Data<App>,
    UserOrAdmin(caller, ..): UserOrAdmin<WebhooksManage>,
    path: web::Path<String>,
    body: Body,
) -> Result<web::Json<Webhook>> {
    let id = find(&app, &caller, &path).await?.id;
    let holder = holder(&caller);
    let mut form = body.form()?;
    let change = WebhookChange {
        url: read_url(&mut form, &app.webhook_guard),
        event_types: read_types(&mut form),
        description: form.optional_paragraph("description", DESCRIPTION_MAX),
        active: form.boolean("active"),
    };
    form.finish()?;
    let webhook = app.db.write(move |connection| table::update(connection, holder, id, change)).await?;
    app.webhooks.has_changed(id);
    Ok(web::Json(webhook))
}

pub async fn delete(
    app: web::Data<App>,
    UserOrAdmin(caller, ..): UserOrAdmin<WebhooksManage>,
    path: web::Path<String>,
) -> Result<HttpResponse> {
    let (holder, id) = (holder(&caller), id_in_path(&path)?);
    app.db.write(move |connection| table::switch_off(connection, holder.account_id, id)).await?;
    // In portions: what is deleted with the webhook may be a month of deliveries. Cut off, it is off, and can be deleted again.
    while app.db.write(move |connection| table::delete_some(connection, id, DELETED_AT_ONCE)).await? > 0 {}
    Ok(HttpResponse::NoContent().finish())
}

pub async fn rotate_secret(
    app: web::Data<App>,
    UserOrAdmin(caller, ..): UserOrAdmin<WebhooksManage>,
    path: web::Path<String>,
) -> Result<HttpResponse> {
    let (holder, id, secret) = (holder(&caller), id_in_path(&path)?, new_secret());
    let webhook = app.db.write(move |connection| table::rotate(connection, holder, id, &secret)).await?;
    app.webhooks.has_changed(id);
    Ok(with_secret(StatusCode::OK, webhook, &secret))
}

pub async fn send_test(
    app: web::Data<App>,
    UserOrAdmin(caller, ..): UserOrAdmin<WebhooksManage>,
    path: web::Path<String>,
) -> Result<HttpResponse> {
    let (holder, id) = (holder(&caller), id_in_path(&path)?);
    let send = move |connection: &mut _| {
        table::require_on(connection, holder, id)?;
        log::send_test(connection, id)
    };
    let delivery = app.db.write(send).await?;
    app.webhooks.wake();
    Ok(HttpResponse::Accepted().json(delivery))
}

/// Sends again what happened within a time.
pub async fn replay(
    app: web::Data<App>,
    UserOrAdmin(caller, ..): UserOrAdmin<WebhooksManage>,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse> {
    let id = find(&app, &caller, &path).await?.id;
    let mut form = body.form()?;
    let from = form.required("from", parse_time);
    let to = form.required("to", parse_time);
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        form.refuse("to", "invalid_value", "must be after from");
    }
    form.finish()?;
    let (holder, from, to) = (holder(&caller), from.ok_or_else(incomplete)?, to.ok_or_else(incomplete)?);
    let replayable = move |connection: &mut _, deadline| {
        until(deadline, connection, |connection| {
            table::require_on(connection, holder, id)?;
            log::replayable(connection, id, from, to)
        })
    };
    let numbers = app.db.list(true, replayable).await?;
    let mut count = 0;
    for some in numbers.chunks(log::REPLAYED_AT_ONCE).map(<[i64]>::to_vec) {
        let is_begun = count > 0;
        let replay = move |connection: &mut _| {
            table::require_on(connection, holder, id)?;
            log::replay(connection, id, &some, is_begun)
        };
        count += app.db.write_much(replay).await.map_err(|error| match error {
            // They say that nothing was written, and what came before is.
            Error::Overloaded | Error::DatabaseUnavailable | Error::Draining if is_begun => Error::OutcomeUnknown,
            other => other,
        })?;
        app.webhooks.wake();
    }
    Ok(HttpResponse::Accepted().json(json!({ "deliveries": count })))
}

pub async fn list_deliveries(
    app: web::Data<App>,
    UserOrAdmin(caller, ..): UserOrAdmin<WebhooksManage>,
    path: web::Path<String>,
    mut query: Query,
) -> Result<web::Json<Page<Delivery>>> {
    let webhook_id = find(&app, &caller, &path).await?.id;
    let status = query.one_of("status", DeliveryStatus::ALL, DeliveryStatus::name);
    let (limit, cursor) = (query.limit(), query.cursor());
    query.finish()?;
    let filters = (webhook_id, status.map(DeliveryStatus::name));
    let cursors = Cursors::new(&app.config.jwt_secret, "deliveries", &filters);
    let after: Option<i64> = cursor.map(|cursor| cursors.open(&cursor)).transpose()?;
    let read = move |connection: &mut _, _| log::list(connection, webhook_id, status, after, limit as i64 + 1);
    // Of a status there may be few among many.
    let rows = app.db.list(status.is_some(), read).await?;
    Ok(web::Json(Page::new(rows, limit, &cursors, |delivery| delivery.number)))
}

pub async fn show_delivery(
    app: web::Data<App>,
    UserOrAdmin(caller, ..): UserOrAdmin<WebhooksManage>,
    path: web::Path<(String, String)>,
) -> Result<web::Json<DeliveryWithAttempts>> {
    let webhook_id = find(&app, &caller, &path.0).await?.id;
    let id = id_in_path(&path.1)?;
    let (delivery, attempts) = app.db.read(move |connection| log::find(connection, webhook_id, id)).await?;
    Ok(web::Json(DeliveryWithAttempts { delivery, attempts }))
}

pub async fn resend(
    app: web::Data<App>,
    UserOrAdmin(caller, ..): UserOrAdmin<WebhooksManage>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse> {
    let (holder, webhook_id, id) = (holder(&caller), id_in_path(&path.0)?, id_in_path(&path.1)?);
    let resend = move |connection: &mut _| {
        table::require_on(connection, holder, webhook_id)?;
        log::resend(connection, webhook_id, id)
    };
    let delivery = app.db.write(resend).await?;
    app.webhooks.wake();
    Ok(HttpResponse::Accepted().json(delivery))
}

fn with_secret(status: StatusCode, webhook: Webhook, secret: &Secret) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(WithSecret { webhook, secret: show_secret(secret) })
}

async fn find(app: &App, caller: &Identity, path: &str) -> Result<Webhook> {
    let (holder, id) = (holder(caller), id_in_path(path)?);
    app.db.read(move |connection| table::find(connection, holder.account_id, id)).await
}

fn read_url(form: &mut Form, guard: &Guard) -> Option<String> {
    let url = if form.has("url") { form.required("url", |text| line(text, URL_MAX)) } else { None }?;
    match guard.check(&url) {
        Ok(_) => Some(url),
        Err(refused) => {
            form.refuse("url", "invalid_value", refused.to_string());
            None
        }
    }
}

/// None where it is not told; an empty list means all.
fn read_types(form: &mut Form) -> Option<Vec<EventType>> {
    form.any_of("event_types", EventType::ALL, EventType::name)
}
