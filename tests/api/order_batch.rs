//! Many orders at once.

use std::time::Instant;

use serde_json::Value;

use crate::support::client::text;
use crate::support::{TestApp, json};

fn statuses(reply: &crate::support::client::Reply) -> Vec<i64> {
    reply["results"].as_array().unwrap().iter().map(|result| result["status"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn each_has_its_own_result() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let taken = uma.creates(json!({"title": "Old", "reference": "PO-1"})).await;
    let mut watcher = uma.watch_all().await;
    let items = json!({"items": [
        {"title": "Sofa", "reference": "PO-2", "metadata": {"floor": "3"}},
        {"title": "Lamp", "reference": "PO-1"},
        {"title": "", "colour": "red"},
        {"title": "Bed", "reference": "PO-2"},
        "Chair",
        {"title": "Chair"},
    ]});
    let reply = uma.post("/orders/batch", items).mixed().await.expect(200);
    assert_eq!(statuses(&reply), [201, 409, 422, 409, 422, 201]);
    let results = &reply["results"];
    assert_eq!(
        (&results[0]["order"]["reference"], &results[0]["order"]["status"]),
        (&json!("PO-2"), &json!("created"))
    );
    assert_eq!(
        (&results[1]["problem"]["code"], &results[1]["problem"]["order_id"]),
        (&json!("reference_taken"), &json!(taken.id))
    );
    let pointers: Vec<&str> =
        results[2]["problem"]["errors"].as_array().unwrap().iter().map(|error| text(&error["pointer"])).collect();
    assert_eq!(pointers, ["/title", "/colour"]);
    assert_eq!(results[3]["problem"]["order_id"], results[0]["order"]["id"], "of the same batch");
    assert_eq!(app.database.number("SELECT count(*) FROM orders"), 3);
    for _ in 0..2 {
        assert_eq!(watcher.next_event().await["type"], "order.created");
    }
}

#[tokio::test]
async fn atomic_is_all_or_none_with_every_problem() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    uma.creates(json!({"title": "Old", "reference": "PO-1"})).await;
    let send = |items: Value| uma.post("/orders/batch?atomic=true", json!({"items": items}));
    let both_kinds =
        json!([{"title": "Sofa"}, {"title": "Lamp", "reference": "PO-1"}, {"titel": "Bed"}, {"title": "Chair"}]);
    let problem = send(both_kinds).await.refused(422, "batch_refused");
    let problems: Vec<_> = problem["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["index"].clone(), one["problem"]["code"].clone()))
        .collect();
    assert_eq!(problems, [(json!(1), json!("reference_taken")), (json!(2), json!("validation_failed"))]);
    let one = json!([{"title": "Sofa", "reference": "PO-9"}, {"title": "Lamp", "reference": "PO-9"}]);
    let problem = send(one).await.refused(422, "batch_refused");
    assert_eq!(problem["problems"][0]["index"], 1);
    // The other one is in the same batch: it is none that anybody could look at.
    assert_eq!(problem["problems"][0]["problem"].get("order_id"), None);
    assert_eq!(app.database.number("SELECT count(*) FROM orders"), 1);

    let reply = send(json!([{"title": "Sofa", "reference": "PO-9"}, {"title": "Lamp"}])).await.expect(200);
    assert_eq!(statuses(&reply), [201, 201]);
    assert_eq!(app.database.number("SELECT count(*) FROM orders"), 3);
}

#[tokio::test]
async fn a_dry_run_writes_nothing_and_says_the_same() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    uma.creates(json!({"title": "Old", "reference": "PO-1"})).await;
    let items = json!({"items": [{"title": "Sofa", "reference": "PO-2"}, {"title": "Lamp", "reference": "PO-1"}, {}]});
    let send = |query: &str| uma.post(&format!("/orders/batch{query}"), items.clone()).mixed();
    for query in ["?dry_run=true", "?dry_run=true&atomic=true"] {
        let dry = send(query).header("idempotency-key", "k").await.expect(200);
        assert_eq!(statuses(&dry), [201, 409, 422]);
        assert_eq!(dry["results"][0]["order"], json!(null));
    }
    assert_eq!(app.database.number("SELECT count(*) FROM orders"), 1);
    assert_eq!(app.database.number("SELECT count(*) FROM idempotency_keys"), 0);
    assert_eq!(statuses(&send("").header("idempotency-key", "k").await.expect(200)), [201, 409, 422]);
    assert_eq!(app.database.number("SELECT count(*) FROM orders"), 2);
}

#[tokio::test]
async fn what_is_no_batch_is_refused_as_a_whole() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let send = |body| uma.post("/orders/batch", body);
    send(json!({})).await.invalid(&[("/items", "missing")]);
    send(json!({"items": []})).await.invalid(&[("/items", "too_short")]);
    send(json!({"items": {}, "atomic": true})).await.invalid(&[("/items", "wrong_type"), ("/atomic", "unknown_field")]);
    let many = |count: usize| json!({"items": vec![json!({"title": "Sofa"}); count]});
    send(many(501)).await.invalid(&[("/items", "too_many")]);
    uma.post("/orders/batch?atomic=yes", many(1)).await.refused(400, "invalid_parameter");
    let large = json!({"items": [{"title": "Sofa", "description": "x".repeat(2 * 1024 * 1024)}]});
    send(large).await.refused(413, "body_too_large");
    assert_eq!(app.database.number("SELECT count(*) FROM orders"), 0);
    assert_eq!(statuses(&send(many(500)).await.expect(200)), vec![201; 500]);
}

/// Not a measurement: that is `make bench`. But a load of this size must not take a minute.
#[tokio::test]
async fn twenty_thousand_orders_in_forty_calls() {
    let _alone = crate::support::heavy().await;
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let started = Instant::now();
    for call in 0..40 {
        let item =
            |n| json!({"title": "Sofa, three seats", "reference": format!("{call}-{n}"), "metadata": {"floor": "3"}});
        let items: Vec<Value> = (0..500).map(item).collect();
        let request = uma.post("/orders/batch", json!({"items": items})).off_contract();
        let reply = request.header("idempotency-key", format!("load-{call}")).await.expect(200);
        assert!(statuses(&reply).iter().all(|status| *status == 201));
    }
    println!("{:.0} orders/s", 20_000.0 / started.elapsed().as_secs_f64());
    assert_eq!(app.database.number("SELECT count(*) FROM orders"), 20_000);
}
