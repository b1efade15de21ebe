//! On what it was measured.

use crate::Result;

/// Such as "2 cores of Intel Xeon, 24 GiB, Linux 6.18, no huge pages reserved". In those, Postgres finds rows of a large
/// database faster.
pub fn describe() -> Result<String> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo")?;
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()));
    let memory = std::fs::read_to_string("/proc/meminfo")?;
    let number = |name: &str| memory.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
    let kib: f64 = number("MemTotal:").ok_or("no MemTotal")?.parse()?;
    let huge_pages = number("HugePages_Total:").filter(|reserved| *reserved != "0").unwrap_or("no");
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    Ok(format!(
        "{} cores of {}, {:.0} GiB, Linux {}, {huge_pages} huge pages reserved",
        std::thread::available_parallelism()?,
        model.unwrap_or(std::env::consts::ARCH),
        kib / 1024.0 / 1024.0,
        kernel.trim()
    ))
}

/// A point in time, to know later how busy all cores have been since.
pub struct Since {
    busy: u64,
    all: u64,
}

impl Since {
    pub fn now() -> Result<Since> {
        let stat = std::fs::read_to_string("/proc/stat")?;
        let first = stat.lines().next().unwrap_or_default();
        let times: Vec<u64> = first.split_whitespace().skip(1).filter_map(|time| time.parse().ok()).collect();
        // user nice system idle iowait irq softirq steal (proc(5)); what follows is counted in these.
        let &[user, nice, system, idle, iowait, irq, softirq, steal, ..] = times.as_slice() else {
            return Err("/proc/stat is not as expected".into());
        };
        let busy = user + nice + system + irq + softirq + steal;
        Ok(Since { busy, all: busy + idle + iowait })
    }

    /// Between 0 and 1.
    pub fn busy_share(&self) -> Result<f64> {
        let now = Since::now()?;
        Ok((now.busy - self.busy) as f64 / (now.all - self.all).max(1) as f64)
    }
}
