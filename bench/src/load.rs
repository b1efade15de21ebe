//! Writes: so many clients, each posting one thing after the other. What is posted depends on what was answered before,
//! which wrk's scripts can't know; and every answer is looked at.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Result;
use crate::database::{Database, Tokens};
use crate::http::{Answer, Client};
use crate::measure::{Measured, Micros};
use crate::process::Served;

/// What to post.
#[derive(Debug, Clone, Copy)]
pub enum Writes {
    /// Moves of different orders, by ten movers.
    Moves,
    /// Events that everybody sees, all on one order.
    Notes,
    /// New orders of 64 owners.
    Creations,
    /// So many moves of different orders at a time; each counts as an operation.
    Batches(usize),
}

pub struct Load<'a> {
    pub server: SocketAddr,
    pub database: &'a Rc<Database>,
    pub tokens: &'a Rc<Tokens>,
    pub served: &'a Served,
    pub clients: usize,
    pub lasting: Duration,
}

impl Load<'_> {
    pub async fn run(&self, writes: Writes) -> Result<Measured> {
        let mut clients = Vec::new();
        for number in 0..self.clients {
            let client = Client::connect(self.server).await?;
            let (database, tokens) = (self.database.clone(), self.tokens.clone());
            clients.push(Poster { client, database, tokens, number, of: self.clients });
        }
        let micros = Rc::new(RefCell::new(Micros::default()));
        let refused = Rc::new(Cell::new(0));
        let before = self.served.cpu()?;
        let begun = Instant::now();
        let mut posting = JoinSet::new();
        for mut poster in clients {
            let (micros, refused, lasting) = (micros.clone(), refused.clone(), self.lasting);
            posting.spawn_local(async move {
                while begun.elapsed() < lasting {
                    let asked = Instant::now();
                    if poster.post(writes).await? {
                        micros.borrow_mut().add(asked.elapsed());
                    } else {
                        refused.set(refused.get() + 1);
                    }
                }
                Ok::<(), Box<dyn std::error::Error>>(())
            });
        }
        while let Some(ended) = posting.join_next().await {
            ended??;
        }
        let took = begun.elapsed();
        let mut measured = micros.take().into_measured(took, self.served.cpu()? - before);
        measured.refused = refused.get();
        if let Writes::Batches(size) = writes {
            measured.operations *= size as u64;
        }
        Ok(measured)
    }
}

struct Poster {
    client: Client,
    database: Rc<Database>,
    tokens: Rc<Tokens>,
    number: usize,
    of: usize,
}

impl Poster {
    /// Whether it was written: the server may refuse what is too much for it.
    async fn post(&mut self, writes: Writes) -> Result<bool> {
        let tokens = self.tokens.clone();
        let mover = &tokens.movers[self.number % tokens.movers.len()];
        match writes {
            Writes::Moves => {
                let movable = self.database.some_movable(self.number, self.of);
                let (id, fields) = self.database.next_move(movable);
                let path = format!("/api/v1/orders/{id}/events");
                let written = is(201, &self.client.post(&path, mover, &format!("{{{fields}}}")).await?)?;
                if !written {
                    self.database.was_not_moved(movable);
                }
                Ok(written)
            }
            Writes::Notes => {
                let path = format!("/api/v1/orders/{}/events", Database::id(6));
                is(201, &self.client.post(&path, mover, r#"{"location":"Lisbon"}"#).await?)
            }
            Writes::Creations => {
                const ORDER: &str = r#"{"title":"Sofa, three seats","recipient":{"name":"Ana Lima"},"pickup_address":"1 Dock Road","delivery_address":"2 Hill Street"}"#;
                let creator = &tokens.creators[self.number % tokens.creators.len()];
                is(201, &self.client.post("/api/v1/orders", creator, ORDER).await?)
            }
            Writes::Batches(size) => {
                let items: Vec<String> = (0..size)
                    .map(|_| {
                        let (id, fields) = self.database.next_move(self.database.some_movable(self.number, self.of));
                        format!(r#"{{"order_id":"{id}",{fields}}}"#)
                    })
                    .collect();
                let body = format!(r#"{{"items":[{}]}}"#, items.join(","));
                let answer = self.client.post("/api/v1/events/batch", mover, &body).await?;
                answer.json(200)?;
                let good = memchr::memmem::find_iter(&answer.body, br#""status":201"#).count();
                if good == size { Ok(true) } else { Err(format!("{good} of {size} moves were made").into()) }
            }
        }
    }
}

/// Too much for the server means no; whatever else is an error of the benchmark.
fn is(status: u16, answer: &Answer) -> Result<bool> {
    if answer.status == 503 && memchr::memmem::find(&answer.body, br#""code":"overloaded""#).is_some() {
        return Ok(false);
    }
    if answer.status == status { Ok(true) } else { answer.json(status).map(|_| true) }
}
