//! A server in this process on a free port, and clients that see every byte of the protocol.

use std::{
    env,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tabwire_server::{
    Listeners,
    config::{Config, Flags},
    redis::testing,
    run,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, protocol::CloseFrame},
};

use crate::openapi;

/// What everything that should come soon may take, on a machine that is busy.
pub(crate) const SOON: Duration = Duration::from_secs(10);
pub(crate) const LOCALHOST: Ipv4Addr = Ipv4Addr::LOCALHOST;
pub(crate) const PUBLISH_KEY: &str = "the-publish-key";
const SECRET: &str = "a secret of the tests, 32 bytes.";
const EVENTS: &str = r#"{
    "order_created": "orders",
    "chat_message": {"module": "chat", "from": "client"},
    "order_placed": {"module": "orders", "from": "client"}
}"#;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) admin: Option<SocketAddr>,
    shutdown: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
}

/// With `TABWIRE_TEST_LOG=redis` every server of the tests that may has its log in Redis, each under a prefix of its own.
fn redis_flags(flags: &[&str]) -> Vec<String> {
    let has_one = flags.contains(&"--redis") || flags.contains(&"--demo");
    if has_one || env::var("TABWIRE_TEST_LOG").as_deref() != Ok("redis") {
        return Vec::new();
    }
    let redis = testing::shared().expect("it was asked for, so it must be installed");
    let words = ["--redis", &redis.url(), "--prefix", &testing::prefix()];
    words.map(str::to_owned).to_vec()
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(&[], |_| {}).await
    }

    pub(crate) async fn flags(flags: &[&str]) -> Self {
        Self::with(flags, |_| {}).await
    }

    /// A server with these flags, and with what can't be a flag changed.
    pub(crate) async fn with(flags: &[&str], change: impl FnOnce(&mut Config)) -> Self {
        Self::build(&["--jwt-secret", SECRET], flags, change).await
    }

    /// A server that takes no tokens but by the keys of these flags.
    pub(crate) async fn without_secret(flags: &[&str], change: impl FnOnce(&mut Config)) -> Self {
        Self::build(&[], flags, change).await
    }

    async fn build(keys: &[&str], flags: &[&str], change: impl FnOnce(&mut Config)) -> Self {
        let redis = redis_flags(flags);
        let redis: Vec<&str> = redis.iter().map(String::as_str).collect();
        Self::run(&[keys, &redis, flags].concat(), change).await
    }

    /// A server in memory, whatever the other tests have.
    pub(crate) async fn in_memory(flags: &[&str], change: impl FnOnce(&mut Config)) -> Self {
        Self::run(&[&["--jwt-secret", SECRET], flags].concat(), change).await
    }

    async fn run(flags: &[&str], change: impl FnOnce(&mut Config)) -> Self {
        let own = ["tabwire-server", "--publish-key", PUBLISH_KEY];
        let flags =
            Flags::try_parse_from(own.iter().chain(flags)).expect("the test's flags are right");
        let (is_demo, has_admin) = (flags.demo, flags.admin_listen.is_some());
        let mut config = Config::new(flags).expect("the test's flags are right");
        if !is_demo {
            config.types = tabwire_server::types::EventTypes::parse(EVENTS).expect("it is right");
        }
        // Clients that don't close are not waited for in every test.
        config.limits.close_timeout = Duration::from_millis(500);
        change(&mut config);
        let public = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = public.local_addr().expect("it is bound");
        let admin = match has_admin {
            true => Some(TcpListener::bind("127.0.0.1:0").await.expect("a free port")),
            false => None,
        };
        let admin_address = admin
            .as_ref()
            .map(|admin| admin.local_addr().expect("it is bound"));
        let (shutdown, shut_down) = oneshot::channel();
        let task = tokio::spawn(run(Listeners { public, admin }, config, async {
            // A test that ends without a word drops the sender: the server ends with its runtime.
            if shut_down.await.is_err() {
                std::future::pending().await
            }
        }));
        Self {
            address,
            admin: admin_address,
            shutdown: Some(shutdown),
            task: Some(task),
        }
    }

    /// Tells the server to end.
    pub(crate) fn shut_down(&mut self) {
        let shutdown = self.shutdown.take().expect("it is told once");
        shutdown.send(()).expect("the server runs");
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) {
        let task = self.task.take().expect("it ends once");
        timeout(SOON, task)
            .await
            .expect("it ends in time")
            .expect("it does not panic");
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request("GET", path, &[], "").await
    }

    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let response = request(self.address, method, path, headers, body.as_bytes()).await;
        openapi::hold(method, path, &response);
        response
    }

    /// A request of a back end.
    pub(crate) async fn as_publisher(&self, method: &str, path: &str) -> Response {
        let key = format!("Bearer {PUBLISH_KEY}");
        self.request(method, path, &[("authorization", &key)], "")
            .await
    }

    /// `POST /events` of a back end.
    pub(crate) async fn post(&self, body: &str, headers: &[(&str, &str)]) -> Response {
        let key = format!("Bearer {PUBLISH_KEY}");
        let own = [
            ("authorization", key.as_str()),
            ("content-type", "application/json"),
        ];
        self.request("POST", "/events", &[&own, headers].concat(), body)
            .await
    }

    /// Publishes an order to everybody in `s_1`.
    pub(crate) async fn publish(&self, payload: Value) -> u64 {
        self.publish_event(
            json!({"type": "order_created", "scope": {"shopId": "s_1"}, "payload": payload}),
        )
        .await
    }

    pub(crate) async fn publish_event(&self, event: Value) -> u64 {
        let response = self.post(&event.to_string(), &[]).await;
        assert_eq!(response.status, 201, "{}", response.text());
        response.json()["id"].as_u64().expect("an id")
    }

    /// Publishes so many orders.
    pub(crate) async fn publish_many(&self, count: usize, payload: &Value) {
        let event =
            json!({"type": "order_created", "scope": {"shopId": "s_1"}, "payload": payload});
        for start in (0..count).step_by(100) {
            let events = vec![event.clone(); (count - start).min(100)];
            let response = self.post(&Value::from(events).to_string(), &[]).await;
            assert_eq!(response.status, 201, "{}", response.text());
        }
    }

    /// A WebSocket that has not said anything.
    pub(crate) async fn connect(&self) -> Client {
        self.connect_with(&[])
            .await
            .expect("the handshake succeeds")
    }

    pub(crate) async fn connect_with(
        &self,
        headers: &[(&'static str, &str)],
    ) -> Result<Client, tokio_tungstenite::tungstenite::Error> {
        let url = format!("ws://{}/ws", self.address);
        Client::open(self.address, LOCALHOST, &url, headers).await
    }

    /// What a hello gets: the code that it is closed with, or none when it is welcomed.
    pub(crate) async fn refusal(&self, hello: Value) -> Option<u64> {
        let mut client = self.connect().await;
        client.send(hello).await;
        let answer = client.frame().await;
        assert!(
            matches!(answer["t"].as_str(), Some("welcome" | "bye")),
            "{answer}"
        );
        answer["code"].as_u64()
    }

    /// A session of `u_101` with both modules, and its welcome.
    pub(crate) async fn session(&self) -> (Client, Value) {
        self.welcomed(hello("u_101", "laptop")).await
    }

    pub(crate) async fn welcomed(&self, hello: Value) -> (Client, Value) {
        let mut client = self.connect().await;
        client.send(hello).await;
        let welcome = client.frame().await;
        assert_eq!(welcome["t"], "welcome", "{welcome}");
        (client, welcome)
    }

    /// What `/metrics` says of a name (with its labels).
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").await.text();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().expect("a number"))
    }
}

pub(crate) struct Client {
    ws: WebSocketStream<TcpStream>,
}

impl Client {
    /// Opens what an URL names, wherever its host is, and from one of this machine's addresses.
    pub(crate) async fn open(
        address: SocketAddr,
        from: Ipv4Addr,
        url: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, tokio_tungstenite::tungstenite::Error> {
        let socket = TcpSocket::new_v4().expect("there are sockets");
        // Small, so that a client that does not read is soon one that the server has to wait for.
        let small = socket.set_recv_buffer_size(64 << 10);
        small.expect("it is a socket");
        let bound = socket.bind((from, 0).into());
        bound.expect("all of 127.0.0.0/8 is this machine's");
        let stream = socket.connect(address).await;
        let stream = stream.expect("the server listens");
        stream.set_nodelay(true).expect("it is a socket");
        let mut request = url.into_client_request()?;
        for (name, value) in headers {
            let value = value.parse().expect("a header's value");
            request.headers_mut().append(*name, value);
        }
        let (ws, _) = client_async(request, stream).await?;
        Ok(Self { ws })
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_text(&frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.send_message(Message::text(text)).await;
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        // A server that has closed meanwhile says so in its next frame, not here.
        let _ = self.ws.send(message).await;
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Value {
        match self.message().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).expect("a frame is JSON"),
            other => panic!("not a frame: {other:?}"),
        }
    }

    /// The next frame of this kind; others before it are passed over.
    pub(crate) async fn frame_of(&mut self, t: &str) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["t"] == t {
                return frame;
            }
        }
    }

    /// So many frames, as `id prev` of events and the like.
    pub(crate) async fn moves(&mut self, count: usize) -> Vec<String> {
        let mut moves = Vec::new();
        for _ in 0..count {
            moves.push(brief(&self.frame().await));
        }
        moves
    }

    async fn message(&mut self) -> Option<Message> {
        let message = timeout(SOON, self.ws.next()).await;
        message
            .expect("something comes in time")
            .map(|message| message.expect("the socket works"))
    }

    /// The bye and the close that end this connection; frames before are passed over.
    pub(crate) async fn closed(&mut self) -> Closed {
        let mut bye = Value::Null;
        loop {
            match self.message().await {
                Some(Message::Text(text)) => {
                    bye = serde_json::from_str(&text).expect("a frame is JSON")
                }
                Some(Message::Close(Some(CloseFrame { code, reason }))) => {
                    let code = u16::from(code);
                    assert_eq!(
                        (&bye["t"], &bye["code"]),
                        (&json!("bye"), &json!(code)),
                        "{bye}"
                    );
                    return Closed {
                        code,
                        reason: reason.to_string(),
                        bye,
                    };
                }
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("closed without a code: {other:?}"),
            }
        }
    }

    /// Says goodbye and waits until the server has heard it.
    pub(crate) async fn close(mut self) {
        let frame = CloseFrame {
            code: 1000.into(),
            reason: "".into(),
        };
        self.ws.close(Some(frame)).await.expect("the socket works");
        while let Some(message) = self.ws.next().await {
            if message.is_err() {
                break;
            }
        }
    }

    /// Whether nothing comes for a while. The one thing that can't be polled for: that something does not happen.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        timeout(Duration::from_millis(200), self.ws.next())
            .await
            .is_err()
    }
}

#[derive(Debug)]
pub(crate) struct Closed {
    pub(crate) code: u16,
    pub(crate) reason: String,
    pub(crate) bye: Value,
}

/// A frame that moves the cursor, in short.
pub(crate) fn brief(frame: &Value) -> String {
    let reference = match &frame["ref"] {
        Value::Null => String::new(),
        reference => format!(" ref {reference}"),
    };
    match frame["t"].as_str() {
        Some("event") => format!("event {}>{}", frame["prev"], frame["id"]),
        Some(t @ ("synced" | "ping")) => {
            format!("{t} {}>{}{reference}", frame["prev"], frame["upTo"])
        }
        Some("full_refresh") => {
            let reason = frame["reason"].as_str().expect("a reason");
            format!("{reason} at {}{reference}", frame["at"])
        }
        _ => frame.to_string(),
    }
}

pub(crate) struct Response {
    pub(crate) status: u16,
    head: String,
    body: Vec<u8>,
}

impl Response {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (is, value) = line.split_once(':')?;
            is.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The status and the code of an error.
    pub(crate) fn error(&self) -> (u16, String) {
        let body = self.json();
        assert!(
            body["error"]["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty()),
            "{body}"
        );
        (
            self.status,
            body["error"]["code"].as_str().expect("a code").to_owned(),
        )
    }
}

/// A request on a connection of its own.
pub(crate) async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response {
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n");
    if !headers.iter().any(|(name, _)| *name == "connection") {
        head += "Connection: close\r\n";
    }
    if !body.is_empty() {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    stream
        .write_all(head.as_bytes())
        .await
        .expect("the server reads");
    // The server may answer before it has read all of the body.
    let _ = stream.write_all(body).await;
    read_response(&mut stream).await
}

/// Reads a response to its end.
pub(crate) async fn read_response(stream: &mut TcpStream) -> Response {
    let mut bytes = Vec::new();
    let read = async {
        while !is_whole(&bytes) {
            let count = stream
                .read_buf(&mut bytes)
                .await
                .expect("the server writes");
            assert!(
                count > 0,
                "it ends early: {}",
                String::from_utf8_lossy(&bytes)
            );
        }
    };
    timeout(SOON, read).await.expect("a response comes in time");
    let (head, body) = split_head(&bytes).expect("it is whole");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Response {
        status: status.expect("a status"),
        body: if is_chunked(head) {
            unchunked(body)
        } else {
            body.to_vec()
        },
        head: head.to_owned(),
    }
}

fn split_head(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).expect("a head is ASCII");
    Some((head, &bytes[end + 4..]))
}

fn is_chunked(head: &str) -> bool {
    head.to_ascii_lowercase()
        .contains("transfer-encoding: chunked")
}

fn is_whole(bytes: &[u8]) -> bool {
    let Some((head, body)) = split_head(bytes) else {
        return false;
    };
    let length = head.to_ascii_lowercase();
    let length = length
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    match length {
        Some(length) => body.len() >= length.parse().expect("a number"),
        None if is_chunked(head) => body.ends_with(b"0\r\n\r\n"),
        // 101 and 204 have no body.
        None => true,
    }
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = bytes
            .windows(2)
            .position(|w| w == b"\r\n")
            .expect("a chunk has a size");
        let size = std::str::from_utf8(&bytes[..end]).expect("digits");
        let size = usize::from_str_radix(size, 16).expect("digits");
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&bytes[end + 2..end + 2 + size]);
        bytes = &bytes[end + 2 + size + 2..];
    }
}

/// A file with this content, which is gone with the value.
pub(crate) struct File(PathBuf);

impl File {
    pub(crate) fn new(name: &str, content: &str) -> Self {
        // Tests run at the same time, in one process.
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("tabwire-{}-{number}-{name}", std::process::id());
        let file = Self(env::temp_dir().join(name));
        file.write(content);
        file
    }

    /// Replaces the content in one step: who reads meanwhile sees the old or the new one, and no half.
    pub(crate) fn write(&self, content: &str) {
        let new = self.0.with_extension("new");
        std::fs::write(&new, content).expect("a file can be written");
        std::fs::rename(new, &self.0).expect("it was written");
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().expect("a path")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Polls until something is so.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let polled = async {
        while !is_so().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, polled)
        .await
        .unwrap_or_else(|_| panic!("not in time: {what}"));
}

pub(crate) fn now_secs() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("the clock is set").as_secs()
}

/// Claims of a user of `s_1` with both modules, for ten minutes.
pub(crate) fn claims(user: &str) -> Value {
    json!({
        "sub": user,
        "shopId": "s_1",
        "modules": ["orders", "chat"],
        "iat": now_secs() - 5,
        "exp": now_secs() + 600,
    })
}

pub(crate) fn signed(claims: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::new(Algorithm::HS256), claims, &key).expect("it can be signed")
}

pub(crate) fn token(user: &str) -> String {
    signed(&claims(user))
}

/// A token with some claims changed.
pub(crate) fn token_with(user: &str, changes: Value) -> String {
    let mut claims = claims(user);
    for (name, value) in changes.as_object().expect("changes are an object") {
        claims[name] = value.clone();
    }
    signed(&claims)
}

pub(crate) fn hello(user: &str, device: &str) -> Value {
    json!({"t": "hello", "v": 1, "token": token(user), "device": device, "features": []})
}

/// A hello that goes on from where a welcome and what came after it have led.
pub(crate) fn hello_from(welcome: &Value, last: u64) -> Value {
    let mut hello = hello("u_101", "laptop");
    hello["epoch"] = welcome["epoch"].clone();
    hello["view"] = welcome["view"].clone();
    hello["lastEventId"] = json!(last);
    hello
}

pub(crate) fn request_sync(welcome: &Value, last: u64, reference: u64) -> Value {
    json!({"t": "request_sync", "ref": reference, "epoch": welcome["epoch"], "view": welcome["view"], "lastEventId": last})
}
