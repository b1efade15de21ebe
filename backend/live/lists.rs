//! Who watches `orders`, and which events went there lately: here nothing waits for its turn, so a table tells what is
//! new from what arrives a second time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::announcement::Announcement;
use super::frames::{self, RESYNC_ORDERS};
use super::outbox::About;
use super::topics::Topic;
use super::watchers::{Watcher, Watchers};
use crate::domain::ids::OrderId;

/// Whose orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    Everybody,
    Owner(Uuid),
}

pub struct Lists {
    everybody: Watchers,
    owners: HashMap<Uuid, Watchers>,
    recent: Recent,
    /// Something will be taken for seen that was not.
    owes_resync: bool,
}

impl Lists {
    pub fn new(now: Instant) -> Lists {
        Lists { everybody: Watchers::default(), owners: HashMap::new(), recent: Recent::new(now), owes_resync: false }
    }

    pub fn join(&mut self, audience: Audience, watcher: Watcher) -> u32 {
        match audience {
            Audience::Everybody => self.everybody.join(watcher),
            Audience::Owner(id) => self.owners.entry(id).or_default().join(watcher),
        }
    }

    pub fn leave(&mut self, audience: Audience, seat: u32, watcher: &Watcher) {
        match audience {
            Audience::Everybody => self.everybody.leave(seat, watcher),
            Audience::Owner(id) => {
                if let Some(watchers) = self.owners.get_mut(&id) {
                    watchers.leave(seat, watcher);
                    if watchers.is_empty() {
                        self.owners.remove(&id);
                    }
                }
            }
        }
    }

    pub fn offer(&mut self, announcement: &Announcement) {
        let event = &announcement.event;
        match self.recent.news(event.order_id, event.version) {
            News::Old => return,
            News::New => {}
            News::NewForAnOlderOne => self.owes_resync = true,
        }
        let owners = self.owners.get(&announcement.owner_id);
        if self.everybody.is_empty() && owners.is_none() {
            return;
        }
        if let Some(text) = frames::event(Topic::Orders, event) {
            self.everybody.push(About::Orders, &text);
            owners.into_iter().for_each(|watchers| watchers.push(About::Orders, &text));
        }
    }

    /// Something may have been missed: they are to read their lists again.
    pub fn resync(&self) {
        for watchers in self.owners.values().chain([&self.everybody]) {
            watchers.push(About::Orders, &RESYNC_ORDERS);
        }
    }

    /// What was seen may come again, and be new.
    pub fn start_over(&mut self, now: Instant) {
        self.recent = Recent::new(now);
    }

    /// The repair has read everything that is committed: what came long before will not come again.
    pub fn forget(&mut self, now: Instant) {
        self.recent.forget(now);
        if std::mem::take(&mut self.owes_resync) {
            self.resync();
        }
    }
}

/// A missing number of the feed is waited for at most 30 seconds; what the repair reads was announced before that.
const REMEMBERED: Duration = Duration::from_secs(40);
/// Orders in a generation, about 50 bytes each and 8 for each gap. Beyond, an event may arrive twice.
const ORDERS_MAX: usize = 200_000;

/// Which versions of which orders have been seen: two generations, the older one is forgotten as a whole.
struct Recent {
    newer: HashMap<OrderId, Seen>,
    older: HashMap<OrderId, Seen>,
    begun: Instant,
}

/// Versions, as runs from the first to the last of each. Mostly it is one: what comes in order makes it longer.
struct Seen {
    newest: (i32, i32),
    /// Oldest first, none adjacent to the next.
    older: Vec<(i32, i32)>,
}

/// Gaps in one order's versions that are known at the same time. Of more, the oldest counts as seen.
const GAPS_MAX: usize = 64;

#[derive(Debug, PartialEq)]
enum News {
    Old,
    New,
    /// There are too many gaps: what would fill the oldest counts as seen from now on.
    NewForAnOlderOne,
}

impl Recent {
    fn new(now: Instant) -> Recent {
        Recent { newer: HashMap::new(), older: HashMap::new(), begun: now }
    }

    /// New the first time.
    fn news(&mut self, id: OrderId, version: i32) -> News {
        if self.newer.len() >= ORDERS_MAX {
            self.turn();
        }
        match self.newer.entry(id) {
            Entry::Occupied(seen) => seen.into_mut().news(version),
            Entry::Vacant(place) => match self.older.remove(&id) {
                Some(seen) => place.insert(seen).news(version),
                None => {
                    place.insert(Seen { newest: (version, version), older: Vec::new() });
                    News::New
                }
            },
        }
    }

    fn forget(&mut self, now: Instant) {
        if now.saturating_duration_since(self.begun) >= REMEMBERED {
            self.begun = now;
            self.turn();
        }
    }

    fn turn(&mut self) {
        self.older = std::mem::take(&mut self.newer);
    }
}

impl Seen {
    fn news(&mut self, version: i32) -> News {
        // What the feed brings first is announced, too: mostly that ends here.
        if (self.newest.0..=self.newest.1).contains(&version) {
            return News::Old;
        }
        if version > self.newest.1 {
            if version > self.newest.1 + 1 {
                self.older.push(self.newest);
                self.newest.0 = version;
            }
            self.newest.1 = version;
        } else if !self.fill(version) {
            return News::Old;
        }
        if self.older.len() <= GAPS_MAX {
            return News::New;
        }
        let oldest = self.older.remove(0);
        self.older[0].0 = oldest.0;
        News::NewForAnOlderOne
    }

    /// Takes in a version that lies before the newest run; false if it is there.
    fn fill(&mut self, version: i32) -> bool {
        let runs = &mut self.older;
        runs.push(self.newest);
        // The first one that is not over before the version.
        let index = runs.partition_point(|run| run.1 < version);
        let is_new = runs[index].0 > version;
        if is_new {
            let follows = index > 0 && runs[index - 1].1 == version - 1;
            match (follows, runs[index].0 == version + 1) {
                (true, true) => runs[index - 1].1 = runs.remove(index).1,
                (true, false) => runs[index - 1].1 = version,
                (false, true) => runs[index].0 = version,
                (false, false) => runs.insert(index, (version, version)),
            }
        }
        self.newest = runs.pop().unwrap_or(self.newest);
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::super::announcement::tests::announcement;
    use super::super::outbox::{Item, Outbox};
    use super::*;
    use std::sync::Arc;

    const ORDER: &str = "7K3M9Q2XTB";

    fn is_new(recent: &mut Recent, id: OrderId, version: i32) -> bool {
        recent.news(id, version) != News::Old
    }

    fn texts(outbox: &Outbox) -> Vec<String> {
        std::iter::from_fn(|| match outbox.take() {
            Some(Ok(Item::Frame(frame))) => Some(frame.text.to_string()),
            _ => None,
        })
        .collect()
    }

    #[test]
    fn users_see_their_own_and_movers_all_and_each_event_once() {
        let now = Instant::now();
        let mut lists = Lists::new(now);
        let watcher = || Watcher { outbox: Arc::new(Outbox::default()), subscription: 1 };
        let (mover, owner, other) = (watcher(), watcher(), watcher());
        lists.join(Audience::Everybody, mover.clone());
        let seat = lists.join(Audience::Owner(announcement(ORDER, 1).owner_id), owner.clone());
        lists.join(Audience::Owner(Uuid::nil()), other.clone());
        for version in [5, 7, 6, 7, 5, 6, 8] {
            lists.offer(&announcement(ORDER, version));
        }
        assert_eq!(texts(&mover.outbox).len(), 4);
        assert_eq!(texts(&owner.outbox).len(), 4);
        assert_eq!(texts(&other.outbox).len(), 0);

        lists.leave(Audience::Owner(announcement(ORDER, 1).owner_id), seat, &owner);
        assert_eq!(lists.owners.len(), 1, "empty topics are removed");
        lists.resync();
        assert_eq!(texts(&mover.outbox), [r#"{"type":"resync","topic":"orders"}"#]);
        assert_eq!(texts(&owner.outbox).len(), 0);
    }

    #[test]
    fn an_event_is_remembered_while_it_may_come_again() {
        let start = Instant::now();
        let id = OrderId::parse(ORDER).unwrap();
        let mut recent = Recent::new(start);
        assert!(is_new(&mut recent, id, 100));
        recent.forget(start + Duration::from_secs(41));
        assert!(!is_new(&mut recent, id, 100));
        recent.forget(start + Duration::from_secs(82));
        recent.forget(start + Duration::from_secs(123));
        assert!(is_new(&mut recent, id, 100));
    }

    #[test]
    fn each_version_is_new_once_in_whatever_order_they_come() {
        let id = OrderId::parse(ORDER).unwrap();
        let mut recent = Recent::new(Instant::now());
        // A permutation: 7 and 100 have no common divisor.
        for version in (0..100).map(|number| number * 7 % 100) {
            assert!(is_new(&mut recent, id, version), "{version}");
            assert!(!is_new(&mut recent, id, version), "{version}");
        }
        assert!((0..100).all(|version| !is_new(&mut recent, id, version)));
        let seen = &recent.newer[&id];
        assert_eq!((seen.newest, seen.older.len()), ((0, 99), 0));
        for version in (200..1000).step_by(2) {
            assert!(is_new(&mut recent, id, version), "{version}");
        }
        assert!(recent.newer[&id].older.len() <= GAPS_MAX);
    }

    /// What fills a gap that was forgotten is not told: so all is read again, once the feed has brought what there is.
    #[test]
    fn too_many_gaps_are_owned_up_to() {
        let now = Instant::now();
        let mut lists = Lists::new(now);
        let outbox = Arc::new(Outbox::default());
        lists.join(Audience::Everybody, Watcher { outbox: outbox.clone(), subscription: 1 });
        let gaps = GAPS_MAX as i32;
        (0..gaps).for_each(|number| lists.offer(&announcement(ORDER, 2 + 2 * number)));
        lists.forget(now);
        assert_eq!(texts(&outbox).len(), GAPS_MAX, "none too many yet");
        (gaps..3 * gaps).for_each(|number| lists.offer(&announcement(ORDER, 2 + 2 * number)));
        assert_eq!(texts(&outbox).len(), 2 * GAPS_MAX);
        lists.offer(&announcement(ORDER, 3));
        assert_eq!(texts(&outbox), [""; 0], "that gap is forgotten");
        lists.forget(now);
        assert_eq!(texts(&outbox), [RESYNC_ORDERS.to_string()]);
        lists.forget(now);
        assert_eq!(texts(&outbox), [""; 0]);
    }

    #[test]
    fn far_jumps_and_far_returns() {
        let id = OrderId::parse(ORDER).unwrap();
        let mut recent = Recent::new(Instant::now());
        assert!(is_new(&mut recent, id, 1));
        assert!(is_new(&mut recent, id, 1000));
        assert!(!is_new(&mut recent, id, 1));
        assert!(is_new(&mut recent, id, 2), "however late");
        assert!(is_new(&mut recent, id, 937));
        assert!(!is_new(&mut recent, id, 937));
        assert!(is_new(&mut recent, id, i32::MAX));
        assert!(!is_new(&mut recent, id, i32::MAX));
    }
}
