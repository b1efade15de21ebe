//! Orders: creating, one, lists and counts, details.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::client::{all, encode, text};
use crate::support::people::{Order, Person};
use crate::support::{TestApp, eventually, json};

// ---- Creating ----

#[tokio::test]
async fn a_new_order_is_what_was_asked_for() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let asked = json!({
        "title": " Sofa, three seats ",
        "description": "Two people\nneeded",
        "reference": "PO-1881",
        "recipient": {"name": "Ana Lima", "phone": "+351 210 000 000"},
        "pickup_address": "1 Dock Rd",
        "delivery_address": "2 Hill St",
        "due_at": "2026-12-01T10:00:00+01:00",
        "metadata": {"floor": "3", "tür/code~": ""},
        "public_tracking": false,
    });
    let reply = uma.post("/orders", asked.clone()).await.expect(201);
    let order = &reply.json;
    let id = text(&order["id"]);
    assert_eq!(reply.header("location"), Some(format!("/api/v1/orders/{id}").as_str()));
    assert_eq!(reply.header("etag"), Some("\"1\""));
    assert_eq!(order["title"], "Sofa, three seats");
    assert_eq!(order["due_at"], "2026-12-01T09:00:00.000Z");
    for field in
        ["description", "reference", "recipient", "pickup_address", "delivery_address", "metadata", "public_tracking"]
    {
        assert_eq!(order[field], asked[field], "{field}");
    }
    assert_eq!((&order["status"], &order["version"]), (&json!("created"), &json!(1)));
    assert_eq!(order["owner"], json!({"id": uma.id, "name": "Uma"}));
    assert_eq!((&order["allowed"], &order["undo"]), (&json!(["cancelled"]), &json!(null)));
    assert_eq!(order["created_at"], order["updated_at"]);

    // `Location` leads to it, and its history has begun.
    let seen = uma.sees(&Order::of(order.clone())).await;
    assert_eq!(seen["events"].as_array().unwrap().len(), 1);
    assert_eq!((&seen["events"][0]["type"], &seen["events"][0]["public"]), (&json!("order.created"), &json!(true)));
    assert_eq!(seen["events"][0]["recorded_at"], order["created_at"]);
}

#[tokio::test]
async fn a_title_is_enough() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let order = uma.create_order("Sofa").await.json;
    for field in
        ["description", "reference", "pickup_address", "delivery_address", "due_at", "estimated_at", "assignee"]
    {
        assert_eq!(order[field], Value::Null, "{field}");
    }
    assert_eq!((&order["metadata"], &order["public_tracking"]), (&json!({}), &json!(true)));
    assert_eq!(order["recipient"], json!({"name": null, "phone": null}));
    // Nothing but blanks is nothing.
    let blank = uma
        .creates(json!({"title": "Bed", "description": "  ", "reference": "", "recipient": null, "metadata": null}))
        .await;
    assert_eq!((&blank.json["description"], &blank.json["reference"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn a_form_tells_all_that_is_wrong_at_once() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    uma.post("/orders", json!({})).await.invalid(&[("/title", "missing")]);
    uma.post("/orders", json!({"title": "  "})).await.invalid(&[("/title", "missing")]);
    let too_long = json!({
        "title": "x".repeat(121), "description": "x".repeat(2001), "reference": "x".repeat(65),
        "recipient": {"name": "x".repeat(101), "phone": "1".repeat(41), "email": "a@b"},
        "pickup_address": "x".repeat(301), "delivery_address": "x".repeat(301),
        "metadata": {"floor": "x".repeat(201), "k".repeat(41): "v", "n": 3, "a/b~c": {}},
        "due_at": "tomorrow", "public_tracking": "yes", "colour": "red", "~/": 1,
    });
    let long_key = format!("/metadata/{}", "k".repeat(41));
    uma.post("/orders", too_long).await.invalid(&[
        ("/title", "too_long"),
        ("/description", "too_long"),
        ("/reference", "too_long"),
        ("/recipient/name", "too_long"),
        ("/recipient/phone", "too_long"),
        ("/recipient/email", "unknown_field"),
        ("/pickup_address", "too_long"),
        ("/delivery_address", "too_long"),
        ("/metadata/floor", "too_long"),
        (&long_key, "too_long"),
        ("/metadata/n", "wrong_type"),
        ("/metadata/a~1b~0c", "wrong_type"),
        ("/due_at", "invalid_format"),
        ("/public_tracking", "wrong_type"),
        ("/colour", "unknown_field"),
        ("/~0~1", "unknown_field"),
    ]);
    let wrong_types = json!({
        "title": 1, "description": [], "reference": {}, "recipient": "Ana", "metadata": ["a"], "due_at": 1764547200,
        "status": "started", "id": "7K3M9Q2XTB", "version": 1,
    });
    uma.post("/orders", wrong_types).await.invalid(&[
        ("/title", "wrong_type"),
        ("/description", "wrong_type"),
        ("/reference", "wrong_type"),
        ("/recipient", "wrong_type"),
        ("/metadata", "wrong_type"),
        ("/due_at", "wrong_type"),
        ("/status", "unknown_field"),
        ("/id", "unknown_field"),
        ("/version", "unknown_field"),
    ]);
    let many: serde_json::Map<_, _> = (0..21).map(|n| (format!("key {n}"), json!("value"))).collect();
    uma.post("/orders", json!({"title": "Sofa", "metadata": many})).await.invalid(&[("/metadata", "too_many")]);
    assert_eq!(app.database.number("SELECT count(*) FROM orders"), 0);
}

#[tokio::test]
async fn the_longest_texts_fit_counted_in_characters() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let metadata: serde_json::Map<_, _> =
        (10..30).map(|n| (format!("{n}{}", "k".repeat(38)), json!("ü".repeat(200)))).collect();
    let longest = json!({
        "title": "ß".repeat(120), "description": "日".repeat(2000), "reference": "é".repeat(64),
        "recipient": {"name": "😀".repeat(100), "phone": "1".repeat(40)},
        "pickup_address": "ü".repeat(300), "delivery_address": "ü".repeat(300), "metadata": metadata,
    });
    let order = uma.creates(longest.clone()).await;
    for field in longest.as_object().unwrap().keys() {
        assert_eq!(order.json[field], longest[field], "{field}");
    }
}

#[tokio::test]
async fn order_ids_are_ten_characters_of_crockfords_base_32() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let orders = futures_util::future::join_all((0..30).map(|_| uma.create_order("Sofa"))).await;
    let ids: BTreeSet<&str> = orders.iter().map(|order| order.id.as_str()).collect();
    assert_eq!(ids.len(), 30);
    let alphabet: BTreeSet<char> = ids.iter().flat_map(|id| id.chars()).collect();
    assert!(ids.iter().all(|id| id.len() == 10));
    assert!(alphabet.iter().all(|c| "0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(*c)), "{alphabet:?}");
    assert!(alphabet.len() > 28, "300 random characters use nearly all of the alphabet: {alphabet:?}");
}

#[tokio::test]
async fn ids_are_read_forgivingly() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    for typed in ways_to_type(&order.id) {
        assert_eq!(
            max.get(&format!("/orders/{}", encode(&typed))).await.expect(200)["id"],
            order.id.as_str(),
            "{typed:?}"
        );
        max.post(&format!("/orders/{}/events", encode(&typed)), json!({"note": typed})).await.expect(201);
    }
}

/// Lower case, hyphens, blanks, and the letters that are read as digits.
pub fn ways_to_type(id: &str) -> Vec<String> {
    let confused = id.replace('0', "o").replace('1', "l");
    vec![
        id.to_lowercase(),
        format!("{}-{}", &id[..5], &id[5..]),
        format!(" {} {}-{} ", &id[..3], &id[3..6], &id[6..]),
        confused.replacen('l', "I", 1),
        confused,
    ]
}

// ---- References ----

#[tokio::test]
async fn a_reference_is_unique_among_an_owners_orders_that_are_not_cancelled() {
    let app = TestApp::start().await;
    let (uma, otto, max) = (app.user("Uma").await, app.user("Otto").await, app.mover("Max").await);
    let first = uma.creates(json!({"title": "Sofa", "reference": "PO-1"})).await;
    let again = json!({"title": "Bed", "reference": "PO-1"});
    let problem = uma.post("/orders", again.clone()).await.refused(409, "reference_taken");
    assert_eq!(problem["order_id"], first.id.as_str(), "the answer names the other order");
    otto.creates(again.clone()).await;

    // A completed order keeps its reference, a cancelled one gives it back.
    max.moves_through(&first, &["started", "in_progress", "completed"]).await;
    uma.post("/orders", again.clone()).await.refused(409, "reference_taken");
    max.adds(&first, json!({"undo": true})).await;
    max.moves(&first, "cancelled").await;
    let second = uma.creates(again).await;

    // Taking the cancellation back would make two.
    let problem = max.tries(&first, json!({"undo": true})).await.refused(409, "reference_taken");
    assert_eq!(problem["order_id"], second.id.as_str());
    assert_eq!(uma.sees(&first).await["status"], "cancelled");
    uma.changes(&second, json!({"reference": null})).await;
    max.adds(&first, json!({"undo": true})).await;
}

#[tokio::test]
async fn a_patch_does_not_take_a_reference_either() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let first = uma.creates(json!({"title": "Sofa", "reference": "PO-1"})).await;
    let second = uma.create_order("Bed").await;
    let path = format!("/orders/{}", second.id);
    let problem = uma.patch(&path, json!({"reference": "PO-1", "title": "Bunk"})).await.refused(409, "reference_taken");
    assert_eq!(problem["order_id"], first.id.as_str());
    let seen = uma.sees(&second).await;
    assert_eq!((&seen["title"], &seen["version"]), (&json!("Bed"), &json!(1)), "nothing of it was written");
    // Its own reference is no obstacle.
    uma.changes(&first, json!({"reference": "PO-1", "title": "Couch"})).await;
}

// ---- One order ----

#[tokio::test]
async fn an_order_shows_its_newest_50_events_oldest_first() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let items: Vec<_> = (2..=120).map(|n| json!({"order_id": order.id, "note": format!("{n}")})).collect();
    max.post("/events/batch", json!({"items": items})).await.expect(200);
    let seen = uma.sees(&order).await;
    let versions: Vec<i64> =
        seen["events"].as_array().unwrap().iter().map(|event| event["version"].as_i64().unwrap()).collect();
    assert_eq!(versions, (71..=120).collect::<Vec<_>>());
    assert_eq!(seen["version"], 120);

    let history = uma.history(&order).await;
    let versions: Vec<i64> = history.iter().map(|event| event["version"].as_i64().unwrap()).collect();
    assert_eq!(versions, (1..=120).collect::<Vec<_>>());
    let last = uma.get(&format!("/orders/{}/events?after=118", order.id)).await.expect(200);
    assert_eq!((last.data().len(), &last["next_cursor"]), (2, &Value::Null));
    let none = uma.get(&format!("/orders/{}/events?after=999", order.id)).await.expect(200);
    assert!(none.data().is_empty());
    for wrong in ["after=-1", "after=x", "limit=0", "limit=101", "page=2", "after=99999999999"] {
        uma.get(&format!("/orders/{}/events?{wrong}", order.id)).await.refused(400, "invalid_parameter");
    }
}

/// `allowed` depends on who asks, and a user and a mover may share a browser: its cache must not mix them up.
#[tokio::test]
async fn no_cache_keeps_what_one_caller_may_do() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let path = format!("/orders/{}", order.id);
    let (own, movers) = (uma.get(&path).await.expect(200), max.get(&path).await.expect(200));
    assert_eq!(own.header("etag"), movers.header("etag"));
    assert_ne!(own["allowed"], movers["allowed"]);
    for reply in [own, movers] {
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn who_has_the_newest_version_gets_304() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let path = format!("/orders/{}", order.id);
    let etag = uma.get(&path).await.expect(200).header("etag").unwrap().to_owned();
    let unchanged = uma.get(&path).header("if-none-match", &etag).await.expect(304);
    assert_eq!(unchanged.header("etag"), Some(etag.as_str()));
    uma.get(&path).header("if-none-match", format!("\"x\", W/{etag}")).await.expect(304);
    max.moves(&order, "started").await;
    let changed = uma.get(&path).header("if-none-match", &etag).await.expect(200);
    assert_ne!(changed.header("etag"), Some(etag.as_str()));
    for odd in ["x", "\"", "\"0\"", "\"99999999999999999999\"", "é"] {
        uma.get(&path).header("if-none-match", odd).await.expect(200);
    }
}

// ---- Details ----

#[tokio::test]
async fn owners_change_details_by_merge_patch() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let order = uma
        .creates(json!({
            "title": "Sofa", "description": "Red", "recipient": {"name": "Ana", "phone": "1"}, "metadata": {"floor": "3", "lift": "no"},
        }))
        .await;
    let patch = json!({
        "description": null, "recipient": {"phone": null}, "metadata": {"lift": null, "gate": "7"}, "pickup_address": "1 Dock Rd",
    });
    let reply = uma.changes(&order, patch).await;
    assert_eq!(reply.header("etag"), Some("\"2\""));
    assert_eq!((&reply["description"], &reply["pickup_address"]), (&Value::Null, &json!("1 Dock Rd")));
    assert_eq!(reply["recipient"], json!({"name": "Ana", "phone": null}));
    assert_eq!(reply["metadata"], json!({"floor": "3", "gate": "7"}));

    let event = uma.history(&order).await.pop().unwrap();
    assert_eq!((&event["type"], &event["public"]), (&json!("order.details_changed"), &json!(false)));
    let changed: BTreeSet<&str> = event["changed"].as_array().unwrap().iter().map(text).collect();
    assert_eq!(changed, BTreeSet::from(["description", "recipient", "metadata", "pickup_address"]));

    // Null takes a whole object away; plain JSON is understood as well.
    let path = format!("/orders/{}", order.id);
    let cleared = uma
        .request(reqwest::Method::PATCH, &path)
        .json(&json!({"recipient": null, "metadata": null}))
        .await
        .expect(200);
    assert_eq!((&cleared["recipient"]["name"], &cleared["metadata"]), (&Value::Null, &json!({})));
}

#[tokio::test]
async fn no_change_makes_no_event() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let order = uma.creates(json!({"title": "Sofa", "due_at": "2026-12-01T10:00:00.123Z"})).await;
    for same in [
        json!({}),
        json!({"title": " Sofa "}),
        json!({"description": null}),
        json!({"due_at": "2026-12-01T11:00:00.1239+01:00"}),
    ] {
        let reply = uma.changes(&order, same).await;
        assert_eq!((&reply["version"], &reply["updated_at"]), (&json!(1), &order.json["updated_at"]));
    }
    assert_eq!(uma.history(&order).await.len(), 1);
}

#[tokio::test]
async fn a_patch_tells_all_that_is_wrong() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let order = uma.creates(json!({"title": "Sofa", "metadata": {"a": "1"}})).await;
    let path = format!("/orders/{}", order.id);
    uma.patch(&path, json!({"title": " \t"})).await.invalid(&[("/title", "missing")]);
    let wrong = json!({"title": null, "reference": "x".repeat(65), "status": "completed", "metadata": {"a": 1, "b": "x".repeat(201)}});
    uma.patch(&path, wrong).await.invalid(&[
        ("/title", "missing"),
        ("/reference", "too_long"),
        ("/status", "unknown_field"),
        ("/metadata/a", "wrong_type"),
        ("/metadata/b", "too_long"),
    ]);
    // Twenty keys in all, whatever the single patches say.
    let twenty: serde_json::Map<_, _> = (0..20).map(|n| (format!("key {n}"), json!("value"))).collect();
    uma.patch(&path, json!({"metadata": twenty})).await.invalid(&[("/metadata", "too_many")]);
    uma.changes(&order, json!({"metadata": {"a": null, "key 1": "v"}})).await;
    assert_eq!(uma.sees(&order).await["version"], 2);
}

#[tokio::test]
async fn if_match_guards_against_lost_updates() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let path = format!("/orders/{}", order.id);
    let patch = |tag: &str, title: &str| uma.patch(&path, json!({"title": title})).header("if-match", tag);
    patch("\"1\"", "Couch").await.expect(200);
    let problem = patch("\"1\"", "Settee").await.refused(412, "version_mismatch");
    assert_eq!((&problem["order"]["title"], &problem["order"]["version"]), (&json!("Couch"), &json!(2)));
    max.moves(&order, "started").await;
    patch("\"2\"", "Settee").await.refused(412, "version_mismatch");
    patch("*", "Settee").await.expect(200);
    // A change that changes nothing is refused all the same: what it was based on is old.
    patch("\"1\"", "Settee").await.refused(412, "version_mismatch");

    // Tampered with, or never ours.
    for tampered in ["\"04\"", "\"+4\"", "W/\"4\"", "\"4x\"", "\"\"", "\"-4\"", "\"99999999999999999999\""] {
        let reply = patch(tampered, "Bench").await;
        assert_eq!((reply.status, text(&reply["code"])), (412, "version_mismatch"), "{tampered}");
    }
    for malformed in ["4", "\"4", "4\"", "", "\"4\"\""] {
        let reply = patch(malformed, "Bench").await;
        assert_eq!((reply.status, text(&reply["code"])), (400, "invalid_if_match"), "{malformed:?}");
    }
    assert_eq!(uma.sees(&order).await["title"], "Settee");
}

#[tokio::test]
async fn closed_orders_keep_their_details() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let (done, cancelled) = (uma.create_order("Sofa").await, uma.create_order("Bed").await);
    max.moves_through(&done, &["started", "in_progress", "completed"]).await;
    uma.moves(&cancelled, "cancelled").await;
    for order in [done, cancelled] {
        let path = format!("/orders/{}", order.id);
        uma.patch(&path, json!({"title": "Desk"})).await.refused(409, "order_closed");
    }
}

// ---- Lists ----

#[tokio::test]
async fn users_list_their_own_orders_and_movers_all() {
    let app = TestApp::start().await;
    let (uma, otto, max) = (app.user("Uma").await, app.user("Otto").await, app.mover("Max").await);
    for (owner, title) in [(&uma, "Sofa"), (&otto, "Piano"), (&uma, "Bed")] {
        owner.create_order(title).await;
    }
    assert_eq!(titles(&uma, "/orders").await, ["Bed", "Sofa"]);
    assert_eq!(titles(&otto, "/orders").await, ["Piano"]);
    assert_eq!(titles(&max, "/orders").await, ["Bed", "Piano", "Sofa"]);
    assert_eq!(titles(&max, &format!("/orders?owner={}", uma.id)).await, ["Bed", "Sofa"]);
    // `allowed` is the caller's.
    let listed = max.get("/orders?limit=1").await.expect(200);
    assert_eq!(listed.data()[0]["allowed"], json!(["started", "on_hold", "cancelled"]));
    // These are the movers'.
    for parameter in ["assignee=none", "owner=00000000-0000-0000-0000-000000000000"] {
        uma.get(&format!("/orders?{parameter}")).await.refused(400, "invalid_parameter");
        uma.get(&format!("/orders/counts?{parameter}")).await.refused(400, "invalid_parameter");
    }
}

#[tokio::test]
async fn lists_are_filtered() {
    let app = TestApp::start().await;
    let (uma, max, eve) = (app.user("Uma").await, app.mover("Max").await, app.mover("Eve").await);
    let sofa = uma.creates(json!({"title": "Sofa", "reference": "PO-1"})).await;
    let bed = uma.creates(json!({"title": "Bed", "reference": "PO-10"})).await;
    let desk = uma.create_order("Desk").await;
    let lamp = uma.create_order("Lamp").await;
    max.moves(&bed, "started").await;
    max.moves_through(&desk, &["started", "in_progress", "completed"]).await;
    max.moves(&lamp, "on_hold").await;
    max.takes(&bed).await;
    eve.takes(&sofa).await;

    for (query, expected) in [
        ("status=created", vec!["Sofa"]),
        ("status=created&status=started", vec!["Bed", "Sofa"]),
        ("status=completed", vec!["Desk"]),
        ("status=on_hold&status=cancelled", vec!["Lamp"]),
        ("status=cancelled", vec![]),
        ("reference=PO-1", vec!["Sofa"]),
        ("reference=PO", vec![]),
        ("reference=po-1", vec![]),
        ("assignee=me", vec!["Bed"]),
        ("assignee=none", vec!["Lamp", "Desk"]),
        ("assignee=none&status=on_hold", vec!["Lamp"]),
        ("assignee=me&status=created", vec![]),
    ] {
        assert_eq!(titles(&max, &format!("/orders?{query}")).await, expected, "{query}");
    }
    assert_eq!(titles(&max, &format!("/orders?assignee={}", eve.id)).await, ["Sofa"]);
    let nobody = "00000000-0000-0000-0000-000000000000";
    assert!(titles(&max, &format!("/orders?assignee={nobody}")).await.is_empty());
    assert!(titles(&max, &format!("/orders?owner={nobody}")).await.is_empty());

    // From is inclusive, to is not.
    let bed_at = encode(text(&bed.json["created_at"]));
    assert_eq!(titles(&uma, &format!("/orders?created_from={bed_at}")).await, ["Lamp", "Desk", "Bed"]);
    assert_eq!(titles(&uma, &format!("/orders?created_to={bed_at}")).await, ["Sofa"]);
    let desk_at = encode(text(&desk.json["created_at"]));
    assert_eq!(titles(&uma, &format!("/orders?created_from={bed_at}&created_to={desk_at}")).await, ["Bed"]);
}

#[tokio::test]
async fn search_finds_ids_beginnings_of_references_and_three_letters_anywhere() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let sofa = uma.creates(json!({"title": "Sofa, three seats", "reference": "PO-1881"})).await;
    uma.creates(json!({"title": "Bed", "reference": "XY_7%", "recipient": {"name": "Ana Lima"}})).await;
    uma.creates(json!({"title": "Écritoire 100%", "description": "hidden words"})).await;
    let mut searches = vec![
        ("PO-1", vec!["Sofa, three seats"]),
        ("P", vec!["Sofa, three seats"]),
        ("188", vec!["Sofa, three seats"]),
        ("18", vec![]),
        ("THREE", vec!["Sofa, three seats"]),
        ("  ofa,  ", vec!["Sofa, three seats"]),
        ("ana l", vec!["Bed"]),
        ("sofa, three", vec!["Sofa, three seats"]),
        ("FA, thr", vec!["Sofa, three seats"]),
        // Its words are there, but not so.
        ("sofa three", vec![]),
        ("three sofa", vec![]),
        ("bed xy_7", vec![]),
        ("écri", vec!["Écritoire 100%"]),
        ("hidden", vec![]),
        ("XY_7%", vec!["Bed"]),
        // Not patterns of SQL.
        ("%%%", vec![]),
        ("___", vec![]),
        ("XY__", vec![]),
        ("00%", vec!["Écritoire 100%"]),
        ("\\\\\\", vec![]),
        ("nothing like it", vec![]),
        ("'; DROP TABLE orders; --", vec![]),
    ];
    let forms = ways_to_type(&sofa.id);
    searches.extend(forms.iter().map(|typed| (typed.as_str(), vec!["Sofa, three seats"])));
    for (query, expected) in searches {
        for person in [&uma, &max] {
            assert_eq!(titles(person, &format!("/orders?q={}", encode(query))).await, expected, "{query}");
        }
    }
    assert_eq!(titles(&uma, "/orders?q=").await.len(), 3, "nothing asked for is no filter");
    assert!(titles(&app.user("Otto").await, "/orders?q=PO-1881").await.is_empty(), "nobody else's orders are found");
}

/// Behind many others, which Postgres would look through first: here each text takes it as long as many thousands.
#[tokio::test]
async fn search_finds_what_is_old_in_time() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    uma.create_order("Mirror").await;
    all((0..50).map(|_| uma.post("/orders", json!({"title": "Sofa"})))).await;
    app.database.run(
        "CREATE OR REPLACE FUNCTION order_search_text(title text, reference text, recipient text) RETURNS text \
         LANGUAGE plpgsql IMMUTABLE COST 0.0001 AS $$ BEGIN PERFORM pg_sleep(0.05); \
         RETURN lower(title || E'\n' || COALESCE(reference, '') || E'\n' || COALESCE(recipient, '')); END $$; \
         ALTER INDEX orders_search_idx SET (gin_pending_list_limit = 512)",
    );
    for sort in ["created", "due"] {
        assert_eq!(titles(&max, &format!("/orders?q=mirror&sort={sort}")).await, ["Mirror"], "{sort}");
    }
}

/// Searches look in windows of time. They find what going through all orders finds, page by page.
#[tokio::test]
async fn searches_find_the_newest_first_however_the_orders_are_spread() {
    let app = TestApp::start().await;
    let (uma, otto, max) = (app.user("Uma").await, app.user("Otto").await, app.mover("Max").await);
    let first = uma.create_order("Mirror").await;
    let ottos = [otto.create_order("Sofa").await, otto.create_order("Harp").await];
    // Sofas: 700 within one hour a month ago, of which many at the same moment; one every two days for four years; three
    // before 1970. Beds: one every hour. Harps: 20, the newest and the oldest.
    app.database.run(&format!(
        "INSERT INTO orders (id, owner_id, status, version, public_version, title, metadata, created_at, updated_at) \
         SELECT lpad(row_number() OVER ()::text, 10, '0'), owner_id, 'created', 1, 1, new.title, '{{}}', at, at FROM orders, ( \
             SELECT 'Sofa-bed, ' || n, date_trunc('hour', now()) - interval '30 days' + interval '1 minute' * (n / 20) \
                 FROM generate_series(1, 700) n UNION ALL \
             SELECT 'A sofa, ' || n, now() - interval '47 hours' * n FROM generate_series(1, 700) n UNION ALL \
             SELECT 'Old sofa ' || n, timestamptz '1969-12-31 23:30Z' - interval '20 minutes' * n FROM generate_series(1, 3) n UNION ALL \
             SELECT 'Bed ' || n, now() - interval '1 hour' * n FROM generate_series(1, 1500) n UNION ALL \
             SELECT 'Harp', now() + interval '1 day' * (1 - 100 * n) FROM generate_series(0, 19) n \
         ) new (title, at) WHERE id = '{}'; \
         ANALYZE orders",
        first.id
    ));
    let all_pages = async |person: &Person, query: &str| {
        let (mut orders, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = person.get(&format!("/orders?{query}{cursor}")).await.expect(200);
            orders.extend(page.data().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return orders,
            }
        }
    };
    let ids = |orders: Vec<Value>| orders.iter().map(|order| text(&order["id"]).to_owned()).collect::<Vec<_>>();
    for searched in ["sofa-bed", "a sofa", "bed ", "harp"] {
        for number in [1, 3, 17] {
            let found = all_pages(&uma, &format!("limit=100&q={}", encode(searched))).await;
            let order = Order::of(found[number].clone());
            max.moves(&order, "started").await;
            max.takes(&order).await;
        }
    }
    max.moves(&ottos[0], "cancelled").await;
    let (month, year) = (chrono::Duration::days(30), chrono::Duration::days(365));
    let time = |ago: chrono::Duration| (chrono::Utc::now() - ago).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let between = format!("&created_from={}&created_to={}", time(year), time(month));
    for filter in [
        "",
        "&status=started",
        "&status=created&status=started",
        "&status=cancelled",
        "&status=completed&status=created",
        "&created_to=1970-01-01T00:00:00Z",
        "&created_from=2026-01-02T00:00:00Z&created_to=2026-01-01T00:00:00Z",
        "&created_from=2100-01-01T00:00:00Z",
        &between,
    ] {
        for (person, whose) in [(&max, ""), (&max, "&assignee=me"), (&max, "&assignee=none"), (&uma, ""), (&otto, "")] {
            let all = all_pages(person, &format!("limit=100{filter}{whose}")).await;
            for (searched, limit) in [
                ("sofa", 100),
                ("sofa-bed", 90),
                ("a sofa", 100),
                ("OLD SOFA", 2),
                ("bed", 100),
                ("harp", 7),
                ("piano", 25),
            ] {
                let query = format!("limit={limit}{filter}{whose}&q={}", encode(searched));
                let mut expected = all.clone();
                expected.retain(|order| text(&order["title"]).to_lowercase().contains(&searched.to_lowercase()));
                assert_eq!(ids(all_pages(person, &query).await), ids(expected), "{query}");
            }
        }
    }
}

/// The index has a letter for each separator, the patterns that are looked for have the same.
#[tokio::test]
async fn whatever_separates_words_is_found_as_it_is() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    for separator in (b' '..=b'~').map(char::from).chain(['·', 'z', 'é']) {
        uma.create_order(&format!("ab{separator}c{separator}{separator}d")).await;
    }
    for separator in (b'!'..=b'~').map(char::from).chain(['·', 'z', 'é']) {
        let separator = separator.to_lowercase().to_string();
        for searched in ["b@c", "ab@c@@d", "@c@@"] {
            let found = titles(&max, &format!("/orders?q={}", encode(&searched.replace('@', &separator)))).await;
            assert!(!found.is_empty(), "{searched} with {separator:?}");
            assert!(found.iter().all(|title| title.to_lowercase().contains(&separator)), "{separator:?}: {found:?}");
        }
    }
}

#[tokio::test]
async fn pages_neither_lose_nor_repeat_while_orders_come_in() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let mut there = BTreeSet::new();
    for number in 0..13 {
        // Some are due at the same time, some never.
        let due = (number % 3 > 0).then(|| format!("2026-12-0{}T10:00:00Z", number % 3));
        there.insert(uma.creates(json!({"title": format!("Order {number}"), "due_at": due})).await.id);
    }
    // Created within the same millisecond.
    app.database.run(
        "UPDATE orders SET created_at = date_trunc('day', created_at), updated_at = created_at WHERE title < 'Order 5'",
    );
    for (person, sort) in [(&uma, "created"), (&uma, "due"), (&max, "created"), (&max, "due")] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = person.get(&format!("/orders?limit=3&sort={sort}{cursor}")).await.expect(200);
            assert!(page.data().len() <= 3);
            seen.extend(page.data().iter().cloned());
            uma.creates(json!({"title": "Newcomer", "due_at": "2026-12-01T10:00:00Z"})).await;
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let ids: Vec<&str> = seen.iter().map(|order| text(&order["id"])).collect();
        let distinct: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(distinct.len(), ids.len(), "{sort}: repeated");
        assert!(there.iter().all(|id| distinct.contains(id.as_str())), "{sort}: lost");
        let keys: Vec<String> = seen
            .iter()
            .map(|order| match sort {
                "due" => order["due_at"].as_str().unwrap_or("9").to_owned(),
                _ => text(&order["created_at"]).to_owned(),
            })
            .collect();
        let mut sorted = keys.clone();
        sorted.sort();
        if sort == "created" {
            sorted.reverse();
        }
        assert_eq!(keys, sorted, "{sort}");
    }
}

#[tokio::test]
async fn a_full_last_page_has_no_cursor() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    for _ in 0..4 {
        uma.create_order("Sofa").await;
    }
    let first = uma.get("/orders?limit=2").await.expect(200);
    let second = uma.get(&format!("/orders?limit=2&cursor={}", text(&first["next_cursor"]))).await.expect(200);
    assert_eq!((second.data().len(), &second["next_cursor"]), (2, &Value::Null));
}

#[tokio::test]
async fn a_move_does_not_change_the_place_in_a_list() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let sofa = uma.create_order("Sofa").await;
    uma.create_order("Bed").await;
    max.moves(&sofa, "started").await;
    assert_eq!(titles(&max, "/orders").await, ["Bed", "Sofa"]);
}

#[tokio::test]
async fn cursors_belong_to_their_list_and_nothing_else_is_one() {
    let app = TestApp::start().await;
    let (uma, otto, max) = (app.user("Uma").await, app.user("Otto").await, app.mover("Max").await);
    for _ in 0..3 {
        uma.create_order("Sofa").await;
        otto.create_order("Bed").await;
    }
    let cursor = text(&uma.get("/orders?limit=1").await.expect(200)["next_cursor"]).to_owned();
    uma.get(&format!("/orders?limit=2&cursor={cursor}")).await.expect(200);

    let mut tampered = cursor.clone().into_bytes();
    tampered[3] = if tampered[3] == b'x' { b'y' } else { b'x' };
    let tampered = String::from_utf8(tampered).unwrap();
    let cut = &cursor[..cursor.len() - 2];
    for wrong in
        [tampered.as_str(), cut, "", "x", "null", "%00", "%ff", "AAAAAAAAAAAAAAAAAAAAAAAAAAAA", &"A".repeat(5000)]
    {
        uma.get(&format!("/orders?cursor={wrong}")).await.refused(400, "invalid_cursor");
    }
    // Another list, filter, sort or person.
    for path in ["/orders?sort=due", "/orders?status=created", "/me/sessions?limit=1"] {
        let separator = if path.contains('?') { '&' } else { '?' };
        uma.get(&format!("{path}{separator}cursor={cursor}")).await.refused(400, "invalid_cursor");
    }
    otto.get(&format!("/orders?cursor={cursor}")).await.refused(400, "invalid_cursor");
    max.get(&format!("/orders?cursor={cursor}")).await.refused(400, "invalid_cursor");
    max.get(&format!("/movers?cursor={cursor}")).await.refused(400, "invalid_cursor");
}

#[tokio::test]
async fn parameters_are_checked_all_at_once() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let wrong = "status=moving&status=created&limit=0&sort=title&created_from=yesterday&created_to=&q=%00&colour=red&reference=a&reference=b";
    let problem = uma.get(&format!("/orders?{wrong}")).await.refused(400, "invalid_parameter");
    let mut violations: Vec<(&str, &str)> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (text(&error["parameter"]), text(&error["code"])))
        .collect();
    violations.sort();
    assert_eq!(
        violations,
        [
            ("colour", "unknown_field"),
            ("created_from", "invalid_format"),
            ("created_to", "invalid_format"),
            ("limit", "invalid_value"),
            ("q", "invalid_characters"),
            ("reference", "too_many"),
            ("sort", "invalid_value"),
            ("status", "invalid_value"),
        ]
    );
    for wrong in
        ["limit=101", "limit=1.5", "limit=-1", "limit=", "assignee=Max", "owner=me", "assignee=", "q=%ff%fe%00"]
    {
        max.get(&format!("/orders?{wrong}")).await.refused(400, "invalid_parameter");
    }
    uma.get(&format!("/orders?q={}", "x".repeat(121))).await.refused(400, "invalid_parameter");
    uma.get(&format!("/orders?reference={}", "x".repeat(65))).await.refused(400, "invalid_parameter");
    uma.get("/orders/counts?limit=3").await.refused(400, "invalid_parameter");
}

#[tokio::test]
async fn counts_are_those_of_the_list() {
    let app = TestApp::start().await;
    let (uma, otto, max) = (app.user("Uma").await, app.user("Otto").await, app.mover("Max").await);
    let sofa = uma.creates(json!({"title": "Sofa", "reference": "PO-1"})).await;
    let bed = uma.create_order("Bed").await;
    otto.create_order("Piano").await;
    max.moves(&bed, "started").await;
    max.takes(&sofa).await;

    let counts = uma.get("/orders/counts").await.expect(200);
    assert_eq!(
        counts["counts"],
        json!({"created": 1, "started": 1, "in_progress": 0, "on_hold": 0, "completed": 0, "cancelled": 0})
    );
    assert_eq!(counts["total"], 2);
    for (query, total) in [
        ("", 3),
        ("?status=created", 2),
        ("?status=created&status=started", 3),
        ("?assignee=me", 1),
        ("?assignee=none", 2),
        ("?q=sof", 1),
        ("?reference=PO-1", 1),
        ("?created_from=2100-01-01T00:00:00Z", 0),
    ] {
        assert_eq!(max.get(&format!("/orders/counts{query}")).await.expect(200)["total"], total, "{query}");
    }
    // At most five seconds old.
    otto.create_order("Harp").await;
    eventually("the count is fresh", async || max.get("/orders/counts").await.expect(200)["total"] == 4).await;
}

async fn titles(person: &Person, path: &str) -> Vec<String> {
    let page = person.get(path).await.expect(200);
    page.data().iter().map(|order| text(&order["title"]).to_owned()).collect()
}
