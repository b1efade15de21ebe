//! What watchers may have been told and has not yet come with the feed. Mostly it comes within two seconds. What doesn't was read
//! before it was heard of, or is lost: a standby took over that had not got the last commits.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::storage::events::Mark;

/// Ten seconds of ten thousand events each, about 60 bytes an event. What is beyond that is believed.
const KEPT_MAX: usize = 100_000;
/// More room than this is given back.
const ROOM_KEPT: usize = 1024;

#[derive(Default)]
pub struct Unconfirmed(Mutex<HashMap<Mark, Heard>>);

#[derive(Debug, Clone, Copy, PartialEq)]
struct Heard {
    at: Instant,
    by: Whom,
    is_delivered: bool,
}

/// From where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// Committed or read here.
    Us,
    Others,
}

impl Unconfirmed {
    /// These were announced here. `to_hub`: the hub has them, or will; nobody need offer them again.
    pub fn announced(&self, marks: impl IntoIterator<Item = Mark>, by: Whom, to_hub: bool, at: Instant) {
        self.hear(marks, Heard { at, by, is_delivered: to_hub });
    }

    /// A subscriber has read this: it is here, and no news to anybody else.
    pub fn read(&self, mark: Mark, at: Instant) {
        self.hear([mark], Heard { at, by: Whom::Us, is_delivered: false });
    }

    fn hear(&self, marks: impl IntoIterator<Item = Mark>, news: Heard) {
        let mut kept = self.kept();
        for mark in marks {
            if let Some(heard) = kept.get_mut(&mark) {
                heard.is_delivered |= news.is_delivered;
                if news.by == Whom::Us {
                    (heard.at, heard.by) = (news.at, news.by);
                }
            } else if kept.len() < KEPT_MAX {
                kept.insert(mark, news);
            }
        }
    }

    /// Of the feed's entries those that the hub has not got, by their numbers.
    pub fn undelivered(&self, entries: &[(i64, Mark)]) -> Vec<i64> {
        let kept = self.kept();
        let is_delivered = |mark: &Mark| kept.get(mark).is_some_and(|heard| heard.is_delivered);
        entries.iter().filter(|(_, mark)| !is_delivered(mark)).map(|(seq, _)| *seq).collect()
    }

    /// The feed has brought these.
    pub fn confirm(&self, marks: impl IntoIterator<Item = Mark>) {
        let mut kept = self.kept();
        for mark in marks {
            kept.remove(&mark);
        }
    }

    /// What was heard of before the feed was read at this time, and did not come with it.
    pub fn overdue(&self, read_at: Instant) -> Vec<(Mark, Whom)> {
        let kept = self.kept();
        kept.iter().filter(|(_, heard)| heard.at < read_at).map(|(mark, heard)| (*mark, heard.by)).collect()
    }

    pub fn forget(&self, some: &[(Mark, Whom)]) {
        let mut kept = self.kept();
        for (mark, _) in some {
            kept.remove(mark);
        }
        kept.shrink_to(ROOM_KEPT);
    }

    pub fn clear(&self) {
        *self.kept() = HashMap::new();
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Mark, Heard>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::announcement::tests::announcement;
    use super::*;
    use std::time::Duration;

    const ORDER: &str = "7K3M9Q2XTB";

    fn mark(version: i32) -> Mark {
        Mark::from(&announcement(ORDER, version).event)
    }

    #[test]
    fn what_the_feed_has_not_brought_is_overdue() {
        let (unconfirmed, start) = (Unconfirmed::default(), Instant::now());
        let later = start + Duration::from_millis(1);
        let another = Mark { recorded_at: mark(2).recorded_at + chrono::Duration::milliseconds(1), ..mark(2) };
        unconfirmed.announced([1, 2].map(mark), Whom::Us, true, start);
        unconfirmed.announced([2, 3].map(mark), Whom::Others, true, later);
        unconfirmed.confirm([mark(1), another]);
        let overdue = unconfirmed.overdue(later);
        assert_eq!(overdue, [(mark(2), Whom::Us)], "another event in its place is none");
        unconfirmed.forget(&overdue);
        assert_eq!(unconfirmed.overdue(later), []);
        assert_eq!(unconfirmed.overdue(later + Duration::from_millis(1)).len(), 1);
        unconfirmed.clear();
        assert_eq!(unconfirmed.overdue(later + Duration::from_millis(1)), []);
    }

    #[test]
    fn what_a_subscriber_has_read_is_not_delivered_to_the_others() {
        let (unconfirmed, now) = (Unconfirmed::default(), Instant::now());
        unconfirmed.read(mark(1), now);
        unconfirmed.read(mark(2), now);
        unconfirmed.announced([2, 3].map(mark), Whom::Others, true, now);
        unconfirmed.read(mark(3), now);
        let another = Mark { recorded_at: mark(3).recorded_at + chrono::Duration::milliseconds(1), ..mark(3) };
        let entries = [(11, mark(1)), (12, mark(2)), (13, mark(3)), (14, another), (15, mark(4))];
        assert_eq!(unconfirmed.undelivered(&entries), [11, 14, 15]);
    }

    #[test]
    fn it_is_bounded() {
        let (unconfirmed, now) = (Unconfirmed::default(), Instant::now());
        unconfirmed.announced((1..=KEPT_MAX as i32 + 1).map(mark), Whom::Others, true, now);
        let all = unconfirmed.overdue(now + Duration::from_millis(1));
        assert_eq!(all.len(), KEPT_MAX);
        unconfirmed.forget(&all);
        assert!(unconfirmed.kept().capacity() <= 2 * ROOM_KEPT);
    }
}
