//! What was noted, and its comparison with what Postgres holds.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Nullable, Text};

use crate::support::socket::RESTORED;

pub struct Book {
    entries: Mutex<Vec<Entry>>,
    acknowledged: AtomicUsize,
    violations: Mutex<Vec<String>>,
    /// One after the other; never empty.
    phases: Mutex<Vec<Phase>>,
    closed: Mutex<BTreeMap<u16, usize>>,
    connections: AtomicUsize,
    /// Sockets that could not be had from a replica that was there.
    not_opened: AtomicUsize,
    deliveries: AtomicUsize,
    /// By topic and version, a hash of what the first one was told.
    told: Mutex<HashMap<(String, i32), u64>>,
    slowest_answer: AtomicU64,
}

/// For an end without a closing frame (RFC 6455, 7.4.1).
pub const NO_CLOSING_FRAME: u16 = 1006;

/// An event that somebody wanted to write, known by its text.
struct Entry {
    text: String,
    outcome: Outcome,
    phase: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Acknowledged {
        order: String,
        version: i32,
    },
    /// It was said that nothing was written.
    Refused,
    /// Nobody could say.
    Unknown,
}

struct Phase {
    name: String,
    since: DateTime<Utc>,
    /// Milliseconds from the commit to the socket, of this phase's events, if somebody was subscribed when they happened.
    delays: Vec<u32>,
    /// Gaps, repeats and whatever else was seen in its course.
    violations: usize,
}

impl Default for Book {
    fn default() -> Book {
        Book {
            entries: Mutex::default(),
            acknowledged: AtomicUsize::default(),
            violations: Mutex::default(),
            phases: Mutex::new(vec![Phase::new("at first")]),
            closed: Mutex::default(),
            connections: AtomicUsize::default(),
            not_opened: AtomicUsize::default(),
            deliveries: AtomicUsize::default(),
            told: Mutex::default(),
            slowest_answer: AtomicU64::default(),
        }
    }
}

impl Phase {
    fn new(name: &str) -> Phase {
        Phase { name: name.to_owned(), since: Utc::now(), delays: Vec::new(), violations: 0 }
    }
}

impl Book {
    pub fn note(&self, text: String, outcome: Outcome) {
        if matches!(outcome, Outcome::Acknowledged { .. }) {
            self.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        let phase = lock(&self.phases).len() - 1;
        lock(&self.entries).push(Entry { text, outcome, phase });
    }

    pub fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// What must not be. The first hundred are kept.
    pub fn violation(&self, what: String) {
        if let Some(phase) = lock(&self.phases).last_mut() {
            phase.violations += 1;
        }
        let mut violations = lock(&self.violations);
        if violations.len() < 100 {
            violations.push(what);
        }
    }

    /// What is noted from now on happens under this heading.
    pub fn begin_phase(&self, name: &str) {
        lock(&self.phases).push(Phase::new(name));
    }

    /// An event has reached a watcher; with the time at which it happened, if its delay means something.
    pub fn delivered(&self, happened: Option<DateTime<Utc>>) {
        self.deliveries.fetch_add(1, Ordering::Relaxed);
        let Some(happened) = happened else { return };
        let delay = (Utc::now() - happened).num_milliseconds().max(0);
        let mut phases = lock(&self.phases);
        // However late it comes, it is late for the phase in which it happened.
        if let Some(phase) = phases.iter_mut().rev().find(|phase| phase.since <= happened) {
            phase.delays.push(u32::try_from(delay).unwrap_or(u32::MAX));
        }
    }

    /// What a watcher was told of an event: the same by whoever decided it, and by Postgres, where it is read later.
    pub fn told(&self, topic: &str, version: i32, what: &str) {
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        let this = hasher.finish();
        let first = *lock(&self.told).entry((topic.to_owned(), version)).or_insert(this);
        if first != this {
            self.violation(format!("{topic}: {version} was told differently before: {what}"));
        }
    }

    /// Events that reached a watcher until now.
    pub fn deliveries(&self) -> usize {
        self.deliveries.load(Ordering::Relaxed)
    }

    pub fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub fn could_not_open(&self) {
        self.not_opened.fetch_add(1, Ordering::Relaxed);
    }

    /// How sockets ended that nobody here has cut.
    pub fn closed(&self, code: u16) {
        *lock(&self.closed).entry(code).or_default() += 1;
        if code == RESTORED {
            self.violation("the server took what was committed for lost".to_owned());
        }
    }

    pub fn answered_after(&self, time: Duration) {
        self.slowest_answer.fetch_max(time.as_millis() as u64, Ordering::Relaxed);
    }

    /// Forgets how slow answers were until now.
    pub fn take_slowest_answer(&self) -> Duration {
        Duration::from_millis(self.slowest_answer.swap(0, Ordering::Relaxed))
    }

    /// How many were refused or left open until now.
    pub fn not_acknowledged(&self) -> usize {
        lock(&self.entries).iter().filter(|entry| !matches!(entry.outcome, Outcome::Acknowledged { .. })).count()
    }

    /// Compares with what Postgres holds.
    pub fn compare(&self, written: &[Written]) -> Report {
        let mut by_text: HashMap<&str, Vec<&Written>> = HashMap::new();
        for row in written {
            if let Some(text) = &row.text {
                by_text.entry(text).or_default().push(row);
            }
        }
        self.check_versions(written);
        let of_phase = |Phase { name, mut delays, violations, .. }: Phase| {
            delays.sort_unstable();
            Line { name, delays, violations, ..Line::default() }
        };
        let mut lines: Vec<Line> = lock(&self.phases).drain(..).map(of_phase).collect();
        for Entry { text, outcome, phase } in lock(&self.entries).iter() {
            let rows = by_text.get(text.as_str()).map_or(&[][..], Vec::as_slice);
            let line = &mut lines[*phase];
            line.asked += 1;
            line.repeated += usize::from(rows.len() > 1);
            match outcome {
                Outcome::Acknowledged { order, version } => {
                    line.acknowledged += 1;
                    let is_there = rows.iter().any(|row| row.order_id == *order && row.version == *version);
                    line.lost += usize::from(!is_there);
                }
                Outcome::Refused => {
                    line.refused += 1;
                    line.untrue += usize::from(!rows.is_empty());
                }
                Outcome::Unknown => {
                    line.unknown += 1;
                    line.unknown_written += usize::from(!rows.is_empty());
                }
            }
        }
        Report {
            lines,
            violations: std::mem::take(&mut *lock(&self.violations)),
            deliveries: self.deliveries.load(Ordering::Relaxed),
            connections: self.connections.load(Ordering::Relaxed),
            not_opened: self.not_opened.load(Ordering::Relaxed),
            closed: lock(&self.closed).clone(),
            slowest_answer: Duration::from_millis(self.slowest_answer.load(Ordering::Relaxed)),
        }
    }

    /// Versions begin with 1 and have no gap.
    fn check_versions(&self, written: &[Written]) {
        let mut newest: HashMap<&str, i32> = HashMap::new();
        for row in written {
            let version = newest.entry(&row.order_id).or_default();
            if row.version != *version + 1 {
                self.violation(format!("Postgres: {} has {} after {version}", row.order_id, row.version));
            }
            *version = row.version;
        }
    }
}

/// An event as Postgres has it.
#[derive(QueryableByName)]
pub struct Written {
    #[diesel(sql_type = Text)]
    pub order_id: String,
    #[diesel(sql_type = Integer)]
    pub version: i32,
    #[diesel(sql_type = Nullable<Text>)]
    pub text: Option<String>,
}

/// All events, each order's in their order.
pub fn written(connection: &mut PgConnection) -> Vec<Written> {
    diesel::sql_query(
        "SELECT order_id, version, coalesce(message, note) AS text FROM order_events ORDER BY order_id, version",
    )
    .load(connection)
    .expect("the events")
}

/// The newest version of each order, and its newest public one.
pub type Newest = HashMap<String, (i32, i32)>;

pub fn newest(connection: &mut PgConnection) -> Newest {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        order_id: String,
        #[diesel(sql_type = Integer)]
        version: i32,
        #[diesel(sql_type = Integer)]
        public_version: i32,
    }
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT order_id, max(version) AS version, coalesce(max(version) FILTER (WHERE public), 0) AS public_version \
         FROM order_events GROUP BY order_id",
    )
    .load(connection)
    .expect("the newest versions");
    rows.into_iter().map(|row| (row.order_id, (row.version, row.public_version))).collect()
}

pub struct Report {
    pub lines: Vec<Line>,
    pub violations: Vec<String>,
    /// Events that reached a watcher.
    pub deliveries: usize,
    pub connections: usize,
    pub not_opened: usize,
    pub closed: BTreeMap<u16, usize>,
    /// To a writer.
    pub slowest_answer: Duration,
}

#[derive(Default)]
pub struct Line {
    pub name: String,
    pub asked: usize,
    pub acknowledged: usize,
    pub refused: usize,
    pub unknown: usize,
    pub unknown_written: usize,
    /// Acknowledged, and not there.
    pub lost: usize,
    /// There more than once.
    pub repeated: usize,
    /// Said to be refused, and there.
    pub untrue: usize,
    /// Gaps, repeats and other things that a watcher must not see.
    pub violations: usize,
    /// Sorted.
    delays: Vec<u32>,
}

impl Line {
    /// The delay that this share of the deliveries did not exceed.
    pub fn delay(&self, share: f64) -> Duration {
        let index = ((self.delays.len() as f64 * share).ceil() as usize).clamp(1, self.delays.len().max(1)) - 1;
        Duration::from_millis(self.delays.get(index).copied().unwrap_or(0).into())
    }
}

impl Report {
    /// The promise is kept. Gives back the sum of all phases.
    #[track_caller]
    pub fn holds(&self) -> &Report {
        eprintln!("{self}");
        assert!(self.violations.is_empty(), "{}", self.violations.join("\n"));
        for line in &self.lines {
            assert_eq!((line.lost, line.repeated, line.untrue), (0, 0, 0), "lost, repeated, untrue: {}", line.name);
        }
        assert!(self.deliveries > 0 && self.acknowledged() > 0, "nothing happened");
        self
    }

    pub fn acknowledged(&self) -> usize {
        self.lines.iter().map(|line| line.acknowledged).sum()
    }

    /// The longest way from a commit to a socket.
    pub fn longest_delay(&self) -> Duration {
        self.lines.iter().map(|line| line.delay(1.0)).max().unwrap_or_default()
    }

    /// No write failed, or took longer than this.
    #[track_caller]
    pub fn undisturbed(&self, limit: Duration) -> &Report {
        for line in &self.lines {
            assert_eq!((line.refused, line.unknown), (0, 0), "refused, unknown: {}", line.name);
        }
        assert!(self.slowest_answer <= limit, "an answer took {:?}", self.slowest_answer);
        self
    }

    #[track_caller]
    pub fn within(&self, limit: Duration) -> &Report {
        assert!(self.longest_delay() <= limit, "{:?} from a commit to a socket", self.longest_delay());
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<32} {:>8} {:>8} {:>8} {:>13} {:>5} {:>8} {:>7} {:>6} {:>7} {:>7} {:>7}",
            "",
            "asked",
            "acknow.",
            "refused",
            "unknown(wr.)",
            "lost",
            "repeated",
            "untrue",
            "gaps",
            "p50 ms",
            "p99 ms",
            "max ms"
        )?;
        for line in self.lines.iter().filter(|line| line.asked > 0) {
            writeln!(
                f,
                "{:<32} {:>8} {:>8} {:>8} {:>13} {:>5} {:>8} {:>7} {:>6} {:>7} {:>7} {:>7}",
                line.name,
                line.asked,
                line.acknowledged,
                line.refused,
                format!("{}({})", line.unknown, line.unknown_written),
                line.lost,
                line.repeated,
                line.untrue,
                line.violations,
                line.delay(0.5).as_millis(),
                line.delay(0.99).as_millis(),
                line.delay(1.0).as_millis(),
            )?;
        }
        write!(
            f,
            "{} deliveries on {} connections ({} refused), which ended so: {:?}; the slowest answer to a writer: {:?}",
            self.deliveries, self.connections, self.not_opened, self.closed, self.slowest_answer
        )
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
