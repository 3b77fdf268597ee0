//! The client that the TypeScript layer makes: drives the machine and carries out what it says.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use gloo_timers::callback::Timeout;
use js_sys::{Array, JsString};
use tabwire_protocol::{Cursor, Epoch, Executed, Millis, Position, RawJson, UserId, View};
use wasm_bindgen::prelude::*;
use web_sys::BroadcastChannel;

use super::{
    host::Host,
    js::{get, parsed, set, text},
    lock::{self, Lock},
    message,
    page::{self, PageEvent},
    socket::{Listeners, Socket},
    text::Text,
};
use crate::core::{
    Config, Counters, Input, LockRequest, NewCommand, Output, Reason, Role, Settlement, Sharing,
    SocketId, State, Tab, TokenReason, Why, Writer, parse_number, push_number, write_session,
};

/// A tab of a group.
#[wasm_bindgen]
pub struct Client {
    shared: Rc<Shared>,
}

/// What the listeners of the browser hold on to, weakly.
struct Shared {
    host: Host,
    inner: RefCell<Inner>,
    /// What the host is still to be told, in order.
    calls: RefCell<Vec<Call>>,
    calling: Cell<bool>,
    /// The app's cursor: that of the last call made.
    shown: RefCell<Option<Cursor>>,
}

struct Inner {
    tab: Tab<Text>,
    url: String,
    /// Names the lock and the channel.
    group: String,
    channel: Option<BroadcastChannel>,
    lock: Option<Lock>,
    socket: Option<Socket>,
    timer: Option<(Millis, Timeout)>,
    listens_to_page: bool,
}

/// What is said to the host when nothing is borrowed.
enum Call {
    Output(Output<Text>),
    HoldsLock(js_sys::Function),
    LockGone,
}

/// Where something comes from.
#[derive(Clone, Copy)]
enum Source {
    Channel,
    LockGranted(LockRequest),
    LockEnded(LockRequest),
    SocketOpen(SocketId),
    SocketMessage(SocketId),
    SocketClose(SocketId),
    Page(PageEvent),
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
        let group = prefixed("tabwire:", &text("group"));
        // Trying is the only way to know: constructors throw where cookies are blocked.
        let channel = BroadcastChannel::new(&group).map(|channel| channel.close());
        let sharing = match (channel, Lock::exist()) {
            (Err(_), _) => Sharing::Nothing,
            (_, true) => Sharing::Locks,
            (_, false) => Sharing::Election,
        };
        let term = page::load(&term_key(&group))
            .and_then(|term| parse_number(&term))
            .unwrap_or(0);
        let shown = cursor.clone();
        let tab = Tab::new(Config {
            user,
            tab: page::tab(),
            device: page::device(&prefixed("tabwire:device:", &group)),
            cursor,
            fetches_state: get(options, "fetchesState").is_truthy(),
            sharing,
            state_key: text_if("stateKey"),
            hands_over: get(options, "handsOver").is_truthy(),
            term,
            seed: page::seed(),
        });
        let inner = Inner {
            tab,
            url: text("url"),
            group,
            channel: None,
            lock: None,
            socket: None,
            timer: None,
            listens_to_page: false,
        };
        let shared = Shared {
            host,
            inner: RefCell::new(inner),
            calls: RefCell::default(),
            calling: Cell::new(false),
            shown: RefCell::new(shown),
        };
        Ok(Self {
            shared: Rc::new(shared),
        })
    }

    /// Joins the group.
    pub fn start(&self) {
        let shared = &self.shared;
        if !std::mem::replace(&mut shared.inner.borrow_mut().listens_to_page, true) {
            page::listen(|event| shared.listener(Source::Page(event)));
        }
        shared.drive(Input::Visible(page::is_visible()));
        shared.drive(Input::Start);
    }

    /// Wants a command done; `payload` is JSON. What comes of it is said to the host with the id returned.
    pub fn send(&self, event_type: String, payload: String, timeout_ms: f64) -> JsString {
        let command = NewCommand {
            event_type,
            payload: RawJson::trusted(payload),
            timeout_ms: timeout_ms as u64,
        };
        let id = self
            .shared
            .inner
            .borrow_mut()
            .tab
            .send(page::now(), command);
        self.shared.carry_out();
        id.into()
    }

    /// The app has a token, or none because nobody is logged in.
    pub fn token(&self, number: u32, token: Option<String>) {
        self.shared.drive(Input::Token(number, token));
    }

    /// The app failed to get a token.
    #[wasm_bindgen(js_name = tokenFailed)]
    pub fn token_failed(&self, number: u32) {
        self.shared.drive(Input::TokenFailed(number));
    }

    /// The app has fetched its state, which is at this `position` (`epoch` and `lastEventId`) if it said so. A position that is
    /// none fails the fetch. `json` is the state, if other tabs may have it.
    #[wasm_bindgen(js_name = stateFetched)]
    pub fn state_fetched(&self, number: u32, position: &JsValue, json: Option<String>) {
        let position = match position.is_truthy() {
            true => read_position(position).map(Some),
            false => Some(None),
        };
        self.shared.drive(match position {
            Some(position) => Input::StateFetched(number, position, json.map(RawJson::trusted)),
            None => Input::StateFailed(number),
        });
    }

    /// The app failed to fetch its state.
    #[wasm_bindgen(js_name = stateFailed)]
    pub fn state_failed(&self, number: u32) {
        self.shared.drive(Input::StateFailed(number));
    }

    /// Up to where the app has been given its view.
    pub fn cursor(&self) -> JsValue {
        match &*self.shared.shown.borrow() {
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
        let inspection = self.shared.inner.borrow().tab.inspect(page::now());
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
        self.shared.drive(Input::Reconnect);
    }

    /// This tab leaves.
    pub fn close(&self) {
        self.shared.drive(Input::Close);
    }

    /// All tabs of the group stop and forget.
    pub fn logout(&self) {
        self.shared.drive(Input::Logout);
    }
}

impl Shared {
    /// Something happened: the machine decides, and what it says is done.
    fn drive(self: &Rc<Self>, input: Input<Text>) {
        self.inner.borrow_mut().tab.handle(page::now(), input);
        self.carry_out();
    }

    fn carry_out(self: &Rc<Self>) {
        {
            let mut inner = self.inner.borrow_mut();
            while let Some(output) = inner.tab.poll() {
                self.do_what_it_says(&mut inner, output);
            }
            self.set_timer(&mut inner);
        }
        self.call_host();
    }

    fn do_what_it_says(self: &Rc<Self>, inner: &mut Inner, output: Output<Text>) {
        match output {
            Output::OpenChannel => {
                inner.channel = BroadcastChannel::new(&inner.group).ok();
                if let Some(channel) = &inner.channel {
                    set(channel, "onmessage", &self.listener(Source::Channel));
                }
            }
            Output::CloseChannel => {
                if let Some(channel) = inner.channel.take() {
                    channel.close();
                }
            }
            Output::Post(message) => {
                if let Some(channel) = &inner.channel {
                    let _ = channel.post_message(&message::write(&message));
                }
            }
            Output::RequestLock(request) => self.ask_for_lock(inner, request, false),
            Output::StealLock(request) => self.ask_for_lock(inner, request, true),
            Output::ReleaseLock(request) => {
                if let Some(lock) = inner.lock.take_if(|lock| lock.request == request) {
                    let held = lock.release.is_some();
                    lock.end();
                    if held {
                        self.calls.borrow_mut().push(Call::LockGone);
                    }
                }
            }
            Output::StoreTerm(term) => {
                let mut text = String::new();
                push_number(&mut text, term);
                page::store(&term_key(&inner.group), &text);
            }
            Output::OpenSocket(id) => {
                let listeners = Listeners {
                    open: self.listener(Source::SocketOpen(id)),
                    message: self.listener(Source::SocketMessage(id)),
                    close: self.listener(Source::SocketClose(id)),
                };
                inner.socket = Socket::open(id, &inner.url, &listeners);
                if inner.socket.is_none() {
                    inner.tab.handle(page::now(), Input::SocketClosed(id, 1006));
                }
            }
            Output::SendFrame(id, frame) => {
                if let Some(socket) = inner.socket.as_ref().filter(|socket| socket.id == id) {
                    socket.send(&frame);
                }
            }
            Output::CloseSocket(id) => {
                if let Some(socket) = inner.socket.take_if(|socket| socket.id == id) {
                    socket.close();
                }
            }
            for_the_host => self.calls.borrow_mut().push(Call::Output(for_the_host)),
        }
    }

    fn ask_for_lock(self: &Rc<Self>, inner: &mut Inner, request: LockRequest, steals: bool) {
        let granted = self.listener(Source::LockGranted(request));
        let ended = self.listener(Source::LockEnded(request));
        inner.lock = Lock::ask(&inner.group, request, steals, &granted, &ended);
        if inner.lock.is_none() {
            inner.tab.handle(page::now(), Input::LockRefused(request));
        }
    }

    fn set_timer(self: &Rc<Self>, inner: &mut Inner) {
        let next = inner.tab.next_timeout();
        if inner.timer.as_ref().map(|(at, _)| *at) == next {
            return;
        }
        inner.timer = next.map(|at| {
            let shared = Rc::downgrade(self);
            // A timer beyond the browser's 2^31 ms would fire at once: it comes earlier and is set again.
            let wait = at.since(page::now()).0.min(i32::MAX as u64) as u32;
            let timeout = Timeout::new(wait, move || {
                if let Some(shared) = shared.upgrade() {
                    shared.inner.borrow_mut().timer = None;
                    shared.drive(Input::Tick);
                }
            });
            (at, timeout)
        });
    }

    /// A function for the browser to call.
    fn listener(self: &Rc<Self>, source: Source) -> JsValue {
        let shared = Rc::downgrade(self);
        let listener: Box<dyn Fn(JsValue) -> JsValue> = Box::new(move |event| {
            shared
                .upgrade()
                .map_or(JsValue::UNDEFINED, |shared| shared.happened(source, &event))
        });
        Closure::wrap(listener).into_js_value()
    }

    fn happened(self: &Rc<Self>, source: Source, event: &JsValue) -> JsValue {
        let input = match source {
            Source::Channel => match message::read(get(event, "data")) {
                Some(message) => Input::Message(message),
                None => return JsValue::UNDEFINED,
            },
            Source::LockGranted(request) => return self.lock_granted(request),
            Source::LockEnded(request) => {
                let mut inner = self.inner.borrow_mut();
                match inner.lock.take_if(|lock| lock.request == request) {
                    Some(lock) if lock.release.is_some() => {
                        self.calls.borrow_mut().push(Call::LockGone);
                        Input::LockLost(request)
                    }
                    // Taken before the grant came here.
                    Some(_) if text(event, "name").as_deref() == Some("AbortError") => {
                        Input::LockLost(request)
                    }
                    Some(_) => Input::LockRefused(request),
                    // This tab ended the request itself.
                    None => return JsValue::UNDEFINED,
                }
            }
            Source::SocketOpen(id) => Input::SocketOpen(id),
            Source::SocketMessage(id) => match Text::read(get(event, "data")) {
                Some((frame, text)) => Input::SocketFrame(id, frame, text),
                None => Input::SocketNoise(id),
            },
            Source::SocketClose(id) => {
                self.inner
                    .borrow_mut()
                    .socket
                    .take_if(|socket| socket.id == id);
                Input::SocketClosed(
                    id,
                    get(event, "code").as_f64().map_or(1006, |code| code as u16),
                )
            }
            Source::Page(PageEvent::Visibility) => Input::Visible(page::is_visible()),
            Source::Page(PageEvent::Hide) => Input::Hide,
            Source::Page(PageEvent::Show | PageEvent::Resume) => Input::Show,
            Source::Page(PageEvent::Online) => Input::Online,
        };
        self.drive(input);
        JsValue::UNDEFINED
    }

    /// The browser granted the lock, and keeps it until the promise returned ends.
    fn lock_granted(self: &Rc<Self>, request: LockRequest) -> JsValue {
        let (promise, release) = lock::held();
        {
            let mut inner = self.inner.borrow_mut();
            let Some(lock) = inner.lock.as_mut().filter(|lock| lock.request == request) else {
                // The grant crossed with the release.
                return JsValue::UNDEFINED;
            };
            lock.release = release.clone();
            if let Some(release) = release {
                self.calls.borrow_mut().push(Call::HoldsLock(release));
            }
        }
        self.drive(Input::LockGranted(request));
        promise
    }

    /// Tells the host what it is to be told, one by one and never nested: it may call the client in turn.
    fn call_host(&self) {
        if self.calling.replace(true) {
            return;
        }
        loop {
            let calls = self.calls.take();
            if calls.is_empty() {
                break;
            }
            for call in calls {
                match call {
                    Call::Output(output) => self.tell(output),
                    Call::HoldsLock(release) => self.host.holds_lock(&release),
                    Call::LockGone => self.host.lock_gone(),
                }
            }
        }
        self.calling.set(false);
    }

    fn tell(&self, output: Output<Text>) {
        let host = &self.host;
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
                self.shown.replace(Some(cursor));
            }
            Output::Settled(id, settlement) => self.settled(&id, &settlement),
            Output::Status(status) => {
                if status.reason == Some(Reason::LoggedOut) {
                    self.shown.take(); // the app forgets its state, and the position belongs to it
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

    fn settled(&self, id: &str, settlement: &Settlement<Text>) {
        let none = JsValue::UNDEFINED;
        match settlement {
            Settlement::Answered(answer, doubt) => {
                let answer = &answer.value;
                if text(answer, "t").is_some_and(|t| t == "ack") {
                    self.host.settled(id, &none, &none, &none, answer);
                } else {
                    let executed = if *doubt {
                        executed(Executed::Unknown)
                    } else {
                        get(answer, "executed")
                    };
                    self.host.settled(
                        id,
                        &get(answer, "code"),
                        &executed,
                        &get(answer, "message"),
                        &none,
                    );
                }
            }
            Settlement::Failed(failure) => {
                self.host.settled(
                    id,
                    &failure.why.as_str().into(),
                    &executed(failure.executed),
                    &none,
                    &none,
                );
            }
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

fn term_key(group: &str) -> String {
    prefixed("tabwire:term:", group)
}

fn prefixed(prefix: &str, text: &str) -> String {
    let mut both = String::from(prefix);
    both.push_str(text);
    both
}
