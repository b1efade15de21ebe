//! Many events in one request.

use serde_json::Value;

use crate::events::consistent;
use crate::support::client::{all, text};
use crate::support::people::Order;
use crate::support::{TestApp, json};

#[tokio::test]
async fn each_item_has_its_own_result_in_the_order_of_the_items() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let (sofa, bed) = (uma.create_order("Sofa").await, uma.create_order("Bed").await);
    let items = json!([
        {"order_id": sofa.id, "status": "started"},
        {"order_id": bed.id, "status": "completed"},
        {"order_id": "0000000000", "status": "started"},
        {"order_id": "no such ID", "status": "started"},
        {"order_id": sofa.id, "status": "on_hold"},
        {"order_id": sofa.id.to_lowercase(), "status": "in_progress", "expected_status": "started"},
        {"order_id": sofa.id, "status": "completed", "expected_status": "created"},
        {"status": "started", "colour": "red"},
        "nonsense",
        {"order_id": bed.id, "note": "Dog"},
        {"order_id": bed.id},
    ]);
    let reply = max.post("/events/batch", json!({"items": items})).mixed().await.expect(200);
    let results = reply["results"].as_array().unwrap();
    let codes: Vec<&str> =
        results.iter().map(|result| result["problem"]["code"].as_str().unwrap_or("written")).collect();
    assert_eq!(
        codes,
        [
            "written",
            "illegal_move",
            "not_found",
            "not_found",
            "validation_failed",
            "written",
            "status_changed",
            "validation_failed",
            "validation_failed",
            "written",
            "validation_failed"
        ]
    );
    for result in results {
        assert_eq!(
            result["status"],
            if result["problem"].is_null() { json!(201) } else { result["problem"]["status"].clone() }
        );
    }
    assert_eq!(results[1]["problem"]["allowed"], json!(["started", "on_hold", "cancelled"]));
    assert_eq!(pointers(&results[7]), ["/colour", "/order_id"]);
    assert_eq!((&results[5]["event"]["version"], &results[5]["order"]["status"]), (&json!(3), &json!("in_progress")));
    assert_eq!(results[6]["problem"]["order"]["status"], "in_progress", "items on one order follow one another");
    assert_eq!((uma.history(&sofa).await.len(), uma.history(&bed).await.len()), (3, 2));
    consistent(&app);
}

/// Every answer is checked against the contract, each result too.
#[tokio::test]
async fn refusals_in_a_batch_keep_to_the_contract() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let sofa = uma.create_order("Sofa").await;
    let items = json!([
        {"order_id": sofa.id, "status": "completed"},
        {"order_id": sofa.id, "status": "started"},
        {"order_id": sofa.id, "undo": true},
        {"order_id": sofa.id, "status": "started", "expected_status": "on_hold"},
        {"order_id": "0000000000", "note": "Dog"},
        {"order_id": sofa.id, "status": "on_hold"},
        {"order_id": sofa.id, "note": "x", "occurred_at": "2020-01-01T00:00:00Z"},
    ]);
    let reply = max.post("/events/batch", json!({"items": items})).await.expect(200);
    let statuses: Vec<i64> =
        reply["results"].as_array().unwrap().iter().map(|result| result["status"].as_i64().unwrap()).collect();
    assert_eq!(statuses, [409, 201, 201, 409, 404, 422, 422]);
}

/// Existence goes before the body, in a batch as anywhere.
#[tokio::test]
async fn what_is_not_there_is_not_there_however_wrong_the_item_is() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let items = json!([
        {"order_id": order.id, "status": "moving"},
        {"order_id": "0000000000", "status": "moving"},
        {"order_id": "no such ID", "shout": true},
        {"status": "moving"},
        {"order_id": order.id, "status": "started"},
    ]);
    let reply = max.post("/events/batch", json!({"items": items})).mixed().await.expect(200);
    let statuses: Vec<i64> =
        reply["results"].as_array().unwrap().iter().map(|result| result["status"].as_i64().unwrap()).collect();
    assert_eq!(statuses, [422, 404, 404, 422, 201]);
}

#[tokio::test]
async fn two_hundred_events_of_one_order() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let mut watcher = app.watch_public(&order.id).await;
    let items: Vec<Value> = (0..200)
        .map(|n| match n % 2 {
            0 => json!({"order_id": order.id, "message": format!("message {n}")}),
            _ => json!({"order_id": order.id, "note": format!("note {n}")}),
        })
        .collect();
    let reply = max.post("/events/batch", json!({"items": items})).await.expect(200);
    let versions: Vec<i64> = reply["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["event"]["version"].as_i64().unwrap())
        .collect();
    assert_eq!(versions, (2..=201).collect::<Vec<_>>());
    assert_eq!(watcher.events_until(200).await.len(), 101);
    consistent(&app);
}

#[tokio::test]
async fn what_a_batch_must_be() {
    let app = TestApp::start().await;
    let max = app.mover("Max").await;
    let batch = |body: Value| max.post("/events/batch", body);
    batch(json!({})).await.invalid(&[("/items", "missing")]);
    batch(json!({"items": {}})).await.invalid(&[("/items", "wrong_type")]);
    batch(json!({"items": []})).await.invalid(&[("/items", "too_short")]);
    let item = json!({"order_id": "0000000000", "note": "x"});
    batch(json!({"items": vec![item.clone(); 201], "mode": "all"}))
        .await
        .invalid(&[("/items", "too_many"), ("/mode", "unknown_field")]);
    batch(json!([item])).await.invalid(&[("", "wrong_type")]);
}

#[tokio::test]
async fn a_batch_may_have_two_mebibytes_and_not_a_byte_more() {
    let app = TestApp::start().await;
    let max = app.mover("Max").await;
    let body = |length: usize| {
        let start = r#"{"items":[{"order_id":"0000000000","note":"x"}]"#;
        format!("{start}{}}}", " ".repeat(length - start.len() - 1))
    };
    let send = |length| max.request(reqwest::Method::POST, "/events/batch").body("application/json", body(length));
    let most = send(2 * 1024 * 1024).await.expect(200);
    assert_eq!(most["results"][0]["status"], 404);
    send(2 * 1024 * 1024 + 1).await.refused(413, "body_too_large");
}

/// Postgres refuses what the journal thought was fine; the entries beside it are none the worse.
#[tokio::test]
async fn one_entry_that_postgres_refuses_harms_no_other() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let (sofa, bed) = (uma.create_order("Sofa").await, uma.create_order("Bed").await);
    app.database.run(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE check_violation USING MESSAGE = 'refused'; END $$; \
         CREATE TRIGGER refuse BEFORE INSERT ON order_events FOR EACH ROW WHEN (NEW.note = 'refuse this') EXECUTE FUNCTION refuse()",
    );
    let items = json!([
        {"order_id": sofa.id, "status": "started"},
        {"order_id": sofa.id, "note": "refuse this"},
        {"order_id": sofa.id, "status": "in_progress"},
        {"order_id": bed.id, "status": "started"},
    ]);
    let reply = max.post("/events/batch", json!({"items": items})).await.expect(200);
    let statuses: Vec<i64> =
        reply["results"].as_array().unwrap().iter().map(|result| result["status"].as_i64().unwrap()).collect();
    assert_eq!(statuses, [201, 500, 201, 201]);
    assert!(!reply.text().contains("check_violation") && !reply.text().contains("refuse this"), "{}", reply.text());
    let notes: Vec<String> = uma.history(&sofa).await.iter().map(|event| text(&event["status"]).to_owned()).collect();
    assert_eq!(notes, ["created", "started", "in_progress"]);
    assert_eq!(uma.history(&bed).await.len(), 2);
    consistent(&app);
}

/// A reference that is taken makes Postgres refuse the whole transaction; everybody who was in it is served.
#[tokio::test]
async fn a_taken_reference_harms_nobody_else_in_its_transaction() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let holder = uma.creates(json!({"title": "Sofa", "reference": "PO-1"})).await;
    let orders: Vec<Order> = futures_util::future::join_all((0..20).map(|_| uma.create_order("Bed"))).await;
    let patches = orders.iter().map(|order| {
        let patch = if order.id == orders[7].id { json!({"reference": "PO-1"}) } else { json!({"description": "Red"}) };
        uma.patch(&format!("/orders/{}", order.id), patch)
    });
    let moves = orders.iter().map(|order| max.tries(order, json!({"status": "started"})));
    let creations =
        (0..20).map(|n| uma.post("/orders", json!({"title": "New", "reference": format!("PO-{}", n % 10)})));
    let (patched, moved, created) = tokio::join!(all(patches), all(moves), all(creations));
    for (number, reply) in patched.into_iter().enumerate() {
        if number == 7 {
            assert_eq!(reply.refused(409, "reference_taken")["order_id"], holder.id.as_str());
        } else {
            reply.expect(200);
        }
    }
    assert!(moved.iter().all(|reply| reply.status == 201));
    let new = created.iter().filter(|reply| reply.status == 201).count();
    assert_eq!(new, 9, "one of each but PO-1");
    for reply in created.into_iter().filter(|reply| reply.status != 201) {
        reply.refused(409, "reference_taken");
    }
    consistent(&app);
}

/// The same with many: who asks for what they can't have costs the others nothing, and no answer is lost.
#[tokio::test]
async fn many_taken_references_harm_nobody_else() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let holder = uma.creates(json!({"title": "Sofa", "reference": "PO-1"})).await;
    let orders: Vec<Order> = futures_util::future::join_all((0..60).map(|_| uma.create_order("Bed"))).await;
    let (wrong, fine) = orders.split_at(40);
    let patches = wrong.iter().map(|order| uma.patch(&format!("/orders/{}", order.id), json!({"reference": "PO-1"})));
    // All of these want one reference that is free: one gets it.
    let claims = fine.iter().map(|order| uma.patch(&format!("/orders/{}", order.id), json!({"reference": "PO-2"})));
    let moves = fine.iter().map(|order| max.tries(order, json!({"status": "started"})));
    let (patched, claimed, moved) = tokio::join!(all(patches), all(claims), all(moves));
    for reply in patched {
        assert_eq!(reply.refused(409, "reference_taken")["order_id"], holder.id.as_str());
    }
    assert_eq!(claimed.iter().filter(|reply| reply.status == 200).count(), 1);
    assert_eq!(claimed.iter().filter(|reply| reply.status == 409).count(), 19);
    assert!(moved.iter().all(|reply| reply.status == 201));
    consistent(&app);
}

/// A cancellation that is taken back claims its reference again.
#[tokio::test]
async fn an_undo_among_others_meets_a_reference_that_was_used_again() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let first = uma.creates(json!({"title": "Sofa", "reference": "PO-1"})).await;
    max.moves(&first, "cancelled").await;
    let second = uma.creates(json!({"title": "Sofa", "reference": "PO-1"})).await;
    let others: Vec<Order> = futures_util::future::join_all((0..20).map(|_| uma.create_order("Bed"))).await;
    let moves = others.iter().map(|order| max.tries(order, json!({"status": "started"})));
    let (undone, moved) = tokio::join!(max.tries(&first, json!({"undo": true})).send(), all(moves));
    assert_eq!(undone.refused(409, "reference_taken")["order_id"], second.id.as_str());
    assert!(moved.iter().all(|reply| reply.status == 201));
    consistent(&app);
}

fn pointers(result: &Value) -> Vec<&str> {
    let mut pointers: Vec<&str> =
        result["problem"]["errors"].as_array().expect("errors").iter().map(|error| text(&error["pointer"])).collect();
    pointers.sort();
    pointers
}
