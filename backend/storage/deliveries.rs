//! Deliveries to webhooks that are to be made. A replica takes an endpoint for some seconds, again and again while it has
//! something for it: the lease is committed, and no transaction is open while something is sent.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::dsl::{now, sql};
use diesel::prelude::*;
use diesel::sql_types::{Array, Binary, Bool, Double, Int4, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use serde_json::Value;
use uuid::Uuid;

use super::events::EventRow;
use super::schema::{order_events, orders, webhook_deliveries as deliveries, webhooks};
use crate::domain::event::Event;
use crate::error::{Error, Result};

/// Until when an endpoint is a replica's that was taken now, or of which the taking is renewed. A replica that was killed holds
/// its endpoints up for as long.
const LEASE_ENDS: &str = "clock_timestamp() + interval '6 seconds'";
/// Whether an endpoint may be told of anything: it is on and wants no pause, and its account is active and, where it is told of
/// everybody's orders, an admin's.
const MAY_BE_TOLD: &str = "webhooks.active AND (webhooks.paused_until IS NULL OR webhooks.paused_until <= now()) \
     AND EXISTS (SELECT FROM accounts WHERE accounts.id = webhooks.account_id AND accounts.active \
                 AND (webhooks.owner_id IS NOT NULL OR accounts.role = 'admin'))";

/// The secrets that were replaced within a day, the newest first.
const STILL_SIGNING: &str = "ARRAY(SELECT secret FROM replaced_webhook_secrets \
     WHERE webhook_id = webhooks.id AND signs_until > now() ORDER BY signs_until DESC, number DESC)";

/// An endpoint for which something is due.
#[derive(QueryableByName)]
struct Waiting {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Is there anything to do at all?
pub fn has_active_webhook(connection: &mut PgConnection) -> Result<bool> {
    let active = webhooks::table.filter(webhooks::active);
    Ok(diesel::select(diesel::dsl::exists(active)).get_result(connection)?)
}

/// The endpoints of this replica for which something is due: those that it has, and those that it takes now because nobody
/// else has them. Each of those for which something waits is looked at once, however much that is.
pub fn take(connection: &mut PgConnection, replica: Uuid, limit: i32) -> Result<Vec<Uuid>> {
    // NO KEY: who writes an event looks at the webhook's key, and waits for nobody here, nor do we for them.
    let statement = format!(
        "WITH RECURSIVE waiting (id) AS (
             (SELECT webhook_id FROM webhook_deliveries WHERE due_at IS NOT NULL ORDER BY webhook_id LIMIT 1)
             UNION ALL
             SELECT (SELECT webhook_id FROM webhook_deliveries WHERE due_at IS NOT NULL AND webhook_id > waiting.id
                     ORDER BY webhook_id LIMIT 1)
             FROM waiting WHERE waiting.id IS NOT NULL
         ), due AS (
             SELECT id FROM waiting
             WHERE EXISTS (SELECT FROM webhook_deliveries WHERE webhook_id = waiting.id AND due_at <= now())
         ), free AS (
             SELECT webhooks.id FROM webhooks JOIN due USING (id)
             WHERE (webhooks.leased_until IS NULL OR webhooks.leased_until <= clock_timestamp()) AND {MAY_BE_TOLD}
             ORDER BY webhooks.failing_since IS NOT NULL
             LIMIT $2
             FOR NO KEY UPDATE OF webhooks SKIP LOCKED
         ), taken AS (
             UPDATE webhooks SET leased_by = $1, leased_until = {LEASE_ENDS} FROM free WHERE webhooks.id = free.id
             RETURNING webhooks.id
         )
         SELECT id FROM taken
         UNION ALL
         SELECT webhooks.id FROM webhooks JOIN due USING (id)
         WHERE webhooks.leased_by = $1 AND webhooks.leased_until > clock_timestamp()"
    );
    let waiting: Vec<Waiting> =
        diesel::sql_query(statement).bind::<SqlUuid, _>(replica).bind::<Int4, _>(limit).load(connection)?;
    Ok(waiting.into_iter().map(|one| one.id).collect())
}

/// Keeps those of these endpoints that this replica still has.
pub fn renew(connection: &mut PgConnection, replica: Uuid, ids: &[Uuid]) -> Result<()> {
    let own = webhooks::table.filter(webhooks::id.eq_any(ids)).filter(webhooks::leased_by.eq(replica));
    let until = webhooks::leased_until.eq(sql::<Timestamptz>(LEASE_ENDS).nullable());
    diesel::update(own).set(until).execute(connection)?;
    Ok(())
}

/// Leaves an endpoint to others.
pub fn release(connection: &mut PgConnection, replica: Uuid, id: Uuid) -> Result<()> {
    let own = webhooks::table.find(id).filter(webhooks::leased_by.eq(replica));
    let nobody = (webhooks::leased_by.eq(None::<Uuid>), webhooks::leased_until.eq(None::<DateTime<Utc>>));
    diesel::update(own).set(nobody).execute(connection)?;
    Ok(())
}

/// What signs: 32 random bytes.
pub type Secret = [u8; 32];

/// What a message tells of.
#[derive(Debug, Clone)]
pub enum About {
    Event { event: Box<Event>, reference: Option<String>, metadata: BTreeMap<String, String> },
    Test { webhook_id: Uuid },
}

/// Where to send to.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub account_id: Uuid,
    pub url: String,
    /// The newest first.
    pub secrets: Vec<Secret>,
}

/// A delivery that is to be attempted.
#[derive(Debug, Clone)]
pub struct Due {
    pub id: Uuid,
    pub attempts: i16,
    pub asked_again: i32,
    pub created_at: DateTime<Utc>,
    pub about: About,
}

/// Where to send to and how to sign now, of an endpoint that this replica has for a second at least. None: it is another
/// one's, or is not to be told of anything.
pub fn endpoint(connection: &mut PgConnection, replica: Uuid, id: Uuid) -> Result<Option<Endpoint>> {
    type Found = (Uuid, String, Vec<u8>, Vec<Vec<u8>>);
    let found: Option<Found> = webhooks::table
        .find(id)
        .filter(webhooks::leased_by.eq(replica))
        .filter(webhooks::leased_until.gt(sql::<Timestamptz>("clock_timestamp() + interval '1 second'").nullable()))
        .filter(sql::<Bool>(MAY_BE_TOLD))
        .select((webhooks::account_id, webhooks::url, webhooks::secret, sql::<Array<Binary>>(STILL_SIGNING)))
        .first(connection)
        .optional()?;
    let Some((account_id, url, secret, previous)) = found else { return Ok(None) };
    let secrets = std::iter::once(secret).chain(previous).map(|secret| secret.try_into());
    let secrets =
        secrets.collect::<Result<_, _>>().map_err(|_| Error::Internal("a secret has not 32 bytes".to_owned()))?;
    Ok(Some(Endpoint { account_id, url, secrets }))
}

/// What is due for an endpoint, but for the deliveries in `known`: at most `limit`, those first that are due for longest.
pub fn due(connection: &mut PgConnection, id: Uuid, known: &[Uuid], limit: i64) -> Result<Vec<Due>> {
    type Row = (Uuid, i16, i32, DateTime<Utc>, Option<EventRow>, Option<String>, Option<Value>);
    let rows: Vec<Row> = deliveries::table
        .left_join(order_events::table.on(is_its_event()))
        .left_join(orders::table.on(orders::id.nullable().eq(deliveries::order_id)))
        .filter(deliveries::webhook_id.eq(id))
        .filter(deliveries::due_at.le(now.into_sql::<Timestamptz>().nullable()))
        .filter(deliveries::id.ne_all(known))
        .order((deliveries::due_at, deliveries::number))
        .limit(limit)
        .select((
            deliveries::id,
            deliveries::attempts,
            deliveries::asked_again,
            deliveries::created_at,
            Option::<EventRow>::as_select(),
            orders::reference.nullable(),
            orders::metadata.nullable(),
        ))
        .load(connection)?;
    rows.into_iter()
        .map(|(delivery, attempts, asked_again, created_at, event, reference, metadata)| {
            let about = match event {
                Some(event) => About::Event {
                    event: Box::new(Event::try_from(event)?),
                    reference,
                    metadata: texts(metadata.unwrap_or_default()),
                },
                None => About::Test { webhook_id: id },
            };
            Ok(Due { id: delivery, attempts, asked_again, created_at, about })
        })
        .collect()
}

/// A delivery beside the event that it tells of.
#[diesel::dsl::auto_type]
pub fn is_its_event() -> _ {
    deliveries::order_id
        .eq(order_events::order_id.nullable())
        .and(deliveries::version.eq(order_events::version.nullable()))
}

fn texts(metadata: Value) -> BTreeMap<String, String> {
    serde_json::from_value(metadata).unwrap_or_default()
}

/// How an attempt went, and what becomes of its delivery.
#[derive(Debug, Clone)]
pub struct Attempted {
    pub webhook_id: Uuid,
    pub delivery_id: Uuid,
    /// How many attempts there had been before, and how often it had been asked for again: who asks meanwhile gets it.
    pub attempts_before: i16,
    pub asked_again: i32,
    pub started_at: DateTime<Utc>,
    /// None: there was no answer, and `error` says why.
    pub status: Option<u16>,
    pub error: Option<String>,
    pub duration: Duration,
    pub response: Option<String>,
    /// After which time to try again, by Postgres' clock, which is everybody's; none: never.
    pub again_after: Option<Duration>,
    /// For how long the receiver wants nothing at all.
    pub pause: Option<Duration>,
    /// Where it went: what another one said before the URL was changed means nothing for this one.
    pub url: String,
}

impl Attempted {
    pub fn has_succeeded(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// The receiver wants nothing any more.
    fn is_gone(&self) -> bool {
        self.status == Some(410)
    }
}

/// Notes attempts, with what they mean for deliveries and endpoints. An endpoint that is gone is switched off, and one that has
/// been failing for five days when a delivery is given up: one failure after a quiet week means nothing yet.
pub fn note(connection: &mut PgConnection, attempted: &[Attempted]) -> Result<()> {
    let ids: Vec<Uuid> = attempted.iter().map(|one| one.delivery_id).collect();
    let before: Vec<i16> = attempted.iter().map(|one| one.attempts_before).collect();
    let asked_again: Vec<i32> = attempted.iter().map(|one| one.asked_again).collect();
    let again: Vec<Option<f64>> =
        attempted.iter().map(|one| one.again_after.map(|pause| pause.as_secs_f64())).collect();
    let succeeded: Vec<Option<DateTime<Utc>>> =
        attempted.iter().map(|one| one.has_succeeded().then_some(one.started_at)).collect();
    diesel::sql_query(
        "WITH n AS (
             SELECT d.id, now() + n.again * interval '1 second' AS next_at, n.succeeded_at
             FROM webhook_deliveries AS d JOIN unnest($1, $2, $3, $4, $5) AS n (id, attempts, asked_again, again, succeeded_at) USING (id)
             WHERE (d.attempts, d.asked_again) = (n.attempts, n.asked_again) ORDER BY d.id FOR NO KEY UPDATE OF d
         )
         UPDATE webhook_deliveries AS d SET attempts = d.attempts + 1, due_at = n.next_at, succeeded_at = n.succeeded_at
         FROM n WHERE d.id = n.id",
    )
    .bind::<Array<SqlUuid>, _>(&ids)
    .bind::<Array<SmallInt>, _>(before)
    .bind::<Array<Int4>, _>(asked_again)
    .bind::<Array<Nullable<Double>>, _>(again)
    .bind::<Array<Nullable<Timestamptz>>, _>(succeeded)
    .execute(connection)?;

    let started: Vec<DateTime<Utc>> = attempted.iter().map(|one| one.started_at).collect();
    let statuses: Vec<Option<i16>> = attempted.iter().map(|one| one.status.map(|status| status as i16)).collect();
    let errors: Vec<Option<&str>> = attempted.iter().map(|one| one.error.as_deref()).collect();
    let durations: Vec<i32> =
        attempted.iter().map(|one| i32::try_from(one.duration.as_millis()).unwrap_or(i32::MAX)).collect();
    let responses: Vec<Option<&str>> = attempted.iter().map(|one| one.response.as_deref()).collect();
    // Once, also when they are noted again because nobody knew whether they were.
    diesel::sql_query(
        "INSERT INTO webhook_attempts (delivery_id, started_at, status, error, duration_ms, response) \
         SELECT n.* FROM unnest($1, $2, $3, $4, $5, $6) AS n (delivery_id, started_at, status, error, duration_ms, response) \
         WHERE EXISTS (SELECT FROM webhook_deliveries WHERE id = n.delivery_id) \
             AND NOT EXISTS (SELECT FROM webhook_attempts AS a WHERE a.delivery_id = n.delivery_id AND a.started_at = n.started_at)",
    )
    .bind::<Array<SqlUuid>, _>(&ids)
    .bind::<Array<Timestamptz>, _>(started)
    .bind::<Array<Nullable<SmallInt>>, _>(statuses)
    .bind::<Array<Nullable<Text>>, _>(errors)
    .bind::<Array<Int4>, _>(durations)
    .bind::<Array<Nullable<Text>>, _>(responses)
    .execute(connection)?;

    // The last word of each endpoint.
    #[derive(Default)]
    struct Word {
        has_succeeded: bool,
        is_gone: bool,
        pause: Option<Duration>,
    }
    let mut endpoints: BTreeMap<(Uuid, &str), Word> = BTreeMap::new();
    for one in attempted {
        let word = endpoints.entry((one.webhook_id, &one.url)).or_default();
        word.has_succeeded |= one.has_succeeded();
        word.is_gone |= one.is_gone();
        word.pause = word.pause.max(one.pause);
    }
    let (mut of, mut urls, mut went_well, mut gone, mut paused) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for ((id, url), word) in endpoints {
        of.push(id);
        urls.push(url);
        went_well.push(word.has_succeeded);
        gone.push(word.is_gone);
        paused.push(word.pause.map(|pause| pause.as_secs_f64()));
    }
    // Most say what is known: an endpoint's row is written when that changes. Deliveries before endpoints, and both in the order
    // of their IDs: so it is wherever they are locked.
    let has_given_up = "NOT n.went_well AND w.failing_since < now() - interval '5 days' AND EXISTS (
         SELECT FROM webhook_deliveries WHERE id = ANY ($6) AND webhook_id = w.id AND due_at IS NULL AND succeeded_at IS NULL)";
    diesel::sql_query(format!(
        "WITH changed AS (
             SELECT w.id, n.gone, n.went_well, now() + n.pause * interval '1 second' AS paused_until,
                 COALESCE({has_given_up}, false) AS failing
             FROM webhooks AS w JOIN unnest($1, $2, $3, $4, $5) AS n (id, url, went_well, gone, pause) USING (id, url)
             WHERE w.active AND (n.gone OR n.pause IS NOT NULL OR n.went_well <> (w.failing_since IS NULL)
                 OR {has_given_up})
             ORDER BY w.id FOR NO KEY UPDATE OF w
         )
         UPDATE webhooks AS w SET
             failing_since = CASE WHEN changed.went_well THEN NULL ELSE COALESCE(w.failing_since, now()) END,
             paused_until = GREATEST(w.paused_until, changed.paused_until),
             active = NOT (changed.gone OR changed.failing),
             disabled_reason = CASE WHEN changed.gone THEN 'gone' WHEN changed.failing THEN 'failing' END,
             disabled_at = CASE WHEN changed.gone OR changed.failing THEN now() END
         FROM changed WHERE w.id = changed.id",
    ))
    .bind::<Array<SqlUuid>, _>(of)
    .bind::<Array<Text>, _>(urls)
    .bind::<Array<Bool>, _>(went_well)
    .bind::<Array<Bool>, _>(gone)
    .bind::<Array<Nullable<Double>>, _>(paused)
    .bind::<Array<SqlUuid>, _>(ids)
    .execute(connection)?;
    Ok(())
}
