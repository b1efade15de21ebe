//! A watcher that asks for all events of all orders, and then reads nothing any more.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Result;
use crate::watch::frames::{self, Text};

/// Little room in its kernel, so that what it leaves unread soon is the server's.
const RECEIVE_BUFFER: usize = 4096;
const READ_LIMIT: Duration = Duration::from_secs(30);

pub struct Stalled(TcpStream);

impl Stalled {
    pub async fn open(server: SocketAddr, token: &str) -> Result<Stalled> {
        let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        socket.connect(&server.into())?;
        socket.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(socket.into())?;
        stream.write_all(frames::upgrade(server, "/api/v1/live").as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        if !frames::is_upgraded(&head) {
            return Err("the stalled watcher is not let in".into());
        }
        let authenticate = format!(r#"{{"type":"authenticate","token":"{token}"}}"#);
        for text in [&authenticate, r#"{"type":"subscribe","topic":"orders"}"#] {
            stream.write_all(&frames::masked(frames::TEXT, text.as_bytes())).await?;
        }
        let mut read = Vec::new();
        let mut is_subscribed = false;
        while !is_subscribed {
            read.push(stream.read_u8().await?);
            if let Some((frame, length)) = frames::first(&read).map_err(|_| "a malformed frame")? {
                match frames::read(frame.payload) {
                    Some(Text::Subscribed(_)) => is_subscribed = true,
                    Some(Text::Authenticated | Text::Heartbeat) => {}
                    _ => return Err("the stalled watcher can't subscribe".into()),
                }
                read.drain(..length);
            }
        }
        Ok(Stalled(stream))
    }

    /// Reads what it was sent after all, up to the closing frame: the events that it got, and the code; none when it
    /// has not been closed.
    pub async fn read_all(mut self) -> Result<(u64, Option<u16>)> {
        let mut events = 0;
        let mut read = Vec::new();
        let reading = async {
            loop {
                while let Some((frame, length)) = frames::first(&read).map_err(|_| "a malformed frame")? {
                    match frame.opcode {
                        frames::CLOSE => {
                            let code = frame.payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                            return Ok((events, code));
                        }
                        _ => events += u64::from(matches!(frames::read(frame.payload), Some(Text::Event { .. }))),
                    }
                    read.drain(..length);
                }
                if self.0.read_buf(&mut read).await? == 0 {
                    return Ok((events, None));
                }
            }
        };
        // Heartbeats go on: an open socket never falls silent for good.
        tokio::time::timeout(READ_LIMIT, reading).await.unwrap_or(Ok((0, None)))
    }
}
