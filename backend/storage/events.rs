//! Reading the log: one order's history, its public part, and the feed across all orders.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Text, Timestamptz};
use uuid::Uuid;

use super::schema::{order_events, orders};
use crate::domain::account::{Person, Role};
use crate::domain::event::{Event, EventActor, EventType};
use crate::domain::ids::OrderId;
use crate::domain::status::{Reason, Status};
use crate::error::{Error, Result};

#[derive(Queryable, Selectable)]
#[diesel(table_name = order_events)]
pub struct EventRow {
    order_id: String,
    version: i32,
    kind: String,
    public: bool,
    previous_public_version: Option<i32>,
    status: String,
    reason: Option<String>,
    message: Option<String>,
    note: Option<String>,
    location: Option<String>,
    estimated_at: Option<DateTime<Utc>>,
    assignee_id: Option<Uuid>,
    assignee_name: Option<String>,
    changed: String,
    undoes: Option<i32>,
    actor_id: Uuid,
    actor_role: String,
    actor_name: String,
    occurred_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
}

impl TryFrom<EventRow> for Event {
    type Error = Error;
    fn try_from(row: EventRow) -> Result<Event> {
        Ok(Event {
            order_id: OrderId::try_from(row.order_id).map_err(|_| unknown("order ID"))?,
            version: row.version,
            previous_public_version: row.previous_public_version,
            public: row.public,
            kind: EventType::parse(&row.kind).ok_or_else(|| unknown("event type"))?,
            status: Status::parse(&row.status).ok_or_else(|| unknown("status"))?,
            reason: row.reason.map(|name| Reason::parse(&name).ok_or_else(|| unknown("reason"))).transpose()?,
            message: row.message,
            note: row.note,
            location: row.location,
            estimated_at: row.estimated_at,
            assignee: row.assignee_id.zip(row.assignee_name).map(|(id, name)| Person { id, name }),
            changed: row.changed.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            undoes: row.undoes,
            actor: EventActor {
                id: row.actor_id,
                role: Role::parse(&row.actor_role).ok_or_else(|| unknown("role"))?,
                name: row.actor_name,
            },
            occurred_at: row.occurred_at,
            recorded_at: row.recorded_at,
        })
    }
}

pub(super) fn unknown(name: &str) -> Error {
    Error::Internal(format!("the log holds an unknown {name}"))
}

/// An order's events of a later version than `after`, oldest first.
pub fn after(connection: &mut PgConnection, order_id: OrderId, after: i32, limit: i64) -> Result<Vec<Event>> {
    order_events::table
        .filter(order_events::order_id.eq(order_id.as_str()))
        .filter(order_events::version.gt(after))
        .order(order_events::version)
        .limit(limit)
        .select(EventRow::as_select())
        .load(connection)?
        .into_iter()
        .map(Event::try_from)
        .collect()
}

/// By what an event is known again: another one in its place was recorded at another time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark {
    pub order_id: OrderId,
    pub version: i32,
    pub recorded_at: DateTime<Utc>,
}

impl From<&Event> for Mark {
    fn from(event: &Event) -> Mark {
        Mark { order_id: event.order_id, version: event.version, recorded_at: event.recorded_at }
    }
}

/// The newest entries of the feed, oldest first, at most `limit`.
pub fn newest(connection: &mut PgConnection, limit: i64) -> Result<Vec<(i64, Mark)>> {
    let rows = order_events::table.order(order_events::seq.desc()).limit(limit).select(MARKED).load(connection)?;
    marks(rows.into_iter().rev())
}

/// The feed from `seq` on, at most `limit` of it, and before that of what lies below the entries in `missing`.
pub fn feed(connection: &mut PgConnection, seq: i64, missing: &[i64], limit: i64) -> Result<Vec<(i64, Mark)>> {
    let entries = || order_events::table.order(order_events::seq).select(MARKED);
    let mut rows: Vec<MarkedRow> = Vec::new();
    // Two statements, because for both in one with OR Postgres may choose to walk through the whole feed.
    if !missing.is_empty() {
        rows = entries().filter(order_events::seq.eq_any(missing)).load(connection)?;
    }
    rows.extend(entries().filter(order_events::seq.ge(seq)).limit(limit).load::<MarkedRow>(connection)?);
    marks(rows.into_iter())
}

type MarkedRow = (i64, String, i32, DateTime<Utc>);
const MARKED: (order_events::seq, order_events::order_id, order_events::version, order_events::recorded_at) =
    (order_events::seq, order_events::order_id, order_events::version, order_events::recorded_at);

fn marks(rows: impl Iterator<Item = MarkedRow>) -> Result<Vec<(i64, Mark)>> {
    rows.map(|(seq, order_id, version, recorded_at)| {
        let order_id = OrderId::try_from(order_id).map_err(|_| unknown("order ID"))?;
        Ok((seq, Mark { order_id, version, recorded_at }))
    })
    .collect()
}

/// Which numbers of the feed there are, and whose transactions may yet bring others.
#[derive(Debug)]
pub struct Look {
    /// All that are higher were looked for.
    pub after: i64,
    /// Of those that were asked for, and all that are new, in their order.
    pub numbers: Vec<i64>,
    /// The highest that there is, or 0.
    pub newest: i64,
    /// No transaction with a lower ID can commit any more: seen before the numbers.
    pub oldest_running: i64,
    /// A transaction ID that nobody else had: given out after the numbers were seen.
    pub given_out: Option<i64>,
}

/// How many numbers are looked at in the beginning: more than there can be in the time that a transaction may take.
const HEAD_START: i64 = 250_000;

/// Looks for numbers above `cursor`, for the newest where there is none, or it is not there any more, or too many have come
/// since, and for those that are missing below it.
pub fn look(connection: &mut PgConnection, cursor: Option<i64>, missing: &[i64], give_out: bool) -> Result<Look> {
    let oldest_running = diesel::select(sql::<BigInt>("pg_snapshot_xmin(pg_current_snapshot())::text::bigint"));
    let oldest_running = oldest_running.get_result(connection)?;
    let mut numbers: Vec<i64> = Vec::new();
    if !missing.is_empty() {
        let found = order_events::table.filter(order_events::seq.eq_any(missing)).order(order_events::seq);
        numbers = found.select(order_events::seq).load(connection)?;
    }
    let newest: Option<i64> = order_events::table.select(diesel::dsl::max(order_events::seq)).first(connection)?;
    let newest = newest.unwrap_or(0);
    let goes_on = |cursor: &i64| (*cursor..=cursor + HEAD_START).contains(&newest);
    let after = cursor.filter(goes_on).unwrap_or((newest - HEAD_START).max(0));
    let new = order_events::table.filter(order_events::seq.gt(after)).order(order_events::seq);
    numbers.extend(new.select(order_events::seq).load::<i64>(connection)?);
    let newest = numbers.last().copied().unwrap_or(newest).max(newest);
    let mut given_out = None;
    if give_out {
        // Not a snapshot's upper bound: that is the latest ID of those that have ended, and others run that have later ones.
        let id = diesel::select(sql::<BigInt>("pg_current_xact_id()::text::bigint"));
        given_out = Some(id.get_result(connection)?);
    }
    Ok(Look { after, numbers, newest, oldest_running, given_out })
}

/// Which part of the feed somebody reads.
#[derive(Debug, Clone)]
pub struct FeedFilter {
    /// Whose orders; none: everybody's.
    pub owner: Option<Uuid>,
    /// None: all of them.
    pub types: Vec<EventType>,
}

/// So many events are looked through for those of some types, which may be rare: there is an end to it, and the next page goes on
/// there.
pub const LOOKED_THROUGH: i64 = 20_000;

/// Events of the feed.
pub struct FeedPage {
    /// In the order of their numbers.
    pub events: Vec<(i64, Event)>,
    /// Up to which number they were looked for, where that is not the horizon.
    pub looked_up_to: Option<i64>,
}

/// The events above number `after` and below `horizon`, at most `limit`.
pub fn feed_page(
    connection: &mut PgConnection,
    filter: &FeedFilter,
    after: i64,
    horizon: i64,
    limit: i64,
) -> Result<FeedPage> {
    let there_are = || {
        let mut query = order_events::table
            .filter(order_events::seq.gt(after))
            .filter(order_events::seq.lt(horizon))
            .order(order_events::seq)
            .into_boxed();
        if let Some(owner) = filter.owner {
            query = query.filter(order_events::owner_id.eq(owner));
        }
        query
    };
    let mut query = there_are().limit(limit).select((order_events::seq, EventRow::as_select()));
    let mut looked_up_to = None;
    if !filter.types.is_empty() {
        let last = there_are().select(order_events::seq).offset(LOOKED_THROUGH - 1).limit(1);
        looked_up_to = last.first(connection).optional()?;
        let names: Vec<&str> = filter.types.iter().map(|kind| kind.name()).collect();
        query = query.filter(order_events::kind.eq_any(names));
        query = query.filter(order_events::seq.le(looked_up_to.unwrap_or(i64::MAX)));
    }
    let rows: Vec<(i64, EventRow)> = query.load(connection)?;
    let events = rows.into_iter().map(|(number, row)| Ok((number, Event::try_from(row)?))).collect::<Result<_>>()?;
    Ok(FeedPage { events, looked_up_to })
}

/// An event of the feed, with what its delivery needs of the order.
pub struct FeedEntry {
    pub event: Event,
    pub owner_id: Uuid,
    /// As it is now, not as it was at the event.
    pub public_tracking: bool,
}

/// These entries of the feed, oldest first.
pub fn feed_entries(connection: &mut PgConnection, numbers: &[i64]) -> Result<Vec<FeedEntry>> {
    let rows: Vec<(EventRow, Uuid, bool)> = order_events::table
        .inner_join(orders::table)
        .filter(order_events::seq.eq_any(numbers))
        .order(order_events::seq)
        .select((EventRow::as_select(), orders::owner_id, orders::public_tracking))
        .load(connection)?;
    let entry =
        |(row, owner_id, public_tracking)| Ok(FeedEntry { event: Event::try_from(row)?, owner_id, public_tracking });
    rows.into_iter().map(entry).collect()
}

/// An event that is not there.
#[derive(QueryableByName)]
pub struct Lost {
    /// Its place in what was asked for, from 0.
    #[diesel(sql_type = BigInt)]
    pub place: i64,
    /// Whether its order is there.
    #[diesel(sql_type = Bool)]
    pub has_order: bool,
}

/// Which of these events are not there.
pub fn lost(connection: &mut PgConnection, marks: &[Mark]) -> Result<Vec<Lost>> {
    let ids: Vec<&str> = marks.iter().map(|mark| mark.order_id.as_str()).collect();
    let versions: Vec<i32> = marks.iter().map(|mark| mark.version).collect();
    let times: Vec<DateTime<Utc>> = marks.iter().map(|mark| mark.recorded_at).collect();
    let query = diesel::sql_query(
        "SELECT place - 1 AS place, EXISTS (SELECT FROM orders WHERE id = order_id) AS has_order \
         FROM unnest($1, $2, $3) WITH ORDINALITY AS mark (order_id, version, recorded_at, place) \
         WHERE NOT EXISTS (SELECT FROM order_events AS event WHERE event.order_id = mark.order_id \
                           AND event.version = mark.version AND event.recorded_at = mark.recorded_at)",
    );
    let query = query.bind::<Array<Text>, _>(ids).bind::<Array<Integer>, _>(versions);
    Ok(query.bind::<Array<Timestamptz>, _>(times).load(connection)?)
}
