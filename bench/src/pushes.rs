//! From a move to a socket that watches on another replica: the commit, and Redis in between.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::Instant;

use crate::Result;
use crate::database::{Database, pgbench};
use crate::http::Client;
use crate::measure::{Measured, Micros};
use crate::run::{Context, say};
use crate::site::Site;
use crate::table::{Goal, Row, median};
use crate::watch::{Watch, now};
use crate::watchers::Watchers;

const MOVES: usize = 500;
const PUBLISHED: usize = 2000;
/// As long as an announcement.
const ANNOUNCEMENT: usize = 400;

pub async fn measure(context: &mut Context) -> Result<Vec<Row>> {
    let database = context.large().await?;
    let site = Site::start(&context.settings, &database, &[], context.turn()).await?;
    let other = context.settings.start_server_on(&database.url, &[]).await?;
    let id = Database::id(7);
    let mut mover = Client::connect(site.address()).await?;
    let path = format!("/api/v1/orders/{id}/events");
    let version =
        mover.get(&format!("/api/v1/orders/{id}"), site.tokens.mover(), &[]).await?.json(200)?["version"].as_i64();
    let mut version = i32::try_from(version.ok_or("no version")?)?;
    let watches = [Watch { topic: format!("track:{id}"), after: version }];
    let mut here = Watchers::open(site.address(), crate::live::OUR_PATH, &watches, true).await?;
    let mut there = Watchers::open(other.address, crate::live::OUR_PATH, &watches, true).await?;
    let (mut ours, mut ours_here, mut limits) = (Vec::new(), Vec::new(), Vec::new());
    let mut after_answer = Vec::new();
    for _ in 0..context.rounds() {
        let (mut to_there, mut to_here, mut behind) = (Micros::default(), Micros::default(), Micros::default());
        for _ in 0..MOVES {
            let sent = now();
            let answer = mover.post(&path, site.tokens.mover(), r#"{"location":"Lisbon"}"#).await?;
            answer.json(201)?;
            let answered = now();
            version += 1;
            let arrived = there.completed(version).await?;
            to_there.add(Duration::from_nanos(arrived.saturating_sub(sent)));
            behind.add(Duration::from_nanos(arrived.saturating_sub(answered)));
            to_here.add(Duration::from_nanos(here.completed(version).await?.saturating_sub(sent)));
        }
        let limit = async || {
            let commit = pgbench(&context.settings, &database, "note.sql", 1, context.turn()).await?;
            Ok((commit, publish(&context.settings.redis_url).await?))
        };
        let (commit, published) = site.server.standing_still(async || other.standing_still(limit).await).await?;
        ours.push(to_there.percentile(0.5).as_secs_f64() * 1e3);
        after_answer.push(behind.percentile(0.5).as_secs_f64() * 1e3);
        ours_here.push(to_here.percentile(0.5).as_secs_f64() * 1e3);
        limits.push(Measured::p50_ms(&commit) + published.as_secs_f64() * 1e3);
        say(&format!(
            "from a move to a socket: {:.2} ms on another replica, {:.2} ms on the same; a commit {:.2} ms, Redis {:.2} ms",
            ours[ours.len() - 1],
            ours_here[ours_here.len() - 1],
            commit.p50_ms(),
            published.as_secs_f64() * 1e3
        ));
    }
    site.server.stop().await?;
    other.stop().await?;
    context.notes.push(format!(
        "From POST to a socket: this is the whole request, with reading it and looking at the order before the commit. The \
         event is at the other replica's socket {:.2} ms after the mover has the answer.",
        median(&after_answer)
    ));
    let ratios = |ours: &[f64]| ours.iter().zip(&limits).map(|(ours, limit)| ours / limit).collect();
    let row = |operation: &str, ours: &[f64]| {
        let (shown, limit) = (format!("{:.2} ms", median(ours)), format!("{:.2} ms", median(&limits)));
        Row::plain(operation, shown, limit, ratios(ours), Goal::AtMost(2.0))
    };
    Ok(vec![
        row("from POST to a socket on another replica, 1 mover: p50; pgbench's commit and Redis' publish", &ours),
        row("the same on the same replica", &ours_here),
    ])
}

/// From publishing to the subscriber: half of them take no longer.
async fn publish(redis_url: &str) -> Result<Duration> {
    let redis = redis::Client::open(redis_url)?;
    let mut subscriber = redis.get_async_pubsub().await?;
    subscriber.subscribe("bench").await?;
    let mut heard = subscriber.into_on_message();
    let mut publisher = redis.get_multiplexed_async_connection().await?;
    let text = "x".repeat(ANNOUNCEMENT);
    let mut micros = Micros::default();
    for _ in 0..PUBLISHED {
        let sent = Instant::now();
        let _: i64 = redis::cmd("PUBLISH").arg("bench").arg(&text).query_async(&mut publisher).await?;
        heard.next().await.ok_or("Redis has gone")?;
        micros.add(sent.elapsed());
    }
    Ok(micros.percentile(0.5))
}
