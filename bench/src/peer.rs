//! A peer: the same on Express, pg, ioredis and ws (`peer-express/`), which a good Node engineer would write. On the
//! same database with the same load, turn by turn.

use std::net::SocketAddr;
use std::time::Duration;

use crate::Result;
use crate::database::{Database, Tokens};
use crate::http::Client;
use crate::load::Writes;
use crate::measure::compare;
use crate::process::{self, Served, Server};
use crate::run::{Context, say};
use crate::site::{Site, WRITERS};
use crate::table::{Goal, Row, median};
use crate::tracker::JWT_SECRET;
use crate::watch::{Watch, now};
use crate::watchers::Watchers;

/// How long both are left alone before their memory at rest is read.
const REST: Duration = Duration::from_secs(5);

struct Sizes {
    sockets: usize,
    events: usize,
}

pub async fn measure(context: &mut Context) -> Result<Vec<Row>> {
    let database = context.large().await?;
    let sizes = if context.is_quick { Sizes { sockets: 500, events: 3 } } else { Sizes { sockets: 5000, events: 10 } };
    let turn = context.turn();
    let ours = context.settings.start_server_on(&database.url, &[]).await?;
    let peer = start_peer(context, &database).await?;
    tokio::time::sleep(REST).await;
    let megabytes = |server: &Server| Ok::<_, Box<dyn std::error::Error>>(server.proportional_memory()? as f64 / 1e6);
    let (our_rest, peer_rest) = (megabytes(&ours)?, megabytes(&peer)?);
    let ours = Site::of(&context.settings, ours, &database, turn).await?;
    let peer = Site::of(&context.settings, peer, &database, turn).await?;

    let rounds = context.rounds();
    let hot = compare(rounds, async || ours.hot().await, async || peer.hot().await).await?;
    let cold = compare(rounds, async || ours.cold().await, async || peer.cold().await).await?;
    let checkpoint = async || database.query(&context.settings, "CHECKPOINT").await;
    let mut written = Vec::new();
    for writes in [Writes::Moves, Writes::Creations] {
        let write = async |site: &Site| {
            checkpoint().await?;
            site.write(writes, WRITERS).await
        };
        let theirs = async || ours.server.standing_still(async || write(&peer).await).await;
        written.push(compare(rounds, async || write(&ours).await, theirs).await?);
    }
    ours.server.stop().await?;
    peer.server.stop().await?;

    let (mut our_crowds, mut peer_crowds) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let server = context.settings.start_server_on(&database.url, &[]).await?;
        our_crowds.push(Crowd::gather(server, &sizes).await?);
        let server = start_peer(context, &database).await?;
        peer_crowds.push(Crowd::gather(server, &sizes).await?);
        let (ours, peer) = (&our_crowds[our_crowds.len() - 1], &peer_crowds[peer_crowds.len() - 1]);
        say(&format!("{} sockets: ours {}; the peer {}", sizes.sockets, ours.say(), peer.say()));
    }
    let of = |crowds: &[Crowd], figure: fn(&Crowd) -> f64| crowds.iter().map(figure).collect::<Vec<_>>();
    let crowd_row = |operation: String, unit: &str, figure: fn(&Crowd) -> f64, goal: Goal| {
        let (ours, peer) = (of(&our_crowds, figure), of(&peer_crowds, figure));
        let ratios = ours.iter().zip(&peer).map(|(ours, peer)| ours / peer).collect();
        let text = |values: &[f64]| format!("{:.1} {unit}", median(values));
        Row::plain(operation, text(&ours), text(&peer), ratios, goal)
    };
    let [moved, created] = written.as_slice() else { return Err("something was not written".into()) };
    Ok(vec![
        Row::throughput("GET /track/{id}, hot; Express", &hot, Goal::AtLeast(6.0)),
        Row::throughput("GET /track/{id}, cold; Express", &cold, Goal::AtLeast(2.5)),
        Row::throughput("POST events, 64 clients, different orders; Express", moved, Goal::AtLeast(5.0)),
        Row::throughput("POST /orders, 64 clients; Express", created, Goal::AtLeast(4.0)),
        crowd_row(
            format!("one event to {} watchers: deliveries a CPU-second; Express and ws", sizes.sockets),
            "k",
            |crowd| crowd.deliveries_a_cpu_second / 1e3,
            Goal::AtLeast(4.0),
        ),
        crowd_row("the same: time to the last; Express and ws".into(), "ms", |crowd| crowd.to_the_last_ms, Goal::Shown),
        Row::plain(
            format!("memory at rest; Express in a cluster of {}", std::thread::available_parallelism()?),
            format!("{our_rest:.0} MB"),
            format!("{peer_rest:.0} MB"),
            vec![our_rest / peer_rest],
            Goal::AtMost(0.15),
        ),
        crowd_row("memory of a watching socket; ws".into(), "kB", |crowd| crowd.socket_kb, Goal::Shown),
    ])
}

/// On the same database, with the same tokens.
async fn start_peer(context: &Context, database: &Database) -> Result<Server> {
    let mut command = process::command("node");
    command
        .arg("peer-express/main.js")
        .env("NODE_ENV", "production")
        .env("DATABASE_URL", &database.url)
        .env("REDIS_URL", &context.settings.redis_url)
        .env("REDIS_PREFIX", "peer:")
        .env("JWT_SECRET", JWT_SECRET)
        .env("BIND_ADDR", "127.0.0.1:0")
        .env("BCRYPT_COST", "4");
    Server::start(command).await
}

/// Watchers of one order, and what they cost.
struct Crowd {
    socket_kb: f64,
    to_the_last_ms: f64,
    deliveries_a_cpu_second: f64,
}

impl Crowd {
    /// Opens the sockets, makes events, and stops the server.
    async fn gather(server: Server, sizes: &Sizes) -> Result<Crowd> {
        let address: SocketAddr = server.address;
        let mut mover = Client::connect(address).await?;
        let tokens = Tokens::sign_in(&mut mover).await?;
        // One that can be moved, but not by the load.
        let id = Database::id(8);
        let order = mover.get(&format!("/api/v1/orders/{id}"), tokens.mover(), &[]).await?.json(200)?;
        let mut version = i32::try_from(order["version"].as_i64().ok_or("no version")?)?;
        let alone: Served = server.alone();
        let before = server.proportional_memory()?;
        let watches = vec![Watch { topic: format!("track:{id}"), after: version }; sizes.sockets];
        let mut watchers = Watchers::open(address, crate::live::OUR_PATH, &watches, true).await?;
        tokio::time::sleep(REST).await;
        let socket_kb = server.proportional_memory()?.saturating_sub(before) as f64 / sizes.sockets as f64 / 1e3;
        let path = format!("/api/v1/orders/{id}/events");
        let mut is_on_hold = order["status"] == "on_hold";
        let mut to_the_last = Vec::new();
        let mut cpu = Duration::ZERO;
        for number in 0..=sizes.events {
            let before = alone.cpu()?;
            let sent = now();
            let next =
                if is_on_hold { r#"{"status":"started"}"# } else { r#"{"status":"on_hold","reason":"delayed"}"# };
            mover.post(&path, tokens.mover(), next).await?.json(201)?;
            is_on_hold = !is_on_hold;
            version += 1;
            let last = watchers.completed(version).await?;
            tokio::time::sleep(Duration::from_millis(200)).await;
            // The first one warms up.
            if number > 0 {
                to_the_last.push(last.saturating_sub(sent) as f64 / 1e6);
                cpu += alone.cpu()? - before;
            }
        }
        server.stop().await?;
        let deliveries = (sizes.sockets * sizes.events) as f64;
        Ok(Crowd {
            socket_kb,
            to_the_last_ms: median(&to_the_last),
            deliveries_a_cpu_second: deliveries / cpu.as_secs_f64(),
        })
    }

    fn say(&self) -> String {
        format!(
            "{:.1} kB each, {:.0} ms to the last, {:.0} k deliveries a CPU-second",
            self.socket_kb,
            self.to_the_last_ms,
            self.deliveries_a_cpu_second / 1e3
        )
    }
}
