//! Is the load generator to be believed? A broadcaster that loses, repeats, mixes up and closes on purpose is to be found
//! out, to the last event.

use std::time::{Duration, Instant};

use crate::bare::Faults;
use crate::http::Client;
use crate::live::Frame;
use crate::process::{self, Server};
use crate::watch::{Report, Watch};
use crate::watchers::Watchers;
use crate::{Result, live};

const SOCKETS: u64 = 60;
const LIMIT: Duration = Duration::from_secs(5);

/// Says what was found out, or fails.
pub async fn run() -> Result<String> {
    let server = Server::start(process::own(&["bare"])?).await?;
    let watches = vec![Watch { topic: "track:7K3M9Q2XTB".to_owned(), after: 0 }; SOCKETS as usize];
    let mut watchers = Watchers::open(server.address, live::BARE_PATH, &watches, false).await?;
    let mut client = Client::connect(server.address).await?;
    let frame = Frame::example();
    let none = Faults::default;
    for (version, faults) in [
        (1, none()),
        (2, Faults { skip: Some(7), ..none() }),
        (3, Faults { twice: Some(11), ..none() }),
        (4, Faults { garble: Some(13), ..none() }),
        (5, Faults { close: Some(17), ..none() }),
        (7, none()),
        (6, none()),
        (0, none()),
    ] {
        live::broadcast(&mut client, &frame.with(version), &faults).await?;
    }
    let rest = SOCKETS - 1;
    let expected = Report {
        events: SOCKETS + rest + (SOCKETS + 1) + rest + SOCKETS + 3 * rest,
        // One was skipped, one garbled, and two came after the closing.
        missing: 4,
        repeated: 1,
        out_of_order: rest,
        unexpected: rest,
        unreadable: 1,
        closed: [(4408, 1)].into(),
        ..Report::default()
    };
    let deadline = Instant::now() + LIMIT;
    loop {
        let report = watchers.report(&vec![7; SOCKETS as usize]).await?;
        let found = Report {
            event_bytes: 0,
            delays: Default::default(),
            sample: String::new(),
            heartbeats: 0,
            ..report.clone()
        };
        if found == expected {
            server.stop().await?;
            return Ok(format!("the load generator was lied to and noticed everything: {}", report.summary()));
        }
        if Instant::now() > deadline {
            return Err(
                format!("the load generator saw {}; it should see {}", found.summary(), expected.summary()).into()
            );
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
