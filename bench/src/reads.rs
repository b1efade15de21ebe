//! Reading one order: what a cache can give, what Postgres can give, and what a token costs.

use std::time::Duration;

use futures_util::future::try_join_all;

use crate::Result;
use crate::bare::Canned;
use crate::database::{Database, pgbench};
use crate::http::{Answer, Client};
use crate::measure::{Measured, compare};
use crate::process::{self, Server};
use crate::run::{Context, say};
use crate::site::{READERS, Site, WRITERS, hot_path};
use crate::table::{Goal, Row};
use crate::wrk::{self, Reads};

pub async fn measure(context: &mut Context) -> Result<Vec<Row>> {
    let database = context.large().await?;
    let site = Site::start(&context.settings, &database, &[], context.turn()).await?;
    let mut rows = from_the_cache(context, &site).await?;
    rows.extend(from_postgres(context, &site).await?);
    rows.push(herd(context, &site).await?);
    site.server.stop().await?;
    Ok(rows)
}

/// Against a bare handler that answers with the same bytes and headers.
async fn from_the_cache(context: &Context, site: &Site) -> Result<Vec<Row>> {
    let mut client = Client::connect(site.address()).await?;
    let ok = client.get(&hot_path(), "", &[]).await?;
    let etag = ok.header("etag").ok_or("no ETag")?.to_owned();
    let not_modified = client.get(&hot_path(), "", &[("If-None-Match", &etag)]).await?;
    if (ok.status, not_modified.status) != (200, 304) {
        return Err(format!("{} and {} instead of 200 and 304", ok.status, not_modified.status).into());
    }
    let bare = Bare::start(context.turn(), &etag, &ok, &not_modified).await?;
    let hot = compare(context.rounds(), async || site.hot().await, async || bare.read(&[]).await).await?;
    let known = [("If-None-Match", etag.clone())];
    let unchanged =
        compare(context.rounds(), async || site.unchanged(&etag).await, async || bare.read(&known).await).await?;
    bare.server.stop().await?;
    Ok(vec![
        Row::throughput("GET /track/{id}, hot; bare actix", &hot, Goal::AtLeast(0.8)),
        Row::throughput("the same with If-None-Match: 304; bare actix", &unchanged, Goal::AtLeast(0.85)),
    ])
}

struct Bare {
    server: Server,
    lasting: Duration,
}

impl Bare {
    async fn start(lasting: Duration, etag: &str, ok: &Answer, not_modified: &Answer) -> Result<Bare> {
        let server = Server::start(process::own(&["bare"])?).await?;
        // The date comes by itself.
        let headers = |answer: &Answer| -> Vec<(String, String)> {
            let mut headers = answer.head.clone();
            headers.retain(|(name, _)| name != "date");
            headers.sort();
            headers
        };
        let canned = Canned {
            etag: etag.to_owned(),
            ok: headers(ok),
            not_modified: headers(not_modified),
            body: String::from_utf8(ok.body.clone())?,
        };
        let mut client = Client::connect(server.address).await?;
        match client.post("/canned", "", &serde_json::to_string(&canned)?).await?.status {
            204 => {}
            status => return Err(format!("the bare handler says {status}").into()),
        }
        let same = client.get(&hot_path(), "", &[]).await?;
        if same.body != ok.body || headers(&same) != headers(ok) {
            return Err(format!("the bare handler answers {:?}, the server {:?}", same.head, ok.head).into());
        }
        Ok(Bare { server, lasting })
    }

    async fn read(&self, headers: &[(&str, String)]) -> Result<Measured> {
        let reads = Reads::One { path: &hot_path(), headers };
        wrk::run(self.server.address, &reads, WRITERS, self.lasting, &self.server.alone()).await
    }
}

/// Against pgbench, which reads the same row and events.
async fn from_postgres(context: &Context, site: &Site) -> Result<Vec<Row>> {
    let limit = async || pgbench(&context.settings, &site.database, "track.sql", READERS, context.turn()).await;
    let cold = compare(context.rounds(), async || site.cold().await, limit).await?;
    let paths = site.sign_owners_in(&context.settings).await?;
    let owned = compare(context.rounds(), async || site.owned(&paths).await, async || site.cold().await).await?;
    let tail: Vec<f64> = cold.ours.iter().map(|turn| turn.p99_ms() / turn.p50_ms()).collect();
    let (p50, _, _) = cold.figures(Measured::p50_ms);
    let (p99, _, _) = cold.figures(Measured::p99_ms);
    Ok(vec![
        Row::throughput("GET /track/{id}, cold; pgbench SELECT", &cold, Goal::AtLeast(0.4)),
        Row::plain("the same: p99; p50", format!("{p99:.1} ms"), format!("{p50:.1} ms"), tail, Goal::AtMost(6.0)),
        Row::throughput("GET /orders/{id} with a token; GET /track/{id}, cold", &owned, Goal::AtLeast(0.85)),
    ])
}

const HERD: usize = 1000;

/// A thousand read one order that is in no cache, while Postgres lets nobody read for half a second. Postgres counts the
/// statements that read public views.
async fn herd(context: &Context, site: &Site) -> Result<Row> {
    let ask = async |sql: &str| site.database.query(&context.settings, sql).await;
    let track = async |what: &str| -> Result<()> {
        ask(&format!("ALTER SYSTEM SET pg_stat_statements.track = {what}")).await?;
        ask("SELECT pg_reload_conf()").await?;
        // Each process of Postgres hears of it by itself.
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(())
    };
    ask("CREATE EXTENSION IF NOT EXISTS pg_stat_statements").await?;
    track("top").await?;
    // What was read by chance just now is not kept for longer.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut queries = Vec::new();
    for round in 0..context.rounds() {
        let mut clients = try_join_all((0..HERD).map(|_| Client::connect(site.address()))).await?;
        ask("SELECT pg_stat_statements_reset()").await?;
        let path = format!("/api/v1/track/{}", Database::id(100 + round));
        let lock = ask("BEGIN; LOCK TABLE order_events IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(0.5); COMMIT");
        let (locked, answers) = tokio::join!(lock, async {
            tokio::time::sleep(Duration::from_millis(150)).await;
            try_join_all(clients.iter_mut().map(|client| client.get(&path, "", &[]))).await
        });
        locked?;
        if let Some(refused) = answers?.iter().find(|answer| answer.status != 200) {
            return Err(format!("one of {HERD} simultaneous reads was answered with {}", refused.status).into());
        }
        let count = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements \
             WHERE query LIKE '%\"order_events\".\"public\"%\"version\" DESC%LIMIT%'";
        let count: f64 = ask(count).await?.trim().parse()?;
        say(&format!("{HERD} reads of one cold order: {count} queries"));
        queries.push(count);
    }
    track("none").await?;
    let most = format!("{}", queries.iter().copied().fold(0.0, f64::max));
    Ok(Row::plain("1,000 simultaneous reads of one cold order: queries", most, "1".into(), queries, Goal::Exactly(1.0)))
}
