//! In a browser: the page's client is the app of a driver.

use std::{
    cell::RefCell,
    rc::{Rc, Weak},
};

use js_sys::Function;
use tabwire_protocol::{Cursor, Executed};
use wasm_bindgen::prelude::*;
use web_sys::Url;

use super::{
    builder::{HandOver, Options, wrong},
    command::Answer,
    error::{CommandErrorCode, Errors, TabwireError},
    event::{AnyEvent, Event},
    once,
    page::Page,
    panic,
    state::{StateInfo, StateRequest},
    status::Status,
};
use crate::{
    browser::{
        driver::{self, App, Driver},
        js::{get, global, text},
        page,
        text::Text,
    },
    core::{self, Input, Inspection, Log, NewCommand, Output, Reason, Role, Settlement},
};

pub(crate) type Raw = Text;

/// The driver of a page's client.
pub(crate) struct Link<S: 'static> {
    driver: Rc<Driver<LinkedApp<S>>>,
    group: String,
}

/// The page's client, as the driver sees it.
struct LinkedApp<S: 'static> {
    page: Weak<Page<S>>,
    held: panic::Held,
    debug: bool,
}

impl<S> Link<S> {
    pub(crate) fn new(page: &Rc<Page<S>>, options: Options) -> Result<Option<Self>, TabwireError> {
        let url = absolute(&options.url)?;
        let group = format!("{}|{url}|{}", options.namespace, options.user.as_str());
        let app = LinkedApp {
            page: Rc::downgrade(page),
            held: panic::Held::new(),
            debug: options.debug,
        };
        let driver = Driver::new(
            app,
            driver::Options {
                url,
                group: group.clone(),
                user: options.user,
                cursor: options.cursor,
                fetches_state: options.fetches_state,
                state_key: None,
                hands_over: hands_over(options.hand_over),
            },
        );
        Ok(Some(Self { driver, group }))
    }

    pub(crate) fn start(&self) {
        self.driver.start();
    }

    pub(crate) fn drive(&self, input: Input<Raw>) {
        self.driver.drive(input);
    }

    pub(crate) fn queue(&self, command: NewCommand) -> String {
        self.driver.queue(command)
    }

    pub(crate) fn carry_out(&self) {
        self.driver.carry_out();
    }

    pub(crate) fn cursor(&self) -> Option<Cursor> {
        self.driver.cursor().clone()
    }

    pub(crate) fn inspect(&self) -> Inspection {
        self.driver.inspect()
    }

    pub(crate) async fn is_first(&self, entry: &str, role: Role) -> bool {
        let by_lock = once::is_first(&self.group, entry).await;
        by_lock.unwrap_or(matches!(role, Role::Leader | Role::Solo))
    }
}

impl<S> App for LinkedApp<S> {
    fn told(&self, output: Output<Text>, shown: &RefCell<Option<Cursor>>) {
        // The last handle was dropped: nobody listens.
        let Some(page) = self.page.upgrade() else {
            return;
        };
        match output {
            Output::GetToken(number, reason) => page.get_token(number, reason),
            Output::FetchState {
                number,
                reason,
                epoch,
                head,
            } => {
                let request = StateRequest {
                    reason,
                    epoch: epoch.as_str().to_owned(),
                    head: head.get(),
                };
                page.fetch_state(number, request);
            }
            Output::ApplyState {
                number,
                reason,
                epoch,
                position,
                shared: _, // no key was given: none is asked for
            } => {
                let info = StateInfo {
                    reason,
                    epoch: epoch.as_str().to_owned(),
                    last_event_id: position.get(),
                };
                page.apply_state(number, &info);
            }
            Output::Refreshed { reason, epoch, at } => {
                let info = StateInfo {
                    reason,
                    epoch: epoch.as_str().to_owned(),
                    last_event_id: at.get(),
                };
                page.refreshed(&info);
            }
            Output::Deliver(texts) => {
                let event = |text: &Text| event(&text.value, &page.errors);
                let events: Vec<AnyEvent> = texts.iter().map(event).collect();
                page.deliver(&events);
            }
            Output::Cursor(cursor) => {
                shown.replace(Some(cursor));
            }
            Output::Settled(id, settlement) => page.commands.settled(&id, answer(settlement)),
            Output::Status(said) => {
                if said.reason == Some(Reason::LoggedOut) {
                    shown.take(); // the app forgets its state, and the position belongs to it
                }
                page.set_status(status(*said));
            }
            Output::Log(line) => self.log(&page, line),
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
        self.held.hold(release);
    }

    fn lock_gone(&self) {
        self.held.gone();
    }
}

impl<S> LinkedApp<S> {
    fn log(&self, page: &Page<S>, line: Log) {
        // Looked up for each line: it is switched in a running page, and says no as well as yes.
        let option = || self.debug || page::load("tabwire:debug").is_some();
        if !global("tabwireDebug").as_bool().unwrap_or_else(option) {
            return;
        }
        let time = String::from(js_sys::Date::new_0().to_iso_string());
        let tab = page.link().map(|link| link.inspect().tab.text());
        let tab = tab.as_deref().and_then(|tab| tab.get(..4)).unwrap_or("");
        let role = page.status.borrow().role;
        web_sys::console::log_1(&format!("tabwire {time} {tab} {role:?}: {line:?}").into());
    }
}

/// An event's frame. The machine has looked at its position; the rest is as the server wrote it.
fn event(frame: &JsValue, errors: &Errors) -> AnyEvent {
    let number = |key| get(frame, key).as_f64().unwrap_or_default() as u64;
    let event = Event {
        id: number("id"),
        module: text(frame, "module").unwrap_or_default(),
        shop_id: text(&get(frame, "scope"), "shopId").unwrap_or_default(),
        payload: get(frame, "payload"),
        timestamp: number("timestamp"),
        by: text(frame, "by"),
        command_id: text(frame, "commandId"),
    };
    let event_type = text(frame, "type").unwrap_or_default();
    AnyEvent::new(event_type, event, errors.clone())
}

fn answer(settlement: Settlement<Text>) -> Answer {
    match settlement {
        Settlement::Answered(frame, doubt) => {
            let frame = &frame.value;
            if text(frame, "t").is_some_and(|t| t == "ack") {
                return Answer::Done {
                    event_id: get(frame, "eventId").as_f64().map(|id| id as u64),
                    epoch: text(frame, "epoch"),
                    result: get(frame, "result"),
                };
            }
            let certain = !doubt && text(frame, "executed").is_some_and(|it| it == "no");
            Answer::Failed {
                code: text(frame, "code").unwrap_or_default().as_str().into(),
                executed: if certain {
                    Executed::No
                } else {
                    Executed::Unknown
                },
                message: text(frame, "message"),
            }
        }
        Settlement::Failed(failure) => Answer::Failed {
            code: CommandErrorCode::from(failure.why.as_str()),
            executed: failure.executed,
            message: None,
        },
    }
}

fn status(said: core::Status) -> Status {
    Status {
        state: said.state,
        role: said.role,
        reason: said.reason,
        retry_at: said.retry_at.map(|at| page::date(at) as u64),
        user_id: said.user.map(|user| user.as_str().to_owned()),
        shop_id: said.shop.map(|shop| shop.as_str().to_owned()),
        modules: said
            .modules
            .iter()
            .map(|module| module.as_str().to_owned())
            .collect(),
    }
}

/// `ws(s)://…` from an absolute address or one relative to the page.
fn absolute(url: &str) -> Result<String, TabwireError> {
    let page = text(&global("location"), "href").unwrap_or_default();
    let url = Url::new_with_base(url, &page).map_err(|_| wrong("url", "is not an address"))?;
    url.set_protocol(&url.protocol().replace("http", "ws"));
    if !matches!(url.protocol().as_str(), "ws:" | "wss:") {
        return Err(wrong("url", "must be http(s) or ws(s)"));
    }
    url.set_hash(""); // WebSocket refuses a fragment
    Ok(url.href())
}

fn hands_over(hand_over: HandOver) -> bool {
    match hand_over {
        HandOver::Always => true,
        HandOver::Never => false,
        // A browser without `freeze` suspends hidden pages without a word, and they keep their locks.
        HandOver::Auto => get(&global("document"), "onfreeze").is_undefined(),
    }
}

/// To the console, where nobody has said otherwise.
pub(crate) fn print(error: &TabwireError) {
    web_sys::console::error_1(&error.to_string().into());
}
