//! As much of an HTTP client as the benchmarks need: JSON over one connection that stays open, and as little work for
//! the machine that is being measured as may be.

use std::fmt::Write;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

use crate::Result;

pub struct Client {
    stream: BufStream<TcpStream>,
    server: SocketAddr,
}

pub struct Answer {
    pub status: u16,
    /// Without its length.
    pub head: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Client {
    pub async fn connect(server: SocketAddr) -> Result<Client> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Client { stream: BufStream::new(stream), server })
    }

    /// `token` is empty for a request without one.
    pub async fn post(&mut self, path: &str, token: &str, body: &str) -> Result<Answer> {
        let mut request = format!("POST {path} HTTP/1.1\r\nHost: {}\r\n", self.server);
        if !token.is_empty() {
            write!(request, "Authorization: Bearer {token}\r\n")?;
        }
        write!(request, "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
        self.stream.write_all(request.as_bytes()).await?;
        self.stream.flush().await?;
        self.read_answer().await
    }

    pub async fn get(&mut self, path: &str, token: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n", self.server);
        if !token.is_empty() {
            write!(request, "Authorization: Bearer {token}\r\n")?;
        }
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n")?;
        }
        request += "\r\n";
        self.stream.write_all(request.as_bytes()).await?;
        self.stream.flush().await?;
        self.read_answer().await
    }

    async fn read_answer(&mut self) -> Result<Answer> {
        let mut line = String::new();
        self.stream.read_line(&mut line).await?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| format!("no answer of HTTP: {line:?}"))?;
        let mut length = 0;
        let mut head = Vec::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line).await?;
            let header = line.trim_end();
            if header.is_empty() {
                break;
            }
            let (name, value) = header.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            } else {
                head.push((name.to_owned(), value.trim().to_owned()));
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok(Answer { status, head, body })
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body, if this is the status.
    pub fn json(&self, expected: u16) -> Result<Value> {
        if self.status != expected {
            return Err(
                format!("{} instead of {expected}: {}", self.status, String::from_utf8_lossy(&self.body)).into()
            );
        }
        Ok(serde_json::from_slice(&self.body)?)
    }
}
