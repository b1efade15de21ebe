//! Movers at work: so many moves a second over HTTP, each at its time, whether or not those before it have been
//! answered. A server that stalls makes what follows late, and the lateness is told.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use memchr::memmem;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Result;
use crate::delays::Delays;
use crate::http::Client;
use crate::tracker::Order;

/// Each has this many times the interval between two moves for each of its own.
const CONNECTIONS: u32 = 100;

#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub a_second: u32,
    pub lasting: Duration,
}

/// What came of it.
#[derive(Default)]
pub struct Moved {
    pub made: u64,
    /// What was not answered with 201, by status and code.
    pub refused: BTreeMap<String, u64>,
    /// From the time at which a move was due until it was sent.
    pub late: Delays,
    /// From the time at which a move was due until it was answered.
    pub answered: Delays,
    /// From the first due time to the last answer.
    pub took: Duration,
}

impl Moved {
    pub fn a_second(&self) -> f64 {
        self.made as f64 / self.took.as_secs_f64()
    }
}

/// Moves one order after the other.
pub async fn make(server: SocketAddr, token: &str, orders: &Rc<RefCell<Vec<Order>>>, pace: Pace) -> Result<Moved> {
    let total = (f64::from(pace.a_second) * pace.lasting.as_secs_f64()) as u32;
    let moved = Rc::new(RefCell::new(Moved::default()));
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(Client::connect(server).await?);
    }
    let begun = Instant::now();
    let mut movers = JoinSet::new();
    for (first, mut client) in (0..CONNECTIONS).zip(clients) {
        let (orders, moved, token) = (orders.clone(), moved.clone(), token.to_owned());
        movers.spawn_local(async move {
            for number in (first..total).step_by(CONNECTIONS as usize) {
                let due = begun + Duration::from_secs(1) * number / pace.a_second;
                tokio::time::sleep_until(due).await;
                move_one(&mut client, &token, &orders, number as usize, due, &moved).await?;
            }
            Ok::<(), Box<dyn std::error::Error>>(())
        });
    }
    while let Some(ended) = movers.join_next().await {
        ended??;
    }
    let mut moved = moved.take();
    moved.took = begun.elapsed();
    Ok(moved)
}

async fn move_one(
    client: &mut Client,
    token: &str,
    orders: &RefCell<Vec<Order>>,
    number: usize,
    due: Instant,
    moved: &RefCell<Moved>,
) -> Result<()> {
    let (index, path, body) = {
        let orders = orders.borrow();
        let index = number % orders.len();
        (index, orders[index].path(), orders[index].next_move())
    };
    let late = due.elapsed();
    let answer = client.post(&path, token, body).await?;
    let mut moved = moved.borrow_mut();
    moved.late.add_one(late.as_nanos() as u64);
    moved.answered.add_one(due.elapsed().as_nanos() as u64);
    if answer.status == 201 {
        let version = version(&answer.body).ok_or("an answer without a version")?;
        orders.borrow_mut()[index].was_moved(version);
        moved.made += 1;
    } else {
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let code = body["code"].as_str().unwrap_or("no code");
        *moved.refused.entry(format!("{} {code}", answer.status)).or_default() += 1;
    }
    Ok(())
}

/// The event's, which comes first; without taking all of it apart, thousands of times a second.
pub fn version(body: &[u8]) -> Option<i32> {
    const KEY: &[u8] = br#""version":"#;
    let digits = &body[memmem::find(body, KEY)? + KEY.len()..];
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}
