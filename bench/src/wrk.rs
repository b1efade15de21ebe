//! Reads by wrk: as many at a time as it has connections, one after the other on each.

use std::net::SocketAddr;
use std::time::Duration;

use crate::Result;
use crate::measure::Measured;
use crate::process::{self, Served};

/// What to ask for.
pub enum Reads<'a> {
    /// The same again and again.
    One { path: &'a str, headers: &'a [(&'a str, String)] },
    /// Public views of orders by chance, of this many.
    Tracks { orders: usize },
    /// One of these by chance, each with its token.
    Any(&'a [(String, String)]),
}

/// Everything must be answered well; a refusal is an error of the benchmark.
pub async fn run(
    server: SocketAddr,
    reads: &Reads<'_>,
    connections: usize,
    lasting: Duration,
    served: &Served,
) -> Result<Measured> {
    let mut command = process::command("wrk");
    let threads = connections.min(std::thread::available_parallelism()?.get());
    command.arg(format!("-t{threads}")).arg(format!("-c{connections}")).arg(format!("-d{}s", lasting.as_secs().max(1)));
    command.args(["--timeout", "10s", "-s", "wrk.lua"]);
    let lines = tempfile::NamedTempFile::new()?;
    let path = match reads {
        Reads::One { path, headers } => {
            for (name, value) in *headers {
                command.arg("-H").arg(format!("{name}: {value}"));
            }
            path
        }
        Reads::Tracks { .. } | Reads::Any(_) => "/",
    };
    command.arg(format!("http://{server}{path}")).arg("--");
    match reads {
        Reads::One { .. } => {}
        Reads::Tracks { orders } => _ = command.arg("track").arg(orders.to_string()),
        Reads::Any(requests) => {
            let text: Vec<String> = requests.iter().map(|(path, token)| format!("{path}\t{token}\n")).collect();
            std::fs::write(lines.path(), text.concat())?;
            command.arg("lines").arg(lines.path());
        }
    }
    // Other ones each time: the last argument is where chance begins.
    command.arg(std::time::UNIX_EPOCH.elapsed()?.subsec_micros().to_string());
    let before = served.cpu()?;
    let output = command.output().await?;
    let cpu = served.cpu()? - before;
    let text = String::from_utf8(output.stdout)?;
    let result = text.lines().find_map(|line| line.strip_prefix("result "));
    let numbers: Vec<u64> = result.unwrap_or_default().split(' ').filter_map(|number| number.parse().ok()).collect();
    let &[operations, took, p50, p99, failed] = numbers.as_slice() else {
        return Err(format!("wrk: {text}{}", String::from_utf8_lossy(&output.stderr)).into());
    };
    if failed > 0 {
        return Err(format!("{failed} of {operations} reads failed").into());
    }
    let micros = Duration::from_micros;
    Ok(Measured { operations, took: micros(took), p50: micros(p50), p99: micros(p99), cpu, refused: 0 })
}
