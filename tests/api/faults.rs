//! What we depend on goes away: answers come in time, nothing is lost, and it heals by itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock, mpsc};
use std::time::{Duration, Instant};

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use futures_util::FutureExt;
use order_tracker::error::Error;
use order_tracker::storage::db::Db;
use secrecy::SecretString;
use serde_json::Value;

use crate::events::consistent;
use crate::support::client::{PATIENCE, all};
use crate::support::database::run;
use crate::support::people::{Order, PASSWORD, Person, email_of, move_to};
use crate::support::proxy::{Proxy, Traffic};
use crate::support::{Database, Machine, Reply, Request, TestApp, eventually, heavy, json};

/// Two seconds, and what a busy machine adds.
const IN_TIME: Duration = Duration::from_millis(2500);

struct Behind {
    postgres: Proxy,
    app: TestApp,
    uma: Person,
    max: Person,
    /// Whose sessions come and go.
    otto: Person,
    ada: Person,
    order: Order,
    other: Order,
    /// How long the slowest of `requests` takes here when all is well.
    usual: Duration,
}

/// A server that reaches Postgres through a proxy.
async fn behind_a_proxy() -> Behind {
    let database = Database::cloned();
    let postgres = Proxy::of_postgres(&database.url);
    let url = postgres.postgres_url(&database.url);
    let app = TestApp::start_on(database, |settings| {
        settings.insert("DATABASE_URL", url);
    })
    .await;
    let (uma, max, otto) = (app.user("Uma").await, app.mover("Max").await, app.user("Otto").await);
    let ada = app.admin("Ada").await;
    let (order, other) = (uma.create_order("Sofa").await, uma.create_order("Desk").await);
    let mut there = Behind { postgres, app, uma, max, otto, ada, order, other, usual: Duration::ZERO };
    there.usual = slowest(there.requests()).await.1;
    there
}

/// Sends requests at the same time: the answers, and how long the slowest took, but for what the machine stood still.
async fn slowest(requests: Vec<Request>) -> (Vec<Reply>, Duration) {
    let machine = Machine::watch();
    let attempts = requests.into_iter().map(async |request| {
        let start = Instant::now();
        (request.await, start.elapsed())
    });
    let (replies, times): (Vec<Reply>, Vec<Duration>) =
        futures_util::future::join_all(attempts).await.into_iter().unzip();
    (replies, times.into_iter().max().unwrap_or_default().saturating_sub(machine.stood_still()))
}

impl Behind {
    /// Everything that needs Postgres, reads and writes.
    fn requests(&self) -> Vec<Request> {
        let (uma, max, ada) = (&self.uma, &self.max, &self.ada);
        let order = format!("/orders/{}", self.order.id);
        let somebody = "00000000-0000-0000-0000-000000000000";
        let login = |person: &Person| json!({"email": person.email, "password": PASSWORD});
        let account = json!({"email": email_of("New", "users"), "password": PASSWORD, "name": "New"});
        let joining =
            json!({"email": email_of("New", "movers"), "password": PASSWORD, "name": "New", "invitation": "none"});
        vec![
            uma.get(&order),
            max.get("/orders"),
            uma.get(&format!("/orders/counts?q={}", uuid::Uuid::now_v7())),
            uma.get(&format!("{order}/events")),
            uma.get("/me"),
            uma.get("/me/sessions"),
            max.get("/movers"),
            ada.get("/movers/invitations"),
            uma.post("/orders", json!({"title": "Bed"})),
            max.tries(&self.order, json!({"note": "Dog"})),
            uma.patch(&order, json!({"title": uuid::Uuid::now_v7()})),
            max.put(&format!("{order}/assignee"), json!({})),
            max.delete(&format!("{order}/assignee")),
            uma.patch("/me", json!({"name": "Una"})),
            self.otto.put("/me/password", json!({"current_password": PASSWORD, "new_password": PASSWORD})),
            uma.delete(&format!("/me/sessions/{somebody}")),
            ada.post("/movers/invitations", json!({"role": "mover"})),
            ada.delete(&format!("/movers/invitations/{somebody}")),
            ada.patch(&format!("/movers/{somebody}"), json!({"active": true})),
            self.app.post("/users", account),
            self.app.post("/movers", joining),
            self.app.post("/users/sessions", login(uma)),
            self.app.post("/movers/sessions", login(max)),
            uma.tries_to_refresh(),
            max.tries_to_refresh(),
            self.app.track("0000000000"),
            self.app.page("/readyz"),
        ]
    }

    async fn all_say_503_in_time(&self) {
        let (replies, after) = slowest(self.requests()).await;
        for reply in &replies {
            assert_eq!(reply.status, 503, "{}", reply.text());
            let code = reply["code"].as_str().unwrap();
            assert!(["database_unavailable", "outcome_unknown", "overloaded"].contains(&code), "{code}");
        }
        assert!(after < IN_TIME + self.usual, "after {after:?}, usually {:?}", self.usual);
        // A batch has a result for each of its items.
        let batch =
            self.max.post("/events/batch", json!({"items": [{"order_id": self.order.id, "note": "Dog"}]})).await;
        assert!(batch.status == 503 || batch["results"][0]["status"] == 503, "{}", batch.text());
    }

    /// From now on Postgres takes its time with an event whose note is "slow".
    fn slows_down(&self, when: &str, how: &str) {
        let constraint = if how.is_empty() { "" } else { "CONSTRAINT" };
        self.app.database.run(&format!(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.7); RETURN NEW; END $$; \
             CREATE {constraint} TRIGGER slow {when} INSERT ON order_events {how} FOR EACH ROW WHEN (NEW.note = 'slow') \
             EXECUTE FUNCTION slow()"
        ));
    }

    /// Until a connection of the server's is busy with a statement like this.
    async fn waits_until_postgres_runs(&self, pattern: &str) {
        let busy = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
             AND pid <> pg_backend_pid() AND wait_event = 'PgSleep' AND query ILIKE '{pattern}'"
        );
        eventually("Postgres is at it", async || self.app.database.number(&busy) > 0).await;
    }

    /// Has a slow event written, alone or with one on another order; the codes of the problems, empty where there is none.
    async fn codes_of_slow(&self, several: bool) -> Vec<String> {
        let code = |code: &Value| code.as_str().unwrap_or_default().to_owned();
        if !several {
            let reply = self.max.tries(&self.order, json!({"note": "slow"})).await;
            return vec![code(&reply["code"])];
        }
        let items = json!([{"order_id": self.order.id, "note": "slow"}, {"order_id": self.other.id, "note": "quick"}]);
        let reply = self.max.post("/events/batch", json!({"items": items})).mixed().await;
        reply["results"].as_array().unwrap().iter().map(|result| code(&result["problem"]["code"])).collect()
    }

    async fn slow_ones(&self) -> usize {
        self.uma.history(&self.order).await.iter().filter(|event| event["note"] == "slow").count()
    }

    async fn ends_the_connection_that_writes(&self) {
        self.waits_until_postgres_runs("%INSERT INTO order_events%").await;
        self.app.database.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND query ILIKE '%INSERT INTO order_events%' AND pid <> pg_backend_pid()",
        );
    }

    async fn recovers(&self) {
        eventually("it is ready again", async || self.app.page("/readyz").await.status == 200).await;
        eventually("orders are created again", async || {
            self.uma.post("/orders", json!({"title": "Desk"})).await.status == 201
        })
        .await;
        eventually("orders are moved again", async || {
            self.max.tries(&self.order, json!({"note": "Back"})).await.status == 201
        })
        .await;
        consistent(&self.app);
    }
}

#[tokio::test]
async fn postgres_is_cut_off() {
    let there = behind_a_proxy().await;
    for _ in 0..2 {
        there.postgres.set(Traffic::Cut);
        there.all_say_503_in_time().await;
        there.app.page("/livez").await.expect(200);
        there.postgres.set(Traffic::Flows);
        there.recovers().await;
    }
}

#[tokio::test]
async fn postgres_stands_still() {
    let there = behind_a_proxy().await;
    there.postgres.set(Traffic::Stalls);
    // Again and again: nothing piles up.
    for _ in 0..3 {
        there.all_say_503_in_time().await;
    }
    let (replies, after) = slowest(vec![there.app.page("/livez")]).await;
    assert_eq!(replies[0].status, 200);
    assert!(after < Duration::from_millis(500), "{after:?}: what needs no database does not wait for it");
    there.postgres.set(Traffic::Flows);
    there.recovers().await;
}

#[tokio::test]
async fn a_crowd_in_front_of_a_postgres_that_stands_still() {
    let _one = heavy().await;
    let there = behind_a_proxy().await;
    let crowd = |there: &Behind| {
        let request = |n| match n % 2 {
            0 => there.max.tries(&there.order, json!({"note": "Dog"})),
            _ => there.uma.get("/orders"),
        };
        (0..300).map(request).collect()
    };
    let (_, usual) = slowest(crowd(&there)).await;
    there.postgres.set(Traffic::Stalls);
    let (replies, after) = slowest(crowd(&there)).await;
    for reply in replies {
        assert_eq!(reply.status, 503, "{}", reply.text());
    }
    assert!(after < IN_TIME + usual, "after {after:?}, usually {usual:?}");
    there.postgres.set(Traffic::Flows);
    there.recovers().await;
}

/// A door to Postgres of its own.
fn door(database: &Database) -> Db {
    Db::new(&SecretString::from(database.url.clone())).unwrap()
}

#[tokio::test]
async fn a_query_that_panics_takes_nothing_with_it() {
    let database = Database::cloned();
    let db = door(&database);
    for _ in 0..=2 * db.connections() {
        let panicked: Result<(), Error> = db.read(|_| panic!("as the test wants")).await;
        assert!(matches!(panicked, Err(Error::Internal(_))), "{panicked:?}");
    }
    db.read(|connection| Ok(connection.batch_execute("SELECT 1")?)).await.unwrap();
}

/// Takes all threads of a door, until the gate opens.
fn occupies(db: &Db, gate: &Arc<RwLock<()>>) -> impl Future<Output = Vec<Result<(), Error>>> + Unpin {
    let (begins, begun) = mpsc::channel();
    let mut busy = futures_util::future::join_all((0..db.connections()).map(|_| {
        let (begins, gate) = (begins.clone(), gate.clone());
        db.read(move |_| {
            begins.send(()).ok();
            drop(gate.read());
            Ok(())
        })
    }));
    assert!((&mut busy).now_or_never().is_none());
    (0..db.connections()).for_each(|_| begun.recv_timeout(PATIENCE).expect("it begins"));
    busy
}

/// With a client that hangs up, say.
#[tokio::test]
async fn what_nobody_waits_for_any_more_is_not_begun() {
    let database = Database::cloned();
    let db = door(&database);
    let gate = Arc::default();
    let closed = RwLock::write(&gate).unwrap();
    let busy = occupies(&db, &gate);
    let is_done = Arc::new(AtomicBool::new(false));
    let done = is_done.clone();
    let given_up = db.write(move |_| {
        done.store(true, Ordering::Relaxed);
        Ok(())
    });
    assert!(given_up.now_or_never().is_none(), "it is next");
    drop(closed);
    assert!(busy.await.iter().all(Result::is_ok));
    eventually("it is let go", async || Arc::strong_count(&is_done) == 1).await;
    assert!(!is_done.load(Ordering::Relaxed));
}

#[tokio::test]
async fn a_door_to_postgres_closes_while_something_runs() {
    let database = Database::cloned();
    let db = door(&database);
    let gate = Arc::default();
    let closed = RwLock::write(&gate).unwrap();
    drop(occupies(&db, &gate));
    // It would wait for ever.
    drop(db);
    drop(closed);
}

/// More than it has places for: what comes then is refused at once, and told when to come again.
#[tokio::test]
async fn a_full_journal_refuses_at_once() {
    let _one = heavy().await;
    let there = behind_a_proxy().await;
    there.postgres.set(Traffic::Stalls);
    let items = vec![json!({"order_id": there.order.id, "note": "Dog"}); 200];
    // Its places are 8,192: where no batch fits any more, single ones do, until all are taken.
    let batches = (0..45).map(|_| there.max.post("/events/batch", json!({"items": items}))).collect();
    let singles = async || {
        let machine = Machine::watch();
        let attempts = (0..300).map(async |_| {
            let start = Instant::now();
            (there.max.tries(&there.order, json!({"note": "Dog"})).await, start.elapsed())
        });
        let answers = futures_util::future::join_all(attempts).await;
        let is_refused = |reply: &Reply| reply.status == 503 && reply["code"] == "overloaded";
        let refused: Vec<_> = answers.iter().filter(|(reply, _)| is_refused(reply)).collect();
        assert!(refused.iter().all(|(reply, _)| reply.header("retry-after") == Some("1")));
        let first = refused.iter().map(|(_, after)| *after).min();
        let limit = IN_TIME + there.usual + machine.stood_still();
        assert!(answers.iter().all(|(reply, after)| reply.status == 503 && *after < limit));
        first.is_some_and(|after| after < Duration::from_millis(500))
    };
    let ((replies, after), ()) = tokio::join!(slowest(batches), eventually("it is full", singles));
    assert!(after < IN_TIME + there.usual, "after {after:?}");
    for reply in replies {
        let all_refused = || (0..200).all(|index| reply["results"][index]["status"] == 503);
        assert!(reply.status == 503 || all_refused(), "{}", reply.text());
    }
    there.postgres.set(Traffic::Flows);
    there.recovers().await;
}

/// The connection goes while Postgres commits: nobody can know, and the answer says so. One event alone is a statement
/// that commits by itself; several are a transaction.
#[tokio::test]
async fn cut_off_while_committing_nobody_knows() {
    let there = behind_a_proxy().await;
    there.slows_down("AFTER", "DEFERRABLE INITIALLY DEFERRED");
    let ways = [(false, "%INSERT INTO order_events%"), (true, "COMMIT%")];
    for (written_before, (several, at)) in ways.into_iter().enumerate() {
        let (codes, ()) = tokio::join!(there.codes_of_slow(several), async {
            there.waits_until_postgres_runs(at).await;
            there.postgres.set(Traffic::Cut);
        });
        assert!(codes.iter().all(|code| code == "outcome_unknown"), "{codes:?}");
        there.postgres.set(Traffic::Flows);
        // Who looks finds out: here, it was written.
        eventually("it is ready again", async || there.app.page("/readyz").await.status == 200).await;
        eventually("it is there", async || there.slow_ones().await == written_before + 1).await;
        there.recovers().await;
    }
}

/// The connection goes before the commit of a transaction: nothing was written. Where Postgres itself is there, it is
/// written once, on another connection.
#[tokio::test]
async fn cut_off_before_the_commit_it_is_written_once_or_not_at_all() {
    let there = behind_a_proxy().await;
    there.slows_down("BEFORE", "");
    let (codes, ()) = tokio::join!(there.codes_of_slow(true), async {
        there.waits_until_postgres_runs("%INSERT INTO order_events%").await;
        there.postgres.set(Traffic::Cut);
    });
    assert!(codes.iter().all(|code| code == "database_unavailable"), "{codes:?}");
    there.postgres.set(Traffic::Flows);
    there.recovers().await;
    assert_eq!(there.slow_ones().await, 0);

    // Only this connection is cut; the next one is good.
    let (codes, ()) = tokio::join!(there.codes_of_slow(true), there.ends_the_connection_that_writes());
    let written = there.slow_ones().await;
    match codes[0].as_str() {
        "" => assert_eq!(written, 1),
        code => assert_eq!((code, written), ("database_unavailable", 0), "it is said that nothing was written"),
    }
    there.recovers().await;
}

/// One event alone commits by itself: what Postgres was asked for when the connection went may be written, and the
/// answer says so.
#[tokio::test]
async fn one_event_that_is_cut_off_is_not_said_to_be_lost() {
    let there = behind_a_proxy().await;
    there.slows_down("BEFORE", "");
    let (codes, ()) = tokio::join!(there.codes_of_slow(false), async {
        there.waits_until_postgres_runs("%INSERT INTO order_events%").await;
        there.postgres.set(Traffic::Cut);
    });
    assert_eq!(codes, ["outcome_unknown"]);
    there.postgres.set(Traffic::Flows);
    eventually("it is ready again", async || there.app.page("/readyz").await.status == 200).await;
    eventually("it is there", async || there.slow_ones().await == 1).await;
    there.recovers().await;

    let (codes, ()) = tokio::join!(there.codes_of_slow(false), there.ends_the_connection_that_writes());
    assert_eq!(codes, ["outcome_unknown"]);
    assert_eq!(there.slow_ones().await, 1, "Postgres has rolled it back");
    there.recovers().await;
}

/// Requests go through and their answers don't. What is said to be not written is not.
#[tokio::test]
async fn without_answers_from_postgres_none_of_ours_is_untrue() {
    let there = behind_a_proxy().await;
    let orders = futures_util::future::join_all((0..10).map(|_| there.uma.create_order("Sofa"))).await;
    there.postgres.set(Traffic::SwallowsAnswers);
    let replies = all(orders.iter().map(|order| there.max.tries(order, move_to("started")))).await;
    assert!(replies.iter().all(|reply| reply.status == 503));
    // More than wait in the queue of the threads.
    let account = |n| json!({"email": format!("new{n}@example.com"), "password": PASSWORD, "name": "New"});
    let accounts = async || all((0..40).map(|n| there.app.post("/users", account(n)))).await;
    let (renamed, registered) = tokio::join!(there.uma.patch("/me", json!({"name": "Ulla"})), accounts());
    assert!(registered.iter().chain([&renamed]).all(|reply| reply.status == 503));
    there.postgres.set(Traffic::Flows);
    there.recovers().await;
    for (n, reply) in registered.iter().enumerate() {
        let email = format!("new{n}@example.com");
        let written = there.app.database.number(&format!("SELECT count(*) FROM accounts WHERE email = '{email}'")) > 0;
        assert!(!written || reply["code"] == "outcome_unknown", "{email} was written: {}", reply.text());
    }
    let is_renamed = there.uma.get("/me").await["name"] == "Ulla";
    assert!(!is_renamed || renamed["code"] == "outcome_unknown", "renamed: {}", renamed.text());
    for (order, reply) in orders.iter().zip(replies) {
        let written = there.uma.sees(order).await["version"] == 2;
        assert!(!written || reply["code"] == "outcome_unknown", "{} was written: {}", order.id, reply.text());
    }
}

#[tokio::test]
async fn a_token_is_believed_while_postgres_is_away() {
    let there = behind_a_proxy().await;
    there.postgres.set(Traffic::Cut);
    // 503, not 401: nobody is logged out by a database that is away.
    assert_eq!(there.uma.get("/me").await.status, 503);
    assert_eq!(there.uma.tries_to_refresh().await.status, 503);
    // Who logs out must not believe to be out.
    assert_eq!((there.otto.logs_out().await.status, there.max.logs_out().await.status), (503, 503));
    there.postgres.set(Traffic::Flows);
    eventually("it is back", async || there.uma.get("/me").await.status == 200).await;
    there.uma.tries_to_refresh().await.expect(200);
}

#[tokio::test]
async fn watchers_miss_nothing_of_what_happens_around_an_outage() {
    let there = behind_a_proxy().await;
    let mut watcher = there.app.watch_public(&there.order.id).await;
    let mut own = there.uma.watch(&there.order).await;
    for traffic in [Traffic::Cut, Traffic::Stalls] {
        there.postgres.set(traffic);
        there.max.tries(&there.order, json!({"message": "Lost?"})).await;
        there.postgres.set(Traffic::Flows);
        eventually("it moves again", async || {
            there.max.tries(&there.order, json!({"message": "Back"})).await.status == 201
        })
        .await;
    }
    let last = there.max.adds(&there.order, json!({"message": "Last"})).await["version"].as_i64().unwrap();
    watcher.events_until(last).await;
    own.events_until(last).await;
}

/// Postgres was restarted while nobody asked: the first to ask notices nothing.
#[tokio::test]
async fn when_all_connections_are_dead_there_are_new_ones() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let order = uma.create_order("Sofa").await;
    let path = format!("/orders/{}", order.id);
    for round in 0..4 {
        // As many as there may be.
        all((0..32).map(|_| uma.get(&path))).await;
        app.database.run(
            // Gone, not going.
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
        match round {
            0 => assert_eq!(app.page("/readyz").await.status, 200),
            1 => assert_eq!(uma.get(&path).await.status, 200),
            2 => assert_eq!(uma.get("/me").await.status, 200),
            _ => drop(uma.changes(&order, json!({"title": "Couch"})).await),
        }
    }
}

/// Connections that go while they are used cost a read another try, and a write its 503; nobody gets a 500.
#[tokio::test]
async fn connections_that_go_in_the_middle_are_no_internal_errors() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let mut cutter = app.database.connect();
    let cutting = tokio::task::spawn_blocking(move || {
        for _ in 0..40 {
            crate::support::database::run(
                &mut cutter,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            );
            std::thread::sleep(Duration::from_millis(25));
        }
    });
    let (mut asked, mut read) = (0, 0);
    while !cutting.is_finished() {
        let path = format!("/orders/{}", order.id);
        let reads = ["/orders", "/me", path.as_str(), "/orders/counts"].map(|path| uma.get(path));
        let writes = (0..2).map(|n| max.tries(&order, json!({"message": format!("{n}")})));
        asked += reads.len();
        for reply in all(reads.into_iter().chain(writes)).await {
            assert!([200, 201, 503].contains(&reply.status), "{}", reply.text());
            read += usize::from(reply.status == 200);
        }
    }
    cutting.await.unwrap();
    assert!(read * 4 > asked * 3, "{read} of {asked}: most are read at the second try");
    max.adds(&order, json!({"message": "well again"})).await;
    consistent(&app);
}

/// Somebody who has done this and does not commit.
fn holding(app: &TestApp, statement: &str) -> PgConnection {
    let mut holder = app.database.connect();
    run(&mut holder, "BEGIN");
    run(&mut holder, statement);
    holder
}

fn holding_order(app: &TestApp, order: &Order) -> PgConnection {
    holding(app, &format!("SELECT 1 FROM orders WHERE id = '{}' FOR UPDATE", order.id))
}

/// Somebody holds an order's row: its own move is refused in time, and the others are none the worse for it.
#[tokio::test]
async fn a_locked_order_does_not_hold_up_the_others() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let orders = futures_util::future::join_all((0..20).map(|_| uma.create_order("Sofa"))).await;
    let locked = &orders[7];
    let mut holder = holding_order(&app, locked);

    let (replies, after) = slowest(orders.iter().map(|order| max.tries(order, json!({"note": "Dog"}))).collect()).await;
    run(&mut holder, "ROLLBACK");
    let mut harmed = Vec::new();
    for (order, reply) in orders.iter().zip(replies) {
        if order.id == locked.id {
            assert_eq!(reply.status, 503, "{}", reply.text());
        } else if reply.status != 201 {
            harmed.push(reply.text());
        }
    }
    assert!(harmed.is_empty(), "{} neighbours were harmed: {}", harmed.len(), harmed[0]);
    assert!(after < IN_TIME + Duration::from_millis(500), "{after:?}");
    max.moves(locked, "started").await;
    consistent(&app);
}

/// Somebody, say a replica that was stopped, holds a reference without having committed it. Who wants the same one waits;
/// who creates other orders meanwhile, or changes theirs, does not.
#[tokio::test]
async fn a_reference_that_nobody_has_yet_does_not_hold_up_the_others() {
    let _one = heavy().await;
    let app = TestApp::start().await;
    let (uma, otto, max) = (app.user("Uma").await, app.user("Otto").await, app.mover("Max").await);
    let orders = futures_util::future::join_all((0..10).map(|_| otto.create_order("Sofa"))).await;
    let own = uma.create_order("Bed").await;
    let creation = format!(
        "INSERT INTO orders (id, owner_id, status, version, public_version, title, reference, created_at, updated_at) \
         VALUES ('AAAAAAAAAA', '{}', 'created', 1, 1, 'Table', 'PO-1', now(), now())",
        uma.id
    );
    let mut holder = holding(&app, &creation);

    let is_over = std::cell::Cell::new(false);
    let wanting = async {
        while !is_over.get() {
            let creations = (0..12).map(|_| uma.post("/orders", json!({"title": "Chair", "reference": "PO-1"})));
            let claim = uma.patch(&format!("/orders/{}", own.id), json!({"reference": "PO-1"}));
            for reply in all(creations.chain([claim])).await {
                assert_eq!(reply.status, 503, "{}", reply.text());
            }
        }
    };
    let neighbours = async {
        let mut times = Vec::new();
        for round in 0.. {
            let machine = Machine::watch();
            let creations = (0..5).map(|_| otto.post("/orders", json!({"title": "Lamp"})));
            let with_references =
                (0..5).map(|n| otto.post("/orders", json!({"title": "Lamp", "reference": format!("{round}-{n}")})));
            let moves = orders.iter().map(|order| max.tries(order, json!({"note": "Dog"})));
            let changes = orders[..2].iter().enumerate().map(|(n, order)| {
                otto.patch(&format!("/orders/{}", order.id), json!({"reference": format!("{round}-of-{n}")}))
            });
            let requests = creations.chain(with_references).chain(moves).chain(changes).collect();
            let (replies, after) = slowest(requests).await;
            // Then what was put off has no time left, and this round says nothing.
            if machine.stood_still() > Duration::from_secs(1) {
                continue;
            }
            for reply in replies {
                assert!([200, 201].contains(&reply.status), "{}", reply.text());
            }
            times.push(after);
            if times.len() == 10 {
                break;
            }
        }
        is_over.set(true);
        times.sort();
        times[times.len() / 2]
    };
    let ((), usually) = tokio::join!(wanting, neighbours);
    assert!(usually < Duration::from_millis(500), "{usually:?}");
    run(&mut holder, "ROLLBACK");
    uma.creates(json!({"title": "Chair", "reference": "PO-1"})).await;
    consistent(&app);
}

/// What waits for a lock is decided by what is true when it has it.
#[tokio::test]
async fn a_mover_who_is_put_out_while_an_order_is_locked_adds_nothing() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let mut holder = holding_order(&app, &order);
    let release = async {
        let waiting =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually("somebody waits for the lock", async || app.database.number(waiting) == 1).await;
        app.database.run(&format!("UPDATE accounts SET active = false WHERE id = '{}'", max.id));
        run(&mut holder, "COMMIT");
    };
    let (reply, ()) = tokio::join!(max.tries(&order, json!({"note": "Dog"})), release);
    assert!([401, 503].contains(&reply.status), "{}", reply.text());
    assert_eq!(uma.history(&order).await.len(), 1);
    consistent(&app);
}

// ---- Redis ----

/// Nothing but live updates between replicas needs Redis, and these come later.
#[tokio::test]
async fn without_redis_everything_works() {
    let app = TestApp::start_with(|settings| {
        settings.insert("REDIS_URL", "redis+unix:///nonexistent/redis.sock".into());
        settings.insert("RATE_LIMITS", "on".into());
    })
    .await;
    works(&app, Duration::from_millis(1000)).await;
}

#[tokio::test]
async fn a_redis_that_swallows_everything_holds_nothing_up() {
    let redis = Proxy::of_redis(&std::env::var("TEST_REDIS_URL").unwrap());
    let url = redis.redis_url();
    let app = TestApp::start_with(|settings| {
        settings.insert("REDIS_URL", url);
        settings.insert("RATE_LIMITS", "on".into());
    })
    .await;
    for traffic in [Traffic::Stalls, Traffic::SwallowsAnswers, Traffic::Cut] {
        redis.set(traffic);
        works(&app, Duration::from_millis(1500)).await;
    }
    redis.set(Traffic::Flows);
    works(&app, Duration::from_millis(1000)).await;
}

/// A Redis that stands still when the server starts is no reason not to start.
#[tokio::test]
async fn servers_start_without_an_answer_from_redis() {
    let redis = Proxy::of_redis(&std::env::var("TEST_REDIS_URL").unwrap());
    redis.set(Traffic::Stalls);
    let url = redis.redis_url();
    let start = Instant::now();
    let app = TestApp::start_with(|settings| {
        settings.insert("REDIS_URL", url);
    })
    .await;
    app.page("/readyz").await.expect(200);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

async fn works(app: &TestApp, limit: Duration) {
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let mut watcher = app.watch_public(&order.id).await;
    let quick = async |request: Request, status: u16| {
        let start = Instant::now();
        let reply = request.await.expect(status);
        assert!(start.elapsed() < limit, "{:?} for {}", start.elapsed(), reply.text());
        reply
    };
    app.page("/readyz").await.expect(200);
    quick(app.track(&order.id), 200).await;
    quick(max.tries(&order, move_to("started")), 201).await;
    assert_eq!(watcher.events_until(2).await.len(), 2);
    quick(uma.get("/orders"), 200).await;
    quick(uma.get("/orders/counts"), 200).await;
    quick(uma.tries_to_refresh(), 200).await;
    let start = Instant::now();
    eventually("the public view follows", async || app.track(&order.id).await.expect(200)["version"] == 2).await;
    assert!(start.elapsed() < Duration::from_millis(4500), "two seconds for each cache");
}
