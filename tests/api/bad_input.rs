//! What bad input gets: a problem with its own code, nothing written, nothing lost.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::client::text;
use crate::support::people::Person;
use crate::support::{Reply, Request, TestApp, json};

const LIMIT: usize = 64 * 1024;

/// Every operation that reads JSON and can be reached, with who may and a path that exists.
struct Forms {
    app: TestApp,
    uma: Person,
    max: Person,
    ada: Person,
    order: String,
    webhook: String,
}

impl Forms {
    async fn start() -> Forms {
        let app = TestApp::start().await;
        let (uma, max, ada) = (app.user("Uma").await, app.mover("Max").await, app.admin("Ada").await);
        let order = uma.create_order("Sofa").await.id;
        let made = uma.post("/webhooks", json!({"url": "https://shop.example/hook"})).await.expect(201);
        let webhook = format!("/webhooks/{}", text(&made["id"]));
        uma.patch(&webhook, json!({"active": false})).await.expect(200);
        Forms { app, uma, max, ada, order, webhook }
    }

    fn all(&self) -> Vec<(&'static str, Request)> {
        let (uma, max, ada, order, webhook) = (&self.uma, &self.max, &self.ada, &self.order, &self.webhook);
        vec![
            ("register", self.app.request(Method::POST, "/users")),
            ("log in", self.app.request(Method::POST, "/users/sessions")),
            ("log in", self.app.request(Method::POST, "/movers/sessions")),
            ("join", self.app.request(Method::POST, "/movers")),
            ("update mover", ada.request(Method::PATCH, &format!("/movers/{}", max.id))),
            ("invite", ada.request(Method::POST, "/movers/invitations")),
            ("update me", uma.request(Method::PATCH, "/me")),
            ("change password", uma.request(Method::PUT, "/me/password")),
            ("create order", uma.request(Method::POST, "/orders")),
            ("update order", uma.request(Method::PATCH, &format!("/orders/{order}"))),
            ("add event", max.request(Method::POST, &format!("/orders/{order}/events"))),
            ("assign", max.request(Method::PUT, &format!("/orders/{order}/assignee"))),
            ("batch", max.request(Method::POST, "/events/batch")),
            ("batch", uma.request(Method::POST, "/orders/batch").header("idempotency-key", "k")),
            ("create key", uma.request(Method::POST, "/api-keys")),
            ("create webhook", uma.request(Method::POST, "/webhooks")),
            ("update webhook", uma.request(Method::PATCH, webhook)),
            ("replay", uma.request(Method::POST, &format!("{webhook}/replay"))),
        ]
    }

    /// What there is, to be compared with what there is afterwards.
    fn state(&self) -> Option<String> {
        self.app.database.value(
            "SELECT (SELECT count(*) FROM accounts) || ' ' || (SELECT count(*) FROM sessions) || ' ' || \
             (SELECT count(*) FROM invitations) || ' ' || (SELECT count(*) FROM orders) || ' ' || \
             (SELECT count(*) FROM order_events) || ' ' || (SELECT count(*) FROM api_keys) || ' ' || \
             (SELECT count(*) FROM idempotency_keys) || ' ' || (SELECT count(*) FROM webhook_deliveries) || ' ' || \
             (SELECT string_agg(webhooks::text, ' ') FROM webhooks)",
        )
    }

    async fn all_answer(&self, body: impl Into<Vec<u8>> + Clone, status: u16, code: &str) {
        let before = self.state();
        for (name, form) in self.all() {
            let reply = form.body("application/json", body.clone()).await;
            assert_eq!((reply.status, reply["code"].as_str()), (status, Some(code)), "{name}: {}", reply.text());
        }
        assert_eq!(self.state(), before, "nothing was written");
    }
}

#[tokio::test]
async fn malformed_json() {
    let forms = Forms::start().await;
    for body in [
        "",
        "{",
        "{\"title\":\"Sofa\"",
        "{'title': 'Sofa'}",
        "title=Sofa",
        "{\"title\":\"Sofa\"} {}",
        "{\"title\":\"Sofa\",}",
        "\u{feff}{}",
        "nul",
    ] {
        forms.all_answer(body, 400, "malformed_json").await;
    }
    // Not UTF-8.
    forms.all_answer(b"{\"title\":\"\xff\xfe\",\"email\":\"\xc3\x28\"}".as_slice(), 400, "malformed_json").await;
}

#[tokio::test]
async fn json_that_is_no_object() {
    let forms = Forms::start().await;
    for body in ["null", "[]", "1", "\"title\"", "true", "[{\"title\":\"Sofa\"}]"] {
        forms.all_answer(body, 422, "validation_failed").await;
    }
}

#[tokio::test]
async fn unknown_fields() {
    let forms = Forms::start().await;
    let before = forms.state();
    for (name, form) in forms.all() {
        let violations = form.json(&json!({"no_such_field": 1})).await.violations();
        let unknown = ("/no_such_field".to_owned(), "unknown_field".to_owned());
        assert!(violations.contains(&unknown), "{name}: {violations:?}");
    }
    assert_eq!(forms.state(), before);
}

#[tokio::test]
async fn a_lone_surrogate() {
    let forms = Forms::start().await;
    for body in [r#"{"title":"\ud800","name":"\ud800"}"#, r#"{"title":"a\udc00b"}"#, r#"{"\ud83d":"x"}"#] {
        forms.all_answer(body, 400, "malformed_json").await;
    }
    // A pair is a character.
    forms
        .uma
        .request(Method::POST, "/orders")
        .body("application/json", r#"{"title":"\ud83d\ude00"}"#)
        .await
        .expect(201);
}

#[tokio::test]
async fn ten_thousand_levels_of_nesting() {
    let forms = Forms::start().await;
    forms.all_answer("[".repeat(10_000), 400, "malformed_json").await;
    forms.all_answer(format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)), 400, "malformed_json").await;
    forms.all_answer(format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000)), 400, "malformed_json").await;
    let inside = format!("{{\"title\":\"Sofa\",\"metadata\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    forms.uma.request(Method::POST, "/orders").body("application/json", inside).await.refused(400, "malformed_json");
    forms.uma.get("/me").await.expect(200);
}

#[tokio::test]
async fn sixty_four_kibibytes_and_one_byte() {
    let forms = Forms::start().await;
    let before = forms.state();
    let body = |length: usize| format!("{{\"x\":1{}}}", " ".repeat(length - 7));
    for (name, form) in forms.all().into_iter().filter(|(name, _)| *name != "batch") {
        let reply = form.body("application/json", body(LIMIT + 1)).await;
        assert_eq!((reply.status, reply["code"].as_str()), (413, Some("body_too_large")), "{name}");
    }
    for (name, form) in forms.all().into_iter().filter(|(name, _)| *name != "batch") {
        let reply = form.body("application/json", body(LIMIT)).await;
        assert_eq!(reply.status, 422, "{name}: exactly 64 KiB are read");
    }
    assert_eq!(forms.state(), before);
    // Far too large ones too: the answer comes, and the server goes on.
    forms
        .uma
        .request(Method::POST, "/orders")
        .body("application/json", body(8 * 1024 * 1024))
        .await
        .refused(413, "body_too_large");
    forms.uma.get("/me").await.expect(200);
}

#[tokio::test]
async fn other_media_types() {
    let forms = Forms::start().await;
    let before = forms.state();
    for media_type in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx", "", "é"]
    {
        for (name, form) in forms.all() {
            let reply = form.body(media_type, "{\"title\":\"Sofa\"}").await;
            assert_eq!(
                (reply.status, reply["code"].as_str()),
                (415, Some("unsupported_media_type")),
                "{name}, {media_type}"
            );
        }
    }
    for (_, form) in forms.all() {
        form.await.refused(415, "unsupported_media_type");
    }
    assert_eq!(forms.state(), before);
    let create = |media_type: &str| forms.uma.request(Method::POST, "/orders").body(media_type, "{\"title\":\"Sofa\"}");
    create("Application/JSON; charset=UTF-8").await.expect(201);
    create("application/merge-patch+json").await.refused(415, "unsupported_media_type");
}

#[tokio::test]
async fn nul_bytes_and_control_characters() {
    let forms = Forms::start().await;
    let (app, uma, max, ada) = (&forms.app, &forms.uma, &forms.max, &forms.ada);
    let order = forms.order.as_str();
    let before = forms.state();
    let nul = "a\u{0}b";
    let orders = json!({
        "title": nul, "description": nul, "reference": nul, "recipient": {"name": nul, "phone": nul},
        "pickup_address": nul, "delivery_address": nul, "metadata": {"key": nul, nul: "value"},
    });
    let all = [
        "/title",
        "/description",
        "/reference",
        "/recipient/name",
        "/recipient/phone",
        "/pickup_address",
        "/delivery_address",
        "/metadata/key",
        "/metadata/a\u{0}b",
    ];
    let all: Vec<(&str, &str)> = all.iter().map(|pointer| (*pointer, "invalid_characters")).collect();
    uma.post("/orders", orders.clone()).await.invalid(&all);
    uma.patch(&format!("/orders/{order}"), orders).await.invalid(&all);
    let event = json!({"message": nul, "note": nul, "location": "a\nb"});
    max.post(&format!("/orders/{order}/events"), event).await.invalid(&[
        ("/message", "invalid_characters"),
        ("/note", "invalid_characters"),
        ("/location", "invalid_characters"),
    ]);
    ada.post("/movers/invitations", json!({"role": "mover", "note": nul}))
        .await
        .invalid(&[("/note", "invalid_characters")]);
    uma.patch("/me", json!({"name": nul})).await.invalid(&[("/name", "invalid_characters")]);
    let key = json!({"name": nul, "scopes": ["orders:read"]});
    uma.post("/api-keys", key).await.invalid(&[("/name", "invalid_characters")]);
    let webhook = json!({"url": "https://shop.example/a\u{0}b", "description": nul});
    for request in [uma.post("/webhooks", webhook.clone()), uma.patch(&forms.webhook, webhook.clone())] {
        request.await.invalid(&[("/url", "invalid_characters"), ("/description", "invalid_characters")]);
    }
    let account = json!({"email": "a\u{0}@b.example", "password": "12345678\u{0}", "name": nul});
    app.post("/users", account).await.invalid(&[
        ("/email", "invalid_characters"),
        ("/name", "invalid_characters"),
        ("/password", "invalid_characters"),
    ]);
    // A login says only that it is wrong.
    for credentials in
        [json!({"email": nul, "password": "x"}), json!({"email": uma.email, "password": "correct horse\u{0}"})]
    {
        app.post("/users/sessions", credentials).await.refused(401, "invalid_credentials");
    }
    let join = json!({"invitation": nul, "email": "x@y.example", "password": "correct horse", "name": "X"});
    let reply = app.post("/movers", join).await;
    assert!([404, 422].contains(&reply.status), "{}", reply.text());
    max.post("/events/batch", json!({"items": [{"order_id": nul, "note": "x"}]})).await.expect(200);
    assert_eq!(forms.state(), before);

    // Several lines are fine where there may be several.
    uma.creates(json!({"title": "Sofa", "description": "a\r\n\tb", "pickup_address": "a\nb"})).await;
}

#[tokio::test]
async fn null_where_the_contract_wants_a_value() {
    let forms = Forms::start().await;
    let before = forms.state();
    let (uma, max, ada) = (&forms.uma, &forms.max, &forms.ada);
    for (person, method, path, fields) in [
        (uma, Method::POST, "/orders".to_owned(), vec!["public_tracking"]),
        (uma, Method::PATCH, format!("/orders/{}", forms.order), vec!["title", "public_tracking"]),
        (uma, Method::PATCH, "/me".to_owned(), vec!["name"]),
        (ada, Method::PATCH, format!("/movers/{}", max.id), vec!["active", "role"]),
        (max, Method::PUT, format!("/orders/{}/assignee", forms.order), vec!["mover_id"]),
    ] {
        for field in fields {
            let reply = person.request(method.clone(), &path).json(&json!({"title": "Sofa", field: null})).await;
            let pointer = format!("/{field}");
            let violations = reply.violations();
            assert!(violations.iter().any(|(at, _)| *at == pointer), "{path}, {field}: {violations:?}");
        }
    }
    assert_eq!(forms.state(), before);
}

#[tokio::test]
async fn numbers_that_are_none() {
    let forms = Forms::start().await;
    for body in ["{\"title\": 1e400}", "{\"title\": -}", "{\"title\": 01}", "{\"title\": NaN}", "{\"title\": 0x10}"] {
        let reply = forms.uma.request(Method::POST, "/orders").body("application/json", body).await;
        assert!([400, 422].contains(&reply.status), "{body}: {}", reply.text());
    }
}

/// Unknown, somebody else's, and no ID at all: the same answer, byte for byte but for the request ID.
#[tokio::test]
async fn what_you_may_not_see_is_not_there() {
    let forms = Forms::start().await;
    let otto = forms.app.user("Otto").await;
    let hidden = forms.uma.creates(json!({"title": "Secret", "public_tracking": false})).await.id;
    for suffix in ["", "/events"] {
        let mut bodies = Vec::new();
        for id in [
            forms.order.as_str(),
            "0000000000",
            "no-such-id",
            "7K3M9Q2XTU",
            "%00",
            "%F0%9F%98%80",
            "..%2f..%2fme",
            "%FF",
            &"7".repeat(500),
        ] {
            bodies.push(without_request_id(otto.get(&format!("/orders/{id}{suffix}")).await));
        }
        assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:#?}");
    }
    let mut bodies = Vec::new();
    for id in [hidden.as_str(), "0000000000", "no-such-id", "7K3M9Q2XTU", "%00", "%FF"] {
        bodies.push(without_request_id(forms.app.get(&format!("/track/{id}")).await));
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:#?}");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    for path in [
        "/api/v1",
        "/api/v1/",
        "/api/v1/nothing",
        "/api/v1/orders/",
        "/api/v2/orders",
        "/api/v1/orders/7K3M9Q2XTB/events/3",
    ] {
        let reply = app.page(path).off_contract().await;
        assert_eq!(reply.status, 404, "{path}: {}", reply.text());
        if path.starts_with("/api/v1/") {
            assert_eq!(
                (reply.header("content-type"), &reply["code"]),
                (Some("application/problem+json"), &json!("not_found")),
                "{path}"
            );
        }
    }
    for (method, path, allow) in [
        (Method::DELETE, "/orders", "POST, GET, HEAD"),
        (Method::PUT, "/orders/7K3M9Q2XTB", "GET, HEAD, PATCH"),
        (Method::GET, "/users", "POST"),
        (Method::HEAD, "/users", "POST"),
        (Method::OPTIONS, "/me", "GET, HEAD, PATCH"),
        (Method::POST, "/track/7K3M9Q2XTB", "GET, HEAD"),
    ] {
        let reply = uma.request(method.clone(), path).off_contract().await;
        assert_eq!((reply.status, reply.header("allow")), (405, Some(allow)), "{method} {path}");
        if method != Method::HEAD {
            assert_eq!(&reply["code"], "method_not_allowed", "{method} {path}");
        }
    }
}

/// HEAD is GET without the body, for whoever may GET.
#[tokio::test]
async fn head_goes_wherever_get_does() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let order = uma.create_order("Sofa").await;
    for path in [format!("/orders/{}", order.id), format!("/track/{}", order.id), "/orders".into(), "/me".into()] {
        let whole = uma.get(&path).await.expect(200);
        let head = uma.request(Method::HEAD, &path).off_contract().await.expect(200);
        assert!(head.body.is_empty(), "{path}");
        for name in ["content-type", "content-length", "etag", "cache-control"] {
            assert_eq!(head.header(name), whole.header(name), "{name} of {path}");
        }
    }
    let nobody = app.request(Method::HEAD, "/me").off_contract().await.expect(401);
    assert!(nobody.body.is_empty() && nobody.header("www-authenticate").is_some());
    app.request(Method::HEAD, "/track/0000000000").off_contract().await.expect(404);
}

/// Each problem has an ID of its own, which the log has as well.
#[tokio::test]
async fn requests_have_ids() {
    let app = TestApp::start().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(text(&app.get("/me").await.refused(401, "unauthenticated")["request_id"]).to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

fn without_request_id(reply: Reply) -> (u16, Vec<(String, String)>, String) {
    let json: Value = reply.json.clone();
    let id = text(&json["request_id"]).to_owned();
    let mut headers: Vec<(String, String)> = reply
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).replace(&id, "ID")))
        .filter(|(name, _)| name != "date")
        .collect();
    headers.sort();
    (reply.status, headers, reply.text().replace(&id, "ID"))
}

/// What was answered is not listened to for ever.
#[tokio::test]
async fn bodies_without_an_end() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let token = format!("Authorization: Bearer {}\r\n", uma.token);
    for (request, authorization, status) in [
        ("POST /api/v1/orders", "", "401"),
        ("POST /api/v1/nothing", "", "404"),
        ("DELETE /api/v1/orders", "", "405"),
        ("GET /livez", "", "200"),
        ("POST /api/v1/orders", token.as_str(), "413"),
    ] {
        let mut stream = connect(&app).await;
        let head = format!(
            "{request} HTTP/1.1\r\nHost: x\r\n{authorization}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let (mut reading, mut writing) = stream.into_split();
        let endless = tokio::spawn(async move {
            let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
            while writing.write_all(chunk.as_bytes()).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        let mut answer = Vec::new();
        // However it ends: closed, or reset because there was more.
        let _ = tokio::time::timeout(Duration::from_secs(10), reading.read_to_end(&mut answer)).await.expect(request);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer}");
        tokio::time::timeout(Duration::from_secs(10), endless).await.expect("nobody listens any more").unwrap();
    }
}

/// One that ends keeps its connection, whether its length was announced or not.
#[tokio::test]
async fn chunked_bodies_keep_their_connection() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let mut stream = connect(&app).await;
    for n in 0..3 {
        let body = format!("{{\"title\": \"Sofa {n}\"}}");
        let request = format!(
            "POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            uma.token,
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 8192];
        let length = stream.read(&mut answer).await.unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 201"), "{n}: {}", String::from_utf8_lossy(&answer[..length]));
    }
}

#[tokio::test]
async fn a_length_that_is_too_much_is_refused_before_it_comes() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let mut stream = connect(&app).await;
    let head = format!(
        "POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 9999999999\r\n\r\n",
        uma.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 8192];
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut answer)).await.expect("at once").unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer[..read]));
}

async fn connect(app: &TestApp) -> TcpStream {
    TcpStream::connect(app.base.trim_start_matches("http://")).await.unwrap()
}
