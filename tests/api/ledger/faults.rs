//! One fault after the other, in short. `make soak` has the long ones, and all of them mixed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::World;
use super::gossip::Gossip;
use super::watchers::{Habits, Watching};
use super::writers::{self, Pace};
use crate::support::Socket;
use crate::support::heavy;
use crate::support::process::Process;
use crate::support::proxy::{Proxy, Traffic};
use crate::support::services::Service;

/// What was not announced is found in Postgres within this.
const REPAIRED_WITHIN: Duration = Duration::from_secs(5);
/// A write is answered within two seconds; a busy machine adds.
const ANSWERED_WITHIN: Duration = Duration::from_millis(3000);

fn often() -> Pace {
    Pace::of(Duration::from_millis(5))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_breaks() {
    let _one = heavy().await;
    let mut world = World::start(2, 20).await;
    world.watch(40, 3, Habits::default());
    world.write(4, often());
    world.all_watch().await;
    world.acknowledges(500).await;
    let report = world.settle().await;
    report.holds().within(REPAIRED_WITHIN).undisturbed(ANSWERED_WITHIN);
    assert_eq!((report.connections, report.not_opened, report.closed.len()), (40, 0, 0), "all sockets stay");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_killed_three_times() {
    let _one = heavy().await;
    let mut world = World::start(2, 20).await;
    world.watch(40, 3, Habits::default());
    world.write(4, often());
    world.all_watch().await;
    for _ in 0..3 {
        world.acknowledges(100).await;
        world.services.signal(Service::Redis, "KILL").await;
        world.acknowledges(100).await;
        world.services.start_again(Service::Redis).await;
    }
    world.acknowledges(100).await;
    let report = world.settle().await;
    report.holds().within(REPAIRED_WITHIN).undisturbed(ANSWERED_WITHIN);
    assert_eq!(report.connections, 40, "all sockets stay");
}

/// Cut, stalled and slow by turns, while the other replicas carry on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_replicas_link_to_redis_breaks() {
    let _one = heavy().await;
    let mut world = World::without_replicas().await;
    world.add_replica(|_| {}).await;
    let redis = Proxy::of_redis(&world.services.redis_url);
    let url = redis.redis_url();
    world.add_replica(|settings| drop(settings.insert("REDIS_URL", url))).await;
    world.add_replica(|_| {}).await;
    world.create_orders(20).await;
    world.watch(40, 3, Habits::default());
    world.write(4, often());
    world.all_watch().await;
    for traffic in [Traffic::Cut, Traffic::Stalls, Traffic::Slow, Traffic::SwallowsAnswers] {
        redis.set(traffic);
        let start = Instant::now();
        world.acknowledges(100).await;
        // Long enough for a silent link to be given up.
        tokio::time::sleep_until((start + Duration::from_millis(3500)).into()).await;
        redis.set(Traffic::Flows);
        world.acknowledges(100).await;
    }
    let report = world.settle().await;
    report.holds().within(REPAIRED_WITHIN).undisturbed(ANSWERED_WITHIN);
    assert_eq!(report.connections, 40, "all sockets stay");
}

/// What they commit at last is never announced: shortly before the end they lose Redis.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_are_killed_at_random_moments() {
    let _one = heavy().await;
    let mut world = World::without_replicas().await;
    world.add_replica(|_| {}).await;
    let redis = Proxy::of_redis(&world.services.redis_url);
    for _ in 0..2 {
        world.add_replica(|settings| drop(settings.insert("REDIS_URL", redis.redis_url()))).await;
    }
    world.create_orders(20).await;
    // Two thirds of the watchers live through it at the one replica that is not killed.
    world.watch(30, 3, Habits { replica: Some(0), ..Habits::default() });
    world.watch(15, 3, Habits::default());
    world.write(6, often());
    world.all_watch().await;
    for kill in 0..20 {
        tokio::time::sleep(Duration::from_millis(rand::random_range(20..250))).await;
        let victim = 1 + kill % 2;
        redis.set(Traffic::Stalls);
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..60))).await;
        world.fleet.kill(victim).await;
        redis.set(Traffic::Flows);
        world.fleet.start(victim).await;
    }
    world.acknowledges(100).await;
    let report = world.settle().await;
    report.holds().within(REPAIRED_WITHIN);
    assert!(report.longest_delay() > Duration::from_millis(50), "nothing had to be found in Postgres");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_restarted_and_stands_still() {
    let _one = heavy().await;
    let mut world = World::start(2, 20).await;
    world.watch(40, 3, Habits::default());
    world.write(6, often());
    world.all_watch().await;
    for _ in 0..2 {
        world.acknowledges(100).await;
        world.services.signal(Service::Postgres, "QUIT").await;
        world.services.start_again(Service::Postgres).await;
    }
    world.acknowledges(100).await;
    world.book.take_slowest_answer();
    let refused = world.book.not_acknowledged();
    world.services.signal(Service::Postgres, "STOP").await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    world.services.signal(Service::Postgres, "CONT").await;
    assert!(world.book.not_acknowledged() - refused >= 6 * 3, "each writer was refused every two seconds");
    world.acknowledges(100).await;
    let slowest = world.book.take_slowest_answer();
    eprintln!("while Postgres stood still, the slowest answer took {slowest:?}");
    assert!(slowest < ANSWERED_WITHIN, "an answer took {slowest:?}");
    world.settle().await.holds();
}

/// Each of two replicas hears the other through somebody who tells things late, twice, not at all, and in any order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn announcements_come_late_twice_and_in_the_wrong_order() {
    let _one = heavy().await;
    let mut world = World::without_replicas().await;
    for prefix in ["ledger-a:", "ledger-b:"] {
        world.add_replica(|settings| drop(settings.insert("REDIS_PREFIX", prefix.into()))).await;
    }
    let gossip = Arc::new(Gossip::default());
    gossip.is_malicious.store(true, Ordering::Relaxed);
    let _tasks = gossip.between(&world.services.redis_url, ["ledger-a:events", "ledger-b:events"]);
    world.create_orders(20).await;
    world.watch(40, 3, Habits::default());
    world.write(6, often());
    world.all_watch().await;
    world.acknowledges(1500).await;
    world.settle().await.holds().within(REPAIRED_WITHIN).undisturbed(ANSWERED_WITHIN);
    for (what, count) in
        [("swallowed", &gossip.swallowed), ("repeated", &gossip.repeated), ("out of order", &gossip.out_of_order)]
    {
        assert!(count.load(Ordering::Relaxed) > 10, "{what}: {count:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_are_cut_at_random() {
    let _one = heavy().await;
    let mut world = World::start(2, 20).await;
    world.watch(100, 3, Habits { cuts_after: Some(Duration::from_millis(400)), ..Habits::default() });
    world.write(4, often());
    world.all_watch().await;
    world.acknowledges(1000).await;
    let report = world.settle().await;
    report.holds().undisturbed(ANSWERED_WITHIN);
    assert!(report.connections > 200, "{} connections", report.connections);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_sockets_come_back_at_once() {
    const WATCHERS: usize = 5000;
    let _one = heavy().await;
    let mut world = World::start(2, 500).await;
    world.write(2, often());
    world.watch(WATCHERS, 1, Habits { back_within: Duration::ZERO, ..Habits::default() });
    world.all_watch().await;
    let begun: Vec<usize> = world.watched.iter().map(Watching::begun).collect();
    world.cut_sockets();
    let start = Instant::now();
    let is_back = |(watching, before): (&Watching, &usize)| watching.begun() > *before;
    while !world.watched.iter().zip(&begun).all(is_back) {
        assert!(start.elapsed() < Duration::from_secs(60), "not all come back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    eprintln!("{WATCHERS} sockets were back after {:?}", start.elapsed());
    world.acknowledges(100).await;
    world.settle().await.holds();
}

/// They are closed with 4408 before they cost more than their share of memory, and nobody else waits for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_stop_reading_are_closed() {
    const STALLED: usize = 10;
    // What the server holds is shared, four megabytes at most; for each socket 32 frames more are on their way.
    const MEMORY: u64 = 24 * 1024 * 1024;
    let _one = heavy().await;
    let mut world = World::start(1, 20).await;
    world.watch(10, 3, Habits::default());
    world.all_watch().await;
    // What the load itself takes is not theirs.
    world.write(4, Pace { pause: Duration::from_millis(2), batch: 50, is_verbose: true });
    world.acknowledges(1000).await;
    let before = world.fleet.look(0, Process::memory);
    let mut most = before;
    let base = world.fleet.address(None).expect("a replica");
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        let mut socket = Socket::open_narrow(&base).await;
        socket.authenticate(&world.mover_token).await;
        socket.subscribe("orders", None).await;
        stalled.push(socket);
    }
    let start = Instant::now();
    let closed = || world.fleet.look(0, |process| process.log().matches("too slow").count());
    while closed() < STALLED {
        assert!(start.elapsed() < Duration::from_secs(100), "{} of {STALLED} are closed", closed());
        world.acknowledges(50).await;
        most = most.max(world.fleet.look(0, Process::memory));
    }
    for socket in &mut stalled {
        assert_eq!(socket.closing_code().await, 4408);
    }
    let grown = most - before;
    eprintln!("{} KiB for {STALLED} that have stalled", grown / 1024);
    let report = world.settle().await;
    report.holds().within(REPAIRED_WITHIN).undisturbed(ANSWERED_WITHIN);
    assert_eq!(report.connections, 10, "all others stay");
    assert!(grown < MEMORY, "{grown} bytes for {STALLED} that have stalled");
}

/// Two thousand moves of one order, while a hundred come and go. `make soak` has ten thousand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_order_moves_again_and_again() {
    moves_one_order(2_000).await;
}

pub async fn moves_one_order(times: usize) {
    let _one = heavy().await;
    let mut world = World::start(2, 1).await;
    let comes_and_goes = Habits {
        unsubscribes_after: Some(Duration::from_millis(150)),
        cuts_after: Some(Duration::from_secs(2)),
        ..Habits::default()
    };
    world.watch(100, 1, comes_and_goes);
    world.all_watch().await;
    let order = world.orders[0].clone();
    let http = reqwest::Client::new();
    for batch in 0..times / 100 {
        let base = world.fleet.address(None).expect("a replica");
        let texts: Vec<_> = (0..100).map(|number| format!("{batch}-{number}")).collect();
        let there_and_back = [json!({"status": "on_hold", "reason": "other"}), json!({"status": "started"})];
        let items: Vec<_> = std::iter::zip(there_and_back.iter().cycle().cloned(), &texts)
            .map(|(mut item, text)| {
                (item["order_id"], item["message"]) = (json!(order), json!(text));
                item
            })
            .collect();
        let request = http.post(format!("{base}/api/v1/events/batch")).bearer_auth(&world.mover_token);
        let answer: Value =
            request.json(&json!({ "items": items })).send().await.expect("an answer").json().await.expect("JSON");
        for (text, result) in texts.into_iter().zip(answer["results"].as_array().expect("results")) {
            world.book.note(text, writers::outcome(&result["status"], result, &result["problem"]));
        }
    }
    let report = world.settle().await;
    assert_eq!(report.holds().acknowledged(), times);
}
