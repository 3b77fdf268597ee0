//! Just enough of an HTTP client: one kept connection, and a limit on how long an answer takes.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::node::PUBLISH_KEY;

/// A connection to a node, made when it is needed.
#[derive(Debug)]
pub struct Http {
    address: SocketAddr,
    stream: Option<TcpStream>,
}

/// What a node answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Http {
    /// To this node.
    pub const fn to(address: SocketAddr) -> Self {
        let stream = None;
        Self { address, stream }
    }

    /// Asks, as a back end would.
    ///
    /// # Errors
    /// When there is no whole answer in time: then it is not known what the node did.
    pub async fn ask(
        &mut self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: &str,
        within: Duration,
    ) -> io::Result<Answer> {
        // Put back only after a whole answer: what comes late must not be taken for the next one.
        let kept = self.stream.take();
        let asking = async {
            let mut stream = match kept {
                Some(stream) => stream,
                None => TcpStream::connect(self.address).await?,
            };
            let answer = ask(&mut stream, self.address, method, path, key, body).await?;
            io::Result::Ok((stream, answer))
        };
        let (stream, answer) = timeout(within, asking).await??;
        self.stream = Some(stream);
        Ok(answer)
    }
}

async fn ask(
    stream: &mut TcpStream,
    address: SocketAddr,
    method: &str,
    path: &str,
    key: Option<&str>,
    body: &str,
) -> io::Result<Answer> {
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {PUBLISH_KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    if let Some(key) = key {
        request += &format!("Idempotency-Key: {key}\r\n");
    }
    request += "\r\n";
    request += body;
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    loop {
        if let Some(answer) = parse(&bytes)? {
            return Ok(answer);
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// The answer, when it is whole.
fn parse(bytes: &[u8]) -> io::Result<Option<Answer>> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| wrong("a head is ASCII"))?;
    let head = head.to_ascii_lowercase();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| wrong("an answer has a status"))?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length = length.map_or(Ok(0), |length| length.trim().parse());
    let length: usize = length.map_err(|_| wrong("a length is a number"))?;
    let body = &bytes[end + 4..];
    Ok((body.len() >= length).then(|| Answer {
        status,
        body: String::from_utf8_lossy(&body[..length]).into_owned(),
    }))
}
