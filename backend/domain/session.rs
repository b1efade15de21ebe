//! How long a session lives, and what it means when an old refresh token comes back.

use chrono::{DateTime, Duration, Utc};
use uuid::Uuid;

/// How long a session lives after its last use.
pub const LIFETIME: Duration = Duration::days(30);

/// How much longer the token before the one before is good, once the one before was used.
const GRACE: Duration = Duration::seconds(30);

/// What a valid refresh token names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presented {
    pub session_id: Uuid,
    pub generation: i32,
}

/// What to do about a generation that comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// The first use of the newest one: hand out this one, which becomes the newest.
    Advance(i32),
    /// The newest one has not been used, or so short a time ago that the answer may be lost: hand it out again.
    Repeat(i32),
    /// Older ones come from somebody who copied a cookie, or from whom it was copied. Nobody can tell which.
    End,
}

/// Decides by the newest generation and when that one was handed out for the first time.
pub fn rotation(presented: i32, newest: i32, advanced_at: DateTime<Utc>, now: DateTime<Utc>) -> Rotation {
    // The database was set back to a backup when one comes in that is newer than the newest: it is ours all the same.
    match newest.saturating_sub(presented) {
        ..=0 => Rotation::Advance(presented.saturating_add(1)),
        1 => Rotation::Repeat(newest),
        2 if now <= advanced_at + GRACE => Rotation::Repeat(newest),
        _ => Rotation::End,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations() {
        let advanced_at = Utc::now();
        let soon = advanced_at + Duration::seconds(30);
        let later = soon + Duration::milliseconds(1);
        for (presented, newest, now, expected) in [
            (1, 1, soon, Rotation::Advance(2)),
            (1, 1, later, Rotation::Advance(2)),
            (7, 7, later, Rotation::Advance(8)),
            // The successor was not used: good for as long as the session lives.
            (1, 2, soon, Rotation::Repeat(2)),
            (1, 2, later, Rotation::Repeat(2)),
            // It was used: good for 30 seconds.
            (1, 3, soon, Rotation::Repeat(3)),
            (1, 3, later, Rotation::End),
            (1, 4, soon, Rotation::End),
            (4, 7, soon, Rotation::End),
            (0, 7, soon, Rotation::End),
            (i32::MIN, i32::MAX, soon, Rotation::End),
            // From before a backup was restored.
            (9, 7, later, Rotation::Advance(10)),
        ] {
            assert_eq!(rotation(presented, newest, advanced_at, now), expected, "{presented} of {newest}");
        }
    }
}
