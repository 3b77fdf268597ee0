//! docs/openapi.json and the server say the same.
//!
//! Every answer that any of these tests gets from its [`Server`] is held to the document, too: see [`hold`].

mod schema;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
    time::Duration,
};

use serde_json::{Value, json};
use tabwire_server::rate::Rate;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

use self::schema::{Schema, resolve};
use crate::common::{PUBLISH_KEY, Response, Server, read_response};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let json = std::fs::read_to_string(path).expect("it is there");
    serde_json::from_str(&json).expect("it is JSON")
});

/// Holds an answer to the document. What is at a path that is not described, a file or a page of an app, is not its matter.
pub(crate) fn hold(method: &str, path: &str, response: &Response) {
    let path = path.split('?').next().unwrap_or(path);
    let Some((template, operations)) = described(path) else {
        return;
    };
    let status = response.status.to_string();
    let Some(operation) = operations.get(method.to_lowercase()) else {
        // 204 answers browsers that ask before they call the demo; with it, or with files, a path may be somebody else's.
        assert!(
            matches!(response.status, 204 | 404 | 405),
            "{method} {path}: {status}"
        );
        return;
    };
    // Without --demo its paths are not there, and with --admin-listen /metrics is elsewhere.
    let may_be_absent = operation["x-only-with"].is_string() || template == "/metrics";
    if may_be_absent && response.status == 404 {
        return;
    }
    let answer = operation["responses"].get(&status);
    let answer = answer.unwrap_or_else(|| {
        panic!(
            "{method} {path}: {status} is not described: {}",
            response.text()
        )
    });
    for (name, header) in answer["headers"].as_object().into_iter().flatten() {
        let value = response.header(name);
        let is_there = value.is_some() || header["required"] != true;
        assert!(is_there, "{method} {path}: {status} has no {name}");
        if let (Some(value), "integer") = (value, header["schema"]["type"].as_str().unwrap_or("")) {
            let value = value
                .parse::<u64>()
                .map_or_else(|_| json!(value), Value::from);
            let checked = Schema::of_answer(&DOCUMENT, &header["schema"]).check(&value);
            assert_eq!(checked, Ok(()), "{method} {path}: {status}: {name}");
        }
    }
    let Some(content) = answer["content"].as_object() else {
        assert_eq!(
            response.text(),
            "",
            "{method} {path}: {status} has a body that is not described"
        );
        return;
    };
    let media_type = response.header("content-type").unwrap_or("");
    let media_type = media_type.split(';').next().unwrap_or("");
    let described = content.get(media_type);
    let described =
        described.unwrap_or_else(|| panic!("{method} {path}: {status} is {media_type}"));
    let body = match media_type {
        "application/json" => response.json(),
        _ => Value::from(response.text()),
    };
    let checked = Schema::of_answer(&DOCUMENT, &described["schema"]).check(&body);
    assert_eq!(checked, Ok(()), "{method} {path}: {status}: {body}");
}

/// The path of the document that a path is.
fn described(path: &str) -> Option<(&'static str, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    let fits = |template: &str| {
        let (mut parts, mut given) = (template.split('/'), path.split('/'));
        loop {
            match (parts.next(), given.next()) {
                (None, None) => return true,
                (Some(part), Some(given)) if part == given => {}
                (Some(part), Some(given)) if part.starts_with('{') && !given.is_empty() => {}
                _ => return false,
            }
        }
    };
    let found = paths.iter().find(|(template, _)| fits(template));
    found.map(|(template, operations)| (template.as_str(), operations))
}

/// Every operation of the document: method, path, and what is said of it.
fn operations() -> impl Iterator<Item = (String, &'static str, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    paths.iter().flat_map(|(path, operations)| {
        let operations = operations.as_object().expect("operations");
        operations
            .iter()
            .map(move |(method, operation)| (method.to_uppercase(), path.as_str(), operation))
    })
}

#[test]
fn the_document_is_right_in_itself() {
    fn walk(value: &Value) {
        for (key, inner) in value.as_object().into_iter().flatten() {
            if key == "$ref" {
                resolve(&DOCUMENT, inner);
            }
            walk(inner);
        }
        value.as_array().into_iter().flatten().for_each(walk);
    }
    walk(&DOCUMENT);
    assert_eq!(DOCUMENT["openapi"], "3.1.0");

    let mut ids = BTreeSet::new();
    let tags = DOCUMENT["tags"].as_array().expect("tags");
    for (method, path, operation) in operations() {
        assert!(
            ids.insert(operation["operationId"].as_str().expect("an id")),
            "{method} {path}"
        );
        let tag = &operation["tags"][0];
        assert!(
            tags.iter().any(|one| one["name"] == *tag),
            "{method} {path}"
        );
        assert!(operation["summary"].is_string(), "{method} {path}");
        for security in operation["security"].as_array().into_iter().flatten() {
            for scheme in security.as_object().expect("schemes").keys() {
                assert!(DOCUMENT["components"]["securitySchemes"][scheme].is_object());
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if let Some(example) = parameter.get("example") {
                let checked = Schema::of_request(&DOCUMENT, &parameter["schema"]).check(example);
                assert_eq!(checked, Ok(()), "{method} {path}: {parameter}");
            }
        }
        for (status, answer) in operation["responses"].as_object().expect("responses") {
            assert!(
                answer["description"].is_string(),
                "{method} {path} {status}"
            );
            for content in answer["content"]
                .as_object()
                .into_iter()
                .flat_map(|content| content.values())
            {
                if let Some(example) = content.get("example") {
                    let checked = Schema::of_answer(&DOCUMENT, &content["schema"]).check(example);
                    assert_eq!(checked, Ok(()), "{method} {path} {status}");
                }
            }
        }
    }
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

async fn logged_in(server: &Server) -> String {
    let login = server
        .request("POST", "/login", &[JSON], "{\"userId\":\"u_101\"}")
        .await;
    login.json()["token"].as_str().expect("a token").to_owned()
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn every_request_of_the_document_is_answered_as_it_says() {
    let server = Server::flags(&["--demo"]).await;
    let token = logged_in(&server).await;
    for (method, path, operation) in operations() {
        let mut target = path.to_owned();
        let mut headers = Vec::new();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().expect("a name");
            let value = match parameter.get("example") {
                Some(Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
                None => continue,
            };
            match parameter["in"].as_str() {
                Some("path") => target = target.replace(&format!("{{{name}}}"), &value),
                Some("query") => {
                    let mark = if target.contains('?') { '&' } else { '?' };
                    target += &format!("{mark}{name}={value}");
                }
                Some("header") => headers.push((name.to_lowercase(), value)),
                other => panic!("{other:?}"),
            }
        }
        match operation["security"][0]
            .as_object()
            .and_then(|schemes| schemes.keys().next())
        {
            Some(scheme) if scheme == "publishKey" => {
                headers.push(("authorization".into(), bearer(PUBLISH_KEY)))
            }
            Some(scheme) if scheme == "userToken" => {
                headers.push(("authorization".into(), bearer(&token)))
            }
            Some(other) => panic!("{other}"),
            None => {}
        }
        let content = &operation["requestBody"]["content"]["application/json"];
        let bodies: Vec<_> = match content["examples"].as_object() {
            Some(examples) => examples.values().map(|example| &example["value"]).collect(),
            None => vec![&Value::Null],
        };
        for body in bodies {
            let text = if body.is_null() {
                String::new()
            } else {
                let checked = Schema::of_request(&DOCUMENT, &content["schema"]).check(body);
                assert_eq!(checked, Ok(()), "{method} {path}: {body}");
                headers.push((JSON.0.to_owned(), JSON.1.to_owned()));
                body.to_string()
            };
            let headers: Vec<_> = headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let response = server.request(&method, &target, &headers, &text).await;
            assert!(
                response.status < 300,
                "{method} {target}: {}",
                response.text()
            );
        }
    }
}

/// What has been seen: the statuses of each operation.
#[derive(Default)]
struct Seen(BTreeMap<String, BTreeSet<u16>>);

impl Seen {
    fn note(&mut self, method: &str, path: &str, response: &Response) {
        let (template, _) =
            described(path.split('?').next().unwrap_or(path)).expect("it is described");
        let name = format!("{method} {template}");
        self.0.entry(name).or_default().insert(response.status);
    }

    async fn ask(
        &mut self,
        server: &Server,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) {
        let response = server.request(method, path, headers, body).await;
        self.note(method, path, &response);
    }

    /// Asks with a publish key.
    async fn publisher(&mut self, server: &Server, method: &str, path: &str, body: &str) {
        let key = bearer(PUBLISH_KEY);
        self.ask(server, method, path, &[("authorization", &key), JSON], body)
            .await;
    }

    /// A request whose body does not come.
    async fn stalled(&mut self, server: &Server, path: &str) {
        let mut stream = TcpStream::connect(server.address)
            .await
            .expect("it listens");
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer {PUBLISH_KEY}\r\n\
             Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).await.expect("it reads");
        let response = read_response(&mut stream).await;
        hold("POST", path, &response);
        self.note("POST", path, &response);
    }
}

const ORDER: &str = r#"{"type":"order_created","scope":{"shopId":"s_1"},"payload":{}}"#;
const ELSEWHERE: &str = r#"{"type":"order_created","scope":{"shopId":"s_2"},"payload":{}}"#;

async fn publishing(seen: &mut Seen) {
    let server = Server::with(&[], |config| {
        config.limits.body_bytes = 1_000;
        config.limits.body_timeout = Duration::from_millis(400);
    })
    .await;
    let key = bearer(PUBLISH_KEY);
    let keyed = [
        ("authorization", key.as_str()),
        JSON,
        ("idempotency-key", "k"),
    ];
    for _ in 0..2 {
        seen.ask(&server, "POST", "/events", &keyed, ORDER).await;
    }
    seen.ask(&server, "POST", "/events", &[JSON], ORDER).await;
    seen.ask(
        &server,
        "POST",
        "/events",
        &[("authorization", &key)],
        ORDER,
    )
    .await;
    seen.publisher(&server, "POST", "/events", "{").await;
    seen.publisher(&server, "POST", "/events", "{}").await;
    seen.publisher(&server, "POST", "/events", &" ".repeat(1_001))
        .await;
    seen.stalled(&server, "/events").await;
    let server = Server::with(&[], |config| {
        config.limits.publish = Rate {
            burst: 1,
            per_second: 0,
        };
    })
    .await;
    seen.publisher(&server, "POST", "/events", ORDER).await;
    seen.publisher(&server, "POST", "/events", ORDER).await;
}

async fn operating(seen: &mut Seen) {
    let mut server = Server::start().await;
    let (_client, _) = server.session().await;
    for path in [
        "/position?shopId=s_1",
        "/position",
        "/sessions",
        "/sessions?limit=0",
    ] {
        seen.publisher(&server, "GET", path, "").await;
        seen.ask(&server, "GET", path, &[], "").await;
    }
    for path in ["/sessions/u_101", "/sessions/a%20b"] {
        seen.publisher(&server, "DELETE", path, "").await;
        seen.ask(&server, "DELETE", path, &[], "").await;
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        seen.ask(&server, "GET", path, &[], "").await;
    }
    server.shut_down();
}

/// A log that takes no more: the one in memory has a limit of shops.
async fn unavailable(seen: &mut Seen) {
    let server = Server::in_memory(&[], |config| config.retention.shops = 1).await;
    seen.publisher(&server, "POST", "/events", ORDER).await;
    seen.publisher(&server, "POST", "/events", ELSEWHERE).await;
    seen.publisher(&server, "GET", "/position?shopId=s_2", "")
        .await;
}

/// A registry that is not there: nobody listens at the port of an address that has just been free.
async fn without_redis(seen: &mut Seen) {
    let nobody = TcpListener::bind("127.9.0.2:0").await.expect("a free port");
    let redis = format!("redis://{}", nobody.local_addr().expect("it is bound"));
    drop(nobody);
    let server = Server::flags(&["--redis", &redis, "--redis-timeout", "100ms"]).await;
    seen.publisher(&server, "GET", "/sessions", "").await;
    seen.publisher(&server, "DELETE", "/sessions/u_101", "")
        .await;
}

async fn draining(seen: &mut Seen) {
    let mut server = Server::flags(&["--drain-delay", "1h"]).await;
    server.shut_down();
    crate::common::eventually("it is unready", || async {
        server.get("/readyz").await.status == 503
    })
    .await;
    seen.ask(&server, "GET", "/readyz", &[], "").await;
    seen.ask(&server, "GET", "/ws", &crate::handshake::UPGRADE, "")
        .await;
}

async fn connecting(seen: &mut Seen) {
    let server = Server::with(&[], |config| {
        config.limits.connects = Rate {
            burst: 1,
            per_second: 0,
        };
    })
    .await;
    let upgrade = crate::handshake::UPGRADE;
    let with = |header| [&upgrade[..], &[header]].concat();
    seen.ask(&server, "GET", "/ws", &[], "").await;
    seen.ask(
        &server,
        "GET",
        "/ws",
        &with(("sec-websocket-protocol", "other")),
        "",
    )
    .await;
    seen.ask(
        &server,
        "GET",
        "/ws",
        &with(("origin", "https://evil.example.com")),
        "",
    )
    .await;
    seen.ask(&server, "GET", "/ws", &upgrade, "").await;
    seen.ask(&server, "GET", "/ws", &upgrade, "").await;
    let server = Server::flags(&["--max-connections", "1"]).await;
    let _one = server.connect().await;
    seen.ask(&server, "GET", "/ws", &upgrade, "").await;
}

async fn demo(seen: &mut Seen) {
    let server = Server::with(&["--demo"], |config| {
        config.retention.shops = 1;
        config.limits.body_timeout = Duration::from_millis(400);
    })
    .await;
    seen.ask(&server, "GET", "/", &[], "").await;
    let large = " ".repeat((64 << 10) + 1);
    for body in ["{\"userId\":\"u_1\"}", "{", "{}", &large] {
        seen.ask(&server, "POST", "/login", &[JSON], body).await;
    }
    seen.ask(&server, "POST", "/login", &[], "{}").await;
    seen.stalled(&server, "/login").await;
    let token = bearer(&logged_in(&server).await);
    for headers in [&[("authorization", token.as_str())][..], &[]] {
        seen.ask(&server, "POST", "/refresh", headers, "").await;
        seen.ask(&server, "GET", "/state", headers, "").await;
        seen.ask(&server, "POST", "/demo/restart", headers, "")
            .await;
        seen.ask(&server, "POST", "/demo/rush", headers, "").await;
    }
    // The log has room for one shop, and the demo for a hundred.
    server.publish(json!({})).await;
    for n in 0..=100 {
        let login = json!({"userId": "u_1", "shopId": format!("other_{n}")}).to_string();
        let login = server.request("POST", "/login", &[JSON], &login).await;
        let token = bearer(login.json()["token"].as_str().expect("a token"));
        let bearer = [("authorization", token.as_str())];
        seen.ask(&server, "GET", "/state", &bearer, "").await;
        if n == 0 {
            for prank in ["/demo/restart", "/demo/rush"] {
                seen.ask(&server, "POST", prank, &bearer, "").await;
            }
        }
    }
}

#[tokio::test]
async fn every_status_of_the_document_can_be_had() {
    let mut seen = Seen::default();
    publishing(&mut seen).await;
    operating(&mut seen).await;
    unavailable(&mut seen).await;
    without_redis(&mut seen).await;
    draining(&mut seen).await;
    connecting(&mut seen).await;
    demo(&mut seen).await;
    for (method, path, operation) in operations() {
        let name = format!("{method} {path}");
        let seen = seen.0.remove(&name).unwrap_or_default();
        for status in operation["responses"]
            .as_object()
            .expect("responses")
            .keys()
        {
            let status: u16 = status.parse().expect("a status");
            assert!(seen.contains(&status), "{name} {status}");
        }
    }
}
