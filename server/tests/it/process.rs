//! The program: what it prints, how it ends, and what it does not start with.

use std::{
    process::{Output, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
    process::{Child, Command},
    time::timeout,
};

use crate::{
    common::{Client, File, LOCALHOST, SOON, request},
    handshake::UPGRADE,
};

pub(crate) fn server(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tabwire-server"));
    command
        .args(flags)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

const KEYS: [&str; 6] = [
    "--listen",
    "127.0.0.1:0",
    "--publish-key",
    "k",
    "--jwt-secret",
    "s",
];

/// How a server ends that does not start.
pub(crate) async fn failed(flags: &[&str]) -> String {
    let output: Output = timeout(SOON, server(flags).output())
        .await
        .expect("it ends")
        .expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{flags:?}");
    assert!(
        !error.contains("panicked") && output.stdout.is_empty(),
        "{error}"
    );
    error
}

/// The lines that a server prints up to the one that says where it listens, and the address.
pub(crate) async fn listening(child: &mut Child) -> (Vec<String>, std::net::SocketAddr) {
    let stdout = child.stdout.take().expect("it is piped");
    let mut lines = BufReader::new(stdout).lines();
    let mut before = Vec::new();
    loop {
        let line = timeout(SOON, lines.next_line())
            .await
            .expect("it says so in time");
        let line = line
            .expect("it prints text")
            .expect("it says where before it ends");
        if let Some(address) = line.strip_prefix("listening on http://") {
            return (before, address.parse().expect("an address"));
        }
        before.push(line);
    }
}

/// Sends a signal.
pub(crate) async fn tell(child: &Child, signal: &str) {
    let pid = child.id().expect("it runs").to_string();
    let told = Command::new("kill")
        .args(["-s", signal, &pid])
        .status()
        .await;
    assert!(told.expect("kill is there").success());
}

#[tokio::test]
async fn it_says_where_it_listens_and_ends_with_success_when_told_to() {
    for signal in ["TERM", "INT"] {
        let mut child = server(&KEYS).spawn().expect("it runs");
        let (_, address) = listening(&mut child).await;
        assert_eq!(
            request(address, "GET", "/readyz", &[], b"").await.status,
            200
        );
        tell(&child, signal).await;
        let status = timeout(Duration::from_secs(15), child.wait())
            .await
            .expect("it ends");
        assert!(status.expect("it ran").success(), "{signal}");
    }
}

#[tokio::test]
async fn a_demo_makes_a_publish_key_and_prints_it() {
    let mut child = server(&["--demo", "--listen", "127.0.0.1:0"])
        .spawn()
        .expect("it runs");
    let (before, address) = listening(&mut child).await;
    let key = before
        .iter()
        .find_map(|line| line.strip_prefix("publish key "));
    let bearer = format!("Bearer {}", key.expect("it prints the key"));
    let position = request(
        address,
        "GET",
        "/position?shopId=s_1",
        &[("authorization", &bearer)],
        b"",
    )
    .await;
    assert_eq!(position.status, 200);
}

#[tokio::test]
async fn without_keys_it_does_not_start() {
    let error = failed(&["--listen", "127.0.0.1:0"]).await;
    assert!(error.contains("--publish-key is missing"), "{error}");
    let error = failed(&["--publish-key", "k"]).await;
    assert!(
        error.contains("--jwt-secret, --jwt-public-key or --jwks is missing"),
        "{error}"
    );
}

#[tokio::test]
async fn on_a_port_that_is_taken_it_does_not_start() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let mut flags = KEYS;
    flags[1] = &address;
    let error = failed(&flags).await;
    assert!(
        error.contains(&format!("--listen {address}: the port is taken")),
        "{error}"
    );
}

#[tokio::test]
async fn with_a_wrong_events_config_it_does_not_start_and_names_the_entry() {
    for (content, names) in [
        (
            r#"{"order_created": "orders", "chat_message": {"from": "client"}}"#,
            "entry \"chat_message\": \"module\" is missing",
        ),
        ("{", "line 1 column 1"),
        ("[]", "it must be a JSON object"),
    ] {
        let file = File::new("events.config.json", content);
        let error = failed(&[&KEYS[..], &["--events-config", file.path()]].concat()).await;
        assert!(
            error.contains(file.path()) && error.contains(names),
            "{error}"
        );
    }
    let error = failed(&[&KEYS[..], &["--events-config", "/nowhere/at/all.json"]].concat()).await;
    assert!(error.contains("/nowhere/at/all.json"), "{error}");
}

#[tokio::test]
async fn flags_come_from_the_environment_and_secrets_from_files() {
    let (secret, keys) = (File::new("secret", "s\n"), File::new("keys", "one\ntwo\n"));
    let mut child = server(&[])
        .env("TABWIRE_LISTEN", "127.0.0.1:0")
        .env("TABWIRE_JWT_SECRET_FILE", secret.path())
        .env("TABWIRE_PUBLISH_KEY_FILE", keys.path())
        .env("TABWIRE_DEMO", "false")
        .spawn()
        .expect("it runs");
    let (_, address) = listening(&mut child).await;
    for key in ["one", "two"] {
        let bearer = format!("Bearer {key}");
        let response = request(
            address,
            "GET",
            "/sessions",
            &[("authorization", &bearer)],
            b"",
        )
        .await;
        assert_eq!(response.status, 200, "{key}");
    }
    assert_eq!(
        request(address, "GET", "/state", &[], b"").await.status,
        404
    );
}

#[tokio::test]
async fn whoever_meets_a_limit_is_named_in_the_log_for_those_who_look_for_it() {
    let mut child = server(&[&KEYS[..], &["--max-pending", "1"]].concat())
        .env("RUST_LOG", "tabwire_server=debug")
        .spawn()
        .expect("it runs");
    let (_, address) = listening(&mut child).await;
    let url = format!("ws://{address}/ws");
    let pending = Client::open(address, LOCALHOST, &url, &[]).await;
    let refused = request(address, "GET", "/ws", &UPGRADE, b"").await;
    assert_eq!(refused.status, 503);
    drop(pending);
    tell(&child, "TERM").await;
    let output = child.wait_with_output().await.expect("it ends");
    let log = String::from_utf8_lossy(&output.stderr);
    let said = log.lines().find(|line| line.contains("over a limit"));
    let said = said.expect("it was logged");
    assert!(
        said.contains("max-pending") && said.contains("127.0.0.1"),
        "{said}"
    );
}
