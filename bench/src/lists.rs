//! Pages of lists, which cost the same wherever they are and whoever asks, and searching.

use std::time::Duration;

use crate::Result;
use crate::measure::{Measured, Pair, compare};
use crate::run::Context;
use crate::site::Site;
use crate::table::{Goal, Row, median};
use crate::wrk::Reads;

const LIST: &str = "/api/v1/orders";
const FAR: usize = 1000;
const SEARCHERS: usize = 8;
const SEARCH_LIMIT_MS: f64 = 50.0;

pub async fn measure(context: &mut Context) -> Result<Vec<Row>> {
    let database = context.large().await?;
    let site = Site::start(&context.settings, &database, &[], context.turn()).await?;
    let far = if context.is_quick { 20 } else { FAR };
    let tokens = site.tokens.clone();
    let users_far = site.path_of_page(LIST, &tokens.owner, far).await?;
    let movers_far = site.path_of_page(LIST, tokens.mover(), far).await?;
    let users_first = async || site.page(LIST, &tokens.owner).await;
    let user = compare(context.rounds(), async || site.page(&users_far, &tokens.owner).await, users_first).await?;
    let movers_first = async || site.page(LIST, tokens.mover()).await;
    let mover = compare(context.rounds(), async || site.page(&movers_far, tokens.mover()).await, movers_first).await?;
    let both = compare(context.rounds(), movers_first, users_first).await?;
    let both_far = compare(
        context.rounds(),
        async || site.page(&movers_far, tokens.mover()).await,
        async || site.page(&users_far, &tokens.owner).await,
    )
    .await?;
    let time = |operation: String, pair: &Pair| Row::latency(&operation, pair, Measured::p50_ms, Goal::Within(1.2));
    let mut rows = vec![
        time(format!("GET /orders as user, page {far}: p50; page 1"), &user),
        time(format!("GET /orders as mover, page {far}: p50; page 1"), &mover),
        time("GET /orders, page 1, as mover: p50; as user".into(), &both),
        time(format!("GET /orders, page {far}, as mover: p50; as user"), &both_far),
    ];
    for (what, words) in searches(database.orders) {
        rows.push(search(context, &site, &what_is_asked(&words, tokens.mover()), what, Goal::AtMost(1.0)).await?);
    }
    // The first owner's are a twentieth of all.
    let names = pairs(&FIRST_NAMES, &LAST_NAMES, "");
    rows.push(
        search(context, &site, &what_is_asked(&names, &tokens.owner), "recipient, as user", Goal::AtMost(1.0)).await?,
    );
    // References count up: whoever types one sees all that begin so, and they are all as old.
    let beginnings: Vec<String> = [1, 12, 123, 5, 55, 9, 98, 987].map(|number| format!("PO-{number}")).to_vec();
    let beginnings = what_is_asked(&beginnings, tokens.mover());
    rows.push(search(context, &site, &beginnings, "beginnings of references that are all as old", Goal::Shown).await?);
    site.server.stop().await?;
    Ok(rows)
}

fn what_is_asked(words: &[String], token: &str) -> Vec<(String, String)> {
    words.iter().map(|word| (format!("{LIST}?q={}", word.replace(' ', "%20")), token.to_owned())).collect()
}

async fn search(context: &Context, site: &Site, asked: &[(String, String)], what: &str, goal: Goal) -> Result<Row> {
    let mut found = Vec::new();
    for _ in 0..context.rounds() {
        found.push(site.read(&Reads::Any(asked), SEARCHERS).await?);
        // What was asked for last is not the next turn's to wait for.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let p99: Vec<f64> = found.iter().map(Measured::p99_ms).collect();
    let rates: Vec<f64> = found.iter().map(Measured::a_second).collect();
    let cpu: Vec<f64> = found.iter().map(Measured::cpu_micros).collect();
    Ok(Row {
        cpu: Some((median(&cpu), None)),
        ..Row::plain(
            format!("search by {what}, 8 clients: p99; 50 ms"),
            format!("{:.1} ms, {:.0}/s", median(&p99), median(&rates)),
            format!("{SEARCH_LIMIT_MS} ms"),
            p99.iter().map(|p99| p99 / SEARCH_LIMIT_MS).collect(),
            goal,
        )
    })
}

const FIRST_NAMES: [&str; 5] = ["Ana", "Uma", "Hugo", "Nina", "Yara"];
const LAST_NAMES: [&str; 5] = ["Lima", "Stone", "Virtanen", "Okafor", "Nguyen"];

fn pairs(left: &[&str], right: &[&str], end: &str) -> Vec<String> {
    left.iter().flat_map(|left| right.iter().map(move |right| format!("{left} {right}{end}"))).collect()
}

/// Words as `sql/seed.sql` has used them.
fn searches(orders: usize) -> Vec<(&'static str, Vec<String>)> {
    let things = ["sofa", "mirror", "carpet", "bookcase", "armchair", "bicycle", "printer", "toaster"];
    let kinds = ["Red", "Blue", "Folding", "Wooden", "Heavy", "Round"];
    let numbers = || (1..=50).map(|part| orders / 51 * part);
    vec![
        ("reference", numbers().map(|number| format!("PO-{number}")).collect()),
        ("part of a reference", numbers().map(|number| format!("{:05}", number % 100_000)).collect()),
        ("a common word of the title", things.map(str::to_owned).to_vec()),
        ("words of the title", pairs(&kinds, &things, ", 3")),
        ("recipient", pairs(&FIRST_NAMES, &LAST_NAMES, "")),
        ("three letters", ["rro", "ver", "sto", "ima", "zzz", "kcl"].map(str::to_owned).to_vec()),
        ("what there is not", ["Zeppelin", "xylophone 9", "PO-none"].map(str::to_owned).to_vec()),
    ]
}
