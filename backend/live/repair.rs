//! What nobody announced, because a replica died or Redis was away, is found in Postgres: the feed is read every two
//! seconds, more often while the relay is down, and at a gap in one order's versions that order is.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::outbox::End;
use super::{Announcement, Batch, EVENTS_MAX, Live};
use crate::domain::ids::OrderId;
use crate::error::Result;
use crate::storage::events::{self, FeedEntry};
use crate::storage::tracking::{self, Snapshot, Which};

const PERIOD: Duration = Duration::from_secs(2);
const PERIOD_WITHOUT_RELAY: Duration = Duration::from_millis(300);
/// Not more often than this, however often somebody asks.
const PERIOD_MIN: Duration = Duration::from_millis(50);
const PAGE: i64 = 1000;
/// How many numbers are looked at in the beginning, to learn which are missing.
const HEAD_START: i64 = 4096;
/// A number that is still missing after this was rolled back: no transaction lives longer than ten seconds.
const MISSING_AT_MOST: Duration = Duration::from_secs(30);
/// Numbers that may be missing at once. Sequences skip a few after a crash, never thousands.
const MISSING_MAX: i64 = 10_000;

/// Where the feed stands; none when that can't be read yet.
pub(super) async fn first_look(live: &Live) -> Option<Feed> {
    begin(live).await.inspect_err(|error| tracing::warn!(%error, "the feed can't be read")).ok()
}

/// Where the feed stands. What is in it is no news.
async fn begin(live: &Live) -> Result<Feed> {
    let numbers = live.db.read(|connection| events::newest_numbers(connection, HEAD_START)).await?;
    let mut feed = Feed::from(numbers.first().map_or(0, |first| first - 1));
    feed.advance(numbers.into_iter(), Instant::now());
    Ok(feed)
}

/// Reads the feed for as long as there is a server.
pub(super) async fn read_the_feed(live: Weak<Live>, mut feed: Option<Feed>) {
    let mut is_failing = false;
    loop {
        let Some(up) = live.upgrade() else { return };
        match read_all(&up, &mut feed).await {
            Ok(()) if is_failing => {
                is_failing = false;
                tracing::info!("the feed is read again");
            }
            Ok(()) => {}
            Err(error) if !is_failing => {
                is_failing = true;
                tracing::warn!(%error, "the feed can't be read");
            }
            Err(_) => {}
        }
        let period = if up.is_up() && !is_failing { PERIOD } else { PERIOD_WITHOUT_RELAY };
        let repair_now = up.repair_now.clone();
        drop(up);
        let asked = async {
            tokio::time::sleep(PERIOD_MIN).await;
            repair_now.notified().await;
        };
        let _ = tokio::time::timeout(period, asked).await;
    }
}

/// Reads and offers what is new, page by page.
async fn read_all(live: &Arc<Live>, feed: &mut Option<Feed>) -> Result<()> {
    loop {
        if live.is_contradicted.swap(false, Ordering::Relaxed) {
            start_over(live);
            *feed = None;
        }
        let feed = match feed {
            Some(feed) => feed,
            None => {
                let begun = begin(live).await?;
                // What came before that, and after somebody subscribed, is in nobody's feed.
                doubt(live);
                feed.insert(begun)
            }
        };
        let (cursor, missing) = (feed.cursor, feed.missing());
        let asked_at = Instant::now();
        let mut entries = live.db.read(move |connection| events::feed(connection, cursor, &missing, PAGE)).await?;
        let last_known = entries.iter().position(|entry| entry.seq == cursor).map(|index| entries.remove(index));
        if !feed.goes_on_from(last_known.as_ref()) {
            tracing::warn!("the feed is not what it was");
            live.is_contradicted.store(true, Ordering::Relaxed);
            continue;
        }
        let is_last = entries.iter().filter(|entry| entry.seq > cursor).count() < PAGE as usize - 1;
        let skipped = feed.advance(entries.iter().map(|entry| entry.seq), asked_at);
        feed.newest = entries.iter().chain(&last_known).find(|entry| entry.seq == feed.cursor).map(Mark::of);
        let batch: Vec<Announcement> = entries.into_iter().map(Announcement::from).collect();
        live.note(&batch);
        if !batch.is_empty() && live.to_hub.send(Batch::new(batch)).await.is_err() {
            return Ok(());
        }
        if skipped {
            tracing::warn!("the feed's numbers jumped: everything that is watched is read again");
            doubt(live);
        }
        if is_last {
            feed.forget_before(asked_at);
            live.hub.forget(asked_at);
            return Ok(());
        }
    }
}

fn doubt(live: &Live) {
    live.hub.doubt(Instant::now());
    live.catch_up_now.notify_one();
}

/// The database has gone back to an earlier state, as when a backup was restored, or a standby took over that had not got
/// the last commits: whoever watches begins anew.
fn start_over(live: &Live) {
    tracing::warn!("the database has gone back to an earlier state: all sockets are closed, to begin anew");
    live.hub.start_over(Instant::now());
    live.registry().values().for_each(|outbox| outbox.end(End::Restored));
}

/// Where reading the feed has come to.
pub(super) struct Feed {
    /// Everything up to here has been read, but for what is missing.
    cursor: i64,
    /// What was read there; none before the first reading.
    newest: Option<Mark>,
    /// Numbers that nobody has committed yet, and since when: a transaction under way, or one that was rolled back.
    missing: BTreeMap<i64, Instant>,
}

/// By what an entry is known again.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Mark(OrderId, i32, DateTime<Utc>);

impl Mark {
    fn of(entry: &FeedEntry) -> Mark {
        Mark(entry.event.order_id, entry.event.version, entry.event.recorded_at)
    }
}

impl Feed {
    fn from(cursor: i64) -> Feed {
        Feed { cursor, newest: None, missing: BTreeMap::new() }
    }

    /// Whether what was read last is still there; given is what is there now.
    fn goes_on_from(&self, entry: Option<&FeedEntry>) -> bool {
        self.newest.is_none_or(|newest| entry.map(Mark::of) == Some(newest))
    }

    fn missing(&self) -> Vec<i64> {
        self.missing.keys().copied().collect()
    }

    /// Takes in the numbers of a page, in their order; true if more are missing than can be kept in mind.
    fn advance(&mut self, numbers: impl Iterator<Item = i64>, now: Instant) -> bool {
        let mut is_too_much = false;
        for number in numbers {
            if number <= self.cursor {
                self.missing.remove(&number);
                continue;
            }
            let first_missing = (self.cursor + 1).max(number - MISSING_MAX);
            is_too_much |= first_missing > self.cursor + 1;
            self.missing.extend((first_missing..number).map(|missing| (missing, now)));
            self.cursor = number;
        }
        while self.missing.len() > MISSING_MAX as usize {
            self.missing.pop_first();
            is_too_much = true;
        }
        is_too_much
    }

    /// Gives up what was missing for too long. Only after a page without it: while Postgres is away nothing grows old.
    fn forget_before(&mut self, asked_at: Instant) {
        self.missing.retain(|_, since| asked_at.saturating_duration_since(*since) < MISSING_AT_MOST);
    }
}

/// Reads what is missing of single orders, as soon as the hub has waited long enough for it.
pub(super) async fn catch_up(live: Weak<Live>) {
    loop {
        let Some(up) = live.upgrade() else { return };
        let overdue = up.hub.overdue(Instant::now());
        for (id, after) in overdue.orders {
            if let Err(error) = read_missing(&up, id, after).await {
                tracing::debug!(%id, %error, "what is missing can't be read yet");
            }
        }
        let next = overdue.next.unwrap_or_else(|| Instant::now() + PERIOD);
        let catch_up_now = up.catch_up_now.clone();
        drop(up);
        let _ = tokio::time::timeout_at(next.into(), catch_up_now.notified()).await;
    }
}

async fn read_missing(live: &Arc<Live>, id: OrderId, mut after: i32) -> Result<()> {
    loop {
        // Past the queue of the subscribers: those who have subscribed come first.
        let read = move |connection: &mut _| tracking::snapshot(connection, id, Which::All, after, EVENTS_MAX);
        let snapshot = live.db.read(read).await?;
        // `after` was delivered before this was read.
        let Some(snapshot) = snapshot.filter(|snapshot| snapshot.version >= after) else {
            live.contradict(id);
            return Ok(());
        };
        let Snapshot { version, owner_id, public_tracking, events, has_more, .. } = snapshot;
        after = events.last().map_or(after, |event| event.version);
        let announcement = |event| Announcement { event, owner_id, public_tracking };
        let batch: Vec<_> = events.into_iter().map(announcement).collect();
        live.note(&batch);
        if !batch.is_empty() && live.to_hub.send(Batch::new(batch)).await.is_err() {
            return Ok(());
        }
        if !has_more {
            live.hub.caught_up(id, version);
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::announcement::tests::announcement;
    use super::*;

    #[test]
    fn numbers_that_are_missing_are_asked_for_until_they_come() {
        let now = Instant::now();
        let mut feed = Feed::from(10);
        assert!(!feed.advance([11, 12, 15, 16].into_iter(), now));
        assert_eq!((feed.cursor, feed.missing()), (16, vec![13, 14]));
        assert!(!feed.advance([13, 17].into_iter(), now));
        assert_eq!((feed.cursor, feed.missing()), (17, vec![14]));
    }

    #[test]
    fn what_was_rolled_back_is_given_up_after_it_was_asked_for_long_enough() {
        let now = Instant::now();
        let mut feed = Feed::from(0);
        feed.advance([3].into_iter(), now);
        feed.forget_before(now + Duration::from_secs(29));
        assert_eq!(feed.missing(), [1, 2]);
        feed.forget_before(now + MISSING_AT_MOST);
        assert!(feed.missing().is_empty());
    }

    #[test]
    fn a_feed_goes_on_where_its_newest_entry_stands() {
        let entry = |seq, version| {
            let Announcement { event, owner_id, public_tracking } = announcement("7K3M9Q2XTB", version);
            FeedEntry { seq, event, owner_id, public_tracking }
        };
        let mut feed = Feed::from(10);
        assert!(feed.goes_on_from(None), "nothing was read yet");
        feed.newest = Some(Mark::of(&entry(10, 4)));
        assert!(feed.goes_on_from(Some(&entry(10, 4))));
        assert!(!feed.goes_on_from(Some(&entry(10, 5))), "another event has its number");
        assert!(!feed.goes_on_from(None), "it is gone");
    }

    #[test]
    fn a_jump_is_told() {
        let mut feed = Feed::from(0);
        assert!(!feed.advance([MISSING_MAX + 1].into_iter(), Instant::now()));
        assert!(feed.advance([1_000_000].into_iter(), Instant::now()));
        assert_eq!((feed.cursor, feed.missing.len()), (1_000_000, MISSING_MAX as usize));
    }
}
