//! Coming back: what is replayed, and when there is a refresh instead.

use serde_json::{Value, json};

use crate::common::{Client, Server, brief, hello, hello_from, request_sync, token_with};

/// Comes back with a cursor; what the welcome says.
async fn back(server: &Server, hello: Value) -> (Client, Value, String) {
    let (client, welcome) = server.welcomed(hello).await;
    let resume = welcome["resume"].as_str().expect("it says so").to_owned();
    (client, welcome, resume)
}

#[tokio::test]
async fn who_comes_back_gets_what_was_missed_then_synced() {
    let server = Server::start().await;
    let (client, welcome) = server.session().await;
    client.close().await;
    server.publish_many(3, &json!({})).await;
    let (mut client, again, resume) = back(&server, hello_from(&welcome, 0)).await;
    assert_eq!((resume.as_str(), &again["at"]), ("replay", &json!(3)));
    assert_eq!(
        client.moves(4).await,
        ["event 0>1", "event 1>2", "event 2>3", "synced 3>3"]
    );
    server.publish(json!({})).await;
    assert_eq!(client.moves(1).await, ["event 3>4"]);
}

#[tokio::test]
async fn who_missed_nothing_is_synced_too() {
    let server = Server::start().await;
    let (_, welcome) = server.session().await;
    let (mut client, _, resume) = back(&server, hello_from(&welcome, 0)).await;
    assert_eq!(resume, "replay");
    assert_eq!(client.moves(1).await, ["synced 0>0"]);
}

#[tokio::test]
async fn what_was_published_before_anybody_came_is_replayed_from_the_log() {
    let server = Server::start().await;
    server.publish_many(300, &json!({})).await;
    let (_, welcome) = server.session().await;
    assert_eq!(welcome["at"], 300);
    // The tail begins at the head: all of this is read in pages from the log.
    let (mut client, _, resume) = back(&server, hello_from(&welcome, 10)).await;
    assert_eq!(resume, "replay");
    for id in 11..=300 {
        assert_eq!(
            brief(&client.frame().await),
            format!("event {}>{id}", id - 1)
        );
    }
    assert_eq!(client.moves(1).await, ["synced 300>300"]);
}

#[tokio::test]
async fn a_cursor_of_another_epoch_is_refreshed() {
    let server = Server::start().await;
    server.publish(json!({})).await;
    let (_, welcome) = server.session().await;
    let mut hello = hello_from(&welcome, 1);
    hello["epoch"] = json!("another");
    let (mut client, _, resume) = back(&server, hello).await;
    assert_eq!(resume, "full_refresh");
    let refresh = client.frame().await;
    assert_eq!(brief(&refresh), "epoch_changed at 1");
    assert_eq!(
        (&refresh["epoch"], &refresh["view"]),
        (&welcome["epoch"], &welcome["view"])
    );
    assert!(refresh["spreadMs"].is_u64());
    server.publish(json!({})).await;
    assert_eq!(client.moves(1).await, ["event 1>2"]);
}

#[tokio::test]
async fn a_cursor_of_another_view_is_refreshed() {
    let server = Server::start().await;
    let (_, welcome) = server.session().await;
    let mut hello = hello_from(&welcome, 0);
    hello["token"] = json!(token_with("u_101", json!({"modules": ["chat"]})));
    let (mut client, again, resume) = back(&server, hello).await;
    assert_eq!(resume, "full_refresh");
    assert_ne!(again["view"], welcome["view"]);
    assert_eq!(client.moves(1).await, ["view_changed at 0"]);
}

#[tokio::test]
async fn a_cursor_ahead_of_the_log_is_refreshed() {
    let server = Server::start().await;
    let (_, welcome) = server.session().await;
    let (mut client, _, resume) = back(&server, hello_from(&welcome, 1)).await;
    assert_eq!(resume, "full_refresh");
    assert_eq!(client.moves(1).await, ["unknown_position at 0"]);
}

#[tokio::test]
async fn a_cursor_whose_events_have_expired_is_refreshed_but_not_one_at_the_head() {
    let server = Server::flags(&["--retention", "50ms"]).await;
    let (_, welcome) = server.session().await;
    server.publish_many(3, &json!({})).await;
    crate::common::eventually("they expire", || async {
        let (mut client, _, resume) = back(&server, hello_from(&welcome, 2)).await;
        resume == "full_refresh" && client.moves(1).await == ["expired at 3"]
    })
    .await;
    let (mut client, _, resume) = back(&server, hello_from(&welcome, 3)).await;
    assert_eq!(resume, "replay");
    assert_eq!(client.moves(1).await, ["synced 3>3"]);
}

#[tokio::test]
async fn a_cursor_behind_the_retained_number_is_refreshed() {
    let server = Server::flags(&["--retention-events", "5"]).await;
    let (_, welcome) = server.session().await;
    server.publish_many(10, &json!({})).await;
    assert_eq!(back(&server, hello_from(&welcome, 5)).await.2, "replay");
    let (mut client, _, resume) = back(&server, hello_from(&welcome, 4)).await;
    assert_eq!(resume, "full_refresh");
    assert_eq!(client.moves(1).await, ["expired at 10"]);
}

#[tokio::test]
async fn a_replay_longer_than_max_replay_is_a_refresh_and_only_the_views_events_count() {
    let server = Server::flags(&["--max-replay", "5"]).await;
    let (_, welcome) = server.session().await;
    server.publish_many(6, &json!({})).await;
    let (mut client, _, resume) = back(&server, hello_from(&welcome, 0)).await;
    assert_eq!(resume, "full_refresh");
    assert_eq!(client.moves(1).await, ["too_far at 6"]);
    assert_eq!(back(&server, hello_from(&welcome, 1)).await.2, "replay");

    let mut chat = hello("u_1", "laptop");
    chat["token"] = json!(token_with("u_1", json!({"modules": ["chat"]})));
    let (_, welcome) = server.welcomed(chat.clone()).await;
    chat["epoch"] = welcome["epoch"].clone();
    chat["view"] = welcome["view"].clone();
    chat["lastEventId"] = json!(0);
    let (mut client, _, resume) = back(&server, chat).await;
    assert_eq!(resume, "replay");
    assert_eq!(client.moves(1).await, ["synced 0>6"]);
}

#[tokio::test]
async fn a_request_sync_sends_again_what_came_after_and_says_when_that_was_all() {
    let server = Server::start().await;
    let (mut client, welcome) = server.session().await;
    server.publish_many(3, &json!({})).await;
    client.moves(3).await;
    client.send(request_sync(&welcome, 1, 42)).await;
    assert_eq!(
        client.moves(3).await,
        ["event 1>2", "event 2>3", "synced 3>3 ref 42"]
    );
    client.send(request_sync(&welcome, 3, 43)).await;
    assert_eq!(client.moves(1).await, ["synced 3>3 ref 43"]);
}

#[tokio::test]
async fn a_request_sync_that_cannot_be_served_is_refused_and_changes_nothing_else() {
    let server = Server::flags(&["--retention-events", "2"]).await;
    let (mut client, welcome) = server.session().await;
    server.publish_many(4, &json!({})).await;
    client.moves(4).await;
    let mut other_epoch = request_sync(&welcome, 3, 1);
    other_epoch["epoch"] = json!("another");
    let mut other_view = request_sync(&welcome, 3, 2);
    other_view["view"] = json!("another");
    for (request, answer) in [
        (other_epoch, "epoch_changed at 4 ref 1"),
        (other_view, "view_changed at 4 ref 2"),
        (request_sync(&welcome, 5, 3), "unknown_position at 4 ref 3"),
    ] {
        client.send(request).await;
        assert_eq!(client.moves(1).await, [answer]);
    }
    server.publish(json!({})).await;
    assert_eq!(client.moves(1).await, ["event 4>5"]);
}

#[tokio::test]
async fn a_request_sync_further_back_than_the_replays_limit_is_refused() {
    let server = Server::flags(&["--max-replay", "2"]).await;
    let (mut client, welcome) = server.session().await;
    server.publish_many(4, &json!({})).await;
    client.moves(4).await;
    client.send(request_sync(&welcome, 1, 1)).await;
    assert_eq!(client.moves(1).await, ["too_far at 4 ref 1"]);
    client.send(request_sync(&welcome, 2, 2)).await;
    assert_eq!(
        client.moves(3).await,
        ["event 2>3", "event 3>4", "synced 4>4 ref 2"]
    );
}

#[tokio::test]
async fn a_second_request_sync_before_the_answer_to_the_first_is_out_of_order() {
    let server = Server::start().await;
    server
        .publish_many(2_000, &json!({"text": "x".repeat(1_000)}))
        .await;
    let (mut client, welcome) = server.session().await;
    // Two megabytes are on their way when the second comes.
    client.send(request_sync(&welcome, 0, 1)).await;
    client.send(request_sync(&welcome, 0, 2)).await;
    let closed = client.closed().await;
    assert_eq!(closed.code, 4400);
    assert!(closed.reason.starts_with("request_sync"), "{closed:?}");
}

#[tokio::test]
async fn a_ping_in_the_middle_of_a_replay_says_how_far_it_has_come() {
    let server = Server::start().await;
    let (_, welcome) = server.session().await;
    server
        .publish_many(3_000, &json!({"text": "x".repeat(1_000)}))
        .await;
    let (mut client, _, _) = back(&server, hello_from(&welcome, 0)).await;
    client.send(json!({"t": "ping"})).await;
    let mut last = 0;
    let mut pinged_at = None;
    loop {
        let frame = client.frame().await;
        assert_eq!(frame["prev"], last, "{frame}");
        match frame["t"].as_str() {
            Some("event") => last = frame["id"].as_u64().expect("an id"),
            Some("ping") => {
                assert_eq!(frame["upTo"], last);
                pinged_at = Some(last);
            }
            Some("synced") => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(last, 3_000);
    assert!(pinged_at.is_some_and(|at| at < 3_000), "{pinged_at:?}");
}

#[tokio::test]
async fn a_server_that_starts_anew_has_another_epoch() {
    let one = Server::start().await;
    let (_, welcome) = one.session().await;
    let other = Server::start().await;
    let (mut client, _, resume) = back(&other, hello_from(&welcome, 0)).await;
    assert_eq!(resume, "full_refresh");
    assert_eq!(client.moves(1).await, ["epoch_changed at 0"]);
}
