//! Who has taken an order.

use serde_json::Value;

use crate::support::{TestApp, json};

#[tokio::test]
async fn movers_take_orders_and_give_them_back() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    let path = format!("/orders/{}/assignee", order.id);
    let taken = max.put(&path, json!({})).await.expect(200);
    let holder = json!({"id": max.id, "name": "Max"});
    assert_eq!((&taken["order"]["assignee"], &taken["event"]["assignee"]), (&holder, &holder));
    assert_eq!((&taken["event"]["type"], &taken["event"]["public"]), (&json!("order.assignee_changed"), &json!(false)));
    let again = max.put(&path, json!({})).await.expect(200);
    assert_eq!((&again["event"], &again["order"]["version"]), (&Value::Null, &json!(2)));
    let named = max.put(&path, json!({"mover_id": max.id})).await.expect(200);
    assert_eq!(named["event"], Value::Null);

    let back = max.delete(&path).await.expect(200);
    assert_eq!((&back["order"]["assignee"], &back["event"]["version"]), (&Value::Null, &json!(3)));
    assert_eq!(max.delete(&path).await.expect(200)["event"], Value::Null);
    assert_eq!(uma.history(&order).await.len(), 3);
}

#[tokio::test]
async fn a_taken_order_is_handed_over_by_its_holder_or_an_admin() {
    let app = TestApp::start().await;
    let (uma, max, eve, ada) =
        (app.user("Uma").await, app.mover("Max").await, app.mover("Eve").await, app.admin("Ada").await);
    let order = uma.create_order("Sofa").await;
    let path = format!("/orders/{}/assignee", order.id);
    max.takes(&order).await;
    let problem = eve.put(&path, json!({})).await.refused(409, "assignee_taken");
    assert_eq!(problem["assignee"], json!({"id": max.id, "name": "Max"}));
    eve.delete(&path).await.refused(409, "assignee_taken");
    max.put(&path, json!({"mover_id": eve.id})).await.expect(200);
    max.delete(&path).await.refused(409, "assignee_taken");
    assert_eq!(ada.put(&path, json!({})).await.expect(200)["order"]["assignee"]["name"], "Ada");
    ada.put(&path, json!({"mover_id": max.id})).await.expect(200);
    ada.delete(&path).await.expect(200);
}

#[tokio::test]
async fn two_who_take_an_order_at_once_are_one_holder() {
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let (uma, max, eve) = (app.user("Uma").await, app.mover("Max").await, app.mover("Eve").await.at(&replica));
    for _ in 0..10 {
        let order = uma.create_order("Sofa").await;
        let path = format!("/orders/{}/assignee", order.id);
        let (one, other) = tokio::join!(max.put(&path, json!({})).send(), eve.put(&path, json!({})).send());
        let mut statuses = [one.status, other.status];
        statuses.sort();
        assert_eq!(statuses, [200, 409]);
        let winner = if one.status == 200 { "Max" } else { "Eve" };
        assert_eq!(uma.sees(&order).await["assignee"]["name"], winner);
    }
}

#[tokio::test]
async fn only_active_movers_hold_orders() {
    let app = TestApp::start().await;
    let (uma, max, eve, ada) =
        (app.user("Uma").await, app.mover("Max").await, app.mover("Eve").await, app.admin("Ada").await);
    let order = uma.create_order("Sofa").await;
    let path = format!("/orders/{}/assignee", order.id);
    ada.patch(&format!("/movers/{}", eve.id), json!({"active": false})).await.expect(200);
    for id in [eve.id.as_str(), uma.id.as_str(), "00000000-0000-0000-0000-000000000000"] {
        max.put(&path, json!({"mover_id": id})).await.invalid(&[("/mover_id", "not_a_mover")]);
    }
    max.put(&path, json!({"mover_id": "Max"})).await.invalid(&[("/mover_id", "invalid_format")]);
    max.put(&path, json!({"mover_id": 3, "id": 1}))
        .await
        .invalid(&[("/id", "unknown_field"), ("/mover_id", "wrong_type")]);
    assert_eq!(uma.history(&order).await.len(), 1);
}

#[tokio::test]
async fn what_is_not_there_is_not_taken() {
    let app = TestApp::start().await;
    let max = app.mover("Max").await;
    for id in ["0000000000", "x", "%00"] {
        max.put(&format!("/orders/{id}/assignee"), json!({})).await.refused(404, "not_found");
        max.put(&format!("/orders/{id}/assignee"), json!({"mover_id": 3})).await.refused(404, "not_found");
        max.delete(&format!("/orders/{id}/assignee")).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn closed_orders_are_not_assigned() {
    let app = TestApp::start().await;
    let (uma, max, ada) = (app.user("Uma").await, app.mover("Max").await, app.admin("Ada").await);
    let order = uma.create_order("Sofa").await;
    uma.moves(&order, "cancelled").await;
    for mover in [&max, &ada] {
        mover.put(&format!("/orders/{}/assignee", order.id), json!({})).await.refused(409, "order_closed");
    }
}

#[tokio::test]
async fn anybody_moves_an_order_that_somebody_holds() {
    let app = TestApp::start().await;
    let (uma, max, eve) = (app.user("Uma").await, app.mover("Max").await, app.mover("Eve").await);
    let order = uma.create_order("Sofa").await;
    max.takes(&order).await;
    let event = eve.moves(&order, "started").await;
    assert_eq!((&event["assignee"]["name"], &event["actor"]["name"]), (&json!("Max"), &json!("Eve")));
}
