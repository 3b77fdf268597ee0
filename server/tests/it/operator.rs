//! What operators look at, and what is at no path.

use serde_json::json;

use crate::common::{Server, request};

#[tokio::test]
async fn health_and_readiness_are_for_everybody() {
    let server = Server::start().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn metrics_say_what_the_server_does() {
    let server = Server::start().await;
    let (mut client, _) = server.session().await;
    let _silent = server.connect().await;
    server.publish(json!({})).await;
    client.moves(1).await;
    assert_eq!(server.metric("tabwire_connections").await, 2.0);
    assert_eq!(server.metric("tabwire_sessions").await, 1.0);
    assert_eq!(server.metric("tabwire_shops").await, 1.0);
    assert_eq!(server.metric("tabwire_events_appended_total").await, 1.0);
    assert_eq!(server.metric("tabwire_frames_sent_total").await, 2.0);
    assert_eq!(server.metric("tabwire_frames_received_total").await, 1.0);
    assert_eq!(
        server
            .metric(r#"tabwire_resumes_total{resume="fresh"}"#)
            .await,
        1.0
    );
    let format = server.get("/metrics").await;
    assert!(
        format
            .header("content-type")
            .is_some_and(|format| format.starts_with("application/openmetrics-text"))
    );
}

#[tokio::test]
async fn with_an_admin_listener_metrics_are_only_there() {
    let server = Server::flags(&["--admin-listen", "127.0.0.1:0"]).await;
    let admin = server.admin.expect("it has one");
    assert_eq!(
        server.get("/metrics").await.error(),
        (404, "not_found".to_owned())
    );
    assert_eq!(
        request(admin, "GET", "/metrics", &[], b"").await.status,
        200
    );
    assert_eq!(request(admin, "GET", "/readyz", &[], b"").await.status, 200);
    assert_eq!(
        request(admin, "GET", "/sessions", &[], b"").await.error(),
        (404, "not_found".to_owned())
    );
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there_are_told_so() {
    let server = Server::start().await;
    for path in [
        "/",
        "/nowhere",
        "/events/1",
        "/sessions/a/b",
        "/login",
        "/state",
        "/../etc/passwd",
    ] {
        assert_eq!(
            server.get(path).await.error(),
            (404, "not_found".to_owned()),
            "{path}"
        );
    }
    for (method, path) in [
        ("GET", "/events"),
        ("POST", "/position"),
        ("POST", "/sessions"),
        ("GET", "/sessions/u_101"),
        ("POST", "/ws"),
        ("DELETE", "/healthz"),
        ("PATCH", "/metrics"),
    ] {
        let response = server.request(method, path, &[], "").await;
        assert_eq!(
            response.error(),
            (405, "method_not_allowed".to_owned()),
            "{method} {path}"
        );
    }
}
