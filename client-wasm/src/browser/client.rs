//! The client that the TypeScript layer makes: a driver whose app is a JavaScript object.

use std::{cell::RefCell, rc::Rc};

use js_sys::{Array, Function, JsString};
use tabwire_protocol::{Cursor, Epoch, Executed, Position, RawJson, UserId, View};
use wasm_bindgen::prelude::*;

use super::{
    driver::{App, Driver, Options},
    host::Host,
    js::{get, parsed, text},
    page,
    text::Text,
};
use crate::core::{
    Counters, Input, NewCommand, Output, Reason, Role, Settlement, State, TokenReason, Why, Writer,
    push_number, write_session,
};

/// A tab of a group.
#[wasm_bindgen]
pub struct Client {
    driver: Rc<Driver<Host>>,
}

#[wasm_bindgen]
impl Client {
    /// A tab that has not joined its group yet. `options` are `url`, `group`, `user`, `fetchesState`, `handsOver`, and a `cursor`
    /// and a `stateKey` if the app has them; the key is free of what JSON escapes.
    ///
    /// # Errors
    /// A string naming the option that is wrong.
    #[wasm_bindgen(constructor)]
    pub fn new(host: Host, options: &JsValue) -> Result<Self, JsValue> {
        let text_if = |key| text(options, key);
        let text = |key| text_if(key).unwrap_or_default();
        let user = UserId::new(&text("user")).map_err(|_| JsValue::from_str("user"))?;
        let cursor = get(options, "cursor");
        let cursor = match cursor.is_truthy() {
            true => Some(read_cursor(&cursor).ok_or("cursor")?),
            false => None,
        };
        let options = Options {
            url: text("url"),
            group: text("group"),
            user,
            cursor,
            fetches_state: get(options, "fetchesState").is_truthy(),
            state_key: text_if("stateKey"),
            hands_over: get(options, "handsOver").is_truthy(),
        };
        Ok(Self {
            driver: Driver::new(host, options),
        })
    }

    /// Joins the group.
    pub fn start(&self) {
        self.driver.start();
    }

    /// Wants a command done; `payload` is JSON. What comes of it is said to the host with the id returned.
    pub fn send(&self, event_type: String, payload: String, timeout_ms: f64) -> JsString {
        let command = NewCommand {
            event_type,
            payload: RawJson::trusted(payload),
            timeout_ms: timeout_ms as u64,
        };
        let id = self.driver.queue(command);
        self.driver.carry_out();
        id.into()
    }

    /// The app has a token, or none because nobody is logged in.
    pub fn token(&self, number: u32, token: Option<String>) {
        self.driver.drive(Input::Token(number, token));
    }

    /// The app failed to get a token.
    #[wasm_bindgen(js_name = tokenFailed)]
    pub fn token_failed(&self, number: u32) {
        self.driver.drive(Input::TokenFailed(number));
    }

    /// The app has fetched its state, which is at this `position` (`epoch` and `lastEventId`) if it said so. A position that is
    /// none fails the fetch. `json` is the state, if other tabs may have it.
    #[wasm_bindgen(js_name = stateFetched)]
    pub fn state_fetched(&self, number: u32, position: &JsValue, json: Option<String>) {
        let position = match position.is_truthy() {
            true => read_position(position).map(Some),
            false => Some(None),
        };
        self.driver.drive(match position {
            Some(position) => Input::StateFetched(number, position, json.map(RawJson::trusted)),
            None => Input::StateFailed(number),
        });
    }

    /// The app failed to fetch its state.
    #[wasm_bindgen(js_name = stateFailed)]
    pub fn state_failed(&self, number: u32) {
        self.driver.drive(Input::StateFailed(number));
    }

    /// Up to where the app has been given its view.
    pub fn cursor(&self) -> JsValue {
        match &*self.driver.cursor() {
            None => JsValue::UNDEFINED,
            Some(cursor) => {
                let mut json = Writer::new();
                json.cursor(cursor);
                parsed(&json.end())
            }
        }
    }

    /// What this tab knows and has seen. The counters are a list, in the order of `Counters`: TypeScript has their names.
    pub fn inspect(&self) -> JsValue {
        let inspection = self.driver.inspect();
        let mut json = Writer::new();
        json.text("tab", &inspection.tab.text());
        if let Some(leader) = inspection.leader {
            json.number("term", leader.term);
            json.text("leader", &leader.tab.text());
        }
        if let Some(why) = inspection.why {
            let why = match why {
                Why::Granted => "granted",
                Why::Stole => "stole",
                Why::HandedOver => "handed_over",
                Why::Elected => "elected",
                Why::Alone => "alone",
            };
            json.text("why", why);
        }
        if let Some(age) = inspection.beacon_age_ms {
            json.number("beaconAgeMs", age);
        }
        if let Some(session) = &inspection.session {
            json.json("session", &write_session(session));
        }
        json.number("outbox", inspection.outbox as u64);
        json.json("counters", &write_counters(&inspection.counters));
        parsed(&json.end())
    }

    /// A person wants the group to connect again.
    pub fn reconnect(&self) {
        self.driver.drive(Input::Reconnect);
    }

    /// This tab leaves.
    pub fn close(&self) {
        self.driver.drive(Input::Close);
    }

    /// All tabs of the group stop and forget.
    pub fn logout(&self) {
        self.driver.drive(Input::Logout);
    }
}

impl App for Host {
    fn told(&self, output: Output<Text>, shown: &RefCell<Option<Cursor>>) {
        let host = self;
        match output {
            Output::GetToken(number, reason) => host.get_token(
                number,
                match reason {
                    TokenReason::Connect => "connect",
                    TokenReason::Renew => "renew",
                    TokenReason::Unauthorized => "unauthorized",
                },
            ),
            Output::FetchState {
                number,
                reason,
                epoch,
                head,
            } => {
                host.fetch_state(number, reason.as_str(), epoch.as_str(), head.get() as f64);
            }
            Output::ApplyState {
                number,
                reason,
                epoch,
                position,
                shared,
            } => {
                let shared = shared.map_or(JsValue::UNDEFINED, |json| parsed(json.as_str()));
                host.apply_state(
                    number,
                    reason.as_str(),
                    epoch.as_str(),
                    position.get() as f64,
                    &shared,
                );
            }
            Output::Refreshed { reason, epoch, at } => {
                host.refreshed(reason.as_str(), epoch.as_str(), at.get() as f64)
            }
            Output::Deliver(events) => {
                let values = Array::new();
                for event in &events {
                    values.push(&event.value);
                }
                host.deliver(&values);
            }
            Output::Cursor(cursor) => {
                shown.replace(Some(cursor));
            }
            Output::Settled(id, settlement) => settled(self, &id, &settlement),
            Output::Status(status) => {
                if status.reason == Some(Reason::LoggedOut) {
                    shown.take(); // the app forgets its state, and the position belongs to it
                }
                let modules = Array::new();
                for module in &status.modules {
                    modules.push(&module.as_str().into());
                }
                host.status(
                    match status.state {
                        State::Idle => "idle",
                        State::Connecting => "connecting",
                        State::Open => "open",
                        State::Reconnecting => "reconnecting",
                        State::Refreshing => "refreshing",
                        State::Stopped => "stopped",
                    },
                    match status.role {
                        Role::Leader => "leader",
                        Role::Follower => "follower",
                        Role::Solo => "solo",
                        Role::None => "none",
                    },
                    status.reason.map(|reason| reason.as_str()),
                    status.retry_at.map(page::date),
                    status.user.as_ref().map(UserId::as_str),
                    status.shop.as_ref().map(|shop| shop.as_str()),
                    &modules,
                );
            }
            Output::Log(line) => host.log(line as u8),
            // Carried out before.
            Output::OpenChannel
            | Output::CloseChannel
            | Output::Post(_)
            | Output::RequestLock(_)
            | Output::StealLock(_)
            | Output::ReleaseLock(_)
            | Output::StoreTerm(_)
            | Output::OpenSocket(_)
            | Output::SendFrame(..)
            | Output::CloseSocket(_) => {}
        }
    }

    fn holds_lock(&self, release: &Function) {
        Self::holds_lock(self, release);
    }

    fn lock_gone(&self) {
        Self::lock_gone(self);
    }
}

fn settled(host: &Host, id: &str, settlement: &Settlement<Text>) {
    let none = JsValue::UNDEFINED;
    match settlement {
        Settlement::Answered(answer, doubt) => {
            let answer = &answer.value;
            if text(answer, "t").is_some_and(|t| t == "ack") {
                host.settled(id, &none, &none, &none, answer);
            } else {
                let executed = if *doubt {
                    executed(Executed::Unknown)
                } else {
                    get(answer, "executed")
                };
                host.settled(
                    id,
                    &get(answer, "code"),
                    &executed,
                    &get(answer, "message"),
                    &none,
                );
            }
        }
        Settlement::Failed(failure) => {
            host.settled(
                id,
                &failure.why.as_str().into(),
                &executed(failure.executed),
                &none,
                &none,
            );
        }
    }
}

fn executed(executed: Executed) -> JsValue {
    match executed {
        Executed::No => "no",
        Executed::Unknown => "unknown",
    }
    .into()
}

fn write_counters(counters: &Counters) -> String {
    let mut list = String::new();
    for count in [
        counters.delivered,
        counters.duplicates,
        counters.gaps,
        counters.foreign,
        counters.ring_repairs,
        counters.server_repairs,
        counters.refreshes,
        counters.leads,
        counters.connects,
        counters.stale,
        counters.steals,
        counters.abdications,
        counters.take_overs,
        counters.states_shared,
    ] {
        list.push(if list.is_empty() { '[' } else { ',' });
        push_number(&mut list, count);
    }
    list.push(']');
    list
}

fn read_cursor(value: &JsValue) -> Option<Cursor> {
    let (epoch, last) = read_position(value)?;
    let view = View::new(&text(value, "view")?).ok()?;
    Some(Cursor { epoch, view, last })
}

fn read_position(value: &JsValue) -> Option<(Epoch, Position)> {
    let epoch = Epoch::new(&text(value, "epoch")?).ok()?;
    let number = get(value, "lastEventId").as_f64()?;
    let integer = number as u64;
    // What is negative, fractional, infinite or no number is not equal.
    if integer as f64 != number {
        return None;
    }
    Some((epoch, Position::new(integer).ok()?))
}
