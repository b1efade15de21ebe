//! The live socket.

use std::time::Duration;

use deadpool_redis::redis::{self, AsyncCommands};
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::support::client::{PATIENCE, text};
use crate::support::proxy::{Proxy, Traffic};
use crate::support::tokens::Token;
use crate::support::{Socket, TestApp, Watcher, eventually, heavy, json};

// ---- The three topics ----

#[tokio::test]
async fn everybody_who_watches_sees_each_change() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let (mut own_list, mut all) = (uma.watch_all().await, max.watch_all().await);
    let order = uma.create_order("Sofa").await;
    let mut public = app.watch_public(&order.id).await;
    let (mut owner, mut mover) = (uma.watch(&order).await, max.watch(&order).await);
    assert_eq!(public.subscribed["version"], 1);
    for watcher in [&mut public, &mut owner, &mut mover, &mut own_list, &mut all] {
        watcher.events_until(1).await;
    }

    let event = max.adds(&order, json!({"status": "started", "message": "On our way", "note": "Dog"})).await;
    let seen = public.next_event().await;
    assert_eq!((&seen["status"], &seen["message"], seen.get("note")), (&json!("started"), &json!("On our way"), None));
    for watcher in [&mut owner, &mut mover, &mut own_list, &mut all] {
        assert_eq!(watcher.next_event().await, event, "{}", watcher.topic);
    }

    // What is private does not reach the public: its next event is the next public one.
    let note = max.adds(&order, json!({"note": "Cat"})).await;
    let moved = max.moves(&order, "in_progress").await;
    assert_eq!(public.next_event().await["version"], moved["version"]);
    for watcher in [&mut owner, &mut mover, &mut own_list, &mut all] {
        assert_eq!(watcher.next_event().await, note);
        assert_eq!(watcher.next_event().await, moved);
    }
}

#[tokio::test]
async fn the_list_topic_shows_what_its_watcher_may_see() {
    let app = TestApp::start().await;
    let (uma, otto, max) = (app.user("Uma").await, app.user("Otto").await, app.mover("Max").await);
    let (mut umas, mut ottos, mut all) = (uma.watch_all().await, otto.watch_all().await, max.watch_all().await);
    let sofa = uma.create_order("Sofa").await;
    let piano = otto.create_order("Piano").await;
    max.moves(&piano, "started").await;
    max.moves(&sofa, "started").await;
    for (watcher, ids) in [
        (&mut umas, vec![&sofa.id, &sofa.id]),
        (&mut ottos, vec![&piano.id, &piano.id]),
        (&mut all, vec![&sofa.id, &piano.id, &piano.id, &sofa.id]),
    ] {
        for id in ids {
            assert_eq!(text(&watcher.next_event().await["order_id"]), id);
        }
    }
}

#[tokio::test]
async fn details_and_assignments_are_told_too() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let mut watcher = uma.watch(&order).await;
    watcher.events_until(1).await;
    uma.changes(&order, json!({"title": "Couch"})).await;
    max.takes(&order).await;
    let details = watcher.next_event().await;
    assert_eq!((&details["type"], &details["changed"]), (&json!("order.details_changed"), &json!(["title"])));
    assert_eq!(watcher.next_event().await["assignee"]["name"], "Max");
}

// ---- From where ----

#[tokio::test]
async fn whoever_comes_back_gets_what_was_missed() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    max.moves_through(&order, &["started", "in_progress"]).await;
    max.adds(&order, json!({"note": "Dog"})).await;

    for (topic, after, versions) in [
        ("order", None, vec![1, 2, 3, 4]),
        ("order", Some(0), vec![1, 2, 3, 4]),
        ("order", Some(2), vec![3, 4]),
        ("order", Some(4), vec![]),
        ("track", None, vec![1, 2, 3]),
        ("track", Some(1), vec![2, 3]),
        ("track", Some(3), vec![]),
    ] {
        let mut socket = uma.socket().await;
        let subscribed = socket.subscribe(&format!("{topic}:{}", order.id), after).await;
        let newest = if topic == "order" { 4 } else { 3 };
        assert_eq!(subscribed["version"], newest);
        assert!(subscribed.get("reset").is_none_or(|reset| *reset == json!(false)), "{subscribed}");
        assert_eq!(versions_in(&subscribed), versions, "{topic} after {after:?}");
    }
}

#[tokio::test]
async fn a_version_that_is_not_there_yet_resets() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    max.moves(&order, "started").await;
    for after in [3, 99, i32::MAX as i64, u32::MAX as i64, i64::MAX] {
        for topic in ["order", "track"] {
            let mut socket = max.socket().await;
            let subscribed = socket.subscribe(&format!("{topic}:{}", order.id), Some(after)).await;
            assert_eq!((&subscribed["reset"], versions_in(&subscribed)), (&json!(true), vec![1, 2]), "{topic} {after}");
        }
    }
}

/// `subscribed` brings 500 at most; what is left follows, in order and without a gap, also while more happens.
#[tokio::test]
async fn long_histories_arrive_whole() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    for _ in 0..6 {
        let items: Vec<_> = (0..200)
            .map(|n| json!({"order_id": order.id, if n % 2 == 0 { "message" } else { "note" }: format!("{n}")}))
            .collect();
        max.post("/events/batch", json!({"items": items})).await.expect(200);
    }
    let (all, public) = tokio::join!(uma.watch(&order), app.watch_public(&order.id));
    let more = max.moves(&order, "started").await["version"].as_i64().unwrap();
    for mut watcher in [all, public] {
        assert!(versions_in(&watcher.subscribed).len() <= 500);
        let events = watcher.events_until(more).await;
        assert_eq!(events.len(), if watcher.topic.starts_with("order") { 1202 } else { 602 });
    }
}

/// Long texts come in smaller portions: nobody has to take in megabytes at once.
#[tokio::test]
async fn long_texts_arrive_in_portions() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let long = "😀".repeat(1000);
    let items: Vec<_> = (0..190).map(|_| json!({"order_id": order.id, "message": long, "note": long})).collect();
    max.post("/events/batch", json!({"items": items})).off_contract().await.expect(200);
    let mut all = uma.watch(&order).await;
    let mut public = app.watch_public(&order.id).await;
    for (watcher, most) in [(&mut all, 40), (&mut public, 70)] {
        let first = versions_in(&watcher.subscribed).len();
        assert!((10..most).contains(&first), "{first} at once");
        assert_eq!(watcher.events_until(191).await.len(), 191);
    }
    let event = max.adds(&order, json!({"message": "short"})).await;
    assert_eq!(all.next_event().await["version"], event["version"]);
    assert_eq!(public.next_event().await["version"], event["version"]);
}

/// Events come in while people subscribe: nobody misses one or sees one twice. The watcher itself checks.
#[tokio::test]
async fn subscribing_while_it_happens() {
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let moving = async {
        for n in 0..60 {
            let kind = if n % 3 == 0 { "note" } else { "message" };
            max.adds(&order, json!({kind: format!("{n}")})).await;
        }
        max.moves(&order, "started").await["version"].as_i64().unwrap()
    };
    let elsewhere = uma.at(&replica);
    let watching = async {
        let mut watchers = Vec::new();
        for _ in 0..8 {
            watchers.push(uma.watch(&order).await);
            watchers.push(replica.watch_public(&order.id).await);
            watchers.push(elsewhere.watch(&order).await);
        }
        watchers
    };
    let (last, watchers) = tokio::join!(moving, watching);
    for mut watcher in watchers {
        watcher.events_until(last).await;
    }
}

#[tokio::test]
async fn unsubscribing_ends_one_topic() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let (sofa, bed) = (uma.create_order("Sofa").await, uma.create_order("Bed").await);
    let mut socket = uma.socket().await;
    let (sofas, beds) = (format!("order:{}", sofa.id), format!("order:{}", bed.id));
    socket.subscribe(&sofas, None).await;
    socket.subscribe(&beds, None).await;
    socket.send(json!({"type": "unsubscribe", "topic": sofas})).await;
    assert_eq!(socket.next().await, json!({"type": "unsubscribed", "topic": sofas}));
    max.moves(&sofa, "started").await;
    max.moves(&bed, "started").await;
    assert_eq!(socket.next().await["topic"], beds);
    // And back again.
    assert_eq!(versions_in(&socket.subscribe(&sofas, Some(1)).await), [2]);
    // What was not subscribed is unsubscribed as well.
    socket.send(json!({"type": "unsubscribe", "topic": "track:0000000000"})).await;
    assert_eq!(socket.next().await["type"], "unsubscribed");
}

#[tokio::test]
async fn a_topic_twice_on_one_socket_is_an_error_and_changes_nothing() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let mut watcher = uma.watch(&order).await;
    watcher.events_until(1).await;
    let topic = watcher.topic.clone();
    let error = watcher.socket.subscribe(&topic, None).await;
    assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("already_subscribed")));
    max.moves(&order, "started").await;
    watcher.next_event().await;
}

// ---- Who may ----

#[tokio::test]
async fn topics_that_the_caller_may_not_see() {
    let app = TestApp::start().await;
    let (uma, otto) = (app.user("Uma").await, app.user("Otto").await);
    let order = uma.create_order("Sofa").await;
    let hidden = uma.creates(json!({"title": "Bed", "public_tracking": false})).await;
    let all = format!("order:{}", order.id);

    let mut nobody = app.socket().await;
    for topic in [all.as_str(), "orders"] {
        let error = nobody.subscribe(topic, None).await;
        assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("unauthenticated")), "{topic}");
    }
    for topic in [format!("track:{}", hidden.id), "track:0000000000".into(), "track:x".into(), "news".into(), "".into()]
    {
        let error = nobody.subscribe(&topic, None).await;
        assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("not_found")), "{topic}");
    }
    let mut ottos = otto.socket().await;
    for topic in [all.as_str(), "order:0000000000", "order:x"] {
        let error = ottos.subscribe(topic, None).await;
        assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("not_found")), "{topic}");
    }
    // The sockets are as good as before.
    nobody.watch(&format!("track:{}", order.id), None).await.events_until(1).await;
    ottos.watch("orders", None).await;
    // The owner watches what the public may not.
    uma.watch(&hidden).await.events_until(1).await;
}

#[tokio::test]
async fn a_token_that_is_none_closes_the_socket() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let token = Token::read(&uma.token);
    for wrong in [
        "x".to_owned(),
        String::new(),
        token.clone().unsigned(),
        token.clone().signed_by("HS512"),
        token.clone().with("exp", json!(1)).signed(),
        token.clone().with("role", json!("admin")).signed(),
    ] {
        let mut socket = app.socket().await;
        socket.send(json!({"type": "authenticate", "token": wrong})).await;
        assert_eq!(socket.closing_code().await, 4401, "{wrong}");
    }
    // Nor one of a session that has ended.
    uma.logs_out().await.expect(204);
    let mut socket = app.socket().await;
    socket.send(json!({"type": "authenticate", "token": uma.token})).await;
    assert_eq!(socket.closing_code().await, 4401);
}

#[tokio::test]
async fn sockets_live_as_long_as_their_token_and_longer_with_a_fresh_one() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let soon = chrono::Utc::now().timestamp() + 3;
    let short = Token::read(&uma.token).with("exp", json!(soon)).signed();
    let (mut left_alone, mut refreshed) = (app.socket().await, app.socket().await);
    for socket in [&mut left_alone, &mut refreshed] {
        let authenticated = socket.authenticate(&short).await;
        let expires_at: chrono::DateTime<chrono::Utc> = text(&authenticated["expires_at"]).parse().unwrap();
        assert_eq!(expires_at.timestamp(), soon);
    }
    let mut watcher = refreshed.watch(&format!("order:{}", order.id), None).await;
    watcher.events_until(1).await;
    watcher.socket.authenticate(&uma.token).await;
    left_alone.subscribe("orders", None).await;
    assert_eq!(left_alone.closing_code().await, 4401);
    assert!(chrono::Utc::now().timestamp() >= soon);
    // The other one has outlived that, and its subscription too.
    max.moves(&order, "started").await;
    assert_eq!(watcher.next_event().await["status"], "started");
}

/// A socket is somebody's: it can't become somebody else's with the subscriptions of before.
#[tokio::test]
async fn another_persons_token_does_not_take_a_socket_over() {
    let app = TestApp::start().await;
    let (uma, otto, max) = (app.user("Uma").await, app.user("Otto").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let mut socket = uma.socket().await;
    socket.subscribe(&format!("order:{}", order.id), None).await;
    socket.send(json!({"type": "authenticate", "token": otto.token})).await;
    max.moves(&order, "started").await;
    assert_eq!(socket.closing_code().await, 4401);
}

#[tokio::test]
async fn an_ended_session_loses_its_sockets() {
    let app = TestApp::start().await;
    let (ada, max) = (app.admin("Ada").await, app.mover("Max").await);
    let replica = app.replica().await;
    let (mut here, mut there) = (max.socket().await, max.at(&replica).socket().await);
    here.subscribe("orders", None).await;
    there.subscribe("orders", None).await;
    ada.patch(&format!("/movers/{}", max.id), json!({"active": false})).await.expect(200);
    assert_eq!(here.closing_code().await, 4401);
    assert_eq!(there.closing_code().await, 4401);
}

#[tokio::test]
async fn other_origins_are_turned_away() {
    let app = TestApp::start_with(|settings| {
        settings.insert("PUBLIC_URL", "https://track.example".into());
        settings.insert("ALLOWED_ORIGINS", "https://shop.example".into());
    })
    .await;
    for good in ["https://track.example", "https://shop.example", app.base.as_str()] {
        Socket::try_open(&app.base, Some(good)).await.unwrap_or_else(|status| panic!("{good}: {status}"));
    }
    for bad in [
        "https://evil.example",
        "null",
        "https://track.example.evil.example",
        "http://track.example",
        "https://track.example:444",
        "file://",
        "",
    ] {
        assert_eq!(Socket::try_open(&app.base, Some(bad)).await.err(), Some(403), "{bad:?}");
    }
    let upgrade = |origin: &str| {
        app.get("/live")
            .header("origin", origin)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    upgrade("https://evil.example").await.refused(403, "origin_not_allowed");
}

#[tokio::test]
async fn what_is_no_websocket_is_a_bad_request() {
    let app = TestApp::start().await;
    app.get("/live").await.refused(400, "bad_request");
    app.get("/live").header("connection", "Upgrade").header("upgrade", "websocket").await.refused(400, "bad_request");
}

// ---- What bad frames get ----

#[tokio::test]
async fn frames_that_are_not_the_protocols_close_the_socket() {
    let app = TestApp::start().await;
    for wrong in [
        "",
        "x",
        "{",
        "null",
        "[]",
        "{}",
        "7",
        r#"{"type":"shout"}"#,
        r#"{"type":"subscribe"}"#,
        r#"{"type":"subscribe","topic":7}"#,
        r#"{"type":"subscribe","topic":"orders","after":-1}"#,
        r#"{"type":"subscribe","topic":"orders","after":"1"}"#,
        r#"{"type":"authenticate","token":null}"#,
        r#"{"type":"subscribe","topic":"\ud800"}"#,
    ] {
        let mut socket = app.socket().await;
        socket.send_raw(Message::text(wrong)).await;
        assert_eq!(socket.closing_code().await, 4400, "{wrong:?}");
    }
    let mut socket = app.socket().await;
    socket.send_raw(Message::text("[".repeat(10_000))).await;
    assert_eq!(socket.closing_code().await, 4400, "nesting");
    let mut socket = app.socket().await;
    socket.send_raw(Message::binary(b"{\"type\":\"subscribe\"}".as_slice())).await;
    assert_eq!(socket.closing_code().await, 4400, "binary");
}

#[tokio::test]
async fn frames_of_more_than_16_kib_close_the_socket() {
    let app = TestApp::start().await;
    let frame = |length: usize| {
        let start = r#"{"type":"subscribe","topic":""#;
        Message::text(format!("{start}{}\"}}", "x".repeat(length - start.len() - 2)))
    };
    let mut socket = app.socket().await;
    socket.send_raw(frame(16 * 1024)).await;
    let error = socket.next().await;
    assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("not_found")));
    socket.send_raw(frame(16 * 1024 + 1)).await;
    assert_eq!(socket.closing_code().await, 1009);
    let mut socket = app.socket().await;
    socket.try_send_raw(frame(1024 * 1024)).await;
    assert_eq!(socket.closing_code().await, 1009);
}

/// The header is enough: who announces a gigabyte is not waited for.
#[tokio::test]
async fn a_header_that_announces_too_much_closes_the_socket() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let app = TestApp::start().await;
    let address = app.base.strip_prefix("http://").unwrap();
    for length in [16 * 1024 + 1, 400_000_000, 1 << 62] {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let upgrade = "GET /api/v1/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(upgrade.as_bytes()).await.unwrap();
        let mut header = vec![0x81, 0xff];
        header.extend_from_slice(&u64::to_be_bytes(length));
        header.extend_from_slice(&[1, 2, 3, 4, 5, 6]);
        stream.write_all(&header).await.unwrap();
        let mut answer = Vec::new();
        let reading = stream.read_to_end(&mut answer);
        tokio::time::timeout(Duration::from_secs(10), reading).await.expect("it is closed").ok();
        // A closing frame with code 1009, at the end of what was answered.
        assert!(answer.windows(4).any(|bytes| bytes[0] == 0x88 && bytes[2..] == 1009u16.to_be_bytes()), "{length}");
    }
}

#[tokio::test]
async fn two_hundred_subscriptions_a_socket() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let orders = futures_util::future::join_all((0..100).map(|_| uma.create_order("Sofa"))).await;
    let mut socket = uma.socket().await;
    for order in &orders {
        for kind in ["track", "order"] {
            assert_eq!(socket.subscribe(&format!("{kind}:{}", order.id), None).await["type"], "subscribed");
        }
    }
    let error = socket.subscribe("orders", None).await;
    assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("too_many_subscriptions")));
    // The socket stays, and a place that is given up is free.
    let first = format!("track:{}", orders[0].id);
    socket.send(json!({"type": "unsubscribe", "topic": first})).await;
    assert_eq!(socket.next().await["type"], "unsubscribed");
    assert_eq!(socket.subscribe("orders", None).await["type"], "subscribed");
}

#[tokio::test]
async fn the_server_says_that_it_is_there() {
    let app = TestApp::start().await;
    let mut socket = app.socket().await;
    assert_eq!(socket.next_within(Duration::from_secs(25)).await, json!({"type": "heartbeat"}));
}

/// Who does not read is put out, and the others don't notice.
#[tokio::test]
async fn a_socket_that_does_not_keep_up_is_closed() {
    let _one = heavy().await;
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let (sofa, bed) = (uma.create_order("Sofa").await, uma.create_order("Bed").await);
    let mut slow = Socket::open_narrow(&app.base).await;
    slow.authenticate(&max.token).await;
    slow.subscribe("orders", None).await;
    let mut other = app.watch_public(&bed.id).await;
    let long = "😀".repeat(1000);
    let items: Vec<_> = (0..190).map(|_| json!({"order_id": sofa.id, "message": long, "note": long})).collect();
    // More than the kernel holds for the server's end.
    for version in 2..10 {
        max.post("/events/batch", json!({"items": items})).off_contract().await.expect(200);
        max.adds(&bed, json!({"message": "short"})).await;
        other.events_until(version).await;
    }
    assert_eq!(slow.closing_code().await, 4408);
}

/// A burst as large as one request can make it is no reason to put out somebody who reads.
#[tokio::test]
async fn the_largest_batch_reaches_those_who_read() {
    let _one = heavy().await;
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let mut watcher = uma.watch(&order).await;
    watcher.events_until(1).await;
    let long = "😀".repeat(1000);
    let items: Vec<_> = (0..190).map(|_| json!({"order_id": order.id, "message": long, "note": long})).collect();
    let batch = max.post("/events/batch", json!({"items": items})).off_contract().send();
    let (reply, events) = tokio::join!(batch, watcher.events_until(191));
    reply.expect(200);
    assert_eq!(events.len(), 190);
}

// ---- Gone ----

#[tokio::test]
async fn when_public_tracking_is_switched_off_its_watchers_are_told() {
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let (mut here, mut there) = (app.watch_public(&order.id).await, replica.watch_public(&order.id).await);
    let mut owner = uma.watch(&order).await;
    owner.events_until(1).await;
    uma.changes(&order, json!({"public_tracking": false})).await;
    let gone = json!({"type": "gone", "topic": here.topic});
    assert_eq!(here.socket.next().await, gone);
    assert_eq!(there.socket.next().await, gone);
    // The subscription ended; the owner's goes on.
    max.moves(&order, "started").await;
    owner.events_until(3).await;
    let error = here.socket.subscribe(text(&gone["topic"]), None).await;
    assert_eq!(error["code"], "not_found");

    uma.changes(&order, json!({"public_tracking": true})).await;
    let again = there.socket.subscribe(text(&gone["topic"]), Some(1)).await;
    assert_eq!((&again["type"], versions_in(&again)), (&json!("subscribed"), vec![2 + 1]));
}

// ---- Replicas, with and without Redis ----

#[tokio::test]
async fn what_happens_at_one_replica_is_seen_at_the_other() {
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let mut public = replica.watch_public(&order.id).await;
    let mut owner = uma.at(&replica).watch(&order).await;
    let mut list = max.at(&replica).watch_all().await;
    for number in 0..20 {
        // By turns, here and there.
        let mover = if number % 2 == 0 { max.clone() } else { max.at(&replica) };
        mover.adds(&order, json!({"message": format!("{number}")})).await;
    }
    public.events_until(21).await;
    owner.events_until(21).await;
    assert_eq!(versions_after_creation(&mut list, 20).await, (2..=21).collect::<Vec<_>>());
}

#[tokio::test]
async fn without_redis_events_still_arrive() {
    let app = TestApp::start_with(|settings| {
        settings.insert("REDIS_URL", "redis+unix:///nonexistent/redis.sock".into());
    })
    .await;
    let replica = app.replica().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let (mut here, mut there) = (app.watch_public(&order.id).await, replica.watch_public(&order.id).await);
    let mut list = max.at(&replica).watch_all().await;
    for status in ["started", "in_progress", "completed"] {
        let version = max.moves(&order, status).await["version"].as_i64().unwrap();
        let start = std::time::Instant::now();
        here.events_until(version).await;
        there.events_until(version).await;
        assert!(start.elapsed() < Duration::from_secs(6), "repaired within 5 seconds, not {:?}", start.elapsed());
    }
    // A list topic has them all; it may say "resync" instead of events that it can't vouch for.
    let mut versions = Vec::new();
    while versions.last() != Some(&4) {
        let frame = list.socket.next().await;
        if frame["type"] == "resync" {
            break;
        }
        versions.push(frame["event"]["version"].as_i64().unwrap());
    }
    // The creation may be so young that nobody has told this replica of it before.
    let all = [1, 2, 3, 4];
    assert!(all.starts_with(&versions) || all[1..].starts_with(&versions), "{versions:?}");
}

/// What dies between the commit and the announcement has told nobody: the feed tells.
#[tokio::test]
async fn what_nobody_announced_is_found_in_the_feed() {
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let mut list = max.watch_all().await;
    let order = uma.create_order("Sofa").await;
    let mut watchers = [app.watch_public(&order.id).await, replica.watch_public(&order.id).await];
    for watcher in watchers.iter_mut().chain([&mut list]) {
        watcher.events_until(1).await;
    }
    app.adds_unannounced(&max, &order, 2).await;
    let start = std::time::Instant::now();
    for watcher in &mut watchers {
        watcher.events_until(3).await;
    }
    assert_eq!(list.next_event().await["version"], 2);
    assert_eq!(list.next_event().await["version"], 3);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

/// Who subscribes reads it before the feed does: that is no news to the others.
#[tokio::test]
async fn what_one_has_read_is_still_told_to_the_others() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let mut list = max.watch_all().await;
    app.adds_unannounced(&max, &order, 3).await;
    max.watch(&order).await.events_until(4).await;
    assert_eq!(versions_after_creation(&mut list, 3).await, [2, 3, 4]);
}

/// However much newer is told before it.
#[tokio::test]
async fn lists_get_what_the_feed_brings_late() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let mut list = max.watch_all().await;
    app.adds_unannounced(&max, &order, 200).await;
    max.adds(&order, json!({"message": "told at once"})).await;
    assert_eq!(versions_after_creation(&mut list, 201).await, (2..=202).collect::<Vec<_>>());
}

/// Who comes after tracking was switched off and on again hears nothing of it, however late this replica is told.
#[tokio::test]
async fn a_late_announcement_ends_no_later_subscription() {
    let app = TestApp::start().await;
    let apart = format!("{}apart:", app.setting("REDIS_PREFIX"));
    let replica = app.replica_with(|settings| drop(settings.insert("REDIS_PREFIX", apart.clone()))).await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let client = redis::Client::open(app.setting("REDIS_URL")).unwrap();
    let mut tells = client.get_multiplexed_async_connection().await.unwrap();
    let mut hears = client.get_async_pubsub().await.unwrap();
    hears.subscribe(format!("{}events", app.setting("REDIS_PREFIX"))).await.unwrap();
    // So that the replica knows where the order stands.
    let mut owner = uma.at(&replica).watch(&order).await;
    let start = std::time::Instant::now();
    uma.changes(&order, json!({"public_tracking": false})).await;
    uma.changes(&order, json!({"public_tracking": true})).await;
    let mut public = replica.watch_public(&order.id).await;
    let mut messages = hears.on_message();
    // In one message or in several, up to the third version.
    let mut is_told = false;
    while !is_told {
        let message = tokio::time::timeout(PATIENCE, messages.next()).await.expect("it is announced");
        let payload: Vec<u8> = message.unwrap().get_payload().unwrap();
        // After the sender's ID, if it is more than a sign of life.
        let Ok(news) = serde_json::from_slice::<Vec<Value>>(&payload[32..]) else { continue };
        let is_last = |event: &Value| event["order_id"] == order.id && event["version"] == 3;
        is_told = news.iter().any(|announcement| is_last(&announcement["event"]));
        tells.publish::<_, _, ()>(format!("{apart}events"), payload).await.unwrap();
    }
    eprintln!("told after {:?}; the replica would have looked by itself after 2 s", start.elapsed());
    owner.events_until(3).await;
    let event = max.adds(&order, json!({"message": "Hello"})).await;
    public.events_until(event["version"].as_i64().unwrap()).await;
}

/// What was there before a replica is no news to those who watch lists there.
#[tokio::test]
async fn a_fresh_replica_does_not_tell_lists_of_the_past() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    max.moves_through(&order, &["started", "in_progress"]).await;
    let mut list = max.at(&app.replica().await).watch_all().await;
    let event = max.moves(&order, "completed").await;
    assert_eq!(list.next_event().await, event);
}

/// Redis goes away in the middle and comes back: no watcher of an order misses anything.
#[tokio::test]
async fn redis_goes_and_comes_back() {
    let redis = Proxy::of_redis(&std::env::var("TEST_REDIS_URL").unwrap());
    let url = redis.redis_url();
    let app = TestApp::start_with(|settings| {
        settings.insert("REDIS_URL", url.clone());
    })
    .await;
    let replica = app.replica().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let mut there = replica.watch_public(&order.id).await;
    for traffic in
        [Traffic::Cut, Traffic::Flows, Traffic::Stalls, Traffic::Flows, Traffic::SwallowsAnswers, Traffic::Flows]
    {
        redis.set(traffic);
        for _ in 0..3 {
            let start = std::time::Instant::now();
            let event = max.adds(&order, json!({"message": format!("{traffic:?}")})).await;
            assert!(
                start.elapsed() < Duration::from_millis(1500),
                "no answer waits for Redis: {:?}, {traffic:?}",
                start.elapsed()
            );
            there.events_until(event["version"].as_i64().unwrap()).await;
        }
    }
    // And quickly again, by itself.
    let mut quick = 0;
    eventually("the relay is back", async || {
        let start = std::time::Instant::now();
        let event = max.adds(&order, json!({"message": "Back?"})).await;
        there.events_until(event["version"].as_i64().unwrap()).await;
        quick = if start.elapsed() < Duration::from_millis(500) { quick + 1 } else { 0 };
        quick >= 3
    })
    .await;
}

/// When the feed can't vouch for having told everything, those who watch lists read them anew; those who watch an order
/// still get each version once.
#[tokio::test]
async fn a_jump_in_the_feed_resyncs_lists() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let mut list = max.watch_all().await;
    let mut one = uma.watch(&order).await;
    app.database.run("SELECT setval(pg_get_serial_sequence('order_events', 'seq'), 1000000)");
    let event = max.moves(&order, "started").await;
    eventually("the list is to be read again", async || list.socket.next().await["type"] == "resync").await;
    assert_eq!(one.events_until(2).await.last(), Some(&event));
    let next = max.moves(&order, "in_progress").await;
    assert_eq!(one.next_event().await, next);
}

#[tokio::test]
async fn a_query_token_is_no_token() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let reply = uma.request(Method::GET, &format!("/live?token={}", uma.token)).off_contract().await;
    assert_eq!(reply.status, 400);
}

/// So many of them, sorted: a list's events may overtake one another between replicas, and the creation may be so young that
/// nobody has told this replica of it before.
async fn versions_after_creation(list: &mut Watcher, count: usize) -> Vec<i64> {
    let mut versions = Vec::new();
    while versions.len() < count {
        let version = list.next_event().await["version"].as_i64().unwrap();
        versions.extend((version > 1).then_some(version));
    }
    versions.sort();
    versions
}

fn versions_in(subscribed: &Value) -> Vec<i64> {
    subscribed["events"].as_array().expect("events").iter().map(|event| event["version"].as_i64().unwrap()).collect()
}
