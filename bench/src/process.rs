//! Child processes, and what they use of the machine. They end with us, however we end.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::Result;

/// How long a server may take to start: ours migrates an empty database.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Killed when dropped, and when we are killed.
pub fn command(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", program]).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// This program, with other arguments.
pub fn own(arguments: &[&str]) -> Result<Command> {
    let program = std::env::current_exe()?;
    let mut command = command(program.to_str().ok_or("this program's path is no text")?);
    command.args(arguments);
    Ok(command)
}

/// A server that says on stderr where it serves.
pub struct Server {
    pub address: SocketAddr,
    pid: u32,
    child: Child,
}

impl Server {
    pub async fn start(mut command: Command) -> Result<Server> {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let pid = child.id().ok_or("the server has ended at once")?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("no stderr")?).lines();
        let address = tokio::time::timeout(START_LIMIT, find_address(&mut lines))
            .await
            .map_err(|_| "the server does not say where it serves")??;
        // What it says later is a warning or worse.
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                eprintln!("  server: {line}");
            }
        });
        Ok(Server { address, pid, child })
    }

    pub async fn stop(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib * 1024)
    }

    /// CPU time of the process, its kernel's part included.
    pub fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        // The name in brackets may hold anything; utime and stime are fields 14 and 15, in hundredths of a second
        // (proc(5); USER_HZ is 100 wherever Linux runs).
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).and_then(|field| field.parse::<u64>().ok());
        let (user, system) = field(14).zip(field(15)).ok_or("no CPU time")?;
        Ok(Duration::from_millis((user + system) * 10))
    }
}

async fn find_address(lines: &mut Lines<BufReader<ChildStderr>>) -> Result<SocketAddr> {
    let mut said = String::new();
    while let Some(line) = lines.next_line().await? {
        if let Some((_, address)) = line.split_once("serving on http://") {
            return Ok(address.trim().parse()?);
        }
        said += &line;
        said.push('\n');
    }
    Err(format!("the server has ended: {said}").into())
}
