//! tabwire-server.

use std::{cell::RefCell, collections::HashMap, fs, rc::Rc};

use anyhow::Result;
use serde::Deserialize;
use tabwire_faults::{dir::Dir, ledger::Who, node, token::token};

use super::{Dialect, Heard, Served, Setting, To, free};
use crate::{process::Server, ws::post};

/// The longest retention by time: nothing shall expire while it is measured.
const KEPT_FOR: &str = "1h";
/// As many clients of one address as a run has.
const CLIENTS_MAX: &str = "100000";
/// How long a client that reads nothing is borne, where that is measured. The default is 10 s.
const BEARS: &str = "1h";
/// More than anybody publishes.
const RATE_MAX: &str = "1000000000";

pub(super) fn start(redis: Option<&str>, setting: &Setting) -> Result<Served> {
    let (dir, address) = (Dir::new(), free());
    let types = dir.join("events.config.json");
    fs::write(
        &types,
        r#"{"tick_0": "m0", "tick_1": "m1", "tick_2": "m2", "tick_3": "m3"}"#,
    )?;
    let (listen, kept, types) = (
        address.to_string(),
        setting.kept.to_string(),
        types.display().to_string(),
    );
    let mut flags = vec![
        ("--listen", listen.as_str()),
        ("--publish-key", node::PUBLISH_KEY),
        ("--jwt-secret", node::JWT_SECRET),
        ("--events-config", &types),
        ("--retention-events", &kept),
        ("--retention", KEPT_FOR),
        ("--max-connections", CLIENTS_MAX),
        ("--max-connections-per-address", CLIENTS_MAX),
        ("--connects-per-second", CLIENTS_MAX),
        ("--connects-burst", CLIENTS_MAX),
        ("--max-pending", CLIENTS_MAX),
        ("--publish-rate", RATE_MAX),
        ("--publish-burst", RATE_MAX),
    ];
    if setting.bears_slow {
        // A small tail is soon as full as it gets, so that it is not taken for what slow clients cost.
        flags.extend([
            ("--write-timeout", BEARS),
            ("--ping", BEARS),
            ("--tail-bytes", "1MiB"),
        ]);
    }
    flags.extend(redis.map(|url| ("--redis", url)));
    let words: Vec<String> = flags
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value.to_owned()])
        .collect();
    let server = Server::start_in("tabwire-server", &node::binary(), &words, dir);
    let dialect = Tabwire {
        shops: setting.shops,
        cursors: setting.missed.map(|_| RefCell::default()),
    };
    Ok((server, address, Rc::new(dialect)))
}

struct Tabwire {
    shops: usize,
    /// What each client comes back with, where any do.
    cursors: Option<RefCell<HashMap<usize, Cursor>>>,
}

/// A client's position in its shop's log.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cursor {
    epoch: String,
    view: String,
    #[serde(rename = "at")]
    last_event_id: u64,
}

impl Tabwire {
    /// Moves the cursor of a client. Fails when the server does not take the one that it came back with.
    fn moves(&self, client: usize, text: &[u8]) -> Option<Heard> {
        let mut cursors = self.cursors.as_ref()?.borrow_mut();
        if text.starts_with(WELCOME) {
            let is_back = cursors.contains_key(&client);
            if is_back && memchr::memmem::find(text, br#""resume":"replay""#).is_none() {
                return Some(Heard::Wrong(String::from_utf8_lossy(text).into_owned()));
            }
            if !is_back && let Ok(cursor) = serde_json::from_slice(text) {
                cursors.insert(client, cursor);
            }
        } else if let Some(rest) = text.strip_prefix(EVENT)
            && let Some(cursor) = cursors.get_mut(&client)
        {
            let from = memchr::memmem::find(rest, br#""id":"#)? + 5;
            let digits = rest[from..].iter().take_while(|byte| byte.is_ascii_digit());
            cursor.last_event_id = digits.fold(0, |id, digit| 10 * id + u64::from(digit - b'0'));
        }
        None
    }
}

const WELCOME: &[u8] = br#"{"t":"welcome""#;
const EVENT: &[u8] = br#"{"t":"event""#;

impl Dialect for Tabwire {
    fn path(&self, _client: usize) -> String {
        "/ws".into()
    }

    fn subprotocol(&self) -> Option<&'static str> {
        Some(tabwire_protocol::SUBPROTOCOL)
    }

    fn opening(&self, client: usize) -> Option<String> {
        let who = Who {
            user: format!("u{client}"),
            shop: format!("s{}", client % self.shops),
            modules: vec!["m0", "m1"],
        };
        let cursors = self.cursors.as_ref().map(RefCell::borrow);
        let cursor = cursors.as_ref().and_then(|cursors| cursors.get(&client));
        let cursor = cursor.map_or_else(String::new, |cursor| {
            format!(
                r#","epoch":"{}","view":"{}","lastEventId":{}"#,
                cursor.epoch, cursor.view, cursor.last_event_id
            )
        });
        Some(format!(
            r#"{{"t":"hello","v":1,"token":"{}","device":"d{client}"{cursor}}}"#,
            token(&who)
        ))
    }

    fn says_synced(&self) -> bool {
        true
    }

    fn hears(&self, client: usize, text: &[u8]) -> Heard {
        if let Some(wrong) = self.moves(client, text) {
            return wrong;
        }
        if text.starts_with(EVENT) {
            Heard::Event
        } else if text.starts_with(WELCOME) {
            Heard::Ready
        } else if text.starts_with(br#"{"t":"synced""#) {
            Heard::Synced
        } else if text.starts_with(br#"{"t":"ping""#) {
            Heard::Answer(r#"{"t":"pong","lastEventId":0}"#.into())
        } else {
            Heard::Nothing
        }
    }

    fn publish(&self, to: To, payloads: &[String]) -> Vec<u8> {
        let events: Vec<String> = payloads
            .iter()
            .map(|payload| {
                format!(
                    r#"{{"type":"tick_{}","scope":{{"shopId":"s{}"}},"payload":{payload}}}"#,
                    to.module, to.shop
                )
            })
            .collect();
        let body = match &events[..] {
            [event] => event.clone(),
            events => format!("[{}]", events.join(",")),
        };
        post(
            "/events",
            &format!("Authorization: Bearer {}\r\n", node::PUBLISH_KEY),
            &body,
        )
    }
}
