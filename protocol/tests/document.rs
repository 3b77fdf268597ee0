//! PROTOCOL.md is what the types do: its examples are frames, its sequences obey the cursor rule, its tables are complete.

#[path = "support/examples.rs"]
mod examples;

use std::collections::BTreeSet;

use examples::{DOCUMENT, Example, Fate, From, examples};
use serde_json::Value;
use tabwire_protocol::{
    ClientFrame, CloseCode, CursorRule, NackCode, Reaction, RefreshReason, Resume, ServerFrame,
    Verdict,
};

/// The example as a value, as the types read it and write it again, twice.
fn there_and_back(example: &Example) -> [Value; 3] {
    let place = format!("PROTOCOL.md:{}", example.line);
    let again = |text: &str| match example.from {
        From::Client => ClientFrame::decode(text).map(|frame| frame.encode()),
        From::Server => ServerFrame::decode(text).map(|frame| frame.encode()),
    };
    let once = again(&example.text).unwrap_or_else(|error| panic!("{place}: {error}"));
    let twice = again(&once).unwrap_or_else(|error| panic!("{place}, encoded: {error}: {once}"));
    [&example.text, &once, &twice]
        .map(|text| serde_json::from_str(text).unwrap_or_else(|error| panic!("{place}: {error}")))
}

fn kinds(from: From) -> BTreeSet<String> {
    let kind = |example: Example| {
        let value: Value = serde_json::from_str(&example.text).expect("an example is JSON");
        value["t"].as_str().expect("a frame has a t").to_owned()
    };
    examples()
        .into_iter()
        .filter(|example| example.from == from)
        .map(kind)
        .collect()
}

/// What stands below a heading, up to the next one.
fn section(heading: &str) -> &'static str {
    let below = DOCUMENT.split(&format!("\n{heading}\n")).nth(1);
    let below = below.unwrap_or_else(|| panic!("there is no {heading}"));
    below.split("\n#").next().unwrap_or(below)
}

#[test]
fn every_example_is_a_frame_with_the_fields_of_the_types_and_no_others() {
    let examples = examples();
    assert!(examples.len() > 40, "{} examples", examples.len());
    for example in &examples {
        let [written, once, twice] = there_and_back(example);
        assert_eq!(written, once, "PROTOCOL.md:{}", example.line);
        assert_eq!(once, twice, "PROTOCOL.md:{}", example.line);
    }
}

#[test]
fn every_kind_of_frame_has_an_example() {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    let client: BTreeSet<String> =
        names(&["command", "hello", "ping", "pong", "renew", "request_sync"]);
    let server: BTreeSet<String> = names(&[
        "ack",
        "bye",
        "error",
        "event",
        "full_refresh",
        "nack",
        "ping",
        "renewed",
        "synced",
        "welcome",
    ]);
    assert_eq!(kinds(From::Client), client);
    assert_eq!(kinds(From::Server), server);
}

#[test]
fn every_sequence_of_frames_obeys_the_cursor_rule() {
    let mut heading = String::new();
    let mut rule: Option<CursorRule> = None;
    let mut cursor = None;
    for example in examples() {
        if example.heading != heading {
            heading.clone_from(&example.heading);
            (rule, cursor) = (None, None);
        }
        let frame = match example.from {
            From::Client => {
                match ClientFrame::decode(&example.text).expect("it is a frame") {
                    ClientFrame::Hello(hello) => cursor = hello.cursor.map(|cursor| cursor.last),
                    ClientFrame::RequestSync(request) => {
                        let asked = request.cursor.last;
                        let last = rule.map_or(asked, |rule| rule.last().min(asked));
                        rule = Some(CursorRule::at(last));
                    }
                    ClientFrame::Pong { last_event_id } => {
                        assert!(rule.is_none_or(|rule| rule.last() == last_event_id));
                    }
                    _ => {}
                }
                continue;
            }
            From::Server if example.fate == Fate::Lost => continue,
            From::Server => ServerFrame::decode(&example.text).expect("it is a frame"),
        };
        let (prev, position, event) = match frame {
            ServerFrame::Welcome(welcome) => {
                rule = match welcome.resume {
                    Resume::Fresh => Some(CursorRule::at(welcome.at)),
                    Resume::Replay => cursor.map(CursorRule::at),
                    Resume::FullRefresh => None,
                };
                continue;
            }
            ServerFrame::FullRefresh(refresh) => {
                rule = Some(CursorRule::at(refresh.at));
                continue;
            }
            ServerFrame::Event(event) => (event.prev(), event.id, true),
            ServerFrame::Synced(synced) => (synced.prev, synced.up_to, false),
            ServerFrame::Ping { prev, up_to, .. } => (prev, up_to, false),
            _ => continue,
        };
        // An excerpt that begins with a frame begins where that frame does.
        let rule = rule.get_or_insert_with(|| CursorRule::at(prev));
        let verdict = rule.observe(prev, position);
        let place = format!("PROTOCOL.md:{}", example.line);
        match example.fate {
            Fate::Gap => assert_eq!(verdict, Verdict::Gap, "{place}"),
            _ if event => assert_eq!(verdict, Verdict::Apply, "{place}"),
            _ => assert_ne!(verdict, Verdict::Gap, "{place}"),
        }
    }
}

#[test]
fn the_table_of_close_codes_is_the_types() {
    let mut rows = BTreeSet::new();
    for line in section("## Close codes").lines() {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, code, _, does, _] = columns[..] else {
            continue;
        };
        let (code, reaction) = match code.parse() {
            Ok(code) => (code, CloseCode::from_code(code).reaction()),
            Err(_) if code == "other" => (0, Reaction::Retry),
            Err(_) => continue,
        };
        let starts = match reaction {
            Reaction::Stop => "stops",
            Reaction::Retry => "retries",
            Reaction::NewToken => "asks for a token",
            Reaction::Demote => "the tab stops leading",
        };
        assert!(does.starts_with(starts), "{code}: {does}");
        rows.insert(code);
    }
    let known: BTreeSet<u16> = (1..=u16::MAX)
        .filter(|code| !matches!(CloseCode::from_code(*code), CloseCode::Other(_)))
        .chain([0])
        .collect();
    assert_eq!(rows, known);
}

#[test]
fn every_word_for_a_reason_is_one_that_the_types_read() {
    // The tables are read by eye; what a program compares is that each of their words is a value of the type.
    let in_table = |heading: &str| -> BTreeSet<String> {
        section(heading)
            .lines()
            .filter(|line| line.starts_with('|'))
            .flat_map(|line| line.split('|').map(str::trim))
            .filter_map(|cell| cell.strip_prefix('`')?.strip_suffix('`'))
            .map(ToOwned::to_owned)
            .collect()
    };
    let reasons = in_table("### `full_refresh`");
    for reason in [
        RefreshReason::EpochChanged,
        RefreshReason::Expired,
        RefreshReason::TooFar,
        RefreshReason::UnknownPosition,
        RefreshReason::ViewChanged,
    ] {
        assert!(reasons.contains(reason.as_str()), "{reason:?}");
    }
    let codes = in_table("### `nack`");
    let known: Vec<String> = [
        NackCode::Forbidden,
        NackCode::UnknownType,
        NackCode::Invalid,
        NackCode::Conflict,
        NackCode::Expired,
        NackCode::TooLarge,
        NackCode::RateLimited,
        NackCode::Unavailable,
    ]
    .iter()
    .map(|code| serde_json::to_value(code).expect("a word"))
    .map(|word| word.as_str().expect("a word").to_owned())
    .collect();
    for code in &known {
        assert!(codes.contains(code), "{code}");
    }
    assert_eq!(codes.len(), known.len() + 1, "and the column's heading");
}
