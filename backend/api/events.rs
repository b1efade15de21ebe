//! Events: moves, undo and notes, one at a time and in batches; an order's history.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;

use super::batch::{self, Items};
use super::forms::{BatchBody, Body, Form, parse_time};
use super::idempotency;
use super::orders::{exists_first, only, visible};
use super::queries::{Page, Query};
use super::views::RecordedView;
use crate::auth::extractors::{EventsWrite, Identity, Mover, OrdersRead, SignedIn};
use crate::domain::account::Role;
use crate::domain::event::Event;
use crate::domain::ids::OrderId;
use crate::domain::order::{EventRequest, Step};
use crate::domain::status::{Reason, Status};
use crate::domain::text::{line, paragraph};
use crate::error::{Error, Result};
use crate::journal::{Entry, Terms};
use crate::server::App;
use crate::storage::events;
use crate::storage::journal::existing;

/// How many events one batch may hold.
const BATCH_MAX: usize = 200;

pub async fn add(
    app: web::Data<App>,
    SignedIn(caller, ..): SignedIn<EventsWrite>,
    path: web::Path<String>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse> {
    let order_id = OrderId::parse(&path).ok_or(Error::NotFound)?;
    let read = idempotency::Key::read(&request, &body).and_then(|key| {
        let mut form = body.form()?;
        let request = read_event(&mut form, &caller);
        form.finish()?;
        Ok((key, request))
    });
    let (key, request) = exists_first(&app.db, order_id, caller, read).await?;
    let entries = vec![Entry::Record { order_id, request }];
    key.write(&app.journal, caller.account_id, entries, Terms::default(), |outcomes| {
        idempotency::json(StatusCode::CREATED, BTreeMap::new(), &RecordedView::from(only(outcomes)?))
    })
    .await
}

pub async fn list(
    app: web::Data<App>,
    SignedIn(caller, ..): SignedIn<OrdersRead>,
    path: web::Path<String>,
    mut query: Query,
) -> Result<web::Json<Page<Event>>> {
    let order_id = OrderId::parse(&path).ok_or(Error::NotFound)?;
    let after = query.number("after", 0..=i32::MAX).unwrap_or(0);
    let limit = query.limit();
    let read = exists_first(&app.db, order_id, caller, query.finish()).await;
    read?;
    let found = app.db.read(move |connection| match visible(connection, order_id, &caller)? {
        Some(_) => events::after(connection, order_id, after, limit as i64 + 1).map(Some),
        None => Ok(None),
    });
    let mut data = found.await?.ok_or(Error::NotFound)?;
    let more = data.len() > limit;
    data.truncate(limit);
    // A version is no secret and can't be guessed wrong: the cursor of this list is what goes in `after`.
    let next_cursor = data.last().filter(|_| more).map(|event| event.version.to_string());
    Ok(web::Json(Page { data, next_cursor }))
}

/// Each item with its own result, in the order of the items. Those that are well-formed go to the journal together.
pub async fn add_batch(
    app: web::Data<App>,
    Mover(caller, ..): Mover<EventsWrite>,
    request: HttpRequest,
    body: BatchBody,
) -> Result<HttpResponse> {
    let key = idempotency::Key::read(&request, &body)?;
    let mut read: Vec<Result<Entry, Malformed>> =
        batch::read_items(body, BATCH_MAX)?.into_iter().map(|item| read_item(item, &caller)).collect();
    let malformed: Vec<OrderId> = read.iter().filter_map(|item| item.as_ref().err()?.order_id).collect();
    // Existence goes before the body, here as anywhere.
    if !malformed.is_empty() {
        let existing = app.db.read(move |connection| Ok(existing(connection, &malformed)?)).await?;
        for item in &mut read {
            if let Err(Malformed { order_id: Some(id), error }) = item
                && !existing.contains(id)
            {
                *error = Error::NotFound;
            }
        }
    }
    let read = read.into_iter().map(|item| item.map_err(|malformed| malformed.error)).collect();
    let (items, entries) = Items::new(read);
    let terms = Terms { batch: true, ..Terms::default() };
    key.write(&app.journal, caller.account_id, entries, terms, move |outcomes| {
        idempotency::json(StatusCode::OK, BTreeMap::new(), &items.results(outcomes, RecordedView::from))
    })
    .await
}

/// An item that can't be asked of the journal, and which order it would have been about.
struct Malformed {
    order_id: Option<OrderId>,
    error: Error,
}

/// Pointers are into the item.
fn read_item(item: Value, caller: &Identity) -> Result<Entry, Malformed> {
    let Value::Object(fields) = item else {
        return Err(Malformed { order_id: None, error: Error::invalid("", "wrong_type", "must be an object") });
    };
    let mut form = Form::new(fields, "");
    let typed = form.required("order_id", |text| Ok(text.to_owned()));
    let order_id = typed.as_deref().and_then(OrderId::parse);
    if typed.is_some() && order_id.is_none() {
        return Err(Malformed { order_id, error: Error::NotFound });
    }
    let request = read_event(&mut form, caller);
    form.finish().map_err(|error| Malformed { order_id, error })?;
    let order_id = order_id.ok_or(Malformed { order_id, error: Error::NotFound })?;
    Ok(Entry::Record { order_id, request })
}

/// Reads a move, an undo or a note; what is wrong is noted in the form.
fn read_event(form: &mut Form, caller: &Identity) -> EventRequest {
    let targets = [Status::Started, Status::InProgress, Status::OnHold, Status::Completed, Status::Cancelled];
    let asks_to_move = form.has("status");
    let status = form.one_of("status", &targets, |status| status.name());
    let gives_reason = form.has("reason");
    let reason = form.one_of("reason", Reason::ALL, |reason| reason.name());
    let undo = form.boolean("undo").unwrap_or(false);
    let mut request = EventRequest {
        expected_status: form.one_of("expected_status", Status::ALL, |status| status.name()),
        message: form.present("message", |text| paragraph(text, 1000)),
        note: form.present("note", |text| paragraph(text, 1000)),
        location: form.present("location", |text| line(text, 120)),
        estimated_at: form.optional_time("estimated_at"),
        ..EventRequest::new(Step::Note)
    };
    if form.has("occurred_at") && caller.role == Role::User {
        form.take("occurred_at");
        form.refuse("occurred_at", "not_allowed", "is for movers; what you do happens now");
    } else {
        request.occurred_at = form.present("occurred_at", parse_time);
    }

    if undo && asks_to_move {
        form.refuse("undo", "not_allowed", "goes without a status: it leads back to the one before");
    }
    match status {
        _ if undo => {
            request.step = Step::Undo;
            if gives_reason {
                form.refuse("reason", "not_allowed", "has no place in an undo");
            }
        }
        Some(to) => {
            request.step = Step::Move { to, reason };
            if to.needs_reason() && !gives_reason {
                form.refuse("reason", "reason_required", format!("is required to move an order to {to}"));
            } else if !to.needs_reason() && gives_reason {
                form.refuse("reason", "not_allowed", format!("has no place in a move to {to}"));
            }
        }
        None if gives_reason && !asks_to_move => {
            form.refuse("reason", "not_allowed", "has no place without a move to on_hold or cancelled");
        }
        None => {}
    }
    let says_something = request.message.is_some()
        || request.note.is_some()
        || request.location.is_some()
        || request.estimated_at.is_some();
    if request.step == Step::Note && !asks_to_move && !says_something && form.is_faultless() {
        form.refuse_all("empty", "needs a status, undo, message, note, location or estimated_at");
    }
    request
}
