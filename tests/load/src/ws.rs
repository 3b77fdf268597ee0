//! The least that a client of a WebSocket can do: it must cost less than what it measures.
//!
//! Frames are found in what a read brought, where it lies; nothing is copied but the rest of a frame that came in parts. A server's
//! frames have no mask (RFC 6455, 5.1), ours have one of zeros, which is as valid as any.

use std::{cell::RefCell, io, net::SocketAddr};

use anyhow::{Result, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

/// What is read at a time, by whichever client reads.
const READ_BYTES: usize = 256 << 10;
/// The longest head of an answer to a handshake.
const HEAD_BYTES_MAX: usize = 8 << 10;

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

thread_local! {
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// A connection after its handshake.
pub(crate) struct WebSocket {
    stream: TcpStream,
    /// The beginning of a frame whose end has not come.
    rest: Vec<u8>,
}

/// What a read brought.
#[derive(Default)]
pub(crate) struct Brought {
    pub(crate) bytes: usize,
    pub(crate) closed: bool,
}

impl WebSocket {
    /// Connects. `unread_bytes`: how much the kernel keeps that nobody has read.
    pub(crate) async fn open(
        address: SocketAddr,
        path: &str,
        subprotocol: Option<&str>,
        unread_bytes: Option<u32>,
    ) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if let Some(bytes) = unread_bytes {
            socket.set_recv_buffer_size(bytes)?;
        }
        let mut stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        let protocol = subprotocol.map_or_else(String::new, |name| {
            format!("Sec-WebSocket-Protocol: {name}\r\n")
        });
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{protocol}\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut read = Vec::new();
        let end = loop {
            if let Some(end) = memchr::memmem::find(&read, b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut read).await? == 0 || read.len() > HEAD_BYTES_MAX {
                bail!("the handshake was broken off");
            }
        };
        let head = String::from_utf8_lossy(&read[..end]);
        if !head.starts_with("HTTP/1.1 101") {
            bail!("no handshake: {}", head.lines().next().unwrap_or_default());
        }
        let rest = read.split_off(end);
        Ok(Self { stream, rest })
    }

    /// Writes a text.
    pub(crate) async fn send(&mut self, text: &str) -> io::Result<()> {
        self.write(TEXT, text.as_bytes()).await
    }

    async fn write(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        let mut frame = vec![0x80 | opcode];
        match payload.len() {
            len @ 0..=125 => frame.push(0x80 | len as u8),
            len @ 126..=65_535 => {
                frame.push(0x80 | 126);
                frame.extend((len as u16).to_be_bytes());
            }
            len => {
                frame.push(0x80 | 127);
                frame.extend((len as u64).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        self.stream.write_all(&frame).await
    }

    /// Reads once and gives each text that came whole to `each`. Pings are answered.
    pub(crate) async fn read(&mut self, mut each: impl FnMut(&[u8])) -> io::Result<Brought> {
        let mut pong = None;
        let mut brought = self.once(&mut each, &mut pong).await?;
        if let Some(payload) = pong {
            brought.closed |= self.write(PONG, &payload).await.is_err();
        }
        Ok(brought)
    }

    async fn once(
        &mut self,
        each: &mut impl FnMut(&[u8]),
        pong: &mut Option<Vec<u8>>,
    ) -> io::Result<Brought> {
        // What came with the answer to the handshake.
        if !self.rest.is_empty()
            && header(&self.rest).is_some_and(|(_, from, len)| from + len <= self.rest.len())
        {
            let read = std::mem::take(&mut self.rest);
            return Ok(self.take(&read, each, pong, 0));
        }
        loop {
            self.stream.readable().await?;
            let done = READ.with_borrow_mut(|scratch| {
                let kept = self.rest.len();
                if scratch.len() < kept + READ_BYTES {
                    scratch.resize(kept + READ_BYTES, 0);
                }
                scratch[..kept].copy_from_slice(&self.rest);
                match self.stream.try_read(&mut scratch[kept..]) {
                    Ok(0) => Ok(Some(Brought {
                        bytes: 0,
                        closed: true,
                    })),
                    Ok(count) => {
                        self.rest.clear();
                        Ok(Some(self.take(&scratch[..kept + count], each, pong, count)))
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
                    Err(error) => Err(error),
                }
            })?;
            if let Some(brought) = done {
                return Ok(brought);
            }
        }
    }

    fn take(
        &mut self,
        mut read: &[u8],
        each: &mut impl FnMut(&[u8]),
        pong: &mut Option<Vec<u8>>,
        bytes: usize,
    ) -> Brought {
        let mut brought = Brought {
            bytes,
            closed: false,
        };
        while let Some((opcode, from, len)) = header(read) {
            let Some(payload) = read.get(from..from + len) else {
                break;
            };
            match opcode {
                TEXT => each(payload),
                PING => *pong = Some(payload.to_vec()),
                CLOSE => brought.closed = true,
                _ => {}
            }
            read = &read[from + len..];
        }
        self.rest.extend_from_slice(read);
        brought
    }
}

/// The opcode of the frame at the beginning, where its payload begins, and how long that is.
fn header(read: &[u8]) -> Option<(u8, usize, usize)> {
    let (first, second) = (*read.first()?, *read.get(1)?);
    let (from, len) = match second & 0x7f {
        126 => (
            4,
            usize::from(u16::from_be_bytes(read.get(2..4)?.try_into().ok()?)),
        ),
        127 => (
            10,
            u64::from_be_bytes(read.get(2..10)?.try_into().ok()?) as usize,
        ),
        len => (2, usize::from(len)),
    };
    Some((first & 0x0f, from, len))
}

/// A connection of a back end that publishes, kept open.
pub(crate) struct Http {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Http {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            read: Vec::new(),
        })
    }

    /// Sends a whole request and waits for the whole answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<()> {
        self.ask_all(request, 1).await
    }

    /// The same for requests in a row, of which each is answered.
    pub(crate) async fn ask_all(&mut self, requests: &[u8], answers: usize) -> Result<()> {
        self.stream.write_all(requests).await?;
        self.read.clear();
        let (mut missing, mut from) = (answers, 0);
        loop {
            while let Some(end) = answer(&self.read[from..])? {
                (from, missing) = (from + end, missing - 1);
                if missing == 0 {
                    return Ok(());
                }
            }
            let count = self.stream.read_buf(&mut self.read).await?;
            if count == 0 {
                bail!("the connection was closed instead of an answer");
            }
        }
    }
}

/// Where the answer ends that begins here, if all of it is here. Fails when it says no.
fn answer(read: &[u8]) -> Result<Option<usize>> {
    let Some(end) = memchr::memmem::find(read, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let whole = end + 4 + length.unwrap_or(0_usize);
    let Some(body) = read.get(end + 4..whole) else {
        return Ok(None);
    };
    // Of several events that were published together each has its own answer.
    let is_refused = memchr::memmem::find(body, b"\"error\"").is_some();
    if !head.starts_with("http/1.1 2") || is_refused {
        let status = head.lines().next().unwrap_or_default();
        bail!("{status}: {}", String::from_utf8_lossy(body));
    }
    Ok(Some(whole))
}

/// A whole request with a JSON body.
pub(crate) fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_with_its_body_and_the_next_one_begins_there() {
        let first = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok";
        let both = [&first[..], b"HTTP/1.1 202 Accepted\r\n\r\n"].concat();
        assert_eq!(answer(&both).unwrap(), Some(first.len()));
        assert_eq!(answer(&both[first.len()..]).unwrap(), Some(25));
        for end in 0..first.len() {
            assert_eq!(answer(&first[..end]).unwrap(), None, "{end} bytes of it");
        }
    }

    #[test]
    fn what_was_not_published_is_no_success() {
        let body = r#"[{"id":1},{"error":{"code":"full"}}]"#;
        let refused = format!(
            "HTTP/1.1 201 Created\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        assert!(answer(refused.as_bytes()).is_err());
        let failed = b"HTTP/1.1 503 Service Unavailable\r\n\r\n";
        assert!(answer(failed).is_err());
    }

    #[test]
    fn a_frame_is_found_by_its_header() {
        assert_eq!(header(&[0x81, 5, b'h']), Some((TEXT, 2, 5)));
        assert_eq!(header(&[0x89, 126, 1, 0]), Some((PING, 4, 256)));
        let long = [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0];
        assert_eq!(header(&long), Some((TEXT, 10, 65_536)));
        assert_eq!(header(&long[..9]), None);
    }
}
