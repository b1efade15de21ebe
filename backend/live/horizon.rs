//! How far the feed can be read so that nothing will ever be added to what was read.
//!
//! Numbers are drawn when events are written, and seen when their transactions commit: one that commits later may have the
//! lower number. Whoever reads on from the highest number would miss it. So nothing is given out from the lowest missing
//! number on, until it comes, or whoever could have drawn it has ended. Who draws a number has had a transaction ID before,
//! because an order's row is locked or written first: when a number is still missing after all transactions have ended
//! whose IDs are lower than one that was given out since, it was rolled back. Should somebody else's transaction last for
//! hours, a number counts as rolled back after 30 seconds: none of the journal's lives longer than ten.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::numbers::Numbers;
use crate::error::{Error, Result};
use crate::storage::db::{Db, TIME_LIMIT};
use crate::storage::events::{self, Look};

/// Most of what is missing comes within milliseconds. Only for what does not is a transaction ID used.
const SUSPECTED_AFTER: Duration = Duration::from_millis(100);
const MISSING_AT_MOST: Duration = Duration::from_secs(30);
/// Twice what it takes to know of a number that it was rolled back, if no transaction lasts for longer.
const SETTLED_WITHIN: Duration = Duration::from_millis(600);
/// Far more than can be drawn within that time. What is given up could come yet, and would never be read.
const MISSING_MAX: usize = 2_000_000;

pub struct Horizon {
    db: Db,
    state: Mutex<Option<State>>,
    is_looked_after: AtomicBool,
}

struct State {
    numbers: Numbers<Missing>,
    looked_at: Instant,
}

#[derive(Clone, Copy)]
struct Missing {
    since: Instant,
    /// An ID that was given out when it was missing already, once it is suspected to be so for ever.
    before: Option<i64>,
}

impl Horizon {
    pub fn new(db: Db) -> Arc<Horizon> {
        Arc::new(Horizon { db, state: Mutex::new(None), is_looked_after: AtomicBool::new(false) })
    }

    /// How far the feed can be read now. Everything that was committed before this is called is there, but for what has to
    /// wait.
    pub async fn get(self: &Arc<Self>) -> Result<Standing> {
        let looked = tokio::time::timeout(TIME_LIMIT, self.look()).await;
        let standing = looked.map_err(|_| Error::DatabaseUnavailable)??;
        if standing.is_something_missing() {
            self.look_after();
        }
        Ok(standing)
    }

    /// The number after which there come only events from now on. It waits for a moment for what is missing: after a start, that
    /// may be what was rolled back long ago. If it takes longer, what came after the first that is missing comes, too.
    pub async fn latest(self: &Arc<Self>) -> Result<i64> {
        let until = Instant::now() + SETTLED_WITHIN;
        let mut standing = self.get().await?;
        let newest = standing.newest;
        while standing.horizon <= newest && Instant::now() < until {
            tokio::time::sleep(SUSPECTED_AFTER / 2).await;
            standing = self.get().await?;
        }
        Ok(newest.min(standing.horizon - 1))
    }

    /// What is missing is looked for until it is settled, also when nobody asks: whoever comes once an hour waits for nothing.
    fn look_after(self: &Arc<Self>) {
        if self.is_looked_after.swap(true, Ordering::Relaxed) {
            return;
        }
        let horizon = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SUSPECTED_AFTER).await;
                if !horizon.look().await.is_ok_and(|standing| standing.is_something_missing()) {
                    break;
                }
            }
            horizon.is_looked_after.store(false, Ordering::Relaxed);
        });
    }

    async fn look(&self) -> Result<Standing> {
        let called_at = Instant::now();
        let mut state = self.state.lock().await;
        // Who has waited for the others takes what they have seen since.
        if let Some(state) = &*state
            && state.looked_at >= called_at
        {
            return Ok(state.numbers.standing());
        }
        let looked_at = Instant::now();
        let numbers = state.as_ref().map(|state| &state.numbers);
        let (cursor, missing) = numbers.map_or((None, Vec::new()), |numbers| (Some(numbers.cursor), numbers.missing()));
        let suspects = numbers.is_some_and(|numbers| numbers.missing.values().any(|one| one.is_suspect(looked_at)));
        let look = self.db.read(move |connection| events::look(connection, cursor, &missing, suspects)).await?;
        let numbers = take_in(state.take().map(|state| state.numbers), &look, looked_at);
        let standing = numbers.standing();
        *state = Some(State { numbers, looked_at });
        Ok(standing)
    }
}

/// How far the feed can be read.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// What is below this number will not change any more.
    pub horizon: i64,
    /// The highest number that there is.
    pub newest: i64,
}

impl Standing {
    fn is_something_missing(self) -> bool {
        self.horizon <= self.newest
    }
}

impl Numbers<Missing> {
    fn standing(&self) -> Standing {
        Standing { horizon: self.horizon(), newest: self.cursor }
    }
}

impl Missing {
    fn is_suspect(&self, now: Instant) -> bool {
        self.before.is_none() && now.saturating_duration_since(self.since) >= SUSPECTED_AFTER
    }
}

fn take_in(numbers: Option<Numbers<Missing>>, look: &Look, looked_at: Instant) -> Numbers<Missing> {
    // A database that went back to an earlier state has fewer numbers than were seen; and where nobody has asked for long, it
    // was not looked at all that is new.
    let numbers = numbers.filter(|numbers| look.newest >= numbers.cursor && look.after <= numbers.cursor);
    // What is missing before the first that is there may be missing for now only.
    let mut numbers = numbers.unwrap_or_else(|| Numbers::after(look.after, MISSING_MAX));
    let (found, new): (Vec<i64>, Vec<i64>) = look.numbers.iter().partition(|number| **number <= numbers.cursor);
    numbers.advance(found.into_iter(), Missing { since: looked_at, before: None });
    // They were looked for after it was seen who runs.
    numbers.missing.retain(|_, missing| {
        missing.before.is_none_or(|before| look.oldest_running < before)
            && looked_at.saturating_duration_since(missing.since) < MISSING_AT_MOST
    });
    for missing in numbers.missing.values_mut().filter(|missing| missing.is_suspect(looked_at)) {
        missing.before = look.given_out;
    }
    numbers.advance(new.into_iter(), Missing { since: looked_at, before: None });
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is new or was found, who runs, and which ID was given out.
    fn look(numbers: &[i64], oldest_running: i64, given_out: Option<i64>) -> Look {
        let newest = numbers.iter().copied().max().unwrap_or(0).max(4);
        Look { after: 0, newest, numbers: numbers.to_vec(), oldest_running, given_out }
    }

    #[test]
    fn nothing_is_given_out_from_a_missing_number_on_until_it_comes() {
        let now = Instant::now();
        let numbers = take_in(None, &look(&[1, 2, 4], 100, None), now);
        assert_eq!(numbers.horizon(), 3);
        let numbers = take_in(Some(numbers), &look(&[], 104, Some(110)), now + SUSPECTED_AFTER);
        let numbers = take_in(Some(numbers), &look(&[], 109, Some(111)), now + SUSPECTED_AFTER * 2);
        assert_eq!(numbers.horizon(), 3, "somebody of then still runs");
        let numbers = take_in(Some(numbers), &look(&[3, 5], 110, None), now + SUSPECTED_AFTER * 3);
        assert_eq!(numbers.horizon(), 6);
    }

    #[test]
    fn what_nobody_can_have_drawn_any_more_was_rolled_back() {
        let now = Instant::now();
        let numbers = take_in(None, &look(&[1, 2, 4], 100, None), now);
        let numbers = take_in(Some(numbers), &look(&[], 200, None), now);
        assert_eq!(numbers.horizon(), 3, "whoever has drawn it may have any ID");
        let numbers = take_in(Some(numbers), &look(&[], 105, Some(110)), now + SUSPECTED_AFTER);
        let numbers = take_in(Some(numbers), &look(&[], 110, None), now + SUSPECTED_AFTER);
        assert_eq!(numbers.horizon(), 5);
        // And without that after half a minute.
        let numbers = take_in(None, &look(&[1, 2, 4], 100, None), now);
        let numbers = take_in(Some(numbers), &look(&[], 100, None), now + MISSING_AT_MOST);
        assert_eq!(numbers.horizon(), 5);
    }

    #[test]
    fn a_database_that_went_back_is_looked_at_anew() {
        let now = Instant::now();
        let numbers = take_in(None, &look(&[1, 2, 3, 4, 5, 6], 100, None), now);
        assert_eq!(take_in(Some(numbers), &look(&[1, 2, 3, 4], 100, None), now).horizon(), 5);
        let empty = Look { after: 0, newest: 0, numbers: Vec::new(), oldest_running: 100, given_out: None };
        assert_eq!(take_in(None, &empty, now).horizon(), 1);
    }
}
