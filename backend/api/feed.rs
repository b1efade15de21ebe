//! The feed: all events that somebody may see, in one order, from a cursor on. Whoever reads it from cursor to cursor
//! misses nothing and gets nothing twice.

use actix_web::web;
use serde::Serialize;
use serde_json::json;

use super::cursor::Cursors;
use super::queries::Query;
use crate::auth::extractors::{OrdersRead, UserOrAdmin};
use crate::domain::account::Role;
use crate::domain::event::{Event, EventType};
use crate::error::{Error, Result};
use crate::live::horizon::Standing;
use crate::server::App;
use crate::storage::events::{self, FeedFilter};

#[derive(Serialize)]
pub struct FeedPage {
    data: Vec<Event>,
    /// Where to read on, also when there is nothing yet.
    next_cursor: String,
    has_more: bool,
}

pub async fn read(
    app: web::Data<App>,
    UserOrAdmin(caller, ..): UserOrAdmin<OrdersRead>,
    mut query: Query,
) -> Result<web::Json<FeedPage>> {
    let owner = (caller.role == Role::User).then_some(caller.account_id);
    let types = query.any_of("types", EventType::ALL, |kind| kind.name());
    let limit = query.limit();
    let after = query.one("after");
    query.finish()?;

    // A cursor is good for whoever reads the same orders, with whatever types.
    let cursors = Cursors::new(&app.config.jwt_secret, "feed", &json!(owner));
    let after: Option<i64> = match after.as_deref() {
        None | Some("") => Some(0),
        Some("latest") => None,
        Some(cursor) => Some(cursors.open(cursor)?),
    };
    let Some(after) = after else {
        let next_cursor = cursors.seal(&app.horizon.latest().await?);
        return Ok(web::Json(FeedPage { data: Vec::new(), next_cursor, has_more: false }));
    };
    let Standing { horizon, newest } = app.horizon.get().await?;
    // Nothing is given out before it is there: the database went back to an earlier state, and what comes next would be missed.
    if after > newest {
        return Err(Error::InvalidCursor);
    }
    let filter = FeedFilter { owner, types };
    let read = move |connection: &mut _| events::feed_page(connection, &filter, after, horizon, limit as i64 + 1);
    let events::FeedPage { events: mut page, looked_up_to } = app.db.read(read).await?;
    let is_full = page.len() > limit;
    page.truncate(limit);
    // What was looked through need not be looked through again.
    let end = if is_full {
        page.last().map_or(after, |(number, _)| *number)
    } else {
        looked_up_to.unwrap_or_else(|| after.max(horizon - 1))
    };
    let data = page.into_iter().map(|(_, event)| event).collect();
    let has_more = is_full || looked_up_to.is_some();
    Ok(web::Json(FeedPage { data, next_cursor: cursors.seal(&end), has_more }))
}
