//! The demo's logins, state, files, and pages of other origins.

use serde_json::{Value, json};

use crate::common::{Client, Response, Server, now_secs};

const JSON: (&str, &str) = ("content-type", "application/json");

async fn login(server: &Server, body: &Value) -> Response {
    server
        .request("POST", "/login", &[JSON], &body.to_string())
        .await
}

async fn logged_in(server: &Server, user: &str) -> String {
    let login = login(server, &json!({"userId": user})).await;
    assert_eq!(login.status, 200, "{}", login.text());
    login.json()["token"].as_str().expect("a token").to_owned()
}

async fn session(server: &Server, token: &str) -> (Client, Value) {
    let hello = json!({"t": "hello", "v": 1, "token": token, "device": "laptop", "features": []});
    server.welcomed(hello).await
}

async fn state(server: &Server, token: &str) -> Value {
    let bearer = format!("Bearer {token}");
    let state = server
        .request("GET", "/state", &[("authorization", &bearer)], "")
        .await;
    assert_eq!(state.status, 200, "{}", state.text());
    state.json()
}

#[tokio::test]
async fn everybody_may_log_in_and_connect() {
    let server = Server::flags(&["--demo"]).await;
    let response = login(&server, &json!({"userId": "u_1"})).await.json();
    assert_eq!(
        (&response["userId"], &response["shopId"]),
        (&json!("u_1"), &json!("s_1"))
    );
    assert_eq!(response["modules"], json!(["chat", "orders"]));
    assert!(
        response["expiresAt"]
            .as_u64()
            .is_some_and(|at| at > now_secs() * 1_000)
    );
    let (_client, welcome) = session(&server, response["token"].as_str().expect("a token")).await;
    assert_eq!(
        (&welcome["userId"], &welcome["expiresAt"]),
        (&json!("u_1"), &response["expiresAt"])
    );

    let body = json!({"userId": "u_2", "shopId": "s_2", "modules": ["chat"]});
    let response = login(&server, &body).await.json();
    assert_eq!(
        (&response["shopId"], &response["modules"]),
        (&json!("s_2"), &json!(["chat"]))
    );
    let response = login(&server, &json!({"userId": "a b"})).await;
    assert_eq!(response.error(), (422, "invalid".to_owned()));
}

#[tokio::test]
async fn a_token_can_be_exchanged_for_a_new_one() {
    let server = Server::flags(&["--demo"]).await;
    let bearer = format!("Bearer {}", logged_in(&server, "u_1").await);
    let refreshed = server
        .request("POST", "/refresh", &[("authorization", &bearer)], "")
        .await;
    assert_eq!(
        (refreshed.status, &refreshed.json()["userId"]),
        (200, &json!("u_1"))
    );
    session(
        &server,
        refreshed.json()["token"].as_str().expect("a token"),
    )
    .await;
    for headers in [&[][..], &[("authorization", "Bearer a.b.c")]] {
        let refused = server.request("POST", "/refresh", headers, "").await;
        assert_eq!(refused.error(), (401, "unauthorized".to_owned()));
    }
}

#[tokio::test]
async fn the_state_is_made_of_the_events_up_to_its_position() {
    let server = Server::flags(&["--demo"]).await;
    let token = logged_in(&server, "u_1").await;
    let (mut client, welcome) = session(&server, &token).await;
    assert_eq!(
        state(&server, &token).await,
        json!({"state": {"orders": [], "chat": []}, "epoch": welcome["epoch"], "lastEventId": 0})
    );
    let order = json!({"orderId": "o_1", "customer": "Ana", "item": "Tea", "total": 3});
    for (n, (event_type, payload)) in [
        ("order_created", order),
        ("order_updated", json!({"orderId": "o_1", "status": "paid"})),
        ("chat_message", json!({"text": "hola"})),
    ]
    .into_iter()
    .enumerate()
    {
        let command =
            json!({"t": "command", "id": format!("a:{n}"), "type": event_type, "payload": payload});
        client.send(command).await;
        client.frame_of("ack").await;
    }
    let state = state(&server, &token).await;
    assert_eq!(state["lastEventId"], 3);
    let order =
        json!({"orderId": "o_1", "customer": "Ana", "item": "Tea", "total": 3, "status": "paid"});
    assert_eq!(state["state"]["orders"], json!([order]));
    let line = &state["state"]["chat"][0];
    assert_eq!(
        (&line["id"], &line["by"], &line["text"]),
        (&json!(3), &json!("u_1"), &json!("hola"))
    );
    assert!(line["timestamp"].is_u64());
    let refused = server.get("/state").await;
    assert_eq!(refused.error(), (401, "unauthorized".to_owned()));
}

async fn prank(server: &Server, path: &str, token: &str) -> Response {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    server.request("POST", path, &headers, "").await
}

#[tokio::test]
async fn a_restarted_log_is_another_one_whose_sessions_refresh_and_no_other_shop_hears_of_it() {
    let server = Server::flags(&["--demo"]).await;
    let token = logged_in(&server, "u_1").await;
    let elsewhere = login(&server, &json!({"userId": "u_2", "shopId": "s_2"})).await;
    let elsewhere = elsewhere.json()["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let (mut client, welcome) = session(&server, &token).await;
    let before = state(&server, &elsewhere).await;
    let order = json!({"orderId": "o_1", "customer": "Ana", "item": "Tea", "total": 3});
    let id = server.publish(order).await;
    client.frame_of("event").await;

    let restarted = prank(&server, "/demo/restart", &token).await;
    assert_eq!(restarted.status, 200, "{}", restarted.text());
    let epoch = restarted.json()["epoch"].clone();
    assert_ne!(epoch, welcome["epoch"]);
    assert_eq!(restarted.json()["head"], id, "ids go on counting");
    let refresh = client.frame_of("full_refresh").await;
    assert_eq!(
        (&refresh["reason"], &refresh["epoch"], &refresh["at"]),
        (&json!("epoch_changed"), &epoch, &json!(id))
    );
    assert_eq!(
        state(&server, &token).await,
        json!({"state": {"orders": [], "chat": []}, "epoch": epoch, "lastEventId": id})
    );
    assert_eq!(state(&server, &elsewhere).await, before);
}

#[tokio::test]
async fn a_rush_is_a_thousand_events_of_the_own_shop() {
    let server = Server::flags(&["--demo"]).await;
    let token = logged_in(&server, "u_1").await;
    let (mut client, welcome) = session(&server, &token).await;
    let rush = prank(&server, "/demo/rush", &token).await;
    assert_eq!(rush.status, 201, "{}", rush.text());
    assert_eq!(
        rush.json(),
        json!({"epoch": welcome["epoch"], "first": 1, "last": 1_000})
    );
    for id in 1..=1_000 {
        assert_eq!(client.frame_of("event").await["id"], id);
    }
    let state = state(&server, &token).await;
    assert_eq!(state["lastEventId"], 1_000);
    assert_eq!(state["state"]["orders"].as_array().map(Vec::len), Some(20));
}

#[tokio::test]
async fn nobody_plays_with_a_shop_without_its_token() {
    let server = Server::flags(&["--demo"]).await;
    for path in ["/demo/restart", "/demo/rush"] {
        for token in ["", "a.b.c"] {
            let refused = prank(&server, path, token).await;
            assert_eq!(refused.error(), (401, "unauthorized".to_owned()), "{path}");
        }
    }
    // Outside of the demo there is nothing to play with.
    let server = Server::start().await;
    for path in ["/demo/restart", "/demo/rush"] {
        assert_eq!(prank(&server, path, "").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn an_order_is_not_cancelled_by_those_who_placed_it() {
    let server = Server::flags(&["--demo"]).await;
    let token = logged_in(&server, "u_1").await;
    let (mut client, _) = session(&server, &token).await;
    client
        .send(json!({"t": "command", "id": "a:1", "type": "order_cancelled", "payload": {"orderId": "o_1"}}))
        .await;
    let nack = client.frame_of("nack").await;
    assert_eq!(
        (&nack["code"], &nack["executed"]),
        (&json!("forbidden"), &json!("no"))
    );
}

#[tokio::test]
async fn files_are_served_with_their_types_and_paths_of_the_app_get_its_page() {
    let dir = std::env::temp_dir().join(format!("tabwire-static-{}", std::process::id()));
    std::fs::create_dir_all(dir.join("assets")).expect("a directory");
    for (name, content) in [
        ("index.html", "<p>hola"),
        ("assets/a.js", "1"),
        ("assets/a.wasm", "w"),
        ("assets/a.css", "c"),
    ] {
        std::fs::write(dir.join(name), content).expect("a file");
    }
    let server = Server::flags(&["--static", dir.to_str().expect("a path")]).await;
    for (path, content_type, content) in [
        ("/", "text/html", "<p>hola"),
        ("/index.html", "text/html", "<p>hola"),
        ("/orders/7", "text/html", "<p>hola"),
        ("/assets/a.js", "text/javascript", "1"),
        ("/assets/a.wasm", "application/wasm", "w"),
        ("/assets/a.css", "text/css", "c"),
    ] {
        let file = server.get(path).await;
        assert_eq!(
            (file.status, file.text().as_str()),
            (200, content),
            "{path}"
        );
        assert_eq!(file.header("content-type"), Some(content_type), "{path}");
    }
    for path in [
        "/assets/b.js",
        "/assets/../../etc/passwd.txt",
        "/%2e%2e/%2e%2e/etc/host.conf",
    ] {
        assert_eq!(
            server.get(path).await.error(),
            (404, "not_found".to_owned()),
            "{path}"
        );
    }
    // The API is not shadowed by files.
    assert_eq!(server.get("/healthz").await.json()["status"], "ok");
    std::fs::remove_dir_all(dir).expect("it is there");
}

#[tokio::test]
async fn a_demo_without_files_says_how_to_get_them() {
    let server = Server::flags(&["--demo"]).await;
    let page = server.get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("cargo xtask demo"));
}

#[tokio::test]
async fn pages_of_this_machine_may_call_the_demo_and_no_others() {
    let server = Server::flags(&["--demo"]).await;
    for (origin, allowed) in [
        ("http://localhost:5173", true),
        ("http://127.0.0.1:1", true),
        ("https://example.com", false),
    ] {
        let ask = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
        ];
        let preflight = server.request("OPTIONS", "/login", &ask, "").await;
        assert_eq!(preflight.status, 204);
        let response = server
            .request("GET", "/healthz", &[("origin", origin)], "")
            .await;
        for response in [preflight, response] {
            let allow = response.header("access-control-allow-origin");
            assert_eq!(allow, allowed.then_some(origin), "{origin}");
        }
    }
    // Outside of the demo nothing is allowed.
    let server = Server::start().await;
    let response = server
        .request(
            "GET",
            "/healthz",
            &[("origin", "http://localhost:5173")],
            "",
        )
        .await;
    assert_eq!(response.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn the_demo_has_books_for_a_hundred_shops() {
    let server = Server::flags(&["--demo"]).await;
    for n in 0..=100 {
        let body = json!({"userId": "u_1", "shopId": format!("s_{n}")});
        let token = login(&server, &body).await.json()["token"].clone();
        let bearer = format!("Bearer {}", token.as_str().expect("a token"));
        let state = server
            .request("GET", "/state", &[("authorization", &bearer)], "")
            .await;
        assert_eq!(state.status, if n < 100 { 200 } else { 429 }, "shop {n}");
    }
}
