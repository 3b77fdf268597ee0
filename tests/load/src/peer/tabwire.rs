//! tabwire-server.

use std::{fs, rc::Rc};

use anyhow::Result;
use tabwire_faults::{dir::Dir, ledger::Who, node, token::token};

use super::{Dialect, Heard, Served, Setting, To, free};
use crate::{process::Server, ws::post};

/// The longest retention by time: nothing shall expire while it is measured.
const KEPT_FOR: &str = "1h";
/// As many clients of one address as a run has.
const CLIENTS_MAX: &str = "100000";
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
    flags.extend(redis.map(|url| ("--redis", url)));
    let words: Vec<String> = flags
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value.to_owned()])
        .collect();
    let server = Server::start_in("tabwire-server", &node::binary(), &words, dir);
    let dialect = Tabwire {
        shops: setting.shops,
    };
    Ok((server, address, Rc::new(dialect)))
}

struct Tabwire {
    shops: usize,
}

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
        Some(format!(
            r#"{{"t":"hello","v":1,"token":"{}","device":"d{client}"}}"#,
            token(&who)
        ))
    }

    fn hears(&self, _client: usize, text: &[u8]) -> Heard {
        if text.starts_with(br#"{"t":"event""#) {
            Heard::Event
        } else if text.starts_with(br#"{"t":"welcome""#) {
            Heard::Ready
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
