//! What we depend on goes away: answers come in time, nothing is lost, and it heals by itself.

use std::time::{Duration, Instant};

use diesel::prelude::*;

use crate::events::consistent;
use crate::support::people::{Order, Person, move_to};
use crate::support::proxy::{Proxy, Traffic};
use crate::support::{Database, Reply, Request, TestApp, eventually, heavy, json};

/// Two seconds, and what a busy machine adds.
const IN_TIME: Duration = Duration::from_millis(2500);

struct Behind {
    postgres: Proxy,
    app: TestApp,
    uma: Person,
    max: Person,
    order: Order,
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
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    Behind { postgres, app, uma, max, order }
}

impl Behind {
    /// Everything that needs Postgres, reads and writes.
    fn requests(&self) -> Vec<Request> {
        let credentials = json!({"email": self.uma.email, "password": "correct horse"});
        vec![
            self.uma.get(&format!("/orders/{}", self.order.id)),
            self.max.get("/orders"),
            self.uma.get("/orders/counts"),
            self.uma.get("/me/sessions"),
            self.max.get("/movers"),
            self.uma.post("/orders", json!({"title": "Bed"})),
            self.max.tries(&self.order, json!({"note": "Dog"})),
            self.uma.patch(&format!("/orders/{}", self.order.id), json!({"title": "Couch"})),
            self.app.post("/users/sessions", credentials),
            self.uma.tries_to_refresh(),
            self.uma.logs_out(),
            self.app.track("0000000000"),
            self.app.page("/readyz"),
        ]
    }

    async fn all_say_503_in_time(&self) {
        let attempts = self.requests().into_iter().map(async |request| {
            let start = Instant::now();
            let reply = request.await;
            (reply, start.elapsed())
        });
        for (reply, after) in futures_util::future::join_all(attempts).await {
            assert_eq!(reply.status, 503, "{}", reply.text());
            assert!(after < IN_TIME, "after {after:?}: {}", reply.text());
            let code = reply["code"].as_str().unwrap();
            assert!(["database_unavailable", "outcome_unknown", "overloaded"].contains(&code), "{code}");
        }
    }

    async fn recovers(&self) {
        eventually("it is ready again", async || self.app.page("/readyz").await.status == 200).await;
        eventually("orders are created again", async || {
            self.uma.post("/orders", json!({"title": "Desk"})).await.status == 201
        })
        .await;
        eventually("orders are moved again", async || self.max.tries(&self.order, json!({"note": "Back"})).await.status == 201).await;
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
    let start = Instant::now();
    there.app.page("/livez").await.expect(200);
    assert!(start.elapsed() < Duration::from_millis(500), "what needs no database does not wait for it");
    there.postgres.set(Traffic::Flows);
    there.recovers().await;
}

#[tokio::test]
async fn a_crowd_in_front_of_a_postgres_that_stands_still() {
    let _one = heavy().await;
    let there = behind_a_proxy().await;
    there.postgres.set(Traffic::Stalls);
    let attempts = (0..300).map(async |n| {
        let start = Instant::now();
        let reply = match n % 2 {
            0 => there.max.tries(&there.order, json!({"note": "Dog"})).await,
            _ => there.uma.get("/orders").await,
        };
        assert_eq!(reply.status, 503, "{}", reply.text());
        start.elapsed()
    });
    let slowest = futures_util::future::join_all(attempts).await.into_iter().max().unwrap();
    assert!(slowest < IN_TIME + Duration::from_millis(500), "{slowest:?}");
    there.postgres.set(Traffic::Flows);
    there.recovers().await;
}

/// The request goes through, its answer does not: nobody can know, and the answer says so.
#[tokio::test]
async fn nobody_knows_whether_it_was_written() {
    let there = behind_a_proxy().await;
    there.postgres.set(Traffic::SwallowsAnswers);
    let reply = there.max.tries(&there.order, move_to("started")).await;
    reply.refused(503, "outcome_unknown");
    let reply = there.uma.patch("/me", json!({"name": "Una"})).await;
    assert_eq!(reply.status, 503);
    there.postgres.set(Traffic::Flows);
    there.recovers().await;
    // Who looks finds out.
    let history = there.uma.history(&there.order).await;
    assert!(history.iter().filter(|event| event["status"] == "started").count() <= history.len());
    consistent(&there.app);
}

#[tokio::test]
async fn a_token_is_believed_while_postgres_is_away() {
    let there = behind_a_proxy().await;
    there.postgres.set(Traffic::Cut);
    // 503, not 401: nobody is logged out by a database that is away.
    assert_eq!(there.uma.get("/me").await.status, 503);
    assert_eq!(there.uma.tries_to_refresh().await.status, 503);
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
    // Somebody else's process writes behind our back; repair finds it.
    let last = there.max.adds(&there.order, json!({"message": "Last"})).await["version"].as_i64().unwrap();
    watcher.events_until(last).await;
    own.events_until(last).await;
}

/// Somebody holds an order's row: its own move waits and is refused in time, other orders are moved meanwhile.
#[tokio::test]
async fn a_locked_order_does_not_hold_up_the_others_for_long() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let (locked, free) = (uma.create_order("Sofa").await, uma.create_order("Bed").await);
    let mut holder = app.database.connect();
    diesel::sql_query("BEGIN").execute(&mut holder).unwrap();
    diesel::sql_query(format!("SELECT 1 FROM orders WHERE id = '{}' FOR UPDATE", locked.id)).execute(&mut holder).unwrap();

    let timed = async |order: &Order| -> (Reply, Duration) {
        let start = Instant::now();
        (max.tries(order, json!({"note": "Dog"})).await, start.elapsed())
    };
    let ((stuck, after), (moved, _)) = tokio::join!(timed(&locked), timed(&free));
    assert_eq!(stuck.status, 503, "{}", stuck.text());
    assert!(after < IN_TIME, "{after:?}");
    moved.expect(201);
    diesel::sql_query("ROLLBACK").execute(&mut holder).unwrap();
    max.moves(&locked, "started").await;
    consistent(&app);
}

// ---- Redis ----

/// Nothing but live updates between replicas needs Redis, and these come later.
#[tokio::test]
async fn without_redis_everything_works() {
    let app = TestApp::start_with(|settings| {
        settings.insert("REDIS_URL", "redis+unix:///nonexistent/redis.sock".into());
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
