//! The log of deliveries to a webhook, and what is sent again at its owner's wish.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Timestamptz, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::deliveries::is_its_event;
use super::schema::{order_events, webhook_attempts as attempts, webhook_deliveries as deliveries, webhooks};
use super::sessions::transaction_time;
use crate::domain::status::named;
use crate::domain::time::to_millis;
use crate::error::{Error, Result};
use crate::webhooks::message::{TEST, message_id};

named! {
    /// Where a delivery stands.
    DeliveryStatus { Pending = "pending", Succeeded = "succeeded", Failed = "failed" }
}

/// A delivery as the webhook's owner sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Delivery {
    pub id: Uuid,
    /// What receivers get as `webhook-id`, at each attempt.
    pub message_id: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// None for a test.
    pub order_id: Option<String>,
    pub version: Option<i32>,
    pub status: DeliveryStatus,
    #[serde(serialize_with = "to_millis")]
    pub created_at: DateTime<Utc>,
    /// When it is attempted next; null when it is not.
    #[serde(serialize_with = "to_millis")]
    pub next_attempt_at: Option<DateTime<Utc>>,
    #[serde(skip)]
    pub number: i64,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Serialize)]
#[diesel(table_name = attempts)]
pub struct Attempt {
    #[serde(serialize_with = "to_millis")]
    pub started_at: DateTime<Utc>,
    /// Of the answer; null when there was none.
    pub status: Option<i16>,
    /// Why there was none.
    pub error: Option<String>,
    pub duration_ms: i32,
    /// The first KiB of the answer.
    pub response: Option<String>,
}

type Row = (
    Uuid,
    Option<String>,
    Option<i32>,
    DateTime<Utc>,
    Option<DateTime<Utc>>,
    Option<DateTime<Utc>>,
    i64,
    Option<String>,
);

impl From<Row> for Delivery {
    fn from((id, order_id, version, created_at, due_at, succeeded_at, number, kind): Row) -> Delivery {
        Delivery {
            id,
            message_id: message_id(id),
            kind: kind.unwrap_or_else(|| TEST.to_owned()),
            order_id,
            version,
            status: match (due_at, succeeded_at) {
                (Some(_), _) => DeliveryStatus::Pending,
                (None, Some(_)) => DeliveryStatus::Succeeded,
                (None, None) => DeliveryStatus::Failed,
            },
            created_at,
            next_attempt_at: due_at,
            number,
        }
    }
}

/// The deliveries to a webhook, newest first, from behind the one with number `after`.
pub fn list(
    connection: &mut PgConnection,
    webhook_id: Uuid,
    status: Option<DeliveryStatus>,
    after: Option<i64>,
    limit: i64,
) -> Result<Vec<Delivery>> {
    let mut query = select().filter(deliveries::webhook_id.eq(webhook_id)).into_boxed();
    query = query.filter(deliveries::number.lt(after.unwrap_or(i64::MAX)));
    query = match status {
        None => query,
        Some(DeliveryStatus::Pending) => query.filter(deliveries::due_at.is_not_null()),
        Some(DeliveryStatus::Succeeded) => {
            query.filter(deliveries::due_at.is_null()).filter(deliveries::succeeded_at.is_not_null())
        }
        Some(DeliveryStatus::Failed) => {
            query.filter(deliveries::due_at.is_null()).filter(deliveries::succeeded_at.is_null())
        }
    };
    let rows: Vec<Row> = query.order(deliveries::number.desc()).limit(limit).load(connection)?;
    Ok(rows.into_iter().map(Delivery::from).collect())
}

/// One delivery to a webhook with its attempts, oldest first; [`Error::NotFound`].
pub fn find(connection: &mut PgConnection, webhook_id: Uuid, id: Uuid) -> Result<(Delivery, Vec<Attempt>)> {
    let own = select().filter(deliveries::id.eq(id)).filter(deliveries::webhook_id.eq(webhook_id));
    let row: Option<Row> = own.first(connection).optional()?;
    let delivery = row.map(Delivery::from).ok_or(Error::NotFound)?;
    let made = attempts::table.filter(attempts::delivery_id.eq(id)).order(attempts::started_at);
    Ok((delivery, made.select(Attempt::as_select()).load(connection)?))
}

/// Has a delivery made again, from the first attempt on, under the same name. What waits for its first one waits where it is:
/// behind the order's earlier events, and before its later ones.
pub fn resend(connection: &mut PgConnection, webhook_id: Uuid, id: Uuid) -> Result<Delivery> {
    let own = deliveries::table.find(id).filter(deliveries::webhook_id.eq(webhook_id));
    diesel::update(own)
        .set(
            (
                deliveries::attempts.eq(0),
                deliveries::asked_again.eq(deliveries::asked_again + 1),
                deliveries::due_at
                    .eq(sql::<Timestamptz>("CASE WHEN attempts = 0 THEN COALESCE(due_at, now()) ELSE now() END")
                        .nullable()),
            ),
        )
        .execute(connection)?;
    find(connection, webhook_id, id).map(|(delivery, _)| delivery)
}

/// A message that tells of nothing.
pub fn send_test(connection: &mut PgConnection, webhook_id: Uuid) -> Result<Delivery> {
    let at = transaction_time(connection)?;
    let id = Uuid::now_v7();
    diesel::insert_into(deliveries::table)
        .values((
            deliveries::id.eq(id),
            deliveries::webhook_id.eq(webhook_id),
            deliveries::created_at.eq(at),
            deliveries::due_at.eq(at),
        ))
        .execute(connection)?;
    find(connection, webhook_id, id).map(|(delivery, _)| delivery)
}

/// How many events may be told again for one request, and in one transaction: 50,000 took longer than a statement may.
const REPLAYED_MAX: i64 = 50_000;
pub const REPLAYED_AT_ONCE: usize = 5_000;

/// The numbers of all events of a webhook's types and orders, as these are now, that were recorded from one time to before
/// another, in their order. [`Error::TooMuchToReplay`].
pub fn replayable(
    connection: &mut PgConnection,
    webhook_id: Uuid,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<i64>> {
    let (owner_id, types): (Option<Uuid>, Vec<String>) =
        webhooks::table.find(webhook_id).select((webhooks::owner_id, webhooks::event_types)).first(connection)?;
    let mut query = order_events::table
        .filter(order_events::recorded_at.ge(from))
        .filter(order_events::recorded_at.lt(to))
        .select(order_events::seq)
        .limit(REPLAYED_MAX + 1)
        .into_boxed();
    if let Some(owner_id) = owner_id {
        query = query.filter(order_events::owner_id.eq(owner_id));
    }
    if !types.is_empty() {
        query = query.filter(order_events::kind.eq_any(types));
    }
    // Sorted here: for the first of them in their order, Postgres would walk through all that is older.
    let mut numbers: Vec<i64> = query.load(connection)?;
    numbers.sort_unstable();
    if numbers.len() as i64 > REPLAYED_MAX { Err(Error::TooMuchToReplay(REPLAYED_MAX)) } else { Ok(numbers) }
}

/// Has a webhook told again, or for the first time, of events by their numbers; those that were told already keep their
/// names. [`Error::Overloaded`] while another replay is at work, unless this is part of one that has begun: that waits.
pub fn replay(connection: &mut PgConnection, webhook_id: Uuid, numbers: &[i64], is_begun: bool) -> Result<usize> {
    let (one, other) = webhook_id.as_u64_pair();
    let lock = (one ^ other) as i64;
    if is_begun {
        diesel::sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(lock).execute(connection)?;
    } else {
        let free = sql::<Bool>("pg_try_advisory_xact_lock(").bind::<BigInt, _>(lock).sql(")");
        if !diesel::select(free).get_result::<bool>(connection)? {
            return Err(Error::Overloaded);
        }
    }
    // In the order in which whoever notes attempts locks them.
    let told = "SELECT FROM webhook_deliveries AS told
         WHERE webhook_id = $1 AND EXISTS (SELECT FROM order_events AS event
             WHERE event.order_id = told.order_id AND event.version = told.version AND seq = ANY ($2))
         ORDER BY id FOR NO KEY UPDATE OF told";
    diesel::sql_query(told).bind::<SqlUuid, _>(webhook_id).bind::<Array<BigInt>, _>(numbers).execute(connection)?;
    // Due when it happened: it comes in the order of that, also among those that wait for the first time.
    let statement = "INSERT INTO webhook_deliveries (id, webhook_id, order_id, version, created_at, due_at)
         SELECT gen_random_uuid(), $1, order_id, version, now(), recorded_at
         FROM order_events WHERE seq = ANY ($2) ORDER BY seq
         ON CONFLICT (webhook_id, order_id, version)
         DO UPDATE SET attempts = 0, asked_again = webhook_deliveries.asked_again + 1, due_at = EXCLUDED.due_at";
    let query = diesel::sql_query(statement).bind::<SqlUuid, _>(webhook_id).bind::<Array<BigInt>, _>(numbers);
    Ok(query.execute(connection)?)
}

/// Made 30 days ago, and attempted for the last time as long ago. What is yet to be sent waits for as long again: its
/// receiver may be off.
const IS_OLD: &str = "webhook_deliveries.created_at < now() - interval '30 days' \
     AND (webhook_deliveries.due_at IS NULL OR webhook_deliveries.created_at < now() - interval '60 days') \
     AND NOT EXISTS (SELECT FROM webhook_attempts WHERE delivery_id = webhook_deliveries.id \
                     AND started_at > now() - interval '30 days')";

/// Deletes what is old, at most `limit` of it; says how many.
pub fn sweep(connection: &mut PgConnection, limit: i64) -> Result<usize> {
    let old: Vec<Uuid> =
        deliveries::table.filter(sql::<Bool>(IS_OLD)).select(deliveries::id).limit(limit).load(connection)?;
    // Unless somebody asks for it again just now; and in the order in which all who lock deliveries do.
    let still_old: Vec<Uuid> = deliveries::table
        .filter(deliveries::id.eq_any(old))
        .filter(sql::<Bool>(IS_OLD))
        .order(deliveries::id)
        .select(deliveries::id)
        .for_update()
        .skip_locked()
        .load(connection)?;
    Ok(diesel::delete(deliveries::table.filter(deliveries::id.eq_any(still_old))).execute(connection)?)
}

#[diesel::dsl::auto_type]
fn select() -> _ {
    deliveries::table.left_join(order_events::table.on(is_its_event())).select((
        deliveries::id,
        deliveries::order_id,
        deliveries::version,
        deliveries::created_at,
        deliveries::due_at,
        deliveries::succeeded_at,
        deliveries::number,
        order_events::kind.nullable(),
    ))
}
