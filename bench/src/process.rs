//! Child processes, and what they use of the machine. They end with us, however we end.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::Result;
use crate::tracker::Settings;

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
    own_with_niceness(0, arguments)
}

/// The same with a lower priority: 19 is the lowest.
pub fn own_with_niceness(niceness: u32, arguments: &[&str]) -> Result<Command> {
    let mut command = command("nice");
    command.arg(format!("-n{niceness}")).arg(std::env::current_exe()?).args(arguments);
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

    /// Runs something while this server stands still, and waits until it has caught up: it looks for what others have
    /// written to its database, which would take from those who write, and afterwards from its own turn.
    pub async fn standing_still<T>(&self, work: impl AsyncFnOnce() -> Result<T>) -> Result<T> {
        self.signal("STOP").await?;
        let done = work().await;
        self.signal("CONT").await?;
        self.comes_to_rest().await?;
        done
    }

    async fn signal(&self, name: &str) -> Result<()> {
        let status =
            Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &self.pid.to_string()]).status().await?;
        if status.success() { Ok(()) } else { Err(format!("no SIG{name} for the server").into()) }
    }

    async fn comes_to_rest(&self) -> Result<()> {
        const LOOKS_EVERY: Duration = Duration::from_secs(2);
        const LIMIT: Duration = Duration::from_secs(60);
        const REST: Duration = Duration::from_millis(20);
        let begun = Instant::now();
        loop {
            let before = self.cpu()?;
            tokio::time::sleep(LOOKS_EVERY + LOOKS_EVERY / 4).await;
            if self.cpu()? - before <= REST {
                return Ok(());
            }
            if begun.elapsed() > LIMIT {
                return Err("the server does not come to rest".into());
            }
        }
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
        Ok(Times::of(self.pid)?.own)
    }

    /// Memory of the process and its children in bytes; what several of them share counts once.
    pub fn proportional_memory(&self) -> Result<u64> {
        let mut kib = 0;
        for pid in tree(&[self.pid])? {
            let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
            let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).ok_or("no Pss")?;
            kib += line.trim().trim_end_matches("kB").trim().parse::<u64>()?;
        }
        Ok(kib * 1024)
    }
}

/// All that serves: a server, Postgres and Redis, each with its children.
pub struct Served(Vec<u32>);

impl Server {
    /// As one that needs nobody else.
    pub fn alone(&self) -> Served {
        Served(vec![self.pid])
    }
}

impl Served {
    pub fn by(settings: &Settings, server: Option<&Server>) -> Served {
        Served(settings.services.into_iter().chain(server.map(|server| server.pid)).collect())
    }

    /// CPU time since they began, that of children that have ended included.
    pub fn cpu(&self) -> Result<Duration> {
        let roots = self.0.iter().map(|pid| Ok(Times::of(*pid)?.ended_children)).sum::<Result<Duration>>()?;
        // A child may end while we look; then its time is its parent's.
        Ok(roots
            + tree(&self.0)?.into_iter().filter_map(|pid| Times::of(pid).ok()).map(|times| times.own).sum::<Duration>())
    }
}

struct Times {
    parent: u32,
    own: Duration,
    ended_children: Duration,
}

impl Times {
    fn of(pid: u32) -> Result<Times> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name in brackets may hold anything. ppid is field 4; utime, stime, cutime and cstime are 14 to 17, in
        // hundredths of a second (proc(5); USER_HZ is 100 wherever Linux runs).
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).and_then(|field| field.parse::<u64>().ok());
        let &[Some(parent), Some(user), Some(system), Some(ended_user), Some(ended_system)] =
            &[4, 14, 15, 16, 17].map(field)
        else {
            return Err("/proc/PID/stat is not as expected".into());
        };
        Ok(Times {
            parent: u32::try_from(parent)?,
            own: Duration::from_millis((user + system) * 10),
            ended_children: Duration::from_millis((ended_user + ended_system) * 10),
        })
    }
}

/// Processes with their children and those children's.
fn tree(roots: &[u32]) -> Result<Vec<u32>> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in std::fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if let Ok(times) = Times::of(pid) {
            children.entry(times.parent).or_default().push(pid);
        }
    }
    let mut found = roots.to_vec();
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        found.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    Ok(found)
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
