//! Moves, undo, notes and messages, one at a time.

use serde_json::Value;

use crate::support::client::text;
use crate::support::people::{Order, Person, move_to};
use crate::support::{TestApp, json};

#[tokio::test]
async fn an_order_goes_its_way() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let started = max.moves(&order, "started").await;
    assert_eq!(started["actor"], json!({"role": "mover", "name": "Max"}));
    assert_eq!((&started["type"], &started["public"]), (&json!("order.status_changed"), &json!(true)));
    assert_eq!((&started["version"], &started["previous_public_version"]), (&json!(2), &json!(1)));
    max.moves(&order, "in_progress").await;
    let hold = json!({"status": "on_hold", "reason": "recipient_absent", "message": "We come again", "note": "Dog", "location": "Lisbon"});
    let held = max.adds(&order, hold).await;
    for (field, value) in
        [("reason", "recipient_absent"), ("message", "We come again"), ("note", "Dog"), ("location", "Lisbon")]
    {
        assert_eq!(held[field], value);
    }
    max.moves_through(&order, &["in_progress", "completed"]).await;
    let seen = uma.sees(&order).await;
    assert_eq!((&seen["status"], &seen["version"]), (&json!("completed"), &json!(6)));
    assert_eq!(seen["completed_at"], seen["events"][5]["occurred_at"]);
    assert_eq!((&seen["allowed"], &seen["undo"]), (&json!([]), &json!(null)));
    let statuses: Vec<&str> = seen["events"].as_array().unwrap().iter().map(|event| text(&event["status"])).collect();
    assert_eq!(statuses, ["created", "started", "in_progress", "on_hold", "in_progress", "completed"]);
}

/// The answer and the live frames are made of what was decided, all that is read later of what was written: alone by one
/// statement, beside others by another.
#[tokio::test]
async fn what_is_told_of_an_event_is_what_is_kept() {
    let app = TestApp::start().await;
    let (uma, max, eve) = (app.user("Uma").await, app.mover("Max").await, app.mover("Eve").await);
    let order = uma.create_order("Sofa").await;
    max.takes(&order).await;
    let mut watcher = uma.watch(&order).await;
    let estimated = "2031-05-01T08:00:00.000Z";
    let everything = json!({
        "status": "on_hold", "reason": "recipient_absent", "message": "We come again", "note": "Dog",
        "location": "Lisbon", "estimated_at": estimated, "occurred_at": chrono::Utc::now(),
    });
    let mut told = Vec::new();
    for event in [move_to("started"), everything.clone(), json!({"undo": true}), json!({"note": "Two dogs"})] {
        let reply = eve.tries(&order, event).await.expect(201);
        let seen = eve.sees(&order).await;
        for (field, value) in reply["order"].as_object().unwrap() {
            assert_eq!(&seen[field.as_str()], value, "{field}");
        }
        told.push(reply.json["event"].clone());
    }
    let mut items = vec![everything, json!({"status": "in_progress"}), json!({"message": "Soon"})];
    items.iter_mut().for_each(|item| item["order_id"] = json!(order.id));
    let reply = eve.post("/events/batch", json!({ "items": items })).await.expect(200);
    told.extend(reply.json["results"].as_array().unwrap().iter().map(|result| result["event"].clone()));
    assert!(told.iter().all(|event| event["assignee"]["name"] == "Max"), "{told:?}");
    assert_eq!(told[1]["estimated_at"], estimated);
    let kept = max.history(&order).await;
    assert_eq!(kept[2..], told);
    let mut live = watcher.events_until(kept.len() as i64).await;
    live.drain(..live.len() - told.len());
    assert_eq!(live, uma.history(&order).await[2..]);
}

/// The table of the design, over HTTP: from × to × {owner, mover, admin}.
#[tokio::test]
async fn every_move_that_the_table_allows_and_no_other() {
    let app = TestApp::start().await;
    let (uma, max, ada) = (app.user("Uma").await, app.mover("Max").await, app.admin("Ada").await);
    type Names = &'static [&'static str];
    const WAYS: [(&str, Names, Names, Names); 6] = [
        // where, how it gets there, what a mover may do then, what the owner may do
        ("created", &[], &["started", "on_hold", "cancelled"], &["cancelled"]),
        ("started", &["started"], &["in_progress", "on_hold", "cancelled"], &["cancelled"]),
        ("in_progress", &["started", "in_progress"], &["completed", "on_hold", "cancelled"], &[]),
        ("on_hold", &["on_hold"], &["started", "in_progress", "cancelled"], &["cancelled"]),
        ("completed", &["started", "in_progress", "completed"], &[], &[]),
        ("cancelled", &["cancelled"], &[], &[]),
    ];
    for (from, way, movers, owners) in WAYS {
        for (person, allowed) in [(&uma, owners), (&max, movers), (&ada, movers)] {
            for to in ["started", "in_progress", "on_hold", "completed", "cancelled"] {
                let order = uma.create_order("Sofa").await;
                max.moves_through(&order, way).await;
                let reply = person.tries(&order, move_to(to)).await;
                if allowed.contains(&to) {
                    assert_eq!(reply.expect(201)["order"]["status"], to);
                } else {
                    let problem = reply.refused(409, "illegal_move");
                    let version = way.len() + 1;
                    assert_eq!(
                        (&problem["order_status"], &problem["version"]),
                        (&json!(from), &json!(version)),
                        "{from} to {to}"
                    );
                    assert_eq!(sorted(&problem["allowed"]), sorted(&json!(allowed)), "{from}, {}", person.name);
                    assert_eq!(max.sees(&order).await["version"], version, "nothing was written");
                }
            }
        }
    }
}

#[tokio::test]
async fn holds_and_cancellations_need_a_reason_and_other_moves_have_none() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    for status in ["on_hold", "cancelled"] {
        max.tries(&order, json!({"status": status})).await.invalid(&[("/reason", "reason_required")]);
        max.tries(&order, json!({"status": status, "reason": "rain"})).await.invalid(&[("/reason", "invalid_value")]);
    }
    for status in ["started", "in_progress", "completed"] {
        let with_reason = json!({"status": status, "reason": "other"});
        max.tries(&order, with_reason).await.invalid(&[("/reason", "not_allowed")]);
    }
    for alone in [json!({"note": "Dog", "reason": "other"}), json!({"undo": true, "reason": "other"})] {
        max.tries(&order, alone).await.invalid(&[("/reason", "not_allowed")]);
    }
    let reasons = [
        "recipient_absent",
        "refused",
        "address_problem",
        "damaged",
        "lost",
        "delayed",
        "awaiting_payment",
        "by_request",
        "other",
    ];
    for reason in reasons {
        let order = uma.create_order("Sofa").await;
        let event = max.adds(&order, json!({"status": "on_hold", "reason": reason})).await;
        assert_eq!(event["reason"], reason);
    }
    assert_eq!(uma.history(&order).await.len(), 1);
}

#[tokio::test]
async fn what_an_event_may_say() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    for nothing in [json!({}), json!({"undo": false}), json!({"expected_status": "created"})] {
        max.tries(&order, nothing).await.invalid(&[("", "empty")]);
    }
    max.tries(&order, json!({"message": "  ", "note": ""}))
        .await
        .invalid(&[("/message", "too_short"), ("/note", "too_short")]);
    max.tries(&order, json!({"status": "created"})).await.invalid(&[("/status", "invalid_value")]);
    let wrong = json!({
        "status": "moving", "message": "x".repeat(1001), "note": "x".repeat(1001), "location": "x".repeat(121),
        "estimated_at": "soon", "occurred_at": 12, "expected_status": "done", "undo": "yes", "version": 3,
    });
    max.tries(&order, wrong).await.invalid(&[
        ("/status", "invalid_value"),
        ("/message", "too_long"),
        ("/note", "too_long"),
        ("/location", "too_long"),
        ("/estimated_at", "invalid_format"),
        ("/occurred_at", "wrong_type"),
        ("/expected_status", "invalid_value"),
        ("/undo", "wrong_type"),
        ("/version", "unknown_field"),
    ]);
    max.tries(&order, json!({"status": "started", "undo": true})).await.invalid(&[("/undo", "not_allowed")]);
    assert_eq!(uma.history(&order).await.len(), 1);

    let longest = json!({"message": "ü".repeat(1000), "note": "日".repeat(1000), "location": "😀".repeat(120)});
    let event = max.adds(&order, longest.clone()).await;
    assert_eq!(
        (&event["message"], &event["note"], &event["location"]),
        (&longest["message"], &longest["note"], &longest["location"])
    );
}

#[tokio::test]
async fn null_is_no_text() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    for field in ["message", "note", "location", "occurred_at", "status", "reason", "expected_status", "undo"] {
        let mut event = json!({"message": "Soon", "note": "Dog"});
        event[field] = Value::Null;
        let pointer = format!("/{field}");
        let violations = max.tries(&order, event).await.violations();
        assert!(violations.contains(&(pointer, "wrong_type".to_owned())), "{field}: {violations:?}");
    }
}

#[tokio::test]
async fn the_owner_writes_messages_and_notes_too() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let note = uma.adds(&order, json!({"note": "Ring twice"})).await;
    assert_eq!((&note["type"], &note["public"]), (&json!("order.noted"), &json!(false)));
    assert_eq!(note["actor"], json!({"role": "user", "name": "Uma"}));
    let message = uma.adds(&order, json!({"message": "I am home from five"})).await;
    assert_eq!((&message["type"], &message["public"]), (&json!("order.noted"), &json!(true)));
    assert_eq!(message["previous_public_version"], 1);
    // Also after the end.
    max.moves_through(&order, &["started", "in_progress", "completed"]).await;
    uma.adds(&order, json!({"message": "Thank you"})).await;
}

#[tokio::test]
async fn an_estimate_is_given_and_withdrawn() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let given = max.adds(&order, json!({"estimated_at": "2026-11-23T12:00:00+02:00"})).await;
    assert_eq!((&given["estimated_at"], &given["public"]), (&json!("2026-11-23T10:00:00.000Z"), &json!(true)));
    // It stays on later events and on the order.
    assert_eq!(max.moves(&order, "started").await["estimated_at"], "2026-11-23T10:00:00.000Z");
    assert_eq!(uma.sees(&order).await["estimated_at"], "2026-11-23T10:00:00.000Z");
    let withdrawn = max.adds(&order, json!({"estimated_at": null})).await;
    assert_eq!((&withdrawn["estimated_at"], &withdrawn["type"]), (&Value::Null, &json!("order.noted")));
    assert_eq!(uma.sees(&order).await["estimated_at"], Value::Null);
}

#[tokio::test]
async fn who_comes_too_late_learns_what_the_order_is_now() {
    let app = TestApp::start().await;
    let (uma, max, eve) = (app.user("Uma").await, app.mover("Max").await, app.mover("Eve").await);
    let order = uma.create_order("Sofa").await;
    max.tries(&order, json!({"status": "started", "expected_status": "created"})).await.expect(201);
    let late = json!({"status": "on_hold", "reason": "delayed", "expected_status": "created"});
    let problem = eve.tries(&order, late).await.refused(409, "status_changed");
    assert_eq!((&problem["order"]["status"], &problem["order"]["version"]), (&json!("started"), &json!(2)));
    assert_eq!(problem["order"]["undo"], Value::Null, "as Eve sees it");
    // For notes as well.
    let note = json!({"note": "Dog", "expected_status": "created"});
    eve.tries(&order, note).await.refused(409, "status_changed");
    assert_eq!(uma.history(&order).await.len(), 2);
}

#[tokio::test]
async fn movers_say_when_it_happened() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    app.database.run("UPDATE orders SET created_at = created_at - interval '1 day'");
    let now: chrono::DateTime<chrono::Utc> = text(&order.json["created_at"]).parse().unwrap();
    let at =
        |minutes: i64| (now + chrono::Duration::minutes(minutes)).to_rfc3339_opts(chrono::SecondsFormat::Millis, true);

    let event = max.adds(&order, json!({"status": "started", "occurred_at": at(-60)})).await;
    assert_eq!(
        text(&event["occurred_at"]).parse::<chrono::DateTime<chrono::Utc>>().unwrap(),
        now - chrono::Duration::minutes(60)
    );
    assert_ne!(event["occurred_at"], event["recorded_at"]);
    for out_of_range in [at(-25 * 60), at(7), "9999-12-31T23:59:59Z".to_owned(), "0001-01-01T00:00:00Z".to_owned()] {
        let reply = max.tries(&order, json!({"note": "x", "occurred_at": out_of_range})).await;
        reply.invalid(&[("/occurred_at", "invalid_value")]);
    }
    for malformed in ["", "now", "2026-11-22", "2026-11-22T10:00:00", "2026-02-30T10:00:00Z", "+10000-01-01T00:00:00Z"]
    {
        let reply = max.tries(&order, json!({"note": "x", "occurred_at": malformed})).await;
        assert_eq!(reply.status, 422, "{malformed:?}: {}", reply.text());
    }
    let unicode_minus = "2026-11-23T10:00:00\u{2212}01:00";
    max.tries(&order, json!({"estimated_at": unicode_minus})).await.invalid(&[("/estimated_at", "invalid_format")]);
    // As Postgres reads it, and everybody from the first answer on.
    let leap = max.adds(&order, json!({"estimated_at": "2026-11-23T23:59:60.5Z"})).await;
    assert_eq!(leap["estimated_at"], "2026-11-24T00:00:00.500Z");
    assert_eq!(max.sees(&order).await["estimated_at"], leap["estimated_at"]);
    max.adds(&order, json!({"note": "A fast clock", "occurred_at": at(4)})).await;
    // What owners do happens now.
    let reply = uma.tries(&order, json!({"note": "x", "occurred_at": at(0)})).await;
    reply.invalid(&[("/occurred_at", "not_allowed")]);
}

#[tokio::test]
async fn completed_at_is_when_it_happened() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    app.database.run("UPDATE orders SET created_at = created_at - interval '1 day'");
    max.moves_through(&order, &["started", "in_progress"]).await;
    let at = text(&order.json["created_at"]).to_owned();
    max.adds(&order, json!({"status": "completed", "occurred_at": at})).await;
    assert_eq!(uma.sees(&order).await["completed_at"], at.as_str());
}

// ---- Undo ----

#[tokio::test]
async fn whoever_made_the_newest_move_takes_it_back() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let hold = json!({"status": "on_hold", "reason": "lost"});
    max.adds(&order, hold).await;
    max.moves_through(&order, &["in_progress", "completed"]).await;
    // A note in between does not matter.
    uma.adds(&order, json!({"note": "Really?"})).await;
    let undo = &max.sees(&order).await["undo"];
    assert_eq!((&undo["version"], &undo["status"]), (&json!(4), &json!("in_progress")));
    let event = max.adds(&order, json!({"undo": true, "message": "Not yet"})).await;
    assert_eq!((&event["type"], &event["status"]), (&json!("order.status_changed"), &json!("in_progress")));
    assert_eq!((&event["undoes"], &event["public"]), (&json!(4), &json!(true)));
    assert_eq!(uma.sees(&order).await["completed_at"], Value::Null);

    // Undone, that can be undone; what lies before can't.
    let event = max.adds(&order, json!({"undo": true})).await;
    assert_eq!((&event["status"], &event["undoes"]), (&json!("completed"), &json!(6)));
}

#[tokio::test]
async fn undo_brings_the_reason_back() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    max.adds(&order, json!({"status": "on_hold", "reason": "lost"})).await;
    max.moves(&order, "started").await;
    let event = max.adds(&order, json!({"undo": true})).await;
    assert_eq!((&event["status"], &event["reason"]), (&json!("on_hold"), &json!("lost")));
}

#[tokio::test]
async fn nobody_else_and_nobody_late_undoes_but_an_admin_may() {
    let app = TestApp::start().await;
    let (uma, max, eve, ada) =
        (app.user("Uma").await, app.mover("Max").await, app.mover("Eve").await, app.admin("Ada").await);
    let order = uma.create_order("Sofa").await;
    let undo = json!({"undo": true});
    let problem = max.tries(&order, undo.clone()).await.refused(409, "undo_not_allowed");
    assert_eq!((&problem["order_status"], &problem["version"]), (&json!("created"), &json!(1)));

    max.moves(&order, "started").await;
    for person in [&eve, &uma] {
        let problem = person.tries(&order, undo.clone()).await.refused(409, "undo_not_allowed");
        assert_eq!(problem["version"], 2);
        assert!(problem["allowed"].as_array().unwrap().contains(&json!("cancelled")), "{problem}");
        assert_eq!(person.sees(&order).await["undo"], Value::Null);
    }
    assert!(!max.sees(&order).await["undo"]["until"].is_null());
    app.database.run("UPDATE orders SET moved_at = moved_at - interval '15 minutes 1 second'");
    max.tries(&order, undo.clone()).await.refused(409, "undo_not_allowed");
    assert_eq!(max.sees(&order).await["undo"], Value::Null);

    let offered = &ada.sees(&order).await["undo"];
    assert_eq!((&offered["status"], &offered["until"]), (&json!("created"), &Value::Null));
    ada.adds(&order, undo.clone()).await;
    // Now the admin's undo is the newest move.
    max.tries(&order, undo.clone()).await.refused(409, "undo_not_allowed");
    assert_eq!(uma.history(&order).await.len(), 3);
}

#[tokio::test]
async fn owners_take_their_cancellation_back() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let order = uma.create_order("Sofa").await;
    uma.moves(&order, "cancelled").await;
    let event = uma.adds(&order, json!({"undo": true})).await;
    assert_eq!((&event["status"], &event["actor"]["role"]), (&json!("created"), &json!("user")));
}

// ---- The log ----

#[tokio::test]
async fn the_log_agrees_with_the_orders() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    max.adds(&order, json!({"note": "private"})).await;
    max.takes(&order).await;
    max.moves(&order, "started").await;
    uma.changes(&order, json!({"title": "Couch"})).await;
    uma.adds(&order, json!({"message": "public"})).await;
    let history = uma.history(&order).await;
    let publics: Vec<bool> = history.iter().map(|event| event["public"].as_bool().unwrap()).collect();
    assert_eq!(publics, [true, false, false, true, false, true]);
    let previous: Vec<&Value> = history.iter().map(|event| &event["previous_public_version"]).collect();
    assert_eq!(previous, [&json!(null), &json!(1), &json!(1), &json!(1), &json!(4), &json!(4)]);
    let types: Vec<&str> = history.iter().map(|event| text(&event["type"])).collect();
    assert_eq!(
        types,
        [
            "order.created",
            "order.noted",
            "order.assignee_changed",
            "order.status_changed",
            "order.details_changed",
            "order.noted"
        ]
    );
    let times: Vec<&str> = history.iter().map(|event| text(&event["recorded_at"])).collect();
    assert!(times.is_sorted(), "{times:?}");
    consistent(&app);
}

/// What must hold in every database, whatever was done to it.
pub fn consistent(app: &TestApp) {
    let broken = app.database.number(
        "SELECT count(*) FROM orders o WHERE version <> (SELECT count(*) FROM order_events e WHERE e.order_id = o.id) \
         OR version <> (SELECT max(version) FROM order_events e WHERE e.order_id = o.id) \
         OR public_version <> (SELECT max(version) FROM order_events e WHERE e.order_id = o.id AND public) \
         OR status <> (SELECT status FROM order_events e WHERE e.order_id = o.id ORDER BY version DESC LIMIT 1) \
         OR updated_at <> (SELECT recorded_at FROM order_events e WHERE e.order_id = o.id ORDER BY version DESC LIMIT 1)",
    );
    assert_eq!(broken, 0, "orders that disagree with their log");
    let gaps = app.database.number(
        "SELECT count(*) FROM (SELECT version, row_number() OVER (PARTITION BY order_id ORDER BY seq) AS place, \
         previous_public_version, max(version) FILTER (WHERE public) OVER (PARTITION BY order_id ORDER BY version \
         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS newest_public, \
         recorded_at < lag(recorded_at) OVER (PARTITION BY order_id ORDER BY version) AS backwards FROM order_events) log \
         WHERE version <> place OR previous_public_version IS DISTINCT FROM newest_public OR backwards",
    );
    assert_eq!(gaps, 0, "events out of order");
}

#[tokio::test]
async fn somebody_elses_order_is_not_there() {
    let app = TestApp::start().await;
    let (uma, otto) = (app.user("Uma").await, app.user("Otto").await);
    let order = uma.create_order("Sofa").await;
    // Also when the body is wrong in every way: who may not see it learns nothing.
    for body in [json!({"status": "started"}), json!({"nonsense": 1}), json!([])] {
        otto.tries(&order, body.clone()).await.refused(404, "not_found");
        otto.patch(&format!("/orders/{}", order.id), body).await.refused(404, "not_found");
    }
    let unreadable =
        otto.request(reqwest::Method::POST, &format!("/orders/{}/events", order.id)).body("application/json", "{");
    unreadable.await.refused(404, "not_found");
    otto.get(&format!("/orders/{}/events?limit=x", order.id)).await.refused(404, "not_found");
    assert_eq!(uma.history(&order).await.len(), 1);
}

#[tokio::test]
async fn a_deactivated_mover_moves_nothing() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order: Order = uma.create_order("Sofa").await;
    // Behind the server's back: the journal looks for itself.
    app.database.run(&format!("UPDATE accounts SET active = false WHERE id = '{}'", max.id));
    let reply = max.tries(&order, json!({"status": "started"})).await;
    assert_eq!(reply.status, 401, "{}", reply.text());
    assert_eq!(history_length(&uma, &order).await, 1);
}

async fn history_length(person: &Person, order: &Order) -> usize {
    person.history(order).await.len()
}

fn sorted(names: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = names.as_array().expect("a list").iter().map(text).collect();
    names.sort();
    names
}
