//! The floor of this stack: warp for the handshake, tungstenite on the upgraded stream, a broadcast channel per shop, and no logic: no
//! login, no ids, no replay, no filter, no limits.

use std::{
    collections::HashMap,
    env, io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
    upgrade::OnUpgrade,
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::broadcast,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message, Utf8Bytes,
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};
use warp::{Filter as _, Reply as _, http::StatusCode, reply::Response};

/// Messages that a slow client may be behind.
const BEHIND_MAX: usize = 1_024;
const BUFFER_BYTES: usize = 512;

type Shops = Arc<Mutex<HashMap<String, broadcast::Sender<Utf8Bytes>>>>;

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".into());
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(serve(&address))
}

async fn serve(address: &str) -> io::Result<()> {
    let shops = Shops::default();
    let of_sockets = Arc::clone(&shops);
    let socket = warp::path("ws")
        .and(warp::query::<HashMap<String, String>>())
        .and(warp::header("sec-websocket-key"))
        .and(warp::ext::get::<OnUpgrade>())
        .map(
            move |query: HashMap<String, String>, key: String, upgrade: OnUpgrade| {
                let inbox = shop(&of_sockets, &query).subscribe();
                tokio::spawn(client(upgrade, inbox));
                switching(&key)
            },
        );
    let publish = warp::path("publish")
        .and(warp::query::<HashMap<String, String>>())
        .and(warp::body::bytes())
        .map(move |query: HashMap<String, String>, body: Bytes| {
            let shop = shop(&shops, &query);
            for line in body.split(|byte| *byte == b'\n') {
                let _ = shop.send(String::from_utf8_lossy(line).into_owned().into());
            }
            StatusCode::OK.into_response()
        });
    let service = warp::service(socket.or(publish).unify().boxed());
    let listener =
        TcpListener::bind(address.parse::<SocketAddr>().map_err(io::Error::other)?).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let service = service.clone();
                let answer = async move { service.call(request).await };
                Box::pin(answer) as Pin<Box<dyn Future<Output = _> + Send>>
            });
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
                .await;
        });
    }
}

fn shop(shops: &Shops, query: &HashMap<String, String>) -> broadcast::Sender<Utf8Bytes> {
    let name = query.get("shop").cloned().unwrap_or_default();
    let mut shops = shops.lock().unwrap_or_else(PoisonError::into_inner);
    shops
        .entry(name)
        .or_insert_with(|| broadcast::channel(BEHIND_MAX).0)
        .clone()
}

fn switching(key: &str) -> Response {
    let answer = warp::reply::with_header(StatusCode::SWITCHING_PROTOCOLS, "upgrade", "websocket");
    let answer = warp::reply::with_header(answer, "connection", "upgrade");
    warp::reply::with_header(
        answer,
        "sec-websocket-accept",
        derive_accept_key(key.as_bytes()),
    )
    .into_response()
}

async fn client(upgrade: OnUpgrade, mut inbox: broadcast::Receiver<Utf8Bytes>) {
    let Ok(upgraded) = upgrade.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else {
        return;
    };
    let config = WebSocketConfig::default().read_buffer_size(BUFFER_BYTES);
    let stream = parts.io.into_inner();
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    loop {
        tokio::select! {
            message = inbox.recv() => match message {
                Ok(text) => if socket.send(Message::Text(text)).await.is_err() { return },
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            },
            read = socket.next() => if !matches!(read, Some(Ok(_))) { return },
        }
    }
}
