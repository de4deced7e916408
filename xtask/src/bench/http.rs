//! A client for the bench of the local cloud: HTTP/1.1 over one connection, as little as its answers need, so that what is
//! measured is the cloud and not the client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::Result;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest answer that is read, in bytes: the page of a large world is a few megabytes.
const LONGEST: usize = 256 << 20;

/// A connection that is kept.
pub(super) struct Client {
    stream: BufReader<TcpStream>,
    token: String,
    body: Vec<u8>,
}

impl Client {
    /// Connects to a cloud on this computer.
    ///
    /// # Errors
    /// When it is elsewhere or cannot be reached.
    pub(super) fn connect(address: SocketAddr, token: &str) -> Result<Self> {
        if !address.ip().is_loopback() {
            return Err(format!("bench: {address} is no loopback address").into());
        }
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let stream = BufReader::with_capacity(64 << 10, stream);
        Ok(Client { stream, token: token.to_owned(), body: Vec::new() })
    }

    /// Makes a request that must be answered with success; the body of the answer.
    ///
    /// # Errors
    /// When there is no such answer.
    pub(super) fn request(&mut self, method: &str, path: &str, body: &str) -> Result<&[u8]> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.line(&mut line)?;
        let status: u16 = line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .ok_or_else(|| format!("bench: {line:?} is no status line"))?;
        let mut length = 0;
        loop {
            self.line(&mut line)?;
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse::<usize>()?;
            }
        }
        if length > LONGEST {
            return Err(format!("bench: {method} {path}: an answer of {length} bytes").into());
        }
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body)?;
        if !(200..300).contains(&status) {
            let said = String::from_utf8_lossy(&self.body);
            return Err(format!("bench: {method} {path}: {status} {said}").into());
        }
        Ok(&self.body)
    }

    /// Reads a line of the head, without its end.
    fn line(&mut self, line: &mut String) -> Result<()> {
        line.clear();
        if (&mut self.stream).take(16 << 10).read_line(line)? == 0 {
            return Err("bench: the local cloud closed the connection".into());
        }
        line.truncate(line.trim_end().len());
        Ok(())
    }
}
