//! Databases full of orders, and pgbench, which is the limit of whatever asks Postgres.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::Result;
use crate::http::Client;
use crate::measure::{Measured, Micros};
use crate::process::Served;
use crate::tracker::{PASSWORD, Settings, token};

/// Orders as `sql/seed.sql` writes them.
pub struct Database {
    pub url: String,
    superuser_url: String,
    pub orders: usize,
    /// Of the orders that can be moved, which are on hold no more.
    moved: RefCell<Vec<bool>>,
    random: Cell<u64>,
}

/// Who may ask for what; good for ten minutes.
pub struct Tokens {
    pub movers: Vec<String>,
    /// The first owner's, who has one order of twenty.
    pub owner: String,
    /// Of those who create orders.
    pub creators: Vec<String>,
}

/// `sql/move.sql` and `sql/create.sql` choose from as many.
const MOVERS: usize = 10;
const CREATORS: usize = 64;
/// How many owners look at their orders, beside the first: a hundred thousand orders, which no buffer of Postgres holds.
const OWNERS: usize = 1000;

impl Tokens {
    /// Through a server on such a database, whose tokens all servers with the same secret accept.
    pub async fn sign_in(client: &mut Client) -> Result<Tokens> {
        let (mut movers, mut creators) = (Vec::new(), Vec::new());
        for number in 0..MOVERS {
            movers.push(sign_in(client, "movers", &format!("mover{number}")).await?);
        }
        for number in 1..=CREATORS {
            creators.push(sign_in(client, "users", &format!("owner{number}")).await?);
        }
        Ok(Tokens { movers, owner: sign_in(client, "users", "owner0").await?, creators })
    }

    pub fn mover(&self) -> &str {
        &self.movers[0]
    }
}

impl Database {
    /// Makes a database of this name, has the server migrate it, and fills it.
    pub async fn seed(settings: &Settings, name: &str, orders: usize, owners: usize) -> Result<Database> {
        settings.psql(&settings.superuser_url, &["-c", &format!("CREATE DATABASE {name} OWNER order_tracker")]).await?;
        let url = settings.database_url.replacen("/order_tracker?", &format!("/{name}?"), 1);
        let superuser_url = settings.superuser_url.replacen("/postgres?", &format!("/{name}?"), 1);
        // The seed takes its password's hash from an account that the server made.
        let server = settings.start_server_on(&url, &[]).await?;
        let account = json!({ "email": "first@bench.example", "password": PASSWORD, "name": "First" });
        let mut client = Client::connect(server.address).await?;
        client.post("/api/v1/users", "", &account.to_string()).await?.json(201)?;
        server.stop().await?;
        let (all, of) = (format!("orders={orders}"), format!("owners={owners}"));
        settings.psql(&superuser_url, &["-v", &all, "-v", &of, "-f", "sql/seed.sql"]).await?;
        let moved = RefCell::new(vec![false; orders / 5 * 2]);
        Ok(Database { url, superuser_url, orders, moved, random: Cell::new(0x9e37_79b9_7f4a_7c15) })
    }

    /// The ID of the order with this number.
    pub fn id(number: usize) -> String {
        (1_000_000_000 + number as u64 * 6_364_136_227 % 9_000_000_000).to_string()
    }

    /// Of those that can be moved, an even one (the odd ones are pgbench's) that is this client's alone: two moves of
    /// one order at the same time would have to agree on what stands before.
    pub fn some_movable(&self, client: usize, clients: usize) -> usize {
        let mine = (self.moved.borrow().len() / 2).saturating_sub(client).div_ceil(clients);
        2 * ((self.random() as usize % mine.max(1)) * clients + client)
    }

    /// The order's ID and the next move, which is taken for made.
    pub fn next_move(&self, movable: usize) -> (String, &'static str) {
        let moved = &mut self.moved.borrow_mut()[movable];
        *moved = !*moved;
        let fields = if *moved { r#""status":"in_progress""# } else { r#""status":"on_hold","reason":"delayed""# };
        (Database::id(movable / 4 * 10 + 5 + movable % 4), fields)
    }

    /// The next move of this one was refused.
    pub fn was_not_moved(&self, movable: usize) {
        let moved = &mut self.moved.borrow_mut()[movable];
        *moved = !*moved;
    }

    /// xorshift64: which orders come next need not be a secret.
    pub fn random(&self) -> u64 {
        let mut state = self.random.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.random.set(state);
        state
    }

    /// Paths of orders, each with a token of its owner.
    pub async fn sign_owners_in(&self, settings: &Settings, client: &mut Client) -> Result<Vec<(String, String)>> {
        let owned = "SELECT substring(a.email, 6, strpos(a.email, '@') - 6), string_agg(o.id, ',') \
             FROM accounts a CROSS JOIN LATERAL (SELECT id FROM orders WHERE owner_id = a.id LIMIT 100) o \
             WHERE a.email LIKE 'owner%' GROUP BY a.id, a.email ORDER BY a.id OFFSET 1";
        let owned = settings.psql(&self.superuser_url, &["-Atc", &format!("{owned} LIMIT {OWNERS}")]).await?;
        let mut paths = Vec::new();
        for line in owned.lines() {
            let (number, ids) = line.split_once('|').ok_or("an owner without orders")?;
            let token = sign_in(client, "users", &format!("owner{number}")).await?;
            paths.extend(ids.split(',').map(|id| (format!("/api/v1/orders/{id}"), token.clone())));
        }
        Ok(paths)
    }

    pub async fn query(&self, settings: &Settings, sql: &str) -> Result<String> {
        settings.psql(&self.superuser_url, &["-Atc", sql]).await
    }
}

async fn sign_in(client: &mut Client, realm: &str, who: &str) -> Result<String> {
    let credentials = json!({ "email": format!("{who}@bench.example"), "password": PASSWORD });
    token(&client.post(&format!("/api/v1/{realm}/sessions"), "", &credentials.to_string()).await?.json(200)?)
}

/// pgbench's connections are new ones each time, ours are not: what they do first does not count.
const WARMING: Duration = Duration::from_secs(1);

/// pgbench with one of `sql/`: prepared statements, as many clients, and the time that each transaction took.
pub async fn pgbench(
    settings: &Settings,
    database: &Database,
    script: &str,
    clients: usize,
    lasting: Duration,
) -> Result<Measured> {
    let logs = tempfile::tempdir()?;
    let prefix = logs.path().join("log");
    let threads = clients.min(std::thread::available_parallelism()?.get());
    let served = Served::by(settings, None);
    let before = served.cpu()?;
    let mut command = settings.postgres_program("pgbench");
    command.args(["--no-vacuum", "--protocol=prepared", "--log"]);
    command.arg(format!("--log-prefix={}", prefix.to_str().ok_or("a folder's name is no text")?));
    command.arg(format!("--client={clients}")).arg(format!("--jobs={threads}"));
    command.arg(format!("--time={}", (lasting + WARMING).as_secs()));
    command.arg(format!("--define=orders={}", database.orders));
    command.arg(format!("--define=id={}", Database::id(5)));
    command.arg(format!("--file=sql/{script}")).arg(&database.url);
    let output = command.output().await?;
    let cpu = served.cpu()? - before;
    if !output.status.success() {
        return Err(format!("pgbench: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = String::from_utf8(output.stdout)?;
    if !text.contains("number of failed transactions: 0 ") {
        return Err(format!("pgbench: {text}").into());
    }
    let transactions = read_logs(logs.path())?;
    let all = transactions.len();
    let begun = transactions.iter().map(|&(ended, took)| ended - u64::from(took)).min().ok_or("pgbench did nothing")?;
    let begun = begun + WARMING.as_micros() as u64;
    let counted: Vec<_> = transactions.into_iter().filter(|&(ended, _)| ended > begun).collect();
    let ended = counted.iter().map(|&(ended, _)| ended).max().ok_or("pgbench did nothing for long")?;
    let cpu = cpu.mul_f64(counted.len() as f64 / all as f64);
    let micros = Micros(counted.into_iter().map(|(_, took)| took).collect());
    Ok(micros.into_measured(Duration::from_micros(ended - begun), cpu))
}

/// When each transaction ended, in microseconds of the epoch, and how many it took. The lines are "client transaction
/// time script seconds microseconds" (pgbench's documentation, per-transaction logging).
fn read_logs(folder: &Path) -> Result<Vec<(u64, u32)>> {
    let mut transactions = Vec::new();
    for file in std::fs::read_dir(folder)? {
        for line in std::fs::read_to_string(file?.path())?.lines() {
            let fields: Vec<u64> = line.split(' ').filter_map(|field| field.parse().ok()).collect();
            let &[_, _, took, _, seconds, micros] = fields.as_slice() else {
                return Err("pgbench's log is not as expected".into());
            };
            transactions.push((seconds * 1_000_000 + micros, u32::try_from(took)?));
        }
    }
    Ok(transactions)
}
