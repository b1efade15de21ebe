//! Do reads notice that a crowd logs in? bcrypt takes a third of a second of a core each time.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Result;
use crate::database::Database;
use crate::http::Client;
use crate::measure::Micros;
use crate::process;
use crate::run::{Context, say};
use crate::site::{Site, hot_path};
use crate::table::{Goal, Row, median};
use crate::tracker::PASSWORD;

const COST: u32 = 12;
/// Each tries again a second after it was answered: many times what can be served.
const CROWD: usize = 256;
/// As the server's threads for passwords have it.
const LOWEST_PRIORITY: u32 = 19;
const THINKING: Duration = Duration::from_secs(1);
/// Of the best rate at which such reads are answered.
const OFFERED: f64 = 0.3;
const READERS: u32 = 64;
const REFUSAL_LIMIT_MS: f64 = 50.0;

pub async fn measure(context: &mut Context) -> Result<Vec<Row>> {
    let database = context.large().await?;
    let turn = context.turn() * 3;
    let cost = COST.to_string();
    let site = Site::start(&context.settings, &database, &[("BCRYPT_COST", &cost)], context.turn()).await?;
    let address = site.address();
    register(address).await?;
    let orders = database.orders;
    let cold = move |number: u32| {
        let n = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        format!("/api/v1/track/{}", Database::id((n % orders as u64) as usize))
    };
    let mut rows = Vec::new();
    let (mut logged_in, mut refusals) = (Vec::new(), Vec::new());
    let (mut raw, mut raw_as_nice) = (Vec::new(), Vec::new());
    for (name, path, best) in [
        ("hot", &(|_| hot_path()) as &dyn Fn(u32) -> String, site.hot().await?.a_second()),
        ("cold", &cold, site.cold().await?.a_second()),
    ] {
        let reads = Offered { a_second: (best * OFFERED) as u32, path };
        let (mut quiet, mut flooded) = (Vec::new(), Vec::new());
        for _ in 0..context.rounds() {
            quiet.push(reads.offer(address, turn).await?.p99_ms());
            let crowd = Crowd::default();
            let (read, logins) = tokio::try_join!(reads.offer(address, turn), crowd.log_in(address, turn))?;
            flooded.push(read.p99_ms());
            logged_in.push(logins.a_second);
            refusals.push(logins.refused_p99_ms);
            // What waits is still served, or given up; then the same threads with nothing but bcrypt.
            tokio::time::sleep(Duration::from_secs(3)).await;
            let (_, as_nice) = tokio::try_join!(reads.offer(address, turn), bare_bcrypt(turn, LOWEST_PRIORITY))?;
            raw_as_nice.push(as_nice);
            let (_, hashed) = tokio::try_join!(reads.offer(address, turn), bare_bcrypt(turn, 0))?;
            raw.push(hashed);
            say(&format!(
                "{name} reads at {}/s: p99 {:.1} ms quiet, {:.1} ms beside {:.2} logins/s ({} refused, p99 {:.1} ms); bcrypt alone {as_nice:.2}/s, and {hashed:.2}/s at the usual priority",
                reads.a_second,
                quiet[quiet.len() - 1],
                read.p99_ms(),
                logins.a_second,
                logins.refused,
                logins.refused_p99_ms,
            ));
        }
        let ratios = flooded.iter().zip(&quiet).map(|(flooded, quiet)| flooded / quiet).collect();
        rows.push(Row::plain(
            format!("GET /track/{{id}}, {name}, at 30 % of the best rate while logins flood: p99; when quiet"),
            format!("{:.1} ms", median(&flooded)),
            format!("{:.1} ms", median(&quiet)),
            ratios,
            Goal::AtMost(2.0),
        ));
    }
    site.server.stop().await?;
    rows.push(Row::plain(
        "the same: logins that are refused, p99; 50 ms",
        format!("{:.1} ms", median(&refusals)),
        format!("{REFUSAL_LIMIT_MS} ms"),
        refusals.iter().map(|refused| refused / REFUSAL_LIMIT_MS).collect(),
        Goal::AtMost(1.0),
    ));
    let row = |operation: &str, raw: &[f64], goal: Goal| {
        let ratios = logged_in.iter().zip(raw).map(|(ours, raw)| ours / raw).collect();
        Row::plain(operation, format!("{:.2}/s", median(&logged_in)), format!("{:.2}/s", median(raw)), ratios, goal)
    };
    rows.push(row(
        "the same: logins; bare bcrypt on as many threads of the same priority, beside the same reads",
        &raw_as_nice,
        Goal::AtLeast(0.9),
    ));
    rows.push(row("the same: logins; bare bcrypt at the usual priority", &raw, Goal::Shown));
    Ok(rows)
}

const ACCOUNTS: usize = 4;
/// Of fewer, one in a hundred is none.
const REFUSED_MIN: usize = 100;

fn email(number: usize) -> String {
    format!("crowd{}@bench.example", number % ACCOUNTS)
}

/// The seed's hashes are cheap ones.
async fn register(server: SocketAddr) -> Result<()> {
    let mut client = Client::connect(server).await?;
    for number in 0..ACCOUNTS {
        let account = json!({ "email": email(number), "password": PASSWORD, "name": "One of many" });
        client.post("/api/v1/users", "", &account.to_string()).await?.json(201)?;
    }
    Ok(())
}

/// Reads that are due at their times: whoever is late for one because the one before was answered late, counts that, too.
struct Offered<'a> {
    a_second: u32,
    path: &'a dyn Fn(u32) -> String,
}

struct Answered(Micros);

impl Answered {
    fn p99_ms(&self) -> f64 {
        self.0.clone().percentile(0.99).as_secs_f64() * 1e3
    }
}

impl Offered<'_> {
    async fn offer(&self, server: SocketAddr, lasting: Duration) -> Result<Answered> {
        let total = (f64::from(self.a_second) * lasting.as_secs_f64()) as u32;
        let micros = Rc::new(RefCell::new(Micros::default()));
        let mut clients = Vec::new();
        for _ in 0..READERS {
            clients.push(Client::connect(server).await?);
        }
        let begun = Instant::now() + Duration::from_millis(10);
        let mut reading = JoinSet::new();
        for (first, mut client) in (0..READERS).zip(clients) {
            let paths: Vec<String> = (first..total).step_by(READERS as usize).map(self.path).collect();
            let (micros, a_second) = (micros.clone(), self.a_second);
            reading.spawn_local(async move {
                for (number, path) in (first..total).step_by(READERS as usize).zip(paths) {
                    let due = begun + Duration::from_secs(1) * number / a_second;
                    tokio::time::sleep_until(due).await;
                    let answer = client.get(&path, "", &[]).await?;
                    micros.borrow_mut().add(due.elapsed());
                    if answer.status != 200 {
                        return Err(format!("a read was answered with {}", answer.status).into());
                    }
                }
                Ok::<(), Box<dyn std::error::Error>>(())
            });
        }
        while let Some(ended) = reading.join_next().await {
            ended??;
        }
        Ok(Answered(micros.take()))
    }
}

#[derive(Default)]
struct Crowd {
    /// When each of them was.
    served: Rc<RefCell<Vec<Instant>>>,
    refused: Rc<RefCell<Micros>>,
}

struct Logins {
    a_second: f64,
    refused: usize,
    refused_p99_ms: f64,
}

impl Crowd {
    async fn log_in(&self, server: SocketAddr, lasting: Duration) -> Result<Logins> {
        let begun = Instant::now();
        let mut people = JoinSet::new();
        for number in 0..CROWD {
            let mut client = Client::connect(server).await?;
            let (served, refused) = (self.served.clone(), self.refused.clone());
            people.spawn_local(async move {
                let credentials = json!({ "email": email(number), "password": PASSWORD }).to_string();
                tokio::time::sleep(THINKING * number as u32 / CROWD as u32).await;
                while begun.elapsed() < lasting {
                    let asked = Instant::now();
                    let answer = client.post("/api/v1/users/sessions", "", &credentials).await?;
                    match answer.status {
                        200 => served.borrow_mut().push(Instant::now()),
                        503 => refused.borrow_mut().add(asked.elapsed()),
                        status => return Err(format!("a login was answered with {status}").into()),
                    }
                    tokio::time::sleep(THINKING).await;
                }
                Ok::<(), Box<dyn std::error::Error>>(())
            });
        }
        while let Some(ended) = people.join_next().await {
            ended??;
        }
        let mut refused = self.refused.take();
        // From when each thread has served one to the last: there is always somebody who waits.
        let mut served = self.served.take();
        served.retain(|at| *at < begun + lasting);
        let threads = password_threads()?;
        let (Some(first), Some(last)) = (served.get(threads - 1), served.get(threads..).and_then(<[_]>::last)) else {
            return Err("hardly anybody was logged in".into());
        };
        if refused.0.len() < REFUSED_MIN {
            return Err(format!("no more than {} logins were refused", refused.0.len()).into());
        }
        Ok(Logins {
            a_second: (served.len() - threads) as f64 / (*last - *first).as_secs_f64(),
            refused: refused.0.len(),
            refused_p99_ms: refused.percentile(0.99).as_secs_f64() * 1e3,
        })
    }
}

/// As many as the server has.
fn password_threads() -> Result<usize> {
    Ok(std::thread::available_parallelism()?.get().div_ceil(2))
}

/// Hashes a second, by a process that does nothing else.
async fn bare_bcrypt(lasting: Duration, niceness: u32) -> Result<f64> {
    let mut command =
        process::own_with_niceness(niceness, &["bcrypt", &COST.to_string(), &lasting.as_secs().to_string()])?;
    let output = command.stdout(Stdio::piped()).output().await?;
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// `bench bcrypt COST SECONDS`: prints how many hashes a second as many threads as the server's make together.
pub fn run_bcrypt(cost: &str, seconds: &str) -> Result<()> {
    let (cost, seconds): (u32, u64) = (cost.parse()?, seconds.parse()?);
    let threads = password_threads()?;
    let lasting = Duration::from_secs(seconds);
    let rates = std::thread::scope(|scope| {
        let hash = || {
            let (begun, mut count) = (std::time::Instant::now(), 0);
            while begun.elapsed() < lasting {
                let _ = bcrypt::hash(PASSWORD, cost);
                count += 1;
            }
            f64::from(count) / begun.elapsed().as_secs_f64()
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(hash)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or_default()).sum::<f64>()
    });
    println!("{rates}");
    Ok(())
}
