//! Clients that send what no client would.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tabwire_faults::{
    ledger::Who, node::Node, random::Random, scale::size, stage::Stage, token::token, until::SOON,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{client_async, tungstenite::Message};

#[tokio::test]
async fn garbage_ends_the_connection_it_came_on_and_nothing_else() {
    let node = Node::start(&["--hello-timeout", "1s"]).await;
    let mut stage = Stage::new("clients send garbage", &[&node]);
    stage.enter(20);
    stage.publish().await;
    for (nth, (frames, code)) in frames().into_iter().enumerate() {
        let closed = closed(node.address, nth, &frames).await;
        assert_eq!(closed, code, "{:.80}", format!("{frames:?}"));
    }
    let mut random = Random::fresh();
    for _ in 0..size(50, 2_000) {
        noise(node.address, &mut random).await;
        stage.failures.check();
    }
    stage.flows().await;
    for client in &stage.clients {
        assert!(client.history().closes.is_empty());
    }
    stage.verdict(&[&node]).await;
}

/// What is sent, and the close that it gets.
fn frames() -> Vec<(Vec<Message>, u16)> {
    let text = |text: &str| Message::text(text.to_owned());
    let many = |count: usize| vec![text(r#"{"t":"ping"}"#); count];
    let mut cases: Vec<(Vec<Message>, u16)> = [
        "",
        "no JSON",
        "[]",
        "null",
        "{}",
        r#"{"t":7}"#,
        r#"{"t":"ping"}"#,
        r#"{"t":"hello","v":1}"#,
        r#"{"t":"hello","v":1,"token":"x","device":"a b"}"#,
        r#"{"t":"hello","v":-1,"token":"x","device":"d"}"#,
        r#"{"t":"hello","v":1,"token":"x","device":"d","lastEventId":4}"#,
        r#"{"t":"request_sync","ref":1,"epoch":"e","view":"v","lastEventId":1}"#,
    ]
    .map(|frame| (vec![text(frame)], 4400))
    .into();
    cases.extend([
        (
            vec![text(r#"{"t":"hello","v":99,"token":"x","device":"d"}"#)],
            4426,
        ),
        (
            vec![text(r#"{"t":"hello","v":1,"token":"x","device":"d"}"#)],
            4401,
        ),
        (vec![Message::binary(vec![0, 159, 146, 150])], 4400),
        (vec![text(&"[".repeat(60_000))], 4400),
        (vec![text(&"x".repeat(70_000))], 4413),
        // A silent one.
        (vec![], 4408),
    ]);
    let after_hello = [
        (vec![text("{")], 4400),
        (vec![Message::binary(vec![1])], 4400),
        (vec![text("HELLO")], 4400),
        (vec![text(r#"{"t":"request_sync","ref":-1}"#)], 4400),
        (
            vec![text(
                r#"{"t":"request_sync","ref":1,"epoch":"e","view":"v","lastEventId":9007199254740993}"#,
            )],
            4400,
        ),
        (vec![text(r#"{"t":"pong","lastEventId":"1"}"#)], 4400),
        (
            vec![text(&format!(
                r#"{{"t":"renew","token":"{}"}}"#,
                "x".repeat(70_000)
            ))],
            4413,
        ),
        (many(600), 4429),
    ];
    cases.extend(after_hello.into_iter().map(|(mut frames, code)| {
        frames.insert(0, text("HELLO"));
        (frames, code)
    }));
    cases
}

/// The code a connection is closed with that sends these frames; `HELLO` stands for a good one.
async fn closed(address: SocketAddr, nth: usize, frames: &[Message]) -> u16 {
    let who = Who {
        user: format!("garbage_{nth}"),
        shop: "s_1".to_owned(),
        modules: vec!["orders"],
    };
    let hello = format!(
        r#"{{"t":"hello","v":1,"token":"{}","device":"d"}}"#,
        token(&who)
    );
    let stream = TcpStream::connect(address)
        .await
        .expect("the node takes connections");
    let (mut socket, _) = client_async(format!("ws://{address}/ws"), stream)
        .await
        .expect("the handshake succeeds");
    for frame in frames {
        let is_hello = *frame == Message::text("HELLO");
        let frame = if is_hello {
            Message::text(hello.clone())
        } else {
            frame.clone()
        };
        // A node that has closed meanwhile says so in what it sends.
        let _ = socket.send(frame).await;
    }
    let reading = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(frame))) => {
                    return frame.map_or(1005, |frame| frame.code.into());
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return 1006,
            }
        }
    };
    timeout(SOON, reading).await.expect("the connection ends")
}

/// Bytes that are no HTTP, or a handshake and then bytes that are no WebSocket.
async fn noise(address: SocketAddr, random: &mut Random) {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the node takes connections");
    if random.percent(50) {
        let handshake = format!(
            "GET /ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream
            .write_all(handshake.as_bytes())
            .await
            .expect("it is read");
    }
    let length = 1 + random.below(4_000);
    let bytes: Vec<u8> = (0..length).map(|_| random.below(256) as u8).collect();
    // The node may close before it has read everything.
    let _ = stream.write_all(&bytes).await;
    let _ = stream.shutdown().await;
    let mut rest = Vec::new();
    let end = timeout(SOON, stream.read_to_end(&mut rest)).await;
    assert!(
        end.is_ok(),
        "the connection stays open after {length} bytes of noise"
    );
}
