//! When a delivery is attempted: at once, and after failures later and later.

use std::time::Duration;

const SECOND: u64 = 1;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// After the first attempt that failed, the second, and so on; after the last one of these there is no other.
const PAUSES: [u64; 7] = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR];

/// No receiver is believed that wants a longer pause.
pub const PAUSE_MAX: Duration = Duration::from_secs(24 * HOUR);

/// How long to wait after so many attempts, of which the last one has failed; none: it was the last. `chance` is from 0 to 1
/// and moves it by up to a fifth, so that what failed together does not come back together. A receiver may have asked for
/// a longer pause.
pub fn pause_after(attempts: usize, chance: f64, asked_for: Option<Duration>) -> Option<Duration> {
    let pause = Duration::from_secs(*PAUSES.get(attempts.checked_sub(1)?)?);
    let moved = pause.mul_f64(0.8 + 0.4 * chance.clamp(0.0, 1.0));
    Some(asked_for.map_or(moved, |asked_for| moved.max(asked_for.min(PAUSE_MAX))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_attempts_within_some_28_hours() {
        let pauses: Vec<u64> = (1..=7).map(|n| pause_after(n, 0.5, None).unwrap().as_secs()).collect();
        assert_eq!(pauses, [5, 300, 1800, 7200, 18_000, 36_000, 36_000]);
        assert_eq!(pause_after(8, 0.5, None), None);
        assert_eq!(pause_after(0, 0.5, None), None);
        assert_eq!(pause_after(1, 0.0, None), Some(Duration::from_secs(4)));
        assert_eq!(pause_after(1, 1.0, None), Some(Duration::from_secs(6)));
    }

    #[test]
    fn receivers_may_ask_for_more_time_but_not_for_less_or_for_ever() {
        let asked = |seconds| pause_after(1, 0.5, Some(Duration::from_secs(seconds))).unwrap().as_secs();
        assert_eq!(asked(1), 5);
        assert_eq!(asked(600), 600);
        assert_eq!(asked(u64::MAX), 24 * 3600);
    }
}
