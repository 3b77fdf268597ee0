//! Readers that don't keep up.

use serde_json::json;

use crate::common::{Server, eventually};

/// More than the buffers of a connection on loopback hold.
const EVENTS: usize = 6_000;

fn payload() -> serde_json::Value {
    json!({"text": "x".repeat(2_000)})
}

#[tokio::test]
async fn a_slow_reader_catches_up_and_costs_others_nothing() {
    let server = Server::start().await;
    let (mut slow, _) = server.session().await;
    let (mut quick, _) = server.welcomed(crate::common::hello("u_2", "laptop")).await;
    let payload = payload();
    let publishing = server.publish_many(EVENTS, &payload);
    let reading = async {
        for id in 1..=EVENTS {
            assert_eq!(quick.frame().await["id"], id);
        }
    };
    // The quick one reads everything while the slow one reads nothing.
    tokio::join!(publishing, reading);
    for id in 1..=EVENTS {
        let event = slow.frame().await;
        assert_eq!((&event["id"], &event["prev"]), (&json!(id), &json!(id - 1)));
    }
}

#[tokio::test]
async fn a_reader_that_the_log_has_passed_is_refreshed_on_its_socket() {
    let server = Server::flags(&["--retention-events", "100"]).await;
    let (mut slow, _) = server.session().await;
    server.publish_many(EVENTS, &payload()).await;
    let mut last = 0;
    let at = loop {
        let frame = slow.frame().await;
        match frame["t"].as_str() {
            Some("event") => {
                assert_eq!(frame["prev"], last);
                last = frame["id"].as_u64().expect("an id");
            }
            Some("full_refresh") => {
                assert_eq!(frame["reason"], "expired");
                break frame["at"].as_u64().expect("a position");
            }
            other => panic!("{other:?}"),
        }
    };
    assert!(last < at, "{last} {at}");
    server.publish(json!({})).await;
    let event = slow.frame().await;
    assert_eq!(
        (&event["prev"], &event["id"]),
        (&json!(at), &json!(EVENTS + 1))
    );
}

#[tokio::test]
async fn a_socket_that_takes_nothing_for_the_write_timeout_is_closed() {
    let server = Server::flags(&["--write-timeout", "100ms"]).await;
    let (_stuck, _) = server.session().await;
    server.publish_many(EVENTS, &payload()).await;
    eventually("the stuck one is closed", || async {
        server.metric("tabwire_sessions").await == 0.0
    })
    .await;
    let limited = server.metric(r#"tabwire_limited_total{limit="write-timeout"}"#);
    assert_eq!(limited.await, 1.0);
}

#[tokio::test]
async fn a_socket_that_takes_little_at_a_time_is_not() {
    let server = Server::flags(&["--write-timeout", "2s"]).await;
    let (mut slow, _) = server.session().await;
    let payload = payload();
    let publishing = server.publish_many(EVENTS, &payload);
    // 100 KB per second for five times the write timeout: a kernel that sized its buffer by itself would not say within one
    // that there is room again.
    let reading = async {
        for id in 1..=500 {
            assert_eq!(slow.frame().await["id"], id);
            if id % 10 == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
        }
    };
    tokio::join!(publishing, reading);
    assert_eq!(server.metric("tabwire_sessions").await, 1.0);
}

#[tokio::test]
async fn a_stuck_socket_is_closed_at_once_when_it_is_told_to() {
    let server = Server::flags(&["--write-timeout", "1h"]).await;
    let (_stuck, _) = server.session().await;
    server.publish_many(EVENTS, &payload()).await;
    let response = server.as_publisher("DELETE", "/sessions/u_101").await;
    assert_eq!(response.status, 204);
    eventually("it is closed", || async {
        server.metric("tabwire_sessions").await == 0.0
    })
    .await;
}

#[tokio::test]
async fn a_frame_that_was_begun_is_finished_before_the_goodbye() {
    let server = Server::with(&["--write-timeout", "1h"], |config| {
        config.limits.close_timeout = std::time::Duration::from_secs(20);
    })
    .await;
    let (mut stuck, _) = server.session().await;
    server.publish_many(EVENTS, &payload()).await;
    let response = server.as_publisher("DELETE", "/sessions/u_101").await;
    assert_eq!(response.status, 204);
    // What the kernel has of it ends somewhere in an event.
    let mut last = 0;
    let bye = loop {
        let frame = stuck.frame().await;
        if frame["t"] != "event" {
            break frame;
        }
        assert_eq!(frame["prev"], last);
        last = frame["id"].as_u64().expect("an id");
    };
    assert_eq!((&bye["t"], &bye["code"]), (&json!("bye"), &json!(4403)));
    assert!(last < EVENTS as u64);
}
