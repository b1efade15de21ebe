//! What watchers may have been told and has not yet come with the feed. Mostly it comes within two seconds. What doesn't was read
//! before it was heard of, or is lost: a standby took over that had not got the last commits.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::Announcement;
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
}

/// From where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// Committed or read here.
    Us,
    Others,
}

impl Unconfirmed {
    pub fn hear(&self, marks: impl IntoIterator<Item = Mark>, by: Whom, at: Instant) {
        let mut kept = self.kept();
        for mark in marks {
            if kept.len() < KEPT_MAX && (by == Whom::Us || !kept.contains_key(&mark)) {
                kept.insert(mark, Heard { at, by });
            }
        }
    }

    /// The feed has brought these.
    pub fn confirm(&self, announcements: &[Announcement]) {
        let mut kept = self.kept();
        for announcement in announcements {
            kept.remove(&announcement.mark());
        }
    }

    /// What was heard before the feed was read at this time, and did not come with it.
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
        let mut another = announcement(ORDER, 2);
        another.event.recorded_at += chrono::Duration::milliseconds(1);
        unconfirmed.hear([1, 2].map(mark), Whom::Us, start);
        unconfirmed.hear([2, 3].map(mark), Whom::Others, later);
        unconfirmed.confirm(&[announcement(ORDER, 1), another]);
        let overdue = unconfirmed.overdue(later);
        assert_eq!(overdue, [(mark(2), Whom::Us)], "another event in its place is none");
        unconfirmed.forget(&overdue);
        assert_eq!(unconfirmed.overdue(later), []);
        assert_eq!(unconfirmed.overdue(later + Duration::from_millis(1)).len(), 1);
        unconfirmed.clear();
        assert_eq!(unconfirmed.overdue(later + Duration::from_millis(1)), []);
    }

    #[test]
    fn it_is_bounded() {
        let (unconfirmed, now) = (Unconfirmed::default(), Instant::now());
        unconfirmed.hear((1..=KEPT_MAX as i32 + 1).map(mark), Whom::Others, now);
        let all = unconfirmed.overdue(now + Duration::from_millis(1));
        assert_eq!(all.len(), KEPT_MAX);
        unconfirmed.forget(&all);
        assert!(unconfirmed.kept().capacity() <= 2 * ROOM_KEPT);
    }
}
