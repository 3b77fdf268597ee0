//! `GET /sessions` and `DELETE /sessions/{userId}`.

use serde_json::json;

use crate::common::{Server, eventually, hello, token_with};

#[tokio::test]
async fn a_session_is_found_with_what_is_known_of_it() {
    let server = Server::start().await;
    let (mut client, welcome) = server.session().await;
    server.publish(json!({})).await;
    client.moves(1).await;
    let found = server.as_publisher("GET", "/sessions").await;
    assert_eq!(found.status, 200);
    let found = found.json();
    assert_eq!(found["next"], json!(null));
    let session = &found["sessions"][0];
    for (field, value) in [
        ("userId", json!("u_101")),
        ("socketId", welcome["socketId"].clone()),
        ("shopId", json!("s_1")),
        ("modules", json!(["chat", "orders"])),
        ("device", json!("laptop")),
        ("lastEventId", json!(1)),
    ] {
        assert_eq!(session[field], value, "{field}");
    }
    assert!(session["connectedAt"].is_u64() && session["node"].is_string());
}

#[tokio::test]
async fn sessions_are_found_by_shop_module_and_user_in_pages() {
    let server = Server::start().await;
    let mut clients = Vec::new();
    for (user, shop, modules) in [
        ("u_1", "s_1", json!(["orders"])),
        ("u_2", "s_1", json!(["chat"])),
        ("u_3", "s_1", json!(["orders", "chat"])),
        ("u:4@x", "s_2", json!(["orders"])),
    ] {
        let mut hello = hello(user, "laptop");
        hello["token"] = json!(token_with(
            user,
            json!({"shopId": shop, "modules": modules})
        ));
        clients.push(server.welcomed(hello).await);
    }
    let users = async |query: &str| {
        let found = server
            .as_publisher("GET", &format!("/sessions?{query}"))
            .await
            .json();
        let sessions = found["sessions"].as_array().expect("a list").clone();
        let users: Vec<_> = sessions
            .into_iter()
            .map(|session| session["userId"].clone())
            .collect();
        (json!(users), found["next"].clone())
    };
    let none = json!(null);
    assert_eq!(
        users("").await,
        (json!(["u:4@x", "u_1", "u_2", "u_3"]), none.clone())
    );
    assert_eq!(
        users("shopId=s_1").await,
        (json!(["u_1", "u_2", "u_3"]), none.clone())
    );
    assert_eq!(
        users("shopId=s_1&module=chat").await,
        (json!(["u_2", "u_3"]), none.clone())
    );
    assert_eq!(
        users("userId=u%3A4%40x").await,
        (json!(["u:4@x"]), none.clone())
    );
    assert_eq!(users("userId=nobody").await, (json!([]), none.clone()));
    assert_eq!(
        users("shopId=s_1&limit=2").await,
        (json!(["u_1", "u_2"]), json!("u_2"))
    );
    assert_eq!(
        users("shopId=s_1&limit=2&after=u_2").await,
        (json!(["u_3"]), none)
    );
}

#[tokio::test]
async fn queries_that_are_wrong_are_refused_with_the_parameter() {
    let server = Server::start().await;
    for query in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "shopId=",
        "module=a%20b",
        "userId=%20",
        "after=",
    ] {
        let response = server
            .as_publisher("GET", &format!("/sessions?{query}"))
            .await;
        assert_eq!(response.error(), (400, "bad_query".to_owned()), "{query}");
        let name = query.split('=').next().expect("a name");
        assert!(response.text().contains(name), "{}", response.text());
    }
    let response = server.as_publisher("DELETE", "/sessions/a%20b").await;
    assert_eq!(response.error(), (400, "bad_query".to_owned()));
    assert_eq!(
        server.get("/sessions").await.error(),
        (401, "unauthorized".to_owned())
    );
    let response = server.request("DELETE", "/sessions/u_101", &[], "").await;
    assert_eq!(response.error(), (401, "unauthorized".to_owned()));
}

#[tokio::test]
async fn a_deleted_session_is_closed_with_4403() {
    let server = Server::start().await;
    let (mut client, _) = server.session().await;
    let (mut other, _) = server.welcomed(hello("u_2", "laptop")).await;
    let response = server.as_publisher("DELETE", "/sessions/u%5F101").await;
    assert_eq!((response.status, response.text().as_str()), (204, ""));
    let closed = client.closed().await;
    assert_eq!((closed.code, &closed.bye["retry"]), (4403, &json!(false)));
    eventually("it is gone", || async {
        let found = server
            .as_publisher("GET", "/sessions?userId=u_101")
            .await
            .json();
        found["sessions"] == json!([])
    })
    .await;
    server.publish(json!({})).await;
    assert_eq!(other.moves(1).await, ["event 0>1"]);
    // Nobody there is no error.
    assert_eq!(
        server
            .as_publisher("DELETE", "/sessions/nobody")
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn a_device_can_be_closed_without_the_others() {
    let server = Server::start().await;
    let (mut client, _) = server.session().await;
    assert_eq!(
        server
            .as_publisher("DELETE", "/sessions/u_101?device=phone")
            .await
            .status,
        204
    );
    server.publish(json!({})).await;
    assert_eq!(client.moves(1).await, ["event 0>1"]);
    let mut phone = server.connect().await;
    phone.send(hello("u_101", "phone")).await;
    assert_eq!(phone.closed().await.code, 4401);
    assert_eq!(
        server
            .as_publisher("DELETE", "/sessions/u_101?device=laptop")
            .await
            .status,
        204
    );
    assert_eq!(client.closed().await.code, 4403);
}
