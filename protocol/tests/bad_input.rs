//! What a peer may send by mistake or on purpose: it is refused, the message says what is wrong, and nothing panics.

use tabwire_protocol::{ClientFrame, DecodeError, Position, ServerFrame};

/// The message about a client's text that is no frame.
fn refused(text: &str) -> String {
    match ClientFrame::decode(text) {
        Err(DecodeError::Malformed(what)) => what,
        other => panic!("{text}: {other:?}"),
    }
}

fn refused_server(text: &str) -> String {
    match ServerFrame::decode(text) {
        Err(DecodeError::Malformed(what)) => what,
        other => panic!("{text}: {other:?}"),
    }
}

/// Asserts that the text is refused with a message that has all these words.
fn names(text: &str, words: &[&str]) {
    let what = refused(text);
    for word in words {
        assert!(what.contains(word), "{text}: {what:?} lacks {word:?}");
    }
}

const HELLO: &str = r#"{"t":"hello","v":1,"token":"x","device":"d_1""#;

fn hello(more: &str) -> String {
    format!("{HELLO}{more}}}")
}

#[test]
fn what_is_no_json_object_with_a_t_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "hello",
        "null",
        "1",
        "\"hello\"",
        "[]",
        "[{\"t\":\"ping\"}]",
        "{}",
        r#"{"v":1}"#,
        r#"{"t":1}"#,
        r#"{"t":null}"#,
        r#"{"t":{"t":"ping"}}"#,
        r#"{"t":"ping"}{"t":"ping"}"#,
        r#"{"t":"ping","t":"ping"}"#,
        "{\"t\":\"ping\",}",
        "\u{feff}{\"t\":\"ping\"}",
    ] {
        let what = refused(text);
        assert!(what.contains("\"t\""), "{text:?}: {what}");
        refused_server(text);
    }
}

#[test]
fn json_that_is_broken_says_where() {
    names("{\"t\":\"ping\"", &["column"]);
    names("{\"t\":\"hello\",\"v\":1,,}", &["line 1", "column"]);
}

#[test]
fn a_t_that_nobody_knows_is_unknown_and_not_malformed() {
    for text in [
        r#"{"t":"subscribe"}"#,
        r#"{"t":""}"#,
        r#"{"t":"PING"}"#,
        r#"{"t":"welcome","v":"not even read"}"#,
        r#"{"t":"\u0070ing2"}"#,
    ] {
        let Err(DecodeError::Unknown(t)) = ClientFrame::decode(text) else {
            panic!("{text}");
        };
        assert!(!t.contains('"'), "{t}");
    }
    assert!(matches!(
        ServerFrame::decode(r#"{"t":"hello"}"#),
        Err(DecodeError::Unknown(t)) if t == "hello"
    ));
}

#[test]
fn a_t_may_be_written_with_escapes_and_stand_anywhere() {
    assert!(matches!(
        ClientFrame::decode(r#"{"x":[{"t":"hello"}],"t":"\u0070ing"}"#),
        Ok(ClientFrame::Ping)
    ));
}

#[test]
fn fields_that_nobody_knows_are_ignored() {
    let text = hello(r#","colour":"red","nested":{"epoch":1}"#);
    assert!(
        matches!(ClientFrame::decode(&text), Ok(ClientFrame::Hello(hello)) if hello.cursor.is_none())
    );
}

#[test]
fn an_id_is_an_integer_from_0_to_2_53_minus_1() {
    for (id, good) in [
        ("0", true),
        ("9007199254740991", true),
        ("9007199254740992", false),
        ("18446744073709551615", false),
        ("18446744073709551616", false),
        ("-1", false),
        ("-0.5", false),
        ("1.5", false),
        ("1e3", false),
        ("\"5\"", false),
        ("true", false),
        ("[5]", false),
        ("{}", false),
    ] {
        for text in [
            hello(&format!(r#","epoch":"e","view":"v","lastEventId":{id}"#)),
            format!(r#"{{"t":"request_sync","ref":1,"epoch":"e","view":"v","lastEventId":{id}}}"#),
            format!(r#"{{"t":"pong","lastEventId":{id}}}"#),
        ] {
            if good {
                assert!(ClientFrame::decode(&text).is_ok(), "{text}");
            } else {
                names(&text, &["lastEventId"]);
            }
        }
        let text = format!(r#"{{"t":"ping","prev":0,"upTo":{id}}}"#);
        if good {
            assert!(ServerFrame::decode(&text).is_ok(), "{text}");
        } else {
            let what = refused_server(&text);
            assert!(what.contains("upTo"), "{text}: {what}");
        }
    }
}

#[test]
fn a_cursor_is_three_fields_or_none() {
    let fields = [r#","epoch":"e""#, r#","view":"v""#, r#","lastEventId":5"#];
    for chosen in 0..8_u32 {
        let some: String = (0..3)
            .filter(|index| chosen & (1 << index) != 0)
            .map(|index| fields[index])
            .collect();
        let text = hello(&some);
        match chosen {
            0 => assert!(
                matches!(ClientFrame::decode(&text), Ok(ClientFrame::Hello(hello)) if hello.cursor.is_none())
            ),
            7 => assert!(
                matches!(ClientFrame::decode(&text), Ok(ClientFrame::Hello(hello)) if hello.cursor.as_ref().is_some_and(|cursor| cursor.last == Position::new(5).unwrap()))
            ),
            _ => names(&text, &["epoch", "view", "lastEventId"]),
        }
        let text = format!(r#"{{"t":"request_sync","ref":1{some}}}"#);
        match chosen {
            7 => assert!(ClientFrame::decode(&text).is_ok()),
            _ => names(&text, &["epoch", "view", "lastEventId"]),
        }
    }
}

#[test]
fn a_field_that_is_missing_or_of_the_wrong_type_is_named() {
    for (text, field) in [
        (r#"{"t":"hello","token":"x","device":"d"}"#, "v"),
        (r#"{"t":"hello","v":1,"device":"d"}"#, "token"),
        (r#"{"t":"hello","v":1,"token":"x"}"#, "device"),
        (r#"{"t":"hello","v":"1","token":"x","device":"d"}"#, "v"),
        (r#"{"t":"hello","v":-1,"token":"x","device":"d"}"#, "v"),
        (r#"{"t":"hello","v":1.5,"token":"x","device":"d"}"#, "v"),
        (r#"{"t":"hello","v":1,"token":null,"device":"d"}"#, "token"),
        (r#"{"t":"hello","v":1,"token":["x"],"device":"d"}"#, "token"),
        (r#"{"t":"hello","v":1,"token":"x","device":7}"#, "device"),
        (r#"{"t":"hello","v":1,"token":"x","device":""}"#, "device"),
        (
            r#"{"t":"hello","v":1,"token":"x","device":"a b"}"#,
            "device",
        ),
        (
            r#"{"t":"hello","v":1,"token":"x","device":"d","claim":-1}"#,
            "claim",
        ),
        (
            r#"{"t":"hello","v":1,"token":"x","device":"d","claim":9007199254740992}"#,
            "claim",
        ),
        (
            r#"{"t":"hello","v":1,"token":"x","device":"d","claim":"8"}"#,
            "claim",
        ),
        (
            r#"{"t":"hello","v":1,"token":"x","device":"d","features":"all"}"#,
            "features",
        ),
        (
            r#"{"t":"hello","v":1,"token":"x","device":"d","features":[1]}"#,
            "features",
        ),
        (
            r#"{"t":"hello","v":1,"token":"x","device":"d","epoch":9,"view":"v","lastEventId":1}"#,
            "epoch",
        ),
        (
            r#"{"t":"hello","v":1,"token":"x","device":"d","epoch":"e","view":"a/b","lastEventId":1}"#,
            "view",
        ),
        (
            r#"{"t":"request_sync","epoch":"e","view":"v","lastEventId":1}"#,
            "ref",
        ),
        (
            r#"{"t":"request_sync","ref":"4","epoch":"e","view":"v","lastEventId":1}"#,
            "ref",
        ),
        (
            r#"{"t":"request_sync","ref":9007199254740992,"epoch":"e","view":"v","lastEventId":1}"#,
            "ref",
        ),
        (
            r#"{"t":"request_sync","ref":-4,"epoch":"e","view":"v","lastEventId":1}"#,
            "ref",
        ),
        (
            r#"{"t":"command","type":"chat_message","payload":{}}"#,
            "id",
        ),
        (
            r#"{"t":"command","id":12,"type":"chat_message","payload":{}}"#,
            "id",
        ),
        (r#"{"t":"command","id":"a:1","payload":{}}"#, "type"),
        (
            r#"{"t":"command","id":"a:1","type":"chat message","payload":{}}"#,
            "type",
        ),
        (
            r#"{"t":"command","id":"a:1","type":"chat_message"}"#,
            "payload",
        ),
        (
            r#"{"t":"command","id":"a:1","type":"chat_message","payload":{},"deadline":"soon"}"#,
            "deadline",
        ),
        (
            r#"{"t":"command","id":"a:1","type":"chat_message","payload":{},"deadline":-1}"#,
            "deadline",
        ),
        (
            r#"{"t":"command","id":"a:1","type":"chat_message","payload":{},"deadline":1.5}"#,
            "deadline",
        ),
        (r#"{"t":"renew"}"#, "token"),
        (r#"{"t":"renew","token":1}"#, "token"),
        (r#"{"t":"pong"}"#, "lastEventId"),
    ] {
        let what = refused(text);
        assert!(
            what.split(|c: char| !c.is_alphanumeric())
                .any(|word| word == field),
            "{text}: {what:?} does not name {field}"
        );
    }
}

#[test]
fn a_name_has_1_to_128_characters_of_its_alphabet() {
    let with_device =
        |device: &str| format!(r#"{{"t":"hello","v":1,"token":"x","device":"{device}"}}"#);
    for good in ["a", "A-Z_0.9:@", &"x".repeat(128)] {
        assert!(ClientFrame::decode(&with_device(good)).is_ok(), "{good}");
    }
    for bad in ["", " ", "ü", "a b", "\\u0000", "a/b", &"x".repeat(129)] {
        names(&with_device(bad), &["1 to 128 of A-Z a-z 0-9 _ . : @ -"]);
    }
}

#[test]
fn a_payload_is_any_json_and_passed_on_as_it_came() {
    for payload in [
        "null",
        "0",
        "\"text\"",
        "[ ]",
        "{ \"a\" : 1e400 }",
        "-0",
        "1.0",
    ] {
        let text =
            format!(r#"{{"t":"command","id":"a:1","type":"chat_message","payload":{payload}}}"#);
        let Ok(ClientFrame::Command(command)) = ClientFrame::decode(&text) else {
            panic!("{text}");
        };
        assert_eq!(command.payload.as_str(), payload);
    }
    names(
        r#"{"t":"command","id":"a:1","type":"chat_message","payload":{]}"#,
        &["column"],
    );
}

#[test]
fn json_that_is_nested_without_end_is_refused_and_overflows_nothing() {
    let deep = "[".repeat(100_000);
    refused(&format!(
        r#"{{"t":"command","id":"a:1","type":"x","payload":{deep}"#
    ));
    refused(&format!("{{\"t\":{deep}"));
    refused(&deep);
    let closed = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    // Either answer will do; the stack must hold.
    let _ = ClientFrame::decode(&format!(
        r#"{{"t":"command","id":"a:1","type":"x","payload":{closed}}}"#
    ));
    let _ = ClientFrame::decode(&format!(r#"{{"t":"hello","x":{closed}}}"#));
}

#[test]
fn every_prefix_of_a_frame_is_refused_and_no_byte_changed_in_it_panics() {
    let text =
        hello(r#","claim":7,"epoch":"9f2c64d1","view":"k3Qz","lastEventId":153,"features":[]"#);
    assert!(ClientFrame::decode(&text).is_ok());
    for end in 0..text.len() {
        refused(&text[..end]);
    }
    for index in 0..text.len() {
        for byte in [b'"', b'{', b'}', b'-', b'0', b'9', b'\\', b',', 0, b'e'] {
            let mut bytes = text.clone().into_bytes();
            bytes[index] = byte;
            let changed = String::from_utf8(bytes).expect("ASCII");
            let _ = ClientFrame::decode(&changed);
            let _ = ServerFrame::decode(&changed);
        }
    }
}

#[test]
fn an_event_without_prev_stands_behind_the_one_before_it() {
    let event = |id: u64, more: &str| {
        let text = format!(
            r#"{{"t":"event","id":{id},"type":"x","module":"m","scope":{{"shopId":"s"}},"payload":1,"timestamp":1{more}}}"#
        );
        match ServerFrame::decode(&text) {
            Ok(ServerFrame::Event(event)) => event.prev().get(),
            other => panic!("{text}: {other:?}"),
        }
    };
    assert_eq!(event(588, ""), 587);
    assert_eq!(event(1, ""), 0);
    assert_eq!(event(0, ""), 0);
    assert_eq!(event(588, r#","prev":12"#), 12);
}
