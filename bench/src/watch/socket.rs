//! One socket: connects, upgrades, subscribes, and reads on until it is closed.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Type};

use super::frames::{self, Frame, Text};
use super::tally::Tally;
use super::{Plan, Shared, Watch, now};

/// The code for an end that has none (RFC 6455, 7.4.1).
const NO_CLOSING_FRAME: u16 = 1006;

pub struct Socket {
    stream: TcpStream,
    stage: Stage,
    /// What has come of something that is not complete yet.
    rest: Vec<u8>,
    subscribe: String,
    pub tally: Tally,
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Connecting,
    Upgrading,
    Subscribing,
    Subscribed,
    Ended,
}

/// Why a socket ends, in words for the report.
type Failure = String;

impl Socket {
    pub fn open(plan: &Plan, watch: &Watch, registry: &Registry, token: Token) -> io::Result<Socket> {
        let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        // No port stays in TIME-WAIT: the next run needs as many.
        socket.set_linger(Some(Duration::ZERO))?;
        socket.bind(&SocketAddr::from((plan.source, 0)).into())?;
        match socket.connect(&plan.server.into()) {
            // EINPROGRESS
            Err(error) if error.raw_os_error() == Some(115) => {}
            connected => connected?,
        }
        let mut stream = TcpStream::from_std(socket.into());
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        let subscribe = format!(r#"{{"type":"subscribe","topic":"{}","after":{}}}"#, watch.topic, watch.after);
        let tally = Tally::new(watch.after);
        Ok(Socket { stream, stage: Stage::Connecting, rest: Vec::new(), subscribe, tally })
    }

    /// Does what can be done now.
    pub fn attend(&mut self, event: &Event, plan: &Plan, shared: &mut Shared) {
        let done = self.connect(event, plan).and_then(|()| self.read(event, shared));
        if let Err(failure) = done {
            self.end(NO_CLOSING_FRAME, failure, shared);
        }
    }

    fn connect(&mut self, event: &Event, plan: &Plan) -> Result<(), Failure> {
        if self.stage == Stage::Connecting && (event.is_writable() || event.is_error()) {
            if let Some(error) = self.stream.take_error().map_err(failed("connecting"))? {
                return Err(failed("connecting")(error));
            }
            self.stage = Stage::Upgrading;
            self.write(frames::upgrade(plan.server, &plan.path).as_bytes())?;
        }
        Ok(())
    }

    fn read(&mut self, event: &Event, shared: &mut Shared) -> Result<(), Failure> {
        if !event.is_readable() {
            return Ok(());
        }
        let mut buffer = std::mem::take(&mut shared.buffer);
        let read = self.read_with(&mut buffer, event, shared);
        shared.buffer = buffer;
        read
    }

    fn read_with(&mut self, buffer: &mut [u8], event: &Event, shared: &mut Shared) -> Result<(), Failure> {
        while !matches!(self.stage, Stage::Connecting | Stage::Ended) {
            match self.stream.read(buffer) {
                Ok(0) => {
                    self.end(NO_CLOSING_FRAME, "closed without a closing frame".to_owned(), shared);
                    return Ok(());
                }
                Ok(length) => {
                    self.take(&buffer[..length], shared)?;
                    // Less than there is room for was all there is, and whatever comes will be told (epoll(7)); the end may
                    // have been told already.
                    if length < buffer.len() && !event.is_read_closed() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed("reading")(error)),
            }
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8], shared: &mut Shared) -> Result<(), Failure> {
        let at = now();
        if self.rest.is_empty() {
            let taken = self.take_complete(bytes, at, shared)?;
            self.rest = bytes[taken..].to_vec();
        } else {
            let mut all = std::mem::take(&mut self.rest);
            all.extend_from_slice(bytes);
            let taken = self.take_complete(&all, at, shared)?;
            self.rest = all[taken..].to_vec();
        }
        Ok(())
    }

    /// Takes what is complete and says how much that was.
    fn take_complete(&mut self, bytes: &[u8], at: u64, shared: &mut Shared) -> Result<usize, Failure> {
        let mut taken = 0;
        while self.stage != Stage::Ended {
            let bytes = &bytes[taken..];
            if self.stage == Stage::Upgrading {
                let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else { break };
                let head = &bytes[..end + 4];
                if !frames::is_upgraded(head) {
                    let status = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
                    return Err(format!("no upgrade: {}", String::from_utf8_lossy(status)));
                }
                taken += head.len();
                self.stage = Stage::Subscribing;
                self.write(&frames::masked(frames::TEXT, self.subscribe.as_bytes()))?;
                self.subscribe = String::new();
                continue;
            }
            match frames::first(bytes) {
                Ok(Some((frame, length))) => {
                    taken += length;
                    self.take_frame(&frame, at, shared)?;
                }
                Ok(None) => break,
                Err(frames::Malformed) => {
                    shared.report.unreadable += 1;
                    return Err("a malformed frame".to_owned());
                }
            }
        }
        Ok(taken)
    }

    fn take_frame(&mut self, frame: &Frame, at: u64, shared: &mut Shared) -> Result<(), Failure> {
        match frame.opcode {
            frames::TEXT => match frames::read(frame.payload) {
                Some(Text::Event { version, at: said }) => self.take_event(version, said, frame.payload, at, shared),
                Some(Text::Subscribed(versions)) => {
                    for version in versions {
                        self.tally.take(version);
                    }
                    if self.stage == Stage::Subscribing {
                        self.stage = Stage::Subscribed;
                        shared.opening -= 1;
                        shared.subscribed += 1;
                    } else {
                        shared.report.other += 1;
                    }
                }
                Some(Text::Heartbeat) => shared.report.heartbeats += 1,
                Some(Text::Authenticated | Text::Other) if self.stage == Stage::Subscribing => {
                    return Err(format!("not subscribed: {}", String::from_utf8_lossy(frame.payload)));
                }
                Some(Text::Authenticated | Text::Other) => shared.report.other += 1,
                None => shared.report.unreadable += 1,
            },
            frames::PING => self.write(&frames::masked(frames::PONG, frame.payload))?,
            frames::CLOSE => {
                // Without a code in it, it is 1005.
                let code = frame.payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
                self.end(code, format!("closed with {code}"), shared);
            }
            _ => {}
        }
        Ok(())
    }

    fn take_event(&mut self, version: i32, said: &[u8], text: &[u8], at: u64, shared: &mut Shared) {
        shared.report.events += 1;
        shared.report.event_bytes += text.len() as u64;
        let is_new = self.tally.take(version);
        match shared.clock.read(said) {
            Some(occurred) => shared.report.delays.add_one(at.saturating_sub(occurred)),
            None => shared.report.unreadable += 1,
        }
        if is_new && let Some(completion) = &mut shared.completion {
            let (count, last) = completion.entry(version).or_default();
            *count += 1;
            *last = at;
            if *count == 1 {
                shared.report.sample = String::from_utf8_lossy(text).into_owned();
            }
        }
    }

    fn end(&mut self, code: u16, why: Failure, shared: &mut Shared) {
        match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Ended => {}
            Stage::Subscribed => *shared.report.closed.entry(code).or_default() += 1,
            Stage::Connecting | Stage::Upgrading | Stage::Subscribing => {
                shared.opening -= 1;
                *shared.failed.entry(why).or_default() += 1;
            }
        }
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// What we write always fits into the kernel's buffer, unless the server reads nothing at all.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self.stream.write(bytes) {
            Ok(written) if written == bytes.len() => Ok(()),
            Ok(_) => Err("writing: no room".to_owned()),
            Err(error) => Err(failed("writing")(error)),
        }
    }
}

fn failed(doing: &str) -> impl FnOnce(io::Error) -> Failure {
    move |error| format!("{doing}: {error}")
}
