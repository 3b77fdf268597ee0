//! A WebSocket with the limits of this server: small buffers, a largest frame, and a time in which it must take what is written.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::{FutureExt, SinkExt, StreamExt};
use socket2::SockRef;
use tabwire_protocol::{Bye, CloseCode, Reaction, ServerFrame};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message, Utf8Bytes,
        error::{CapacityError, ProtocolError},
        protocol::{Role, WebSocketConfig},
    },
};

use super::sockets::{Closing, Handle};
use crate::{frame::Frame, limits::Limit, metrics::Metrics};

/// What the kernel may hold for a socket (it doubles this, for its own needs). Left alone it would hold megabytes for each slow
/// reader; and it says that there is room again only when a third of it is free, so a reader that takes less than that within the
/// write timeout would look like one that takes nothing.
const SEND_BUFFER_BYTES: usize = 64 << 10;
/// What is read at a time. Sockets are many and clients' frames small: this is most of what an idle socket costs.
const READ_BUFFER_BYTES: usize = 256;
/// How many frames are handed to the kernel at a time.
const FRAMES_AT_A_TIME: usize = 64;

/// How many frames are looked through for the end of a connection behind them.
const EARLY_FRAMES_MAX: usize = 8;

/// A WebSocket.
///
/// What comes is read, and pings are answered, by tungstenite. What is sent goes past it: the frames are the same for many sockets, and
/// one would be copied for each of them.
pub(crate) struct Socket {
    ws: WebSocketStream<Counted<TcpStream>>,
    /// What is still to be handed to the kernel.
    outgoing: VecDeque<Frame>,
    /// How much of the first of these it has. Until it has all of it nothing else may be written.
    begun_bytes: usize,
    /// What came before somebody wanted to read it.
    early: VecDeque<Incoming>,
    /// Whether everything that had come was read.
    is_read: bool,
    /// Whether an answer to a ping may be waiting to be written.
    owes_pong: bool,
    write_timeout: Duration,
    close_timeout: Duration,
    metrics: Arc<Metrics>,
}

/// What a socket is made with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SocketLimits {
    /// The largest frame that is read, in bytes.
    pub(crate) max_frame: usize,
    /// How long it may take no bytes while there are some for it.
    pub(crate) write_timeout: Duration,
    /// How long it has to answer a close.
    pub(crate) close_timeout: Duration,
}

/// What came from the other end.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A text frame.
    Text(Utf8Bytes),
    /// A sign of life: a ping or pong of the WebSocket's own.
    Alive,
    /// Something that gets the socket closed.
    Violation(Closing),
    /// The end.
    Gone,
}

/// The socket can't be written to any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

impl Socket {
    /// A socket after its handshake. `read` is what came behind the handshake.
    pub(crate) async fn new(
        stream: TcpStream,
        read: Vec<u8>,
        limits: SocketLimits,
        metrics: Arc<Metrics>,
    ) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            // An answer to a ping is written at once.
            .write_buffer_size(0)
            .max_message_size(Some(limits.max_frame))
            .max_frame_size(Some(limits.max_frame));
        // A kernel that refuses has a reason, and larger buffers.
        let _ = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER_BYTES);
        let stream = Counted { stream, written: 0 };
        let ws = WebSocketStream::from_partially_read(stream, read, Role::Server, Some(config));
        Self {
            ws: ws.await,
            outgoing: VecDeque::new(),
            begun_bytes: 0,
            early: VecDeque::new(),
            is_read: false,
            owes_pong: false,
            write_timeout: limits.write_timeout,
            close_timeout: limits.close_timeout,
            metrics,
        }
    }

    /// Whether the other end has gone, as far as can be known without waiting. What else has come is kept.
    pub(crate) fn is_gone(&mut self) -> bool {
        while self.early.len() < EARLY_FRAMES_MAX {
            match self.receive().now_or_never() {
                Some(Incoming::Gone) => return true,
                Some(incoming) => {
                    // Behind a violation everything looks gone; it is to be answered.
                    let is_last = matches!(incoming, Incoming::Violation(_));
                    self.early.push_back(incoming);
                    if is_last {
                        break;
                    }
                }
                None => break,
            }
        }
        false
    }

    /// The next that comes. Dropping the future loses nothing.
    pub(crate) async fn read(&mut self) -> Incoming {
        match self.early.pop_front() {
            Some(incoming) => incoming,
            None => self.receive().await,
        }
    }

    async fn receive(&mut self) -> Incoming {
        match poll_fn(|cx| self.poll_next(cx)).await {
            Some(Ok(Message::Text(text))) => {
                self.metrics.frames_received.inc();
                Incoming::Text(text)
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Incoming::Alive,
            Some(Ok(Message::Binary(_))) => {
                violation(CloseCode::Malformed, "frames are text, not binary")
            }
            Some(Err(tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. }))) => {
                self.metrics.limited(Limit::MaxFrame);
                violation(CloseCode::TooLarge, "the frame is larger than maxFrame")
            }
            Some(Err(tungstenite::Error::Protocol(error)))
                if error != ProtocolError::ResetWithoutClosingHandshake =>
            {
                violation(CloseCode::Malformed, error.to_string())
            }
            Some(Err(tungstenite::Error::Utf8(error))) => violation(CloseCode::Malformed, error),
            Some(Ok(Message::Close(_))) => {
                // The answer to it is waiting to be written. A box: few sessions are at their end.
                let _ = Box::pin(timeout(self.close_timeout, self.ws.flush())).await;
                Incoming::Gone
            }
            Some(Ok(Message::Frame(_)) | Err(_)) | None => Incoming::Gone,
        }
    }

    /// The next message. A session is woken for each event and its client hardly says anything, so the WebSocket is asked only when
    /// the system has something for it.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<tungstenite::Result<Message>>> {
        if self.is_read && self.ws.get_ref().stream.poll_read_ready(cx).is_pending() {
            return Poll::Pending;
        }
        let polled = self.ws.poll_next_unpin(cx);
        // An answer to a ping goes out with the next question, if not with what is written.
        self.owes_pong |= matches!(polled, Poll::Ready(Some(Ok(Message::Ping(_)))));
        self.is_read = polled.is_pending() && !self.owes_pong;
        polled
    }

    /// Has a frame written with the next [`Self::flush`].
    pub(crate) fn push(&mut self, frame: Frame) {
        self.metrics.frames_sent.inc();
        self.metrics.bytes_sent.inc_by(frame.payload().len() as u64);
        self.outgoing.push_back(frame);
    }

    /// Whether there is something for the next [`Self::flush`].
    pub(crate) fn has_outgoing(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Hands everything to the kernel. For as long as the other end takes some of it, it may take its time.
    ///
    /// # Errors
    /// When the other end has gone, takes nothing, or the socket is to be closed meanwhile.
    pub(crate) async fn flush(&mut self, handle: &Handle) -> Result<(), Gone> {
        self.metrics.writes.inc();
        // Mostly the kernel has room: then no clock is asked, and no timer set.
        let before = self.ws.get_ref().written;
        match poll_fn(|cx| Poll::Ready(self.poll_write(cx))).await {
            Poll::Ready(written) => written,
            // A box: those who wait are few, and it would be part of all.
            Poll::Pending => Box::pin(self.flush_in_time(before, handle)).await,
        }
    }

    /// Goes on with a flush that began when so many bytes had been written.
    async fn flush_in_time(&mut self, mut before: u64, handle: &Handle) -> Result<(), Gone> {
        loop {
            let write_timeout = self.write_timeout;
            let written = tokio::select! {
                // First the write: what the kernel has room for goes out even when the socket is about to be closed.
                biased;
                written = timeout(write_timeout, poll_fn(|cx| self.poll_write(cx))) => written,
                () = handle.closed() => return Err(Gone),
            };
            match written {
                Ok(written) => return written,
                Err(_) if self.ws.get_ref().written > before => before = self.ws.get_ref().written,
                Err(_) => {
                    self.metrics.limited(Limit::WriteTimeout);
                    return Err(Gone);
                }
            }
        }
    }

    /// Whoever stops asking loses nothing: how much of a frame was written is known.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        if self.owes_pong {
            // Nothing is read, so no ping comes, while a frame is only begun.
            ready!(self.ws.poll_flush_unpin(cx)).map_err(|_| Gone)?;
            self.owes_pong = false;
        }
        while let Some(first) = self.outgoing.front() {
            let stream = Pin::new(self.ws.get_mut());
            let first = &first.wire()[self.begun_bytes..];
            let written = if self.outgoing.len() == 1 {
                stream.poll_write(cx, first)
            } else {
                let mut slices = [IoSlice::new(&[]); FRAMES_AT_A_TIME];
                let frames =
                    std::iter::once(first).chain(self.outgoing.iter().skip(1).map(Frame::wire));
                for (slice, frame) in slices.iter_mut().zip(frames) {
                    *slice = IoSlice::new(frame);
                }
                let count = self.outgoing.len().min(FRAMES_AT_A_TIME);
                stream.poll_write_vectored(cx, &slices[..count])
            };
            match ready!(written) {
                Ok(0) | Err(_) => return Poll::Ready(Err(Gone)),
                Ok(bytes) => self.wrote(bytes),
            }
        }
        // Not kept: what the allocator gives next time was used by another socket just before, and is still in the processor's cache.
        self.outgoing = VecDeque::new();
        Poll::Ready(Ok(()))
    }

    /// Takes out what the kernel has taken.
    fn wrote(&mut self, bytes: usize) {
        self.begun_bytes += bytes;
        while let Some(first) = self.outgoing.front()
            && first.wire().len() <= self.begun_bytes
        {
            self.begun_bytes -= first.wire().len();
            self.outgoing.pop_front();
        }
    }

    /// Says goodbye and closes. What was still to be written is dropped.
    pub(crate) async fn close(mut self, closing: Closing) {
        self.metrics.closed(closing.code.code());
        let bye = ServerFrame::Bye(Bye {
            code: closing.code.code(),
            retry: matches!(
                closing.code.reaction(),
                Reaction::Retry | Reaction::NewToken
            ),
            after_ms: closing.after_ms,
        });
        // But the rest of a frame that was begun is not: what follows would be taken for it.
        self.outgoing.truncate(usize::from(self.begun_bytes > 0));
        self.push(Frame::text(&bye.encode()));
        self.outgoing
            .push_back(Frame::close(closing.code.code(), &closing.reason));
        let close_timeout = self.close_timeout;
        let last_words = async {
            poll_fn(|cx| self.poll_write(cx)).await?;
            // Unlike the WebSocket's own farewell this does not try to understand what still comes: a frame that was refused
            // for its size would have to be read to its end. But it must be taken, or the kernel would answer it with a reset,
            // which may overtake the goodbye.
            let stream = &mut self.ws.get_mut().stream;
            stream.shutdown().await.map_err(|_| Gone)?;
            let mut ignored = [0; 1_024];
            while stream.read(&mut ignored).await.map_err(|_| Gone)? > 0 {}
            Ok::<_, Gone>(())
        };
        // Whether it heard that or not: the connection ends here.
        let _ = timeout(close_timeout, last_words).await;
    }
}

fn violation(code: CloseCode, reason: impl Into<String>) -> Incoming {
    Incoming::Violation(Closing::new(code, reason))
}

/// A stream that counts what it has taken: the difference between slow and stuck.
struct Counted<S> {
    stream: S,
    written: u64,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        if let Poll::Ready(Ok(written)) = &polled {
            self.written += *written as u64;
        }
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        if let Poll::Ready(Ok(written)) = &polled {
            self.written += *written as u64;
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
