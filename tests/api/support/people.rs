//! People who use the system: each has a token, a cookie jar and a replica that they talk to.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Reply, Request, text};
use super::socket::{Socket, Watcher};
use super::{Replica, TestApp, client_builder};

pub const PASSWORD: &str = "correct horse";

pub static PASSWORD_HASH: LazyLock<String> = LazyLock::new(|| bcrypt::hash(PASSWORD, 4).expect("bcrypt"));

#[derive(Clone)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub email: String,
    /// `users` or `movers`.
    pub realm: &'static str,
    pub token: String,
    http: reqwest::Client,
    base: String,
}

/// An order as it was when somebody last spoke of it.
#[derive(Debug, Clone)]
pub struct Order {
    pub id: String,
    pub json: Value,
}

/// A different one each time, so that names may repeat.
pub fn email_of(name: &str, realm: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    format!("{}.{}@{realm}.example", name.to_lowercase().replace(' ', "."), NUMBER.fetch_add(1, Ordering::Relaxed))
}

impl Person {
    pub async fn registers(base: &str, name: &str) -> Person {
        let (http, email) = (browser(), email_of(name, "users"));
        let body = json!({"email": email, "password": PASSWORD, "name": name});
        let reply = Request::new(&http, base, Method::POST, "/api/v1/users").json(&body).await.expect(201);
        Person::signed_in(http, base, "users", &reply)
    }

    pub async fn logs_in(base: &str, realm: &'static str, email: &str, password: &str) -> Person {
        let http = browser();
        let body = json!({"email": email, "password": password});
        let path = format!("/api/v1/{realm}/sessions");
        let reply = Request::new(&http, base, Method::POST, &path).json(&body).await.expect(200);
        Person::signed_in(http, base, realm, &reply)
    }

    /// A mover who follows an invitation's link.
    pub async fn joins(app: &TestApp, link: &str, name: &str) -> Person {
        let (http, email) = (browser(), email_of(name, "movers"));
        let invitation = link.split_once('#').map_or(link, |(_, token)| token);
        let body = json!({"invitation": invitation, "email": email, "password": PASSWORD, "name": name});
        let reply = Request::new(&http, &app.base, Method::POST, "/api/v1/movers").json(&body).await.expect(201);
        Person::signed_in(http, &app.base, "movers", &reply)
    }

    fn signed_in(http: reqwest::Client, base: &str, realm: &'static str, reply: &Reply) -> Person {
        let account = &reply["account"];
        assert_eq!(account["realm"], realm);
        Person {
            id: text(&account["id"]).to_owned(),
            name: text(&account["name"]).to_owned(),
            email: text(&account["email"]).to_owned(),
            realm,
            token: text(&reply["access_token"]).to_owned(),
            http,
            base: base.to_owned(),
        }
    }

    /// The same person on another device: a session of its own.
    pub async fn on_another_device(&self) -> Person {
        Person::logs_in(&self.base, self.realm, &self.email, PASSWORD).await
    }

    /// The same person and browser, talking to another replica.
    pub fn at(&self, replica: &Replica) -> Person {
        self.at_base(&replica.base)
    }

    pub fn at_base(&self, base: &str) -> Person {
        Person { base: base.to_owned(), ..self.clone() }
    }

    /// The same person with another token.
    pub fn with_token(&self, token: &str) -> Person {
        Person { token: token.to_owned(), ..self.clone() }
    }

    /// Makes an API key and gives back what was answered.
    pub async fn makes_key(&self, scopes: &[&str]) -> Reply {
        self.post("/api-keys", json!({"name": "Shop", "scopes": scopes})).await.expect(201)
    }

    /// The same person's program, with an API key.
    pub async fn with_key(&self, scopes: &[&str]) -> Person {
        self.with_token(text(&self.makes_key(scopes).await["key"]))
    }

    // ---- Requests, below /api/v1 ----

    pub fn request(&self, method: Method, path: &str) -> Request {
        Request::new(&self.http, &self.base, method, &format!("/api/v1{path}")).bearer(&self.token)
    }

    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    pub fn post(&self, path: &str, body: Value) -> Request {
        self.request(Method::POST, path).json(&body)
    }

    pub fn put(&self, path: &str, body: Value) -> Request {
        self.request(Method::PUT, path).json(&body)
    }

    /// As a merge patch where an order's details are patched, else as plain JSON.
    pub fn patch(&self, path: &str, body: Value) -> Request {
        let media_type = if path.starts_with("/orders/") { "application/merge-patch+json" } else { "application/json" };
        self.request(Method::PATCH, path).body(media_type, body.to_string())
    }

    pub fn delete(&self, path: &str) -> Request {
        self.request(Method::DELETE, path)
    }

    /// Gets a new token for the cookie, and uses it from now on.
    pub async fn refreshes(&mut self) -> Reply {
        let reply = self.tries_to_refresh().await.expect(200);
        self.token = text(&reply["access_token"]).to_owned();
        reply
    }

    pub fn tries_to_refresh(&self) -> Request {
        Request::new(&self.http, &self.base, Method::POST, &format!("/api/v1/{}/sessions/refresh", self.realm))
    }

    pub fn logs_out(&self) -> Request {
        Request::new(&self.http, &self.base, Method::DELETE, &format!("/api/v1/{}/sessions/current", self.realm))
    }

    // ---- Orders ----

    pub async fn create_order(&self, title: &str) -> Order {
        self.creates(json!({"title": title})).await
    }

    pub async fn creates(&self, order: Value) -> Order {
        Order::of(self.post("/orders", order).await.expect(201).json)
    }

    pub async fn sees(&self, order: &Order) -> Value {
        self.get(&format!("/orders/{}", order.id)).await.expect(200).json
    }

    /// Every event of an order.
    pub async fn history(&self, order: &Order) -> Vec<Value> {
        let (mut events, mut after) = (Vec::new(), "0".to_owned());
        loop {
            let page = self.get(&format!("/orders/{}/events?limit=100&after={after}", order.id)).await.expect(200);
            events.extend(page.data().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => after = next.to_owned(),
                None => return events,
            }
        }
    }

    /// Moves an order, with a reason where one is needed, and gives back the event.
    pub async fn moves(&self, order: &Order, to: &str) -> Value {
        let reply = self.tries(order, move_to(to)).await.expect(201);
        assert_eq!(reply["order"]["status"], to);
        assert_eq!(reply["event"]["version"], reply["order"]["version"]);
        reply.json["event"].clone()
    }

    /// All the moves in their order.
    pub async fn moves_through(&self, order: &Order, statuses: &[&str]) {
        for status in statuses {
            self.moves(order, status).await;
        }
    }

    pub async fn adds(&self, order: &Order, event: Value) -> Value {
        self.tries(order, event).await.expect(201).json["event"].clone()
    }

    pub fn tries(&self, order: &Order, event: Value) -> Request {
        self.post(&format!("/orders/{}/events", order.id), event)
    }

    pub async fn takes(&self, order: &Order) -> Reply {
        self.put(&format!("/orders/{}/assignee", order.id), json!({})).await.expect(200)
    }

    pub async fn changes(&self, order: &Order, details: Value) -> Reply {
        self.patch(&format!("/orders/{}", order.id), details).await.expect(200)
    }

    // ---- Live ----

    /// A socket on which this person has said who they are.
    pub async fn socket(&self) -> Socket {
        let mut socket = Socket::open(&self.base).await;
        socket.authenticate(&self.token).await;
        socket
    }

    pub async fn watch(&self, order: &Order) -> Watcher {
        self.socket().await.watch(&format!("order:{}", order.id), None).await
    }

    pub async fn watch_all(&self) -> Watcher {
        self.socket().await.watch("orders", None).await
    }
}

impl Order {
    #[track_caller]
    pub fn of(json: Value) -> Order {
        Order { id: text(&json["id"]).to_owned(), json }
    }
}

/// The event that moves an order there.
pub fn move_to(status: &str) -> Value {
    match status {
        "on_hold" | "cancelled" => json!({"status": status, "reason": "other"}),
        _ => json!({"status": status}),
    }
}

/// A client that keeps cookies.
fn browser() -> reqwest::Client {
    client_builder().cookie_store(true).build().expect("a client")
}
