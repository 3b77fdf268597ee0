//! The checking client, shown to servers that lie: what it does not notice, no scenario would.

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tabwire_faults::{
    client::{Client, Habits},
    failures::Failures,
    ledger::Who,
    until::{SOON, until},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
        http::HeaderValue,
    },
};

/// What a server says after each hello, connection by connection; after the last it says nothing more.
struct Liar {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Liar {
    async fn start(connections: Vec<Vec<Value>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let task = tokio::spawn(async move {
            let count = connections.len();
            for (nth, frames) in connections.into_iter().enumerate() {
                let (stream, _) = listener.accept().await.expect("somebody comes");
                let mut socket = accept(stream).await;
                socket.next().await.expect("a hello").expect("a hello");
                for frame in frames {
                    socket
                        .send(Message::text(frame.to_string()))
                        .await
                        .expect("it reads");
                }
                if nth + 1 == count {
                    stay(socket).await;
                }
            }
        });
        Self { address, task }
    }
}

#[expect(
    clippy::result_large_err,
    reason = "the error is what the library takes, and there is none"
)]
async fn accept(stream: TcpStream) -> WebSocketStream<TcpStream> {
    let protocol = |_: &Request, mut response: Response| {
        let protocol = HeaderValue::from_static(tabwire_protocol::SUBPROTOCOL);
        response
            .headers_mut()
            .insert("sec-websocket-protocol", protocol);
        Ok(response)
    };
    let socket = accept_hdr_async(stream, protocol).await;
    socket.expect("it is a WebSocket")
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn stay(mut socket: WebSocketStream<TcpStream>) {
    while let Some(Ok(_)) = socket.next().await {}
}

fn client(server: &Liar, failures: &Failures) -> Client {
    let who = Who {
        user: "u".to_owned(),
        shop: "s".to_owned(),
        modules: vec!["orders"],
    };
    Client::start(
        who,
        vec![server.address],
        0,
        Habits::default(),
        failures.clone(),
    )
}

fn welcome(resume: &str, epoch: &str, at: u64) -> Value {
    json!({"t": "welcome", "v": 1, "socketId": "x", "userId": "u", "shopId": "s", "modules": ["orders"], "types": {},
        "epoch": epoch, "view": "v", "resume": resume, "at": at, "claim": 1, "now": 1, "expiresAt": 2, "pingMs": 25_000,
        "maxFrame": 65_536, "features": []})
}

fn event(prev: u64, id: u64, module: &str) -> Value {
    json!({"t": "event", "id": id, "prev": prev, "type": "order_created", "module": module, "scope": {"shopId": "s"},
        "payload": {"n": id}, "timestamp": 1})
}

/// What the client says is wrong with a server that says this.
async fn wrong(connections: Vec<Vec<Value>>) -> String {
    let server = Liar::start(connections).await;
    let failures = Failures::default();
    let _client = client(&server, &failures);
    until("the client notices", SOON, async || {
        failures.found().first().cloned()
    })
    .await
}

#[tokio::test]
async fn a_duplicate_is_noticed() {
    let frames = vec![
        welcome("fresh", "e", 5),
        event(5, 6, "orders"),
        event(5, 6, "orders"),
    ];
    assert!(wrong(vec![frames]).await.contains("a duplicate"));
}

#[tokio::test]
async fn an_event_before_the_cursor_is_noticed() {
    let frames = vec![welcome("fresh", "e", 5), event(3, 4, "orders")];
    assert!(wrong(vec![frames]).await.contains("a duplicate"));
}

#[tokio::test]
async fn an_event_of_a_module_that_is_not_the_users_is_noticed() {
    let frames = vec![welcome("fresh", "e", 5), event(5, 6, "chat")];
    assert!(wrong(vec![frames]).await.contains("module"));
}

#[tokio::test]
async fn a_replay_of_another_log_is_noticed() {
    let first = vec![welcome("fresh", "e", 5), event(5, 6, "orders")];
    let second = vec![welcome("replay", "f", 9)];
    assert!(wrong(vec![first, second]).await.contains("another log"));
}

#[tokio::test]
async fn a_cursor_that_is_passed_over_is_noticed() {
    let first = vec![welcome("fresh", "e", 5), event(5, 6, "orders")];
    let second = vec![welcome("fresh", "e", 9)];
    assert!(wrong(vec![first, second]).await.contains("passed over"));
}

#[tokio::test]
async fn a_refresh_that_was_announced_and_does_not_come_is_noticed() {
    let first = vec![welcome("fresh", "e", 5), event(5, 6, "orders")];
    let second = vec![welcome("full_refresh", "e", 9), event(9, 10, "orders")];
    assert!(
        wrong(vec![first, second])
            .await
            .contains("before the refresh")
    );
}

#[tokio::test]
async fn a_gap_is_not_applied_and_is_counted() {
    let frames = vec![
        welcome("fresh", "e", 5),
        event(5, 6, "orders"),
        event(7, 8, "orders"),
        json!({"t": "ping", "prev": 8, "upTo": 20}),
    ];
    let server = Liar::start(vec![frames]).await;
    let failures = Failures::default();
    let client = client(&server, &failures);
    until("the gaps are counted", SOON, async || {
        (client.history().gaps == 2).then_some(())
    })
    .await;
    let history = client.history();
    let now = history.now().expect("it was welcomed");
    assert_eq!((now.last, now.delivered.as_slice()), (6, &[(6, 6)][..]));
    assert!(failures.found().is_empty());
}

#[tokio::test]
async fn a_bye_decides_over_the_code_that_follows_and_the_client_comes_back_when_it_was_told() {
    let first = vec![
        welcome("fresh", "e", 5),
        json!({"t": "bye", "code": 1012, "retry": true, "afterMs": 1_500}),
    ];
    let second = vec![
        welcome("replay", "e", 5),
        json!({"t": "synced", "prev": 5, "upTo": 5}),
    ];
    let server = Liar::start(vec![first, second]).await;
    let failures = Failures::default();
    let client = client(&server, &failures);
    until("the client is back", SOON, async || {
        client.history().returns.first().copied()
    })
    .await;
    let history = client.history();
    assert_eq!(history.closes.get(&1012), Some(&1), "{history:?}");
    assert!(
        history.returns[0].away >= Duration::from_millis(1_500),
        "{history:?}"
    );
}
