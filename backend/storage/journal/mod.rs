//! What the journal reads and writes: rows under lock, and everything at once by `unnest`; one event alone without a lock,
//! by a statement that looks at the version.

mod statements;

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use secrecy::SecretString;
use uuid::Uuid;

use self::statements::{Advance, InsertEvents, InsertOrders, SelectReferences, UpdateDetails, UpdateStanding};
use super::db;
use super::orders::{OrderRow, assignees, callers};
use super::schema::{accounts, orders};
use crate::domain::account::Role;
use crate::domain::event::Event;
use crate::domain::ids::OrderId;
use crate::domain::order::Order;

diesel::define_sql_function! {
    /// The wall clock, which goes on within a transaction.
    fn clock_timestamp() -> Timestamptz;
}

/// Others hold a lock for milliseconds. Who holds one for longer must not hold up the journal.
pub const LOCK_TIMEOUT: Duration = Duration::from_millis(100);
/// The same, while somebody waits who does not want that lock.
pub const LOCK_TIMEOUT_IN_HASTE: Duration = Duration::from_millis(10);

/// All statements here go by keys, in arrays of which Postgres takes the length for the reason to plan anew each time:
/// 0.6 ms of the 2 that a move alone took. One plan is right for all of them, as long as it uses the index.
const SETTINGS: &str = "SET plan_cache_mode = 'force_generic_plan'; \
     SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off";

/// A connection for these statements alone.
pub fn connect(url: &SecretString, lock_timeout: Duration) -> ConnectionResult<PgConnection> {
    let mut connection = db::connect(url)?;
    connection.batch_execute(SETTINGS).map_err(ConnectionError::CouldntSetupConfiguration)?;
    set_lock_timeout(&mut connection, lock_timeout).map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

pub fn set_lock_timeout(connection: &mut PgConnection, limit: Duration) -> QueryResult<()> {
    connection.batch_execute(&format!("SET lock_timeout = {}", limit.as_millis()))
}

/// Whether the connection outlived what was refused on it.
pub fn still_answers(connection: &mut PgConnection) -> bool {
    connection.batch_execute("SELECT 1").is_ok()
}

/// What the journal must know of an account.
#[derive(Debug, Clone)]
pub struct Account {
    pub name: String,
    pub role: Role,
    pub active: bool,
}

/// Accounts by their IDs, and when they were read.
pub type AccountsAndClock = (HashMap<Uuid, Account>, DateTime<Utc>);

/// Locks orders in the order of their IDs, so that no two journals wait for each other in a circle.
pub fn lock(connection: &mut PgConnection, ids: &[OrderId]) -> QueryResult<Vec<OrderRow>> {
    orders::table
        .filter(orders::id.eq_any(texts(ids)))
        .order(orders::id)
        .select(OrderRow::as_select())
        .for_no_key_update()
        .load(connection)
}

/// Locks those orders that nobody else has locked.
pub fn lock_free_ones(connection: &mut PgConnection, ids: &[OrderId]) -> QueryResult<Vec<OrderRow>> {
    orders::table
        .filter(orders::id.eq_any(texts(ids)))
        .order(orders::id)
        .select(OrderRow::as_select())
        .for_no_key_update()
        .skip_locked()
        .load(connection)
}

/// Which of these orders there are, locked or not.
pub fn existing(connection: &mut PgConnection, ids: &[OrderId]) -> QueryResult<Vec<OrderId>> {
    let found: Vec<String> = orders::table.filter(orders::id.eq_any(texts(ids))).select(orders::id).load(connection)?;
    Ok(found.into_iter().filter_map(|id| OrderId::try_from(id).ok()).collect())
}

/// An order that nothing keeps as it is, whose it is, who asks, and Postgres' clock: one statement.
pub struct ReadUnlocked {
    pub order: OrderRow,
    pub owner_name: String,
    pub assignee_name: Option<String>,
    pub caller: Account,
    pub now: DateTime<Utc>,
}

/// Reads an order without locking it. None when the order or the caller's account is not there.
pub fn read_unlocked(connection: &mut PgConnection, id: OrderId, caller_id: Uuid) -> QueryResult<Option<ReadUnlocked>> {
    type Row = (OrderRow, String, Option<String>, (String, String, bool), DateTime<Utc>);
    let row: Option<Row> = orders::table
        .inner_join(accounts::table.on(accounts::id.eq(orders::owner_id)))
        .left_join(assignees.on(assignees.field(accounts::id).nullable().eq(orders::assignee_id)))
        .inner_join(callers.on(callers.field(accounts::id).eq(caller_id)))
        .filter(orders::id.eq(id.as_str()))
        .select((
            OrderRow::as_select(),
            accounts::name,
            assignees.field(accounts::name).nullable(),
            callers.fields((accounts::name, accounts::role, accounts::active)),
            clock_timestamp(),
        ))
        .first(connection)
        .optional()?;
    Ok(row.and_then(|(order, owner_name, assignee_name, (name, role, active), now)| {
        let caller = Account { name, role: Role::parse(&role)?, active };
        Some(ReadUnlocked { order, owner_name, assignee_name, caller, now: now.trunc_subsecs(3) })
    }))
}

fn texts(ids: &[OrderId]) -> Vec<&str> {
    ids.iter().map(OrderId::as_str).collect()
}

/// Accounts by their IDs, and Postgres' clock in milliseconds. The clock is read after the rows were locked: what was
/// recorded before is not later. None when there is no account at all.
pub fn accounts_and_clock(connection: &mut PgConnection, ids: &[Uuid]) -> QueryResult<Option<AccountsAndClock>> {
    let rows: Vec<(Uuid, String, String, bool, DateTime<Utc>)> = accounts::table
        .filter(accounts::id.eq_any(ids))
        .select((accounts::id, accounts::name, accounts::role, accounts::active, clock_timestamp()))
        .load(connection)?;
    let Some(now) = rows.iter().map(|row| row.4).max() else { return Ok(None) };
    let accounts = rows
        .into_iter()
        .filter_map(|(id, name, role, active, _)| Some((id, Account { name, role: Role::parse(&role)?, active })))
        .collect();
    Ok(Some((accounts, now.trunc_subsecs(3))))
}

/// An order other than a cancelled one, by its owner and reference.
pub type ReferencesUsed = HashMap<(Uuid, String), OrderId>;

/// Which of these references these owners have used already.
pub fn references_used<'a>(
    connection: &mut PgConnection,
    wanted: impl Iterator<Item = (Uuid, &'a str)>,
) -> QueryResult<ReferencesUsed> {
    let mut statement = SelectReferences::default();
    for (owner, reference) in wanted {
        statement.owner_id.push(owner);
        statement.reference.push(reference);
    }
    if statement.reference.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Uuid, String, String)> = statement.load(connection)?;
    Ok(rows
        .into_iter()
        .filter_map(|(owner, reference, id)| Some(((owner, reference), OrderId::try_from(id).ok()?)))
        .collect())
}

/// Inserts orders as they were created; gives the IDs of those that got in.
pub fn insert_orders(connection: &mut PgConnection, new: &mut [&Order]) -> QueryResult<Vec<String>> {
    // In one order everywhere, so that two journals with the same references don't wait for each other in a circle.
    new.sort_by_key(|order| (order.owner.id, order.details.reference.clone()));
    let mut statement = InsertOrders::default();
    for order in new.iter() {
        statement.push(order);
    }
    statement.load(connection)
}

/// Writes where orders stand now.
pub fn update_standing<'a>(connection: &mut PgConnection, orders: impl Iterator<Item = &'a Order>) -> QueryResult<()> {
    let mut statement = UpdateStanding::default();
    orders.for_each(|order| statement.push(order));
    if statement.id.is_empty() {
        return Ok(());
    }
    diesel::RunQueryDsl::execute(statement, connection).map(|_| ())
}

/// Writes the details of orders.
pub fn update_details<'a>(connection: &mut PgConnection, orders: impl Iterator<Item = &'a Order>) -> QueryResult<()> {
    let mut statement = UpdateDetails::default();
    orders.for_each(|order| statement.push(order));
    if statement.id.is_empty() {
        return Ok(());
    }
    diesel::RunQueryDsl::execute(statement, connection).map(|_| ())
}

/// Appends events to the log, each with the owner of its order.
pub fn insert_events<'a>(
    connection: &mut PgConnection,
    events: impl Iterator<Item = (&'a Event, Uuid)>,
) -> QueryResult<()> {
    let mut statement = InsertEvents::default();
    events.for_each(|(event, owner_id)| statement.push(event, owner_id));
    if statement.order_id.is_empty() {
        return Ok(());
    }
    diesel::RunQueryDsl::execute(statement, connection).map(|_| ())
}

/// Writes where an order stands after an event that a mover or its owner recorded, and the event, if the order is still
/// at the version at which it was read. False: it is not, or somebody else has locked it, and nothing is written. A
/// transaction of its own.
pub fn advance(connection: &mut PgConnection, order: &Order, event: &Event, read_version: i32) -> QueryResult<bool> {
    let mut statement = Advance { standing: UpdateStanding::default(), event: InsertEvents::default(), read_version };
    statement.standing.push(order);
    statement.event.push(event, order.owner.id);
    diesel::RunQueryDsl::execute(statement, connection).map(|written| written == 1)
}
