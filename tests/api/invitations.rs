//! Invitations, movers and admins.

use reqwest::Method;
use serde_json::Value;

use crate::support::client::{all, text};
use crate::support::people::{PASSWORD, Person, email_of};
use crate::support::{TestApp, json};

#[tokio::test]
async fn an_invited_mover_joins_once() {
    let app = TestApp::start().await;
    let ada = app.admin("Ada").await;
    let created =
        ada.post("/movers/invitations", json!({"role": "mover", "note": "Max, night shift"})).await.expect(201);
    let link = text(&created["link"]).to_owned();
    assert!(link.starts_with("http://localhost:8080/movers/join#"), "{link}");
    assert_eq!(created["invited_by"], json!({"id": ada.id, "name": "Ada"}));
    let hours = minutes_between(&created["created_at"], &created["expires_at"]);
    assert_eq!(hours, 72 * 60);

    let max = Person::joins(&app, &link, "Max").await;
    assert_eq!(max.get("/me").await.expect(200)["role"], "mover");
    join(&app, &link).await.refused(410, "invitation_used");

    let listed = ada.get("/movers/invitations").await.expect(200);
    let listed = &listed.data()[0];
    assert_eq!((&listed["note"], &listed["used_by"]["name"]), (&json!("Max, night shift"), &json!("Max")));
    assert!(listed.get("link").is_none() && !listed["used_at"].is_null(), "{listed}");
    // What was used can't be withdrawn.
    ada.delete(&format!("/movers/invitations/{}", text(&created["id"]))).await.refused(409, "invitation_used");
}

#[tokio::test]
async fn two_who_use_one_invitation_at_once_get_one_account() {
    let app = TestApp::start().await;
    let ada = app.admin("Ada").await;
    let link = invite(&ada, "mover").await;
    let attempts = (0..8).map(|_| join(&app, &link));
    let statuses: Vec<u16> = all(attempts).await.iter().map(|reply| reply.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 410].contains(status)), "{statuses:?}");
    assert_eq!(app.database.number("SELECT count(*) FROM accounts WHERE realm = 'movers'"), 2);
}

#[tokio::test]
async fn expired_withdrawn_and_unknown_invitations_let_nobody_in() {
    let app = TestApp::start().await;
    let ada = app.admin("Ada").await;
    let link = invite(&ada, "mover").await;
    app.database.run("UPDATE invitations SET created_at = created_at - interval '73 hours', expires_at = now() - interval '1 second'");
    join(&app, &link).await.refused(410, "invitation_expired");

    let created = ada.post("/movers/invitations", json!({"role": "mover"})).await.expect(201);
    let path = format!("/movers/invitations/{}", text(&created["id"]));
    ada.delete(&path).await.expect(204);
    join(&app, text(&created["link"])).await.refused(410, "invitation_withdrawn");
    let listed = ada.get("/movers/invitations").await.expect(200);
    assert!(!listed.data()[0]["withdrawn_at"].is_null());
    // Twice is not worse.
    ada.delete(&path).await.expect(204);

    join(&app, "x#nobody-made-this").await.refused(404, "not_found");
    for unknown in ["00000000-0000-0000-0000-000000000000", "nonsense", "%00"] {
        ada.delete(&format!("/movers/invitations/{unknown}")).await.refused(404, "not_found");
    }
    assert_eq!(app.database.number("SELECT count(*) FROM accounts"), 1);
}

/// Who is no admin any more lets nobody in: not themselves either, by a link that they made before.
#[tokio::test]
async fn the_links_of_a_former_admin_are_withdrawn() {
    let app = TestApp::start().await;
    let ada = app.admin("Ada").await;
    for change in [json!({"active": false}), json!({"role": "mover"})] {
        let eve = app.admin("Eve").await;
        let (own, adas) = (invite(&eve, "admin").await, invite(&ada, "mover").await);
        ada.patch(&format!("/movers/{}", eve.id), change).await.expect(200);
        join(&app, &own).await.refused(410, "invitation_withdrawn");
        join(&app, &adas).await.expect(201);
    }
}

#[tokio::test]
async fn a_failed_attempt_does_not_use_an_invitation_up() {
    let app = TestApp::start().await;
    let (ada, max) = (app.admin("Ada").await, app.mover("Max").await);
    let link = invite(&ada, "mover").await;
    let token = link.split_once('#').unwrap().1;
    let taken = json!({"invitation": token, "email": max.email, "password": PASSWORD, "name": "Max"});
    app.post("/movers", taken).await.refused(409, "email_taken");
    let wrong = json!({"invitation": token, "email": "x", "password": "short", "name": ""});
    app.post("/movers", wrong).await.invalid(&[
        ("/email", "invalid_format"),
        ("/name", "too_short"),
        ("/password", "too_short"),
    ]);
    app.post("/movers", json!({})).await.invalid(&[
        ("/email", "missing"),
        ("/invitation", "missing"),
        ("/name", "missing"),
        ("/password", "missing"),
    ]);
    Person::joins(&app, &link, "Eve").await;
}

#[tokio::test]
async fn what_an_invitation_may_say() {
    let app = TestApp::start().await;
    let ada = app.admin("Ada").await;
    ada.post("/movers/invitations", json!({})).await.invalid(&[("/role", "missing")]);
    let wrong = json!({"role": "user", "note": "x".repeat(1001), "email": "x@y"});
    ada.post("/movers/invitations", wrong).await.invalid(&[
        ("/email", "unknown_field"),
        ("/note", "too_long"),
        ("/role", "invalid_value"),
    ]);
    let admin = invite(&ada, "admin").await;
    let bob = Person::joins(&app, &admin, "Bob").await;
    assert_eq!(bob.get("/me").await.expect(200)["role"], "admin");
    bob.get("/movers/invitations").await.expect(200);
}

#[tokio::test]
async fn invitations_come_in_pages_newest_first() {
    let app = TestApp::start().await;
    let ada = app.admin("Ada").await;
    for number in 0..5 {
        ada.post("/movers/invitations", json!({"role": "mover", "note": format!("{number}")})).await.expect(201);
    }
    let notes = all_pages(&ada, "/movers/invitations?limit=2").await;
    let notes: Vec<&str> = notes.iter().map(|invitation| text(&invitation["note"])).collect();
    assert_eq!(notes, ["4", "3", "2", "1", "0"]);
    ada.get("/movers/invitations?cursor=x").await.refused(400, "invalid_cursor");
    ada.get("/movers/invitations?state=open&limit=0").await.refused(400, "invalid_parameter");
}

#[tokio::test]
async fn movers_see_who_moves_and_admins_see_more() {
    let app = TestApp::start().await;
    let (ada, max) = (app.admin("Ada").await, app.mover("Max").await);
    app.user("Uma").await;
    let of_max = all_pages(&max, "/movers?limit=1").await;
    assert_eq!(of_max.iter().map(|mover| text(&mover["name"])).collect::<Vec<_>>(), ["Ada", "Max"]);
    for mover in &of_max {
        let fields: Vec<_> = mover.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, ["active", "id", "name"]);
    }
    let of_ada = all_pages(&ada, "/movers").await;
    assert_eq!((&of_ada[1]["email"], &of_ada[1]["role"]), (&json!(max.email), &json!("mover")));
}

#[tokio::test]
async fn admins_change_roles() {
    let app = TestApp::start().await;
    let (ada, max) = (app.admin("Ada").await, app.mover("Max").await);
    let path = format!("/movers/{}", max.id);
    let changed = ada.patch(&path, json!({"role": "admin"})).await.expect(200);
    assert_eq!((&changed["role"], &changed["active"]), (&json!("admin"), &json!(true)));
    // A token says its role: the old ones end with the old role.
    max.get("/me").await.refused(401, "session_ended");
    let max = max.on_another_device().await;
    max.get("/movers/invitations").await.expect(200);
    ada.patch(&path, json!({"role": "mover"})).await.expect(200);
    max.on_another_device().await.get("/movers/invitations").await.refused(403, "admin_only");

    ada.patch(&path, json!({"role": "user", "name": "x", "active": "no"})).await.invalid(&[
        ("/active", "wrong_type"),
        ("/name", "unknown_field"),
        ("/role", "invalid_value"),
    ]);
    let unchanged = ada.patch(&path, json!({})).await.expect(200);
    assert_eq!(unchanged["role"], "mover");
}

#[tokio::test]
async fn only_movers_are_changed() {
    let app = TestApp::start().await;
    let (ada, uma) = (app.admin("Ada").await, app.user("Uma").await);
    for id in [uma.id.as_str(), "00000000-0000-0000-0000-000000000000", "nonsense"] {
        ada.patch(&format!("/movers/{id}"), json!({"active": false})).await.refused(404, "not_found");
    }
    uma.get("/me").await.expect(200);
}

#[tokio::test]
async fn the_last_active_admin_stays() {
    let app = TestApp::start().await;
    let (ada, max) = (app.admin("Ada").await, app.mover("Max").await);
    let own = format!("/movers/{}", ada.id);
    for change in [json!({"active": false}), json!({"role": "mover"})] {
        ada.patch(&own, change).await.refused(409, "last_admin");
    }
    // A deactivated admin is none.
    let bob = app.admin("Bob").await;
    ada.patch(&format!("/movers/{}", bob.id), json!({"active": false})).await.expect(200);
    ada.patch(&own, json!({"role": "mover"})).await.refused(409, "last_admin");
    ada.patch(&format!("/movers/{}", max.id), json!({"role": "admin"})).await.expect(200);
    ada.patch(&own, json!({"active": false})).await.expect(200);
}

/// Each demotes the other at the same moment; one admin is left.
#[tokio::test]
async fn two_admins_who_demote_each_other_leave_one() {
    let app = TestApp::start().await;
    let replica = app.replica().await;
    for _ in 0..5 {
        let (ada, bob) = (app.admin("Ada").await, app.admin("Bob").await.at(&replica));
        app.database.run(&format!("UPDATE accounts SET active = false WHERE id NOT IN ('{}', '{}')", ada.id, bob.id));
        let (ada_path, bob_path) = (format!("/movers/{}", bob.id), format!("/movers/{}", ada.id));
        let (one, other) = tokio::join!(
            ada.patch(&ada_path, json!({"role": "mover"})).send(),
            bob.patch(&bob_path, json!({"role": "mover"})).send()
        );
        let mut statuses = [one.status, other.status];
        statuses.sort();
        // Who was demoted first may have lost the session, or the role, before asking.
        assert!(statuses[0] == 200 && [401, 403, 409].contains(&statuses[1]), "{statuses:?}");
        assert_eq!(app.database.number("SELECT count(*) FROM accounts WHERE role = 'admin' AND active"), 1);
    }
}

/// Whoever is being put out can't undo it with what they send at the same moment, nor leave a door open.
#[tokio::test]
async fn an_admin_who_is_put_out_stays_out() {
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let ada = app.admin("Ada").await;
    for _ in 0..5 {
        let eve = app.admin("Eve").await;
        let path = format!("/movers/{}", eve.id);
        let there = eve.at(&replica);
        let undoing = (0..8)
            .map(|n| if n % 2 == 0 { &eve } else { &there }.patch(&path, json!({"active": true, "role": "admin"})));
        let inviting = (0..8)
            .map(|n| if n % 2 == 0 { &eve } else { &there }.post("/movers/invitations", json!({"role": "admin"})));
        let (out, undone, invited) =
            tokio::join!(ada.patch(&path, json!({"active": false})).send(), all(undoing), all(inviting));
        out.expect(200);
        for reply in undone.iter().chain(&invited) {
            assert!([200, 201, 401, 403].contains(&reply.status), "{}", reply.text());
        }
        let id = &eve.id;
        assert_eq!(app.database.number(&format!("SELECT count(*) FROM accounts WHERE id = '{id}' AND active")), 0);
        let open = format!("SELECT count(*) FROM invitations WHERE invited_by = '{id}' AND withdrawn_at IS NULL");
        assert_eq!(app.database.number(&open), 0);
    }
}

async fn invite(admin: &Person, role: &str) -> String {
    let created = admin.post("/movers/invitations", json!({"role": role})).await.expect(201);
    text(&created["link"]).to_owned()
}

fn join(app: &TestApp, link: &str) -> crate::support::Request {
    let token = link.split_once('#').expect("a fragment").1;
    let body = json!({"invitation": token, "email": email_of("New", "movers"), "password": PASSWORD, "name": "New"});
    app.request(Method::POST, "/movers").json(&body)
}

async fn all_pages(person: &Person, path: &str) -> Vec<Value> {
    let (mut rows, mut next) = (Vec::new(), path.to_owned());
    loop {
        let page = person.get(&next).await.expect(200);
        rows.extend(page.data().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(cursor) => next = format!("{path}{}cursor={cursor}", if path.contains('?') { '&' } else { '?' }),
            None => return rows,
        }
    }
}

fn minutes_between(from: &Value, to: &Value) -> i64 {
    let read = |value: &Value| text(value).parse::<chrono::DateTime<chrono::Utc>>().expect("a time");
    (read(to) - read(from)).num_minutes()
}
