//! Changing orders, against pgbench, which does one change a transaction in one statement: fewer round trips are not to
//! be had. Both have the same orders before them, half each, in the same pages.

use std::time::Duration;

use crate::Result;
use crate::database::pgbench;
use crate::load::Writes;
use crate::measure::{Measured, Pair, compare};
use crate::run::{Context, say};
use crate::site::{BATCH, Site, WRITERS};
use crate::table::{Goal, Row};

pub async fn measure(context: &mut Context) -> Result<Vec<Row>> {
    let database = context.large().await?;
    let mut site = Site::start(&context.settings, &database, &[], context.turn()).await?;
    let alone = against_pgbench(context, &mut site, (Writes::Moves, 1), ("move.sql", 1)).await?;
    let many = against_pgbench(context, &mut site, (Writes::Moves, WRITERS), ("move.sql", WRITERS)).await?;
    let one = against_pgbench(context, &mut site, (Writes::Notes, WRITERS), ("note.sql", WRITERS)).await?;
    let created = against_pgbench(context, &mut site, (Writes::Creations, WRITERS), ("create.sql", WRITERS)).await?;
    let batches = (Writes::Batches(BATCH), 4);
    let batches_against_few = against_pgbench(context, &mut site, batches, ("move.sql", 4)).await?;
    let batches_against_many = against_pgbench(context, &mut site, batches, ("move.sql", WRITERS)).await?;
    site.sign_in_again().await?;
    let rows = vec![
        Row::latency(
            "POST events, 1 client: p50; pgbench, one move a transaction",
            &alone,
            Measured::p50_ms,
            Goal::AtMost(1.6),
        ),
        Row::throughput("POST events, 64 clients, different orders; pgbench, the same", &many, Goal::AtLeast(1.5)),
        Row::latency("the same: p99", &many, Measured::p99_ms, Goal::AtMost(1.0)),
        Row::throughput("POST events, 64 clients, one order; pgbench on one row", &one, Goal::AtLeast(3.0)),
        Row::throughput("POST /orders, 64 clients; pgbench, order and event", &created, Goal::AtLeast(1.3)),
        Row::throughput(
            "POST /events/batch, 200 at a time, 4 clients: moves; pgbench, one a transaction, 4 clients",
            &batches_against_few,
            Goal::AtLeast(4.0),
        ),
        Row::throughput("the same; pgbench, 64 clients", &batches_against_many, Goal::AtLeast(4.0)),
        hot_share(context, &site).await?,
        too_many(context, &site).await?,
    ];
    site.server.stop().await?;
    Ok(rows)
}

async fn against_pgbench(
    context: &Context,
    site: &mut Site,
    (writes, clients): (Writes, usize),
    (script, limit_clients): (&str, usize),
) -> Result<Pair> {
    site.sign_in_again().await?;
    let (settings, database) = (&context.settings, &site.database);
    // What was written before is written down before each turn: none pays for another's pages.
    let checkpoint = async || database.query(settings, "CHECKPOINT").await;
    let pair = compare(
        context.rounds(),
        async || {
            checkpoint().await?;
            site.write(writes, clients).await
        },
        async || {
            checkpoint().await?;
            let turn = async || pgbench(settings, database, script, limit_clients, context.turn()).await;
            site.server.standing_still(turn).await
        },
    )
    .await?;
    let (ours, limit, _) = pair.figures(Measured::a_second);
    say(&format!("{writes:?}, {clients} clients: {ours:.0}/s; {script}, {limit_clients} clients: {limit:.0}/s"));
    Ok(pair)
}

/// Of the moves that neither close nor reopen an order, how many needed no new entry in any index?
async fn hot_share(context: &Context, site: &Site) -> Result<Row> {
    let updates = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'orders'";
    let read = async || -> Result<(f64, f64)> {
        // Statistics are complete when a connection has been idle for ten seconds.
        tokio::time::sleep(Duration::from_secs(11)).await;
        let line = site.database.query(&context.settings, updates).await?;
        let (all, hot) = line.trim().split_once('|').ok_or("no statistics")?;
        Ok((all.parse()?, hot.parse()?))
    };
    let before = read().await?;
    let moves = site.write(Writes::Moves, WRITERS).await?;
    let after = read().await?;
    let (all, hot) = (after.0 - before.0, after.1 - before.1);
    if (all as u64) < moves.operations {
        return Err(format!("{} moves and {all} changed rows", moves.operations).into());
    }
    Ok(Row::plain(
        "moves that neither close nor reopen: heap-only; all",
        format!("{hot}"),
        format!("{all}"),
        vec![hot / all],
        Goal::AtLeast(0.9),
    ))
}

/// With more clients than can be served at once, no less is done: the largest crowd against the best of all. What the server
/// refuses is not done.
async fn too_many(context: &Context, site: &Site) -> Result<Row> {
    const CROWDS: [usize; 4] = [32, 64, 128, 256];
    let mut turns = [const { Vec::new() }; CROWDS.len()];
    for _ in 0..context.rounds() {
        for (crowd, turns) in CROWDS.into_iter().zip(&mut turns) {
            site.database.query(&context.settings, "CHECKPOINT").await?;
            turns.push(site.write_or_be_refused(Writes::Moves, crowd).await?);
        }
    }
    let best =
        |round: usize| turns.iter().map(|turns| &turns[round]).max_by(|a, b| a.a_second().total_cmp(&b.a_second()));
    let limit = (0..context.rounds()).filter_map(best).cloned().collect();
    let pair = Pair { ours: turns[CROWDS.len() - 1].clone(), limit };
    let refused: u64 = pair.ours.iter().map(|turn| turn.refused).sum();
    let operation = format!("POST events, 256 clients ({refused} refused); the best of 32, 64, 128 and 256");
    Ok(Row::throughput(&operation, &pair, Goal::AtLeast(0.9)))
}
