//! What Order Tracker can carry, measured against the least that the same libraries can do. `scripts/bench.sh` prepares
//! Postgres, Redis and the server and calls `bench run`, which starts all else as processes of its own:
//!
//! - `bench run [--quick] [GROUP...]` measures, prints a table, and appends it to RESULTS.md. Each group is a file
//!   that makes rows for the table: `live`, `reads`, `writes`, `lists`, `scale`, `logins`, `pushes`, `programs`, `peer`.
//! - `bench bare` is the limit of what needs no database: a bare actix-ws broadcaster, and a bare handler.
//! - `bench watch` is a load generator: thousands of sockets that check what they read.
//! - `bench bcrypt COST SECONDS` is the limit of logging in.

mod bare;
mod database;
mod delays;
mod http;
mod lists;
mod live;
mod load;
mod logins;
mod machine;
mod measure;
mod moves;
mod peer;
mod process;
mod programs;
mod pushes;
mod reads;
mod run;
mod scale;
mod self_check;
mod site;
mod stalled;
mod table;
mod tracker;
mod watch;
mod watchers;
mod writes;
mod wrk;

use std::process::ExitCode;

/// As the server's: the limit must not be slower for want of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["bare"] => bare::run(),
        ["watch"] => watch::run(),
        ["bcrypt", cost, seconds] => logins::run_bcrypt(cost, seconds),
        ["run", rest @ ..] => run::run(rest),
        _ => Err("usage: bench run [--quick] [GROUP...] | bench bare | bench watch | bench bcrypt COST SECONDS".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
