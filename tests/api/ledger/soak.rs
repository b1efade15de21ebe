//! `make soak`: a million events, and every fault that there is, alone and mixed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::World;
use super::faults::moves_one_order;
use super::gossip::Gossip;
use super::watchers::{self, Habits, Watching};
use super::writers::Pace;
use crate::support::Socket;
use crate::support::proxy::{Proxy, Traffic};
use crate::support::services::Service;

const REPLICAS: usize = 3;
const ORDERS: usize = 500;
const WATCHERS: usize = 300;
const ORDERS_EACH: usize = 5;
/// Who all come back at once.
const CROWD: usize = 5000;
/// The third replica's prefix in Redis: it hears of the others, and they of it, through somebody.
const APART: &str = "ledger-apart:";
/// The server's own limit.
const UNREAD_AT_MOST: Duration = Duration::from_secs(60);

/// What can go wrong. Each happens again and again while its share of the events is written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    Nothing,
    RedisKilled,
    LinkBroken,
    ReplicaKilled,
    PostgresRestarted,
    PostgresStalled,
    Gossip,
    SocketsCut,
    CrowdComesBack,
    ReadersStall,
}

const FAULTS: [(Fault, &str); 10] = [
    (Fault::Nothing, "nothing breaks"),
    (Fault::RedisKilled, "Redis is killed"),
    (Fault::LinkBroken, "one link to Redis breaks"),
    (Fault::ReplicaKilled, "a replica is killed"),
    (Fault::PostgresRestarted, "Postgres is restarted"),
    (Fault::PostgresStalled, "Postgres stands still for 10 s"),
    (Fault::Gossip, "announcements late and twice"),
    (Fault::SocketsCut, "sockets are cut"),
    (Fault::CrowdComesBack, "5,000 come back at once"),
    (Fault::ReadersStall, "watchers stop reading"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "make soak"]
async fn a_million_events() {
    let events: usize = std::env::var("SOAK_EVENTS").ok().map_or(1_000_000, |number| number.parse().expect("a number"));
    // The mixed one counts twice.
    let share = events / (FAULTS.len() + 2);
    let mut soak = Soak::start().await;
    for (fault, name) in FAULTS {
        soak.world.book.begin_phase(name);
        soak.goes_wrong(&[fault], share).await;
        soak.quiet().await;
    }
    soak.world.book.begin_phase("all of it, mixed");
    let all: Vec<_> = FAULTS.iter().map(|(fault, _)| *fault).collect();
    soak.goes_wrong(&all, share * 2).await;
    soak.quiet().await;
    let closed = soak.world.fleet.look(0, |process| process.log().matches("too slow").count());
    let report = soak.world.settle().await;
    report.holds();
    assert!(closed > 0, "nobody who stopped reading was closed");
    let quiet = report.lines.iter().find(|line| line.name == FAULTS[0].1).expect("a quiet phase");
    assert!(quiet.delay(0.99) <= Duration::from_millis(100), "p99 {:?} when nothing breaks", quiet.delay(0.99));
    assert!(report.acknowledged() >= events, "{} acknowledged", report.acknowledged());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "make soak"]
async fn one_order_moves_ten_thousand_times() {
    moves_one_order(10_000).await;
}

struct Soak {
    world: World,
    /// Between the second replica and Redis.
    link: Proxy,
    /// Between the third replica and the others.
    gossip: Arc<Gossip>,
    _gossips: JoinSet<()>,
    /// Who breaks Postgres, or needs it to start, waits for the others.
    postgres: Mutex<()>,
}

impl Soak {
    async fn start() -> Soak {
        let mut world = World::without_replicas().await;
        let link = Proxy::of_redis(&world.services.redis_url);
        let url = link.redis_url();
        for number in 0..REPLICAS {
            let url = url.clone();
            let through_the_proxy =
                |settings: &mut std::collections::HashMap<_, _>| drop(settings.insert("REDIS_URL", url));
            match number {
                1 => world.add_replica(through_the_proxy).await,
                2 => world.add_replica(|settings| drop(settings.insert("REDIS_PREFIX", APART.into()))).await,
                _ => world.add_replica(|_| {}).await,
            };
        }
        let gossip = Arc::new(Gossip::default());
        let channels = [&*world.settings["REDIS_PREFIX"], APART].map(|prefix| format!("{prefix}events"));
        let gossips = gossip.between(&world.services.redis_url, channels.each_ref().map(String::as_str));
        world.create_orders(ORDERS).await;
        world.watch(WATCHERS, ORDERS_EACH, Habits::default());
        world.all_watch().await;
        world.write(8, Pace::of(Duration::from_millis(2)));
        world.write(2, Pace { pause: Duration::from_millis(20), batch: 20, is_verbose: false });
        Soak { world, link, gossip, _gossips: gossips, postgres: Mutex::default() }
    }

    /// Lets these things go wrong, all at the same time, until so many more events have been acknowledged.
    async fn goes_wrong(&mut self, faults: &[Fault], more: usize) {
        let enough = self.world.book.acknowledged() + more;
        let crowd = if faults.contains(&Fault::CrowdComesBack) { Some(self.crowd().await) } else { None };
        self.gossip.is_malicious.store(faults.contains(&Fault::Gossip), Ordering::Relaxed);
        let is_mixed = faults.len() > 1;
        let again_and_again = faults.iter().map(async |fault| {
            let mut times = 0;
            while self.world.book.acknowledged() < enough || times == 0 {
                if is_mixed {
                    tokio::time::sleep(Duration::from_millis(rand::random_range(0..8000))).await;
                }
                self.once(*fault).await;
                times += 1;
            }
            eprintln!("{fault:?}: {times} times");
        });
        futures_util::future::join_all(again_and_again).await;
        self.gossip.is_malicious.store(false, Ordering::Relaxed);
        if let Some((watched, mut tasks)) = crowd {
            let came_back = watched.iter().filter(|watching| watching.begun() > 1).count();
            assert!(came_back > CROWD / 2, "{came_back} of {CROWD} came back");
            self.world.catch_up(&watched).await;
            assert!(tasks.try_join_next().is_none(), "watchers go on");
        }
    }

    /// One of these faults, from its beginning to its end.
    async fn once(&self, fault: Fault) {
        let World { services, fleet, .. } = &self.world;
        let moment = |from: u64, to: u64| tokio::time::sleep(Duration::from_millis(rand::random_range(from..to)));
        match fault {
            Fault::Nothing | Fault::Gossip => moment(100, 200).await,
            Fault::RedisKilled => {
                services.signal(Service::Redis, "KILL").await;
                moment(100, 3000).await;
                services.start_again(Service::Redis).await;
                moment(500, 3000).await;
            }
            Fault::LinkBroken => {
                let ways = [Traffic::Cut, Traffic::Stalls, Traffic::Slow, Traffic::SwallowsAnswers];
                self.link.set(ways[rand::random_range(0..ways.len())]);
                moment(500, 5000).await;
                self.link.set(Traffic::Flows);
                moment(500, 3000).await;
            }
            Fault::ReplicaKilled => {
                let victim = rand::random_range(1..REPLICAS);
                fleet.kill(victim).await;
                moment(0, 300).await;
                let _needed = self.postgres.lock().await;
                fleet.start(victim).await;
                moment(50, 800).await;
            }
            Fault::PostgresRestarted => {
                let _broken = self.postgres.lock().await;
                services.signal(Service::Postgres, "QUIT").await;
                moment(0, 500).await;
                services.start_again(Service::Postgres).await;
                moment(2000, 6000).await;
            }
            Fault::PostgresStalled => {
                let _broken = self.postgres.lock().await;
                services.signal(Service::Postgres, "STOP").await;
                tokio::time::sleep(Duration::from_secs(10)).await;
                services.signal(Service::Postgres, "CONT").await;
                moment(4000, 8000).await;
            }
            Fault::SocketsCut | Fault::CrowdComesBack => {
                self.world.cut_sockets();
                let longest = if fault == Fault::SocketsCut { 1000 } else { 12_000 };
                moment(longest / 4, longest).await;
            }
            Fault::ReadersStall => {
                let Some(base) = fleet.address(Some(0)) else { return };
                let mut socket = Socket::open_narrow(&base).await;
                socket.authenticate(&self.world.mover_token).await;
                socket.subscribe("orders", None).await;
                // Its kernel's silence may end it before ours does, when there is little to tell.
                let closed = || fleet.look(0, |process| process.log().matches("too slow").count());
                let (start, before) = (Instant::now(), closed());
                while closed() == before && start.elapsed() < UNREAD_AT_MOST {
                    moment(100, 200).await;
                }
            }
        }
    }

    /// Five thousand more sockets, which are all cut and come back at once.
    async fn crowd(&self) -> (Vec<Watching>, JoinSet<()>) {
        let (mut watched, mut tasks) = (Vec::new(), JoinSet::new());
        let habits = Habits { back_within: Duration::ZERO, ..Habits::default() };
        for number in 0..CROWD {
            let watching = Watching::new(&self.world.orders[number % ORDERS], number % 2 == 0);
            watched.push(watching.clone());
            tasks.spawn(watchers::watch(self.world.view(), vec![watching], habits));
        }
        self.world.catch_up(&watched).await;
        (watched, tasks)
    }

    /// Until what is broken has healed: writers are answered as usual, and the watchers have caught up.
    async fn quiet(&self) {
        self.world.book.begin_phase("afterwards");
        self.world.acknowledges(2000).await;
        self.world.catch_up(&self.world.watched).await;
    }
}
