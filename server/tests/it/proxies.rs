//! nginx and HAProxy with the configurations of docs/proxies, in front of a server.

use std::{
    env, fs,
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
};
use tokio_tungstenite::tungstenite::Error;

use crate::common::{Client, LOCALHOST, PUBLISH_KEY, Server, eventually, hello, request};

const ORIGIN: &str = "https://app.example.com";
/// A client whose address is not the proxy's.
const CUSTOMER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A proxy that runs, and ends with the value.
struct Proxy {
    address: SocketAddr,
    dir: PathBuf,
    _process: Child,
}

impl Proxy {
    /// nginx with the documented configuration, changed by the test. None: it is not on this machine.
    async fn nginx(server: &Server, change: impl FnOnce(String) -> String) -> Option<Self> {
        let program = program("nginx")?;
        let (address, dir) = place().await;
        let config = in_test(
            &change(documented("nginx.conf")),
            "listen 8000;",
            &format!("listen {address};"),
        );
        let config = in_test(&config, "127.0.0.1:8080", &server.address.to_string());
        // Everything that it writes goes into a folder of the test's.
        let own: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {name};\n"))
            .concat();
        let config = in_test(
            &config,
            "http {\n",
            &format!("http {{\naccess_log off;\n{own}"),
        );
        fs::write(dir.join("nginx.conf"), config).expect("a file can be written");
        let mut command = Command::new(program);
        command
            .arg("-p")
            .arg(&dir)
            .arg("-c")
            .arg(dir.join("nginx.conf"));
        // One process: a master that is killed would leave its workers behind.
        command.args([
            "-e",
            "stderr",
            "-g",
            "daemon off; master_process off; pid nginx.pid;",
        ]);
        Some(Self::start(command, address, dir).await)
    }

    /// The same with HAProxy.
    async fn haproxy(server: &Server, change: impl FnOnce(String) -> String) -> Option<Self> {
        let program = program("haproxy")?;
        let (address, dir) = place().await;
        let config = in_test(
            &change(documented("haproxy.cfg")),
            "bind :8000",
            &format!("bind {address}"),
        );
        let config = in_test(&config, "127.0.0.1:8080", &server.address.to_string());
        fs::write(dir.join("haproxy.cfg"), config).expect("a file can be written");
        let mut command = Command::new(program);
        command.arg("-db").arg("-f").arg(dir.join("haproxy.cfg"));
        Some(Self::start(command, address, dir).await)
    }

    async fn start(mut command: Command, address: SocketAddr, dir: PathBuf) -> Self {
        let log = fs::File::create(dir.join("log")).expect("a file can be written");
        let process = command
            .stdin(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("it runs");
        let proxy = Self {
            address,
            dir,
            _process: process,
        };
        eventually("the proxy listens", || async {
            TcpStream::connect(address).await.is_ok()
        })
        .await;
        // HAProxy sends nothing to a server before it has looked after it.
        eventually("the server is reached", || async {
            request(address, "GET", "/nowhere", &[], b"").await.status == 404
        })
        .await;
        proxy
    }

    /// A WebSocket of a page of the app's, as its browser opens it.
    async fn open(
        &self,
        path: &str,
        from: Ipv4Addr,
        headers: &[(&'static str, &str)],
    ) -> Result<Client, u16> {
        let url = format!("ws://app.example.com{path}");
        match Client::open(self.address, from, &url, headers).await {
            Ok(client) => Ok(client),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    async fn page_of(&self, origin: &str) -> Result<Client, u16> {
        self.open("/ws", LOCALHOST, &[("origin", origin)]).await
    }

    async fn get(&self, path: &str) -> crate::common::Response {
        request(self.address, "GET", path, &[], b"").await
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(self.dir.join("log"));
            eprintln!("the proxy says: {}", log.unwrap_or_default());
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Where a program is. A machine that tests for everybody must have it; another one says that it was left out.
fn program(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<_> = env::split_paths(&folders).collect();
    // Not on everybody's path.
    places.push("/usr/sbin".into());
    let found = places
        .iter()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        assert!(
            env::var_os("CI").is_none_or(|ci| ci.is_empty()),
            "{name} is not installed"
        );
        // Past the harness, which keeps back what tests print that pass.
        let _ = writeln!(
            io::stderr(),
            "\nSKIPPED: {name} is not installed, so docs/proxies is not tested with it\n"
        );
    }
    found
}

/// An address that is free, and a folder. Of an address of its own: a port that is free on 127.0.0.1 may be another test's before
/// the proxy has it.
async fn place() -> (SocketAddr, PathBuf) {
    let listener = TcpListener::bind("127.9.0.1:0").await;
    let listener = listener.expect("all of 127.0.0.0/8 is this machine's");
    let address = listener.local_addr().expect("it is bound");
    let name = format!("tabwire-proxy-{}-{}", std::process::id(), address.port());
    let dir = env::temp_dir().join(name);
    fs::create_dir_all(&dir).expect("a folder can be made");
    (address, dir)
}

fn documented(name: &str) -> String {
    let path = format!("{}/../docs/proxies/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).expect("it is there")
}

/// Replaces what stands in a configuration, and must stand there.
fn in_test(config: &str, from: &str, to: &str) -> String {
    assert!(config.contains(from), "{from} is not in {config}");
    config.replace(from, to)
}

/// Answers pings for longer than the proxy's patience, in which nothing else is on the connection.
async fn idle_for_long(client: &mut Client) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(2_600) {
        let ping = client.frame().await;
        assert_eq!(ping["t"], "ping");
        client
            .send(json!({"t": "pong", "lastEventId": ping["upTo"]}))
            .await;
    }
}

/// What holds behind each proxy: sessions live, idle ones too, events come at once, pages of others stay out.
async fn serves_sessions(server: &Server, proxy: &Proxy) {
    assert_eq!(
        proxy.page_of("https://evil.example.com").await.err(),
        Some(403)
    );
    let mut client = proxy
        .page_of(ORIGIN)
        .await
        .expect("the app's page connects");
    client.send(hello("u_101", "laptop")).await;
    assert_eq!(client.frame().await["t"], "welcome");
    server.publish(json!({"n": 1})).await;
    assert_eq!(client.frame_of("event").await["id"], 1);
    idle_for_long(&mut client).await;
    server.publish(json!({"n": 2})).await;
    assert_eq!(client.frame_of("event").await["id"], 2);
    // A close of the server's arrives with its code.
    let deleted = server.as_publisher("DELETE", "/sessions/u_101").await;
    assert_eq!((deleted.status, client.closed().await.code), (204, 4403));

    // The largest array is taken, and operators' matters are not for everybody.
    let order =
        json!({"type": "order_created", "scope": {"shopId": "s_1"}, "payload": "x".repeat(3_800)});
    let body = Value::from(vec![order; 1_000]).to_string();
    let bearer = format!("Bearer {PUBLISH_KEY}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    let published = request(proxy.address, "POST", "/events", &headers, body.as_bytes()).await;
    assert_eq!(published.status, 201);
    assert_eq!(proxy.get("/metrics").await.status, 404);
}

/// What holds behind each proxy: it is the clients' addresses that have limits, whatever they write themselves.
async fn tells_addresses_apart(proxy: &Proxy) {
    let open = async |forwarded| {
        let headers = [("x-forwarded-for", forwarded)];
        proxy.open("/ws", CUSTOMER, &headers).await
    };
    let _one = open("203.0.113.1").await.expect("the first of the address");
    assert_eq!(open("203.0.113.2").await.err(), Some(429));
    let other = Ipv4Addr::new(127, 0, 0, 3);
    assert!(proxy.open("/ws", other, &[]).await.is_ok());
}

/// Flags for a proxy whose patience is two seconds.
const QUICK: [&str; 4] = ["--ping", "600ms", "--trusted-proxy", "127.0.0.1"];
const ONE_EACH: [&str; 4] = [
    "--trusted-proxy",
    "127.0.0.1",
    "--max-connections-per-address",
    "1",
];

#[tokio::test]
async fn nginx_serves_sessions() {
    let server = Server::flags(&QUICK).await;
    let quick = |config: String| in_test(&config, "75s", "2s");
    let Some(proxy) = Proxy::nginx(&server, quick).await else {
        return;
    };
    serves_sessions(&server, &proxy).await;
}

#[tokio::test]
async fn nginx_tells_addresses_apart() {
    let server = Server::flags(&ONE_EACH).await;
    if let Some(proxy) = Proxy::nginx(&server, |config| config).await {
        tells_addresses_apart(&proxy).await;
    }
}

#[tokio::test]
async fn nginx_that_does_not_pass_the_host_on_needs_an_allowed_origin() {
    let without_host = |config: String| in_test(&config, "proxy_set_header Host $http_host;", "");
    let server = Server::start().await;
    let Some(proxy) = Proxy::nginx(&server, without_host).await else {
        return;
    };
    assert_eq!(proxy.page_of(ORIGIN).await.err(), Some(403));

    let server = Server::flags(&["--allowed-origin", ORIGIN]).await;
    let proxy = Proxy::nginx(&server, without_host)
        .await
        .expect("it was there a moment ago");
    assert!(proxy.page_of(ORIGIN).await.is_ok());
    assert_eq!(
        proxy.page_of("https://evil.example.com").await.err(),
        Some(403)
    );
}

#[tokio::test]
async fn nginx_may_keep_a_prefix_or_take_it_off() {
    for (flags, upstream) in [
        (
            &["--demo", "--base-path", "/realtime"][..],
            "http://tabwire",
        ),
        (&["--demo"], "http://tabwire/"),
    ] {
        let server = Server::flags(flags).await;
        let prefixed = |config: String| {
            let config = in_test(&config, "location / {", "location /realtime/ {");
            in_test(
                &config,
                "proxy_pass http://tabwire;",
                &format!("proxy_pass {upstream};"),
            )
        };
        let Some(proxy) = Proxy::nginx(&server, prefixed).await else {
            return;
        };
        assert_eq!(
            proxy.get("/realtime/healthz").await.status,
            200,
            "{upstream}"
        );
        let page = proxy.get("/realtime/").await;
        assert!(
            page.status == 200 && page.text().contains("<html"),
            "{upstream}"
        );
        let json = [("content-type", "application/json")];
        let login = request(
            proxy.address,
            "POST",
            "/realtime/login",
            &json,
            b"{\"userId\":\"u_1\"}",
        )
        .await;
        let mut client = proxy
            .open("/realtime/ws", LOCALHOST, &[])
            .await
            .expect("it is there");
        let mut hello = hello("u_1", "laptop");
        hello["token"] = login.json()["token"].clone();
        client.send(hello).await;
        assert_eq!(client.frame().await["t"], "welcome", "{upstream}");
        assert_eq!(proxy.get("/healthz").await.status, 404, "{upstream}");
    }
}

#[tokio::test]
async fn haproxy_serves_sessions() {
    let server = Server::flags(&QUICK).await;
    let quick = |config: String| in_test(&config, "75s", "2s");
    let Some(proxy) = Proxy::haproxy(&server, quick).await else {
        return;
    };
    serves_sessions(&server, &proxy).await;
}

#[tokio::test]
async fn haproxy_tells_addresses_apart() {
    let server = Server::flags(&ONE_EACH).await;
    if let Some(proxy) = Proxy::haproxy(&server, |config| config).await {
        tells_addresses_apart(&proxy).await;
    }
}

#[test]
fn the_proxies_wait_longer_than_a_silent_session_lives() {
    use clap::Parser;
    let flags = tabwire_server::config::Flags::parse_from(["tabwire-server"]);
    for (name, lines) in [
        (
            "nginx.conf",
            &["proxy_read_timeout 75s;", "proxy_send_timeout 75s;"][..],
        ),
        ("haproxy.cfg", &["timeout tunnel 75s"]),
    ] {
        let config = documented(name);
        assert!(lines.iter().all(|line| config.contains(line)), "{name}");
    }
    assert!(flags.ping * 2 < Duration::from_secs(75));
}
