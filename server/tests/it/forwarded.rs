//! Who connects, behind proxies: `X-Forwarded-For` of those that are trusted.

use std::net::Ipv4Addr;

use tokio_tungstenite::tungstenite::Error;

use crate::common::{Client, LOCALHOST, Server};

const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A server on which each address may have one connection.
async fn server(flags: &[&str]) -> Server {
    Server::flags(&[&["--max-connections-per-address", "1"], flags].concat()).await
}

/// A connection from an address, through proxies that wrote this.
async fn open(server: &Server, from: Ipv4Addr, forwarded: &[&str]) -> Result<Client, u16> {
    let headers: Vec<_> = forwarded
        .iter()
        .map(|value| ("x-forwarded-for", *value))
        .collect();
    let url = format!("ws://{}/ws", server.address);
    match Client::open(server.address, from, &url, &headers).await {
        Ok(client) => Ok(client),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn those_behind_a_trusted_proxy_are_told_apart() {
    let server = server(&[
        "--trusted-proxy",
        "127.0.0.2",
        "--trusted-proxy",
        "10.0.0.0/8",
    ])
    .await;
    let _one = open(&server, PROXY, &["203.0.113.7"])
        .await
        .expect("the first of its address");
    for again in [
        &["203.0.113.7"][..],
        // Made up by the client.
        &["198.51.100.1, 203.0.113.7"],
        &["198.51.100.1", "203.0.113.7:4711, 10.0.0.9"],
    ] {
        assert_eq!(
            open(&server, PROXY, again).await.err(),
            Some(429),
            "{again:?}"
        );
    }
    let _two = open(&server, PROXY, &["203.0.113.8"])
        .await
        .expect("another");
    let _three = open(&server, PROXY, &["203.0.113.7, [2001:db8::1]:4711"])
        .await
        .expect("another");
    let _four = open(&server, PROXY, &["203.0.113.9, nonsense"])
        .await
        .expect("the proxy itself");
    assert_eq!(open(&server, PROXY, &[]).await.err(), Some(429));
}

#[tokio::test]
async fn who_is_not_trusted_may_write_what_it_likes() {
    let server = server(&["--trusted-proxy", "127.0.0.2"]).await;
    let _one = open(&server, LOCALHOST, &["203.0.113.7"])
        .await
        .expect("the first");
    assert_eq!(
        open(&server, LOCALHOST, &["203.0.113.8"]).await.err(),
        Some(429)
    );
    let server = self::server(&[]).await;
    let _one = open(&server, PROXY, &["203.0.113.7"])
        .await
        .expect("the first");
    assert_eq!(
        open(&server, PROXY, &["203.0.113.8"]).await.err(),
        Some(429)
    );
}
