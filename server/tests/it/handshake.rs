//! Before the upgrade: who may open a WebSocket at all.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::tungstenite::Error;

use crate::common::{SOON, Server, eventually, hello};

pub(crate) const UPGRADE: [(&str, &str); 4] = [
    ("connection", "keep-alive, Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// The upgrade's headers with one of them changed, or left out.
fn but(name: &str, value: Option<&'static str>) -> Vec<(&'static str, &'static str)> {
    UPGRADE
        .into_iter()
        .filter_map(|(is, was)| {
            if is == name {
                Some((is, value?))
            } else {
                Some((is, was))
            }
        })
        .collect()
}

#[tokio::test]
async fn the_handshake_is_that_of_the_rfc() {
    let server = Server::start().await;
    let response = server.request("GET", "/ws", &UPGRADE, "").await;
    assert_eq!(response.status, 101);
    // The worked example of RFC 6455, 1.3.
    assert_eq!(
        response.header("sec-websocket-accept"),
        Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    );
    assert_eq!(response.header("upgrade"), Some("websocket"));
    assert_eq!(response.header("sec-websocket-protocol"), None);
}

#[tokio::test]
async fn what_is_no_websocket_handshake_is_told_what_to_send() {
    let server = Server::start().await;
    let error =
        async |headers: &[(&str, &str)]| server.request("GET", "/ws", headers, "").await.error();
    let upgrade_required = (426, "upgrade_required".to_owned());
    assert_eq!(error(&[]).await, upgrade_required);
    assert_eq!(error(&but("upgrade", None)).await, upgrade_required);
    assert_eq!(
        error(&but("sec-websocket-version", Some("8"))).await,
        upgrade_required
    );
    let bad_handshake = (400, "bad_handshake".to_owned());
    assert_eq!(error(&but("sec-websocket-key", None)).await, bad_handshake);
    assert_eq!(
        error(&but("sec-websocket-key", Some("short"))).await,
        bad_handshake
    );
    let response = server.request("GET", "/ws", &[], "").await;
    assert_eq!(response.header("sec-websocket-version"), Some("13"));
}

#[tokio::test]
async fn the_subprotocol_is_answered_when_it_is_offered() {
    let server = Server::start().await;
    let offered = |protocol| [UPGRADE.as_slice(), &[("sec-websocket-protocol", protocol)]].concat();
    let response = server
        .request("GET", "/ws", &offered("other, tabwire.v1"), "")
        .await;
    assert_eq!(
        response.header("sec-websocket-protocol"),
        Some("tabwire.v1")
    );
    let response = server.request("GET", "/ws", &offered("other"), "").await;
    assert_eq!(response.error(), (400, "bad_handshake".to_owned()));
}

/// The status of a handshake from a page of this origin.
async fn status_for(server: &Server, origin: &str) -> u16 {
    match server.connect_with(&[("origin", origin)]).await {
        Ok(_) => 101,
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_not_connect() {
    let server = Server::start().await;
    let own = format!("http://{}", server.address);
    for (origin, status) in [
        (own.as_str(), 101),
        ("http://localhost:5173", 101),
        ("https://evil.example.com", 403),
        ("http://localhost.evil.example.com", 403),
        ("null", 403),
    ] {
        assert_eq!(status_for(&server, origin).await, status, "{origin}");
    }
}

#[tokio::test]
async fn with_an_allow_list_only_its_origins_may_connect() {
    let server = Server::flags(&["--allowed-origin", "https://app.example.com"]).await;
    let own = format!("http://{}", server.address);
    for (origin, status) in [
        ("https://app.example.com", 101),
        (own.as_str(), 403),
        ("http://localhost:5173", 403),
        ("https://app.example.com:8443", 403),
    ] {
        assert_eq!(status_for(&server, origin).await, status, "{origin}");
    }
    // What sends no origin is no page.
    assert!(server.connect_with(&[]).await.is_ok());
}

#[tokio::test]
async fn a_request_head_that_does_not_come_ends_the_connection() {
    let server = Server::with(&[], |config| {
        config.limits.header_timeout = Duration::from_millis(50);
    })
    .await;
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\n")
        .await
        .expect("it reads");
    let mut nothing = Vec::new();
    let ended = timeout(SOON, stream.read_to_end(&mut nothing)).await;
    assert!(
        ended
            .expect("it ends in time")
            .is_ok_and(|count| count == 0)
    );
}

#[tokio::test]
async fn what_comes_right_behind_the_handshake_is_read() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    let mut bytes = format!("GET /ws HTTP/1.1\r\nHost: {}\r\n", server.address);
    for (name, value) in UPGRADE {
        bytes += &format!("{name}: {value}\r\n");
    }
    bytes += "\r\n";
    let mut bytes = bytes.into_bytes();
    let hello = hello("u_101", "laptop").to_string();
    // A masked text frame; the mask is zero, so the text stands as it is.
    let len = u16::try_from(hello.len())
        .expect("a hello is short")
        .to_be_bytes();
    bytes.extend([0x81, 0x80 | 126, len[0], len[1], 0, 0, 0, 0]);
    bytes.extend(hello.as_bytes());
    stream.write_all(&bytes).await.expect("it reads");
    eventually("the session is there", || async {
        server.metric("tabwire_sessions").await == 1.0
    })
    .await;
}

#[tokio::test]
async fn one_http_connection_too_many_waits_until_another_ends_and_websockets_do_not_count() {
    let server = Server::with(&[], |config| config.limits.http_connections = 1).await;
    let (_session, _) = server.session().await;
    let idle = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    let waiting = server.get("/healthz");
    tokio::pin!(waiting);
    assert!(
        timeout(Duration::from_millis(200), waiting.as_mut())
            .await
            .is_err()
    );
    drop(idle);
    assert_eq!(waiting.await.status, 200);
}
