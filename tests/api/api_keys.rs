//! API keys: what integrators' programs sign in with.

use std::time::{Duration, Instant};

use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::client::{all, text};
use crate::support::people::Person;
use crate::support::{Machine, Request, TestApp, eventually, json};

const ALL: [&str; 4] = ["orders:read", "orders:write", "events:write", "webhooks:manage"];

#[tokio::test]
async fn a_key_is_shown_once_and_kept_as_a_hash() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let made =
        uma.post("/api-keys", json!({"name": " Web shop ", "scopes": ["events:write", "orders:read", "orders:read"]}));
    let made = made.await.expect(201);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let key = text(&made["key"]).to_owned();
    assert_eq!(made["name"], "Web shop");
    assert_eq!(made["last_four"], key[43..]);
    assert_eq!(made["scopes"], json!(["orders:read", "events:write"]));
    assert_eq!((&made["last_used_at"], &made["expires_at"]), (&json!(null), &json!(null)));

    let listed = uma.get("/api-keys").await.expect(200);
    assert!(!listed.text().contains(&key));
    assert_eq!(listed.data()[0]["id"], made["id"]);
    let rows = app.database.value("SELECT string_agg(to_jsonb(api_keys)::text, '') FROM api_keys").unwrap();
    assert!(!rows.contains(&key), "{rows}");

    // Nobody else sees or ends it, and it tells when it was used.
    let otto = app.user("Otto").await;
    assert!(otto.get("/api-keys").await.expect(200).data().is_empty());
    otto.delete(&format!("/api-keys/{}", text(&made["id"]))).await.refused(404, "not_found");
    assert_eq!(uma.with_token(&key).get("/me").await.expect(200)["id"], uma.id);
    eventually("the use is noted", async || {
        uma.get("/api-keys").await.expect(200).data()[0]["last_used_at"].is_string()
    })
    .await;
}

#[tokio::test]
async fn what_can_t_be_a_key_is_refused_with_all_that_is_wrong() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let make = |body| uma.post("/api-keys", body);
    make(json!({})).await.invalid(&[("/name", "missing"), ("/scopes", "missing")]);
    let body = json!({"name": "", "scopes": [], "expires_at": "2020-01-01T00:00:00Z", "key": "otk_mine"});
    let wrong =
        [("/name", "too_short"), ("/scopes", "too_short"), ("/expires_at", "invalid_value"), ("/key", "unknown_field")];
    make(body).await.invalid(&wrong);
    let body = json!({"name": 1, "scopes": ["orders:read", "orders:*"], "expires_at": "soon"});
    make(body).await.invalid(&[
        ("/name", "wrong_type"),
        ("/scopes/1", "invalid_value"),
        ("/expires_at", "invalid_format"),
    ]);
    for scopes in [json!("orders:read"), json!({"orders:read": true}), json!(1)] {
        make(json!({"name": "Shop", "scopes": scopes})).await.invalid(&[("/scopes", "wrong_type")]);
    }
    make(json!({"name": "Shop", "scopes": [null]})).await.invalid(&[("/scopes/0", "invalid_value")]);
    assert_eq!(app.database.number("SELECT count(*) FROM api_keys"), 0);
}

#[tokio::test]
async fn what_is_no_key_gets_nobody_in() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let key = text(&uma.makes_key(&ALL).await["key"]).to_owned();
    let mut other = key.clone().into_bytes();
    other[20] = if other[20] == b'A' { b'B' } else { b'A' };
    let no_keys = [
        String::from_utf8(other).unwrap(),
        key[..46].to_owned(),
        format!("{key}A"),
        "otk_".to_owned(),
        key.replace("otk_", "otk_-"),
    ];
    for no_key in no_keys {
        let reply = uma.with_token(&no_key).get("/me").await;
        assert!(reply.header("www-authenticate").unwrap().contains("invalid_token"));
        reply.refused(401, "invalid_api_key");
    }
    uma.with_token(&key.to_uppercase()).get("/me").await.refused(401, "invalid_token");
    uma.with_token(&key).get("/me").await.expect(200);
}

#[tokio::test]
async fn a_key_in_a_url_is_refused_with_a_hint_and_does_nothing() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let key = text(&uma.makes_key(&ALL).await["key"]).to_owned();
    for path in
        [format!("/orders?api_key={key}"), format!("/orders?limit=1&access_token={key}"), format!("/orders/{key}")]
    {
        for person in [&uma, &uma.with_token(&key), &uma.with_token("")] {
            let problem = person.get(&path).await.refused(400, "key_in_url");
            assert!(text(&problem["detail"]).contains("Authorization: Bearer"), "{problem}");
        }
    }
    app.get(&format!("/live?token={key}")).await.refused(400, "key_in_url");
}

#[tokio::test]
async fn a_key_says_what_it_lacks() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let reader = uma.with_key(&["orders:read"]).await;
    let reply = reader.post("/orders", json!({"title": "Sofa"})).await;
    assert_eq!(reply.header("www-authenticate"), Some(r#"Bearer error="insufficient_scope", scope="orders:write""#));
    assert!(text(&reply.refused(403, "insufficient_scope")["detail"]).contains("orders:write"));
    reader.post("/api-keys", json!({"name": "More", "scopes": ALL})).await.refused(403, "session_required");
    // Whose it is comes before what it may do.
    reader.put("/orders/7K3M9Q2XTB/assignee", json!({})).await.refused(401, "wrong_realm");
    assert_eq!(app.database.number("SELECT count(*) FROM orders"), 0);
}

#[tokio::test]
async fn a_shop_and_a_warehouse_work_with_keys_alone() {
    let app = TestApp::start().await;
    let shop = app.user("Uma").await.with_key(&["orders:read", "orders:write"]).await;
    let warehouse = app.mover("Max").await.with_key(&["orders:read", "events:write"]).await;
    let order = shop.create_order("Sofa").await;
    let mut watcher = shop.watch(&order).await;
    warehouse.takes(&order).await;
    warehouse.moves(&order, "started").await;
    warehouse
        .post("/events/batch", json!({"items": [{"order_id": order.id, "status": "in_progress"}]}))
        .await
        .expect(200);
    let seen = watcher.events_until(4).await;
    assert_eq!(seen.iter().filter(|event| event["actor"]["name"] == "Max").count(), 3);
    assert_eq!(shop.get("/orders").await.expect(200).data()[0]["status"], "in_progress");
    assert_eq!(shop.history(&order).await.len(), 4);
}

/// What ends a key, and the code with which a request and the socket's end then say so.
async fn is_good_for_nothing_within_two_seconds(
    program: &Person,
    elsewhere: &Person,
    status: u16,
    code: &str,
    since: Instant,
) {
    for asking in [program, elsewhere] {
        eventually("the key is refused", async || {
            let sent = since.elapsed();
            let is_refused = asking.get("/orders").await.status == status;
            assert!(is_refused || sent < Duration::from_secs(2), "good after {sent:?}");
            is_refused
        })
        .await;
        asking.get("/orders").await.refused(status, code);
    }
}

#[tokio::test]
async fn an_ended_key_is_good_for_nothing_within_two_seconds_on_every_replica() {
    let app = TestApp::start().await;
    let other = app.replica().await;
    let uma = app.user("Uma").await;
    let made = uma.makes_key(&ALL).await;
    let program = uma.with_token(text(&made["key"]));
    let elsewhere = program.at(&other);
    let order = program.create_order("Sofa").await;
    elsewhere.sees(&order).await;
    let mut sockets = [program.socket().await, elsewhere.socket().await];
    for socket in &mut sockets {
        socket.subscribe("orders", None).await;
    }

    let (since, machine) = (Instant::now(), Machine::watch());
    uma.delete(&format!("/api-keys/{}", text(&made["id"]))).await.expect(204);
    program.get("/orders").await.refused(401, "invalid_api_key");
    is_good_for_nothing_within_two_seconds(&program, &elsewhere, 401, "invalid_api_key", since).await;
    for socket in &mut sockets {
        assert_eq!(socket.closing_code().await, 4401);
    }
    let after = since.elapsed().saturating_sub(machine.stood_still());
    assert!(after < Duration::from_secs(3), "{after:?}");
    uma.delete(&format!("/api-keys/{}", text(&made["id"]))).await.refused(404, "not_found");
}

/// A body may take half a minute to come.
#[tokio::test]
async fn a_key_that_is_ended_while_the_body_comes_writes_nothing() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let made = uma.makes_key(&ALL).await;
    let mut stream = tokio::net::TcpStream::connect(app.base.trim_start_matches("http://")).await.unwrap();
    let body = r#"{"title": "Sofa"}"#;
    let head = format!(
        "POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        text(&made["key"]),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    uma.delete(&format!("/api-keys/{}", text(&made["id"]))).await.expect(204);
    tokio::time::sleep(Duration::from_secs(2)).await;
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("invalid_api_key"), "{answer}");
    assert_eq!(app.database.number("SELECT count(*) FROM orders"), 0);
}

#[tokio::test]
async fn a_deactivated_account_s_keys_stop_with_it() {
    let app = TestApp::start().await;
    let other = app.replica().await;
    let (ada, max) = (app.admin("Ada").await, app.mover("Max").await);
    let program = max.with_key(&ALL).await;
    let elsewhere = program.at(&other);
    elsewhere.get("/orders").await.expect(200);
    let mut socket = elsewhere.socket().await;

    let since = Instant::now();
    ada.patch(&format!("/movers/{}", max.id), json!({"active": false})).await.expect(200);
    is_good_for_nothing_within_two_seconds(&program, &elsewhere, 403, "account_deactivated", since).await;
    assert_eq!(socket.closing_code().await, 4401);
    ada.patch(&format!("/movers/{}", max.id), json!({"active": true})).await.expect(200);
    eventually("it works again", async || elsewhere.get("/orders").await.status == 200).await;
}

#[tokio::test]
async fn a_demoted_admin_s_key_is_a_mover_s() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.admin("Ada").await, app.admin("Eve").await);
    let program = eve.with_key(&ALL).await;
    let paths = ["/events", "/orders/export.csv", "/webhooks"];
    for path in paths {
        program.get(path).await.expect(200);
    }
    ada.patch(&format!("/movers/{}", eve.id), json!({"role": "mover"})).await.expect(200);
    tokio::time::sleep(Duration::from_secs(2)).await;
    for path in paths {
        program.get(path).await.refused(403, "admin_only");
    }
    program.get("/orders").await.expect(200);
}

#[tokio::test]
async fn an_expired_key_says_so() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let soon = chrono::Utc::now() + chrono::Duration::milliseconds(1500);
    let body = json!({"name": "Today", "scopes": ALL, "expires_at": soon.to_rfc3339()});
    let made = uma.post("/api-keys", body).await.expect(201);
    let program = uma.with_token(text(&made["key"]));
    let mut socket = crate::support::Socket::open(&app.base).await;
    let authenticated = socket.authenticate(&program.token).await;
    assert_eq!(authenticated["expires_at"], made["expires_at"]);
    eventually("it expires", async || program.get("/me").await.status == 401).await;
    assert!(chrono::Utc::now() >= soon, "not before");
    program.get("/me").await.refused(401, "api_key_expired");
    assert_eq!(socket.closing_code().await, 4401);
}

#[tokio::test]
async fn on_the_socket_a_key_needs_to_be_one_that_reads() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let writer = uma.with_key(&["orders:write"]).await;
    for token in [writer.token.as_str(), "otk_x"] {
        let mut socket = app.socket().await;
        socket.send(json!({"type": "authenticate", "token": token})).await;
        assert_eq!(socket.closing_code().await, 4401);
    }
    let mut socket = app.socket().await;
    let endless = uma.with_key(&["orders:read"]).await;
    assert_eq!(socket.authenticate(&endless.token).await["expires_at"], json!(null));
}

#[tokio::test]
async fn an_account_has_at_most_a_hundred() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let one_more = || uma.post("/api-keys", json!({"name": "One more", "scopes": ["orders:read"]}));
    // Also when they are asked for at once.
    let made = all((0..120).map(|_| one_more())).await;
    assert_eq!(made.iter().filter(|reply| reply.status == 201).count(), 100);
    one_more().await.refused(409, "too_many_api_keys");
    let page = uma.get("/api-keys?limit=1").await.expect(200);
    uma.delete(&format!("/api-keys/{}", text(&page.data()[0]["id"]))).await.expect(204);
    one_more().await.expect(201);
    // Pages, newest first.
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = uma.get(&format!("/api-keys?limit=30{cursor}")).await.expect(200);
        seen.extend(page.data().iter().map(|key| text(&key["id"]).to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 100);
    assert!(seen.is_sorted_by(|one, next| one > next), "newest first");
}

/// A token that is good for some minutes yet makes no key that is good for ever.
#[tokio::test]
async fn a_deactivated_account_makes_no_key() {
    let app = TestApp::start().await;
    let max = app.mover("Max").await;
    app.database.run("UPDATE accounts SET active = false");
    max.post("/api-keys", json!({"name": "Later", "scopes": ALL})).await.refused(403, "account_deactivated");
}

#[tokio::test]
async fn the_scheme_of_the_header_is_read_as_for_tokens() {
    let app = TestApp::start().await;
    let program = app.user("Uma").await.with_key(&ALL).await;
    let with = |header: String| {
        Request::new(&crate::support::http_client(), &app.base, Method::GET, "/api/v1/me")
            .header("authorization", header)
    };
    with(format!("bearer {}", program.token)).await.expect(200);
    with(format!("Basic {}", program.token)).await.refused(401, "unauthenticated");
    with(program.token.clone()).await.refused(401, "unauthenticated");
}
