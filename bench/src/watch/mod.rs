//! The load generator: thousands of sockets in one process and one thread, which check what they read. It gets a [`Plan`]
//! and then [`Command`]s on stdin, and answers with [`Said`] on stdout, each in JSON on a line of its own. It ends with
//! stdin.
//!
//! One buffer for reading serves all sockets; a socket keeps only what is incomplete.

pub mod frames;
mod socket;
mod tally;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::time::{SystemTime, UNIX_EPOCH};

use mio::{Events, Poll, Token, Waker};
use serde::{Deserialize, Serialize};

use self::socket::Socket;
use crate::Result;
use crate::delays::Delays;

/// What to open.
#[derive(Clone, Serialize, Deserialize)]
pub struct Plan {
    pub server: SocketAddr,
    pub path: String,
    /// Of all the sockets: a source has about 28,000 ports.
    pub source: Ipv4Addr,
    /// For each socket its one subscription.
    pub watches: Vec<Watch>,
    /// To say [`Said::Complete`].
    pub tells_completion: bool,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Watch {
    pub topic: String,
    /// The newest version before this begins.
    pub after: i32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// To be answered with a [`Report`].
    Report {
        /// For each socket the version up to which it should have everything by now.
        through: Vec<i32>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// Each socket is subscribed, or has failed.
    Ready {
        subscribed: usize,
        failed: BTreeMap<String, u64>,
    },
    /// All that are subscribed have this version; the last one at this time, in nanoseconds since 1970.
    Complete {
        version: i32,
        last: u64,
    },
    Report(Report),
}

/// What was read since the beginning; the delays since the last report.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub events: u64,
    pub event_bytes: u64,
    /// Versions that should have come and have not.
    pub missing: u64,
    /// Events of a version that had come before.
    pub repeated: u64,
    /// Events that came after one with a higher version.
    pub out_of_order: u64,
    /// Events that nobody has asked for: old ones, or newer than there should be.
    pub unexpected: u64,
    pub heartbeats: u64,
    /// Frames that are understood but should not come here: errors, resync, gone.
    pub other: u64,
    /// Frames that are not understood.
    pub unreadable: u64,
    /// By code; 1006 is an end without a closing frame.
    pub closed: BTreeMap<u16, u64>,
    /// From the time in the event until it was read.
    pub delays: Delays,
    /// The text of the newest event.
    pub sample: String,
}

impl Report {
    /// Whether every version has come once, in its order, and nothing else has.
    pub fn is_clean(&self) -> bool {
        let Report { missing, repeated, out_of_order, unexpected, other, unreadable, .. } = self;
        [missing, repeated, out_of_order, unexpected, other, unreadable].into_iter().all(|count| *count == 0)
            && self.closed.is_empty()
    }

    pub fn add(&mut self, other: Report) {
        self.events += other.events;
        self.event_bytes += other.event_bytes;
        self.missing += other.missing;
        self.repeated += other.repeated;
        self.out_of_order += other.out_of_order;
        self.unexpected += other.unexpected;
        self.heartbeats += other.heartbeats;
        self.other += other.other;
        self.unreadable += other.unreadable;
        for (code, count) in other.closed {
            *self.closed.entry(code).or_default() += count;
        }
        self.delays.add(&other.delays);
        self.sample = other.sample;
    }

    /// All but what takes pages.
    pub fn summary(&self) -> String {
        let Report { events, missing, repeated, out_of_order, unexpected, other, unreadable, closed, .. } = self;
        format!(
            "{events} events read, {missing} missing, {repeated} repeated, {out_of_order} out of order, \
             {unexpected} unexpected, {other} other frames, {unreadable} unreadable, closed {closed:?}"
        )
    }
}

/// Nanoseconds since 1970: all processes of this machine have the same clock.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// Sockets that are between connecting and being subscribed at any time.
const OPENING_MAX: usize = 64;
const BUFFER: usize = 64 * 1024;
const COMMANDS: Token = Token(usize::MAX);

pub fn run() -> Result<()> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let plan: Plan = serde_json::from_str(&line)?;
    let mut poll = Poll::new()?;
    let commands = read_commands(Waker::new(poll.registry(), COMMANDS)?);
    let mut watchers = Watchers::new(plan);
    let mut events = Events::with_capacity(1024);
    watchers.open_more(&poll)?;
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        for event in &events {
            match event.token() {
                COMMANDS => loop {
                    match commands.try_recv() {
                        Ok(Command::Report { through }) => say(&Said::Report(watchers.report(&through)))?,
                        Err(mpsc::TryRecvError::Empty) => break,
                        Err(mpsc::TryRecvError::Disconnected) => return Ok(()),
                    }
                },
                Token(number) => watchers.attend(number, event, &poll)?,
            }
        }
    }
}

/// Hands over commands as they come; the channel ends with stdin.
fn read_commands(waker: Waker) -> mpsc::Receiver<Command> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in io::stdin().lines() {
            let Ok(line) = line else { break };
            let Ok(command) = serde_json::from_str(&line) else { break };
            if sender.send(command).is_err() {
                break;
            }
            let _ = waker.wake();
        }
        drop(sender);
        let _ = waker.wake();
    });
    receiver
}

fn say(said: &Said) -> Result<()> {
    let mut stdout = io::stdout().lock();
    serde_json::to_writer(&mut stdout, said)?;
    stdout.write_all(b"\n")?;
    stdout.flush()?;
    Ok(())
}

/// What all sockets share.
struct Shared {
    buffer: Vec<u8>,
    report: Report,
    failed: BTreeMap<String, u64>,
    subscribed: usize,
    /// Between connecting and being subscribed.
    opening: usize,
    clock: frames::Clock,
    /// How many have a version, and when the last of them got it.
    completion: Option<BTreeMap<i32, (usize, u64)>>,
}

struct Watchers {
    plan: Plan,
    sockets: Vec<Socket>,
    shared: Shared,
}

impl Watchers {
    fn new(plan: Plan) -> Watchers {
        let shared = Shared {
            buffer: vec![0; BUFFER],
            report: Report::default(),
            failed: BTreeMap::new(),
            subscribed: 0,
            opening: 0,
            clock: frames::Clock::default(),
            completion: plan.tells_completion.then(BTreeMap::new),
        };
        Watchers { sockets: Vec::with_capacity(plan.watches.len()), plan, shared }
    }

    fn open_more(&mut self, poll: &Poll) -> Result<()> {
        while self.sockets.len() < self.plan.watches.len() && self.shared.opening < OPENING_MAX {
            let number = self.sockets.len();
            let watch = &self.plan.watches[number];
            self.sockets.push(Socket::open(&self.plan, watch, poll.registry(), Token(number))?);
            self.shared.opening += 1;
        }
        Ok(())
    }

    fn attend(&mut self, number: usize, event: &mio::event::Event, poll: &Poll) -> Result<()> {
        let were_opening = self.shared.opening;
        self.sockets[number].attend(event, &self.plan, &mut self.shared);
        if self.shared.opening < were_opening {
            self.open_more(poll)?;
            if self.shared.opening == 0 {
                let failed = self.shared.failed.clone();
                say(&Said::Ready { subscribed: self.shared.subscribed, failed })?;
            }
        }
        self.say_what_is_complete()
    }

    fn say_what_is_complete(&mut self) -> Result<()> {
        let subscribed = self.shared.subscribed;
        let Some(completion) = &mut self.shared.completion else { return Ok(()) };
        while let Some(first) = completion.first_entry()
            && first.get().0 == subscribed
        {
            let (version, (_, last)) = first.remove_entry();
            say(&Said::Complete { version, last })?;
        }
        Ok(())
    }

    fn report(&mut self, through: &[i32]) -> Report {
        let mut report = self.shared.report.clone();
        self.shared.report.delays = Delays::default();
        for (socket, through) in self.sockets.iter().zip(through) {
            socket.tally.add_to(&mut report, *through);
        }
        report
    }
}
