//! PROTOCOL.md through the client's reader: what it understands of a frame is what the types of the protocol say.

#![cfg(not(target_arch = "wasm32"))]

#[path = "../../protocol/tests/support/examples.rs"]
#[expect(
    dead_code,
    reason = "the tests of the protocol read more of an example"
)]
mod examples;

use examples::{Example, From, examples};
use serde_json::{Map, Value, json};
use tabwire_client::core::{Frame, Kind, Moving, Refresh, Renewed, Welcome, decode};
use tabwire_protocol::{RefreshReason, ServerFrame};

fn of_server() -> Vec<Example> {
    let of_server = |example: &Example| example.from == From::Server;
    examples().into_iter().filter(of_server).collect()
}

/// What the client reads of a text, after a parser of JSON has looked at it, as the browser's does.
fn read(text: &str) -> Option<Frame> {
    serde_json::from_str::<Value>(text).ok()?;
    decode(text)
}

/// What the types of the protocol say the client should read.
fn expected(text: &str) -> Frame {
    match ServerFrame::decode(text).unwrap_or_else(|error| panic!("{text}: {error}")) {
        ServerFrame::Welcome(welcome) => Frame::Welcome(Box::new(Welcome {
            user: welcome.user_id,
            shop: welcome.shop_id,
            modules: welcome.modules,
            epoch: welcome.epoch,
            view: welcome.view,
            resume: welcome.resume,
            at: welcome.at,
            claim: welcome.claim,
            now: welcome.now,
            expires_at: welcome.expires_at,
            ping_ms: welcome.ping_ms,
            max_frame: welcome.max_frame,
        })),
        ServerFrame::Event(event) => Frame::Moving(Moving {
            prev: event.prev(),
            position: event.id,
            kind: Kind::Event(event.module),
        }),
        ServerFrame::Synced(synced) => Frame::Moving(Moving {
            prev: synced.prev,
            position: synced.up_to,
            kind: Kind::Synced(synced.reference),
        }),
        ServerFrame::Ping { prev, up_to, now } => Frame::Moving(Moving {
            prev,
            position: up_to,
            kind: Kind::Ping(now),
        }),
        ServerFrame::FullRefresh(refresh) => Frame::FullRefresh(Box::new(Refresh {
            reason: refresh.reason,
            epoch: refresh.epoch,
            view: refresh.view,
            at: refresh.at,
            reference: refresh.reference,
            spread_ms: refresh.spread_ms,
        })),
        ServerFrame::Ack(ack) => Frame::Outcome { id: ack.id },
        ServerFrame::Nack(nack) => Frame::Outcome { id: nack.id },
        ServerFrame::Renewed(renewed) => Frame::Renewed(Renewed {
            now: renewed.now,
            expires_at: renewed.expires_at,
            modules: renewed.modules,
            view: renewed.view,
        }),
        ServerFrame::Bye(bye) => Frame::Bye(bye),
        ServerFrame::Error(_) => Frame::Error,
    }
}

/// The example with this change, or none when it is of another kind.
fn changed(
    example: &Example,
    t: &str,
    change: impl FnOnce(&mut Map<String, Value>),
) -> Option<String> {
    let mut value: Value = serde_json::from_str(&example.text).expect("an example is JSON");
    let fields = value.as_object_mut().expect("a frame is an object");
    if fields["t"] != t {
        return None;
    }
    change(fields);
    Some(value.to_string())
}

#[test]
fn every_example_of_a_server_is_read_as_the_types_say() {
    for example in of_server() {
        assert_eq!(
            read(&example.text),
            Some(expected(&example.text)),
            "PROTOCOL.md:{}",
            example.line
        );
    }
}

#[test]
fn the_order_of_fields_and_the_space_between_them_say_nothing() {
    for example in of_server() {
        let value: Value = serde_json::from_str(&example.text).expect("an example is JSON");
        let pretty = serde_json::to_string_pretty(&value).expect("it was JSON");
        for text in [value.to_string(), pretty] {
            assert_eq!(read(&text), Some(expected(&text)), "{text}");
        }
    }
}

#[test]
fn what_is_inside_of_other_fields_is_not_taken_for_a_field_of_the_frame() {
    let traps = [
        json!("\"t\":\"bye\",\"code\":4409"),
        json!("}{\\\"]["),
        json!("\\"),
        json!("ünïcödé ☃ \u{1f600} \u{2028} \u{0}"),
        json!({"t": "bye", "id": 1, "prev": 1, "upTo": 1, "epoch": "x"}),
        json!([[[{"t": "bye"}], "]"], {"a": {"t": "bye"}}]),
        json!([]),
        json!({}),
        json!(null),
        json!(-1.5e300),
    ];
    for example in of_server() {
        for trap in &traps {
            let inner = &example.text[1..];
            // Before all other fields, and behind them.
            let before = format!("{{\"a\":{trap},{inner}");
            let behind = format!("{},\"z\":{trap}}}", &example.text[..example.text.len() - 1]);
            for text in [before, behind] {
                assert_eq!(read(&text), Some(expected(&text)), "{text}");
            }
            let with_payload = changed(&example, "event", |fields| {
                fields.insert("payload".into(), trap.clone());
            });
            if let Some(text) = with_payload {
                assert_eq!(read(&text), Some(expected(&text)), "{text}");
            }
        }
    }
}

#[test]
fn a_position_that_is_none_makes_a_frame_that_is_ignored() {
    for example in of_server() {
        for (t, field) in [
            ("event", "id"),
            ("event", "prev"),
            ("synced", "prev"),
            ("synced", "upTo"),
            ("ping", "prev"),
            ("ping", "upTo"),
            ("welcome", "at"),
            ("full_refresh", "at"),
        ] {
            for bad in [
                json!(-1),
                json!(1.5),
                json!(9_007_199_254_740_992_u64),
                json!(u64::MAX),
                json!("588"),
                json!(true),
                json!([588]),
                json!({}),
            ] {
                let text = changed(&example, t, |fields| {
                    fields.insert(field.into(), bad);
                });
                if let Some(text) = text {
                    assert!(ServerFrame::decode(&text).is_err(), "{text}");
                    assert_eq!(read(&text), None, "{text}");
                }
            }
        }
    }
}

#[test]
fn a_frame_that_lacks_a_field_which_the_client_needs_is_ignored() {
    for example in of_server() {
        for (t, field) in [
            ("event", "id"),
            ("event", "module"),
            ("synced", "prev"),
            ("synced", "upTo"),
            ("ping", "prev"),
            ("ping", "upTo"),
            ("welcome", "userId"),
            ("welcome", "modules"),
            ("welcome", "epoch"),
            ("welcome", "view"),
            ("welcome", "resume"),
            ("welcome", "at"),
            ("welcome", "claim"),
            ("welcome", "now"),
            ("welcome", "expiresAt"),
            ("welcome", "pingMs"),
            ("welcome", "maxFrame"),
            ("full_refresh", "reason"),
            ("full_refresh", "epoch"),
            ("full_refresh", "view"),
            ("full_refresh", "at"),
            ("ack", "id"),
            ("nack", "id"),
            ("renewed", "modules"),
            ("renewed", "view"),
            ("bye", "code"),
        ] {
            let text = changed(&example, t, |fields| {
                fields.remove(field);
            });
            if let Some(text) = text {
                assert_eq!(read(&text), None, "{text}");
            }
        }
    }
}

#[test]
fn a_largest_position_is_read_exactly() {
    let text = r#"{"t":"ping","prev":9007199254740990,"upTo":9007199254740991}"#;
    assert_eq!(read(text), Some(expected(text)));
    let text = r#"{"t":"ping","prev":0,"upTo":1,"now":9007199254740991}"#;
    assert_eq!(read(text), Some(expected(text)));
}

#[test]
fn a_kind_of_frame_that_this_version_does_not_know_is_ignored() {
    for text in [
        r#"{"t":"presence","users":[]}"#,
        r#"{"t":""}"#,
        r#"{"t":null}"#,
        r#"{"t":7}"#,
        r#"{"t":["ping"],"prev":0,"upTo":1}"#,
        r#"{"T":"ping","prev":0,"upTo":1}"#,
        r#"{}"#,
        "[]",
        "null",
        "7",
        "\"ping\"",
        r#"[{"t":"error"}]"#,
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn what_is_no_json_is_ignored() {
    let text = r#"{"t":"ping","prev":0,"upTo":1}"#;
    assert!(read(text).is_some());
    for end in 0..text.len() {
        assert_eq!(read(&text[..end]), None, "{}", &text[..end]);
    }
    for text in [
        "{\"t\":\"error\"",
        "{\"t\":\"error\",}",
        "{'t':'error'}",
        "t:error",
        "\u{feff}{}",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn what_is_no_json_does_not_panic_even_if_nobody_looked_at_it_before() {
    for example in of_server() {
        for (index, _) in example.text.char_indices() {
            let _ = decode(&example.text[..index]);
            let _ = decode(&example.text[index..]);
        }
    }
    for text in [
        "",
        "{",
        "{\"",
        "{\"t",
        "{\"t\":",
        "{\"t\":\"",
        "{:",
        "{,",
        "{]}",
        "{\\",
        "{\"\\",
        "]]]]",
        "{\"t\":\"event\"ü}",
    ] {
        let _ = decode(text);
    }
    let _ = decode(&format!("{{\"a\":{}", "[".repeat(100_000)));
}

#[test]
fn every_reason_for_a_refresh_is_read() {
    for reason in [
        "unknown_position",
        "epoch_changed",
        "expired",
        "too_far",
        "view_changed",
    ] {
        let text = format!(
            r#"{{"t":"full_refresh","reason":"{reason}","epoch":"e","view":"v","at":5,"spreadMs":0}}"#
        );
        assert_eq!(read(&text), Some(expected(&text)), "{text}");
    }
}

#[test]
fn a_refresh_for_a_reason_of_a_later_version_is_one_without_a_condition() {
    let text = r#"{"t":"full_refresh","reason":"moon_phase","epoch":"e","view":"v","at":5}"#;
    let Some(Frame::FullRefresh(refresh)) = read(text) else {
        panic!("it is a refresh");
    };
    assert_eq!(refresh.reason, RefreshReason::UnknownPosition);
    assert_eq!(
        (refresh.at.get(), refresh.reference, refresh.spread_ms),
        (5, None, 0)
    );
}
