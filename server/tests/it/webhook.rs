//! Commands that the app runs.

use std::{
    convert::Infallible,
    env,
    net::SocketAddr,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tabwire_server::{redis::testing, types::EventTypes};
use tokio::{
    net::{TcpListener, TcpStream},
    process::Command,
    sync::Notify,
    time::{sleep, timeout},
};

use crate::common::{Client, File, SOON, Server, eventually, hello, token_with};

const TYPES: &str = r#"{"pay": {"module": "orders", "from": "client", "via": "webhook"}}"#;

/// What an app does about a call: the answer, after a while; a status of 0 breaks the connection off.
#[derive(Clone, Copy)]
struct Says(u16, &'static str, Duration);

const DONE: Says = Says(200, r#"{"result": {"paid": true}}"#, Duration::ZERO);

/// An app that keeps what it was told, and says the next of its answers each time; the last one for ever.
struct App {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<(Value, Value)>>>,
    called: Arc<Notify>,
}

impl App {
    async fn saying(answers: &[Says]) -> Self {
        let answers: Arc<[Says]> = answers.into();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let app = Self {
            address: listener.local_addr().expect("it is bound"),
            calls: Arc::default(),
            called: Arc::default(),
        };
        let (calls, called) = (Arc::clone(&app.calls), Arc::clone(&app.called));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("it listens");
                let (calls, called) = (Arc::clone(&calls), Arc::clone(&called));
                let answers = Arc::clone(&answers);
                let answer = service_fn(move |request| {
                    let (calls, called) = (Arc::clone(&calls), Arc::clone(&called));
                    hear(request, calls, called, Arc::clone(&answers))
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        app
    }

    fn url(&self) -> String {
        format!("http://{}/commands", self.address)
    }

    fn calls(&self) -> Vec<(Value, Value)> {
        self.calls
            .lock()
            .expect("no test panicked holding it")
            .clone()
    }
}

async fn hear(
    request: Request<Incoming>,
    calls: Arc<Mutex<Vec<(Value, Value)>>>,
    called: Arc<Notify>,
    answers: Arc<[Says]>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.expect("it comes").to_bytes();
    let headers: Value = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), json!(value.to_str().expect("ASCII"))))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let Says(status, text, after) = {
        let mut calls = calls.lock().expect("no test panicked holding it");
        calls.push((headers, serde_json::from_slice(&body).expect("JSON")));
        answers[(calls.len() - 1).min(answers.len() - 1)]
    };
    called.notify_one();
    sleep(after).await;
    if status == 0 {
        return Err(std::io::Error::other("the app crashes"));
    }
    let response = Response::builder().status(status);
    Ok(response.body(Full::from(text)).expect("it is right"))
}

async fn server(app: &str, flags: &[&str]) -> Server {
    let own = ["--command-webhook", app, "--webhook-secret", "shared"];
    let types = EventTypes::parse(TYPES).expect("it is right");
    Server::with(&[&own, flags].concat(), |config| config.types = types).await
}

fn pay(id: &str) -> Value {
    json!({"t": "command", "id": id, "type": "pay", "payload": {"cents": 150}})
}

async fn answer(client: &mut Client, command: &Value) -> Value {
    client.send(command.clone()).await;
    loop {
        let frame = client.frame().await;
        if frame["t"] == "ack" || frame["t"] == "nack" {
            return frame;
        }
    }
}

fn nacked(frame: &Value) -> (&str, &str) {
    assert_eq!(frame["t"], "nack", "{frame}");
    let text = |name: &str| frame[name].as_str().expect("a text");
    (text("code"), text("executed"))
}

#[tokio::test]
async fn the_app_is_told_who_wants_what_and_its_answer_is_the_ack() {
    let app = App::saying(&[DONE]).await;
    let server = server(&app.url(), &[]).await;
    let (mut client, _) = server.session().await;
    let mut command = pay("a:1");
    let deadline = crate::common::now_secs() * 1_000 + 30_000;
    command["deadline"] = json!(deadline);
    let ack = answer(&mut client, &command).await;
    assert_eq!(
        ack,
        json!({"t": "ack", "id": "a:1", "result": {"paid": true}})
    );
    let (headers, body) = app.calls().remove(0);
    assert_eq!(
        body,
        json!({"id": "a:1", "userId": "u_101", "shopId": "s_1", "modules": ["chat", "orders"],
            "type": "pay", "payload": {"cents": 150}, "deadline": deadline})
    );
    assert_eq!(headers["idempotency-key"], "a:1");
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["tabwire-attempt"], "1");
    let signature = headers["tabwire-signature"].as_str().expect("a text");
    assert!(
        signature.starts_with("t=") && signature.contains(",v1="),
        "{signature}"
    );
}

#[tokio::test]
async fn the_same_command_is_posted_once_and_answered_alike() {
    let app = App::saying(&[DONE]).await;
    let server = server(&app.url(), &[]).await;
    for _ in 0..3 {
        let (mut client, _) = server.session().await;
        assert_eq!(
            answer(&mut client, &pay("a:1")).await["result"],
            json!({"paid": true})
        );
    }
    assert_eq!(app.calls().len(), 1);
}

#[tokio::test]
async fn what_the_app_refuses_was_not_executed() {
    let app = App::saying(&[
        Says(
            422,
            r#"{"error": {"code": "conflict", "message": "paid already"}}"#,
            Duration::ZERO,
        ),
        Says(403, "", Duration::ZERO),
    ])
    .await;
    let server = server(&app.url(), &[]).await;
    let (mut client, _) = server.session().await;
    let nack = answer(&mut client, &pay("a:1")).await;
    assert_eq!(
        (nacked(&nack), &nack["message"]),
        (("conflict", "no"), &json!("paid already"))
    );
    assert_eq!(
        nacked(&answer(&mut client, &pay("a:2")).await),
        ("forbidden", "no")
    );
    assert_eq!(
        nacked(&answer(&mut client, &pay("a:1")).await),
        ("conflict", "no")
    );
    assert_eq!(app.calls().len(), 2);
}

#[tokio::test]
async fn an_app_that_fails_is_called_again_with_the_same_id_until_it_answers() {
    let app = App::saying(&[
        Says(500, "", Duration::ZERO),
        Says(0, "", Duration::ZERO),
        Says(429, "", Duration::ZERO),
        DONE,
    ])
    .await;
    let server = server(&app.url(), &[]).await;
    let (mut client, _) = server.session().await;
    assert_eq!(answer(&mut client, &pay("a:1")).await["t"], "ack");
    let calls = app.calls();
    assert_eq!(calls.len(), 4);
    for (n, (headers, body)) in calls.iter().enumerate() {
        assert_eq!(
            (&headers["idempotency-key"], &body["id"]),
            (&json!("a:1"), &json!("a:1"))
        );
        assert_eq!(headers["tabwire-attempt"], json!((n + 1).to_string()));
    }
}

#[tokio::test]
async fn when_nobody_can_know_whether_it_was_done_the_nack_says_so() {
    let slow = Says(200, "", Duration::from_secs(60));
    for says in [Says(500, "", Duration::ZERO), slow] {
        let app = App::saying(&[says]).await;
        let server = server(
            &app.url(),
            &["--webhook-tries", "2", "--webhook-timeout", "100ms"],
        )
        .await;
        let (mut client, _) = server.session().await;
        let nack = answer(&mut client, &pay("a:1")).await;
        assert_eq!(nacked(&nack), ("unavailable", "unknown"));
        assert_eq!(app.calls().len(), 2);
    }
}

#[tokio::test]
async fn what_has_never_reached_the_app_was_not_executed_and_may_be_sent_again() {
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = gone.local_addr().expect("it is bound");
    drop(gone);
    let server = server(&format!("http://{address}/"), &["--webhook-tries", "2"]).await;
    let (mut client, _) = server.session().await;
    for _ in 0..2 {
        assert_eq!(
            nacked(&answer(&mut client, &pay("a:1")).await),
            ("unavailable", "no")
        );
    }
    let listener = TcpListener::bind(address).await.expect("it is free again");
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("it listens");
        let answer = service_fn(|_| async {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(r#"{"result": 1}"#)))
        });
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(stream), answer)
            .await;
    });
    assert_eq!(answer(&mut client, &pay("a:1")).await["result"], 1);
}

#[tokio::test]
async fn after_the_deadline_the_app_is_not_called_any_more() {
    let app = App::saying(&[Says(500, "", Duration::ZERO)]).await;
    let server = server(&app.url(), &["--webhook-tries", "1000"]).await;
    let (mut client, _) = server.session().await;
    let mut command = pay("a:1");
    let deadline = crate::common::now_secs() * 1_000 + 1_500;
    command["deadline"] = json!(deadline);
    assert_eq!(
        nacked(&answer(&mut client, &command).await),
        ("unavailable", "unknown")
    );
    let calls = app.calls();
    assert!((1..40).contains(&calls.len()), "{}", calls.len());
}

#[tokio::test]
async fn so_many_calls_are_under_way_and_no_more() {
    let app = App::saying(&[Says(204, "", Duration::from_millis(200))]).await;
    let server = server(&app.url(), &["--webhook-concurrency", "1"]).await;
    let mut clients = Vec::new();
    for n in 0..3 {
        let mut client = server.welcomed(hello(&format!("u_{n}"), "d")).await.0;
        client.send(pay("a:1")).await;
        clients.push(client);
    }
    // One that can't wait that long is told that nothing was done.
    let mut hasty = server.welcomed(hello("u_hasty", "d")).await.0;
    let mut command = pay("a:1");
    command["deadline"] = json!(crate::common::now_secs() * 1_000 + 1_000);
    let _ = answer(&mut hasty, &command).await;
    for client in &mut clients {
        assert_eq!(client.frame_of("ack").await["id"], "a:1");
    }
}

#[tokio::test]
async fn a_session_without_the_module_reaches_no_app() {
    let app = App::saying(&[DONE]).await;
    let server = server(&app.url(), &[]).await;
    let mut chat_only = hello("u_1", "laptop");
    chat_only["token"] = json!(token_with("u_1", json!({"modules": ["chat"]})));
    let (mut client, _) = server.welcomed(chat_only).await;
    assert_eq!(
        nacked(&answer(&mut client, &pay("a:1")).await),
        ("forbidden", "no")
    );
    assert!(app.calls().is_empty());
}

#[tokio::test]
async fn a_drain_waits_for_the_app_and_answers_what_it_had_received() {
    let app = App::saying(&[Says(200, r#"{"result": 7}"#, Duration::from_millis(400))]).await;
    let mut server = server(&app.url(), &[]).await;
    let (mut client, _) = server.session().await;
    client.send(pay("a:1")).await;
    client.send(pay("a:2")).await;
    timeout(SOON, app.called.notified())
        .await
        .expect("the app is called");
    server.shut_down();
    for id in ["a:1", "a:2"] {
        let ack = client.frame_of("ack").await;
        assert_eq!((&ack["id"], &ack["result"]), (&json!(id), &json!(7)));
    }
    assert_eq!(client.closed().await.code, 1012);
    server.ended().await;
}

#[tokio::test]
async fn a_command_that_comes_to_two_nodes_is_posted_once() {
    let Some(redis) = testing::shared() else {
        return;
    };
    let (url, prefix) = (redis.url(), testing::prefix());
    let on_redis = ["--redis", url.as_str(), "--prefix", prefix.as_str()];
    let app = App::saying(&[Says(200, r#"{"result": 7}"#, Duration::from_millis(300))]).await;
    let servers = [
        server(&app.url(), &on_redis).await,
        server(&app.url(), &on_redis).await,
    ];
    let (mut here, _) = servers[0].session().await;
    here.send(pay("a:1")).await;
    timeout(SOON, app.called.notified())
        .await
        .expect("the app is called");
    // While it runs at the one, it comes to the other.
    let (mut there, _) = servers[1].session().await;
    assert_eq!(answer(&mut there, &pay("a:1")).await["result"], 7);
    assert_eq!(app.calls().len(), 1);
    let mut other = pay("a:1");
    other["payload"] = json!({"cents": 1});
    assert_eq!(
        nacked(&answer(&mut there, &other).await),
        ("conflict", "no")
    );
}

/// The code of a section of docs/WEBHOOK.md.
fn example(language: &str) -> &'static str {
    let document = include_str!("../../../docs/WEBHOOK.md");
    let (_, code) = document
        .split_once(&format!("```{language}\n"))
        .expect("the document has an example");
    code.split_once("\n```").expect("it ends").0
}

#[tokio::test]
async fn the_examples_of_the_document_work() {
    for (language, program, ending) in [("js", "node", "mjs"), ("python", "python3", "py")] {
        let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = free.local_addr().expect("it is bound");
        drop(free);
        let file = File::new(&format!("app.{ending}"), example(language));
        let spawned = Command::new(program)
            .arg(file.path())
            .env("PORT", address.port().to_string())
            .env("WEBHOOK_SECRET", "shared")
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let Ok(_app) = spawned else {
            assert!(env::var_os("CI").is_none(), "{program} is not installed");
            eprintln!("SKIPPED: {program} is not installed");
            continue;
        };
        eventually("the app listens", || async {
            TcpStream::connect(address).await.is_ok()
        })
        .await;
        let server = server(&format!("http://{address}/"), &[]).await;
        let (mut client, _) = server.session().await;
        for _ in 0..2 {
            let ack = answer(&mut client, &pay("a:1")).await;
            assert_eq!(ack["result"], json!({"paid": 150}), "{program}");
        }
        let mut nothing = pay("a:2");
        nothing["payload"] = json!({"cents": 0});
        assert_eq!(
            nacked(&answer(&mut client, &nothing).await),
            ("invalid", "no")
        );
        // Signed with another secret, it is refused.
        let stranger = Server::with(
            &[
                "--command-webhook",
                &format!("http://{address}/"),
                "--webhook-secret",
                "another",
            ],
            |config| config.types = EventTypes::parse(TYPES).expect("it is right"),
        )
        .await;
        let (mut client, _) = stranger.session().await;
        assert_eq!(
            nacked(&answer(&mut client, &pay("a:3")).await),
            ("unavailable", "no")
        );
    }
}
