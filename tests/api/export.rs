//! Orders as CSV, and those with an event since some time.

use std::future::IntoFuture;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::client::text;
use crate::support::people::{PASSWORD, Person};
use crate::support::process::Process;
use crate::support::{TestApp, json};

/// Lines of fields, read by a library.
fn read(body: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(body);
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[tokio::test]
async fn an_export_has_what_the_list_has_and_no_formula() {
    let app = TestApp::start().await;
    let (uma, otto, max, ada) =
        (app.user("Uma").await, app.user("=Otto()").await, app.mover("Max").await, app.admin("Ada").await);
    let sofa = uma
        .creates(json!({
            "title": "=HYPERLINK(\"https://evil.example\")", "description": "Two\nlines, \"quoted\"", "reference": "-1",
            "recipient": {"name": "@Ana", "phone": "+351 210 000 000"}, "metadata": {"floor": "3"},
            "pickup_address": "Dock 4", "delivery_address": "Street 5", "public_tracking": false,
            "due_at": "2026-12-01T10:00:00Z",
        }))
        .await;
    let lamp = uma.create_order("'=Lamp").await;
    otto.create_order("Not Uma's").await;
    max.takes(&lamp).await;

    let export = uma.get("/orders/export.csv").await.expect(200);
    assert_eq!(export.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(export.header("content-disposition"), Some("attachment; filename=\"orders.csv\""));
    let lines = read(&export.body);
    let column = |name: &str| lines[0].iter().position(|column| column == name).unwrap();
    let cell = |line: usize, name: &str| lines[line][column(name)].as_str();
    assert_eq!(lines.len(), 3);
    assert_eq!((cell(1, "id"), cell(2, "id")), (&lamp.id[..], &sofa.id[..]), "newest first");
    assert_eq!(cell(2, "title"), "'=HYPERLINK(\"https://evil.example\")");
    assert_eq!(cell(2, "description"), "Two\nlines, \"quoted\"");
    assert_eq!((cell(2, "reference"), cell(2, "recipient_name")), ("'-1", "'@Ana"));
    assert_eq!((cell(2, "recipient_phone"), cell(2, "metadata")), ("'+351 210 000 000", r#"{"floor":"3"}"#));
    assert_eq!((cell(2, "due_at"), cell(2, "status")), ("2026-12-01T10:00:00.000Z", "created"));
    assert_eq!((cell(2, "pickup_address"), cell(2, "delivery_address")), ("Dock 4", "Street 5"));
    assert_eq!((cell(2, "public_tracking"), cell(1, "public_tracking")), ("false", "true"));
    assert_eq!((cell(1, "title"), cell(1, "assignee_name")), ("''=Lamp", "Max"));

    // With the list's filters; all of them for admins only.
    assert_eq!(read(&uma.get("/orders/export.csv?q=lamp").await.expect(200).body).len(), 2);
    max.moves(&lamp, "started").await;
    assert_eq!(read(&uma.get("/orders/export.csv?status=started").await.expect(200).body).len(), 2);
    assert_eq!(read(&uma.get("/orders/export.csv?status=completed").await.expect(200).body).len(), 1);
    let all = read(&ada.get("/orders/export.csv").await.expect(200).body);
    assert_eq!(all.len(), 4);
    assert!(all.iter().any(|line| line.contains(&"'=Otto()".to_owned())));
    max.get("/orders/export.csv").await.refused(403, "admin_only");
    uma.get("/orders/export.csv?limit=1").await.refused(400, "invalid_parameter");
    assert_eq!(read(&app.user("Nobody").await.get("/orders/export.csv").await.expect(200).body).len(), 1);
}

#[tokio::test]
async fn an_export_goes_on_from_page_to_page() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    for call in 0..3 {
        let items: Vec<_> = (0..421).map(|n| json!({"title": format!("Sofa {call} {n}")})).collect();
        uma.post("/orders/batch", json!({"items": items})).await.expect(200);
    }
    let lines = read(&uma.get("/orders/export.csv").await.expect(200).body);
    assert_eq!(lines.len(), 1 + 3 * 421);
    let ids: std::collections::HashSet<&String> = lines.iter().map(|line| &line[0]).collect();
    assert_eq!(ids.len(), lines.len());
    let head = uma.request(reqwest::Method::HEAD, "/orders/export.csv").off_contract().await.expect(200);
    assert_eq!((head.header("content-type"), head.body.len()), (Some("text/csv; charset=utf-8"), 0));
}

/// Page by page, to the end: what is exported is never all in memory.
#[tokio::test]
async fn a_large_export_takes_no_more_memory_than_a_small_one() {
    let _alone = crate::support::heavy().await;
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    uma.create_order("Sofa").await;
    app.database.run(
        "INSERT INTO orders (id, owner_id, status, version, public_version, title, description, created_at, updated_at)
         SELECT lpad(n::text, 10, '0'), owner_id, status, 1, 1, 'Sofa', repeat('x', 300), at, at
         FROM orders, generate_series(1, 100000) AS n, LATERAL (SELECT created_at - n * interval '1 second') AS t (at)",
    );
    let process = Process::serves(app.environment()).await;
    let there = Person::logs_in(&process.base, "users", &uma.email, PASSWORD).await;
    there.get("/orders/export.csv?q=nothing").await.expect(200);
    let before = process.memory();
    let mut most = before;
    let mut export = there.get("/orders/export.csv").into_future();
    let export = loop {
        tokio::select! {
            reply = &mut export => break reply.expect(200),
            () = tokio::time::sleep(Duration::from_millis(20)) => most = most.max(process.memory()),
        }
    };
    assert_eq!(read(&export.body).len(), 100_002);
    assert!(export.body.len() > 40_000_000, "{} bytes", export.body.len());
    assert!(most - before < 15_000_000, "{before} and {most} bytes");
}

/// It may go on for hours; a key that is ended meanwhile is good for no further page.
#[tokio::test]
async fn an_export_ends_with_the_key_that_it_was_asked_for_with() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    // Thirteen megabytes are more than waits in the system for who does not read.
    for _ in 0..12 {
        let items = vec![json!({"title": "Sofa", "description": "x".repeat(2000)}); 500];
        uma.post("/orders/batch", json!({"items": items})).await.expect(200);
    }
    let made = uma.makes_key(&["orders:read"]).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address = app.base.trim_start_matches("http://").parse().unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let head = format!(
        "GET /api/v1/orders/export.csv HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        text(&made["key"])
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut received = vec![0; 1024];
    stream.read_exact(&mut received).await.unwrap();
    assert!(received.starts_with(b"HTTP/1.1 200 OK"), "{}", String::from_utf8_lossy(&received));
    uma.delete(&format!("/api-keys/{}", text(&made["id"]))).await.expect(204);
    // However it ends: with no more than what was read before, and not as if it were all.
    let _ = stream.read_to_end(&mut received).await;
    assert!(!received.ends_with(b"0\r\n\r\n") && received.len() < 12_000_000, "{}", received.len());
}

#[tokio::test]
async fn lists_can_be_of_what_has_changed_since() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    uma.create_order("Old").await;
    let moved = uma.create_order("Moved").await;
    app.database.run(
        "UPDATE order_events SET recorded_at = recorded_at - interval '2 hours', occurred_at = occurred_at - interval '2 hours';
         UPDATE orders SET created_at = created_at - interval '2 hours', updated_at = updated_at - interval '2 hours'",
    );
    let hour_ago = (chrono::Utc::now() - chrono::Duration::hours(1)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let of = async |person: &crate::support::people::Person, path: &str| {
        person.get(&format!("{path}updated_from={hour_ago}")).await.expect(200)
    };
    assert!(of(&uma, "/orders?").await.data().is_empty());
    max.moves(&moved, "started").await;
    for person in [&uma, &max] {
        let listed = of(person, "/orders?status=created&status=started&").await;
        assert_eq!(listed.data().iter().map(|order| order["id"].clone()).collect::<Vec<_>>(), [json!(moved.id)]);
        assert_eq!(of(person, "/orders/counts?").await["total"], 1);
    }
    assert_eq!(read(&of(&uma, "/orders/export.csv?").await.body).len(), 2);
    assert_eq!(uma.get("/orders").await.expect(200).data().len(), 2);
    uma.get("/orders?updated_from=yesterday").await.refused(400, "invalid_parameter");
}
