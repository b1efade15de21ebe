//! Movers in a hurry: each asks one replica after the other for events, and notes what was answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::World;
use super::book::{Book, Outcome};
use super::fleet::Fleet;
use crate::support::client_builder;

/// How a writer writes.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between an answer and the next request.
    pub pause: Duration,
    /// Events in one request; more than one go as a batch.
    pub batch: usize,
    /// Whether events have all the text that they may have.
    pub is_verbose: bool,
}

impl Pace {
    pub fn of(pause: Duration) -> Pace {
        Pace { pause, batch: 1, is_verbose: false }
    }
}

/// Slower than this, and the server hangs.
const PATIENCE: Duration = Duration::from_secs(15);

pub struct Writer {
    number: usize,
    written: usize,
    pace: Pace,
    http: reqwest::Client,
    fleet: Arc<Fleet>,
    book: Arc<Book>,
    orders: Arc<[String]>,
    token: String,
}

impl Writer {
    pub fn new(world: &World, pace: Pace) -> Writer {
        static WRITERS: AtomicUsize = AtomicUsize::new(0);
        Writer {
            number: WRITERS.fetch_add(1, Ordering::Relaxed),
            written: 0,
            pace,
            http: client_builder().timeout(PATIENCE).build().expect("a client"),
            fleet: world.fleet.clone(),
            book: world.book.clone(),
            orders: world.orders.clone(),
            token: world.mover_token.clone(),
        }
    }

    pub async fn write_while(mut self, is_wanted: Arc<AtomicBool>) {
        while is_wanted.load(Ordering::Relaxed) {
            let items: Vec<_> = (0..self.pace.batch).map(|_| self.invent()).collect();
            let Some(base) = self.fleet.address(None) else {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let start = Instant::now();
            let outcomes = self.send(&base, &items).await;
            self.book.answered_after(start.elapsed());
            let is_refused = outcomes.iter().any(|outcome| !matches!(outcome, Outcome::Acknowledged { .. }));
            for ((_, text, _), outcome) in items.into_iter().zip(outcomes) {
                self.book.note(text, outcome);
            }
            // Whoever was refused does not ask again in the same instant.
            let pause = if is_refused { self.pace.pause.max(Duration::from_millis(20)) } else { self.pace.pause };
            tokio::time::sleep(pause).await;
        }
    }

    /// An order, a text that nothing else has, and the event: a message, and for every third a note that the public does
    /// not see.
    fn invent(&mut self) -> (String, String, Value) {
        self.written += 1;
        let order = self.orders[rand::random_range(0..self.orders.len())].clone();
        let text = format!("{}-{}", self.number, self.written);
        if self.pace.is_verbose {
            let text = format!("{text:😀<1000}");
            return (order, text.clone(), json!({"message": text, "note": "😀".repeat(1000)}));
        }
        let field = if self.written.is_multiple_of(3) { "note" } else { "message" };
        (order, text.clone(), json!({field: text}))
    }

    async fn send(&self, base: &str, items: &[(String, String, Value)]) -> Vec<Outcome> {
        let request = match items {
            [(order, _, event)] => self.http.post(format!("{base}/api/v1/orders/{order}/events")).json(event),
            many => {
                let with_order = |(order, _, event): &(String, String, Value)| {
                    let mut item = event.clone();
                    item["order_id"] = json!(order);
                    item
                };
                let items: Vec<_> = many.iter().map(with_order).collect();
                self.http.post(format!("{base}/api/v1/events/batch")).json(&json!({ "items": items }))
            }
        };
        let answer = async {
            let response = request.bearer_auth(&self.token).send().await?;
            let status = response.status().as_u16();
            Ok::<_, reqwest::Error>((status, response.json::<Value>().await?))
        };
        match answer.await {
            Ok((200, answer)) => {
                let results = answer["results"].as_array().expect("results");
                assert_eq!(results.len(), items.len());
                results.iter().map(|result| outcome(&result["status"], result, &result["problem"])).collect()
            }
            Ok((status, answer)) => vec![outcome(&json!(status), &answer, &answer); items.len()],
            Err(error) if error.is_timeout() => panic!("no answer within {PATIENCE:?}"),
            // Killed while it was at it, or before.
            Err(_) => vec![Outcome::Unknown; items.len()],
        }
    }
}

/// What the answer to one event, or one item of a batch, says.
pub fn outcome(status: &Value, success: &Value, problem: &Value) -> Outcome {
    match (status.as_u64(), problem["code"].as_str()) {
        (Some(201), _) => Outcome::Acknowledged {
            order: success["event"]["order_id"].as_str().expect("an order").to_owned(),
            version: success["event"]["version"].as_i64().expect("a version") as i32,
        },
        (Some(503), Some("outcome_unknown")) => Outcome::Unknown,
        (Some(503), Some("database_unavailable" | "overloaded" | "draining")) => Outcome::Refused,
        _ => panic!("an answer that cannot be: {status} {problem}"),
    }
}
