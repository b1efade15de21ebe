//! What Order Tracker can carry, measured against the least that the same libraries can do. `scripts/bench.sh` prepares
//! Postgres, Redis and the server and calls `bench run`, which starts all else as processes of its own:
//!
//! - `bench run [--quick] [GROUP...]` measures, prints a table, and appends it to RESULTS.md. Each group is a file
//!   that makes rows for the table: `live`.
//! - `bench bare` is the limit of live updates, a bare actix-ws broadcaster.
//! - `bench watch` is the load generator: thousands of sockets that check what they read.

mod bare;
mod delays;
mod http;
mod live;
mod machine;
mod moves;
mod process;
mod run;
mod self_check;
mod stalled;
mod table;
mod tracker;
mod watch;
mod watchers;

use std::process::ExitCode;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["bare"] => bare::run(),
        ["watch"] => watch::run(),
        ["run", rest @ ..] => run::run(rest),
        _ => Err("usage: bench run [--quick] [GROUP...] | bench bare | bench watch".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
