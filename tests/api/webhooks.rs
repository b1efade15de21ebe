//! Webhooks: what integrators' servers are told, and what their owners see of it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use order_tracker::storage::delivery_log::sweep;
use reqwest::Method;

use crate::support::client::{Reply, all, text};
use crate::support::people::Person;
use crate::support::process::Process;
use crate::support::receiver::{Answer, Received, Receiver, TlsFront};
use crate::support::{Request, TestApp, eventually, json};

async fn app() -> TestApp {
    TestApp::start_with(allow_loopback).await
}

fn allow_loopback(settings: &mut HashMap<&'static str, String>) {
    settings.insert("WEBHOOK_ALLOW", "127.0.0.0/8, ::1".to_owned());
}

impl Person {
    async fn makes_webhook(&self, url: &str) -> Reply {
        self.post("/webhooks", json!({"url": url})).await.expect(201)
    }

    fn replays(&self, webhook: &Reply, from: DateTime<Utc>, to: DateTime<Utc>) -> Request {
        let span = json!({"from": from.to_rfc3339(), "to": to.to_rfc3339()});
        self.post(&format!("{}/replay", path_of(webhook)), span)
    }
}

fn path_of(webhook: &Reply) -> String {
    format!("/webhooks/{}", text(&webhook["id"]))
}

/// Checked by the public library.
#[track_caller]
fn verify(received: &Received, secret: &str) {
    let webhook = standardwebhooks::Webhook::new(secret).unwrap();
    let mut headers = http::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, received.headers[name].parse().unwrap());
    }
    webhook.verify(received.body.as_bytes(), &headers).unwrap();
}

fn timestamp(received: &Received) -> i64 {
    received.headers["webhook-timestamp"].parse().unwrap()
}

async fn attempts(person: &Person, webhook: &Reply, n: usize) -> Reply {
    let deliveries = person.get(&format!("{}/deliveries", path_of(webhook))).await.expect(200);
    let id = text(&deliveries.data()[n]["id"]).to_owned();
    person.get(&format!("{}/deliveries/{id}", path_of(webhook))).await.expect(200)
}

/// What the first attempt of the newest delivery failed by.
async fn failure(person: &Person, webhook: &Reply) -> String {
    let mut error = String::new();
    eventually("an attempt has failed", async || {
        let delivery = attempts(person, webhook, 0).await;
        error = delivery["attempts"][0]["error"].as_str().unwrap_or_default().to_owned();
        !error.is_empty()
    })
    .await;
    error
}

#[tokio::test]
async fn an_event_is_told_signed_and_without_names() {
    let app = app().await;
    let receiver = Receiver::start();
    let (uma, otto, max, ada) =
        (app.user("Uma").await, app.user("Otto").await, app.mover("Max").await, app.admin("Ada").await);
    let webhook = uma.makes_webhook(&receiver.url("/hook?shop=1")).await;
    let secret = text(&webhook["secret"]).to_owned();
    assert!(secret.starts_with("whsec_"));
    let order = uma
        .creates(json!({
            "title": "SECRET sofa", "reference": "PO-1", "recipient": {"name": "SECRET Ana", "phone": "SECRET"},
            "delivery_address": "SECRET street", "metadata": {"floor": "3"},
        }))
        .await;
    otto.create_order("Not Uma's").await;
    max.takes(&order).await;
    max.adds(&order, json!({"message": "Soon"})).await;

    let received = receiver.receives(3).await;
    assert_eq!(received.iter().map(Received::event).collect::<Vec<_>>(), [1, 2, 3].map(|v| Some((&order.id[..], v))));
    for one in &received {
        verify(one, &secret);
        assert!(!one.body.contains("SECRET") && !one.body.contains("Max") && !one.body.contains("Uma"), "{}", one.body);
        assert_eq!(one.headers["content-type"], "application/json");
    }
    let first = &received[0].json;
    assert_eq!(first["type"], "order.created");
    assert_eq!(first["timestamp"], order.json["created_at"]);
    assert_eq!(
        first["data"]["order"],
        json!({"id": order.id, "reference": "PO-1", "status": "created", "version": 1, "metadata": {"floor": "3"}})
    );
    assert_eq!(first["data"]["event"]["actor"], json!({"role": "user"}));
    assert_eq!(received[1].json["data"]["event"]["assignee"], json!({"id": max.id}));
    crate::support::contract::CONTRACT.check_component("WebhookMessage", first);

    // An admin's is told of all, of the types that it wants.
    let others = Receiver::start();
    let wanted = json!({"url": others.url("/"), "event_types": ["order.status_changed"], "description": "Board"});
    ada.post("/webhooks", wanted).await.expect(201);
    max.moves(&order, "started").await;
    assert_eq!(others.receives(1).await[0].json["type"], "order.status_changed");
    assert_eq!(receiver.receives(4).await.len(), 4);
    max.post("/webhooks", json!({"url": receiver.url("/")})).await.refused(403, "admin_only");
}

#[tokio::test]
async fn what_is_no_webhook_is_refused_with_all_that_is_wrong() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let make = |body| uma.post("/webhooks", body);
    make(json!({})).await.invalid(&[("/url", "missing")]);
    let wrong = json!({"url": "ftp://x", "event_types": ["order.created", "all"], "description": 1, "secret": "mine"});
    make(wrong).await.invalid(&[
        ("/url", "invalid_value"),
        ("/event_types/1", "invalid_value"),
        ("/description", "wrong_type"),
        ("/secret", "unknown_field"),
    ]);
    for url in [
        "http://shop.example/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://2130706433/",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/",
        "https://[64:ff9b::7f00:1]/",
        "https://uma:secret@shop.example/",
        "shop",
        "https:a",
    ] {
        make(json!({"url": url})).await.invalid(&[("/url", "invalid_value")]);
    }
    make(json!({"url": format!("https://shop.example/{}", "x".repeat(2000))})).await.invalid(&[("/url", "too_long")]);
    assert_eq!(app.database.number("SELECT count(*) FROM webhooks"), 0);
    let made = make(json!({"url": "https://shop.example/", "event_types": []})).await.expect(201);
    uma.patch(&path_of(&made), json!({"url": "https://10.0.0.1"})).await.invalid(&[("/url", "invalid_value")]);
    uma.patch(&path_of(&made), json!({"event_types": null})).await.invalid(&[("/event_types", "wrong_type")]);
    // Also when they are asked for at once.
    let more = all((0..40).map(|_| make(json!({"url": "https://shop.example/"})))).await;
    assert_eq!(more.iter().filter(|reply| reply.status == 201).count(), 19);
    make(json!({"url": "https://shop.example/"})).await.refused(409, "too_many_webhooks");
}

#[tokio::test]
async fn a_webhook_is_changed_switched_off_and_on_and_deleted_by_its_owner_only() {
    let app = app().await;
    let (receiver, another) = (Receiver::start(), Receiver::start());
    let (uma, otto) = (app.user("Uma").await, app.user("Otto").await);
    let webhook = uma.makes_webhook(&receiver.url("/")).await;
    let path = path_of(&webhook);
    for request in [
        otto.get(&path),
        otto.patch(&path, json!({"active": false})),
        otto.delete(&path),
        otto.get(&format!("{path}/deliveries")),
        otto.post(&format!("{path}/test"), json!({})),
        otto.request(Method::POST, &format!("{path}/secret")),
    ] {
        request.await.refused(404, "not_found");
    }
    assert!(otto.get("/webhooks").await.expect(200).data().is_empty());
    assert!(!uma.get("/webhooks").await.expect(200).text().contains("whsec_"), "a secret is shown once");

    uma.patch(&path, json!({"active": false})).await.expect(200);
    uma.create_order("Unheard of").await;
    let changed =
        json!({"active": true, "url": another.url("/"), "event_types": ["order.created"], "description": "Shop"});
    let changed = uma.patch(&path, changed).await.expect(200);
    assert_eq!((&changed["active"], &changed["description"]), (&json!(true), &json!("Shop")));
    let order = uma.create_order("Sofa").await;
    assert_eq!(another.receives(1).await[0].event(), Some((&order.id[..], 1)));
    assert_eq!(receiver.count(), 0);

    uma.delete(&path).await.expect(204);
    uma.create_order("Unheard of").await;
    uma.get(&path).await.refused(404, "not_found");
    assert_eq!(app.database.number("SELECT count(*) FROM webhook_deliveries"), 0);
}

#[tokio::test]
async fn failures_are_tried_again_under_the_same_name_and_logged() {
    let app = app().await;
    let receiver = Receiver::answering(|_| Answer { body: format!("no\0{}", "x".repeat(2000)), ..Answer::of(500) });
    let uma = app.user("Uma").await;
    let webhook = uma.makes_webhook(&receiver.url("/")).await;
    uma.create_order("Sofa").await;
    receiver.receives(1).await;
    eventually("it is logged", async || attempts(&uma, &webhook, 0).await["attempts"].as_array().unwrap().len() == 1)
        .await;
    let logged = attempts(&uma, &webhook, 0).await;
    let attempt = &logged["attempts"][0];
    assert_eq!(
        (&logged["status"], &attempt["status"], &attempt["error"]),
        (&json!("pending"), &json!(500), &json!(null))
    );
    assert_eq!(text(&attempt["response"]).chars().count(), 1024);
    let next: DateTime<Utc> = text(&logged["next_attempt_at"]).parse().unwrap();
    let pause = (next - text(&attempt["started_at"]).parse::<DateTime<Utc>>().unwrap()).num_milliseconds();
    assert!((4_000..6_500).contains(&pause), "{pause} ms");
    assert!(uma.get(&path_of(&webhook)).await.expect(200)["failing_since"].is_string());

    receiver.behaves(|_| Answer::of(204));
    let received = receiver.receives(2).await;
    assert_eq!(received[0].id(), received[1].id());
    assert_eq!(received[0].body, received[1].body);
    // Signed anew: receivers refuse what was signed five minutes ago.
    received.iter().for_each(|one| verify(one, text(&webhook["secret"])));
    assert!(timestamp(&received[1]) - timestamp(&received[0]) >= 4);
    assert!(received[1].at - received[0].at >= Duration::from_secs(4));
    eventually("it has succeeded", async || attempts(&uma, &webhook, 0).await["status"] == "succeeded").await;
    assert_eq!(uma.get(&path_of(&webhook)).await.expect(200)["failing_since"], json!(null));
    let by_status = async |status| {
        uma.get(&format!("{}/deliveries?status={status}", path_of(&webhook))).await.expect(200).data().len()
    };
    assert_eq!((by_status("pending").await, by_status("succeeded").await, by_status("failed").await), (0, 1, 0));
}

#[tokio::test]
async fn after_the_last_attempt_a_delivery_has_failed_and_can_be_sent_again() {
    let app = app().await;
    let receiver = Receiver::answering(|_| Answer::of(404));
    let uma = app.user("Uma").await;
    let webhook = uma.makes_webhook(&receiver.url("/")).await;
    uma.create_order("Sofa").await;
    receiver.receives(1).await;
    eventually("it is noted", async || app.database.number("SELECT count(*) FROM webhook_attempts") == 1).await;
    app.database.run("UPDATE webhook_deliveries SET attempts = 7, due_at = now()");
    receiver.receives(2).await;
    eventually("it has failed", async || attempts(&uma, &webhook, 0).await["status"] == "failed").await;

    receiver.behaves(|_| Answer::of(200));
    let id = text(&attempts(&uma, &webhook, 0).await["id"]).to_owned();
    let again = uma.request(Method::POST, &format!("{}/deliveries/{id}/resend", path_of(&webhook))).await.expect(202);
    assert_eq!(again["status"], "pending");
    let received = receiver.receives(3).await;
    assert_eq!(received[2].id(), received[0].id());
    eventually("it has succeeded", async || attempts(&uma, &webhook, 0).await["status"] == "succeeded").await;
    assert_eq!(attempts(&uma, &webhook, 0).await["attempts"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn what_is_asked_for_again_while_it_is_sent_is_sent_again() {
    let app = app().await;
    let receiver = Receiver::answering(|_| Answer::of(204).after(Duration::from_secs(1)));
    let uma = app.user("Uma").await;
    let webhook = uma.makes_webhook(&receiver.url("/")).await;
    uma.create_order("Sofa").await;
    receiver.receives(1).await;
    let id = text(&attempts(&uma, &webhook, 0).await["id"]).to_owned();
    let again = uma.request(Method::POST, &format!("{}/deliveries/{id}/resend", path_of(&webhook))).await.expect(202);
    assert_eq!(again["status"], "pending");
    let received = receiver.receives(2).await;
    assert_eq!(received[0].id(), received[1].id());
    eventually("it has succeeded", async || attempts(&uma, &webhook, 0).await["status"] == "succeeded").await;
    assert_eq!(attempts(&uma, &webhook, 0).await["attempts"].as_array().unwrap().len(), 2);
}

/// Nor is it given up by the attempt that was under way then.
#[tokio::test]
async fn what_is_asked_for_again_during_its_last_attempt_is_not_given_up() {
    let app = app().await;
    let receiver = Receiver::answering(|_| Answer::of(500));
    let uma = app.user("Uma").await;
    let webhook = uma.makes_webhook(&receiver.url("/")).await;
    uma.create_order("Sofa").await;
    receiver.receives(1).await;
    eventually("it is noted", async || app.database.number("SELECT count(*) FROM webhook_attempts") == 1).await;
    receiver.behaves(|_| Answer::of(500).after(Duration::from_secs(2)));
    app.database.run(
        "UPDATE webhooks SET failing_since = now() - interval '6 days';
         UPDATE webhook_deliveries SET attempts = 7, due_at = now()",
    );
    receiver.receives(2).await;
    let id = text(&attempts(&uma, &webhook, 0).await["id"]).to_owned();
    receiver.behaves(|_| Answer::of(204));
    uma.request(Method::POST, &format!("{}/deliveries/{id}/resend", path_of(&webhook))).await.expect(202);
    receiver.receives(3).await;
    eventually("it has succeeded", async || attempts(&uma, &webhook, 0).await["status"] == "succeeded").await;
    assert_eq!(uma.get(&path_of(&webhook)).await["active"], true);
}

/// What waits for its first attempt keeps its place: before the order's later events.
#[tokio::test]
async fn asking_again_overtakes_nothing() {
    let app = app().await;
    let receiver = Receiver::answering(|_| Answer::of(204).after(Duration::from_millis(100)));
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let webhook = uma.makes_webhook(&receiver.url("/")).await;
    let order = uma.create_order("Sofa").await;
    let items: Vec<_> = (0..20).map(|n| json!({"order_id": order.id, "message": format!("{n}")})).collect();
    let (first, second) = items.split_at(10);
    max.post("/events/batch", json!({"items": first})).await.expect(200);
    let between = Utc::now();
    tokio::time::sleep(Duration::from_millis(5)).await;
    max.post("/events/batch", json!({"items": second})).await.expect(200);
    let pending = uma.get(&format!("{}/deliveries?limit=100", path_of(&webhook))).await.expect(200);
    let fifth = pending.data().iter().find(|delivery| delivery["version"] == 5).expect("it waits");
    let resend = format!("{}/deliveries/{}/resend", path_of(&webhook), text(&fifth["id"]));
    uma.request(Method::POST, &resend).await.expect(202);
    let replayed = uma.replays(&webhook, between - chrono::Duration::hours(1), between).await.expect(202);
    assert_eq!(replayed["deliveries"], 11);
    let came_first = async || {
        let mut seen = HashSet::new();
        let received = receiver.received();
        let versions = received.iter().filter_map(|one| Some(one.event()?.1)).filter(|version| seen.insert(*version));
        versions.collect::<Vec<_>>()
    };
    eventually("all came", async || came_first().await.len() == 21).await;
    assert_eq!(came_first().await, (1..=21).collect::<Vec<_>>());
}

/// A replay takes what there is in the order of its events, and attempts are noted beside it.
#[tokio::test]
async fn replays_beside_a_thousand_attempts_are_not_told_to_try_again() {
    let app = app().await;
    let receiver = Receiver::start();
    let uma = app.user("Uma").await;
    let webhook = uma.makes_webhook(&receiver.url("/")).await;
    uma.post("/orders/batch", json!({"items": vec![json!({"title": "Sofa"}); 500]})).await.expect(200);
    let hour = chrono::Duration::hours(1);
    let (from, to) = (Utc::now() - hour, Utc::now() + hour);
    for _ in 0..30 {
        assert_eq!(uma.replays(&webhook, from, to).await.expect(202)["deliveries"], 500);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// In portions: one transaction for as many takes too long.
#[tokio::test]
async fn as_many_as_can_be_replayed_are() {
    let _alone = crate::support::heavy().await;
    let app = app().await;
    let uma = app.user("Uma").await;
    let sofa = uma.create_order("Sofa").await;
    let now = Utc::now();
    app.database.run(&format!(
        "INSERT INTO order_events (order_id, version, type, public, previous_public_version, status, note, actor_id, actor_role,
             actor_name, changed, occurred_at, recorded_at, owner_id)
         SELECT id, n, 'order.noted', false, 1, status, 'Dog', owner_id, 'user', 'Uma', '', at, at, owner_id
         FROM orders, generate_series(2, 50001) AS n, LATERAL (SELECT created_at + n * interval '1 second') AS t (at)
         WHERE id = '{id}'; UPDATE orders SET version = 50001 WHERE id = '{id}'",
        id = sofa.id
    ));
    let webhook = uma.makes_webhook("http://127.0.0.1:9/").await;
    let replay = |seconds: i64| {
        uma.replays(&webhook, now - chrono::Duration::hours(1), now + chrono::Duration::seconds(seconds))
    };
    replay(60_000).await.refused(409, "too_much_to_replay");
    assert_eq!(app.database.number("SELECT count(*) FROM webhook_deliveries"), 0);
    for _ in 0..2 {
        let count = replay(49_000).await.expect(202)["deliveries"].as_i64().unwrap();
        assert!((48_900..=49_002).contains(&count), "{count}");
        assert_eq!(app.database.number("SELECT count(*) FROM webhook_deliveries"), count);
    }
}

#[tokio::test]
async fn who_is_gone_is_switched_off_and_who_asks_for_a_pause_gets_it() {
    let app = app().await;
    let (gone, busy) = (
        Receiver::answering(|_| Answer::of(410)),
        Receiver::answering(|_| Answer { headers: vec![("retry-after", "3600".to_owned())], ..Answer::of(429) }),
    );
    let uma = app.user("Uma").await;
    let (first, second) = (uma.makes_webhook(&gone.url("/")).await, uma.makes_webhook(&busy.url("/")).await);
    let order = uma.create_order("Sofa").await;
    eventually("it is off", async || uma.get(&path_of(&first)).await["active"] == false).await;
    let off = uma.get(&path_of(&first)).await.expect(200);
    assert_eq!(off["disabled_reason"], "gone");
    assert!(off["disabled_at"].is_string());
    uma.request(Method::POST, &format!("{}/test", path_of(&first))).await.refused(409, "webhook_off");

    eventually("it is noted", async || attempts(&uma, &second, 0).await["attempts"].as_array().unwrap().len() == 1)
        .await;
    let next: DateTime<Utc> = text(&attempts(&uma, &second, 0).await["next_attempt_at"]).parse().unwrap();
    let pause = next - Utc::now();
    assert!((3500..=3600).contains(&pause.num_seconds()), "{pause}");
    let paused = uma.get(&path_of(&second)).await.expect(200);
    let until: DateTime<Utc> = text(&paused["paused_until"]).parse().unwrap();
    assert!((next - until).num_seconds().abs() <= 1, "{until}");
    let unwell = Receiver::answering(|_| {
        let when = (Utc::now() + chrono::Duration::hours(2)).to_rfc2822().replace("+0000", "GMT");
        Answer { headers: vec![("retry-after", when)], ..Answer::of(503) }
    });
    let third = uma.makes_webhook(&unwell.url("/")).await;
    uma.request(Method::POST, &format!("{}/test", path_of(&third))).await.expect(202);
    eventually("it pauses, too", async || {
        let until = uma.get(&path_of(&third)).await["paused_until"].as_str().map(str::to_owned);
        until.is_some_and(|until| {
            let pause = until.parse::<DateTime<Utc>>().unwrap() - Utc::now();
            (115..=120).contains(&pause.num_minutes())
        })
    })
    .await;
    // Nor is anything else sent meanwhile.
    app.mover("Max").await.moves(&order, "started").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((gone.count(), busy.count()), (1, 1));
    // Switched on again, it is told of what it has missed since.
    busy.behaves(|_| Answer::of(204));
    let again = uma.patch(&path_of(&second), json!({"active": true})).await.expect(200);
    assert_eq!(again["paused_until"], json!(null));
    let received = busy.receives(2).await;
    assert_eq!(received[1].event(), Some((&order.id[..], 2)));
}

/// What the receiver before it says is not said of the one that has its place by now.
#[tokio::test]
async fn who_was_replaced_switches_nobody_off() {
    let app = app().await;
    let gone = Receiver::answering(|_| Answer::of(410).after(Duration::from_secs(1)));
    let heir = Receiver::start();
    let uma = app.user("Uma").await;
    let webhook = uma.makes_webhook(&gone.url("/")).await;
    let order = uma.create_order("Sofa").await;
    gone.receives(1).await;
    uma.patch(&path_of(&webhook), json!({"url": heir.url("/")})).await.expect(200);
    eventually("it is noted", async || app.database.number("SELECT count(*) FROM webhook_attempts") == 1).await;
    assert_eq!(uma.get(&path_of(&webhook)).await.expect(200)["active"], true);
    assert_eq!(heir.receives(1).await[0].event(), Some((&order.id[..], 1)));
}

#[tokio::test]
async fn after_five_days_of_nothing_but_failure_it_is_switched_off() {
    let app = app().await;
    let receiver = Receiver::answering(|_| Answer::of(500));
    let uma = app.user("Uma").await;
    let webhook = uma.makes_webhook(&receiver.url("/")).await;
    app.database.run("UPDATE webhooks SET failing_since = now() - interval '4 days 23 hours'");
    let order = uma.create_order("Sofa").await;
    eventually("it is noted", async || app.database.number("SELECT count(*) FROM webhook_attempts") == 1).await;
    assert_eq!(uma.get(&path_of(&webhook)).await["active"], true);
    let max = app.mover("Max").await;
    app.database.run("UPDATE webhooks SET failing_since = now() - interval '5 days 1 hour'");
    // A single failure, after days in which there was nothing to tell, is not five days of them.
    max.moves(&order, "started").await;
    let of_the_move =
        "SELECT count(*) FROM webhook_attempts JOIN webhook_deliveries ON id = delivery_id WHERE version = 2";
    eventually("it is noted", async || app.database.number(of_the_move) > 0).await;
    assert_eq!(uma.get(&path_of(&webhook)).await["active"], true);
    app.database.run("UPDATE webhook_deliveries SET attempts = 7, due_at = now() WHERE version = 2");
    eventually("it is off", async || uma.get(&path_of(&webhook)).await["active"] == false).await;
    assert_eq!(uma.get(&path_of(&webhook)).await["disabled_reason"], "failing");
}

#[tokio::test]
async fn redirects_are_not_followed_and_what_hangs_ends_after_fifteen_seconds() {
    let app = app().await;
    let trap = Receiver::start();
    let to = trap.url("/trap");
    let redirecting =
        Receiver::answering(move |_| Answer { headers: vec![("location", to.clone())], ..Answer::of(307) });
    let hanging = Receiver::answering(|_| Answer::of(204).after(Duration::from_secs(60)));
    let uma = app.user("Uma").await;
    let first = uma.makes_webhook(&redirecting.url("/")).await;
    let second = uma.makes_webhook(&hanging.url("/")).await;
    uma.create_order("Sofa").await;
    eventually("it is noted", async || attempts(&uma, &first, 0).await["attempts"].as_array().unwrap().len() == 1)
        .await;
    let logged = attempts(&uma, &first, 0).await;
    assert_eq!((&logged["attempts"][0]["status"], &logged["status"]), (&json!(307), &json!("pending")));
    tokio::time::sleep(Duration::from_secs(14)).await;
    eventually("it is noted", async || attempts(&uma, &second, 0).await["attempts"].as_array().unwrap().len() == 1)
        .await;
    let logged = attempts(&uma, &second, 0).await;
    let attempt = &logged["attempts"][0];
    assert_eq!((&attempt["status"], &attempt["error"]), (&json!(null), &json!("no answer within 15 seconds")));
    assert!((14_900..16_500).contains(&attempt["duration_ms"].as_i64().unwrap()), "{attempt}");
    assert_eq!(trap.count(), 0);
}

#[tokio::test]
async fn a_certificate_is_trusted_by_the_system_and_for_its_name_or_nothing_is_told() {
    let app = app().await;
    let receiver = Receiver::start();
    let front = TlsFront::of(&receiver).await;
    let uma = app.user("Uma").await;
    let webhook = uma.makes_webhook(&front.url("127.0.0.1")).await;
    let order = uma.create_order("Sofa").await;
    let why = failure(&uma, &webhook).await;
    assert_eq!(why.matches("certificate verify failed").count(), 1, "{why}");
    let delivery = text(&attempts(&uma, &webhook, 0).await["id"]).to_owned();

    // On another machine it is trusted.
    app.stops_first().await;
    let mut settings = app.environment().clone();
    settings.insert("SSL_CERT_FILE", front.certificate().display().to_string());
    let process = Process::serves(&settings).await;
    let uma = Person::logs_in(&process.base, "users", &uma.email, crate::support::people::PASSWORD).await;
    let resend = format!("{}/deliveries/{delivery}/resend", path_of(&webhook));
    uma.request(Method::POST, &resend).await.expect(202);
    let received = receiver.receives(1).await;
    verify(&received[0], text(&webhook["secret"]));
    assert_eq!(received[0].event(), Some((&order.id[..], 1)));

    // For 127.0.0.1, and nobody else.
    let other = uma.makes_webhook(&front.url("localhost")).await;
    uma.request(Method::POST, &format!("{}/test", path_of(&other))).await.expect(202);
    let why = failure(&uma, &other).await;
    assert!(why.contains("mismatch"), "{why}");
    assert_eq!(receiver.count(), 1);
}

#[tokio::test]
async fn an_order_s_events_come_in_their_order_and_at_most_four_at_once() {
    let app = app().await;
    let other = app.replica().await;
    let uma = app.user("Uma").await;
    let max = app.mover("Max").await;
    let elsewhere = max.at(&other);
    let receiver = Receiver::answering(|_| Answer::of(204).after(Duration::from_millis(50)));
    uma.makes_webhook(&receiver.url("/")).await;
    let mut orders = Vec::new();
    for n in 0..8 {
        orders.push(uma.create_order(&format!("Sofa {n}")).await);
    }
    // Whichever replica it happens at.
    let moves = async |order| {
        max.moves(order, "started").await;
        elsewhere.moves(order, "in_progress").await;
        max.moves(order, "completed").await;
    };
    futures_util::future::join_all(orders.iter().map(moves)).await;
    let received = receiver.receives(32).await;
    eventually("all are answered", async || receiver.received().iter().all(|one| one.answered.is_some())).await;
    assert_eq!(received.len(), 32);
    let received = receiver.received();
    let mut ended: HashMap<&str, (i64, Instant)> = HashMap::new();
    for one in &received {
        let (order, version) = one.event().unwrap();
        if let Some((before, answered)) = ended.insert(order, (version, one.answered.unwrap())) {
            assert_eq!(version, before + 1);
            assert!(one.at >= answered, "{order} {version} came before its predecessor had ended");
        }
    }
    let mut moments: Vec<(Instant, i32)> =
        received.iter().flat_map(|one| [(one.at, 1), (one.answered.unwrap(), -1)]).collect();
    moments.sort();
    let most = moments
        .iter()
        .scan(0, |open, (_, change)| {
            *open += change;
            Some(*open)
        })
        .max()
        .unwrap();
    assert!((2..=4).contains(&most), "{most} at once");
}

#[tokio::test]
async fn one_that_hangs_delays_no_other() {
    let app = app().await;
    let uma = app.user("Uma").await;
    let hanging = Receiver::answering(|_| Answer::of(204).after(Duration::from_secs(30)));
    let quick = Receiver::start();
    for n in 0..5 {
        uma.makes_webhook(&hanging.url(&format!("/{n}"))).await;
    }
    uma.makes_webhook(&quick.url("/")).await;
    for _ in 0..20 {
        uma.create_order("Sofa").await;
    }
    let since = Instant::now();
    quick.receives(20).await;
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    assert!(hanging.count() <= 20);
}

/// Not when somebody looks the next time, also the very first.
#[tokio::test]
async fn events_are_told_at_once() {
    let _alone = crate::support::heavy().await;
    let app = app().await;
    let receiver = Receiver::start();
    let uma = app.user("Uma").await;
    let (mut first, mut later) = (Vec::new(), Vec::new());
    for _ in 0..9 {
        // By then nobody expects any.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let webhook = uma.makes_webhook(&receiver.url("/")).await;
        for delays in [&mut first, &mut later] {
            let before = receiver.count();
            uma.create_order("Sofa").await;
            let since = Instant::now();
            receiver.receives(before + 1).await;
            delays.push(since.elapsed());
        }
        uma.request(Method::DELETE, &path_of(&webhook)).await.expect(204);
    }
    for mut delays in [first, later] {
        delays.sort();
        assert!(delays[4] < Duration::from_millis(400), "{delays:?}");
    }
}

#[tokio::test]
async fn what_hangs_holds_no_transaction_and_what_failed_once_no_later_event() {
    let app = app().await;
    let hanging = Receiver::answering(|_| Answer::of(204).after(Duration::from_secs(4)));
    let failing = Receiver::answering(|received| match received.event() {
        Some((_, 1)) => Answer::of(500),
        _ => Answer::of(204),
    });
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    for receiver in [&hanging, &failing] {
        uma.makes_webhook(&receiver.url("/")).await;
    }
    let order = uma.create_order("Sofa").await;
    failing.receives(1).await;
    max.moves(&order, "started").await;
    let received = failing.receives(2).await;
    let versions: Vec<_> = received.iter().filter_map(Received::event).map(|(_, version)| version).collect();
    assert_eq!(versions, [1, 2], "before the first is tried again, after five seconds");
    hanging.receives(1).await;
    for _ in 0..10 {
        let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
             AND state LIKE 'idle in transaction%' AND state_change < now() - interval '500 milliseconds'";
        assert_eq!(app.database.number(open), 0);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn of_types_that_are_not_wanted_nothing_is_told_nor_replayed() {
    let app = app().await;
    let receiver = Receiver::start();
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let wanted = json!({"url": receiver.url("/"), "event_types": ["order.status_changed", "order.noted"]});
    let webhook = uma.post("/webhooks", wanted).await.expect(201);
    let order = uma.create_order("Sofa").await;
    max.takes(&order).await;
    max.moves(&order, "started").await;
    max.adds(&order, json!({"message": "Soon"})).await;
    let versions = |received: &[Received]| -> Vec<i64> {
        received.iter().filter_map(|one| one.event().map(|(_, version)| version)).collect()
    };
    assert_eq!(versions(&receiver.receives(2).await), [3, 4]);
    assert_eq!(app.database.number("SELECT count(*) FROM webhook_deliveries"), 2);
    let hour = chrono::Duration::hours(1);
    let now = Utc::now();
    assert_eq!(uma.replays(&webhook, now - hour, now + hour).await.expect(202)["deliveries"], 2);
    assert_eq!(versions(&receiver.receives(4).await[2..]), [3, 4]);
}

/// What a name leads to is known when it is connected to, and refused there.
#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_to() {
    let app = TestApp::start_with(|settings| _ = settings.insert("WEBHOOK_ALLOW", "192.0.2.1/32".to_owned())).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let uma = app.user("Uma").await;
    for scheme in ["http", "https"] {
        let webhook = uma.makes_webhook(&format!("{scheme}://localhost:{port}/")).await;
        uma.request(Method::POST, &format!("{}/test", path_of(&webhook))).await.expect(202);
        let why = failure(&uma, &webhook).await;
        assert!(why.contains("must lead to"), "{why}");
    }
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody came");
}

#[tokio::test]
async fn a_rotated_secret_and_the_one_before_both_sign_for_a_day() {
    let app = app().await;
    let receiver = Receiver::start();
    let uma = app.user("Uma").await;
    let webhook = uma.makes_webhook(&receiver.url("/")).await;
    let old = text(&webhook["secret"]).to_owned();
    let rotated = uma.request(Method::POST, &format!("{}/secret", path_of(&webhook))).await.expect(200);
    let new = text(&rotated["secret"]).to_owned();
    assert_ne!(old, new);
    let until: DateTime<Utc> = text(&rotated["previous_secret_until"]).parse().unwrap();
    assert!((23..=24).contains(&(until - Utc::now()).num_hours()));
    uma.create_order("Sofa").await;
    let received = receiver.receives(1).await;
    verify(&received[0], &old);
    verify(&received[0], &new);
    // Asked again, as when that answer is lost: the first one, which receivers have, signs on.
    let again = uma.request(Method::POST, &format!("{}/secret", path_of(&webhook))).await.expect(200);
    let newest = text(&again["secret"]).to_owned();
    uma.create_order("Bed").await;
    let received = receiver.receives(2).await;
    [&old, &new, &newest].iter().for_each(|secret| verify(&received[1], secret));
    for _ in 0..4 {
        uma.request(Method::POST, &format!("{}/secret", path_of(&webhook))).await.expect(200);
    }
    assert_eq!(app.database.number("SELECT count(*) FROM replaced_webhook_secrets"), 4, "there is an end to it");
    let new = text(&uma.request(Method::POST, &format!("{}/secret", path_of(&webhook))).await.expect(200)["secret"])
        .to_owned();
    app.database.run("UPDATE replaced_webhook_secrets SET signs_until = now()");
    // Within a second.
    eventually("only the new one signs", async || {
        let before = receiver.count();
        uma.create_order("Lamp").await;
        let received = receiver.receives(before + 1).await;
        let last = received.last().unwrap();
        verify(last, &new);
        last.headers["webhook-signature"].split(' ').count() == 1
    })
    .await;
}

#[tokio::test]
async fn a_test_message_and_a_replay() {
    let app = app().await;
    let receiver = Receiver::start();
    let uma = app.user("Uma").await;
    let early = uma.create_order("Before there was a webhook").await;
    let webhook = uma.makes_webhook(&receiver.url("/")).await;
    let path = path_of(&webhook);
    let sent = uma.request(Method::POST, &format!("{path}/test")).await.expect(202);
    let received = receiver.receives(1).await;
    verify(&received[0], text(&webhook["secret"]));
    assert_eq!((&received[0].json["type"], received[0].id()), (&json!("webhook.test"), text(&sent["message_id"])));
    assert_eq!(received[0].json["data"], json!({"webhook_id": webhook["id"]}));

    let order = uma.create_order("Sofa").await;
    let first = receiver.receives(2).await[1].id().to_owned();
    eventually("it is noted", async || attempts(&uma, &webhook, 0).await["status"] == "succeeded").await;
    app.user("Otto").await.create_order("Not Uma's").await;
    let hour = chrono::Duration::hours(1);
    let now = Utc::now();
    let replay = |from, to| uma.replays(&webhook, from, to);
    assert_eq!(replay(now - hour, now + hour).await.expect(202)["deliveries"], 2);
    let received = receiver.receives(4).await;
    let again: BTreeMap<&str, &str> = received[2..].iter().map(|one| (one.event().unwrap().0, one.id())).collect();
    assert_eq!(again.keys().copied().collect::<HashSet<_>>(), HashSet::from([&early.id[..], &order.id[..]]));
    eventually("all are noted", async || app.database.number("SELECT count(*) FROM webhook_attempts") == 4).await;
    // In the order in which it happened, whatever was told before.
    app.database.run("UPDATE webhooks SET active = false");
    let max = app.mover("Max").await;
    max.moves_through(&early, &["started", "in_progress"]).await;
    app.database.run("UPDATE webhooks SET active = true");
    assert_eq!(replay(now - hour, now + hour).await.expect(202)["deliveries"], 4);
    let received = receiver.receives(8).await;
    let versions = received[4..].iter().filter_map(Received::event).filter(|(id, _)| *id == early.id);
    assert_eq!(versions.map(|(_, version)| version).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(again[&order.id[..]], first, "what was told before keeps its name");
    assert_eq!(replay(now - hour - hour, now - hour).await.expect(202)["deliveries"], 0);
    replay(now, now - hour).await.invalid(&[("/to", "invalid_value")]);
    uma.post(&format!("{path}/replay"), json!({})).await.invalid(&[("/from", "missing"), ("/to", "missing")]);
}

#[tokio::test]
async fn webhooks_stop_with_their_account_and_with_an_admin_s_rights() {
    let app = app().await;
    let receiver = Receiver::start();
    let (uma, ada, eve) = (app.user("Uma").await, app.admin("Ada").await, app.admin("Eve").await);
    eve.makes_webhook(&receiver.url("/")).await;
    uma.create_order("Sofa").await;
    receiver.receives(1).await;
    ada.patch(&format!("/movers/{}", eve.id), json!({"role": "mover"})).await.expect(200);
    uma.create_order("Lamp").await;
    ada.patch(&format!("/movers/{}", eve.id), json!({"role": "admin", "active": false})).await.expect(200);
    uma.create_order("Bed").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(receiver.count(), 1);
    assert_eq!(app.database.number("SELECT count(*) FROM webhook_deliveries"), 1);
}

/// Also what waited already, and a change is a change for that, too.
#[tokio::test]
async fn who_is_put_out_is_told_nothing_more_and_a_new_url_gets_what_waits() {
    let app = app().await;
    let slow = Receiver::answering(|_| Answer::of(204).after(Duration::from_millis(400)));
    let (mine, another) =
        (Receiver::answering(|_| Answer::of(204).after(Duration::from_millis(400))), Receiver::start());
    let (uma, ada, eve) = (app.user("Uma").await, app.admin("Ada").await, app.admin("Eve").await);
    eve.makes_webhook(&slow.url("/")).await;
    let webhook = uma.makes_webhook(&mine.url("/")).await;
    let items: Vec<_> = (0..100).map(|_| json!({"title": "Sofa"})).collect();
    uma.post("/orders/batch", json!({"items": items})).await.expect(200);
    slow.receives(4).await;
    mine.receives(4).await;
    ada.patch(&format!("/movers/{}", eve.id), json!({"active": false})).await.expect(200);
    uma.patch(&path_of(&webhook), json!({"url": another.url("/")})).await.expect(200);
    another.receives(50).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (told, to_the_old) = (slow.count(), mine.count());
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!((slow.count(), mine.count()), (told, to_the_old), "nothing more");
    assert!(told < 40 && to_the_old < 40, "{told} and {to_the_old}");
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_one() {
    let app = app().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nok").await;
                tokio::time::sleep(Duration::from_secs(60)).await;
            });
        }
    });
    let uma = app.user("Uma").await;
    let webhook = uma.makes_webhook(&url).await;
    uma.create_order("Sofa").await;
    eventually("it has succeeded", async || attempts(&uma, &webhook, 0).await["status"] == "succeeded").await;
    assert_eq!(attempts(&uma, &webhook, 0).await["attempts"][0]["response"], "ok");
}

/// Whoever holds its row, with the key, holds up no event; and an endpoint without anything to do is let go.
#[tokio::test]
async fn the_journal_and_webhooks_do_not_wait_for_each_other() {
    let app = app().await;
    let receiver = Receiver::start();
    let uma = app.user("Uma").await;
    uma.makes_webhook(&receiver.url("/")).await;
    uma.create_order("Sofa").await;
    receiver.receives(1).await;
    eventually("it is let go", async || {
        app.database.number("SELECT count(*) FROM webhooks WHERE leased_by IS NOT NULL") == 0
    })
    .await;
    let mut holder = app.database.connect();
    crate::support::database::run(&mut holder, "BEGIN; SELECT FROM webhooks FOR NO KEY UPDATE");
    let since = Instant::now();
    uma.create_order("Lamp").await;
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    crate::support::database::run(&mut holder, "ROLLBACK");
    receiver.receives(2).await;
}

#[tokio::test]
async fn the_log_is_kept_for_thirty_days() {
    let app = app().await;
    let receiver = Receiver::start();
    let uma = app.user("Uma").await;
    let webhook = uma.makes_webhook(&receiver.url("/")).await;
    for _ in 0..3 {
        uma.create_order("Sofa").await;
    }
    eventually("all are noted", async || app.database.number("SELECT count(*) FROM webhook_attempts") == 3).await;
    let first = "(SELECT id FROM webhook_deliveries ORDER BY number LIMIT 1)";
    let long_ago = "now() - interval '30 days 1 hour'";
    app.database.run(&format!("UPDATE webhook_deliveries SET created_at = {long_ago} WHERE id = {first}"));
    let mut connection = app.database.connect();
    assert_eq!(sweep(&mut connection, 100).unwrap(), 0, "it was attempted not long ago");
    app.database.run(&format!("UPDATE webhook_attempts SET started_at = {long_ago} WHERE delivery_id = {first}"));
    assert_eq!(sweep(&mut connection, 100).unwrap(), 1);
    assert_eq!(app.database.number("SELECT count(*) FROM webhook_attempts"), 2);
    uma.patch(&path_of(&webhook), json!({"active": false})).await.expect(200);
    // What is yet to be sent is kept for as long again, whatever it tells of.
    app.database.run(
        "UPDATE webhook_deliveries SET created_at = now() - interval '59 days', due_at = now() - interval '59 days';
         UPDATE webhook_attempts SET started_at = now() - interval '59 days'",
    );
    assert_eq!(sweep(&mut connection, 100).unwrap(), 0);
    app.database.run("UPDATE webhook_deliveries SET created_at = now() - interval '60 days 1 hour'");
    assert_eq!(sweep(&mut connection, 100).unwrap(), 2);
}

/// Whoever is killed while sending: what was committed is told, by another replica or after a restart.
#[tokio::test]
async fn killed_replicas_lose_nothing() {
    let _alone = crate::support::heavy().await;
    let app = app().await;
    let receiver = Receiver::answering(|_| Answer::of(204).after(Duration::from_millis(20)));
    let uma = app.user("Uma").await;
    uma.makes_webhook(&receiver.url("/")).await;
    let mut settings = app.environment().clone();
    settings.insert("REDIS_PREFIX", "killed:".to_owned());
    let mut expected = HashSet::new();
    for round in 0..3 {
        let mut process = Process::serves(&settings).await;
        let there = Person::logs_in(&process.base, "users", &uma.email, crate::support::people::PASSWORD).await;
        for n in 0..30 {
            let order = there.create_order(&format!("Sofa {round} {n}")).await;
            expected.insert(order.id);
        }
        process.kill();
    }
    let told = || -> HashSet<String> {
        receiver.received().iter().filter_map(|one| Some(one.event()?.0.to_owned())).collect()
    };
    eventually("everything is told", async || told() == expected).await;
    let mut ids: HashMap<String, String> = HashMap::new();
    for one in receiver.received() {
        let (order, _) = one.event().unwrap();
        let id = ids.entry(order.to_owned()).or_insert_with(|| one.id().to_owned());
        assert_eq!(id, one.id(), "told twice under two names");
    }
}

#[tokio::test]
async fn a_server_that_stops_hands_over_at_once() {
    let app = app().await;
    let _other = app.replica().await;
    let receiver = Receiver::answering(|_| Answer::of(204).after(Duration::from_millis(30)));
    let uma = app.user("Uma").await;
    uma.makes_webhook(&receiver.url("/")).await;
    for _ in 0..60 {
        uma.create_order("Sofa").await;
    }
    app.stops_first().await;
    let received = receiver.receives(60).await;
    let ids: HashSet<&str> = received.iter().map(Received::id).collect();
    assert_eq!((ids.len(), receiver.count()), (60, 60), "each once");
}
