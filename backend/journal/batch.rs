//! One transaction of the journal: lock the rows, decide each entry in `domain`, write the final rows and all events. Or,
//! for one event alone, without the lock: read, decide, and write what is still as it was read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use super::connection::announcement;
use super::{Asked, Assignee, Entry, Once, Outcome, Recorded, Rejection, once};
use crate::domain::account::{Caller, Person, Realm};
use crate::domain::event::{Event, EventType};
use crate::domain::ids::OrderId;
use crate::domain::order::{Details, Order, Refusal};
use crate::domain::status::Status;
use crate::live::Announcement;
use crate::storage::journal::{self as table, Account};
use crate::storage::orders::OrderRow;

pub struct Batch<'a> {
    asked: &'a [Asked<'a>],
    lock: Lock,
    /// For each entry, why nothing is to be done about it; or nothing at all.
    settled: Vec<Option<Rejection>>,
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
    /// Wait, and refuse what wants a reference that somebody else has: there is no other transaction for it.
    Whole,
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
    /// False: it is to be rolled back, which is seen before an event has drawn its number.
    pub is_wanted: bool,
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
    pub fn new(asked: &'a [Asked<'a>], lock: Lock) -> Batch<'a> {
        Batch {
            asked,
            lock,
            settled: Vec::new(),
            busy: BTreeSet::new(),
            accounts: HashMap::new(),
            now: DateTime::UNIX_EPOCH,
            orders: BTreeMap::new(),
        }
    }

    /// Within a transaction that the caller commits.
    pub fn write(self, connection: &mut PgConnection) -> QueryResult<Written> {
        self.write_if(connection, |_| true)
    }

    /// The same, if these are the outcomes that were wanted.
    pub fn write_if(
        mut self,
        connection: &mut PgConnection,
        is_wanted: impl Fn(&Outcome) -> bool,
    ) -> QueryResult<Written> {
        self.settle(connection)?;
        self.load(connection)?;
        let asked = self.asked;
        let mut settled = std::mem::take(&mut self.settled).into_iter();
        let mut outcomes: Vec<Outcome> = asked
            .iter()
            .map(|one| settled.next().flatten().map_or_else(|| self.decide(one.caller_id, one.entry), Err))
            .collect();

        // In the order of arrival: of two who want the same reference, the first gets it.
        let mut new: Vec<&Order> = outcomes.iter().filter_map(created).collect();
        if !new.is_empty() {
            let inserted: BTreeSet<String> = table::insert_orders(connection, &mut new)?.into_iter().collect();
            refuse_left_out(connection, &mut outcomes, &inserted)?;
        }
        if self.lock != Lock::Wait {
            self.leave_out_disputed(connection, &mut outcomes)?;
        }
        if !outcomes.iter().all(is_wanted) {
            return Ok(Written { outcomes, is_wanted: false, announcements: Vec::new() });
        }
        let changed = |which: fn(&Working) -> bool| {
            self.orders.values().filter(move |one| !one.is_new && which(one)).map(|one| &one.order)
        };
        table::update_standing(connection, changed(|one| one.stands_elsewhere))?;
        table::update_details(connection, changed(|one| one.reads_differently))?;
        let recorded = || outcomes.iter().filter_map(|outcome| outcome.as_ref().ok());
        let events = recorded().filter_map(|recorded| Some((recorded.event.as_ref()?, recorded.order.owner.id)));
        table::insert_events(connection, events)?;
        let announcements = recorded().filter_map(announcement).collect();
        let done = asked
            .iter()
            .zip(&outcomes)
            .filter(|(_, outcome)| outcome.is_ok())
            .filter_map(|(one, outcome)| Some((one.caller_id, one.once?, std::slice::from_ref(outcome))));
        once::keep(connection, done)?;
        Ok(Written { outcomes, is_wanted: true, announcements })
    }

    /// For one entry that records an event: two statements instead of six, which is most of what a client waits for who is
    /// alone. The order is read without a lock, and written only if it is still as it was read. None: it is not, or
    /// something else needs a closer look; nothing is written, then. Each statement is a transaction.
    pub fn write_unlocked(mut self, connection: &mut PgConnection) -> Result<Option<Written>, UnlockedFailure> {
        let &[Asked { caller_id, entry: entry @ Entry::Record { order_id, .. }, once: None }] = self.asked else {
            return Ok(None);
        };
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
        Ok(Some(Written { outcomes: vec![outcome], is_wanted: true, announcements }))
    }

    /// Finds out whose Idempotency-Keys have an answer, or are somebody else's just now.
    fn settle(&mut self, connection: &mut PgConnection) -> QueryResult<()> {
        let with_key = |one: &Asked<'a>| Some((one.caller_id, one.once?));
        let wanted: Vec<(Uuid, &Once)> = self.asked.iter().filter_map(with_key).collect();
        if !wanted.is_empty() {
            let mut claimed = once::claim(connection, &wanted)?.into_iter();
            self.settled = self.asked.iter().map(|one| one.once.and_then(|_| claimed.next().flatten())).collect();
        }
        Ok(())
    }

    /// What is to be done.
    fn open(&self) -> impl Iterator<Item = &Asked<'a>> {
        let is_settled = |index: usize| self.settled.get(index).is_some_and(Option::is_some);
        self.asked.iter().enumerate().filter(move |(index, _)| !is_settled(*index)).map(|(_, one)| one)
    }

    /// Locks every order that the entries are about, then reads the accounts and the clock.
    fn load(&mut self, connection: &mut PgConnection) -> QueryResult<()> {
        let ids: BTreeSet<OrderId> = self.open().filter_map(|one| one.entry.order_id()).collect();
        let ids: Vec<OrderId> = ids.into_iter().collect();
        let rows = match self.lock {
            _ if ids.is_empty() => Vec::new(),
            Lock::Wait | Lock::Whole => table::lock(connection, &ids)?,
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

        let mut people: BTreeSet<Uuid> = self.asked.iter().map(|one| one.caller_id).collect();
        people.extend(rows.iter().flat_map(|row| [Some(row.owner_id), row.assignee_id]).flatten());
        people.extend(self.open().filter_map(|one| match one.entry {
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

    /// Leaves out orders whose reference somebody else has by now: where there is another transaction for them, they are to
    /// go alone, and the refusal of one does not roll back the others.
    fn leave_out_disputed(&mut self, connection: &mut PgConnection, outcomes: &mut [Outcome]) -> QueryResult<()> {
        let wanting: Vec<(OrderId, Uuid, String)> = self
            .orders
            .values()
            .filter(|one| !one.is_new && one.claims_reference())
            .filter_map(|one| Some((one.order.id, one.order.owner.id, one.order.details.reference.clone()?)))
            .collect();
        let wanted = wanting.iter().map(|(_, owner, reference)| (*owner, reference.as_str()));
        let used = table::references_used(connection, wanted)?;
        let mut wanted_by = HashMap::new();
        let disputed: BTreeMap<OrderId, OrderId> = wanting
            .into_iter()
            .filter_map(|(id, owner, reference)| {
                let key = (owner, reference);
                let holder = used.get(&key).copied().filter(|holder| *holder != id);
                let holder = holder.or_else(|| wanted_by.get(&key).copied());
                wanted_by.entry(key).or_insert(id);
                Some((id, holder?))
            })
            .collect();
        for (one, outcome) in self.asked.iter().zip(outcomes) {
            if let Some(holder) = one.entry.order_id().and_then(|id| disputed.get(&id)) {
                let is_whole = self.lock == Lock::Whole;
                *outcome = Err(if is_whole { Rejection::ReferenceTaken(Some(*holder)) } else { Rejection::Apart });
            }
        }
        self.orders.retain(|id, _| !disputed.contains_key(id));
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

/// What was told of a transaction that is rolled back: an order of it that holds a reference is none that anybody will find.
pub fn without_orders_that_are_not(mut outcomes: Vec<Outcome>) -> Vec<Outcome> {
    let ids: BTreeSet<OrderId> = outcomes.iter().filter_map(created).map(|order| order.id).collect();
    for outcome in &mut outcomes {
        if let Err(Rejection::ReferenceTaken(holder)) = outcome {
            *holder = holder.filter(|id| !ids.contains(id));
        }
    }
    outcomes
}

fn created(outcome: &Outcome) -> Option<&Order> {
    match outcome {
        Ok(Recorded { event: Some(event), order, .. }) if event.kind == EventType::Created => Some(order),
        _ => None,
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
        .filter(|outcome| created(outcome).is_some_and(|order| !inserted.contains(order.id.as_str())))
        .collect();
    let wanted = left_out.iter().filter_map(|outcome| outcome.as_ref().ok()).filter_map(|recorded| {
        recorded.order.details.reference.as_deref().map(|reference| (recorded.order.owner.id, reference))
    });
    let used = table::references_used(connection, wanted)?;
    for outcome in left_out {
        let Ok(Recorded { order, .. }) = &*outcome else { continue };
        let holder = order.details.reference.clone().and_then(|reference| used.get(&(order.owner.id, reference)));
        // An ID that is taken is drawn again, with the next transaction.
        *outcome = Err(holder.map_or(Rejection::Busy, |holder| Rejection::ReferenceTaken(Some(*holder))));
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
