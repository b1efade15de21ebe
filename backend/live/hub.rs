//! The table from topic to the sockets that watch it. A plain structure without I/O: what is missing it names, and
//! others read it.
//!
//! For each watched order the hub knows the newest version that was delivered, its head. What is not newer is an echo,
//! a repeat or late, and dropped; what is further ahead waits until what lies between has come. An order's head is
//! known once somebody has read the database; until then everything waits.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::announcement::Announcement;
use super::frames;
use super::lists::{Audience, Lists};
use super::outbox::About;
use super::topics::Topic;
use super::watchers::{Watcher, Watchers};
use crate::domain::ids::OrderId;
use crate::storage::tracking::{Snapshot, Which};

/// How long what is missing may take to come by itself.
const PATIENCE: Duration = Duration::from_millis(50);
/// And then between attempts to read it, at most.
const PATIENCE_MAX: Duration = Duration::from_secs(2);
/// How many announcements of one order wait; the rest is read.
const WAITING_MAX: usize = 256;
/// A broadcast of one order should not hold up the subscribers of another.
const SHARDS: usize = 64;

pub struct Hub {
    shards: Vec<Mutex<Shard>>,
    lists: Mutex<Lists>,
}

#[derive(Default)]
struct Shard {
    orders: HashMap<OrderId, Watched>,
    /// Those of which something is missing.
    behind: HashSet<OrderId>,
}

#[derive(Default)]
struct Watched {
    head: Option<Head>,
    /// The newest version heard of, delivered or not.
    known: i32,
    waiting: BTreeMap<i32, Announcement>,
    /// When to read what is missing, and how often that was of no use.
    due: Option<Instant>,
    attempts: u32,
    /// Since when it is to be read, whatever is known: an announcement may have been missed without a trace.
    doubted: Option<Instant>,
    track: Watchers,
    order: Watchers,
}

/// Where an order stands for those who watch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub version: i32,
    pub public_version: i32,
    pub owner_id: Uuid,
    pub public_tracking: bool,
}

impl From<&Snapshot> for Head {
    fn from(snapshot: &Snapshot) -> Head {
        Head {
            version: snapshot.version,
            public_version: snapshot.public_version,
            owner_id: snapshot.owner_id,
            public_tracking: snapshot.public_tracking,
        }
    }
}

/// What is to be read now: orders, each with the version after which something is missing.
pub struct Overdue {
    pub orders: Vec<(OrderId, i32)>,
    /// When to ask again; none: when something waits.
    pub next: Option<Instant>,
}

impl Hub {
    pub fn new(now: Instant) -> Hub {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Hub { shards, lists: Mutex::new(Lists::new(now)) }
    }

    /// Registers a watcher of an order. From now on each version above the order's head reaches it; the head is none
    /// until [`Hub::seed`] is called with what was read after this.
    pub fn join(&self, id: OrderId, which: Which, watcher: Watcher) -> (u32, Option<Head>) {
        let mut shard = self.shard(id);
        let watched = shard.orders.entry(id).or_default();
        (watched.watchers(which).join(watcher), watched.head)
    }

    pub fn leave(&self, id: OrderId, which: Which, seat: u32, watcher: &Watcher) {
        let mut shard = self.shard(id);
        let Some(watched) = shard.orders.get_mut(&id) else { return };
        watched.watchers(which).leave(seat, watcher);
        if watched.is_unwatched() {
            shard.remove(id);
        }
    }

    /// Tells where an order stood when it was read, which must have been after joining. Gives back the order's head: a
    /// watcher that has everything up to there misses nothing from now on; and whether something is missing for others.
    pub fn seed(&self, id: OrderId, read: Head, now: Instant) -> (Head, bool) {
        let mut shard = self.shard(id);
        let Shard { orders, behind } = &mut *shard;
        let Some(watched) = orders.get_mut(&id) else { return (read, false) };
        watched.known = watched.known.max(read.version);
        if watched.head.is_none() {
            watched.head = Some(read);
            watched.deliver_what_is_ready(id);
        }
        let is_missing = watched.mind_the_gap(id, behind, now);
        let head = watched.head.unwrap_or(read);
        if watched.is_unwatched() {
            shard.remove(id);
        }
        (head, is_missing)
    }

    pub fn join_list(&self, audience: Audience, watcher: Watcher) -> u32 {
        self.lists().join(audience, watcher)
    }

    pub fn leave_list(&self, audience: Audience, seat: u32, watcher: &Watcher) {
        self.lists().leave(audience, seat, watcher);
    }

    /// Delivers an announcement to whoever watches, unless it was delivered before, or keeps it until it is its turn.
    /// True when something is missing for that.
    pub fn offer(&self, announcement: &Announcement, now: Instant) -> bool {
        self.lists().offer(announcement);
        let id = announcement.event.order_id;
        let mut shard = self.shard(id);
        let Shard { orders, behind } = &mut *shard;
        let Some(watched) = orders.get_mut(&id) else { return false };
        watched.take_in(announcement, now);
        let is_missing = watched.mind_the_gap(id, behind, now);
        if watched.is_unwatched() {
            shard.remove(id);
        }
        is_missing
    }

    /// What has been missing for long enough.
    pub fn overdue(&self, now: Instant) -> Overdue {
        let mut overdue = Overdue { orders: Vec::new(), next: None };
        for shard in &self.shards {
            let mut shard = lock(shard);
            let Shard { orders, behind } = &mut *shard;
            for id in behind.iter() {
                let Some(watched) = orders.get_mut(id) else { continue };
                let (Some(head), Some(due)) = (watched.head, watched.due) else { continue };
                let next = if due <= now {
                    overdue.orders.push((*id, head.version));
                    watched.attempts += 1;
                    let patience = PATIENCE.saturating_mul(1 << watched.attempts.min(8)).min(PATIENCE_MAX);
                    *watched.due.insert(now + patience)
                } else {
                    due
                };
                overdue.next = Some(overdue.next.map_or(next, |earliest| earliest.min(next)));
            }
        }
        overdue
    }

    /// What was overdue has been read, at this time, up to `version`, where the order stands, and offered.
    pub fn caught_up(&self, id: OrderId, version: i32, read_at: Instant) {
        let mut shard = self.shard(id);
        let Shard { orders, behind } = &mut *shard;
        let Some(watched) = orders.get_mut(&id) else { return };
        let newest_waiting = watched.waiting.last_key_value().map_or(0, |(version, _)| *version);
        watched.known = version.max(newest_waiting);
        watched.doubted = watched.doubted.filter(|since| *since > read_at);
        if watched.doubted.is_none() && watched.head.is_some_and(|head| head.version >= watched.known) {
            watched.is_complete(id, behind);
        }
    }

    /// Lists may show what is not there.
    pub fn resync_lists(&self) {
        self.lists().resync();
    }

    /// Something may have been missed anywhere: all that is watched is read again.
    pub fn doubt(&self, now: Instant) {
        self.resync_lists();
        for shard in &self.shards {
            let mut shard = lock(shard);
            let Shard { orders, behind } = &mut *shard;
            for (id, watched) in orders.iter_mut() {
                watched.doubted = Some(now);
                // Of the others, who reads it has to say first where it stands.
                if watched.head.is_some() {
                    watched.due = Some(now);
                    behind.insert(*id);
                }
            }
        }
    }

    /// What was delivered counts no more. Those who watch orders hear nothing more: their sockets are to end.
    pub fn start_over(&self, now: Instant) {
        self.lists().start_over(now);
        for shard in &self.shards {
            *lock(shard) = Shard::default();
        }
    }

    /// The repair has read all that is committed.
    pub fn forget(&self, now: Instant) {
        self.lists().forget(now);
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        lock(&self.lists)
    }

    fn shard(&self, id: OrderId) -> MutexGuard<'_, Shard> {
        // The IDs are random: two of their characters spread them evenly.
        let number = id.as_str().bytes().take(2).fold(0, |sum, byte| sum * 32 + byte as usize);
        lock(&self.shards[number % SHARDS])
    }
}

impl Shard {
    fn remove(&mut self, id: OrderId) {
        self.orders.remove(&id);
        self.behind.remove(&id);
    }
}

impl Watched {
    fn watchers(&mut self, which: Which) -> &mut Watchers {
        match which {
            Which::Public => &mut self.track,
            Which::All => &mut self.order,
        }
    }

    fn is_unwatched(&self) -> bool {
        self.track.is_empty() && self.order.is_empty()
    }

    fn take_in(&mut self, announcement: &Announcement, now: Instant) {
        let version = announcement.event.version;
        self.known = self.known.max(version);
        match self.head {
            Some(head) if version <= head.version => {}
            Some(head) if version == head.version + 1 => {
                self.deliver(announcement);
                self.waiting.remove(&version);
                self.deliver_what_is_ready(announcement.event.order_id);
            }
            _ => {
                self.waiting.insert(version, announcement.clone());
                if self.waiting.len() > WAITING_MAX {
                    self.waiting.pop_last();
                    // Nobody offers it again: what is being read just now may end before it.
                    self.doubted = Some(now);
                }
            }
        }
    }

    fn deliver_what_is_ready(&mut self, id: OrderId) {
        while let (Some(head), Some(first)) = (self.head, self.waiting.first_entry()) {
            if *first.key() > head.version + 1 {
                return;
            }
            let announcement = first.remove();
            debug_assert_eq!(announcement.event.order_id, id);
            if announcement.event.version == head.version + 1 {
                self.deliver(&announcement);
            }
        }
    }

    /// The event that follows the head.
    fn deliver(&mut self, announcement: &Announcement) {
        let event = &announcement.event;
        let Some(head) = &mut self.head else { return };
        head.version = event.version;
        head.public_tracking = announcement.public_tracking;
        if event.public {
            head.public_version = event.version;
        }
        let (track, order) = (Topic::Track(event.order_id), Topic::Order(event.order_id));
        if !self.order.is_empty()
            && let Some(text) = frames::event(order, event)
        {
            self.order.push(About::Version(event.version), &text);
        }
        if self.track.is_empty() {
            return;
        }
        if !announcement.public_tracking {
            // Each leaves by itself, if this concerns it: it may have been switched on again before it came.
            if let Some(text) = frames::gone(track) {
                self.track.push(About::Gone(event.version), &text);
            }
        } else if let Some(text) = frames::event(track, event) {
            self.track.push(About::Version(event.version), &text);
        }
    }

    /// Notes since when something is missing; true if something is.
    fn mind_the_gap(&mut self, id: OrderId, behind: &mut HashSet<OrderId>, now: Instant) -> bool {
        match self.head {
            Some(head) if head.version < self.known || self.doubted.is_some() => {
                self.due.get_or_insert(now + PATIENCE);
                behind.insert(id);
                true
            }
            Some(_) => {
                self.is_complete(id, behind);
                false
            }
            // Whoever has joined reads it, and seeds.
            None => false,
        }
    }

    fn is_complete(&mut self, id: OrderId, behind: &mut HashSet<OrderId>) {
        if self.due.take().is_some() {
            self.attempts = 0;
            behind.remove(&id);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;
