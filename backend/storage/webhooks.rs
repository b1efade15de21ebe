//! Webhooks: where events are told to, as their owners see and change it.

use chrono::{DateTime, Utc};
use diesel::dsl::{now, sql};
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Timestamptz};
use serde::Serialize;
use uuid::Uuid;

use super::accounts;
use super::schema::{replaced_webhook_secrets as old_secrets, webhook_deliveries, webhooks};
use super::sessions::transaction_time;
use crate::domain::event::EventType;
use crate::domain::time::to_millis;
use crate::error::{Error, Result};

/// More endpoints than this nobody needs.
const MOST_OF_AN_ACCOUNT: i64 = 20;

/// For how long a secret that was replaced signs, too; and how many of them, at most.
const OLD_SECRET_SIGNS: &str = "now() + interval '24 hours'";
const OLD_SECRETS_MAX: i64 = 4;
const REPLACED_ONES_SIGN_UNTIL: &str = "(SELECT max(signs_until) FROM replaced_webhook_secrets \
     WHERE webhook_id = webhooks.id AND signs_until > now())";

/// A webhook as its owner sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Webhook {
    pub id: Uuid,
    pub url: String,
    /// Empty: all of them.
    pub event_types: Vec<EventType>,
    pub description: Option<String>,
    pub active: bool,
    /// Why it was switched off by itself: `failing`, a delivery was given up after five days of failing; `gone`, by its own words
    /// (410).
    pub disabled_reason: Option<String>,
    #[serde(serialize_with = "to_millis")]
    pub disabled_at: Option<DateTime<Utc>>,
    /// Since when nothing has succeeded; null when the last attempt has.
    #[serde(serialize_with = "to_millis")]
    pub failing_since: Option<DateTime<Utc>>,
    /// Until when nothing is sent, at the receiver's wish (`Retry-After`); null when it wants no pause.
    #[serde(serialize_with = "to_millis")]
    pub paused_until: Option<DateTime<Utc>>,
    /// Until when the secret that was replaced signs, too.
    #[serde(serialize_with = "to_millis")]
    pub previous_secret_until: Option<DateTime<Utc>>,
    #[serde(serialize_with = "to_millis")]
    pub created_at: DateTime<Utc>,
    #[serde(serialize_with = "to_millis")]
    pub updated_at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhooks)]
struct WebhookRow {
    id: Uuid,
    url: String,
    event_types: Vec<String>,
    description: Option<String>,
    active: bool,
    disabled_reason: Option<String>,
    disabled_at: Option<DateTime<Utc>>,
    failing_since: Option<DateTime<Utc>>,
    paused_until: Option<DateTime<Utc>>,
    #[diesel(select_expression = sql::<Nullable<Timestamptz>>(REPLACED_ONES_SIGN_UNTIL))]
    #[diesel(select_expression_type = SqlLiteral<Nullable<Timestamptz>>)]
    replaced_ones_sign_until: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<WebhookRow> for Webhook {
    type Error = Error;
    fn try_from(row: WebhookRow) -> Result<Webhook> {
        let kind = |name: String| EventType::try_from(name).map_err(|unknown| Error::Internal(unknown.to_string()));
        Ok(Webhook {
            id: row.id,
            url: row.url,
            event_types: row.event_types.into_iter().map(kind).collect::<Result<_>>()?,
            description: row.description,
            active: row.active,
            disabled_reason: row.disabled_reason,
            disabled_at: row.disabled_at,
            failing_since: row.failing_since,
            paused_until: row.paused_until.filter(|until| *until > Utc::now()),
            previous_secret_until: row.replaced_ones_sign_until,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// What is asked of a webhook.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    pub url: String,
    pub event_types: Vec<EventType>,
    pub description: Option<String>,
}

/// What is changed of one; null is another thing than nothing.
#[derive(Debug, Clone, Default)]
pub struct WebhookChange {
    pub url: Option<String>,
    pub event_types: Option<Vec<EventType>>,
    pub description: Option<Option<String>>,
    pub active: Option<bool>,
}

/// Whose webhooks somebody manages: a user's own, of their own orders; an admin's own, of all orders.
#[derive(Debug, Clone, Copy)]
pub struct Holder {
    pub account_id: Uuid,
    pub is_admin: bool,
}

impl Holder {
    /// Is this account still what its token says?
    fn require(self, connection: &mut PgConnection) -> Result<()> {
        if self.is_admin {
            accounts::require_admin(connection, self.account_id)
        } else {
            accounts::require_active(connection, self.account_id)
        }
    }
}

/// Makes a webhook. [`Error::TooManyWebhooks`], and what [`accounts`] says of the holder.
pub fn create(connection: &mut PgConnection, holder: Holder, new: NewWebhook, secret: &[u8; 32]) -> Result<Webhook> {
    accounts::lock(connection, holder.account_id)?;
    holder.require(connection)?;
    let there_are: i64 =
        webhooks::table.filter(webhooks::account_id.eq(holder.account_id)).count().get_result(connection)?;
    if there_are >= MOST_OF_AN_ACCOUNT {
        return Err(Error::TooManyWebhooks(MOST_OF_AN_ACCOUNT));
    }
    let at = transaction_time(connection)?;
    diesel::insert_into(webhooks::table)
        .values((
            webhooks::id.eq(Uuid::now_v7()),
            webhooks::account_id.eq(holder.account_id),
            webhooks::owner_id.eq((!holder.is_admin).then_some(holder.account_id)),
            webhooks::url.eq(new.url),
            webhooks::event_types.eq(names(&new.event_types)),
            webhooks::description.eq(new.description),
            webhooks::secret.eq(secret.as_slice()),
            webhooks::created_at.eq(at),
            webhooks::updated_at.eq(at),
        ))
        .returning(WebhookRow::as_returning())
        .get_result(connection)?
        .try_into()
}

/// An account's webhooks, newest first, from behind the one named `after`.
pub fn list(connection: &mut PgConnection, account_id: Uuid, after: Option<Uuid>, limit: i64) -> Result<Vec<Webhook>> {
    webhooks::table
        .filter(webhooks::account_id.eq(account_id))
        .filter(webhooks::id.lt(after.unwrap_or(Uuid::max())))
        .order(webhooks::id.desc())
        .limit(limit)
        .select(WebhookRow::as_select())
        .load(connection)?
        .into_iter()
        .map(Webhook::try_from)
        .collect()
}

/// One of an account's webhooks; [`Error::NotFound`] when it is not theirs.
pub fn find(connection: &mut PgConnection, account_id: Uuid, id: Uuid) -> Result<Webhook> {
    let row = webhooks::table
        .find(id)
        .filter(webhooks::account_id.eq(account_id))
        .select(WebhookRow::as_select())
        .first(connection)
        .optional()?;
    row.ok_or(Error::NotFound)?.try_into()
}

/// One of the holder's webhooks that is on, until the transaction ends. [`Error::NotFound`], [`Error::WebhookOff`], and what
/// [`accounts`] says of the holder.
pub fn require_on(connection: &mut PgConnection, holder: Holder, id: Uuid) -> Result<()> {
    holder.require(connection)?;
    let own = webhooks::table.find(id).filter(webhooks::account_id.eq(holder.account_id));
    let active: Option<bool> = own.select(webhooks::active).for_key_share().first(connection).optional()?;
    if active.ok_or(Error::NotFound)? { Ok(()) } else { Err(Error::WebhookOff) }
}

/// Changes one of the holder's webhooks. Switched on again, it begins with what has waited since, and without its past.
pub fn update(connection: &mut PgConnection, holder: Holder, id: Uuid, change: WebhookChange) -> Result<Webhook> {
    #[derive(AsChangeset)]
    #[diesel(table_name = webhooks)]
    struct Changes {
        url: Option<String>,
        event_types: Option<Vec<String>>,
        description: Option<Option<String>>,
        active: Option<bool>,
        disabled_reason: Option<Option<String>>,
        disabled_at: Option<Option<DateTime<Utc>>>,
        failing_since: Option<Option<DateTime<Utc>>>,
        paused_until: Option<Option<DateTime<Utc>>>,
        updated_at: DateTime<Utc>,
    }
    holder.require(connection)?;
    find(connection, holder.account_id, id)?;
    // Another receiver, or the same one that was mended: nothing is held against it.
    let begins_anew = change.active == Some(true) || change.url.is_some();
    let changes = Changes {
        url: change.url,
        event_types: change.event_types.map(|types| names(&types)),
        description: change.description,
        active: change.active,
        disabled_reason: change.active.map(|_| None),
        disabled_at: change.active.map(|_| None),
        failing_since: begins_anew.then_some(None),
        paused_until: begins_anew.then_some(None),
        updated_at: transaction_time(connection)?,
    };
    diesel::update(webhooks::table.find(id))
        .set(changes)
        .returning(WebhookRow::as_returning())
        .get_result(connection)?
        .try_into()
}

/// Switches off one of an account's webhooks, which is to be deleted: from then on no event waits for that.
pub fn switch_off(connection: &mut PgConnection, account_id: Uuid, id: Uuid) -> Result<()> {
    let own = webhooks::table.find(id).filter(webhooks::account_id.eq(account_id));
    match diesel::update(own).set(webhooks::active.eq(false)).execute(connection)? {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}

/// Deletes some of a webhook's deliveries, and says how many; when none is left, the webhook.
pub fn delete_some(connection: &mut PgConnection, id: Uuid, limit: i64) -> Result<usize> {
    let of_it = webhook_deliveries::table.filter(webhook_deliveries::webhook_id.eq(id));
    // Locked in the order in which whoever notes attempts locks them.
    let some: Vec<Uuid> = of_it
        .order(webhook_deliveries::id)
        .select(webhook_deliveries::id)
        .limit(limit)
        .for_update()
        .load(connection)?;
    if some.is_empty() {
        return Ok(diesel::delete(webhooks::table.find(id)).execute(connection).map(|_| 0)?);
    }
    let some = webhook_deliveries::table.filter(webhook_deliveries::id.eq_any(some));
    Ok(diesel::delete(some).execute(connection)?)
}

/// Replaces the secret; those that were replaced within a day sign, too: whoever has not got the answer with the new one asks
/// again, and receivers have one from before.
pub fn rotate(connection: &mut PgConnection, holder: Holder, id: Uuid, secret: &[u8; 32]) -> Result<Webhook> {
    holder.require(connection)?;
    let own = || webhooks::table.find(id).filter(webhooks::account_id.eq(holder.account_id));
    let replaced: Option<Vec<u8>> = own().select(webhooks::secret).for_no_key_update().first(connection).optional()?;
    let replaced = replaced.ok_or(Error::NotFound)?;
    diesel::insert_into(old_secrets::table)
        .values((
            old_secrets::webhook_id.eq(id),
            old_secrets::secret.eq(replaced),
            old_secrets::signs_until.eq(sql::<Timestamptz>(OLD_SECRET_SIGNS)),
        ))
        .execute(connection)?;
    let of_it = old_secrets::table.filter(old_secrets::webhook_id.eq(id));
    let numbers = of_it.order(old_secrets::number.desc()).select(old_secrets::number).offset(OLD_SECRETS_MAX);
    let too_many: Vec<i64> = numbers.load(connection)?;
    diesel::delete(of_it.filter(old_secrets::number.eq_any(too_many).or(old_secrets::signs_until.le(now))))
        .execute(connection)?;
    diesel::update(own())
        .set((webhooks::secret.eq(secret.as_slice()), webhooks::updated_at.eq(now)))
        .returning(WebhookRow::as_returning())
        .get_result(connection)
        .optional()?
        .ok_or(Error::NotFound)?
        .try_into()
}

fn names(types: &[EventType]) -> Vec<String> {
    types.iter().map(|kind| kind.name().to_owned()).collect()
}
