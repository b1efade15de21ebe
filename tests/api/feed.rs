//! The feed, read from cursor to cursor.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::client::{PATIENCE, text};
use crate::support::database::{Backup, run};
use crate::support::people::{Order, Person};
use crate::support::{TestApp, eventually, json};

/// Somebody who reads on from where they were.
struct Reader {
    person: Person,
    query: &'static str,
    cursor: String,
    events: Vec<Value>,
}

impl Reader {
    fn new(person: &Person, query: &'static str) -> Reader {
        Reader { person: person.clone(), query, cursor: String::new(), events: Vec::new() }
    }

    /// Until there is nothing more now.
    async fn reads_on(&mut self) -> usize {
        let before = self.events.len();
        loop {
            let page = self.person.get(&format!("/events?after={}{}", self.cursor, self.query)).await.expect(200);
            self.events.extend(page.data().iter().cloned());
            self.cursor = text(&page["next_cursor"]).to_owned();
            if page["has_more"] == false {
                return self.events.len() - before;
            }
            // Where it had to look through many for a few.
            assert!(!page.data().is_empty() || self.query.contains("types="));
        }
    }

    fn orders_and_versions(&self) -> Vec<(&str, i64)> {
        self.events.iter().map(|event| (text(&event["order_id"]), event["version"].as_i64().unwrap())).collect()
    }
}

/// Each order's versions from 1 on, each once.
fn is_complete(reader: &Reader, orders: usize, events: usize) {
    let mut newest = HashMap::new();
    for (order, version) in reader.orders_and_versions() {
        let before: i64 = newest.insert(order.to_owned(), version).unwrap_or(0);
        assert_eq!(version, before + 1, "{order} after {before}");
    }
    assert_eq!((newest.len(), reader.events.len()), (orders, events));
}

#[tokio::test]
async fn everybody_reads_what_they_may_see_and_movers_need_to_be_admins() {
    let app = TestApp::start().await;
    let (uma, otto, max, ada) =
        (app.user("Uma").await, app.user("Otto").await, app.mover("Max").await, app.admin("Ada").await);
    let mut readers = [Reader::new(&uma, "&limit=2"), Reader::new(&otto, ""), Reader::new(&ada, "&limit=3")];
    for reader in &mut readers {
        assert_eq!(reader.reads_on().await, 0);
    }
    let (sofa, lamp) = (uma.create_order("Sofa").await, otto.create_order("Lamp").await);
    max.moves_through(&sofa, &["started", "in_progress", "completed"]).await;
    max.adds(&lamp, json!({"note": "Dog"})).await;
    for (reader, count) in readers.iter_mut().zip([4, 2, 6]) {
        assert_eq!(reader.reads_on().await, count);
        assert_eq!(reader.reads_on().await, 0);
    }
    assert_eq!(readers[0].events, uma.history(&sofa).await);
    assert_eq!(readers[1].events, otto.history(&lamp).await);
    is_complete(&readers[2], 2, 6);
    max.get("/events").await.refused(403, "admin_only");

    // Only some types, and from now on.
    let page = uma.get("/events?types=order.created&types=order.noted").await.expect(200);
    assert_eq!(page.data().iter().map(|event| text(&event["type"])).collect::<Vec<_>>(), ["order.created"]);
    let now = uma.get("/events?after=latest").await.expect(200);
    assert!(now.data().is_empty());
    let change = uma.patch(&format!("/orders/{}", sofa.id), json!({"title": "Couch"}));
    change.await.refused(409, "order_closed");
    let bed = uma.create_order("Bed").await;
    let page = uma.get(&format!("/events?after={}", text(&now["next_cursor"]))).await.expect(200);
    assert_eq!(page.data()[0]["order_id"], bed.id);
}

/// Nor is what came after a number that was rolled back long ago, also for a server that has just started.
#[tokio::test]
async fn what_was_there_before_is_not_new() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    uma.create_order("Sofa").await;
    app.database.number("SELECT nextval(pg_get_serial_sequence('order_events', 'seq'))");
    uma.create_order("Lamp").await;
    // Anybody's long transaction, in any database, leaves it open whether the number comes: there are other tests.
    eventually("only what is new", async || {
        let there = uma.at(&app.replica().await);
        let now = there.get("/events?after=latest").await.expect(200);
        let bed = uma.create_order("Bed").await;
        let page = there.get(&format!("/events?after={}", text(&now["next_cursor"]))).await.expect(200);
        page.data().iter().map(|event| text(&event["order_id"])).eq([&bed.id[..]])
    })
    .await;
}

/// Of a rare type there may be none among millions: no page looks through all of them.
#[tokio::test]
async fn what_is_rare_is_found_page_by_page() {
    let app = TestApp::start().await;
    let (uma, ada) = (app.user("Uma").await, app.admin("Ada").await);
    let sofa = uma.create_order("Sofa").await;
    app.database.run(&format!(
        "INSERT INTO order_events (order_id, version, type, public, previous_public_version, status, note, actor_id, actor_role,
             actor_name, changed, occurred_at, recorded_at, owner_id)
         SELECT id, n, 'order.noted', false, 1, status, 'Dog', owner_id, 'user', 'Uma', '', now(), now(), owner_id
         FROM orders, generate_series(2, 45000) AS n WHERE id = '{id}';
         UPDATE orders SET version = 45000 WHERE id = '{id}'",
        id = sofa.id
    ));
    ada.takes(&sofa).await;
    for person in [&uma, &ada] {
        let mut reader = Reader::new(person, "&types=order.assignee_changed");
        assert_eq!(reader.reads_on().await, 1);
        assert_eq!(reader.events[0]["version"], 45001);
        let first = person.get("/events?types=order.assignee_changed").await.expect(200);
        assert_eq!((first.data().len(), &first["has_more"]), (0, &json!(true)), "it does not look through all at once");
        // Among those that match, nothing is passed over.
        let mut reader = Reader::new(person, "&types=order.assignee_changed&types=order.created&limit=1");
        assert_eq!(reader.reads_on().await, 2);
    }
}

#[tokio::test]
async fn what_is_no_cursor_is_refused() {
    let app = TestApp::start().await;
    let (uma, otto) = (app.user("Uma").await, app.user("Otto").await);
    let cursor = text(&otto.get("/events").await.expect(200)["next_cursor"]).to_owned();
    for after in ["1", "x", "-1", &cursor] {
        uma.get(&format!("/events?after={after}")).await.refused(400, "invalid_cursor");
    }
    for query in ["types=all", "limit=0", "limit=101", "limit=x", "after=&after=", "since=1"] {
        uma.get(&format!("/events?{query}")).await.refused(400, "invalid_parameter");
    }
}

/// Writes an event as the journal does, in a transaction that the caller ends.
fn writes_slowly(app: &TestApp, order: &Order) -> diesel::PgConnection {
    let mut connection = app.database.connect();
    run(
        &mut connection,
        &format!(
            "BEGIN;
             UPDATE orders SET version = version + 1 WHERE id = '{id}';
             INSERT INTO order_events (order_id, version, type, public, previous_public_version, status, note, actor_id, actor_role,
                 actor_name, changed, occurred_at, recorded_at, owner_id)
             SELECT id, version, 'order.noted', false, 1, status, 'Dog', owner_id, 'user', 'Uma', '', now(), now(), owner_id
             FROM orders WHERE id = '{id}'",
            id = order.id
        ),
    );
    connection
}

#[tokio::test]
async fn what_commits_late_is_waited_for_and_what_is_rolled_back_is_not() {
    let app = TestApp::start().await;
    let (uma, ada) = (app.user("Uma").await, app.admin("Ada").await);
    let (slow, undone, quick) = (uma.create_order("A").await, uma.create_order("B").await, uma.create_order("C").await);
    let mut readers = [Reader::new(&uma, ""), Reader::new(&ada, "&limit=1")];
    for reader in &mut readers {
        assert_eq!(reader.reads_on().await, 3);
    }
    let mut late = writes_slowly(&app, &slow);
    let mut rolled_back = writes_slowly(&app, &undone);
    ada.adds(&quick, json!({"note": "Cat"})).await;
    // It is there, but something with a lower number may come yet.
    for reader in &mut readers {
        assert_eq!(reader.reads_on().await, 0);
    }
    run(&mut rolled_back, "ROLLBACK");
    tokio::time::sleep(Duration::from_millis(50)).await;
    for reader in &mut readers {
        assert_eq!(reader.reads_on().await, 0);
    }
    run(&mut late, "COMMIT");
    let since = Instant::now();
    for reader in &mut readers {
        eventually("both come", async || {
            reader.reads_on().await;
            reader.events.len() == 5
        })
        .await;
        let order = reader.orders_and_versions();
        assert_eq!(order[3..], [(&slow.id[..], 2), (&quick.id[..], 2)]);
    }
    // Nobody has to wait for what was rolled back.
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
}

/// What comes next has numbers that were read already: whoever went on would miss it without a word.
#[tokio::test]
async fn a_cursor_of_what_never_happened_is_refused() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    uma.create_order("Sofa").await;
    let backup = Backup::of(&app.database);
    let mut reader = Reader::new(&uma, "");
    uma.create_order("Lamp").await;
    assert_eq!(reader.reads_on().await, 2);
    backup.restore();
    uma.get(&format!("/events?after={}", reader.cursor)).await.refused(400, "invalid_cursor");
    assert_eq!(Reader::new(&uma, "").reads_on().await, 1);
}

/// Thousands of numbers that were drawn for nothing do not hide one that comes late; and what is not wanted draws none.
#[tokio::test]
async fn many_that_are_rolled_back_hide_nobody() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let (slow, quick) = (uma.create_order("A").await, uma.create_order("B").await);
    let mut reader = Reader::new(&uma, "");
    assert_eq!(reader.reads_on().await, 2);
    let mut late = writes_slowly(&app, &slow);
    let drawn = || app.database.number("SELECT last_value FROM order_events_seq_seq");
    let before = drawn();
    let items: Vec<_> = (0..500).map(|_| json!({"title": "Dry"})).collect();
    uma.post("/orders/batch?dry_run=true", json!({"items": items})).await.expect(200);
    assert_eq!(drawn(), before);
    app.database.run("SELECT count(nextval('order_events_seq_seq')) FROM generate_series(1, 25000)");
    app.admin("Ada").await.adds(&quick, json!({"note": "Cat"})).await;
    for _ in 0..5 {
        assert_eq!(reader.reads_on().await, 0);
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    run(&mut late, "COMMIT");
    eventually("both come", async || {
        reader.reads_on().await;
        reader.events.len() == 4
    })
    .await;
    assert_eq!(reader.orders_and_versions()[2..], [(&slow.id[..], 2), (&quick.id[..], 2)]);
}

#[tokio::test]
async fn nothing_is_missed_and_nothing_comes_twice_however_transactions_interleave() {
    let app = TestApp::start().await;
    let other = app.replica().await;
    let (uma, ada) = (app.user("Uma").await, app.admin("Ada").await);
    // How many events there are in all, once that is known.
    let all_there_are = Arc::new(AtomicUsize::new(usize::MAX));
    // Those who read meanwhile: at both replicas, own orders and all.
    let read = |mut reader: Reader| {
        let all_there_are = all_there_are.clone();
        tokio::spawn(async move {
            while reader.events.len() < all_there_are.load(Ordering::Relaxed) {
                reader.reads_on().await;
            }
            // And no more.
            reader.reads_on().await;
            reader
        })
    };
    let readers = [
        read(Reader::new(&uma, "&limit=7")),
        read(Reader::new(&uma.at(&other), "&limit=100")),
        read(Reader::new(&ada, "&limit=100")),
        read(Reader::new(&ada.at(&other), "&limit=1")),
    ];
    // Writers through the journals, some by hand who commit late, and some who roll back.
    let mut orders = Vec::new();
    for n in 0..30 {
        let person = if n % 2 == 0 { uma.clone() } else { uma.at(&other) };
        orders.push(person.create_order("Sofa").await);
    }
    let by_hand = app.database.shared();
    let slow: Vec<Order> = orders.split_off(20);
    let hand = std::thread::spawn({
        let slow = slow.clone();
        move || {
            let mut written = 0;
            for round in 0..20 {
                let mut open: Vec<_> = slow.iter().map(|_| by_hand.connect()).collect();
                for (n, order) in slow.iter().enumerate() {
                    let id = &order.id;
                    run(
                        &mut open[n],
                        &format!(
                            "BEGIN; UPDATE orders SET version = version + 1 WHERE id = '{id}';
                             INSERT INTO order_events (order_id, version, type, public, previous_public_version, status, note,
                                 actor_id, actor_role, actor_name, changed, occurred_at, recorded_at, owner_id)
                             SELECT id, version, 'order.noted', false, 1, status, 'Dog', owner_id, 'user', 'Uma', '', now(), now(), owner_id
                             FROM orders WHERE id = '{id}'"
                        ),
                    );
                }
                // The last first, every third not at all.
                for (n, connection) in open.iter_mut().enumerate().rev() {
                    let rolls_back = (n + round) % 3 == 0;
                    run(connection, if rolls_back { "ROLLBACK" } else { "COMMIT" });
                    written += usize::from(!rolls_back);
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
            written
        }
    });
    let mut through_journals = 0;
    while !hand.is_finished() {
        let notes = orders.iter().enumerate().map(|(n, order)| {
            let person = if n % 3 == 0 { ada.at(&other) } else { ada.clone() };
            person.post(&format!("/orders/{}/events", order.id), json!({"note": "Cat"}))
        });
        for reply in crate::support::client::all(notes).await {
            reply.expect(201);
            through_journals += 1;
        }
    }
    let by_hand = hand.join().unwrap();
    let all = 30 + by_hand + through_journals;
    all_there_are.store(all, Ordering::Relaxed);
    for reader in readers {
        let reader = tokio::time::timeout(PATIENCE, reader).await.expect("all of them come");
        is_complete(&reader.unwrap(), 30, all);
    }
}
