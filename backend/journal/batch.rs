//! One transaction of the journal: lock the rows, decide each entry in `domain`, write the final rows and all events. Or,
//! for one event alone, without the lock: read, decide, and write what is still as it was read.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::announcement;
use super::{Assignee, Entry, Outcome, Recorded, Rejection};
use crate::domain::account::{Caller, Person, Realm};
use crate::domain::event::{Event, EventType};
use crate::domain::ids::OrderId;
use crate::domain::order::{Details, Order, Refusal};
use crate::domain::status::Status;
use crate::live::Announcement;
use crate::storage::journal::{self as table, Account};
use crate::storage::orders::OrderRow;

pub struct Batch<'a> {
    asked: &'a [(Uuid, &'a Entry)],
    lock: Lock,
    /// Orders that somebody else has locked.
    busy: BTreeSet<OrderId>,
    accounts: HashMap<Uuid, Account>,
    now: DateTime<Utc>,
    /// Orders as they are after the entries decided so far.
    orders: BTreeMap<OrderId, Working>,
}

/// What to do about orders that somebody else has locked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lock {
    /// Wait, for as long as Postgres' lock_timeout allows.
    Wait,
    /// Leave them out, so that the others don't wait: [`Rejection::Busy`].
    Skip,
}

struct Working {
    order: Order,
    is_new: bool,
    was_cancelled: bool,
    stands_elsewhere: bool,
    reads_differently: bool,
}

impl Working {
    /// Does it begin to hold its reference with this change? A cancelled order holds none.
    fn claims_reference(&self) -> bool {
        self.order.status != Status::Cancelled && (self.reads_differently || self.was_cancelled)
    }
}

/// What a transaction wrote, once it has committed.
pub struct Written {
    /// One for each entry, in their order.
    pub outcomes: Vec<Outcome>,
    /// In the order of their versions.
    pub announcements: Vec<Announcement>,
}

/// What went wrong without a transaction around it.
pub enum UnlockedFailure {
    /// Nothing is written.
    Reading(diesel::result::Error),
    /// If the connection is gone, nobody knows.
    Writing(diesel::result::Error),
}

impl<'a> Batch<'a> {
    pub fn new(asked: &'a [(Uuid, &'a Entry)], lock: Lock) -> Batch<'a> {
        Batch {
            asked,
            lock,
            busy: BTreeSet::new(),
            accounts: HashMap::new(),
            now: DateTime::UNIX_EPOCH,
            orders: BTreeMap::new(),
        }
    }

    /// Within a transaction that the caller commits.
    pub fn write(mut self, connection: &mut PgConnection) -> QueryResult<Written> {
        self.load(connection)?;
        let mut outcomes: Vec<Outcome> = self.asked.iter().map(|(caller, entry)| self.decide(*caller, entry)).collect();

        let mut new: Vec<&Order> = self.orders.values().filter(|one| one.is_new).map(|one| &one.order).collect();
        if !new.is_empty() {
            let inserted: BTreeSet<String> = table::insert_orders(connection, &mut new)?.into_iter().collect();
            refuse_left_out(connection, &mut outcomes, &inserted)?;
        }
        if self.lock == Lock::Skip {
            self.leave_out_disputed(connection, &mut outcomes)?;
        }
        let changed = |which: fn(&Working) -> bool| {
            self.orders.values().filter(move |one| !one.is_new && which(one)).map(|one| &one.order)
        };
        table::update_standing(connection, changed(|one| one.stands_elsewhere))?;
        table::update_details(connection, changed(|one| one.reads_differently))?;
        let recorded = || outcomes.iter().filter_map(|outcome| outcome.as_ref().ok());
        table::insert_events(connection, recorded().filter_map(|recorded| recorded.event.as_ref()))?;
        let announcements = recorded().filter_map(announcement).collect();
        Ok(Written { outcomes, announcements })
    }

    /// For one entry that records an event: two statements instead of six, which is most of what a client waits for who is
    /// alone. The order is read without a lock, and written only if it is still as it was read. None: it is not, or
    /// something else needs a closer look; nothing is written, then. Each statement is a transaction.
    pub fn write_unlocked(mut self, connection: &mut PgConnection) -> Result<Option<Written>, UnlockedFailure> {
        let &[(caller_id, entry @ Entry::Record { order_id, .. })] = self.asked else { return Ok(None) };
        let read = table::read_unlocked(connection, *order_id, caller_id).map_err(UnlockedFailure::Reading)?;
        let Some(read) = read else { return Ok(None) };
        self.accounts.insert(caller_id, read.caller);
        self.now = read.now;
        self.work_on(read.order, read.owner_name, read.assignee_name).map_err(UnlockedFailure::Reading)?;
        let read_version = self.orders.get(order_id).map_or(0, |working| working.order.version);
        let outcome = self.decide(caller_id, entry);
        if let Ok(Recorded { event: Some(event), order, .. }) = &outcome
            && !table::advance(connection, order, event, read_version).map_err(UnlockedFailure::Writing)?
        {
            return Ok(None);
        }
        let announcements = outcome.as_ref().ok().and_then(announcement).into_iter().collect();
        Ok(Some(Written { outcomes: vec![outcome], announcements }))
    }

    /// Locks every order that the entries are about, then reads the accounts and the clock.
    fn load(&mut self, connection: &mut PgConnection) -> QueryResult<()> {
        let ids: BTreeSet<OrderId> = self.asked.iter().filter_map(|(_, entry)| entry.order_id()).collect();
        let ids: Vec<OrderId> = ids.into_iter().collect();
        let rows = match self.lock {
            _ if ids.is_empty() => Vec::new(),
            Lock::Wait => table::lock(connection, &ids)?,
            Lock::Skip => {
                let rows = table::lock_free_ones(connection, &ids)?;
                if rows.len() < ids.len() {
                    let found: BTreeSet<&str> = rows.iter().map(OrderRow::id).collect();
                    let missing: Vec<_> = ids.into_iter().filter(|id| !found.contains(id.as_str())).collect();
                    self.busy = table::existing(connection, &missing)?.into_iter().collect();
                }
                rows
            }
        };

        let mut people: BTreeSet<Uuid> = self.asked.iter().map(|(caller, _)| *caller).collect();
        people.extend(rows.iter().flat_map(|row| [Some(row.owner_id), row.assignee_id]).flatten());
        people.extend(self.asked.iter().filter_map(|(_, entry)| match entry {
            Entry::Assign { to: Assignee::Mover(id), .. } => Some(*id),
            _ => None,
        }));
        let people: Vec<Uuid> = people.into_iter().collect();
        if let Some((accounts, now)) = table::accounts_and_clock(connection, &people)? {
            self.accounts = accounts;
            self.now = now;
        }

        for row in rows {
            let owner = self.name_of(row.owner_id);
            let assignee = row.assignee_id.map(|id| self.name_of(id));
            self.work_on(row, owner, assignee)?;
        }
        Ok(())
    }

    fn work_on(&mut self, row: OrderRow, owner_name: String, assignee_name: Option<String>) -> QueryResult<()> {
        let order = row
            .into_order(owner_name, assignee_name)
            .map_err(|error| diesel::result::Error::DeserializationError(error.to_string().into()))?;
        let was_cancelled = order.status == Status::Cancelled;
        let working =
            Working { order, is_new: false, was_cancelled, stands_elsewhere: false, reads_differently: false };
        self.orders.insert(working.order.id, working);
        Ok(())
    }

    fn name_of(&self, account: Uuid) -> String {
        self.accounts.get(&account).map(|account| account.name.clone()).unwrap_or_default()
    }

    fn decide(&mut self, caller_id: Uuid, entry: &Entry) -> Outcome {
        let caller = match self.accounts.get(&caller_id) {
            Some(account) if account.active => Caller { id: caller_id, name: account.name.clone(), role: account.role },
            _ => return Err(Rejection::AccountEnded),
        };
        let now = self.now;
        let order_id = match entry {
            Entry::Create { details } => return Ok(self.create(caller, details)),
            Entry::Record { order_id, .. } | Entry::Change { order_id, .. } | Entry::Assign { order_id, .. } => {
                *order_id
            }
        };
        if self.busy.contains(&order_id) {
            return Err(Rejection::Busy);
        }
        // Looked up before the order is borrowed; told only to who may see the order.
        let assignee = self.assignee(&caller, entry);
        let working = self
            .orders
            .get_mut(&order_id)
            .filter(|working| !working.is_new && working.order.is_visible_to(caller.id, caller.role))
            .ok_or(Rejection::NotFound)?;
        let order = &mut working.order;
        let decided: Result<Option<Event>, Refusal> = match entry {
            Entry::Create { .. } => Ok(None),
            Entry::Record { request, .. } => order.record(request.clone(), &caller, now).map(Some),
            Entry::Change { change, expected_version, .. } => {
                order.change_details(change, *expected_version, &caller, now)
            }
            Entry::Assign { .. } => order.assign(assignee?, &caller, now),
        };
        match decided {
            Ok(event) => {
                working.stands_elsewhere |= event.is_some();
                working.reads_differently |= event.is_some() && matches!(entry, Entry::Change { .. });
                Ok(Recorded { event, order: working.order.clone(), caller, now })
            }
            Err(refusal) => Err(Rejection::Refused { refusal, order: Box::new(working.order.clone()), caller, now }),
        }
    }

    fn create(&mut self, caller: Caller, details: &Details) -> Recorded {
        let mut id = draw_id();
        while self.orders.contains_key(&id) {
            id = draw_id();
        }
        let (order, event) = Order::create(id, details.clone(), &caller, self.now);
        let working = Working {
            order: order.clone(),
            is_new: true,
            was_cancelled: false,
            stands_elsewhere: false,
            reads_differently: false,
        };
        self.orders.insert(id, working);
        Recorded { event: Some(event), order, caller, now: self.now }
    }

    /// Leaves out orders whose reference somebody else has by now: they are to go alone, where the refusal of one does
    /// not roll back the others.
    fn leave_out_disputed(&mut self, connection: &mut PgConnection, outcomes: &mut [Outcome]) -> QueryResult<()> {
        let wanting: Vec<(OrderId, Uuid, String)> = self
            .orders
            .values()
            .filter(|one| !one.is_new && one.claims_reference())
            .filter_map(|one| Some((one.order.id, one.order.owner.id, one.order.details.reference.clone()?)))
            .collect();
        let wanted = wanting.iter().map(|(_, owner, reference)| (*owner, reference.as_str()));
        let used = table::references_used(connection, wanted)?;
        let mut seen = HashSet::new();
        let disputed: BTreeSet<OrderId> = wanting
            .into_iter()
            .filter_map(|(id, owner, reference)| {
                let key = (owner, reference);
                let is_disputed = used.get(&key).is_some_and(|holder| *holder != id) || !seen.insert(key);
                is_disputed.then_some(id)
            })
            .collect();
        for ((_, entry), outcome) in self.asked.iter().zip(outcomes) {
            if entry.order_id().is_some_and(|id| disputed.contains(&id)) {
                *outcome = Err(Rejection::Apart);
            }
        }
        self.orders.retain(|id, _| !disputed.contains(id));
        Ok(())
    }

    fn assignee(&self, caller: &Caller, entry: &Entry) -> Result<Option<Person>, Rejection> {
        match entry {
            Entry::Assign { to: Assignee::Caller, .. } => Ok(Some(caller.person())),
            Entry::Assign { to: Assignee::Mover(id), .. } => match self.accounts.get(id) {
                Some(account) if account.active && account.role.realm() == Realm::Movers => {
                    Ok(Some(Person { id: *id, name: account.name.clone() }))
                }
                _ => Err(Rejection::NotAMover),
            },
            _ => Ok(None),
        }
    }
}

impl Entry {
    /// Which order it is about; none for one that is to be created.
    pub fn order_id(&self) -> Option<OrderId> {
        match self {
            Entry::Create { .. } => None,
            Entry::Record { order_id, .. } | Entry::Change { order_id, .. } | Entry::Assign { order_id, .. } => {
                Some(*order_id)
            }
        }
    }
}

/// Says of created orders that did not get in why not: the reference is in use, or (once in 10^15) the ID is.
fn refuse_left_out(
    connection: &mut PgConnection,
    outcomes: &mut [Outcome],
    inserted: &BTreeSet<String>,
) -> QueryResult<()> {
    let left_out: Vec<&mut Outcome> = outcomes
        .iter_mut()
        .filter(|outcome| match outcome {
            Ok(Recorded { event: Some(event), order, .. }) => {
                event.kind == EventType::Created && !inserted.contains(order.id.as_str())
            }
            _ => false,
        })
        .collect();
    let wanted = left_out.iter().filter_map(|outcome| outcome.as_ref().ok()).filter_map(|recorded| {
        recorded.order.details.reference.as_deref().map(|reference| (recorded.order.owner.id, reference))
    });
    let used = table::references_used(connection, wanted)?;
    for outcome in left_out {
        let Ok(Recorded { order, .. }) = &*outcome else { continue };
        let holder = order.details.reference.clone().and_then(|reference| used.get(&(order.owner.id, reference)));
        // An ID that is taken is drawn again, with the next transaction.
        *outcome = Err(holder.map_or(Rejection::Busy, |holder| Rejection::ReferenceTaken(*holder)));
    }
    Ok(())
}

/// Ten characters from a cryptographically secure generator: an ID is what protects an order's public view.
fn draw_id() -> OrderId {
    loop {
        if let Some(id) = OrderId::parse(&nanoid::nanoid!(OrderId::LENGTH, &OrderId::ALPHABET)) {
            return id;
        }
    }
}
