//! Two replicas behind HAProxy, restarted by turns under load: no request fails and no watcher misses a version.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::World;
use super::watchers::Habits;
use super::writers::Pace;
use crate::support::{client_builder, eventually, free_port, http_client};

const RESTARTS: usize = 6;
/// DRAIN_TIMEOUT's default.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "make test-full"]
async fn behind_a_balancer_restarts_are_not_noticed() {
    let mut world = World::without_replicas().await;
    let ports = [free_port(), free_port()];
    for port in ports {
        world
            .add_replica(|settings| {
                settings.insert("BIND_ADDR", format!("127.0.0.1:{port}"));
                // As they are unless somebody changes them.
                settings.remove("DRAIN_NOTICE");
                settings.remove("DRAIN_TIMEOUT");
            })
            .await;
    }
    world.create_orders(20).await;
    let balancer = Balancer::start(ports).await;
    world.fleet.stand_behind(balancer.base.clone());

    world.watch(60, 3, Habits::default());
    world.write(6, Pace::of(Duration::from_millis(5)));
    let reads = Arc::new(AtomicUsize::new(0));
    let mut readers = JoinSet::new();
    for order in world.orders.iter().take(6) {
        readers.spawn(read_again_and_again(format!("{}/api/v1/track/{order}", balancer.base), reads.clone()));
    }
    world.all_watch().await;
    for restart in 0..RESTARTS {
        let one = restart % ports.len();
        let (code, time) = world.fleet.terminate(one, ENDS_WITHIN).await;
        assert_eq!(code, Some(0));
        assert!(time < ENDS_WITHIN, "{time:?}");
        world.fleet.start(one).await;
        eventually("the balancer sees it again", async || balancer.servers_up().await == ports.len()).await;
        world.acknowledges(100).await;
    }
    if let Some(ended) = readers.try_join_next() {
        ended.expect("no read fails");
    }
    readers.shutdown().await;
    eprintln!("{RESTARTS} restarts, {} reads", reads.load(Ordering::Relaxed));
    assert_eq!(world.book.not_acknowledged(), 0, "writes failed");
    let report = world.settle().await;
    report.holds();
    // Nobody was cut off without a word.
    assert!(report.closed.keys().eq([&1001]), "{:?}", report.closed);
    assert_eq!(report.not_opened, 0);
}

async fn read_again_and_again(url: String, reads: Arc<AtomicUsize>) {
    let http = client_builder().timeout(Duration::from_secs(10)).build().expect("a client");
    loop {
        let answer = http.get(&url).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        answer.bytes().await.expect("a body");
        reads.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// HAProxy with docs/haproxy.cfg, on other ports.
struct Balancer {
    process: Child,
    folder: std::path::PathBuf,
    base: String,
    statistics: String,
}

impl Balancer {
    async fn start(ports: [u16; 2]) -> Balancer {
        let (front, statistics) = (free_port(), free_port());
        let example = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/haproxy.cfg")).expect("read");
        let [one, two] = ports;
        let mut configuration = example;
        for (from, to) in [(":8000", front), (":8081", one), (":8082", two)] {
            assert_eq!(configuration.matches(from).count(), 1, "{from}");
            configuration = configuration.replace(from, &format!(":{to}"));
        }
        configuration +=
            &format!("\nfrontend statistics\n    bind 127.0.0.1:{statistics}\n    stats enable\n    stats uri /\n");
        let folder = std::env::temp_dir().join(format!("ot-haproxy-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("haproxy.cfg");
        std::fs::write(&file, configuration).expect("written");
        // Debian has it where only root's PATH leads.
        let path = format!("{}:/usr/sbin:/usr/local/sbin", std::env::var("PATH").unwrap_or_default());
        let process = Command::new("haproxy")
            .env("PATH", path)
            .args(["-db", "-q", "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .spawn()
            .expect("HAProxy; `make test-full` installs it");
        let balancer = Balancer {
            process,
            folder,
            base: format!("http://127.0.0.1:{front}"),
            statistics: format!("http://127.0.0.1:{statistics}/;csv"),
        };
        let start = Instant::now();
        while balancer.servers_up().await < ports.len() {
            assert!(start.elapsed() < Duration::from_secs(10), "HAProxy does not see them");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        balancer
    }

    /// How many of the replicas it sends requests to.
    async fn servers_up(&self) -> usize {
        let Ok(answer) = http_client().get(&self.statistics).send().await else { return 0 };
        let table = answer.text().await.expect("CSV");
        let is_up = |line: &&str| {
            let fields: Vec<_> = line.split(',').collect();
            fields[0] == "replicas" && ["one", "two"].contains(&fields[1]) && fields[17] == "UP"
        };
        table.lines().filter(is_up).count()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}
