//! Orders: creating, lists, counts, one, its details.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ETAG, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::Utc;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::batch::{self, ItemResult, Items};
use super::counts::Counts;
use super::cursor::Cursors;
use super::details;
use super::forms::{BatchBody, Body, Form, parse_time};
use super::idempotency;
use super::preconditions;
use super::queries::{Page, Query};
use super::views::{OrderView, RecordedView};
use crate::auth::extractors::{Identity, OrdersRead, OrdersWrite, SignedIn, User};
use crate::domain::account::Role;
use crate::domain::event::Event;
use crate::domain::ids::OrderId;
use crate::domain::order::Order;
use crate::domain::status::Status;
use crate::domain::text::{Flaw, line};
use crate::error::{Error, Result};
use crate::journal::{Entry, Outcome, Recorded, Rejection, Terms};
use crate::server::App;
use crate::storage::db::Db;
use crate::storage::orders::{self as table, AssigneeFilter, Filter, Position};

/// With how many of its newest events an order is shown.
const EVENTS_SHOWN: i64 = 50;

/// How many orders one batch may hold.
const BATCH_MAX: usize = 500;

pub async fn create(
    app: web::Data<App>,
    User(user, ..): User<OrdersWrite>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse> {
    let key = idempotency::Key::read(&request, &body)?;
    let mut form = body.form()?;
    let details = details::read_new(&mut form);
    form.finish()?;
    let entries = vec![Entry::Create { details }];
    key.write(&app.journal, user.account_id, entries, Terms::default(), |outcomes| {
        let order = RecordedView::from(only(outcomes)?).order;
        let location = (LOCATION.to_string(), format!("/api/v1/orders/{}", order.id()));
        let etag = (ETAG.to_string(), order.etag());
        idempotency::json(StatusCode::CREATED, BTreeMap::from([location, etag]), &order)
    })
    .await
}

/// Each item with its own result, in the order of the items; `atomic`: all or none; `dry_run`: none, only the results.
pub async fn create_batch(
    app: web::Data<App>,
    User(user, ..): User<OrdersWrite>,
    request: HttpRequest,
    mut query: Query,
    body: BatchBody,
) -> Result<HttpResponse> {
    let atomic = query.flag("atomic");
    let dry_run = query.flag("dry_run");
    query.finish()?;
    let key = idempotency::Key::read(&request, &body)?;
    let read = batch::read_items(body, BATCH_MAX)?.into_iter().map(read_new_order).collect();
    let (items, entries) = Items::new(read);
    // What will be refused as a whole is still asked about, so that all that is wrong is told at once.
    let is_dry = dry_run || atomic && !items.all_are_well_formed();
    let terms = Terms { atomic, dry_run: is_dry, batch: true, once: None };
    key.write(&app.journal, user.account_id, entries, terms, move |outcomes| {
        let results = items.results(outcomes, |recorded| Created {
            // What was not written has no ID.
            order: (!dry_run).then(|| RecordedView::from(recorded).order),
        });
        let is_refused = |result: &ItemResult<_>| matches!(result, ItemResult::Refused { .. });
        if atomic && !dry_run && results.results.iter().any(is_refused) {
            return Err(Error::BatchRefused(results.problems()));
        }
        idempotency::json(StatusCode::OK, BTreeMap::new(), &results)
    })
    .await
}

#[derive(Serialize)]
struct Created {
    order: Option<OrderView>,
}

/// Pointers are into the item.
fn read_new_order(item: Value) -> Result<Entry> {
    let Value::Object(fields) = item else { return Err(Error::invalid("", "wrong_type", "must be an object")) };
    let mut form = Form::new(fields, "");
    let details = details::read_new(&mut form);
    form.finish()?;
    Ok(Entry::Create { details })
}

/// What came of the one entry that was asked for.
pub fn only(outcomes: &[Outcome]) -> Result<Recorded> {
    Ok(outcomes.first().cloned().unwrap_or(Err(Rejection::OutcomeUnknown))?)
}

pub async fn list(
    app: web::Data<App>,
    SignedIn(caller, ..): SignedIn<OrdersRead>,
    mut query: Query,
) -> Result<web::Json<Page<OrderView>>> {
    let filter = read_filter(&mut query, &caller);
    let by_due = query.one_of("sort", &[false, true], |due| if due { "due" } else { "created" }).unwrap_or(false);
    let limit = query.limit();
    let cursor = query.cursor();
    query.finish()?;

    let cursors = Cursors::new(&app.config.jwt_secret, "orders", &(caller.account_id, by_due, format!("{filter:?}")));
    let position = match (by_due, cursor) {
        (false, cursor) => Position::Created(cursor.map(|cursor| cursors.open(&cursor)).transpose()?),
        (true, cursor) => Position::Due(cursor.map(|cursor| cursors.open(&cursor)).transpose()?),
    };
    let is_search = filter.search.is_some();
    let read =
        move |connection: &mut _, deadline| table::list(connection, &filter, position, limit as i64 + 1, deadline);
    let rows = app.db.list(is_search, read).await?;
    let now = Utc::now();
    let page = Page::new(rows, limit, &cursors, |order: &Order| {
        if by_due { json!((order.details.due_at, order.id)) } else { json!((order.created_at, order.id)) }
    });
    Ok(web::Json(page.map(|order| OrderView::new(order, caller.account_id, caller.role, now))))
}

pub async fn counts(
    app: web::Data<App>,
    SignedIn(caller, ..): SignedIn<OrdersRead>,
    mut query: Query,
) -> Result<web::Json<Counts>> {
    let filter = read_filter(&mut query, &caller);
    query.finish()?;
    app.counts.get(&app.db, filter).await.map(web::Json)
}

pub async fn show(
    app: web::Data<App>,
    SignedIn(caller, ..): SignedIn<OrdersRead>,
    path: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let id = OrderId::parse(&path).ok_or(Error::NotFound)?;
    let found = app.db.read(move |connection| table::find_with_events(connection, id, EVENTS_SHOWN)).await?;
    let (order, events) =
        found.filter(|(order, _)| order.is_visible_to(caller.account_id, caller.role)).ok_or(Error::NotFound)?;
    let order = OrderView::new(order, caller.account_id, caller.role, Utc::now());
    let etag = order.etag();
    let mut response = HttpResponse::Ok();
    let unchanged = preconditions::has_current(&request, &etag);
    if unchanged {
        response.status(StatusCode::NOT_MODIFIED);
    }
    // Not for a browser's cache: `allowed` and `undo` are this caller's, and a user and a mover may share a browser.
    response.insert_header((CACHE_CONTROL, "no-store")).insert_header((ETAG, etag));
    if unchanged {
        return Ok(response.finish());
    }
    Ok(response.json(OrderWithEvents { order, events }))
}

pub async fn update(
    app: web::Data<App>,
    User(user, ..): User<OrdersWrite>,
    path: web::Path<String>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse> {
    let id = OrderId::parse(&path).ok_or(Error::NotFound)?;
    let read = || {
        let expected_version = preconditions::expected_version(&request)?;
        let mut form = body.form()?;
        let patch = details::read_patch(&mut form);
        form.finish()?;
        Ok((patch, expected_version))
    };
    let (patch, expected_version) = exists_first(&app.db, id, user, read()).await?;
    let entry =
        Entry::Change { order_id: id, change: Box::new(move |details| patch.clone().apply(details)), expected_version };
    let recorded = app.journal.append(user.account_id, entry).await?;
    let order = OrderView::new(recorded.order, user.account_id, user.role, recorded.now);
    Ok(HttpResponse::Ok().insert_header((ETAG, order.etag())).json(order))
}

#[derive(Serialize)]
struct OrderWithEvents {
    #[serde(flatten)]
    order: OrderView,
    events: Vec<Event>,
}

/// The order, if this caller may see it.
pub fn visible(connection: &mut diesel::PgConnection, id: OrderId, caller: &Identity) -> Result<Option<Order>> {
    Ok(table::find(connection, id)?.filter(|order| order.is_visible_to(caller.account_id, caller.role)))
}

async fn find_visible(db: &Db, id: OrderId, caller: Identity) -> Result<Order> {
    db.read(move |connection| visible(connection, id, &caller)).await?.ok_or(Error::NotFound)
}

/// Passes on what was read of a request; but before saying what is wrong with it, makes sure that the caller may know
/// of the order at all. What is right is left to the journal, which looks for itself.
pub async fn exists_first<T>(db: &Db, id: OrderId, caller: Identity, read: Result<T>) -> Result<T> {
    if read.is_err() {
        find_visible(db, id, caller).await?;
    }
    read
}

/// Which orders somebody asks for, among those that they may see.
pub fn read_filter(query: &mut Query, caller: &Identity) -> Filter {
    let mut filter = Filter {
        owner: (caller.role == Role::User).then_some(caller.account_id),
        statuses: query.any_of("status", Status::ALL, |status| status.name()),
        search: query.one("q").map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()),
        reference: query.parsed("reference", |text| line(text, 64)),
        created_from: query.parsed("created_from", parse_time),
        created_to: query.parsed("created_to", parse_time),
        updated_from: query.parsed("updated_from", parse_time),
        assignee: None,
    };
    if filter.search.as_ref().is_some_and(|text| text.chars().count() > 120) {
        query.refuse("q", "too_long", "must have at most 120 characters");
    }
    if filter.search.as_ref().is_some_and(|text| text.contains('\0')) {
        query.refuse("q", "invalid_characters", "has control characters in it");
    }
    if caller.role != Role::User {
        let a_mover = Flaw::InvalidFormat("me, none, or a mover's ID");
        filter.assignee = query.parsed("assignee", |text| match text {
            "me" => Ok(AssigneeFilter::Mover(caller.account_id)),
            "none" => Ok(AssigneeFilter::Nobody),
            id => Uuid::parse_str(id).map(AssigneeFilter::Mover).map_err(|_| a_mover),
        });
        filter.owner = query.parsed("owner", |id| Uuid::parse_str(id).map_err(|_| Flaw::InvalidFormat("a user's ID")));
    }
    filter
}
