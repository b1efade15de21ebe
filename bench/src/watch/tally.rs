//! What one socket has got of its order: every version once, in their order, or what is wrong.

use super::Report;

pub struct Tally {
    after: i32,
    newest: i32,
    /// A bit for each version above `after`.
    seen: Vec<u64>,
    repeated: u64,
    out_of_order: u64,
    old: u64,
}

impl Tally {
    /// For versions above `after`.
    pub fn new(after: i32) -> Tally {
        Tally { after, newest: after, seen: Vec::new(), repeated: 0, out_of_order: 0, old: 0 }
    }

    /// True when this version has not come before.
    pub fn take(&mut self, version: i32) -> bool {
        let Some((word, bit)) = self.place(version) else {
            self.old += 1;
            return false;
        };
        if self.seen.len() <= word {
            self.seen.resize(word + 1, 0);
        }
        if self.seen[word] & bit != 0 {
            self.repeated += 1;
            return false;
        }
        self.seen[word] |= bit;
        if version < self.newest {
            self.out_of_order += 1;
        }
        self.newest = self.newest.max(version);
        true
    }

    /// Adds what is wrong, if all versions up to `through` should have come, and none above.
    pub fn add_to(&self, report: &mut Report, through: i32) {
        let seen_up_to = |version| (self.after + 1..=version).filter(|version| self.has(*version)).count() as u64;
        let wanted = seen_up_to(through);
        report.missing += u64::from(through.saturating_sub(self.after).max(0).unsigned_abs()) - wanted;
        report.repeated += self.repeated;
        report.out_of_order += self.out_of_order;
        report.unexpected += self.old + seen_up_to(self.newest.max(through)) - wanted;
    }

    fn has(&self, version: i32) -> bool {
        let Some((word, bit)) = self.place(version) else { return false };
        self.seen.get(word).is_some_and(|word| word & bit != 0)
    }

    /// None for what came before.
    fn place(&self, version: i32) -> Option<(usize, u64)> {
        let offset = usize::try_from(version.checked_sub(self.after + 1)?).ok()?;
        Some((offset / 64, 1 << (offset % 64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(after: i32, versions: &[i32], through: i32) -> Report {
        let mut tally = Tally::new(after);
        for version in versions {
            tally.take(*version);
        }
        let mut report = Report::default();
        tally.add_to(&mut report, through);
        report
    }

    #[test]
    fn every_version_once_is_clean() {
        assert!(report(3, &[], 3).is_clean());
        assert!(report(3, &[4, 5, 6], 6).is_clean());
        assert!(report(0, &(1..=200).collect::<Vec<_>>(), 200).is_clean());
    }

    #[test]
    fn what_is_wrong_is_counted() {
        assert_eq!(report(3, &[4, 6], 7), Report { missing: 2, ..Report::default() });
        assert_eq!(report(3, &[4, 4, 5, 5, 5], 5), Report { repeated: 3, ..Report::default() });
        assert_eq!(report(3, &[5, 4, 6], 6), Report { out_of_order: 1, ..Report::default() });
        assert_eq!(report(3, &[3, 4, 2, 5], 4), Report { unexpected: 3, ..Report::default() });
        assert_eq!(report(100, &[], 300), Report { missing: 200, ..Report::default() });
    }
}
