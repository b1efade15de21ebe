//! What integrators' programs ask for: loading orders five hundred at a time, webhooks beside receivers that hang, and
//! reading the feed.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};

use crate::Result;
use crate::http::Client;
use crate::run::{Context, say};
use crate::site::Site;
use crate::table::{Goal, Row, median};

/// Orders in a call, which is what one may have.
const BATCH: usize = 500;
/// Endpoints that never answer.
const HANGING: usize = 10;

pub async fn measure(context: &mut Context) -> Result<Vec<Row>> {
    let database = context.large().await?;
    let allow = [("WEBHOOK_ALLOW", "127.0.0.0/8")];
    let site = Site::start(&context.settings, &database, &allow, context.turn()).await?;
    let calls = if context.is_quick { 10 } else { 200 };
    let mut rows = vec![
        load(context, &site, calls, 1).await?,
        load(context, &site, calls, 4).await?,
        webhooks(context, &site, if context.is_quick { 1_000 } else { 10_000 }).await?,
    ];
    rows.push(feed(context, &site).await?);
    site.server.stop().await?;
    Ok(rows)
}

/// Somebody who has no order yet.
async fn new_owner(site: &Site) -> Result<(Client, String)> {
    thread_local!(static NUMBER: Cell<u32> = const { Cell::new(0) });
    let number = NUMBER.replace(NUMBER.get() + 1);
    let mut client = Client::connect(site.address()).await?;
    let account = json!({
        "email": format!("program{number}@bench.example"), "password": crate::tracker::PASSWORD, "name": "Program",
    });
    let answer = client.post("/api/v1/users", "", &account.to_string()).await?.json(201)?;
    Ok((client, crate::tracker::token(&answer)?))
}

fn orders(call: usize) -> String {
    let item = |number| {
        json!({
            "title": "Sofa, three seats", "reference": format!("{call}-{number}"), "recipient": {"name": "Ana Lima"},
            "pickup_address": "1 Dock Rd", "delivery_address": "2 Hill St", "metadata": {"floor": "3"},
        })
    };
    json!({ "items": (0..BATCH).map(item).collect::<Vec<_>>() }).to_string()
}

/// All orders of so many calls, some at a time.
async fn load(context: &Context, site: &Site, calls: usize, clients: usize) -> Result<Row> {
    const GOAL: f64 = 5_000.0;
    let mut rates = Vec::new();
    for _ in 0..context.rounds() {
        let (_, token) = new_owner(site).await?;
        let bodies: Rc<RefCell<Vec<String>>> = Rc::new(RefCell::new((0..calls).map(orders).collect()));
        let began = Instant::now();
        let mut loading = tokio::task::JoinSet::new();
        for _ in 0..clients {
            let (bodies, token, server) = (bodies.clone(), token.clone(), site.address());
            loading.spawn_local(async move {
                let mut client = Client::connect(server).await?;
                loop {
                    let Some(body) = bodies.borrow_mut().pop() else { return Ok::<(), Box<dyn std::error::Error>>(()) };
                    let answer = client.post("/api/v1/orders/batch", &token, &body).await?.json(200)?;
                    let results = answer["results"].as_array().ok_or("no results")?;
                    if results.len() != BATCH || results.iter().any(|result| result["status"] != 201) {
                        return Err("not all were written".into());
                    }
                }
            });
        }
        while let Some(done) = loading.join_next().await {
            done??;
        }
        rates.push((calls * BATCH) as f64 / began.elapsed().as_secs_f64());
    }
    let at_once = if clients == 1 { "one after the other".to_owned() } else { format!("{clients} at once") };
    say(&format!("loading, {at_once}: {:.0} orders/s", median(&rates)));
    Ok(Row::plain(
        format!("POST /orders/batch, {} orders in {calls} calls, {at_once}: orders/s; 5,000", calls * BATCH),
        format!("{:.0}/s", median(&rates)),
        format!("{GOAL:.0}/s"),
        rates.iter().map(|rate| rate / GOAL).collect(),
        Goal::AtLeast(1.0),
    ))
}

/// Deliveries a second to one receiver, while ten others of the same owner, which are told the same, never answer.
async fn webhooks(context: &Context, site: &Site, events: usize) -> Result<Row> {
    const GOAL: f64 = 1_000.0;
    const PATIENCE: Duration = Duration::from_secs(60);
    let received: Rc<RefCell<HashSet<String>>> = Rc::default();
    let (quick, hanging) = (listen().await?, listen().await?);
    let (quick_at, hanging_at) = (quick.local_addr()?, hanging.local_addr()?);
    let told = received.clone();
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = quick.accept().await {
            tokio::task::spawn_local(receive(stream, told.clone()));
        }
    });
    tokio::task::spawn_local(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = hanging.accept().await {
            open.push(stream);
        }
    });
    let mut rates = Vec::new();
    for _ in 0..context.rounds() {
        let (mut client, token) = new_owner(site).await?;
        let mut made = Vec::new();
        for n in 0..=HANGING {
            let at: SocketAddr = if n == 0 { quick_at } else { hanging_at };
            let webhook = json!({ "url": format!("http://{at}/{n}") }).to_string();
            made.push(client.post("/api/v1/webhooks", &token, &webhook).await?.json(201)?["id"].clone());
        }
        received.borrow_mut().clear();
        let began = Instant::now();
        for call in 0..events / BATCH {
            client.post("/api/v1/orders/batch", &token, &orders(call)).await?.json(200)?;
        }
        while received.borrow().len() < events {
            if began.elapsed() > PATIENCE {
                return Err(format!("{} of {events} deliveries after {PATIENCE:?}", received.borrow().len()).into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        rates.push(events as f64 / began.elapsed().as_secs_f64());
        // What hangs is not the next round's concern.
        for id in made {
            let off = format!("UPDATE webhooks SET active = false WHERE id = '{}'", id.as_str().unwrap_or_default());
            site.database.query(&context.settings, &off).await?;
        }
    }
    say(&format!("webhooks beside {HANGING} that hang: {:.0}/s", median(&rates)));
    Ok(Row::plain(
        format!("webhooks of {events} new orders to one receiver, beside {HANGING} that hang: deliveries/s; 1,000"),
        format!("{:.0}/s", median(&rates)),
        format!("{GOAL:.0}/s"),
        rates.iter().map(|rate| rate / GOAL).collect(),
        Goal::AtLeast(1.0),
    ))
}

async fn listen() -> Result<TcpListener> {
    Ok(TcpListener::bind("127.0.0.1:0").await?)
}

/// Answers 204 to each request of a connection, and notes its `webhook-id`.
async fn receive(stream: TcpStream, received: Rc<RefCell<HashSet<String>>>) {
    let mut stream = BufStream::new(stream);
    let mut line = String::new();
    loop {
        let (mut length, mut id) = (0, String::new());
        loop {
            line.clear();
            match stream.read_line(&mut line).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let header = line.trim_end();
            if header.is_empty() {
                break;
            }
            if let Some((name, value)) = header.split_once(':') {
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.trim().parse().unwrap_or(0),
                    "webhook-id" => id = value.trim().to_owned(),
                    _ => {}
                }
            }
        }
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        received.borrow_mut().insert(id);
        let answered = async {
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await?;
            stream.flush().await
        };
        if answered.await.is_err() {
            return;
        }
    }
}

/// Events a second that one program reads from cursor to cursor, of an owner of many orders.
async fn feed(context: &Context, site: &Site) -> Result<Row> {
    let mut rates = Vec::new();
    for _ in 0..context.rounds() {
        let mut client = Client::connect(site.address()).await?;
        let (mut cursor, mut events, began) = (String::new(), 0, Instant::now());
        while began.elapsed() < context.turn() {
            let path = format!("/api/v1/events?limit=100&after={cursor}");
            let page = client.get(&path, &site.tokens.owner, &[]).await?.json(200)?;
            events += page["data"].as_array().map_or(0, Vec::len);
            cursor = page["next_cursor"].as_str().ok_or("no cursor")?.to_owned();
            if page["has_more"] == false {
                break;
            }
        }
        rates.push(f64::from(u32::try_from(events)?) / began.elapsed().as_secs_f64());
    }
    Ok(Row::plain(
        "GET /events, an owner's part of the feed, 100 at a time, one reader: events/s",
        format!("{:.0}/s", median(&rates)),
        "–".to_owned(),
        rates.iter().map(|rate| rate / median(&rates)).collect(),
        Goal::Shown,
    ))
}
