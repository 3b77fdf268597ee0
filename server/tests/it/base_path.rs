//! All routes under a path of their own.

use crate::common::{Client, File, LOCALHOST, Server, hello, request};

#[tokio::test]
async fn routes_are_under_the_base_path_and_nowhere_else() {
    let server = Server::flags(&["--base-path", "/realtime/v1"]).await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        let under = format!("/realtime/v1{path}");
        assert_eq!(server.get(&under).await.status, 200, "{path}");
        for elsewhere in [
            path.to_owned(),
            format!("/realtime{path}"),
            format!("/v1{path}"),
        ] {
            let error = request(server.address, "GET", &elsewhere, &[], b"")
                .await
                .error();
            assert_eq!(error, (404, "not_found".to_owned()), "{elsewhere}");
        }
    }
    let url = |path: &str| format!("ws://{}{path}", server.address);
    let open = async |path| Client::open(server.address, LOCALHOST, &url(path), &[]).await;
    let mut client = open("/realtime/v1/ws").await.expect("it is there");
    client.send(hello("u_101", "laptop")).await;
    assert_eq!(client.frame().await["t"], "welcome");
    assert!(open("/ws").await.is_err());
}

#[tokio::test]
async fn an_operator_finds_metrics_where_they_always_are() {
    let flags = ["--base-path", "/realtime", "--admin-listen", "127.0.0.1:0"];
    let server = Server::flags(&flags).await;
    let admin = server.admin.expect("it has one");
    assert_eq!(
        request(admin, "GET", "/metrics", &[], b"").await.status,
        200
    );
}

#[tokio::test]
async fn the_demo_and_its_page_are_under_the_base_path() {
    let page = File::new("index.html", "<p>hola");
    let dir = std::path::Path::new(page.path()).with_extension("static");
    std::fs::create_dir_all(&dir).expect("a directory");
    std::fs::copy(page.path(), dir.join("index.html")).expect("a file");
    let flags = [
        "--demo",
        "--base-path",
        "/realtime",
        "--static",
        dir.to_str().expect("a path"),
    ];
    let server = Server::flags(&flags).await;
    assert_eq!(server.get("/realtime/").await.text(), "<p>hola");
    assert_eq!(server.get("/realtime/orders/7").await.text(), "<p>hola");
    let json = [("content-type", "application/json")];
    let login = server.request("POST", "/realtime/login", &json, "{\"userId\":\"u_1\"}");
    assert_eq!(login.await.status, 200);
    // What the page calls `ws` would not be under the path without the slash at its end.
    let without = server.get("/realtime").await;
    assert_eq!(
        (without.status, without.header("location")),
        (308, Some("realtime/"))
    );
    std::fs::remove_dir_all(dir).expect("it is there");
}
