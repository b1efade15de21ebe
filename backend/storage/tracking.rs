//! An order and its events as of one moment: what the public view is made of, and where a subscription begins.
//! Both come from one statement, so that the order and its events agree without a transaction around them.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use uuid::Uuid;

use super::events::{EventRow, unknown};
use super::schema::{order_events, orders};
use crate::domain::event::{Event, EventType, PublicEvent};
use crate::domain::ids::OrderId;
use crate::domain::status::{Reason, Status};
use crate::error::{Error, Result};

/// What the public view is made of.
pub struct PublicRecord {
    /// Of the newest event, public or not.
    pub version: i32,
    pub public_tracking: bool,
    pub created_at: DateTime<Utc>,
    pub due_at: Option<DateTime<Utc>>,
    pub estimated_at: Option<DateTime<Utc>>,
    pub completed_at: Option<DateTime<Utc>>,
    /// When the newest of the events was recorded.
    pub recorded_at: DateTime<Utc>,
    /// The newest public ones, oldest first; never none.
    pub events: Vec<PublicEvent<'static>>,
}

/// What everybody may see of a public event.
#[derive(Queryable, Selectable)]
#[diesel(table_name = order_events)]
struct PublicEventRow {
    version: i32,
    previous_public_version: Option<i32>,
    kind: String,
    status: String,
    reason: Option<String>,
    message: Option<String>,
    location: Option<String>,
    estimated_at: Option<DateTime<Utc>>,
    occurred_at: DateTime<Utc>,
}

impl TryFrom<PublicEventRow> for PublicEvent<'static> {
    type Error = Error;
    fn try_from(row: PublicEventRow) -> Result<PublicEvent<'static>> {
        Ok(PublicEvent {
            version: row.version,
            previous_version: row.previous_public_version,
            kind: EventType::parse(&row.kind).ok_or_else(|| unknown("event type"))?,
            status: Status::parse(&row.status).ok_or_else(|| unknown("status"))?,
            reason: row.reason.map(|name| Reason::parse(&name).ok_or_else(|| unknown("reason"))).transpose()?,
            message: row.message.map(Cow::Owned),
            location: row.location.map(Cow::Owned),
            estimated_at: row.estimated_at,
            occurred_at: row.occurred_at,
        })
    }
}

type PublicColumns = (i32, bool, DateTime<Utc>, Option<DateTime<Utc>>, Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// The public record with its newest `limit` public events. None: there is no such order.
pub fn public_record(connection: &mut PgConnection, id: OrderId, limit: i64) -> Result<Option<PublicRecord>> {
    let rows: Vec<(PublicColumns, DateTime<Utc>, PublicEventRow)> = order_events::table
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
            order_events::recorded_at,
            PublicEventRow::as_select(),
        ))
        .load(connection)?;
    let Some(&(columns, recorded_at, _)) = rows.first() else { return Ok(None) };
    let (version, public_tracking, created_at, due_at, estimated_at, completed_at) = columns;
    let events = rows.into_iter().rev().map(|(.., row)| PublicEvent::try_from(row)).collect::<Result<_>>()?;
    Ok(Some(PublicRecord {
        version,
        public_tracking,
        created_at,
        due_at,
        estimated_at,
        completed_at,
        recorded_at,
        events,
    }))
}

/// An order's events after a version, with where the order stands at the same moment.
pub struct Snapshot {
    /// Of the newest event.
    pub version: i32,
    /// Of the newest public event.
    pub public_version: i32,
    pub owner_id: Uuid,
    pub public_tracking: bool,
    /// When the newest event was recorded.
    pub updated_at: DateTime<Utc>,
    /// Oldest first.
    pub events: Vec<Event>,
    /// Are there later ones that did not fit?
    pub has_more: bool,
}

/// So many bytes of text in one snapshot, and what crosses it is the last event in it: five hundred of the longest
/// events would be five mebibytes.
const TEXT_MAX: usize = 256 * 1024;
/// More events than this between two statements each time: the tables disagree.
const ATTEMPTS: usize = 5;

/// Which of an order's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    All,
    Public,
}

/// The first events of a later version than `after`, at most `limit`. None: there is no such order.
pub fn snapshot(
    connection: &mut PgConnection,
    id: OrderId,
    which: Which,
    after: i32,
    limit: i64,
) -> Result<Option<Snapshot>> {
    for _ in 0..ATTEMPTS {
        // From the events to the order: the other way around, all later events would be sorted for each page.
        let rows: Vec<(Standing, EventRow)> = order_events::table
            .inner_join(orders::table)
            .filter(orders::id.eq(id.as_str()))
            .filter(order_events::order_id.eq(id.as_str()))
            .filter(order_events::version.gt(after))
            .filter(order_events::public.or((which == Which::All).into_sql::<Bool>()))
            .order(order_events::version)
            .limit(limit)
            .select((STANDING, EventRow::as_select()))
            .load(connection)?;
        if let Some(&(standing, _)) = rows.first() {
            let mut text = 0;
            let fits = |event: &Result<Event>| {
                let had_room = text < TEXT_MAX;
                text += event.as_ref().map_or(0, Event::text_length);
                had_room
            };
            let events: Vec<Event> =
                rows.into_iter().map(|(_, row)| Event::try_from(row)).take_while(fits).collect::<Result<_>>()?;
            return Ok(Some(Snapshot::new(standing, events, which)));
        }
        let standing =
            orders::table.filter(orders::id.eq(id.as_str())).select(STANDING).first(connection).optional()?;
        let Some(standing) = standing else { return Ok(None) };
        let snapshot = Snapshot::new(standing, Vec::new(), which);
        // An event may have come between the two statements.
        if snapshot.newest(which) <= after {
            return Ok(Some(snapshot));
        }
    }
    Err(Error::Internal(format!("order {id} is further than its events")))
}

type Standing = (i32, i32, Uuid, bool, DateTime<Utc>);
type StandingColumns =
    (orders::version, orders::public_version, orders::owner_id, orders::public_tracking, orders::updated_at);
const STANDING: StandingColumns =
    (orders::version, orders::public_version, orders::owner_id, orders::public_tracking, orders::updated_at);

impl Snapshot {
    fn new(standing: Standing, events: Vec<Event>, which: Which) -> Snapshot {
        let (version, public_version, owner_id, public_tracking, updated_at) = standing;
        let mut snapshot =
            Snapshot { version, public_version, owner_id, public_tracking, updated_at, events, has_more: false };
        snapshot.has_more = snapshot.events.last().is_some_and(|last| last.version < snapshot.newest(which));
        snapshot
    }

    /// Version of the newest event of that kind.
    pub fn newest(&self, which: Which) -> i32 {
        match which {
            Which::All => self.version,
            Which::Public => self.public_version,
        }
    }
}
