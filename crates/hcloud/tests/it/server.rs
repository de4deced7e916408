//! An HTTP server that answers by a script and keeps what it was asked.

use std::sync::{Arc, Mutex};

use ferroform_hcloud::{Client, Pace};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const TOKEN: &str = "tokentokentokentokentokentokentokentokentokentokentokentokentoke";

/// What the server does with a request.
pub(crate) enum Reply {
    /// Answers.
    Answer { status: u16, headers: Vec<(&'static str, String)>, body: String },
    /// Closes the connection without an answer.
    Drop,
}

pub(crate) fn ok(body: impl Into<String>) -> Reply {
    status(200, body)
}

pub(crate) fn status(status: u16, body: impl Into<String>) -> Reply {
    Reply::Answer { status, headers: Vec::new(), body: body.into() }
}

pub(crate) fn error(code: u16, name: &str) -> Reply {
    status(code, format!(r#"{{"error":{{"code":"{name}","message":"it is so","details":null}}}}"#))
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Method, path and query: `GET /v1/servers?page=1`.
    pub(crate) line: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) struct Server {
    pub(crate) endpoint: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Starts a server whose `n`th request (from 0) is answered by `script(n, request)`.
    pub(crate) async fn start(script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/v1", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (script, seen) = (Arc::new(script), requests.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, seen) = (script.clone(), seen.clone());
                tokio::spawn(async move {
                    let _ = serve(stream, &*script, &seen).await;
                });
            }
        });
        Server { endpoint, requests }
    }

    pub(crate) fn client(&self) -> Client {
        Client::builder()
            .endpoint(&*self.endpoint)
            .token(TOKEN)
            .pace(Pace::INSTANT)
            .loopback_only()
            .build()
            .unwrap()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.requests().into_iter().map(|r| r.line).collect()
    }
}

async fn serve(
    mut stream: TcpStream,
    script: &(impl Fn(usize, &Request) -> Reply + Send + Sync),
    seen: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        let length = head
            .lines()
            .find_map(|l| {
                l.to_ascii_lowercase()
                    .strip_prefix("content-length:")
                    .map(|v| v.trim().parse::<usize>().unwrap())
            })
            .unwrap_or(0);
        while buffer.len() < end + length {
            stream.read_buf(&mut buffer).await?;
        }
        let body = String::from_utf8_lossy(&buffer[end..end + length]).into_owned();
        buffer.drain(..end + length);
        let line = head.lines().next().unwrap_or("").trim_end_matches(" HTTP/1.1").to_owned();
        let request = Request { line, head, body };
        let n = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        match script(n, &request) {
            Reply::Drop => return Ok(()),
            Reply::Answer { status, headers, body } => {
                let mut answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
                if !headers.iter().any(|(name, _)| *name == "content-type") {
                    answer.push_str("content-type: application/json\r\n");
                }
                for (name, value) in headers {
                    answer.push_str(&format!("{name}: {value}\r\n"));
                }
                stream.write_all(format!("{answer}\r\n{body}").as_bytes()).await?;
            }
        }
    }
}
