//! Reading orders: one, lists and counts.

use std::time::Instant;

use chrono::{DateTime, Utc};
use diesel::dsl::{max, min, sql};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::methods::LoadQuery;
use diesel::sql_types::{BigInt, Bool, Nullable, Timestamptz};
use uuid::Uuid;

use super::db::until;
use super::events::EventRow;
use super::schema::{accounts, order_events, orders};
use super::search;
use crate::domain::account::Person;
use crate::domain::event::Event;
use crate::domain::ids::OrderId;
use crate::domain::order::{Details, LastMove, Order};
use crate::domain::status::{Reason, Status};
use crate::error::{Error, Result};

diesel::alias! {
    pub(super) const assignees: Alias<Assignees> = accounts as assignees;
    pub(super) const callers: Alias<Callers> = accounts as callers;
}

diesel::define_sql_function! {
    /// Sorts orders without a due time last.
    fn order_due(due_at: Nullable<Timestamptz>) -> Timestamptz;
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = orders)]
pub struct OrderRow {
    id: String,
    pub owner_id: Uuid,
    status: String,
    reason: Option<String>,
    version: i32,
    public_version: i32,
    moved_version: Option<i32>,
    moved_by: Option<Uuid>,
    moved_at: Option<DateTime<Utc>>,
    moved_from: Option<String>,
    moved_from_reason: Option<String>,
    title: String,
    description: Option<String>,
    reference: Option<String>,
    recipient_name: Option<String>,
    recipient_phone: Option<String>,
    pickup_address: Option<String>,
    delivery_address: Option<String>,
    metadata: serde_json::Value,
    public_tracking: bool,
    pub assignee_id: Option<Uuid>,
    due_at: Option<DateTime<Utc>>,
    estimated_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
}

impl OrderRow {
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The order, with the names that stand in `accounts`.
    pub fn into_order(self, owner_name: String, assignee_name: Option<String>) -> Result<Order> {
        let unknown = |what: &str| Error::Internal(format!("an order holds an unknown {what}"));
        let status = |name: &str| Status::parse(name).ok_or_else(|| unknown("status"));
        let reason =
            |name: Option<String>| name.map(|name| Reason::parse(&name).ok_or_else(|| unknown("reason"))).transpose();
        let last_move = match (self.moved_version, self.moved_by, self.moved_at, self.moved_from) {
            (Some(version), Some(by), Some(at), Some(from)) => {
                Some(LastMove { version, by, at, from: status(&from)?, from_reason: reason(self.moved_from_reason)? })
            }
            _ => None,
        };
        Ok(Order {
            id: OrderId::try_from(self.id).map_err(|_| unknown("ID"))?,
            owner: Person { id: self.owner_id, name: owner_name },
            status: status(&self.status)?,
            reason: reason(self.reason)?,
            version: self.version,
            public_version: self.public_version,
            details: Details {
                title: self.title,
                description: self.description,
                reference: self.reference,
                recipient_name: self.recipient_name,
                recipient_phone: self.recipient_phone,
                pickup_address: self.pickup_address,
                delivery_address: self.delivery_address,
                metadata: serde_json::from_value(self.metadata).map_err(|_| unknown("kind of metadata"))?,
                public_tracking: self.public_tracking,
                due_at: self.due_at,
            },
            assignee: self.assignee_id.zip(assignee_name).map(|(id, name)| Person { id, name }),
            estimated_at: self.estimated_at,
            last_move,
            created_at: self.created_at,
            updated_at: self.updated_at,
            completed_at: self.completed_at,
        })
    }
}

/// One order; none if there is none.
pub fn find(connection: &mut PgConnection, id: OrderId) -> Result<Option<Order>> {
    let row: Option<(OrderRow, String, Option<String>)> = orders::table
        .inner_join(accounts::table.on(accounts::id.eq(orders::owner_id)))
        .left_join(assignees.on(assignees.field(accounts::id).nullable().eq(orders::assignee_id)))
        .filter(orders::id.eq(id.as_str()))
        .select((OrderRow::as_select(), accounts::name, assignees.field(accounts::name).nullable()))
        .first(connection)
        .optional()?;
    row.map(|(row, owner, assignee)| row.into_order(owner, assignee)).transpose()
}

/// One order with its newest events, oldest first; none if there is none. One statement, in which both agree; the order
/// stands beside its newest event, and not beside the others: fifty of the longest would be a megabyte.
pub fn find_with_events(
    connection: &mut PgConnection,
    id: OrderId,
    events: i64,
) -> Result<Option<(Order, Vec<Event>)>> {
    /// The order, its owner's and its assignee's names, beside one of them; and the event.
    type Row = (Option<OrderRow>, Option<String>, Option<String>, EventRow);
    let is_newest = orders::id.eq(order_events::order_id).and(orders::version.eq(order_events::version));
    let rows: Vec<Row> = order_events::table
        .left_join(orders::table.inner_join(accounts::table.on(accounts::id.eq(orders::owner_id))).on(is_newest))
        .left_join(assignees.on(assignees.field(accounts::id).nullable().eq(orders::assignee_id.nullable())))
        .filter(order_events::order_id.eq(id.as_str()))
        .order(order_events::version.desc())
        .limit(events)
        .select((
            Option::<OrderRow>::as_select(),
            accounts::name.nullable(),
            assignees.field(accounts::name).nullable(),
            EventRow::as_select(),
        ))
        .load(connection)?;
    let mut order = None;
    let mut read = Vec::with_capacity(rows.len());
    for (row, owner, assignee, event) in rows.into_iter().rev() {
        read.push(Event::try_from(event)?);
        order = row.map(|row| row.into_order(owner.unwrap_or_default(), assignee));
    }
    Ok(order.transpose()?.map(|order| (order, read)))
}

/// Which orders a list or count is about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    pub owner: Option<Uuid>,
    /// Any of these; empty for all.
    pub statuses: Vec<Status>,
    pub search: Option<String>,
    pub reference: Option<String>,
    pub created_from: Option<DateTime<Utc>>,
    /// Exclusive.
    pub created_to: Option<DateTime<Utc>>,
    /// Of whom there is an event since.
    pub updated_from: Option<DateTime<Utc>>,
    pub assignee: Option<AssigneeFilter>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AssigneeFilter {
    Nobody,
    Mover(Uuid),
}

/// Where an order stands in the list by time.
pub type Place = (DateTime<Utc>, OrderId);

/// How a list is sorted, and after which order it goes on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Position {
    /// Newest first.
    Created(Option<Place>),
    /// Earliest due time first, orders without one last.
    Due(Option<(Option<DateTime<Utc>>, OrderId)>),
}

/// A page of orders. Whoever searches is [`Error::Overloaded`] at the deadline.
pub fn list(
    connection: &mut PgConnection,
    filter: &Filter,
    position: Position,
    limit: i64,
    deadline: Instant,
) -> Result<Vec<Order>> {
    match (&filter.search, position) {
        (Some(search), Position::Created(after)) if search::is_in_windows(search) => {
            search::newest(connection, filter, after, limit, deadline)
        }
        (Some(_), _) => search::patiently(connection, deadline, |connection| page(connection, filter, position, limit)),
        (None, _) => page(connection, filter, position, limit),
    }
}

/// The same in one statement, in whichever way Postgres takes for the quickest.
pub fn page(connection: &mut PgConnection, filter: &Filter, position: Position, limit: i64) -> Result<Vec<Order>> {
    into_orders(statement(filter, position, limit).load(connection)?)
}

/// When the oldest order of all was created, and the newest; none if there are no orders.
pub fn oldest_and_newest(connection: &mut PgConnection) -> Result<Option<(DateTime<Utc>, DateTime<Utc>)>> {
    let (oldest, newest): (Option<_>, Option<_>) =
        orders::table.select((min(orders::created_at), max(orders::created_at))).first(connection)?;
    Ok(oldest.zip(newest))
}

/// The orders at these places, newest first.
pub fn at(connection: &mut PgConnection, places: &[Place]) -> Result<Vec<Order>> {
    let ids: Vec<&str> = places.iter().map(|(_, id)| id.as_str()).collect();
    let found = orders::table
        .filter(orders::id.eq_any(ids))
        .order((orders::created_at.desc(), orders::id.desc()))
        .select((OrderRow::as_select(), owner_name().single_value(), assignee_name().single_value()));
    into_orders(found.load(connection)?)
}

/// An order, its owner's name and its assignee's.
type Named = (OrderRow, Option<String>, Option<String>);

fn into_orders(rows: Vec<Named>) -> Result<Vec<Order>> {
    rows.into_iter().map(|(row, owner, assignee)| row.into_order(owner.unwrap_or_default(), assignee)).collect()
}

// Looked up one by one: conditions that are put together at run time can't be about a join.
#[diesel::dsl::auto_type]
fn owner_name() -> _ {
    accounts::table.filter(accounts::id.eq(orders::owner_id)).select(accounts::name)
}

#[diesel::dsl::auto_type]
fn assignee_name() -> _ {
    let id = assignees.field(accounts::id).nullable();
    assignees.filter(id.eq(orders::assignee_id)).select(assignees.field(accounts::name))
}

fn statement(filter: &Filter, position: Position, limit: i64) -> impl LoadQuery<'static, PgConnection, Named> {
    let mut query = orders::table
        .select((OrderRow::as_select(), owner_name().single_value(), assignee_name().single_value()))
        .into_boxed();
    for condition in conditions(filter).into_iter().chain(planned_anew(filter)) {
        query = query.filter(condition);
    }
    let query = match position {
        Position::Created(after) => {
            if let Some(after) = after {
                query = query.filter(older_than(after));
            }
            query.order((orders::created_at.desc(), orders::id.desc()))
        }
        Position::Due(after) => {
            if let Some((due_at, id)) = after {
                // The leading column's bound by itself, as in `older_than`.
                query = query
                    .filter(order_due(orders::due_at).ge(order_due(due_at)))
                    .filter(order_due(orders::due_at).gt(order_due(due_at)).or(orders::id.gt(id.as_str().to_owned())));
            }
            query.order((order_due(orders::due_at).asc(), orders::id.asc()))
        }
    };
    // Where nothing else is asked for, a limit as a parameter has Postgres plan each page anew, which takes as long as
    // reading it: a plan for any number of rows looks dearer.
    Limited { query, limit, is_literal: *filter == Filter::default() }
}

/// A query with a limit, which is a parameter or stands in the text.
#[derive(QueryId)]
struct Limited<Q> {
    query: Q,
    limit: i64,
    is_literal: bool,
}

impl<Q: Query> Query for Limited<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> RunQueryDsl<PgConnection> for Limited<Q> {}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Limited<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.query.walk_ast(out.reborrow())?;
        out.push_sql(" LIMIT ");
        if self.is_literal {
            out.push_sql(&self.limit.to_string());
            return Ok(());
        }
        out.push_bind_param::<BigInt, _>(&self.limit)
    }
}

/// How many orders stand in each status; statuses without orders are left out. [`Error::Overloaded`] at the deadline.
pub fn counts(connection: &mut PgConnection, filter: &Filter, deadline: Instant) -> Result<Vec<(Status, i64)>> {
    let mut query =
        orders::table.group_by(orders::status).select((orders::status, diesel::dsl::count_star())).into_boxed();
    for condition in conditions(filter).into_iter().chain(planned_anew(filter)) {
        query = query.filter(condition);
    }
    let rows: Vec<(String, i64)> = until(deadline, connection, |connection| Ok(query.load(connection)?))?;
    rows.into_iter()
        .map(|(status, count)| {
            let status = Status::parse(&status).ok_or_else(|| Error::Internal("an unknown status".to_owned()))?;
            Ok((status, count))
        })
        .collect()
}

pub type Condition =
    Box<dyn BoxableExpression<orders::table, Pg, SqlType = diesel::sql_types::Nullable<diesel::sql_types::Bool>>>;

/// For what comes after a place in the list by time. The first bound is what an index by time starts from.
pub fn older_than((created_at, id): Place) -> Condition {
    let is_before = orders::created_at.lt(created_at).or(orders::id.lt(id.as_str().to_owned()));
    Box::new(orders::created_at.le(created_at).and(is_before).nullable())
}

/// For what Postgres has to choose its way for by what is asked: always true. A statement with literal SQL in it is not kept. One that is would
/// soon get one plan for whatever is searched for: along the index by time, which reads a million orders to find one.
fn planned_anew(filter: &Filter) -> Option<Condition> {
    (filter.search.is_some() || filter.updated_from.is_some())
        .then(|| Box::new(sql::<Bool>("TRUE").nullable()) as Condition)
}

/// All that a filter asks for, the search included.
pub fn conditions(filter: &Filter) -> Vec<Condition> {
    let mut conditions: Vec<Condition> = Vec::new();
    if let Some(owner) = filter.owner {
        conditions.push(Box::new(orders::owner_id.eq(owner).nullable()));
    }
    if !filter.statuses.is_empty() {
        let names: Vec<&'static str> = filter.statuses.iter().map(|status| status.name()).collect();
        conditions.push(Box::new(orders::status.eq_any(names).nullable()));
        // What the partial indexes are about, said in their words.
        if filter.statuses.iter().all(|status| status.is_open()) {
            conditions.push(Box::new(orders::open.nullable()));
        }
    }
    if let Some(reference) = &filter.reference {
        conditions.push(Box::new(orders::reference.eq(reference.clone())));
    }
    if let Some(from) = filter.created_from {
        conditions.push(Box::new(orders::created_at.ge(from).nullable()));
    }
    if let Some(to) = filter.created_to {
        conditions.push(Box::new(orders::created_at.lt(to).nullable()));
    }
    if let Some(from) = filter.updated_from {
        // No index has `updated_at`; but the log is in the order of its time.
        let events = order_events::table.filter(order_events::recorded_at.ge(from)).select(order_events::order_id);
        conditions.push(Box::new(orders::updated_at.ge(from).and(orders::id.eq_any(events)).nullable()));
    }
    match filter.assignee {
        Some(AssigneeFilter::Nobody) => conditions.push(Box::new(orders::assignee_id.is_null().nullable())),
        Some(AssigneeFilter::Mover(id)) => conditions.push(Box::new(orders::assignee_id.eq(id))),
        None => {}
    }
    if let Some(search) = &filter.search {
        conditions.push(search::condition(search));
    }
    conditions
}
