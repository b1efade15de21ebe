//! How much of what somebody may ask for, and what a bucket of it does. No clock and no Redis: time comes in.

use std::time::{Duration, Instant};

use crate::domain::status::named;
use serde::{Deserialize, Serialize};

named! {
    /// What is counted apart: whatever somebody asks for who has shown a token or a key (`api`), or has not, or one that is
    /// not good (`anonymous`); logins; registrations, of users and of movers; and public views that are not there
    /// (`misses`): who asks for many is guessing.
    Policy {
        Api = "api",
        Anonymous = "anonymous",
        Logins = "logins",
        Registrations = "registrations",
        Misses = "misses",
    }
}

impl Policy {
    /// So many within such a time: all at once, or as they come back.
    pub const fn quota(self) -> (u32, Duration) {
        match self {
            Policy::Api => (6_000, Duration::from_secs(60)),
            Policy::Anonymous => (1_200, Duration::from_secs(60)),
            Policy::Logins => (60, Duration::from_secs(60)),
            Policy::Registrations => (120, Duration::from_secs(600)),
            Policy::Misses => (60, Duration::from_secs(60)),
        }
    }

    /// How far beyond an empty bucket it goes. What is counted only once it is known to have missed may be asked for many times
    /// at once before: that is paid for later. The others give nothing that they have not got.
    const fn debt_max(self) -> Duration {
        match self {
            Policy::Misses => Duration::from_secs(60 * 60),
            Policy::Api | Policy::Anonymous | Policy::Logins | Policy::Registrations => Duration::ZERO,
        }
    }

    fn each(self) -> Duration {
        let (quota, window) = self.quota();
        window / quota
    }

    /// In how much time so many come back.
    fn times_each(self, count: u32) -> Duration {
        self.each().saturating_mul(count)
    }

    /// How long a bucket takes to be full at most, debts and all.
    pub fn longest(self) -> Duration {
        self.quota().1 + self.debt_max()
    }
}

/// How it stands with somebody, and whether there was any left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub policy: Policy,
    pub allowed: bool,
    pub remaining: u32,
    /// Seconds until all is there again.
    pub reset: u64,
    /// Seconds until there is one again.
    pub retry_after: u64,
}

/// What one has left: it fills up evenly, and holds no more than the quota.
#[derive(Debug)]
pub struct Bucket {
    policy: Policy,
    /// When it will be full if nothing more is taken; the past for a full one.
    full_at: Instant,
    /// Taken here and not told to the others, and since when.
    untold: u32,
    untold_since: Instant,
}

/// What a replica has taken from a bucket, for the one that all share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// In how much time that comes back.
    pub comes_back: Duration,
    /// How long ago the first of it was taken.
    pub age: Duration,
}

impl Bucket {
    pub fn full(policy: Policy, now: Instant) -> Bucket {
        Bucket { policy, full_at: now, untold: 0, untold_since: now }
    }

    /// Takes one, if there is one.
    pub fn take(&mut self, now: Instant) -> Verdict {
        let verdict = self.verdict(now);
        if verdict.allowed || !self.policy.debt_max().is_zero() {
            self.full_at = (self.full_at.max(now) + self.policy.each()).min(now + self.policy.longest());
            if self.untold == 0 {
                self.untold_since = now;
            }
            self.untold = self.untold.saturating_add(1);
        }
        Verdict { allowed: verdict.allowed, ..self.verdict(now) }
    }

    /// How it stands, with nothing taken.
    pub fn verdict(&self, now: Instant) -> Verdict {
        let (quota, window) = self.policy.quota();
        let each = self.policy.each();
        let until_full = self.full_at.saturating_duration_since(now);
        let taken = until_full.as_nanos().div_ceil(each.as_nanos()) as u32;
        let allowed = until_full + each <= window;
        let until_one = (until_full + each).saturating_sub(window);
        Verdict {
            policy: self.policy,
            allowed,
            remaining: quota.saturating_sub(taken),
            reset: until_full.as_secs_f64().ceil() as u64,
            retry_after: (until_one.as_secs_f64().ceil() as u64).max(1),
        }
    }

    /// What is to be told to the others: it counts as told.
    pub fn tell(&mut self, now: Instant) -> Option<Taken> {
        let untold = std::mem::take(&mut self.untold);
        let age = now.saturating_duration_since(self.untold_since);
        (untold > 0).then(|| Taken { comes_back: self.policy.times_each(untold), age })
    }

    /// Takes in when the bucket that all share will be full, which knows what was told. It may know of less, if Redis was
    /// emptied; nobody gets anything back for that.
    pub fn hear(&mut self, until_full: Duration, now: Instant) {
        let shared = now + until_full + self.policy.times_each(self.untold);
        self.full_at = self.full_at.max(shared.min(now + self.policy.longest()));
    }

    /// Nothing is to be remembered of it.
    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now && self.untold == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_quota_and_fills_up_evenly() {
        let now = Instant::now();
        let mut bucket = Bucket::full(Policy::Logins, now);
        for left in (0..60).rev() {
            let verdict = bucket.take(now);
            assert_eq!((verdict.allowed, verdict.remaining), (true, left));
        }
        let refused = bucket.take(now);
        assert_eq!((refused.allowed, refused.remaining, refused.retry_after, refused.reset), (false, 0, 1, 60));
        let later = now + Duration::from_millis(2500);
        assert_eq!(bucket.verdict(later).remaining, 2);
        assert!(bucket.take(later).allowed && bucket.take(later).allowed);
        assert!(!bucket.take(later).allowed);
        assert!(!bucket.is_full(later + Duration::from_secs(60)), "nobody was told");
        let taken = bucket.tell(later).unwrap();
        assert_eq!((taken.comes_back, taken.age), (Duration::from_secs(62), Duration::from_millis(2500)));
        assert_eq!(bucket.tell(later), None);
        assert!(!bucket.is_full(later + Duration::from_secs(57)));
        assert!(bucket.is_full(later + Duration::from_secs(60)));
    }

    #[test]
    fn who_has_guessed_many_times_at_once_waits_for_as_long_as_one_after_the_other_would_have_taken() {
        let now = Instant::now();
        let mut bucket = Bucket::full(Policy::Misses, now);
        for _ in 0..200 {
            bucket.take(now);
        }
        assert!(!bucket.verdict(now + Duration::from_secs(139)).allowed);
        assert!(bucket.verdict(now + Duration::from_secs(141)).allowed);
        assert_eq!(bucket.verdict(now).retry_after, 141);
        bucket.hear(Duration::from_secs(1_000_000), now);
        assert!(bucket.verdict(now + Duration::from_secs(61 * 60)).allowed, "and not for ever");
    }

    #[test]
    fn what_others_have_taken_counts_once() {
        let now = Instant::now();
        let mut bucket = Bucket::full(Policy::Logins, now);
        for _ in 0..10 {
            bucket.take(now);
        }
        bucket.tell(now);
        // Others have taken twenty. One more is taken before that is heard, which is not in it.
        bucket.take(now);
        bucket.hear(Duration::from_secs(30), now);
        assert_eq!(bucket.verdict(now).remaining, 29);
        // Heard again, with that one.
        bucket.tell(now);
        bucket.hear(Duration::from_secs(31), now);
        assert_eq!(bucket.verdict(now).remaining, 29);
        // Redis has lost what it knew.
        bucket.hear(Duration::ZERO, now);
        assert_eq!(bucket.verdict(now).remaining, 29);
        // More than there is leaves nothing, and no debts.
        bucket.hear(Duration::from_secs(1_000_000), now);
        assert_eq!((bucket.verdict(now).remaining, bucket.verdict(now).retry_after), (0, 1));
    }
}
