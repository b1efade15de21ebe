//! Who has taken an order.

use actix_web::web;
use uuid::Uuid;

use super::forms::Body;
use super::orders::exists_first;
use super::views::RecordedView;
use crate::auth::extractors::{EventsWrite, Mover};
use crate::domain::ids::OrderId;
use crate::domain::text::Flaw;
use crate::error::{Error, Result};
use crate::journal::{Assignee, Entry};
use crate::server::App;

pub async fn assign(
    app: web::Data<App>,
    Mover(caller, ..): Mover<EventsWrite>,
    path: web::Path<String>,
    body: Body,
) -> Result<web::Json<RecordedView>> {
    let order_id = OrderId::parse(&path).ok_or(Error::NotFound)?;
    let to = body.form().and_then(|mut form| {
        let is_named = form.has("mover_id");
        let parse = |text: &str| Uuid::parse_str(text).map_err(|_| Flaw::InvalidFormat("a mover's ID"));
        let mover = if is_named { form.required("mover_id", parse) } else { None };
        form.finish()?;
        Ok(mover.map_or(Assignee::Caller, Assignee::Mover))
    });
    let to = exists_first(&app.db, order_id, caller, to).await?;
    let recorded = app.journal.append(caller.account_id, Entry::Assign { order_id, to }).await?;
    Ok(web::Json(recorded.into()))
}

pub async fn unassign(
    app: web::Data<App>,
    Mover(caller, ..): Mover<EventsWrite>,
    path: web::Path<String>,
) -> Result<web::Json<RecordedView>> {
    let order_id = OrderId::parse(&path).ok_or(Error::NotFound)?;
    let entry = Entry::Assign { order_id, to: Assignee::Nobody };
    let recorded = app.journal.append(caller.account_id, entry).await?;
    Ok(web::Json(recorded.into()))
}
