//! A TCP proxy: the network, with its ways to fail.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::watch,
    task::JoinHandle,
    time::sleep,
};

/// What the network does with connections, those that are open and those that are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Passes everything on.
    Works,
    /// Resets every connection.
    Resets,
    /// Takes what is sent and passes nothing on; also not that a side has closed. Neither notices.
    Swallows {
        /// What is sent to the target.
        up: bool,
        /// What the target sends.
        down: bool,
    },
    /// Passes everything on, so much later.
    Delays(Duration),
}

/// A proxy in front of `target`.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    network: watch::Sender<Network>,
    swallowed: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A proxy that passes everything on.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (network, watched) = watch::channel(Network::Works);
        let swallowed = Arc::<AtomicU64>::default();
        let task = tokio::spawn(accept(listener, target, watched, Arc::clone(&swallowed)));
        Self {
            address,
            network,
            swallowed,
            task,
        }
    }

    /// From now on the network does this.
    pub fn set(&self, network: Network) {
        self.network.send_replace(network);
    }

    /// How many bytes were swallowed.
    pub fn swallowed_bytes(&self) -> u64 {
        self.swallowed.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    network: watch::Receiver<Network>,
    swallowed: Arc<AtomicU64>,
) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        // A connection that is over leaves its place.
        while connections.try_join_next().is_some() {}
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        connections.spawn(forward(
            client,
            target,
            network.clone(),
            Arc::clone(&swallowed),
        ));
    }
}

async fn forward(
    client: TcpStream,
    target: SocketAddr,
    network: watch::Receiver<Network>,
    swallowed: Arc<AtomicU64>,
) {
    let _ = client.set_nodelay(true);
    if *network.borrow() == Network::Resets {
        let _ = client.set_zero_linger();
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = server.set_nodelay(true);
    let _ = client.set_zero_linger();
    let _ = server.set_zero_linger();
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    let up = |network| matches!(network, Network::Swallows { up: true, .. });
    let down = |network| matches!(network, Network::Swallows { down: true, .. });
    let mut resets = network.clone();
    tokio::select! {
        () = pump(client_reads, server_writes, network.clone(), up, &swallowed) => {}
        () = pump(server_reads, client_writes, network, down, &swallowed) => {}
        // Dropped with the linger of nought, both sides see a reset.
        _ = resets.wait_for(|network| *network == Network::Resets) => {}
    }
}

/// One direction of a connection, to its end.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut network: watch::Receiver<Network>,
    swallows: impl Fn(Network) -> bool,
    swallowed: &AtomicU64,
) {
    let mut bytes = vec![0; 16 << 10];
    // A stream with a hole in it is none: what comes after bytes that were swallowed is swallowed too.
    let mut has_hole = false;
    loop {
        let read = from.read(&mut bytes).await.unwrap_or(0);
        let now = *network.borrow();
        has_hole |= read > 0 && swallows(now);
        if read == 0 {
            // The news of the end is swallowed for as long as everything is.
            let _ = network.wait_for(|network| !swallows(*network)).await;
            return;
        }
        if has_hole {
            swallowed.fetch_add(read as u64, Ordering::Relaxed);
            continue;
        }
        if let Network::Delays(delay) = now {
            sleep(delay).await;
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
