//! Rate limits: what each answer says, who is refused, and what replicas know of each other.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use order_tracker::limits::{Limits, Policy, Whose};
use order_tracker::redis_link::RedisLink;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::Value;
use uuid::Uuid;

use crate::support::client::{Reply, all};
use crate::support::people::{PASSWORD, Person};
use crate::support::{Request, TestApp, eventually, http_client, json};

fn limited(settings: &mut HashMap<&'static str, String>) {
    settings.insert("RATE_LIMITS", "on".to_owned());
}

/// Policy, remaining, and seconds until all is there again.
fn standing(reply: &Reply) -> (String, u32, u64) {
    let header = reply.header("ratelimit").unwrap_or_else(|| panic!("no RateLimit: {}", reply.text()));
    let mut parts = header.split(';');
    let policy = parts.next().unwrap().trim_matches('"').to_owned();
    let number =
        |part: Option<&str>, name: &str| part.and_then(|part| part.strip_prefix(name)?.parse::<u64>().ok()).unwrap();
    let remaining = number(parts.next(), "r=") as u32;
    (policy, remaining, number(parts.next(), "t="))
}

fn post_at(base: &str, path: &str, body: Value) -> Request {
    let path = format!("/api/v1{path}");
    Request::new(&http_client(), base, Method::POST, &path).json(&body)
}

#[tokio::test]
async fn answers_say_how_it_stands_per_account_and_per_key() {
    let app = TestApp::start_with(limited).await;
    let uma = app.user("Uma").await;
    let first = uma.get("/me").await.expect(200);
    assert_eq!(first.header("ratelimit-policy"), Some("\"api\";q=6000;w=60"));
    let (policy, remaining, reset) = standing(&first);
    assert_eq!((policy.as_str(), remaining, reset), ("api", 5999, 1));
    // What is refused counts, too; and another session of the same account draws on the same. A key and another account
    // don't. (It fills up by a hundred a second.)
    let key = uma.with_key(&["orders:read"]).await;
    all((0..300).map(|_| uma.post("/orders", json!({})))).await.into_iter().for_each(|reply| _ = reply.expect(422));
    assert!(standing(&uma.on_another_device().await.get("/me").await).1 < 5950);
    assert_eq!(standing(&key.get("/orders").await.expect(200)).1, 5999);
    assert_eq!(standing(&app.user("Otto").await.get("/me").await.expect(200)).1, 5999);
    let order = uma.create_order("Sofa").await;
    assert_eq!(standing(&app.track(&order.id).await.expect(200)).0, "anonymous");
}

#[tokio::test]
async fn who_asks_too_much_is_refused_without_anything_being_done_and_nobody_else() {
    let app = TestApp::start_with(limited).await;
    let (uma, otto) = (app.user("Uma").await, app.user("Otto").await);
    let key = uma.with_key(&["orders:read", "orders:write"]).await;
    // More than come back meanwhile, a hundred a second.
    let mut refused = None;
    for _ in 0..40 {
        let replies = all((0..500).map(|_| key.get("/orders?limit=1"))).await;
        refused = replies.into_iter().find(|reply| reply.status == 429);
        if refused.is_some() {
            break;
        }
    }
    let refused = refused.expect("one is too many");
    assert_eq!(refused["code"], "rate_limited");
    assert_eq!(refused.header("ratelimit-policy"), Some("\"api\";q=6000;w=60"));
    assert_eq!((standing(&refused).1, refused.header("retry-after")), (0, Some("1")));
    let replies = all((0..300).map(|_| key.post("/orders", json!({"title": "Sofa"})))).await;
    let made = replies.iter().filter(|reply| reply.status == 201).count() as i64;
    assert!(replies.iter().filter(|reply| reply.status == 429).count() > 100, "{made} of 300");
    assert_eq!(app.database.number("SELECT count(*) FROM orders"), made);
    // Its account, and others.
    uma.get("/orders").await.expect(200);
    otto.get("/orders").await.expect(200);
    eventually("some come back", async || key.get("/orders?limit=1").await.status == 200).await;
}

#[tokio::test]
async fn logins_and_registrations_have_little() {
    let app = TestApp::start_with(limited).await;
    let uma = Person::registers(&app.base, "Uma").await;
    let log_in = || app.post("/users/sessions", json!({"email": "nobody@shop.example", "password": PASSWORD}));
    let replies = all((0..70).map(|_| log_in())).await;
    let refused: Vec<&Reply> = replies.iter().filter(|reply| reply.status == 429).collect();
    assert!((8..=10).contains(&refused.len()), "{}", refused.len());
    for reply in refused {
        assert_eq!(reply["code"], "rate_limited");
        assert_eq!(standing(reply).0, "logins");
        assert_eq!(reply.header("retry-after"), Some("1"));
        assert_eq!(reply.header("ratelimit-policy"), Some("\"logins\";q=60;w=60"));
    }
    // Movers' logins draw on the same.
    let login = json!({"email": "nobody@movers.example", "password": PASSWORD});
    let replies = all((0..20).map(|_| app.post("/movers/sessions", login.clone()))).await;
    assert!(replies.iter().any(|reply| reply.status == 429));
    // What can't be registered counts, too.
    let replies = all((0..130).map(|_| app.post("/users", json!({})))).await;
    let (refused, others): (Vec<&Reply>, Vec<&Reply>) = replies.iter().partition(|reply| reply.status == 429);
    assert!((10..=11).contains(&refused.len()), "{}", refused.len());
    assert!(others.iter().all(|reply| reply.status == 422));
    assert_eq!(refused[0].header("ratelimit-policy"), Some("\"registrations\";q=120;w=600"));
    let join = json!({"invitation": "x", "email": "max@movers.example", "password": PASSWORD, "name": "Max"});
    app.post("/movers", join).await.refused(429, "rate_limited");
    // Something else is something else.
    uma.get("/me").await.expect(200);
    eventually("one comes back", async || log_in().await.status == 401).await;
}

#[tokio::test]
async fn who_guesses_ids_is_not_told_any_more_not_even_of_those_that_are() {
    let app = TestApp::start_with(limited).await;
    let uma = app.user("Uma").await;
    let order = uma.create_order("Sofa").await;
    app.track(&order.id).await.expect(200);
    let replies = all((0..65).map(|n| app.track(&format!("00000000{n:02}")))).await;
    assert!(replies.iter().filter(|reply| reply.status == 404).count() >= 60);
    let refused = app.track(&order.id).await;
    if refused.status != 429 {
        panic!("{}", refused.text());
    }
    assert_eq!(standing(&refused).0, "misses");
    // Whoever has signed in sees their own.
    uma.sees(&order).await;
    eventually("it comes back", async || app.track(&order.id).await.status == 200).await;
}

/// A shop whose server asks for public views, or somebody beside it who guesses keys.
#[tokio::test]
async fn a_good_key_works_from_an_address_that_has_nothing_left() {
    let app = TestApp::start_with(limited).await;
    let uma = app.user("Uma").await;
    let key = uma.with_key(&["orders:read"]).await;
    key.get("/orders").await.expect(200);
    // It is believed for a second.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let stranger = uma.with_token("otk_x");
    all((0..1300).map(|_| stranger.get("/orders"))).await;
    // One that nobody has seen is refused as the guesses are; twenty come back each second.
    let refused = all((0..60).map(|_| stranger.get("/orders"))).await.into_iter().find(|reply| reply.status == 429);
    assert_eq!(standing(&refused.expect("nothing is left")).0, "anonymous");
    key.get("/orders").await.expect(200);
}

#[tokio::test]
async fn nor_is_anything_to_be_guessed_on_the_socket() {
    let app = TestApp::start_with(limited).await;
    let order = app.user("Uma").await.create_order("Sofa").await;
    let mut socket = app.socket().await;
    let mut codes = HashMap::new();
    for n in 0..70 {
        socket.send(json!({"type": "subscribe", "topic": format!("track:00000000{n:02}")})).await;
        let answer = socket.next().await;
        *codes.entry(answer["code"].as_str().unwrap_or_default().to_owned()).or_insert(0) += 1;
    }
    assert!(codes["not_found"] >= 60 && codes["rate_limited"] >= 3, "{codes:?}");
    // What is there is not told either, unless the one that comes back each second has just done so.
    let topic = format!("track:{}", order.id);
    for _ in 0..10 {
        socket.send(json!({"type": "subscribe", "topic": "track:0000000000"})).await;
        socket.next().await;
        socket.send(json!({"type": "subscribe", "topic": topic})).await;
        if socket.next().await["code"] == "rate_limited" {
            return;
        }
        socket.send(json!({"type": "unsubscribe", "topic": topic})).await;
        assert_eq!(socket.next().await["type"], "unsubscribed");
    }
    panic!("it is told again and again");
}

#[tokio::test]
async fn replicas_know_of_each_other_within_seconds() {
    let app = TestApp::start_with(limited).await;
    let other = app.replica().await;
    all((0..60).map(|_| app.post("/users", json!({})))).await;
    // One in five seconds comes back.
    eventually("it is known elsewhere", async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        standing(&post_at(&other.base, "/users", json!({})).await).1 < 80
    })
    .await;
}

/// What comes back is given to one of them, not to each. (Without the server: whatever else goes on, as many are asked for.)
#[tokio::test]
async fn what_comes_back_to_replicas_comes_back_once() {
    let url = SecretString::from(std::env::var("TEST_REDIS_URL").unwrap());
    let redis = RedisLink::start(&url).unwrap();
    let prefix = format!("{}:", Uuid::now_v7());
    let replicas = [(); 2].map(|()| Limits::start(true, redis.clone(), &prefix));
    let take = |replica: &Limits| replica.take(Policy::Api, Whose::ApiKey(Uuid::nil())).unwrap().unwrap().remaining;
    // A hundred come back each second, and each of the two is asked for ninety.
    let (since, mut taken) = (Instant::now(), 0);
    while since.elapsed() < Duration::from_secs(8) {
        while taken < since.elapsed().as_millis() * 90 / 1000 {
            replicas.iter().for_each(|replica| _ = take(replica));
            taken += 1;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let left = [take(&replicas[0]), take(&replicas[1])];
    assert!(left.iter().all(|left| (4_800..5_850).contains(left)), "{left:?}");
}

/// What has come back was taken once, and not again by whoever hears of it later.
#[tokio::test]
async fn what_has_come_back_is_not_taken_again() {
    let app = TestApp::start_with(limited).await;
    let uma = app.user("Uma").await;
    let elsewhere = uma.at(&app.replica().await);
    all((0..300).map(|_| uma.get("/me"))).await;
    eventually("all has come back", async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        standing(&uma.get("/me").await).1 >= 5998
    })
    .await;
    for person in [&uma, &elsewhere, &uma] {
        person.get("/me").await.expect(200);
        // They settle each second.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert!(standing(&person.get("/me").await).1 >= 5990);
    }
}

#[tokio::test]
async fn forwarded_addresses_count_only_from_trusted_proxies() {
    let app = TestApp::start_with(limited).await;
    let trusting = app.replica_with(|settings| _ = settings.insert("TRUSTED_PROXIES", "127.0.0.1".to_owned())).await;
    let from = |base: &str, address: &str| {
        let request = Request::new(&http_client(), base, Method::GET, "/api/v1/track/0000000000");
        request.header("x-forwarded-for", address)
    };
    for n in 0..5 {
        let believed = from(&trusting.base, &format!("198.51.100.{n}")).await;
        assert_eq!(standing(&believed).1, 59, "each has its own");
    }
    let each = all((0..20).map(|n| from(&app.base, &format!("198.51.100.{n}")))).await;
    assert!(each.iter().any(|reply| standing(reply).1 < 50), "nobody is believed");
}

#[tokio::test]
async fn bad_credentials_are_counted_by_address_and_nothing_is_when_it_is_off() {
    let app = TestApp::start_with(limited).await;
    let uma = app.user("Uma").await;
    // More than come back meanwhile, twenty a second.
    let mut before = standing(&uma.with_token("x").get("/me").await).1;
    for token in ["x", "otk_x"] {
        let stranger = uma.with_token(token);
        all((0..100).map(|_| stranger.get("/me"))).await;
        let (policy, left, _) = standing(&stranger.get("/me").await);
        assert_eq!(policy, "anonymous");
        assert!(left < before, "{left} after {before}");
        before = left;
    }
    let unlimited = TestApp::start().await;
    assert_eq!(unlimited.user("Uma").await.get("/me").await.expect(200).header("ratelimit"), None);
}
