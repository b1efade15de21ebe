//! Tokens that are not what they seem, and the Authorization header.

use reqwest::Method;

use crate::support::client::text;
use crate::support::people::Person;
use crate::support::tokens::Token;
use crate::support::{TestApp, json};

#[tokio::test]
async fn a_token_of_one_realm_is_worthless_in_the_other() {
    let app = TestApp::start().await;
    let (uma, max) = (app.user("Uma").await, app.mover("Max").await);
    let order = uma.create_order("Sofa").await;
    max.post("/orders", json!({"title": "Sofa"})).await.refused(401, "wrong_realm");
    max.patch(&format!("/orders/{}", order.id), json!({"title": "x"})).await.refused(401, "wrong_realm");
    uma.put(&format!("/orders/{}/assignee", order.id), json!({})).await.refused(401, "wrong_realm");
    uma.get("/movers").await.refused(401, "wrong_realm");
    uma.get("/movers/invitations").await.refused(401, "wrong_realm");

    // Nor is it made worth more by changing what it says.
    for (claim, value) in [("aud", json!("movers")), ("role", json!("mover")), ("role", json!("admin"))] {
        let forged = Token::read(&uma.token).with(claim, value).signed_with("another secret of at least 32 bytes");
        uma.with_token(&forged).get("/movers").await.refused(401, "invalid_token");
    }
}

#[tokio::test]
async fn an_expired_token_says_so() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let now = chrono::Utc::now().timestamp();
    for exp in [now, now - 1, 0, -1] {
        let expired = Token::read(&uma.token).with("exp", json!(exp)).signed();
        let reply = uma.with_token(&expired).get("/me").await;
        assert!(reply.header("www-authenticate").unwrap().contains("invalid_token"));
        reply.refused(401, "token_expired");
    }
    let valid = Token::read(&uma.token).with("exp", json!(now + 60)).signed();
    uma.with_token(&valid).get("/me").await.expect(200);
}

#[tokio::test]
async fn tokens_that_nobody_signed_or_not_like_this() {
    let app = TestApp::start().await;
    let (uma, ada) = (app.user("Uma").await, app.admin("Ada").await);
    for person in [&uma, &ada] {
        let token = Token::read(&person.token);
        let (head, signature) = person.token.rsplit_once('.').unwrap();
        let (header, claims) = head.split_once('.').unwrap();
        let mut bent = signature.to_owned().into_bytes();
        bent[5] = if bent[5] == b'A' { b'B' } else { b'A' };
        let forged = [
            token.clone().unsigned(),
            token.clone().signed_by("none"),
            token.clone().signed_by("HS384"),
            token.clone().signed_by("HS512"),
            token.clone().signed_by("RS256"),
            token.clone().signed_by("hs256"),
            token.clone().signed_with(""),
            token.clone().signed_with("another secret of at least 32 bytes"),
            format!("{head}."),
            head.to_owned(),
            format!("{head}.{}", String::from_utf8(bent).unwrap()),
            format!("{header}.{claims}{signature}"),
            format!(
                "{}.{signature}",
                token.clone().with("exp", json!(4_000_000_000i64)).signed().rsplit_once('.').unwrap().0
            ),
            format!("{}A", person.token),
            "..".to_owned(),
            "x".to_owned(),
            "x".repeat(5000),
        ];
        for forged in forged {
            refused(person, &forged).await;
        }
    }
}

#[tokio::test]
async fn claims_that_are_missing_or_wrong() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let token = Token::read(&uma.token);
    for claim in ["iss", "aud", "sub", "role", "sid", "exp"] {
        assert!(token.claims.get(claim).is_some(), "{claim} in {}", token.claims);
        refused(&uma, &token.clone().without(claim).signed()).await;
    }
    for (claim, value) in [
        ("iss", json!("somebody else")),
        ("aud", json!("movers")),
        ("aud", json!(["users", "movers"])),
        ("role", json!("admin")),
        ("role", json!("root")),
        ("sub", json!("Uma")),
        ("sid", json!(7)),
    ] {
        refused(&uma, &token.clone().with(claim, value).signed()).await;
    }
}

/// Signed properly, but of an account that is not there: nothing can be done with it.
#[tokio::test]
async fn an_account_that_is_gone() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let nobody = uma.with_token(&Token::read(&uma.token).with("sub", json!(uuid::Uuid::now_v7())).signed());
    assert_eq!(nobody.get("/me").await.status, 401);
    assert_eq!(nobody.post("/orders", json!({"title": "Sofa"})).await.status, 401);
}

#[tokio::test]
async fn the_authorization_header() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let me = |value: &str| app.request(Method::GET, "/me").header("authorization", value.as_bytes());
    assert_eq!(me("").await.status, 401);
    for wrong in ["Bearer", "Bearer ", "Basic dW1hOnB3", "Token x", "\u{e9}"] {
        let reply = me(wrong).await;
        assert_eq!(reply.status, 401, "{wrong:?}");
        assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer"), "{wrong:?}");
    }
    me(&format!("Bearer {}", uma.token)).await.expect(200);
    me(&format!("bearer {}", uma.token)).await.expect(200);
    // Neither in the URL nor in a cookie.
    let query = format!("/me?access_token={}", uma.token);
    assert_eq!(app.get(&query).await.status, 401);
    app.get("/me").header("cookie", format!("access_token={}", uma.token)).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_refresh_token_is_no_access_token_nor_the_other_way_round() {
    let app = TestApp::start().await;
    let uma = app.user("Uma").await;
    let reply = uma.tries_to_refresh().await.expect(200);
    let cookie = reply.header("set-cookie").unwrap();
    let refresh_token = cookie.split(['=', ';']).nth(1).unwrap();
    uma.with_token(refresh_token).get("/me").await.refused(401, "invalid_token");
    let swapped = app
        .request(Method::POST, "/users/sessions/refresh")
        .header("cookie", format!("ot_users_refresh={}", text(&reply["access_token"])));
    assert_eq!(swapped.await.status, 401);
}

async fn refused(person: &Person, token: &str) {
    let reply = person.with_token(token).get("/me").await;
    assert_eq!((reply.status, reply["code"].as_str()), (401, Some("invalid_token")), "{token}: {}", reply.text());
}
