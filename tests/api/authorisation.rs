//! Who may do what: every operation of the contract, by everybody.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use crate::support::client::text;
use crate::support::contract::{CONTRACT, Operation};
use crate::support::people::{PASSWORD, Person, email_of};
use crate::support::tokens::Token;
use crate::support::{Order, Request, Socket, TestApp, json};

/// In the columns' order. Wrong realm: a properly signed token, or the cookie, of the other realm than the operation's;
/// where both are served, a token whose role is not of the realm that it names.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    Anonymous,
    Owner,
    OtherUser,
    Mover,
    Admin,
    WrongRealm,
}

const EVERYBODY: [Who; 6] = [Who::Anonymous, Who::Owner, Who::OtherUser, Who::Mover, Who::Admin, Who::WrongRealm];

/// Operation, what exactly is asked where there is a choice, and the status for each of `EVERYBODY`.
#[rustfmt::skip]
const MATRIX: [(&str, &str, [u16; 6]); 55] = [
    //                                         anonymous, owner, other, mover, admin, wrong realm
    ("registerUser",        "",                 [201, 201, 201, 201, 201, 201]),
    ("logInUser",           "",                 [200, 200, 200, 200, 200, 200]),
    ("refreshUserSession",  "",                 [401, 200, 200, 401, 401, 401]),
    ("logOutUser",          "",                 [204, 204, 204, 204, 204, 204]),
    ("logInMover",          "",                 [200, 200, 200, 200, 200, 200]),
    ("refreshMoverSession", "",                 [401, 401, 401, 200, 200, 401]),
    ("logOutMover",         "",                 [204, 204, 204, 204, 204, 204]),
    ("joinAsMover",         "",                 [201, 201, 201, 201, 201, 201]),
    ("listMovers",          "",                 [401, 401, 401, 200, 200, 401]),
    ("updateMover",         "",                 [401, 401, 401, 403, 200, 401]),
    ("createInvitation",    "",                 [401, 401, 401, 403, 201, 401]),
    ("listInvitations",     "",                 [401, 401, 401, 403, 200, 401]),
    ("withdrawInvitation",  "",                 [401, 401, 401, 403, 204, 401]),
    ("getMe",               "",                 [401, 200, 200, 200, 200, 401]),
    ("updateMe",            "",                 [401, 200, 200, 200, 200, 401]),
    ("changePassword",      "",                 [401, 204, 204, 204, 204, 401]),
    ("listSessions",        "",                 [401, 200, 200, 200, 200, 401]),
    ("endSession",          "the owner's",      [401, 204, 404, 404, 404, 401]),
    ("createApiKey",        "",                 [401, 201, 201, 201, 201, 401]),
    ("listApiKeys",         "",                 [401, 200, 200, 200, 200, 401]),
    ("endApiKey",           "the owner's",      [401, 204, 404, 404, 404, 401]),
    ("createOrder",         "",                 [401, 201, 201, 401, 401, 401]),
    ("createOrders",        "",                 [401, 200, 200, 401, 401, 401]),
    ("listOrders",          "",                 [401, 200, 200, 200, 200, 401]),
    ("exportOrders",        "",                 [401, 200, 200, 403, 200, 401]),
    ("countOrders",         "",                 [401, 200, 200, 200, 200, 401]),
    ("getOrder",            "",                 [401, 200, 404, 200, 200, 401]),
    ("getOrder",            "not tracked",      [401, 200, 404, 200, 200, 401]),
    ("updateOrder",         "",                 [401, 200, 404, 401, 401, 401]),
    ("addEvent",            "note",             [401, 201, 404, 201, 201, 401]),
    ("addEvent",            "start",            [401, 409, 404, 201, 201, 401]),
    ("addEvent",            "cancel",           [401, 201, 404, 201, 201, 401]),
    ("addEvent",            "undo a mover's",   [401, 409, 404, 409, 201, 401]),
    ("listEvents",          "",                 [401, 200, 404, 200, 200, 401]),
    ("assignOrder",         "",                 [401, 401, 401, 200, 200, 401]),
    ("unassignOrder",       "a mover's",        [401, 401, 401, 409, 200, 401]),
    ("readFeed",            "",                 [401, 200, 200, 403, 200, 401]),
    ("addEvents",           "",                 [401, 401, 401, 200, 200, 401]),
    ("createWebhook",       "",                 [401, 201, 201, 403, 201, 401]),
    ("listWebhooks",        "",                 [401, 200, 200, 403, 200, 401]),
    ("getWebhook",          "the owner's",      [401, 200, 404, 403, 404, 401]),
    ("updateWebhook",       "the owner's",      [401, 200, 404, 403, 404, 401]),
    ("deleteWebhook",       "the owner's",      [401, 204, 404, 403, 404, 401]),
    ("rotateWebhookSecret", "the owner's",      [401, 200, 404, 403, 404, 401]),
    ("testWebhook",         "the owner's",      [401, 202, 404, 403, 404, 401]),
    ("replayWebhook",       "the owner's",      [401, 202, 404, 403, 404, 401]),
    ("listDeliveries",      "the owner's",      [401, 200, 404, 403, 404, 401]),
    ("getDelivery",         "the owner's",      [401, 200, 404, 403, 404, 401]),
    ("resendDelivery",      "the owner's",      [401, 202, 404, 403, 404, 401]),
    ("trackOrder",          "",                 [200, 200, 200, 200, 200, 200]),
    ("trackOrder",          "not tracked",      [404, 404, 404, 404, 404, 404]),
    ("live",                "",                 [101, 101, 101, 101, 101, 101]),
    ("livez",               "",                 [200, 200, 200, 200, 200, 200]),
    ("readyz",              "",                 [200, 200, 200, 200, 200, 200]),
    ("openapi",             "",                 [200, 200, 200, 200, 200, 200]),
];

#[test]
fn every_operation_has_a_row() {
    let rows: BTreeSet<&str> = MATRIX.iter().map(|(operation, _, _)| *operation).collect();
    let operations: BTreeSet<&str> = CONTRACT.operations().iter().map(|operation| operation.id.as_str()).collect();
    assert_eq!(operations.difference(&rows).collect::<Vec<_>>(), Vec::<&&str>::new(), "operations without a row");
    assert_eq!(rows.difference(&operations).collect::<Vec<_>>(), Vec::<&&str>::new(), "rows without an operation");
}

#[tokio::test]
async fn everybody_may_do_what_the_matrix_says_and_nothing_else() {
    let world = World::start().await;
    let mut wrong = Vec::new();
    for (operation, variant, expected) in MATRIX {
        for (who, expected) in EVERYBODY.into_iter().zip(expected) {
            let status = world.attempt(operation, variant, who).await;
            if status != expected {
                wrong.push(format!("{operation} {variant}, {who:?}: {status} instead of {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// By the contract: with an API key an operation answers as it does with a token, if it names a scope that the key has.
#[tokio::test]
async fn keys_may_do_what_they_were_made_for_and_nothing_else() {
    const SCOPES: [&str; 4] = ["orders:read", "orders:write", "events:write", "webhooks:manage"];
    let world = World::start().await;
    let mut keys = Vec::new();
    for scopes in [SCOPES.to_vec()].into_iter().chain(SCOPES.map(|scope| vec![scope])) {
        keys.push((world.owner.with_key(&scopes).await, world.admin.with_key(&scopes).await, scopes));
    }
    let (mut wrong, mut admitted) = (Vec::new(), 0);
    for operation in CONTRACT.operations() {
        let security = CONTRACT.document.pointer(&format!("{}/security", operation.pointer));
        let security = security.unwrap_or(&CONTRACT.document["security"]).as_array().expect("a list");
        if security.iter().all(|way| way.get("userToken").is_none() && way.get("moverToken").is_none()) {
            continue;
        }
        let needed = security.iter().find_map(|way| way.get("apiKey")).map(|scopes| scopes[0].as_str());
        let row = MATRIX.iter().find(|(id, ..)| *id == operation.id).expect("a row");
        let (_, variant, [_, by_owner, .., by_admin, _]) = *row;
        for (owner, admin, scopes) in &keys {
            let (person, with_token) = if by_owner < 300 { (owner, by_owner) } else { (admin, by_admin) };
            let expected = match needed {
                Some(scope) if scope.is_none_or(|scope| scopes.contains(&scope)) => with_token,
                _ => 403,
            };
            admitted += usize::from(expected != 403);
            let status = world.attempt_by(&operation.id, variant, person).await;
            if status != expected {
                wrong.push(format!("{}, {scopes:?}: {status} instead of {expected}", operation.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(admitted > 20, "{admitted}");
}

struct World {
    app: TestApp,
    owner: Person,
    other: Person,
    mover: Person,
    admin: Person,
    /// Who has taken and moved things.
    eve: Person,
}

impl World {
    async fn start() -> World {
        let app = TestApp::start().await;
        let (owner, other) = (app.user("Uma").await, app.user("Otto").await);
        let (mover, admin, eve) = (app.mover("Max").await, app.admin("Ada").await, app.mover("Eve").await);
        World { app, owner, other, mover, admin, eve }
    }

    /// On things made for this attempt, so that none depends on another.
    async fn attempt(&self, operation: &str, variant: &str, who: Who) -> u16 {
        if operation == "live" {
            return Socket::try_open(&self.app.base, None).await.map_or_else(|status| status, |_| 101);
        }
        let (operation, path, body) = self.prepare(operation, variant).await;
        let request = self.request(&operation.method, &path, who, operation.id == "changePassword").await;
        with_body(request, body).await.status
    }

    /// The same by somebody with a credential of their own.
    async fn attempt_by(&self, operation: &str, variant: &str, person: &Person) -> u16 {
        let (operation, path, body) = self.prepare(operation, variant).await;
        let below_api = path.strip_prefix("/api/v1").expect("what needs a credential is there");
        with_body(person.request(operation.method.clone(), below_api), body).await.status
    }

    async fn prepare(&self, operation: &str, variant: &str) -> (&'static Operation, String, Option<Value>) {
        let found = CONTRACT.operations().iter().find(|found| found.id == operation).expect("an operation");
        let (parameter, body) = self.ask(operation, variant).await;
        let mut path = found.template.clone();
        for parameter in parameter.split(' ') {
            if let Some((head, tail)) = path.split_once('{') {
                path = format!("{head}{parameter}{}", tail.split_once('}').expect("a parameter").1);
            }
        }
        (found, path, body)
    }

    /// An account may have twenty.
    async fn deletes_webhooks(&self) {
        for webhook in self.owner.get("/webhooks").await.expect(200).data() {
            self.owner.delete(&format!("/webhooks/{}", text(&webhook["id"]))).await.expect(204);
        }
    }

    /// What stands in the path, and the body.
    async fn ask(&self, operation: &str, variant: &str) -> (String, Option<Value>) {
        let email = |realm| email_of("New", realm);
        let order = async || self.owner.create_order("Sofa").await;
        let plain = (String::new(), None);
        match (operation, variant) {
            ("registerUser", _) => {
                (String::new(), Some(json!({"email": email("users"), "password": PASSWORD, "name": "New"})))
            }
            ("logInUser", _) => (String::new(), Some(json!({"email": self.owner.email, "password": PASSWORD}))),
            ("logInMover", _) => (String::new(), Some(json!({"email": self.mover.email, "password": PASSWORD}))),
            ("joinAsMover", _) => {
                let created = self.admin.post("/movers/invitations", json!({"role": "mover"})).await.expect(201);
                let token = text(&created["link"]).split_once('#').expect("a fragment").1.to_owned();
                let body = json!({"invitation": token, "email": email("movers"), "password": PASSWORD, "name": "New"});
                (String::new(), Some(body))
            }
            ("updateMover", _) => (self.app.mover("Somebody").await.id, Some(json!({"active": false}))),
            ("createInvitation", _) => (String::new(), Some(json!({"role": "mover"}))),
            ("withdrawInvitation", _) => {
                let created = self.admin.post("/movers/invitations", json!({"role": "mover"})).await.expect(201);
                (text(&created["id"]).to_owned(), None)
            }
            ("updateMe", _) => (String::new(), Some(json!({}))),
            ("changePassword", _) => {
                (String::new(), Some(json!({"current_password": PASSWORD, "new_password": PASSWORD})))
            }
            ("endSession", _) => {
                let device = self.owner.on_another_device().await;
                let sessions = device.get("/me/sessions").await.expect(200);
                let current = sessions.data().iter().find(|session| session["current"] == true).expect("a current one");
                (text(&current["id"]).to_owned(), None)
            }
            ("createApiKey", _) => (String::new(), Some(json!({"name": "Shop", "scopes": ["orders:read"]}))),
            ("endApiKey", _) => {
                let made = self.owner.post("/api-keys", json!({"name": "Shop", "scopes": ["orders:read"]})).await;
                (text(&made.expect(201)["id"]).to_owned(), None)
            }
            ("createWebhook", _) => {
                self.deletes_webhooks().await;
                (String::new(), Some(json!({"url": "https://shop.example/"})))
            }
            (_, "the owner's") => {
                self.deletes_webhooks().await;
                let made = self.owner.post("/webhooks", json!({"url": "https://shop.example/"})).await.expect(201);
                let id = text(&made["id"]).to_owned();
                let body = match operation {
                    "updateWebhook" => Some(json!({"description": "Shop"})),
                    "replayWebhook" => Some(json!({"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"})),
                    _ => None,
                };
                if !operation.ends_with("Delivery") {
                    return (id, body);
                }
                // Never sent: there is no such host.
                let sent = self.owner.request(Method::POST, &format!("/webhooks/{id}/test")).await.expect(202);
                (format!("{id} {}", text(&sent["id"])), body)
            }
            ("createOrder", _) => (String::new(), Some(json!({"title": "Sofa"}))),
            ("createOrders", _) => (String::new(), Some(json!({"items": [{"title": "Sofa"}]}))),
            ("getOrder" | "trackOrder", "not tracked") => {
                (self.owner.creates(json!({"title": "Sofa", "public_tracking": false})).await.id, None)
            }
            ("getOrder" | "listEvents" | "trackOrder", _) => (order().await.id, None),
            ("updateOrder", _) => (order().await.id, Some(json!({"title": "Couch"}))),
            ("addEvent", "note") => (order().await.id, Some(json!({"note": "Dog"}))),
            ("addEvent", "start") => (order().await.id, Some(json!({"status": "started"}))),
            ("addEvent", "cancel") => (order().await.id, Some(json!({"status": "cancelled", "reason": "other"}))),
            ("addEvent", _) => {
                let order: Order = order().await;
                self.eve.moves(&order, "started").await;
                (order.id, Some(json!({"undo": true})))
            }
            ("assignOrder", _) => (order().await.id, Some(json!({}))),
            ("unassignOrder", _) => {
                let order = order().await;
                self.eve.takes(&order).await;
                (order.id, None)
            }
            ("addEvents", _) => {
                (String::new(), Some(json!({"items": [{"order_id": order().await.id, "note": "Dog"}]})))
            }
            _ => plain,
        }
    }

    /// `is_its_last`: what is asked for ends all other sessions of who asks, so it is asked by a stand-in.
    async fn request(&self, method: &Method, path: &str, who: Who, is_its_last: bool) -> Request {
        let below_api = path.strip_prefix("/api/v1").unwrap_or(path);
        let nobody = || Request::new(&crate::support::http_client(), &self.app.base, method.clone(), path);
        let person = match who {
            Who::Anonymous => return nobody(),
            Who::WrongRealm => return self.of_the_wrong_realm(nobody(), below_api).await,
            Who::Owner => &self.owner,
            Who::OtherUser => &self.other,
            Who::Mover => &self.mover,
            Who::Admin => &self.admin,
        };
        let person = match who {
            Who::Owner | Who::OtherUser if is_its_last => self.app.user("Somebody").await,
            Who::Mover if is_its_last => self.app.mover("Somebody").await,
            Who::Admin if is_its_last => self.app.admin("Somebody").await,
            // A session of its own: some operations end it.
            _ => person.on_another_device().await,
        };
        if path.starts_with("/api/v1") {
            person.request(method.clone(), below_api)
        } else {
            nobody().bearer(&person.token)
        }
    }

    async fn of_the_wrong_realm(&self, request: Request, path: &str) -> Request {
        if let Some((realm, _)) = path[1..].split_once("/sessions/") {
            let other = if realm == "users" { &self.mover } else { &self.owner };
            let session = other.on_another_device().await.tries_to_refresh().await.expect(200);
            let cookie =
                session.header("set-cookie").expect("a cookie").split(['=', ';']).nth(1).expect("a value").to_owned();
            return request.header("cookie", format!("ot_{realm}_refresh={cookie}"));
        }
        // Orders' own operations for users only answer movers' tokens in the columns beside this one.
        let is_the_movers = path.starts_with("/movers") || path.ends_with("/assignee") || path == "/events/batch";
        if is_the_movers {
            request.bearer(&self.owner.token)
        } else {
            request.bearer(&Token::read(&self.owner.token).with("aud", json!("movers")).signed())
        }
    }
}

fn with_body(request: Request, body: Option<Value>) -> Request {
    match body {
        Some(body) => request.json(&body),
        None => request,
    }
}
