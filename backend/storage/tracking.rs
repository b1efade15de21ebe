//! An order and its events as of one moment: what the public view is made of, and where a subscription begins.
//! Each is one statement, so that the order and its events agree without a transaction around them.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use super::events::EventRow;
use super::schema::{order_events, orders};
use crate::domain::event::Event;
use crate::domain::ids::OrderId;
use crate::error::Result;

/// What the public view is made of.
pub struct PublicRecord {
    /// Of the newest event, public or not.
    pub version: i32,
    pub public_tracking: bool,
    pub created_at: DateTime<Utc>,
    pub due_at: Option<DateTime<Utc>>,
    pub estimated_at: Option<DateTime<Utc>>,
    pub completed_at: Option<DateTime<Utc>>,
    /// The newest public ones, oldest first; never none.
    pub events: Vec<Event>,
}

type PublicColumns = (i32, bool, DateTime<Utc>, Option<DateTime<Utc>>, Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// The public record with its newest `limit` public events. None: there is no such order.
pub fn public_record(connection: &mut PgConnection, id: OrderId, limit: i64) -> Result<Option<PublicRecord>> {
    let rows: Vec<(PublicColumns, EventRow)> = order_events::table
        .inner_join(orders::table)
        .filter(orders::id.eq(id.as_str()))
        .filter(order_events::order_id.eq(id.as_str()))
        .filter(order_events::public)
        .order(order_events::version.desc())
        .limit(limit)
        .select((
            (
                orders::version,
                orders::public_tracking,
                orders::created_at,
                orders::due_at,
                orders::estimated_at,
                orders::completed_at,
            ),
            EventRow::as_select(),
        ))
        .load(connection)?;
    let Some(&((version, public_tracking, created_at, due_at, estimated_at, completed_at), _)) = rows.first() else {
        return Ok(None);
    };
    let events = rows.into_iter().rev().map(|(_, row)| Event::try_from(row)).collect::<Result<_>>()?;
    Ok(Some(PublicRecord { version, public_tracking, created_at, due_at, estimated_at, completed_at, events }))
}

/// An order's events after a version, with where the order stands at the same moment.
pub struct Snapshot {
    /// Of the newest event.
    pub version: i32,
    /// Of the newest public event.
    pub public_version: i32,
    pub owner_id: Uuid,
    pub public_tracking: bool,
    /// Oldest first.
    pub events: Vec<Event>,
}

/// Which of an order's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    All,
    Public,
}

/// The first `limit` events of a later version than `after`. None: there is no such order.
pub fn snapshot(
    connection: &mut PgConnection,
    id: OrderId,
    which: Which,
    after: i32,
    limit: i64,
) -> Result<Option<Snapshot>> {
    let later = order_events::order_id.eq(orders::id).and(order_events::version.gt(after));
    let columns = (orders::version, orders::public_version, orders::owner_id, orders::public_tracking);
    let of_order = orders::id.eq(id.as_str());
    type Columns = (i32, i32, Uuid, bool);
    let rows: Vec<(Columns, Option<EventRow>)> = match which {
        Which::All => orders::table
            .left_join(order_events::table.on(later))
            .filter(of_order)
            .order(order_events::version)
            .limit(limit)
            .select((columns, Option::<EventRow>::as_select()))
            .load(connection)?,
        Which::Public => orders::table
            .left_join(order_events::table.on(later.and(order_events::public)))
            .filter(of_order)
            .order(order_events::version)
            .limit(limit)
            .select((columns, Option::<EventRow>::as_select()))
            .load(connection)?,
    };
    let Some(&((version, public_version, owner_id, public_tracking), _)) = rows.first() else { return Ok(None) };
    let events = rows.into_iter().filter_map(|(_, row)| row).map(Event::try_from).collect::<Result<_>>()?;
    Ok(Some(Snapshot { version, public_version, owner_id, public_tracking, events }))
}
