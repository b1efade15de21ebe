//! What nobody announced, because a replica died or Redis was away, is found in Postgres: the feed is read every two
//! seconds, more often while the relay is down, and at a gap in one order's versions that order is. Also what was announced and
//! is not in Postgres is found here.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::numbers::Numbers;
use super::outbox::End;
use super::unconfirmed::Whom;
use super::{Announcement, Batch, Live};
use crate::domain::ids::OrderId;
use crate::error::Result;
use crate::storage::events::{self, Lost, Mark};
use crate::storage::tracking::{Snapshot, Which};

const PERIOD: Duration = Duration::from_secs(2);
const PERIOD_WITHOUT_RELAY: Duration = Duration::from_millis(300);
/// Not more often than this, however often somebody asks.
const PERIOD_MIN: Duration = Duration::from_millis(50);
const PAGE: i64 = 1000;
/// How many numbers are looked at in the beginning, to learn which are missing.
const HEAD_START: i64 = 4096;
/// Numbers that may be missing at once. Sequences skip a few after a crash, and transactions that are refused hundreds.
const MISSING_MAX: usize = 10_000;
/// A number that is still missing after this was rolled back: no transaction lives longer than ten seconds.
const MISSING_AT_MOST: Duration = Duration::from_secs(30);
/// More than all writers may be writing at once: so far the order of numbers and that of commits may differ.
const LATELY_MAX: usize = 64;
/// When all have to begin anew, not all in the same instant.
const STARTING_OVER: Duration = Duration::from_secs(1);

/// Where the feed stands; none when that can't be read yet.
pub(super) async fn first_look(live: &Live) -> Option<Feed> {
    match begin(live).await {
        Ok(feed) => Some(feed.unwrap_or_default()),
        Err(error) => {
            tracing::warn!(%error, "the feed can't be read");
            None
        }
    }
}

/// Where the feed stands; none when there is nothing in it. What is in it is no news.
async fn begin(live: &Live) -> Result<Option<Feed>> {
    let entries = live.db.read(|connection| events::newest(connection, HEAD_START)).await?;
    let is_all = (entries.len() as i64) < HEAD_START;
    let Some((first, _)) = entries.first() else { return Ok(None) };
    let mut feed = Feed::default();
    feed.numbers.cursor = if is_all { 0 } else { first - 1 };
    feed.numbers.advance(entries.iter().map(|(seq, _)| *seq), Instant::now());
    feed.remember(entries.iter().map(|(_, mark)| *mark));
    Ok(Some(feed))
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

/// Reads the feed to its end, or begins anew where it is another one than was read before.
async fn read_all(live: &Arc<Live>, feed: &mut Option<Feed>) -> Result<()> {
    if feed.is_none() {
        *feed = begin(live).await?;
        if feed.is_some() {
            // What was committed since somebody subscribed, and before this, is no news to the feed.
            doubt(live);
        }
    }
    let history = match feed {
        Some(feed) => read_on(live, feed).await?,
        None => confirm(live, &Feed::default(), Instant::now()).await?,
    };
    if history == History::WentBack {
        start_over(live);
        *feed = None;
        live.repair_now.notify_one();
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum History {
    GoesOn,
    /// The database stands where it stood before, and something else may have happened since: a backup was restored, or a
    /// standby took over that had not got the last commits.
    WentBack,
}

/// Reads and offers what is new, page by page.
async fn read_on(live: &Arc<Live>, feed: &mut Feed) -> Result<History> {
    loop {
        let (cursor, missing) = (feed.numbers.cursor, feed.numbers.missing());
        let asked_at = Instant::now();
        let mut entries = live.db.read(move |connection| events::feed(connection, cursor, &missing, PAGE)).await?;
        let last_known = entries.iter().position(|(seq, _)| *seq == cursor).map(|index| entries.remove(index));
        if last_known.is_none() && cursor > 0 {
            return Ok(History::WentBack);
        }
        // Mostly none: to read whole events costs ten times as much, on each replica.
        let unheard = live.unconfirmed.undelivered(&entries);
        let batch: Vec<Announcement> = if unheard.is_empty() {
            Vec::new()
        } else {
            let read = live.db.read(move |connection| events::feed_entries(connection, &unheard)).await?;
            read.into_iter().map(Announcement::from).collect()
        };
        // One place of the page was for what is known.
        let is_last = entries.iter().filter(|(seq, _)| *seq > cursor).count() < PAGE as usize - 1;
        let skipped = feed.numbers.advance(entries.iter().map(|(seq, _)| *seq), asked_at);
        feed.remember(entries.iter().map(|(_, mark)| *mark));
        live.note(&batch);
        live.unconfirmed.confirm(entries.iter().map(|(_, mark)| *mark));
        if !batch.is_empty() && live.to_hub.send(Batch::new(batch)).await.is_err() {
            return Ok(History::GoesOn);
        }
        if skipped {
            tracing::warn!("the feed's numbers jumped: everything that is watched is read again");
            doubt(live);
        }
        if is_last {
            feed.forget_before(asked_at);
            live.hub.forget(asked_at);
            return confirm(live, feed, asked_at).await;
        }
    }
}

/// Looks for what the feed has brought lately, and for what was heard before it was read and did not come with it.
async fn confirm(live: &Live, feed: &Feed, read_at: Instant) -> Result<History> {
    let lately = feed.lately.iter().map(|mark| (*mark, Whom::Us));
    let all: Vec<_> = lately.chain(live.unconfirmed.overdue(read_at)).collect();
    for some in all.chunks(PAGE as usize) {
        let marks: Vec<Mark> = some.iter().map(|(mark, _)| *mark).collect();
        let lost = live.db.read(move |connection| events::lost(connection, &marks)).await?;
        live.unconfirmed.forget(some);
        let is_known_here = |lost: &Lost| some.get(lost.place as usize).is_some_and(|(_, whom)| *whom == Whom::Us);
        if lost.iter().any(|lost| lost.has_order || is_known_here(lost)) {
            return Ok(History::WentBack);
        }
        if !lost.is_empty() {
            // Orders that nobody has seen here: another replica's that are lost, or another installation's.
            live.hub.resync_lists();
        }
    }
    Ok(History::GoesOn)
}

fn doubt(live: &Live) {
    live.hub.doubt(Instant::now());
    live.catch_up_now.notify_one();
}

/// Whoever watches begins anew.
fn start_over(live: &Live) {
    tracing::warn!(
        "the database has gone back to an earlier state: all sockets are closed, to begin anew. (If this happens again and \
         again: does a server with another database use the same Redis and REDIS_PREFIX?)"
    );
    live.hub.start_over(Instant::now());
    live.track.start_over();
    live.unconfirmed.clear();
    tokio::spawn(live.end_all(End::Restored, STARTING_OVER));
}

/// Where reading the feed has come to.
pub(super) struct Feed {
    /// Since when those that are missing are.
    numbers: Numbers<Instant>,
    /// What was read last. Where commits are lost, these are the last.
    lately: VecDeque<Mark>,
}

impl Default for Feed {
    fn default() -> Feed {
        Feed { numbers: Numbers::after(0, MISSING_MAX), lately: VecDeque::new() }
    }
}

impl Feed {
    fn remember(&mut self, marks: impl Iterator<Item = Mark>) {
        for mark in marks {
            if self.lately.len() >= LATELY_MAX {
                self.lately.pop_front();
            }
            self.lately.push_back(mark);
        }
    }

    /// Gives up what was missing for too long. Only after a page without it: while Postgres is away nothing grows old.
    fn forget_before(&mut self, asked_at: Instant) {
        self.numbers.missing.retain(|_, since| asked_at.saturating_duration_since(*since) < MISSING_AT_MOST);
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
        let read_at = Instant::now();
        let Some(snapshot) = live.read_snapshot(id, Which::All, after).await? else { return Ok(()) };
        let Snapshot { version, owner_id, public_tracking, events, has_more, .. } = snapshot;
        after = events.last().map_or(after, |event| event.version);
        let announcement = |event| Announcement { event, owner_id, public_tracking };
        let batch: Vec<_> = events.into_iter().map(announcement).collect();
        live.note(&batch);
        if !batch.is_empty() && live.to_hub.send(Batch::new(batch)).await.is_err() {
            return Ok(());
        }
        if !has_more {
            live.hub.caught_up(id, version, read_at);
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_rolled_back_is_given_up_after_it_was_asked_for_long_enough() {
        let now = Instant::now();
        let mut feed = Feed::default();
        feed.numbers.advance([3].into_iter(), now);
        feed.forget_before(now + Duration::from_secs(29));
        assert_eq!(feed.numbers.missing(), [1, 2]);
        feed.forget_before(now + MISSING_AT_MOST);
        assert!(feed.numbers.missing().is_empty());
    }
}
