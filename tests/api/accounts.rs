//! Registering, logging in, refreshing, logging out; own profile, password and sessions.

use reqwest::Method;

use crate::support::client::text;
use crate::support::people::{PASSWORD, Person, email_of};
use crate::support::{Reply, Request, TestApp, eventually, json};

#[tokio::test]
async fn who_registers_is_signed_in() {
    let app = TestApp::start().await;
    let email = email_of("Uma", "users");
    let reply = app.post("/users", json!({"email": email, "password": PASSWORD, "name": "Uma"})).await.expect(201);
    assert_eq!((&reply["account"]["email"], &reply["account"]["name"]), (&json!(email), &json!("Uma")));
    assert_eq!((&reply["account"]["realm"], &reply["account"]["role"]), (&json!("users"), &json!("user")));
    assert_eq!((&reply["expires_in"], &reply["token_type"]), (&json!(600), &json!("Bearer")));
    assert!(!reply.text().contains("password"), "{}", reply.text());
    assert_eq!(reply.header("cache-control"), Some("no-store"));

    let cookie = set_cookie(&reply);
    for part in ["ot_users_refresh=", "HttpOnly", "SameSite=Strict", "Path=/api/v1/users/sessions"] {
        assert!(cookie.contains(part), "{part} is missing in {cookie}");
    }
    assert!(!cookie.contains("Secure"), "on http, a Secure cookie would be dropped: {cookie}");

    let uma = app.request(Method::GET, "/me").bearer(text(&reply["access_token"])).await.expect(200);
    assert_eq!(uma.json, reply["account"]);
}

#[tokio::test]
async fn behind_https_cookies_are_secure() {
    let app = TestApp::start_with(|settings| {
        settings.insert("PUBLIC_URL", "https://track.example".into());
    })
    .await;
    let body = json!({"email": email_of("Uma", "users"), "password": PASSWORD, "name": "Uma"});
    assert!(set_cookie(&app.post("/users", body).await.expect(201)).contains("Secure"));
}

#[tokio::test]
async fn an_email_is_taken_once_in_each_realm_whatever_its_case() {
    let app = TestApp::start().await;
    let admin = app.admin("Ada").await;
    let uma = app.user("Uma").await;
    let again = json!({"email": uma.email.to_uppercase(), "password": PASSWORD, "name": "Una"});
    app.post("/users", again).await.refused(409, "email_taken");

    // The same person may also be a mover.
    let link = admin.post("/movers/invitations", json!({"role": "mover"})).await.expect(201);
    let invitation = text(&link["link"]).split_once('#').expect("a fragment").1.to_owned();
    let as_mover = json!({"invitation": invitation, "email": uma.email, "password": "another horse", "name": "Uma"});
    app.post("/movers", as_mover).await.expect(201);
    Person::logs_in(&app.base, "users", &uma.email, PASSWORD).await;
    Person::logs_in(&app.base, "movers", &uma.email, "another horse").await;
    let wrong_one = json!({"email": uma.email, "password": "another horse"});
    app.post("/users/sessions", wrong_one).await.refused(401, "invalid_credentials");
}

#[tokio::test]
async fn registration_tells_all_that_is_wrong_at_once() {
    let app = TestApp::start().await;
    app.post("/users", json!({})).await.invalid(&[
        ("/email", "missing"),
        ("/name", "missing"),
        ("/password", "missing"),
    ]);
    let wrong = json!({"email": "uma", "password": "short", "name": "x".repeat(101), "role": "admin"});
    app.post("/users", wrong).await.invalid(&[
        ("/email", "invalid_format"),
        ("/name", "too_long"),
        ("/password", "too_short"),
        ("/role", "unknown_field"),
    ]);
    let wrong_types = json!({"email": 1, "password": ["correct horse"], "name": null});
    app.post("/users", wrong_types).await.invalid(&[
        ("/email", "wrong_type"),
        ("/name", "missing"),
        ("/password", "wrong_type"),
    ]);
    assert_eq!(app.database.number("SELECT count(*) FROM accounts"), 0);
}

#[tokio::test]
async fn passwords_have_8_to_72_bytes() {
    let app = TestApp::start().await;
    let register = |password: String| {
        app.post("/users", json!({"email": email_of("Uma", "users"), "password": password, "name": "Uma"}))
    };
    register("1234567".into()).await.invalid(&[("/password", "too_short")]);
    register("x".repeat(73)).await.invalid(&[("/password", "too_long")]);
    // 37 characters, 74 bytes.
    register("é".repeat(37)).await.invalid(&[("/password", "too_long")]);
    register("12345678".into()).await.expect(201);
    let longest = "é".repeat(36);
    let reply = register(longest.clone()).await.expect(201);
    let email = text(&reply["account"]["email"]).to_owned();
    Person::logs_in(&app.base, "users", &email, &longest).await;
    // What bcrypt would have cut off must not count as right.
    for wrong in [format!("{longest}x"), longest[..70].to_owned()] {
        let reply = app.post("/users/sessions", json!({"email": email, "password": wrong})).await;
        reply.refused(401, "invalid_credentials");
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_email_look_the_same() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    for (realm, email) in [("users", &uma.email), ("movers", &max.email)] {
        let path = format!("/{realm}/sessions");
        let wrong = app.post(&path, json!({"email": email, "password": "wrong horse"})).await;
        let unknown = app.post(&path, json!({"email": "nobody@shop.example", "password": PASSWORD})).await;
        let odd = app.post(&path, json!({"email": "no email at all", "password": "x"})).await;
        let (wrong, unknown) = (without_request_id(wrong), without_request_id(unknown));
        assert_eq!(wrong, unknown);
        assert_eq!(wrong, without_request_id(odd), "a login is no form that explains itself");
        assert_eq!(wrong["code"], "invalid_credentials");
    }
    // The other realm's account does not count.
    let reply = app.post("/users/sessions", json!({"email": max.email, "password": PASSWORD})).await;
    reply.refused(401, "invalid_credentials");
}

#[tokio::test]
async fn emails_are_matched_whatever_their_case_and_blanks() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let typed = format!(" {} ", uma.email.to_uppercase());
    app.post("/users/sessions", json!({"email": typed, "password": PASSWORD})).await.expect(200);
}

// ---- Refresh ----

#[tokio::test]
async fn a_refresh_gives_a_new_token_and_rotates_the_cookie() {
    let app = TestApp::start().await;
    for mut person in [app.user("Uma").await, app.mover("Max").await] {
        let before = person.token.clone();
        let first = set_cookie(&person.refreshes().await);
        let second = set_cookie(&person.refreshes().await);
        assert_ne!(first, second, "each use rotates");
        assert_eq!(person.get("/me").await.expect(200)["id"], person.id.as_str());
        // Rotation is of the cookie; an access token lives its ten minutes.
        person.with_token(&before).get("/me").await.expect(200);
    }
}

#[tokio::test]
async fn without_a_cookie_or_with_a_wrong_one_there_is_no_refresh() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    app.request(Method::POST, "/users/sessions/refresh").await.refused(401, "unauthenticated");
    for wrong in ["", "garbage", "AAAA.BBBB", "%00"] {
        let reply = app
            .request(Method::POST, "/users/sessions/refresh")
            .header("cookie", format!("ot_users_refresh={wrong}"))
            .await;
        assert_eq!(reply.status, 401, "{wrong:?}: {}", reply.text());
    }
    // The other realm's cookie is worthless, by either name.
    let cookie = cookie_value(&set_cookie(&uma.tries_to_refresh().await.expect(200)));
    for name in ["ot_users_refresh", "ot_movers_refresh"] {
        let reply =
            app.request(Method::POST, "/movers/sessions/refresh").header("cookie", format!("{name}={cookie}")).await;
        assert_eq!(reply.status, 401, "{}", reply.text());
    }
    refresh_with(&app, &cookie).await.expect(200);
}

/// A lost answer: the browser never got the new cookie, and comes with the one before.
#[tokio::test]
async fn the_cookie_before_stays_good_until_its_successor_is_used() {
    let app = TestApp::start().await;
    let first = new_session(&app).await;
    let second = cookie_value(&set_cookie(&refresh_with(&app, &first).await.expect(200)));
    // Long after, because the successor was never used.
    app.database.run("UPDATE sessions SET advanced_at = advanced_at - interval '1 hour'");
    let again = cookie_value(&set_cookie(&refresh_with(&app, &first).await.expect(200)));
    assert_eq!(again, second, "the lost answer is given again");
    refresh_with(&app, &second).await.expect(200);
}

/// Two tabs that refresh with the same cookie at the same time are both served, and both go on.
#[tokio::test]
async fn two_tabs_refresh_at_once() {
    let app = TestApp::start().await;
    let cookie = new_session(&app).await;
    let (left, right) = tokio::join!(refresh_with(&app, &cookie).send(), refresh_with(&app, &cookie).send());
    let (left, right) = (cookie_value(&set_cookie(&left.expect(200))), cookie_value(&set_cookie(&right.expect(200))));
    let left = cookie_value(&set_cookie(&refresh_with(&app, &left).await.expect(200)));
    // The other tab is one step behind.
    refresh_with(&app, &right).await.expect(200);
    refresh_with(&app, &left).await.expect(200);
}

#[tokio::test]
async fn within_thirty_seconds_of_its_successors_use_the_cookie_before_is_still_good() {
    let app = TestApp::start().await;
    let first = new_session(&app).await;
    let second = cookie_value(&set_cookie(&refresh_with(&app, &first).await.expect(200)));
    let third = cookie_value(&set_cookie(&refresh_with(&app, &second).await.expect(200)));
    refresh_with(&app, &first).await.expect(200);
    refresh_with(&app, &third).await.expect(200);
}

/// Somebody copied a cookie: nobody can tell who is who, so the session ends for both.
#[tokio::test]
async fn an_old_cookie_that_comes_back_ends_the_session() {
    let app = TestApp::start().await;
    let first = new_session(&app).await;
    let signed_in = refresh_with(&app, &first).await.expect(200);
    let second = cookie_value(&set_cookie(&signed_in));
    let third = cookie_value(&set_cookie(&refresh_with(&app, &second).await.expect(200)));
    app.database.run("UPDATE sessions SET advanced_at = advanced_at - interval '31 seconds'");

    refresh_with(&app, &first).await.refused(401, "session_ended");
    refresh_with(&app, &third).await.refused(401, "session_ended");
    let me = app.get("/me").bearer(text(&signed_in["access_token"])).await;
    me.refused(401, "session_ended");
}

#[tokio::test]
async fn sessions_expire() {
    let app = TestApp::start().await;
    let cookie = new_session(&app).await;
    app.database.run(
        "UPDATE sessions SET created_at = created_at - interval '90 days', expires_at = now() - interval '1 second'",
    );
    assert_eq!(refresh_with(&app, &cookie).await.status, 401);
}

#[tokio::test]
async fn who_logs_out_is_out() {
    let app = TestApp::start().await;
    for person in [app.user("Uma").await, app.mover("Max").await] {
        let cookie = set_cookie(&person.logs_out().await.expect(204));
        assert!(cookie.contains("Max-Age=0") && cookie.contains("Path=/api/v1/"), "{cookie}");
        person.get("/me").await.refused(401, "session_ended");
        assert_eq!(person.tries_to_refresh().await.status, 401);
        // Again, or without a cookie, nothing happens.
        person.logs_out().await.expect(204);
    }
    app.request(Method::DELETE, "/users/sessions/current").await.expect(204);
}

/// Both apps are open in one browser, which holds both cookies.
#[tokio::test]
async fn user_and_mover_in_one_browser_do_not_disturb_each_other() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let http = reqwest::Client::builder().cookie_store(true).build().unwrap();
    let send = |method: Method, path: &str| Request::new(&http, &app.base, method, &format!("/api/v1{path}"));
    for person in [&uma, &max] {
        let credentials = json!({"email": person.email, "password": PASSWORD});
        send(Method::POST, &format!("/{}/sessions", person.realm)).json(&credentials).await.expect(200);
    }
    let as_user = send(Method::POST, "/users/sessions/refresh").await.expect(200);
    let as_mover = send(Method::POST, "/movers/sessions/refresh").await.expect(200);
    assert_eq!((&as_user["account"]["role"], &as_mover["account"]["role"]), (&json!("user"), &json!("mover")));
    send(Method::DELETE, "/users/sessions/current").await.expect(204);
    send(Method::POST, "/movers/sessions/refresh").await.expect(200);
    assert_eq!(send(Method::POST, "/users/sessions/refresh").await.status, 401);
}

// ---- Own account ----

#[tokio::test]
async fn people_change_their_name() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let order = uma.create_order("Sofa").await;
    assert_eq!(uma.patch("/me", json!({"name": " Uma Rao "})).await.expect(200)["name"], "Uma Rao");
    assert_eq!(uma.get("/me").await.expect(200)["name"], "Uma Rao");
    assert_eq!(uma.patch("/me", json!({})).await.expect(200)["name"], "Uma Rao");
    uma.patch("/me", json!({"name": ""})).await.invalid(&[("/name", "too_short")]);
    uma.patch("/me", json!({"name": "x".repeat(101), "email": "x@y"}))
        .await
        .invalid(&[("/email", "unknown_field"), ("/name", "too_long")]);
    // The order shows the new name, its history the name of that time.
    let seen = uma.sees(&order).await;
    assert_eq!((&seen["owner"]["name"], &seen["events"][0]["actor"]["name"]), (&json!("Uma Rao"), &json!("Uma")));
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let phone = uma.on_another_device().await;
    let change = json!({"current_password": PASSWORD, "new_password": "battery staple"});
    uma.put("/me/password", change).await.expect(204);

    uma.get("/me").await.expect(200);
    uma.tries_to_refresh().await.expect(200);
    phone.get("/me").await.refused(401, "session_ended");
    assert_eq!(phone.tries_to_refresh().await.status, 401);
    let old = json!({"email": uma.email, "password": PASSWORD});
    app.post("/users/sessions", old).await.refused(401, "invalid_credentials");
    Person::logs_in(&app.base, "users", &uma.email, "battery staple").await;
}

#[tokio::test]
async fn the_current_password_must_be_right() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let wrong = json!({"current_password": "wrong horse", "new_password": "battery staple"});
    uma.put("/me/password", wrong).await.invalid(&[("/current_password", "incorrect")]);
    let short = json!({"current_password": PASSWORD, "new_password": "short"});
    uma.put("/me/password", short).await.invalid(&[("/new_password", "too_short")]);
    uma.put("/me/password", json!({})).await.invalid(&[("/current_password", "missing"), ("/new_password", "missing")]);
    Person::logs_in(&app.base, "users", &uma.email, PASSWORD).await;
}

#[tokio::test]
async fn own_sessions_are_listed_and_ended() {
    let app = TestApp::start().await;
    let (uma, other) = (app.user("Uma").await, app.user("Otto").await);
    let phone = uma.on_another_device().await;
    let sessions = uma.get("/me/sessions").await.expect(200);
    let current: Vec<_> = sessions.data().iter().map(|session| session["current"].clone()).collect();
    assert_eq!(current, [json!(false), json!(true)], "newest first");
    let phones = text(&sessions.data()[0]["id"]).to_owned();

    // Nobody else's.
    other.delete(&format!("/me/sessions/{phones}")).await.refused(404, "not_found");
    uma.delete("/me/sessions/no-such-session").await.refused(404, "not_found");
    phone.get("/me").await.expect(200);

    uma.delete(&format!("/me/sessions/{phones}")).await.expect(204);
    phone.get("/me").await.refused(401, "session_ended");
    uma.delete(&format!("/me/sessions/{phones}")).await.refused(404, "not_found");
    assert_eq!(uma.get("/me/sessions").await.expect(200).data().len(), 1);
}

#[tokio::test]
async fn an_ended_session_is_over_on_the_other_replica_too() {
    let app = TestApp::start().await;
    let replica = app.replica().await;
    let uma = app.user("Uma").await;
    let elsewhere = uma.on_another_device().await.at(&replica);
    elsewhere.get("/me").await.expect(200);
    let id = text(&elsewhere.get("/me/sessions").await.expect(200).data()[0]["id"]).to_owned();
    uma.delete(&format!("/me/sessions/{id}")).await.expect(204);
    eventually("the other replica knows", async || elsewhere.get("/me").await.status == 401).await;
}

#[tokio::test]
async fn sessions_come_in_pages() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    for _ in 0..4 {
        uma.on_another_device().await;
    }
    let (mut seen, mut path) = (Vec::new(), "/me/sessions?limit=2".to_owned());
    loop {
        let page = uma.get(&path).await.expect(200);
        seen.extend(page.data().iter().map(|session| text(&session["id"]).to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/me/sessions?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (5, 5));
}

#[tokio::test]
async fn a_deactivated_mover_is_out_at_once() {
    let app = TestApp::start().await;
    let (ada, max) = (app.admin("Ada").await, app.mover("Max").await);
    ada.patch(&format!("/movers/{}", max.id), json!({"active": false})).await.expect(200);
    max.get("/me").await.refused(401, "session_ended");
    assert_eq!(max.tries_to_refresh().await.status, 401);
    let credentials = json!({"email": max.email, "password": PASSWORD});
    app.post("/movers/sessions", credentials).await.refused(403, "account_deactivated");
    // Only who knows the password learns that the account is deactivated.
    let wrong = json!({"email": max.email, "password": "wrong horse"});
    app.post("/movers/sessions", wrong).await.refused(401, "invalid_credentials");

    ada.patch(&format!("/movers/{}", max.id), json!({"active": true})).await.expect(200);
    max.on_another_device().await.get("/me").await.expect(200);
    max.get("/me").await.refused(401, "session_ended");
}

#[tokio::test]
async fn a_deactivated_user_is_told_so() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    app.database.run("UPDATE accounts SET active = false");
    app.post("/users/sessions", json!({"email": uma.email, "password": PASSWORD}))
        .await
        .refused(403, "account_deactivated");
    assert_eq!(uma.tries_to_refresh().await.status, 401);
    assert_eq!(uma.post("/orders", json!({"title": "Sofa"})).await.status, 401);
}

// ---- Cookies ----

#[track_caller]
fn set_cookie(reply: &Reply) -> String {
    reply.header("set-cookie").expect("a cookie").to_owned()
}

fn cookie_value(set_cookie: &str) -> String {
    let (_, rest) = set_cookie.split_once('=').expect("a name");
    rest.split(';').next().unwrap_or_default().to_owned()
}

/// The first refresh cookie of somebody who has just logged in.
async fn new_session(app: &TestApp) -> String {
    let uma = app.user("Uma").await;
    app.database.run("DELETE FROM sessions");
    let reply = app.post("/users/sessions", json!({"email": uma.email, "password": PASSWORD})).await.expect(200);
    cookie_value(&set_cookie(&reply))
}

fn refresh_with(app: &TestApp, cookie: &str) -> Request {
    app.request(Method::POST, "/users/sessions/refresh").header("cookie", format!("ot_users_refresh={cookie}"))
}

fn without_request_id(reply: Reply) -> serde_json::Value {
    let mut json = reply.json;
    assert!(!text(&json["request_id"]).is_empty());
    json["request_id"] = json!(null);
    json
}
