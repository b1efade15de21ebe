//! The numbers of the feed that were read, and those that are missing among them: a transaction under way has them, or one
//! that was rolled back.

use std::collections::BTreeMap;

/// `S` is what is known of a missing number since it was seen to be missing.
#[derive(Debug)]
pub struct Numbers<S> {
    /// How many may be missing at once; then the lowest are given up.
    missing_max: usize,
    /// Everything up to here has been read, but for what is missing.
    pub cursor: i64,
    pub missing: BTreeMap<i64, S>,
}

impl<S: Copy> Numbers<S> {
    pub fn after(cursor: i64, missing_max: usize) -> Numbers<S> {
        Numbers { missing_max, cursor, missing: BTreeMap::new() }
    }

    pub fn missing(&self) -> Vec<i64> {
        self.missing.keys().copied().collect()
    }

    /// Takes in what was read, in its order; true if more are missing than can be kept in mind.
    pub fn advance(&mut self, numbers: impl Iterator<Item = i64>, since: S) -> bool {
        let mut is_too_much = false;
        for number in numbers {
            if number <= self.cursor {
                self.missing.remove(&number);
                continue;
            }
            let first_missing = (self.cursor + 1).max(number - self.missing_max as i64);
            is_too_much |= first_missing > self.cursor + 1;
            self.missing.extend((first_missing..number).map(|missing| (missing, since)));
            self.cursor = number;
        }
        while self.missing.len() > self.missing_max {
            self.missing.pop_first();
            is_too_much = true;
        }
        is_too_much
    }

    /// What is below this number is read, or will never be there.
    pub fn horizon(&self) -> i64 {
        self.missing.first_key_value().map_or(self.cursor + 1, |(missing, _)| *missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_missing_are_asked_for_until_they_come() {
        let mut numbers = Numbers::after(10, 10_000);
        assert!(!numbers.advance([11, 12, 15, 16].into_iter(), ()));
        assert_eq!((numbers.cursor, numbers.missing(), numbers.horizon()), (16, vec![13, 14], 13));
        assert!(!numbers.advance([13, 17].into_iter(), ()));
        assert_eq!((numbers.cursor, numbers.missing(), numbers.horizon()), (17, vec![14], 14));
        assert!(!numbers.advance([14].into_iter(), ()));
        assert_eq!(numbers.horizon(), 18);
    }

    #[test]
    fn a_jump_is_told() {
        let mut numbers = Numbers::after(0, 10_000);
        assert!(!numbers.advance([10_001].into_iter(), ()));
        assert!(numbers.advance([1_000_000].into_iter(), ()));
        assert_eq!((numbers.cursor, numbers.missing.len()), (1_000_000, 10_000));
    }
}
