//! What whoever holds an order's ID may see, and nothing else.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use crate::orders::ways_to_type;
use crate::support::client::text;
use crate::support::proxy::{Proxy, Traffic};
use crate::support::{TestApp, eventually, json};

/// Field by field, with a secret in every private one.
#[tokio::test]
async fn the_public_view_tells_nothing_private() {
    let app = TestApp::start().await;
    let uma = app.user("SECRET Uma").await;
    let (max, eve) = (app.mover("SECRET Max").await, app.mover("SECRET Eve").await);
    let order = uma
        .creates(json!({
            "title": "SECRET title", "description": "SECRET", "reference": "SECRET ref",
            "recipient": {"name": "SECRET recipient", "phone": "SECRET phone"},
            "pickup_address": "SECRET pickup", "delivery_address": "SECRET delivery",
            "metadata": {"SECRET key": "SECRET value"}, "due_at": "2026-12-01T10:00:00Z",
        }))
        .await;
    max.adds(&order, json!({"note": "SECRET note"})).await;
    max.takes(&order).await;
    let event = json!({"status": "on_hold", "reason": "lost", "message": "Public message", "note": "SECRET too", "location": "Lisbon",
                       "estimated_at": "2026-11-30T10:00:00Z"});
    let held = max.adds(&order, event).await;
    uma.changes(&order, json!({"title": "SECRET Couch"})).await;
    max.put(&format!("/orders/{}/assignee", order.id), json!({"mover_id": eve.id})).await.expect(200);
    uma.adds(&order, json!({"note": "SECRET last"})).await;

    let view = app.track(&order.id).await.expect(200);
    assert!(!view.text().contains("SECRET"), "{}", view.text());
    for id in [&uma.id, &max.id, &eve.id] {
        assert!(!view.text().contains(id.as_str()));
    }
    let fields: BTreeSet<&str> = view.json.as_object().unwrap().keys().map(String::as_str).collect();
    let allowed = [
        "order_id",
        "status",
        "version",
        "created_at",
        "updated_at",
        "due_at",
        "estimated_at",
        "completed_at",
        "events",
    ];
    assert_eq!(fields, BTreeSet::from(allowed));
    let events = view["events"].as_array().unwrap();
    assert_eq!(events.len(), 2);
    for event in events {
        let fields: BTreeSet<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();
        let allowed = [
            "version",
            "previous_version",
            "type",
            "status",
            "reason",
            "message",
            "location",
            "estimated_at",
            "occurred_at",
        ];
        assert_eq!(fields, BTreeSet::from(allowed));
    }
    assert_eq!((&view["order_id"], &view["status"]), (&json!(order.id), &json!("on_hold")));
    assert_eq!(
        (&events[1]["reason"], &events[1]["message"], &events[1]["location"]),
        (&json!("lost"), &json!("Public message"), &json!("Lisbon"))
    );
    assert_eq!(
        (&view["due_at"], &view["estimated_at"]),
        (&json!("2026-12-01T10:00:00.000Z"), &json!("2026-11-30T10:00:00.000Z"))
    );

    // Neither its version nor its time says that something private came after.
    let newest = &events[1]["version"];
    assert_eq!((&view["version"], newest), (newest, &held["version"]));
    assert_eq!(view["updated_at"], held["recorded_at"]);
    assert_eq!(events[1]["previous_version"], events[0]["version"]);
    assert_eq!(view.header("set-cookie"), None);
}

/// A private event must not show itself by changing anything, the ETag and the headers included.
#[tokio::test]
async fn a_private_event_changes_nothing_that_the_public_sees() {
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    max.moves(&order, "started").await;
    let before = app.track(&order.id).await.expect(200);
    let mut watcher = app.watch_public(&order.id).await;
    watcher.events_until(2).await;

    max.adds(&order, json!({"note": "Dog"})).await;
    max.takes(&order).await;
    uma.changes(&order, json!({"title": "Couch", "recipient": {"name": "Ana"}})).await;
    // Both replicas have heard of all that when they have heard of what came later.
    let later = uma.create_order("Bed").await;
    let (mut here, mut there) = (app.watch_public(&later.id).await, replica.watch_public(&later.id).await);
    max.moves(&later, "started").await;
    here.events_until(2).await;
    there.events_until(2).await;
    for base in [&app.base, &replica.base] {
        let after = crate::support::Request::new(
            &reqwest::Client::new(),
            base,
            reqwest::Method::GET,
            &format!("/api/v1/track/{}", order.id),
        )
        .await
        .expect(200);
        assert_eq!((after.text(), after.header("etag")), (before.text(), before.header("etag")));
    }
    // Nothing came over the socket; the next thing is the next public event.
    let event = max.moves(&order, "in_progress").await;
    let seen = watcher.next_event().await;
    assert_eq!((&seen["version"], &seen["previous_version"]), (&event["version"], &json!(2)));
}

/// The numbers of versions between public events count private ones: that they exist, nobody can hide without a log of
/// its own; what and when they were stays private.
#[tokio::test]
async fn occurred_at_is_public_and_recorded_at_is_not() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    app.database.run("UPDATE orders SET created_at = created_at - interval '1 hour'");
    let at = text(&order.json["created_at"]);
    let moved = max.adds(&order, json!({"status": "started", "occurred_at": at})).await;
    let view = app.track(&order.id).await.expect(200);
    assert_eq!(view["events"][1]["occurred_at"], at);
    assert!(view["events"].to_string().matches(text(&moved["recorded_at"])).next().is_none());
}

#[tokio::test]
async fn ids_are_read_forgivingly() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let order = uma.create_order("Sofa").await;
    for typed in ways_to_type(&order.id) {
        assert_eq!(app.track(&typed).await.expect(200)["order_id"], order.id.as_str(), "{typed:?}");
    }
}

#[tokio::test]
async fn who_has_the_newest_state_gets_304() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let etag = app.track(&order.id).await.expect(200).header("etag").unwrap().to_owned();
    for value in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
        let reply = app.track(&order.id).header("if-none-match", &value).await.expect(304);
        assert_eq!(reply.header("etag"), Some(etag.as_str()));
    }
    for odd in ["\"x\"", "x", "", "\"", ",,,"] {
        app.track(&order.id).header("if-none-match", odd).await.expect(200);
    }
    max.moves(&order, "started").await;
    eventually("the view has changed", async || {
        app.track(&order.id).header("if-none-match", &etag).await.status == 200
    })
    .await;
    // The due time is part of the view, and no event of the public's.
    let etag = app.track(&order.id).await.expect(200).header("etag").unwrap().to_owned();
    uma.changes(&order, json!({"due_at": "2026-12-01T10:00:00Z"})).await;
    eventually("the due time shows", async || {
        let reply = app.track(&order.id).header("if-none-match", &etag).await;
        reply.status == 200 && reply["due_at"] == "2026-12-01T10:00:00.000Z"
    })
    .await;
}

#[tokio::test]
async fn without_public_tracking_there_is_nothing() {
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let uma = app.user("Uma").await;
    let order = uma.create_order("Sofa").await;
    let path = format!("/track/{}", order.id);
    app.track(&order.id).await.expect(200);
    replica.get(&path).await.expect(200);
    let etag = app.track(&order.id).await.expect(200).header("etag").unwrap().to_owned();

    uma.changes(&order, json!({"public_tracking": false})).await;
    eventually("it is gone here", async || app.track(&order.id).await.status == 404).await;
    eventually("it is gone there", async || replica.get(&path).await.status == 404).await;
    app.track(&order.id).header("if-none-match", &etag).await.refused(404, "not_found");
    // Owners and movers still see it.
    uma.sees(&order).await;

    uma.changes(&order, json!({"public_tracking": true})).await;
    eventually("it is back", async || app.track(&order.id).await.status == 200).await;
    eventually("it is back there", async || replica.get(&path).await.status == 200).await;
}

/// Whoever has been told of an event finds it in the view, at either replica; no cache goes back.
#[tokio::test]
async fn caches_do_not_lag_behind_the_socket() {
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let path = format!("/track/{}", order.id);
    let (mut here, mut there) = (app.watch_public(&order.id).await, replica.watch_public(&order.id).await);
    here.events_until(1).await;
    there.events_until(1).await;
    for number in 0..30 {
        // Both caches are warm.
        app.get(&path).await.expect(200);
        replica.get(&path).await.expect(200);
        let event = max.adds(&order, json!({"message": format!("message {number}")})).await;
        let version = event["version"].as_i64().unwrap();
        here.events_until(version).await;
        assert_eq!(app.get(&path).await.expect(200)["version"], version, "here");
        there.events_until(version).await;
        assert_eq!(replica.get(&path).await.expect(200)["version"], version, "there");
    }
}

/// They are read in two ways.
#[tokio::test]
async fn the_page_and_the_socket_show_the_same_events() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let everything = json!({
        "status": "on_hold", "reason": "recipient_absent", "message": "We come again", "note": "Dog",
        "location": "Lisbon", "estimated_at": "2031-05-01T08:00:00Z", "occurred_at": chrono::Utc::now(),
    });
    let further =
        [json!({"note": "Two dogs"}), json!({"undo": true}), json!({"note": "No dog"}), json!({"message": "Soon"})];
    max.adds(&order, everything).await;
    max.takes(&order).await;
    for event in further {
        max.adds(&order, event).await;
    }
    let told = app.watch_public(&order.id).await.events_until(7).await;
    assert_eq!(told.len(), 4);
    assert_eq!(app.track(&order.id).await.expect(200)["events"], Value::from(told));
}

/// What one replica has read, another finds in Redis; also after Redis was away.
#[tokio::test]
async fn replicas_find_each_others_views_in_redis() {
    let redis = Proxy::of_redis(&std::env::var("TEST_REDIS_URL").unwrap());
    let url = redis.redis_url();
    let app = TestApp::start_with(|settings| {
        settings.insert("REDIS_URL", url);
    })
    .await;
    let replica = app.replica().await;
    let uma = app.user("Uma").await;
    let finds_what_the_other_has_read = async || {
        let order = uma.create_order("Sofa").await;
        let read = app.track(&order.id).await.expect(200);
        // Nobody is told of this, and it is no newer version: who asks Postgres sees it.
        app.database.run(&format!("UPDATE orders SET due_at = '2031-01-01' WHERE id = '{}'", order.id));
        replica.get(&format!("/track/{}", order.id)).await.expect(200)["due_at"] == read["due_at"]
    };
    eventually("a view is found", finds_what_the_other_has_read).await;
    redis.set(Traffic::Cut);
    let finds_nothing = async || !finds_what_the_other_has_read().await;
    eventually("no view is found", finds_nothing).await;
    redis.set(Traffic::Flows);
    eventually("a view is found again", finds_what_the_other_has_read).await;
}

/// Who moved it, reads what they wrote, without waiting for anybody.
#[tokio::test]
async fn the_writer_reads_its_own_writes() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    for number in 0..30 {
        app.track(&order.id).await.expect(200);
        let event = max.adds(&order, json!({"message": format!("message {number}")})).await;
        assert_eq!(app.track(&order.id).await.expect(200)["version"], event["version"]);
    }
}

#[tokio::test]
async fn the_newest_500_public_events_are_shown() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    for _ in 0..3 {
        let items: Vec<_> = (0..200).map(|n| json!({"order_id": order.id, "message": format!("{n}")})).collect();
        max.post("/events/batch", json!({"items": items})).await.expect(200);
    }
    let mut view = Value::Null;
    eventually("all are there", async || {
        view = app.track(&order.id).await.expect(200).json;
        view["version"] == 601
    })
    .await;
    let versions: Vec<i64> =
        view["events"].as_array().unwrap().iter().map(|event| event["version"].as_i64().unwrap()).collect();
    assert_eq!(versions, (102..=601).collect::<Vec<_>>());
}

#[tokio::test]
async fn other_origins_may_not_read_it_unless_they_are_listed() {
    let app = TestApp::start_with(|settings| {
        settings.insert("ALLOWED_ORIGINS", "https://shop.example".into());
    })
    .await;
    let uma = app.user("Uma").await;
    let order = uma.create_order("Sofa").await;
    let allowed = app.track(&order.id).header("origin", "https://shop.example").await.expect(200);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://shop.example"));
    assert!(allowed.header("access-control-expose-headers").unwrap().to_lowercase().contains("etag"));
    let other = app.track(&order.id).header("origin", "https://evil.example").off_contract().await;
    assert_eq!(other.header("access-control-allow-origin"), None);
}

/// What a browser asks before it lets a page of another origin send a token and JSON.
#[tokio::test]
async fn a_listed_origin_may_send_what_the_api_needs() {
    let app = TestApp::start_with(|settings| {
        settings.insert("ALLOWED_ORIGINS", "https://shop.example".into());
    })
    .await;
    let asks = |origin: &str, method: &str| {
        app.request(Method::OPTIONS, "/orders/7K3M9Q2XTB")
            .header("origin", origin)
            .header("access-control-request-method", method)
            .header("access-control-request-headers", "authorization,content-type,if-match")
            .off_contract()
    };
    let allowed = asks("https://shop.example", "PATCH").await.expect(200);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://shop.example"));
    assert!(allowed.header("access-control-allow-methods").unwrap().contains("PATCH"));
    let headers = allowed.header("access-control-allow-headers").unwrap().to_lowercase();
    assert!(["authorization", "content-type", "if-match"].iter().all(|name| headers.contains(name)), "{headers}");
    let refused = asks("https://evil.example", "PATCH").await;
    assert_eq!(refused.header("access-control-allow-origin"), None);
}
