//! Pages of lists, which cost the same wherever they are and whoever asks, and searching.

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
        let words: Vec<(String, String)> = words
            .into_iter()
            .map(|word| (format!("{LIST}?q={}", word.replace(' ', "%20")), tokens.mover().to_owned()))
            .collect();
        let mut found = Vec::new();
        for _ in 0..context.rounds() {
            found.push(site.read(&Reads::Any(&words), SEARCHERS).await?);
        }
        let p99: Vec<f64> = found.iter().map(Measured::p99_ms).collect();
        let rates: Vec<f64> = found.iter().map(Measured::a_second).collect();
        rows.push(Row::plain(
            format!("search by {what}, 8 clients: p99; 50 ms"),
            format!("{:.1} ms, {:.0}/s", median(&p99), median(&rates)),
            format!("{SEARCH_LIMIT_MS} ms"),
            p99.iter().map(|p99| p99 / SEARCH_LIMIT_MS).collect(),
            Goal::AtMost(1.0),
        ));
    }
    site.server.stop().await?;
    Ok(rows)
}

/// Words as `sql/seed.sql` has used them.
fn searches(orders: usize) -> Vec<(&'static str, Vec<String>)> {
    let things = ["sofa", "mirror", "carpet", "bookcase", "armchair", "bicycle", "printer", "toaster"];
    let kinds = ["Red", "Blue", "Folding", "Wooden", "Heavy", "Round"];
    let (first, last) = (["Ana", "Uma", "Hugo", "Nina", "Yara"], ["Lima", "Stone", "Virtanen", "Okafor", "Nguyen"]);
    let pairs = |left: &[&str], right: &[&str], end: &str| -> Vec<String> {
        left.iter().flat_map(|left| right.iter().map(move |right| format!("{left} {right}{end}"))).collect()
    };
    let numbers = || (1..=50).map(|part| orders / 51 * part);
    vec![
        ("reference", numbers().map(|number| format!("PO-{number}")).collect()),
        ("part of a reference", numbers().map(|number| format!("{:05}", number % 100_000)).collect()),
        ("a common word of the title", things.map(str::to_owned).to_vec()),
        ("words of the title", pairs(&kinds, &things, ", 3")),
        ("recipient", pairs(&first, &last, "")),
        ("three letters", ["rro", "ver", "sto", "ima", "zzz", "kcl"].map(str::to_owned).to_vec()),
        ("what there is not", ["Zeppelin", "xylophone 9", "PO-none"].map(str::to_owned).to_vec()),
    ]
}
