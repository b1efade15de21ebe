//! The promise: on every watched order each version arrives, in order, exactly once for each subscription, whatever
//! dies in between.
//!
//! A [`World`] is several server processes on a Postgres and a Redis of its own, all of which a test may kill. Writers
//! note each event that was acknowledged to them, watchers what they got over real sockets, through any number of
//! reconnects. At the end Postgres has to hold each acknowledged event exactly once, nothing that was said to be
//! refused, and each watcher every version from the first to the last.

mod book;
mod draining;
mod faults;
mod fleet;
mod gossip;
mod soak;
mod watchers;
mod writers;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use diesel::PgConnection;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::book::{Book, Report};
use self::fleet::Fleet;
use self::watchers::{Habits, Watching};
use self::writers::Pace;
use crate::support::people::{PASSWORD, PASSWORD_HASH};
use crate::support::services::Services;
use crate::support::tokens::lasting;
use crate::support::{Database, Person, json, usual_settings};

/// How long nothing may arrive, once nothing is broken any more, while somebody has not got everything.
const SETTLES_WITHIN: Duration = Duration::from_secs(10);
/// While things break.
const GOES_ON_WITHIN: Duration = Duration::from_secs(40);

pub struct World {
    pub services: Services,
    pub database: Database,
    pub fleet: Arc<Fleet>,
    pub book: Arc<Book>,
    pub orders: Arc<[String]>,
    pub owner_token: String,
    pub mover_token: String,
    settings: HashMap<&'static str, String>,
    is_writing: Arc<AtomicBool>,
    writers: JoinSet<()>,
    watchers: JoinSet<()>,
    watched: Vec<Watching>,
    cuts: watch::Sender<u32>,
    is_restless: Arc<AtomicBool>,
}

impl World {
    /// Starts as many replicas, and has as many orders created.
    pub async fn start(replicas: usize, orders: usize) -> World {
        let mut world = World::without_replicas().await;
        for _ in 0..replicas {
            world.add_replica(|_| {}).await;
        }
        world.create_orders(orders).await;
        world
    }

    pub async fn without_replicas() -> World {
        let services = Services::start().await;
        let database = Database::anew_at(&services.postgres_url, "ledger");
        let mut settings = usual_settings(&database);
        settings.insert("REDIS_URL", services.redis_url.clone());
        World {
            services,
            database,
            fleet: Arc::default(),
            book: Arc::default(),
            orders: Arc::new([]),
            owner_token: String::new(),
            mover_token: String::new(),
            settings,
            is_writing: Arc::new(AtomicBool::new(true)),
            writers: JoinSet::new(),
            watchers: JoinSet::new(),
            watched: Vec::new(),
            cuts: watch::Sender::default(),
            is_restless: Arc::default(),
        }
    }

    /// Starts one more, with other settings than the usual ones; gives back its number.
    pub async fn add_replica(&self, change: impl FnOnce(&mut HashMap<&'static str, String>)) -> usize {
        let mut settings = self.settings.clone();
        change(&mut settings);
        self.fleet.add(settings).await
    }

    /// What somebody owns whom nobody else sees, with a mover to move it. Once, when the first replica is there.
    pub async fn create_orders(&mut self, count: usize) {
        let base = self.fleet.address(None).expect("a replica");
        let owner = Person::registers(&base, "Uma").await;
        let email = "max@movers.example";
        self.database.run(&format!(
            "INSERT INTO accounts (id, realm, role, email, name, password_hash) VALUES \
             ('{}', 'movers', 'mover', '{email}', 'Max', '{}')",
            uuid::Uuid::now_v7(),
            *PASSWORD_HASH
        ));
        let mover = Person::logs_in(&base, "movers", email, PASSWORD).await;
        let mut orders = Vec::new();
        for number in 0..count {
            let order = owner.creates(json!({"title": format!("Sofa {number}")})).await;
            // Half of them are somebody's, which each event tells, too.
            if number % 2 == 0 {
                mover.takes(&order).await;
            }
            orders.push(order.id);
        }
        self.orders = orders.into();
        (self.owner_token, self.mover_token) = (lasting(&owner.token), lasting(&mover.token));
    }

    /// Starts writers, who go on until the end.
    pub fn write(&mut self, writers: usize, pace: Pace) {
        for _ in 0..writers {
            let writer = writers::Writer::new(self, pace);
            self.writers.spawn(writer.write_while(self.is_writing.clone()));
        }
    }

    /// Starts watchers of a number of orders each, every second one of them with the owner's eyes.
    pub fn watch(&mut self, watchers: usize, orders_each: usize, habits: Habits) {
        for number in 0..watchers {
            let watching: Vec<_> = (number * orders_each..(number + 1) * orders_each)
                .map(|order| Watching::new(&self.orders[order % self.orders.len()], number % 2 == 0))
                .collect();
            self.watched.extend(watching.iter().cloned());
            self.watchers.spawn(watchers::watch(self.view(), watching, habits));
        }
    }

    /// Cuts all sockets of all watchers at once.
    pub fn cut_sockets(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// What a watcher needs to know of it.
    pub fn view(&self) -> watchers::View {
        let (fleet, book, token) = (self.fleet.clone(), self.book.clone(), self.owner_token.clone());
        watchers::View { fleet, book, token, cuts: self.cuts.subscribe(), is_restless: self.is_restless.clone() }
    }

    /// Until all watchers have begun. From then on they follow their habits.
    pub async fn all_watch(&self) {
        let begun = || self.watched.iter().all(Watching::has_begun);
        let start = Instant::now();
        while !begun() {
            assert!(start.elapsed() < Duration::from_secs(60), "not all watchers have begun");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.is_restless.store(true, Ordering::Relaxed);
    }

    /// Until this many events have been acknowledged, from now on.
    pub async fn acknowledges(&self, more: usize) {
        let (start, enough) = (Instant::now(), self.book.acknowledged() + more);
        while self.book.acknowledged() < enough {
            assert!(start.elapsed() < Duration::from_secs(600), "nothing is written any more");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Until these have all that is written by now.
    pub async fn catch_up(&self, watched: &[Watching]) {
        let newest = self.read(book::newest).await;
        // However slow the machine is, something has to arrive.
        let (mut least, mut since) = (i64::MAX, Instant::now());
        loop {
            let behind: i64 = watched.iter().map(|watching| watching.behind(&newest)).sum();
            match behind {
                0 => return,
                _ if behind < least => (least, since) = (behind, Instant::now()),
                _ => {}
            }
            if since.elapsed() >= GOES_ON_WITHIN {
                let all = watched.iter().filter(|watching| watching.behind(&newest) > 0);
                let all: Vec<_> = all.map(|watching| format!("{} at {}", watching.topic, watching.seen())).collect();
                panic!("{} got no further: {}", all.len(), all[..all.len().min(5)].join(", "));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends the writers, waits until the watchers have everything, and compares all that was noted.
    pub async fn settle(mut self) -> Report {
        self.is_writing.store(false, Ordering::Relaxed);
        self.is_restless.store(false, Ordering::Relaxed);
        while let Some(ended) = self.writers.join_next().await {
            ended.expect("a writer finds only answers that can be");
        }
        let newest = self.read(book::newest).await;
        let is_behind = |watching: &&Watching| !watching.has_all(&newest);
        // However slow the machine is, something has to arrive.
        let (mut arrived, mut last) = (0, Instant::now());
        while self.watched.iter().any(|watching| is_behind(&watching)) && last.elapsed() < SETTLES_WITHIN {
            if self.book.deliveries() > arrived {
                (arrived, last) = (self.book.deliveries(), Instant::now());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        for watching in self.watched.iter().filter(is_behind) {
            self.book.violation(format!("{} ends at version {}", watching.topic, watching.seen()));
        }
        // Whoever has everything must not get anything more.
        tokio::time::sleep(Duration::from_millis(300)).await;
        while let Some(ended) = self.watchers.try_join_next() {
            ended.expect("watchers go on");
        }
        self.watchers.shutdown().await;
        for log in self.fleet.logs() {
            assert!(!log.contains("panicked"), "{log}");
        }
        let written = self.read(book::written).await;
        self.book.compare(&written)
    }

    async fn read<T: Send + 'static>(&self, read: fn(&mut PgConnection) -> T) -> T {
        let database = self.database.shared();
        tokio::task::spawn_blocking(move || read(&mut database.connect())).await.expect("Postgres is there")
    }
}
