//! `GET /ws`: from HTTP to a WebSocket.
//!
//! warp has a filter for this, but its sockets can't be given a buffer of our size, copy each text per recipient and outlive the
//! server. So the handshake is ours: hyper gives the connection, tungstenite the accept key.

use std::sync::Arc;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tabwire_protocol::SUBPROTOCOL;
use tokio::{net::TcpStream, sync::Semaphore};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use warp::{
    Filter, Reply,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
};

use super::{Answer, PeerAddr, Route, client, cors::is_localhost, error::ApiError, respond, with};
use crate::{
    clock,
    config::Config,
    limits::Limit,
    node::{Backend, Node},
    session,
};

pub(super) fn route<B: Backend>(node: &Arc<Node<B>>) -> Route {
    let pending = Arc::new(Semaphore::new(node.config.limits.pending));
    warp::path!("ws")
        .and(warp::get())
        .and(with(node))
        .and(with(&pending))
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<PeerAddr>())
        .and(warp::ext::optional::<OnUpgrade>())
        .map(|node, pending, headers, peer, upgrade| {
            respond(answer(&node, pending, &headers, peer, upgrade))
        })
        .boxed()
}

fn answer<B: Backend>(
    node: &Arc<Node<B>>,
    pending: Arc<Semaphore>,
    headers: &HeaderMap,
    PeerAddr(peer): PeerAddr,
    upgrade: Option<OnUpgrade>,
) -> Answer {
    let accept = accept_key(headers)?;
    let subprotocol = subprotocol(headers)?;
    if !is_allowed_origin(&node.config, headers) {
        let message = "pages of this origin may not connect: see --allowed-origin";
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "forbidden_origin",
            message,
        ));
    }
    // Until then load balancers may not have seen that it is unready.
    if node.closed.is_cancelled() {
        return Err(ApiError::unavailable("the server is about to end"));
    }
    let address = client::address(peer, headers, &node.config.trusted_proxies);
    let of_address = node
        .addresses
        .open(address, clock::now())
        .map_err(|limit| {
            node.limited(limit, address);
            ApiError::too_many(match limit {
                Limit::MaxConnectionsPerAddress => "this address has too many connections",
                _ => "this address connects too often",
            })
        })?;
    let Some(handle) = node.sockets.open() else {
        node.limited(Limit::MaxConnections, address);
        return Err(ApiError::unavailable("too many connections"));
    };
    let Ok(pending) = pending.try_acquire_owned() else {
        node.limited(Limit::MaxPending, address);
        let message = "too many connections have not said hello yet";
        return Err(ApiError::unavailable(message));
    };
    tracing::debug!(socketId = %handle.id(), %address, "connects");
    let upgrade = upgrade.ok_or_else(|| not_an_upgrade("this connection can't be upgraded"))?;

    let serving = Arc::clone(node);
    node.tasks.spawn(async move {
        match upgrade.await {
            Ok(upgraded) => {
                let (stream, read) = into_parts(upgraded);
                session::serve(serving, stream, read, handle, pending).await;
            }
            Err(error) => tracing::debug!(%error, "a connection ended in its handshake"),
        }
        drop(of_address);
    });

    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    if let Some(subprotocol) = subprotocol {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    Ok(response)
}

/// The bare connection, and what has been read of it already. What hyper held besides, 8 KiB of buffer, goes.
fn into_parts(upgraded: Upgraded) -> (TcpStream, Vec<u8>) {
    let parts = upgraded.downcast::<TokioIo<TcpStream>>();
    let parts = parts.expect("the accept loop serves nothing but TCP streams");
    (parts.io.into_inner(), parts.read_buf.to_vec())
}

/// The answer to the key of a handshake (RFC 6455, 4.2).
fn accept_key(headers: &HeaderMap) -> Result<HeaderValue, ApiError> {
    if !has_token(headers, &header::CONNECTION, "upgrade")
        || !has_token(headers, &header::UPGRADE, "websocket")
    {
        return Err(not_an_upgrade("this path is a WebSocket"));
    }
    if !has_token(headers, &header::SEC_WEBSOCKET_VERSION, "13") {
        return Err(not_an_upgrade(
            "version 13 of the WebSocket protocol is spoken here",
        ));
    }
    // 16 bytes in base64. What they are is the client's matter.
    let key = headers.get(header::SEC_WEBSOCKET_KEY);
    let Some(key) = key.filter(|key| key.len() == 24) else {
        let message = "Sec-WebSocket-Key: it is missing or wrong";
        return Err(ApiError::bad_request("bad_handshake", message));
    };
    let accept = derive_accept_key(key.as_bytes());
    Ok(HeaderValue::from_str(&accept).expect("base64 is visible ASCII"))
}

fn not_an_upgrade(message: &str) -> ApiError {
    ApiError::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", message)
}

/// The subprotocol to answer; none offered, none answered.
fn subprotocol(headers: &HeaderMap) -> Result<Option<HeaderValue>, ApiError> {
    if !headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL) {
        return Ok(None);
    }
    if has_token(headers, &header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        return Ok(Some(HeaderValue::from_static(SUBPROTOCOL)));
    }
    // A browser would drop the connection when none of those it offered is answered. This says why.
    let message = format!("Sec-WebSocket-Protocol: only {SUBPROTOCOL} is spoken here");
    Err(ApiError::bad_request("bad_handshake", message))
}

/// Whether one of the header's values, which are separated by commas, is this one.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(token))
}

/// Whether the page that connects may do so. What sends no origin is no page.
fn is_allowed_origin(config: &Config, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let origin = origin.to_ascii_lowercase();
    if !config.allowed_origins.is_empty() {
        return config.allowed_origins.contains(&origin);
    }
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    is_localhost(&origin)
        || host.is_some_and(|host| authority == Some(host.to_ascii_lowercase().as_str()))
}
