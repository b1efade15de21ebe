//! Order Tracker as the benchmarks use it: a server on private services, an owner, a mover and their orders, made the way
//! that anybody would make them.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;

use serde_json::{Value, json};

use crate::http::Client;
use crate::process::{self, Server};
use crate::{Result, watch};

/// What `scripts/bench.sh` has prepared.
#[derive(Clone)]
pub struct Settings {
    /// The server's program.
    program: String,
    pub database_url: String,
    pub superuser_url: String,
    pub redis_url: String,
    /// Where Postgres' programs are.
    postgres_programs: PathBuf,
    /// The processes of Postgres and of Redis.
    pub services: [u32; 2],
}

/// What is in the database, for all servers that are started on it.
pub struct World {
    pub mover_token: String,
    pub orders: Vec<Order>,
}

#[derive(Debug, Clone)]
pub struct Order {
    pub id: String,
    pub version: i32,
    is_started: bool,
}

pub const PASSWORD: &str = "long enough to be a password";
pub const JWT_SECRET: &str = "only for measuring: everybody may know it";
/// Connections that make the orders.
const CONNECTIONS: usize = 32;

impl Settings {
    pub async fn from_env() -> Result<Settings> {
        let variable =
            |name: &str| std::env::var(name).map_err(|_| format!("{name} is missing: start this through `make bench`"));
        let mut settings = Settings {
            program: variable("ORDER_TRACKER")?,
            database_url: variable("DATABASE_URL")?,
            superuser_url: variable("SUPERUSER_URL")?,
            redis_url: variable("REDIS_URL")?,
            postgres_programs: variable("POSTGRES_PROGRAMS")?.into(),
            services: [0; 2],
        };
        // The first line is the number of Postgres' first process, whose children all others are.
        let file = settings.psql(&settings.superuser_url, &["-Atc", "SELECT pg_read_file('postmaster.pid')"]).await?;
        let postgres = file.lines().next().unwrap_or_default().parse()?;
        let mut redis = redis::Client::open(settings.redis_url.as_str())?.get_multiplexed_async_connection().await?;
        let information: String = redis::cmd("INFO").arg("server").query_async(&mut redis).await?;
        let redis = information.lines().find_map(|line| line.strip_prefix("process_id:")).ok_or("no process_id")?;
        settings.services = [postgres, redis.trim().parse()?];
        Ok(settings)
    }

    /// The server's program with nothing from the environment but Redis.
    fn command(&self, argument: &[&str]) -> tokio::process::Command {
        let mut command = process::command(&self.program);
        for name in [
            "PUBLIC_URL",
            "ALLOWED_ORIGINS",
            "TRUSTED_PROXIES",
            "REDIS_PREFIX",
            "WEBHOOK_ALLOW",
            "DRAIN_NOTICE",
            "DRAIN_TIMEOUT",
        ] {
            command.env_remove(name);
        }
        command
            .args(argument)
            .env("BIND_ADDR", "127.0.0.1:0")
            .env("JWT_SECRET", JWT_SECRET)
            .env("RATE_LIMITS", "off")
            .env("BCRYPT_COST", "4")
            .env("FRONTEND_DIR", "/nonexistent");
        command
    }

    pub async fn start_server(&self) -> Result<Server> {
        self.start_server_on(&self.database_url, &[]).await
    }

    /// With further settings.
    pub async fn start_server_on(&self, database_url: &str, further: &[(&str, &str)]) -> Result<Server> {
        let mut command = self.command(&["serve"]);
        command.env("DATABASE_URL", database_url).envs(further.iter().copied());
        Server::start(command).await
    }

    /// The one-time secret for a new mover.
    async fn invite(&self) -> Result<String> {
        let output = self.command(&["invite"]).output().await?;
        let link = String::from_utf8(output.stdout)?;
        let (_, token) = link.trim().split_once('#').ok_or("no invitation")?;
        Ok(token.to_owned())
    }

    /// One of those that come with Postgres.
    pub fn postgres_program(&self, name: &str) -> tokio::process::Command {
        process::command(&self.postgres_programs.join(name).to_string_lossy())
    }

    /// What psql prints.
    pub async fn psql(&self, url: &str, arguments: &[&str]) -> Result<String> {
        let mut command = self.postgres_program("psql");
        let output = command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1"]).args(arguments).arg(url).output().await?;
        if !output.status.success() {
            return Err(format!("psql: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

impl World {
    /// Registers an owner and a mover, and creates orders.
    pub async fn create(settings: &Settings, orders: usize) -> Result<World> {
        let server = settings.start_server().await?;
        let mut client = Client::connect(server.address).await?;
        let account = json!({ "email": "owner@bench.example", "password": PASSWORD, "name": "Owner" });
        let owner_token = sign_in(&mut client, "/api/v1/users", account).await?;
        let invitation = settings.invite().await?;
        let account =
            json!({ "invitation": invitation, "email": "mover@bench.example", "password": PASSWORD, "name": "Mover" });
        let mover_token = sign_in(&mut client, "/api/v1/movers", account).await?;
        let orders = create_orders(server.address, &owner_token, orders).await?;
        server.stop().await?;
        Ok(World { mover_token, orders })
    }

    /// A token is good for ten minutes, and the servers come and go.
    pub async fn sign_in_again(&mut self, server: SocketAddr) -> Result<()> {
        let mut client = Client::connect(server).await?;
        let credentials = json!({ "email": "mover@bench.example", "password": PASSWORD });
        let answer = client.post("/api/v1/movers/sessions", "", &credentials.to_string()).await?;
        self.mover_token = token(&answer.json(200)?)?;
        Ok(())
    }

    /// Watches the public events of each of the first orders that happen from now on.
    pub fn watches(&self, count: usize) -> Vec<watch::Watch> {
        self.orders[..count].iter().map(Order::watch).collect()
    }
}

impl Order {
    pub fn watch(&self) -> watch::Watch {
        watch::Watch { topic: format!("track:{}", self.id), after: self.version }
    }

    /// Where the next move is posted.
    pub fn path(&self) -> String {
        format!("/api/v1/orders/{}/events", self.id)
    }

    /// To a stop and on again, for as long as anybody likes.
    pub fn next_move(&self) -> &'static str {
        if self.is_started { r#"{"status":"on_hold","reason":"delayed"}"# } else { r#"{"status":"started"}"# }
    }

    /// The next move was made, and the order has this version now.
    pub fn was_moved(&mut self, version: i32) {
        self.version = version;
        self.is_started = !self.is_started;
    }
}

async fn sign_in(client: &mut Client, path: &str, account: Value) -> Result<String> {
    token(&client.post(path, "", &account.to_string()).await?.json(201)?)
}

pub fn token(answer: &Value) -> Result<String> {
    Ok(answer["access_token"].as_str().ok_or("no token")?.to_owned())
}

async fn create_orders(server: SocketAddr, token: &str, count: usize) -> Result<Vec<Order>> {
    let orders = Rc::new(RefCell::new(Vec::with_capacity(count)));
    let mut makers = tokio::task::JoinSet::new();
    for maker in 0..CONNECTIONS {
        let (orders, token) = (orders.clone(), token.to_owned());
        makers.spawn_local(async move {
            let mut client = Client::connect(server).await?;
            for number in (maker..count).step_by(CONNECTIONS) {
                let order = create_order(&mut client, &token, number).await?;
                orders.borrow_mut().push(order);
            }
            Ok::<(), Box<dyn std::error::Error>>(())
        });
    }
    while let Some(made) = makers.join_next().await {
        made??;
    }
    Ok(orders.take())
}

async fn create_order(client: &mut Client, token: &str, number: usize) -> Result<Order> {
    let details = json!({
        "title": format!("Sofa, three seats, number {number}"),
        "recipient": { "name": "Ana Lima" },
        "pickup_address": "1 Dock Rd",
        "delivery_address": "2 Hill St",
    });
    let order = client.post("/api/v1/orders", token, &details.to_string()).await?.json(201)?;
    let id = order["id"].as_str().ok_or("an order without an ID")?.to_owned();
    Ok(Order { id, version: 1, is_started: false })
}
