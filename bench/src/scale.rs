//! Everything but searches and counts, at a million orders against ten thousand.

use crate::Result;
use crate::database::{Database, pgbench};
use crate::http::Client;
use crate::load::Writes;
use crate::measure::compare;
use crate::run::Context;
use crate::site::{BATCH, READERS, Site, WRITERS, hot_path};
use crate::table::{Goal, Row};

/// At most 1.25 times slower.
const GOAL: Goal = Goal::AtLeast(0.8);
/// Deep enough to tell a keyset from an offset; the small database has 20 pages of the owner's.
const PAGE: usize = 10;

pub async fn measure(context: &mut Context) -> Result<Vec<Row>> {
    let (large, small) = (context.large().await?, context.small().await?);
    let operation = |name: &str| at_both(name, &large, &small);
    let mut rows = Vec::new();
    let turn = context.turn();
    let rounds = context.rounds();

    // Ten thousand orders are soon all in a cache: without Redis, and so without the relay, nothing is cached.
    let without = [("REDIS_URL", "redis+unix:///nonexistent")];
    let large_site = Site::start(&context.settings, &large, &without, turn).await?;
    let small_site = Site::start(&context.settings, &small, &without, turn).await?;
    let cold = compare(rounds, async || large_site.cold().await, async || small_site.cold().await).await?;
    rows.push(Row::throughput(operation("GET /track/{id}, without Redis"), &cold, GOAL));
    large_site.server.stop().await?;
    small_site.server.stop().await?;
    // Before the few orders of the small one have long histories.
    rows.push(pgbench_alone(context, "the SELECT of a cold read", "track.sql", READERS).await?);

    let mut large_site = Site::start(&context.settings, &large, &[], turn).await?;
    let mut small_site = Site::start(&context.settings, &small, &[("REDIS_PREFIX", "small:")], turn).await?;
    let etag = |answer: crate::http::Answer| answer.header("etag").map(str::to_owned).ok_or("no ETag");
    let large_etag = etag(Client::connect(large_site.address()).await?.get(&hot_path(), "", &[]).await?)?;
    let small_etag = etag(Client::connect(small_site.address()).await?.get(&hot_path(), "", &[]).await?)?;
    let hot = compare(rounds, async || large_site.hot().await, async || small_site.hot().await).await?;
    rows.push(Row::throughput(operation("GET /track/{id}, hot"), &hot, GOAL));
    let unchanged = compare(
        rounds,
        async || large_site.unchanged(&large_etag).await,
        async || small_site.unchanged(&small_etag).await,
    )
    .await?;
    rows.push(Row::throughput(operation("304"), &unchanged, GOAL));
    let large_paths = large_site.sign_owners_in(&context.settings).await?;
    let small_paths = small_site.sign_owners_in(&context.settings).await?;
    let owned =
        compare(rounds, async || large_site.owned(&large_paths).await, async || small_site.owned(&small_paths).await)
            .await?;
    rows.push(Row::throughput(operation("GET /orders/{id}"), &owned, GOAL));
    for (name, as_mover) in [("GET /orders as user", false), ("GET /orders as mover", true)] {
        for page in [1, PAGE] {
            large_site.sign_in_again().await?;
            small_site.sign_in_again().await?;
            let token = |site: &Site| if as_mover { site.tokens.mover().to_owned() } else { site.tokens.owner.clone() };
            let (large_token, small_token) = (token(&large_site), token(&small_site));
            let large_path = large_site.path_of_page("/api/v1/orders", &large_token, page).await?;
            let small_path = small_site.path_of_page("/api/v1/orders", &small_token, page).await?;
            let pair = compare(
                rounds,
                async || large_site.page(&large_path, &large_token).await,
                async || small_site.page(&small_path, &small_token).await,
            )
            .await?;
            rows.push(Row::throughput(operation(&format!("{name}, page {page}")), &pair, GOAL));
        }
    }
    for (name, writes, clients) in [
        ("POST events, 1 client", Writes::Moves, 1),
        ("POST events, 64 clients, different orders", Writes::Moves, WRITERS),
        ("POST events, 64 clients, one order", Writes::Notes, WRITERS),
        ("POST /events/batch, 4 clients", Writes::Batches(BATCH), 4),
        // The last: with them, the small one grows.
        ("POST /orders, 64 clients", Writes::Creations, WRITERS),
    ] {
        large_site.sign_in_again().await?;
        small_site.sign_in_again().await?;
        let checkpoint = async || large.query(&context.settings, "CHECKPOINT").await;
        let pair = compare(
            rounds,
            async || {
                checkpoint().await?;
                large_site.write(writes, clients).await
            },
            async || {
                checkpoint().await?;
                small_site.write(writes, clients).await
            },
        )
        .await?;
        rows.push(Row::throughput(operation(name), &pair, GOAL));
    }
    large_site.server.stop().await?;
    small_site.server.stop().await?;

    rows.push(pgbench_alone(context, "one move a transaction, 64 clients", "move.sql", WRITERS).await?);
    Ok(rows)
}

/// What Postgres loses without us: that much of a row is not the server's.
async fn pgbench_alone(context: &mut Context, name: &str, script: &str, clients: usize) -> Result<Row> {
    let (large, small) = (context.large().await?, context.small().await?);
    let run = async |database: &Database| {
        large.query(&context.settings, "CHECKPOINT").await?;
        pgbench(&context.settings, database, script, clients, context.turn()).await
    };
    let pair = compare(context.rounds(), async || run(&large).await, async || run(&small).await).await?;
    Ok(Row::throughput(at_both(&format!("pgbench, {name}"), &large, &small), &pair, Goal::Shown))
}

fn at_both(name: &str, large: &Database, small: &Database) -> String {
    format!("{name}, {}; {} orders", count(large), count(small))
}

fn count(database: &Database) -> String {
    match database.orders {
        1_000_000 => "1 M".to_owned(),
        orders => format!("{} k", orders / 1000),
    }
}
