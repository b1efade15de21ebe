//! Idempotency-Key: what is asked again is not done again.

use std::time::Duration;

use serde_json::Value;

use crate::support::client::{Reply, all, text};
use crate::support::people::Person;
use crate::support::process::Process;
use crate::support::{Request, TestApp, eventually, json};

fn under(key: &str, request: Request) -> Request {
    request.header("idempotency-key", key)
}

#[track_caller]
fn is_replay(reply: &Reply, of: &Reply) {
    assert_eq!(reply.header("idempotency-replayed"), Some("true"), "{}", reply.text());
    assert_eq!((reply.status, &reply.body), (of.status, &of.body));
    for name in ["location", "etag", "content-type"] {
        assert_eq!(reply.header(name), of.header(name), "{name}");
    }
}

#[tokio::test]
async fn a_creation_that_is_asked_again_is_answered_again() {
    let app = TestApp::start().await;
    let other = app.replica().await;
    let uma = app.user("Uma").await;
    let create = |by: &Person| under("po-1881", by.post("/orders", json!({"title": "Sofa"})));
    let first = create(&uma).await.expect(201);
    assert_eq!(first.header("idempotency-replayed"), None);
    // Whatever has become of it meanwhile; on any replica; by a program of the same account; in quotes.
    app.mover("Max").await.moves(&crate::support::Order::of(first.json.clone()), "started").await;
    is_replay(&create(&uma).await, &first);
    is_replay(&create(&uma.at(&other)).await, &first);
    is_replay(&create(&uma.with_key(&["orders:write"]).await).await, &first);
    is_replay(&under("\"po-1881\"", uma.post("/orders", json!({"title": "Sofa"}))).await, &first);
    assert_eq!(app.database.number("SELECT count(*) FROM orders"), 1);

    // Another account's key is another one, and a new key another order.
    create(&app.user("Otto").await).await.expect(201);
    under("po-1882", uma.post("/orders", json!({"title": "Sofa"}))).await.expect(201);
    assert_eq!(app.database.number("SELECT count(*) FROM orders"), 3);
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let (order, other) = (uma.create_order("Sofa").await, uma.create_order("Lamp").await);
    let event = |id: &str, body: Value| under("k", max.post(&format!("/orders/{id}/events"), body));
    event(&order.id, json!({"note": "Dog"})).await.expect(201);
    for different in [
        event(&order.id, json!({"note": "Cat"})),
        event(&other.id, json!({"note": "Dog"})),
        under("k", max.post("/events/batch", json!({"items": [{"order_id": order.id, "note": "Dog"}]}))),
    ] {
        different.await.refused(422, "idempotency_key_reused");
    }
    assert_eq!(uma.history(&order).await.len(), 2);
    let batch = json!({"items": [{"title": "Sofa"}]});
    under("b", uma.post("/orders/batch", batch.clone())).await.expect(200);
    under("b", uma.post("/orders/batch?atomic=true", batch)).await.refused(422, "idempotency_key_reused");
}

#[tokio::test]
async fn an_event_s_answer_comes_before_the_state_is_looked_at() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let start = || under("start", max.tries(&order, json!({"status": "started", "expected_status": "created"})));
    let first = start().await.expect(201);
    // Without the key it could not be done now.
    max.tries(&order, json!({"status": "started"})).await.refused(409, "illegal_move");
    is_replay(&start().await, &first);
    assert_eq!(uma.history(&order).await.len(), 2);
}

#[tokio::test]
async fn what_was_refused_may_be_mended_under_the_same_key() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    uma.creates(json!({"title": "Sofa", "reference": "PO-1"})).await;
    let create = |body| under("k", uma.post("/orders", body));
    create(json!({"title": ""})).await.refused(422, "validation_failed");
    create(json!({"title": "Sofa", "reference": "PO-1"})).await.refused(409, "reference_taken");
    create(json!({"title": "Sofa", "reference": "PO-2"})).await.expect(201);
    create(json!({"title": "Sofa", "reference": "PO-3"})).await.refused(422, "idempotency_key_reused");

    let order = uma.create_order("Lamp").await;
    let complete = || under("k", max.tries(&order, json!({"status": "completed"})));
    complete().await.refused(409, "illegal_move");
    max.moves_through(&order, &["started", "in_progress"]).await;
    complete().await.expect(201);
    assert_eq!(app.database.number("SELECT count(*) FROM idempotency_keys"), 2);

    let all_or_none = |reference: &str| {
        let items = json!({"items": [{"title": "Bed"}, {"title": "Chair", "reference": reference}]});
        under("batch", uma.post("/orders/batch?atomic=true", items))
    };
    all_or_none("PO-1").await.refused(422, "batch_refused");
    assert_eq!(app.database.number("SELECT count(*) FROM orders"), 3);
    let made = all_or_none("PO-4").await.expect(200);
    is_replay(&all_or_none("PO-4").await, &made);
    assert_eq!(app.database.number("SELECT count(*) FROM orders"), 5);
}

#[tokio::test]
async fn a_mixed_batch_is_kept_as_it_was_answered() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let (order, done) = (uma.create_order("Sofa").await, uma.create_order("Lamp").await);
    max.moves(&done, "started").await;
    let items = json!({"items": [
        {"order_id": order.id, "status": "started"},
        {"order_id": done.id, "status": "started"},
        {"order_id": "0000000000", "note": "Dog"},
        {"order_id": order.id, "status": "flying"},
    ]});
    let send = || under("batch", max.post("/events/batch", items.clone())).mixed();
    let first = send().await.expect(200);
    let statuses: Vec<_> = first["results"].as_array().unwrap().iter().map(|result| result["status"].clone()).collect();
    assert_eq!(statuses, [201, 409, 404, 422]);
    // With the names of its problems.
    is_replay(&send().await, &first);
    // One in which nothing could even be asked, too.
    let nothing = || under("nothing", max.post("/events/batch", json!({"items": [{"order_id": order.id}]}))).mixed();
    let first = nothing().await.expect(200);
    is_replay(&nothing().await, &first);
    // And one with a single item that was refused, whatever has become possible since.
    let taken = uma.creates(json!({"title": "Old", "reference": "PO-1"})).await;
    let single = || {
        under("single", uma.post("/orders/batch", json!({"items": [{"title": "New", "reference": "PO-1"}]}))).mixed()
    };
    let first = single().await.expect(200);
    assert_eq!(first["results"][0]["status"], 409);
    uma.adds(&taken, json!({"status": "cancelled", "reason": "other"})).await;
    is_replay(&single().await, &first);
    assert_eq!(uma.history(&order).await.len(), 2);
}

#[tokio::test]
async fn a_hundred_copies_at_once_make_one_order() {
    let app = TestApp::start().await;
    let other = app.replica().await;
    let uma = app.user("Uma").await;
    let elsewhere = uma.at(&other);
    for (round, path, body) in [
        (1, "/orders", json!({"title": "Sofa"})),
        (2, "/orders/batch", json!({"items": [{"title": "Sofa"}, {"title": "Lamp"}]})),
    ] {
        let copy =
            |n| under(&format!("copies-{round}"), if n % 2 == 0 { &uma } else { &elsewhere }.post(path, body.clone()));
        let replies = all((0..100).map(copy)).await;
        let done: Vec<&Reply> = replies.iter().filter(|reply| reply.status < 300).collect();
        let first =
            done.iter().find(|reply| reply.header("idempotency-replayed").is_none()).expect("one that was first");
        for reply in &replies {
            match reply.status {
                409 => {
                    assert_eq!(reply["code"], "idempotency_in_progress");
                    assert!(reply.header("retry-after").is_some());
                }
                _ if reply.header("idempotency-replayed").is_none() => {
                    assert_eq!(reply.body, first.body, "another first one")
                }
                _ => is_replay(reply, first),
            }
        }
        assert_eq!(done.iter().filter(|reply| reply.header("idempotency-replayed").is_none()).count(), 1);
        is_replay(&copy(0).await, first);
    }
    assert_eq!(app.database.number("SELECT count(*) FROM orders"), 3);
    assert_eq!(app.database.number("SELECT count(*) FROM order_events"), 3);
}

#[tokio::test]
async fn a_copy_is_refused_at_once_while_the_first_is_at_work_and_harms_nobody() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    // Somebody is at work on the key, and does not finish.
    let lock = {
        use sha2::{Digest, Sha256};
        let account: uuid::Uuid = uma.id.parse().unwrap();
        let digest = Sha256::new().chain_update(account).chain_update("slow").finalize();
        i64::from_be_bytes(digest[..8].try_into().unwrap())
    };
    let mut holder = app.database.connect();
    crate::support::database::run(&mut holder, &format!("BEGIN; SELECT pg_advisory_xact_lock({lock})"));
    let started = std::time::Instant::now();
    let copy = || under("slow", uma.post("/orders", json!({"title": "Sofa"})));
    let batch = || under("slow", uma.post("/orders/batch", json!({"items": [{"title": "Sofa"}]})));
    let mut requests = vec![copy(), batch(), copy()];
    requests.extend((0..20).map(|_| uma.post("/orders", json!({"title": "Neighbour"}))));
    for (n, reply) in all(requests).await.into_iter().enumerate() {
        match n {
            0..3 => _ = reply.refused(409, "idempotency_in_progress"),
            _ => _ = reply.expect(201),
        }
    }
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    crate::support::database::run(&mut holder, "ROLLBACK");
    copy().await.expect(201);
}

#[tokio::test]
async fn what_is_no_key_is_refused_and_nothing_written() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let create = |key: &[u8]| uma.post("/orders", json!({"title": "Sofa"})).header("idempotency-key", key);
    for key in [&b""[..], b"\"\"", b"\"open", b"\"a\" b\"", "schlüssel".as_bytes(), b"\xff", "x".repeat(256).as_bytes()]
    {
        create(key).await.refused(400, "invalid_idempotency_key");
    }
    assert_eq!(app.database.number("SELECT count(*) FROM orders"), 0);
    create("x".repeat(255).as_bytes()).await.expect(201);
    // Who it is, and whether there is something, come before.
    uma.with_token("x").post("/orders", json!({})).header("idempotency-key", "").await.refused(401, "invalid_token");
    let nowhere = uma.post("/orders/0000000000/events", json!({"note": "Dog"})).header("idempotency-key", "");
    nowhere.await.refused(404, "not_found");
}

#[tokio::test]
async fn keys_are_kept_for_seven_days_and_swept() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let create = |key| under(key, uma.post("/orders", json!({"title": "Sofa"})));
    for key in ["old", "young"] {
        create(key).await.expect(201);
    }
    app.database.run("UPDATE idempotency_keys SET created_at = now() - interval '7 days 1 hour' WHERE key = 'old'");
    app.database.run("UPDATE idempotency_keys SET created_at = now() - interval '6 days 23 hours' WHERE key = 'young'");
    let mut connection = app.database.connect();
    assert_eq!(order_tracker::storage::idempotency_keys::sweep(&mut connection, 1000).unwrap(), 1);
    assert_eq!(create("young").await.expect(201).header("idempotency-replayed"), Some("true"));
    assert_eq!(create("old").await.expect(201).header("idempotency-replayed"), None);
}

/// Keys do not make a client slow, nor its neighbours: they go with the others' transactions.
#[tokio::test]
async fn many_keys_at_once() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let creations = (0..200)
        .map(|n| under(&format!("c{n}"), uma.post("/orders", json!({"title": "Sofa", "reference": n.to_string()}))));
    let orders: Vec<String> =
        all(creations).await.into_iter().map(|reply| text(&reply.expect(201)["id"]).to_owned()).collect();
    for _ in 0..2 {
        let moves =
            orders.iter().map(|id| under(id, max.post(&format!("/orders/{id}/events"), json!({"status": "started"}))));
        all(moves).await.into_iter().for_each(|reply| _ = reply.expect(201));
    }
    assert_eq!(app.database.number("SELECT count(*) FROM order_events"), 400);
    assert_eq!(app.database.number("SELECT count(*) FROM idempotency_keys"), 400);
}

/// Killed between commit and answer: who asks again gets the answer that was lost.
#[tokio::test]
async fn a_lost_answer_can_be_asked_for_again() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let create = || under("lost", uma.post("/orders", json!({"title": "Sofa"})));
    // The client goes as soon as the order is there.
    let asking = tokio::spawn(create().try_send());
    eventually("it is written", async || app.database.number("SELECT count(*) FROM orders") == 1).await;
    asking.abort();
    let again = create().await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let id = text(&again["id"]).to_owned();
    assert_eq!(app.database.value("SELECT id FROM orders").as_deref(), Some(&id[..]));
}

/// Postgres may be at work for a moment on what the dead have asked.
async fn once_it_is_settled(request: impl Fn() -> Request) -> Reply {
    let mut settled = None;
    eventually("it is settled", async || {
        let reply = request().await;
        let is_settled = reply.status != 409 || reply["code"] != "idempotency_in_progress";
        settled = Some(reply);
        is_settled
    })
    .await;
    settled.expect("it was asked")
}

/// A server is killed in the middle of many, and those that got no answer are asked again elsewhere. Five times, and until some
/// had got theirs and some had not.
#[tokio::test]
async fn whoever_is_killed_while_writing_has_written_once_or_not_at_all() {
    let _alone = crate::support::heavy().await;
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let (mut answered, mut lost, mut round) = (0, 0, 0);
    while round < 5 || answered == 0 || lost == 0 {
        assert!(round < 40, "nobody was killed in the middle: {answered} answered, {lost} lost");
        let mut process = Process::serves(app.environment()).await;
        let there = uma.at_base(&process.base);
        let order = |by: &Person, n| {
            under(
                &format!("{round}-{n}"),
                by.post("/orders", json!({"title": "Sofa", "reference": format!("{round}-{n}")})),
            )
        };
        let batch = |by: &Person, n| {
            under(
                &format!("{round}-b{n}"),
                by.post("/orders/batch", json!({"items": vec![json!({"title": "Lamp"}); 20]})),
            )
        };
        let asked: Vec<_> = (0..60).map(|n| tokio::spawn(order(&there, n).try_send())).collect();
        let batches: Vec<_> = (0..5).map(|n| tokio::spawn(batch(&there, n).try_send())).collect();
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..80))).await;
        process.kill();
        for (n, asked) in asked.into_iter().enumerate() {
            let first = asked.await.expect("nothing panics").ok().filter(|reply| reply.status == 201);
            let again = once_it_is_settled(|| order(&uma, n)).await.expect(201);
            match first {
                Some(first) => {
                    is_replay(&again, &first);
                    answered += 1;
                }
                None => lost += 1,
            }
        }
        for (n, asked) in batches.into_iter().enumerate() {
            let first = asked.await.expect("nothing panics").ok().filter(|reply| reply.status == 200);
            let again = once_it_is_settled(|| batch(&uma, n)).await.expect(200);
            if let Some(first) = first {
                is_replay(&again, &first);
            }
        }
        round += 1;
        assert_eq!(app.database.number("SELECT count(*) FROM orders"), round * (60 + 5 * 20));
    }
}
