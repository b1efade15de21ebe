//! Many at once, through two replicas: exactly the right number succeed, and no answer says what is not so.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::Value;

use crate::events::consistent;
use crate::support::client::text;
use crate::support::people::{Order, Person, move_to};
use crate::support::{Reply, TestApp, heavy, json};

const MANY: usize = 200;

#[tokio::test]
async fn two_movers_move_at_once_and_one_wins() {
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let (uma, max, eve) = (app.user("Uma").await, app.mover("Max").await, app.mover("Eve").await.at(&replica));
    for _ in 0..20 {
        let order = uma.create_order("Sofa").await;
        let (one, other) =
            tokio::join!(max.tries(&order, move_to("started")).send(), eve.tries(&order, move_to("started")).send());
        let (winner, loser) = if one.status == 201 { (one, other) } else { (other, one) };
        assert_eq!(winner.expect(201)["event"]["version"], 2);
        let problem = loser.refused(409, "illegal_move");
        assert_eq!((&problem["order_status"], &problem["version"]), (&json!("started"), &json!(2)));
        assert_eq!(sorted(&problem["allowed"]), ["cancelled", "in_progress", "on_hold"]);
        assert_eq!(uma.history(&order).await.len(), 2);
    }
}

#[tokio::test]
async fn two_hundred_start_the_same_order() {
    let _one = heavy().await;
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let (uma, max, eve) = (app.user("Uma").await, app.mover("Max").await, app.mover("Eve").await.at(&replica));
    let order = uma.create_order("Sofa").await;
    let replies = join_all((0..MANY).map(|n| by_turns(n, &max, &eve).tries(&order, move_to("started")).send())).await;
    let (written, refused): (Vec<Reply>, Vec<Reply>) = replies.into_iter().partition(|reply| reply.status == 201);
    assert_eq!(written.len(), 1);
    for reply in refused {
        let problem = reply.refused(409, "illegal_move");
        assert_eq!((&problem["order_status"], &problem["version"]), (&json!("started"), &json!(2)));
    }
    let history = uma.history(&order).await;
    assert_eq!((history.len(), &history[1]), (2, &written[0]["event"]));
    consistent(&app);
}

/// All kinds of moves, undo and notes at once: the history is one that the state machine allows, and every answer is true.
#[tokio::test]
async fn two_hundred_do_different_things_to_one_order() {
    let _one = heavy().await;
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let (uma, max, eve) = (app.user("Uma").await, app.mover("Max").await, app.mover("Eve").await.at(&replica));
    let order = uma.create_order("Sofa").await;
    let mut watcher = app.watch_public(&order.id).await;
    let mut elsewhere = eve.watch(&order).await;
    let asks = [
        move_to("started"),
        move_to("in_progress"),
        move_to("on_hold"),
        json!({"undo": true}),
        json!({"message": "Soon"}),
        json!({"note": "Dog"}),
        json!({"status": "in_progress", "expected_status": "started"}),
        move_to("completed"),
    ];
    let tries =
        (0..MANY).map(|n| by_turns(n / asks.len(), &max, &eve).tries(&order, asks[n % asks.len()].clone()).send());
    let replies = join_all(tries).await;
    let written: Vec<&Reply> = replies.iter().filter(|reply| reply.status == 201).collect();
    let history = max.history(&order).await;
    assert_eq!(history.len(), written.len() + 1, "what was answered is what was written");
    for reply in &written {
        let version = reply["event"]["version"].as_u64().unwrap() as usize;
        assert_eq!(reply["event"], history[version - 1]);
        assert_eq!(
            (&reply["order"]["version"], &reply["order"]["status"]),
            (&json!(version), &history[version - 1]["status"])
        );
    }
    for (n, reply) in replies.iter().enumerate().filter(|(_, reply)| reply.status != 201) {
        assert_eq!(reply.status, 409, "{}", reply.text());
        match text(&reply["code"]) {
            "illegal_move" => {
                let asked = text(&asks[n % asks.len()]["status"]);
                assert!(!sorted(&reply["allowed"]).contains(&asked), "{asked}: {}", reply.text());
                let version = reply["version"].as_u64().unwrap() as usize;
                assert_eq!(reply["order_status"], history[version - 1]["status"], "it stood there at that version");
            }
            "status_changed" => {
                assert_ne!(reply["order"]["status"], "started");
                let version = reply["order"]["version"].as_u64().unwrap() as usize;
                assert_eq!(reply["order"]["status"], history[version - 1]["status"]);
            }
            code => assert_eq!(code, "undo_not_allowed"),
        }
    }
    for pair in
        history.windows(2).filter(|pair| pair[1]["type"] == "order.status_changed" && pair[1]["undoes"].is_null())
    {
        let (from, to) = (text(&pair[0]["status"]), text(&pair[1]["status"]));
        assert!(table(from).contains(&to), "{from} to {to}");
    }
    let newest_public =
        history.iter().rev().find(|event| event["public"] == true).unwrap()["version"].as_i64().unwrap();
    watcher.events_until(newest_public).await;
    elsewhere.events_until(history.len() as i64).await;
    consistent(&app);
}

#[tokio::test]
async fn two_hundred_messages_are_all_written() {
    let _one = heavy().await;
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let (uma, max, eve) = (app.user("Uma").await, app.mover("Max").await, app.mover("Eve").await.at(&replica));
    let order = uma.create_order("Sofa").await;
    let mut watcher = replica.watch_public(&order.id).await;
    let tries = (0..MANY).map(|n| by_turns(n, &max, &eve).tries(&order, json!({"message": format!("{n}")})).send());
    let versions: BTreeSet<u64> = join_all(tries)
        .await
        .into_iter()
        .map(|reply| reply.expect(201)["event"]["version"].as_u64().unwrap())
        .collect();
    assert_eq!(versions, (2..=MANY as u64 + 1).collect());
    watcher.events_until(MANY as i64 + 1).await;
    consistent(&app);
}

#[tokio::test]
async fn two_hundred_create_with_the_same_reference() {
    let _one = heavy().await;
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let (uma, otto) = (app.user("Uma").await, app.user("Otto").await);
    let there = uma.at(&replica);
    let body = json!({"title": "Sofa", "reference": "PO-1881"});
    // Somebody else's order with the same reference is in nobody's way.
    let (replies, ottos) = tokio::join!(
        join_all((0..MANY).map(|n| by_turns(n, &uma, &there).post("/orders", body.clone()).send())),
        join_all((0..4).map(|_| otto.post("/orders", body.clone()).send()))
    );
    for replies in [replies, ottos] {
        let (created, refused): (Vec<Reply>, Vec<Reply>) = replies.into_iter().partition(|reply| reply.status == 201);
        assert_eq!(created.len(), 1);
        for reply in refused {
            assert_eq!(reply.refused(409, "reference_taken")["order_id"], created[0]["id"]);
        }
    }
    assert_eq!(app.database.number("SELECT count(*) FROM orders"), 2);
    consistent(&app);
}

/// Different things that meet in one transaction and in two.
#[tokio::test]
async fn all_kinds_of_changes_of_many_orders_at_once() {
    let _one = heavy().await;
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let (uma, max, eve) = (app.user("Uma").await, app.mover("Max").await, app.mover("Eve").await.at(&replica));
    let there = uma.at(&replica);
    let orders: Vec<Order> = join_all((0..20).map(|_| uma.create_order("Sofa"))).await;
    let changes = orders.iter().cycle().take(MANY / 2).enumerate().map(|(n, order)| {
        let path = format!("/orders/{}", order.id);
        let (owner, mover) = (by_turns(n, &uma, &there), by_turns(n, &max, &eve));
        match n / 20 % 5 {
            0 => mover.tries(order, move_to("started")).send(),
            1 => owner.patch(&path, json!({"title": format!("Sofa {n}")})).send(),
            2 => mover.put(&format!("{path}/assignee"), json!({})).send(),
            3 => owner.patch(&path, json!({"reference": format!("PO-{}", n % 5)})).send(),
            _ => mover.post("/events/batch", json!({"items": [{"order_id": order.id, "note": "a"}, {"order_id": orders[n % 7].id, "note": "b"}]})).send(),
        }
    });
    for reply in join_all(changes).await {
        assert!([200, 201, 409].contains(&reply.status), "{}", reply.text());
    }
    let holders = app.database.number("SELECT count(*) FROM orders WHERE reference IS NOT NULL");
    let references = app.database.number("SELECT count(DISTINCT reference) FROM orders WHERE reference IS NOT NULL");
    assert_eq!((holders, references), (5, 5));
    consistent(&app);
}

/// Two people register with one email at the same moment.
#[tokio::test]
async fn one_email_registers_once() {
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let body = json!({"email": "uma@shop.example", "password": "correct horse", "name": "Uma"});
    let bases = [&app.base, &replica.base];
    let http = crate::support::http_client();
    let register = |n: usize| {
        crate::support::Request::new(&http, bases[n % 2], reqwest::Method::POST, "/api/v1/users").json(&body).send()
    };
    let (created, refused): (Vec<Reply>, Vec<Reply>) =
        join_all((0..20).map(register)).await.into_iter().partition(|reply| reply.status == 201);
    assert_eq!(created.len(), 1);
    for reply in refused {
        reply.refused(409, "email_taken");
    }
}

fn by_turns<'a>(n: usize, one: &'a Person, other: &'a Person) -> &'a Person {
    if n.is_multiple_of(2) { one } else { other }
}

/// Where a mover may move an order, as the design has it.
fn table(from: &str) -> &'static [&'static str] {
    match from {
        "created" => &["started", "on_hold", "cancelled"],
        "started" => &["in_progress", "on_hold", "cancelled"],
        "in_progress" => &["on_hold", "completed", "cancelled"],
        "on_hold" => &["started", "in_progress", "cancelled"],
        _ => &[],
    }
}

#[track_caller]
fn sorted(names: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = names.as_array().expect("a list").iter().map(text).collect();
    names.sort();
    names
}
