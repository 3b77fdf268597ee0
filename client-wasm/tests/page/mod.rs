//! What stands around the clients in a test's page: their hosts, the server, and waiting.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::BTreeMap,
    panic,
    rc::Rc,
};

use js_sys::{Array, Function, JSON, Object, Promise, Reflect};
use serde_json::{Value, json};
use tabwire_client::browser::{Client, Host};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// A condition that does not hold after this many milliseconds fails its test.
const WAIT_MS_MAX: f64 = 10_000.0;
/// How long to wait between two looks at a condition, in milliseconds.
const LOOK_MS: i32 = 5;

/// The server's address and key, told at compile time by `cargo xtask test wasm`, which starts one. Optional, so that the tests
/// can be linted without.
const SERVER: Option<&str> = option_env!("TABWIRE_TEST_SERVER");
const PUBLISH_KEY: Option<&str> = option_env!("TABWIRE_TEST_PUBLISH_KEY");

fn server() -> &'static str {
    SERVER.expect("run by `cargo xtask test wasm`, which starts a server")
}

#[wasm_bindgen(inline_js = r#"
export async function http(method, url, bearer, body) {
    const headers = { authorization: `Bearer ${bearer}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    const response = await fetch(url, { method, headers, body });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
    return text;
}
export function noise(name) {
    const channel = new BroadcastChannel(name);
    const texts = ["", "{", "{}", "[]", "null", '{"v":1}', '{"v":1,"k":"logout2"}', '{"v":2,"k":"logout"}', '{"v":"1","k":"logout"}'];
    const objects = [{}, [], { v: 2, k: "logout" }, { v: "1", k: "logout" }, { v: 1, k: "relay" }, { v: 1, k: 7 }, { m: "{", f: {} }, { m: 7 }, Object.assign(['{"v":2,"k":"logout"}'], { length: 2 ** 32 - 1 })];
    const others = [null, undefined, 7, NaN, true, 12n, new Date(), new ArrayBuffer(8), new Map([["k", "logout"]])];
    for (const it of [...texts, ...objects, ...others]) channel.postMessage(it);
    for (const it of [...texts, ...others]) channel.postMessage([it, it]);
    const relay = '{"v":1,"k":"relay","term":9,"tab":"AAAAAAAAAAAAAAAA","epoch":"e","view":"v","more":false}';
    for (const it of texts) channel.postMessage([it, it].join("\x1e"));
    for (const it of [...texts, '{"t":"event"}', '{"t":"ack","id":7}']) channel.postMessage([relay, it, it].join("\x1e"));
    channel.postMessage("\x1e".repeat(100_000));
    channel.close();
}
/** Counts what is said on a channel from now on; returns what says how much and counts no more. */
export function overhear(name) {
    const channel = new BroadcastChannel(name);
    let said = 0;
    channel.onmessage = () => (said += 1);
    return () => {
        channel.close();
        return said;
    };
}
export const happens = (event) => void window.dispatchEvent(new Event(event));
/** Each client asks for the visibility once per event, in the order in which they were made: the last ones are told these. */
export function look(states) {
    let asked = 0, before = Infinity;
    const get = () => states[asked++ - before] ?? "visible";
    Object.defineProperty(document, "visibilityState", { configurable: true, get });
    document.dispatchEvent(new Event("visibilitychange"));
    before = asked - states.length;
    asked = 0;
    document.dispatchEvent(new Event("visibilitychange"));
    delete document.visibilityState;
}
export function steal(name) {
    const lock = { lost: false };
    const held = new Promise((release) => (lock.release = release));
    navigator.locks.request(name, { steal: true }, () => held).catch(() => (lock.lost = true));
    return lock;
}
const denied = () => new DOMException("The request was denied.", "SecurityError");
const without = {
    locks: [navigator, "locks", undefined],
    locksRefused: [navigator, "locks", { request: () => Promise.reject(denied()) }],
    locksThrow: [navigator, "locks", { request: () => { throw denied(); } }],
    channel: [globalThis, "BroadcastChannel", undefined],
    channelThrows: [globalThis, "BroadcastChannel", function () { throw denied(); }],
};
/** Takes something from the page; returns what gives it back. */
export function lack(what) {
    const [object, name, value] = without[what];
    const own = Object.getOwnPropertyDescriptor(object, name);
    Object.defineProperty(object, name, { configurable: true, value });
    return () => (own ? Object.defineProperty(object, name, own) : delete object[name]);
}
/** Counts the timers that are set from now on, to come in a second or later; returns what says how many and counts no more. */
export function count() {
    const { setTimeout } = globalThis;
    let set = 0;
    globalThis.setTimeout = (then, ms, ...args) => {
        if (ms >= 1_000) set += 1;
        return setTimeout(then, ms, ...args);
    };
    return () => {
        globalThis.setTimeout = setTimeout;
        return set;
    };
}
/** Calls what may trap. */
export function survive(call) {
    try {
        call();
        return false;
    } catch (error) {
        return error instanceof WebAssembly.RuntimeError;
    }
}
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
"#)]
extern "C" {
    #[wasm_bindgen(catch)]
    async fn http(
        method: &str,
        url: &str,
        bearer: &str,
        body: Option<String>,
    ) -> Result<JsValue, JsValue>;

    fn noise(channel: &str);

    fn overhear(channel: &str) -> Function;

    /// Something happens to the page, and so to all clients in it.
    pub(crate) fn happens(event: &str);

    fn pause(ms: i32) -> Promise;

    fn look(states: Array);

    fn steal(lock: &str) -> JsValue;

    fn lack(what: &str) -> Function;

    fn count() -> Function;

    /// Calls a function and says whether it trapped.
    #[cfg(feature = "typed")]
    pub(crate) fn survive(call: &JsValue) -> bool;
}

/// The clients made last see their pages hidden or shown, in the order in which they were made.
pub(crate) fn visibility(states: &[&str]) {
    look(
        states
            .iter()
            .map(|state| JsValue::from_str(state))
            .collect(),
    );
}

/// Makes clients in a browser that lacks something.
pub(crate) fn lacking<T>(what: &str, make: impl FnOnce() -> T) -> T {
    let give_back = lack(what);
    let made = make();
    give_back.call0(&JsValue::UNDEFINED).expect("it was there");
    made
}

/// Counts the timers that clients in this page set meanwhile, but for short ones.
pub(crate) async fn timers_set(meanwhile: impl Future<Output = ()>) -> f64 {
    counted(&count(), meanwhile).await
}

async fn counted(stop: &Function, meanwhile: impl Future<Output = ()>) -> f64 {
    meanwhile.await;
    let count = stop.call0(&JsValue::UNDEFINED);
    count
        .ok()
        .and_then(|count| count.as_f64())
        .expect("a number")
}

/// A group's lock in the hands of somebody who is no client.
pub(crate) struct StolenLock(JsValue);

impl StolenLock {
    /// Whether it was stolen back.
    pub(crate) fn is_lost(&self) -> bool {
        value(&self.0)["lost"] == true
    }

    pub(crate) fn release(&self) {
        let release = Reflect::get(&self.0, &"release".into()).expect("it is an object");
        let release: Function = release.unchecked_into();
        release
            .call0(&JsValue::UNDEFINED)
            .expect("it resolves a promise");
    }
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    until_async(what, async || holds()).await;
}

/// Waits for a condition that takes a while to look at.
pub(crate) async fn until_async(what: &str, holds: impl AsyncFn() -> bool) {
    let end = js_sys::Date::now() + WAIT_MS_MAX;
    while !holds().await {
        assert!(
            js_sys::Date::now() < end,
            "not within {WAIT_MS_MAX} ms: {what}"
        );
        JsFuture::from(pause(LOOK_MS)).await.expect("a timer ends");
    }
}

/// The server's HTTP API.
pub(crate) struct Server;

impl Server {
    async fn call(method: &str, path: &str, bearer: &str, body: Option<Value>) -> Value {
        let url = format!("{}{path}", server());
        let body = body.map(|body| body.to_string());
        let answer = http(method, &url, bearer, body).await;
        let text = answer.unwrap_or_else(|error| panic!("{error:?}"));
        let text = text.as_string().expect("it is a text");
        if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
        }
    }

    async fn operate(method: &str, path: &str, body: Option<Value>) -> Value {
        let key = PUBLISH_KEY.expect("told with the server's address");
        Self::call(method, path, key, body).await
    }

    fn event(shop: &str) -> Value {
        let payload = json!({"orderId": "o_1", "customer": "Ana", "item": "tea", "total": 3});
        json!({"type": "order_created", "scope": {"shopId": shop}, "payload": payload})
    }

    /// Publishes an event, and returns its id.
    pub(crate) async fn publish(shop: &str) -> u64 {
        Self::publish_this(Self::event(shop)).await
    }

    async fn publish_this(event: Value) -> u64 {
        let receipt = Self::operate("POST", "/events", Some(event)).await;
        receipt["id"].as_u64().expect("it has an id")
    }

    /// Publishes an event with a payload of the test's own, and returns its id.
    #[cfg(feature = "typed")]
    pub(crate) async fn publish_with(shop: &str, payload: Value) -> u64 {
        let mut event = Self::event(shop);
        event["payload"] = payload;
        Self::publish_this(event).await
    }

    /// Publishes many events at once, and returns their ids.
    pub(crate) async fn publish_many(shop: &str, count: usize) -> Vec<u64> {
        let events = vec![Self::event(shop); count];
        let receipts = Self::operate("POST", "/events", Some(events.into())).await;
        let receipts = receipts.as_array().expect("it is an array");
        let id = |receipt: &Value| receipt["id"].as_u64().expect("it has an id");
        receipts.iter().map(id).collect()
    }

    /// How many sessions a user has.
    pub(crate) async fn sessions_of(user: &str) -> usize {
        let path = format!("/sessions?userId={user}");
        let answer = Self::operate("GET", &path, None).await;
        answer["sessions"].as_array().expect("it is an array").len()
    }

    pub(crate) async fn end_session_of(user: &str) {
        Self::operate("DELETE", &format!("/sessions/{user}"), None).await;
    }

    async fn log_in(user: &str, shop: &str) -> String {
        let body = json!({"userId": user, "shopId": shop});
        let answer = Self::call("POST", "/login", "", Some(body)).await;
        answer["token"].as_str().expect("it has a token").to_owned()
    }

    /// The state of the token's shop, with the position it is at.
    pub(crate) async fn state(token: &str) -> Value {
        Self::call("GET", "/state", token, None).await
    }
}

/// The tabs of one user.
#[derive(Clone)]
pub(crate) struct Group {
    pub(crate) user: String,
    pub(crate) shop: String,
    pub(crate) token: String,
    pub(crate) namespace: String,
}

/// A cursor as the app keeps it.
pub(crate) struct Cursor {
    epoch: String,
    view: String,
    last: f64,
}

impl Group {
    /// A user that no other test and no earlier run has, in a shop of its own.
    pub(crate) async fn of_new_user(name: &str) -> Self {
        let unique = (js_sys::Math::random() * 1e15) as u64;
        let (user, shop) = (format!("u_{name}_{unique}"), format!("s_{name}_{unique}"));
        Self {
            token: Server::log_in(&user, &shop).await,
            user,
            shop,
            namespace: "test".to_owned(),
        }
    }

    pub(crate) fn in_namespace(&self, namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            ..self.clone()
        }
    }

    /// Another page says on the group's channel what no tab of this version says.
    pub(crate) fn disturb(&self) {
        noise(&format!("tabwire:{}", self.name()));
    }

    /// How many messages tabs of the group say to each other meanwhile.
    pub(crate) async fn messages_said(&self, meanwhile: impl Future<Output = ()>) -> f64 {
        counted(&overhear(&format!("tabwire:{}", self.name())), meanwhile).await
    }

    pub(crate) fn url() -> String {
        format!("{}/ws", server().replacen("http", "ws", 1))
    }

    fn name(&self) -> String {
        format!("{}|{}|{}", self.namespace, Self::url(), self.user)
    }

    /// Takes the group's lock from whichever tab has it.
    pub(crate) fn steal_lock(&self) -> StolenLock {
        StolenLock(steal(&format!("tabwire:{}", self.name())))
    }

    /// A tab that starts afresh.
    pub(crate) fn tab(&self) -> Tab {
        self.start(self.logged_in(), json!({}))
    }

    /// A tab that goes on from a cursor.
    pub(crate) fn tab_at(&self, cursor: &Cursor) -> Tab {
        let cursor = json!({
            "epoch": cursor.epoch,
            "view": cursor.view,
            "lastEventId": cursor.last,
        });
        self.start(self.logged_in(), json!({ "cursor": cursor }))
    }

    /// A tab that fetches the demo's state.
    pub(crate) fn tab_with_state(&self) -> Tab {
        self.start(self.logged_in(), json!({ "fetchesState": true }))
    }

    /// A tab that shares the demo's state with those that give the same key.
    pub(crate) fn tab_that_shares(&self, key: &str) -> Tab {
        let options = json!({ "fetchesState": true, "stateKey": key });
        self.start(self.logged_in(), options)
    }

    /// A tab that lets another lead when its page gets hidden.
    pub(crate) fn tab_that_hands_over(&self) -> Tab {
        self.start(self.logged_in(), json!({ "handsOver": true }))
    }

    /// A tab of somebody who is not logged in.
    pub(crate) fn tab_without_token(&self) -> Tab {
        self.start(Login::Out, json!({}))
    }

    /// A tab whose app is still asking for a token.
    pub(crate) fn tab_that_waits(&self) -> Tab {
        self.start(Login::Pending, json!({}))
    }

    fn logged_in(&self) -> Login {
        Login::Token(self.token.clone())
    }

    fn start(&self, login: Login, mut options: Value) -> Tab {
        let seen = Rc::new(Seen {
            login,
            shares: !options["stateKey"].is_null(),
            ..Seen::default()
        });
        // The client reports panics to its host; here they are the test's to report. After one, the hook cannot be moved.
        let hook = (!std::thread::panicking()).then(panic::take_hook);
        options["url"] = Self::url().into();
        options["group"] = self.name().into();
        options["user"] = self.user.as_str().into();
        let options = JSON::parse(&options.to_string()).expect("it was JSON");
        let client = Client::new(host(&seen), &options);
        if let Some(hook) = hook {
            panic::set_hook(hook);
        }
        let client = Rc::new(client.expect("the arguments are right"));
        seen.client
            .set(Rc::clone(&client))
            .ok()
            .expect("it is the first");
        client.start();
        Tab { client, seen }
    }
}

/// The counters in the order in which a client says them, as the npm package names them.
const COUNTERS: [&str; 14] = [
    "delivered",
    "duplicates",
    "gaps",
    "foreign",
    "ringRepairs",
    "serverRepairs",
    "refreshes",
    "leads",
    "connects",
    "stale",
    "steals",
    "abdications",
    "takeOvers",
    "statesShared",
];

/// One client, and what its app has been told. It leaves when it is dropped.
pub(crate) struct Tab {
    pub(crate) client: Rc<Client>,
    seen: Rc<Seen>,
}

impl std::ops::Deref for Tab {
    type Target = Seen;

    fn deref(&self) -> &Seen {
        &self.seen
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        self.client.close();
    }
}

/// What an app answers when it is asked for a token.
#[derive(Default)]
enum Login {
    /// Nobody is logged in.
    #[default]
    Out,
    /// Nothing, for now.
    Pending,
    Token(String),
}

/// What an app has been told.
#[derive(Default)]
pub(crate) struct Seen {
    login: Login,
    /// Whether it gives its state to other tabs.
    shares: bool,
    client: OnceCell<Rc<Client>>,
    pub(crate) events: RefCell<Vec<Value>>,
    /// Where the state that was applied last is.
    pub(crate) state_at: RefCell<Option<u64>>,
    /// The state that was applied last, if it was another tab's.
    pub(crate) shared_state: RefCell<Option<Value>>,
    /// How often it was asked for its state.
    pub(crate) fetches: Cell<u32>,
    /// The lines of the debug log, by number.
    pub(crate) log: RefCell<Vec<u8>>,
    status: RefCell<(String, String, Option<String>)>,
    outcomes: RefCell<BTreeMap<String, Outcome>>,
    holds_lock: Cell<bool>,
}

/// What came of a command.
#[derive(Clone)]
pub(crate) struct Outcome {
    pub(crate) code: Option<String>,
    pub(crate) executed: Option<String>,
    pub(crate) event_id: Option<u64>,
}

impl Seen {
    pub(crate) fn state(&self) -> String {
        self.status.borrow().0.clone()
    }

    pub(crate) fn role(&self) -> String {
        self.status.borrow().1.clone()
    }

    pub(crate) fn reason(&self) -> Option<String> {
        self.status.borrow().2.clone()
    }

    pub(crate) fn holds_lock(&self) -> bool {
        self.holds_lock.get()
    }

    /// The ids of the events delivered, in the order they came.
    pub(crate) fn ids(&self) -> Vec<u64> {
        let id = |event: &Value| event["id"].as_u64().expect("an event has an id");
        self.events.borrow().iter().map(id).collect()
    }

    pub(crate) fn outcome(&self, id: &str) -> Option<Outcome> {
        self.outcomes.borrow().get(id).cloned()
    }
}

impl Tab {
    pub(crate) fn send(&self, event_type: &str, payload: &str) -> String {
        let (event_type, payload) = (event_type.to_owned(), payload.to_owned());
        self.client.send(event_type, payload, 10_000.0).into()
    }

    pub(crate) fn cursor(&self) -> Option<Cursor> {
        let cursor = value(&self.client.cursor());
        Some(Cursor {
            epoch: cursor["epoch"].as_str()?.to_owned(),
            view: cursor["view"].as_str()?.to_owned(),
            last: cursor["lastEventId"].as_f64()?,
        })
    }

    pub(crate) fn last(&self) -> Option<u64> {
        self.cursor().map(|cursor| cursor.last as u64)
    }

    pub(crate) fn inspect(&self) -> Value {
        value(&self.client.inspect())
    }

    pub(crate) fn counter(&self, name: &str) -> u64 {
        let inspection = self.inspect();
        let index = COUNTERS.iter().position(|counter| *counter == name);
        let counter = index.and_then(|index| inspection["counters"][index].as_u64());
        counter.unwrap_or_else(|| panic!("no counter {name}: {inspection}"))
    }

    pub(crate) fn name(&self) -> Value {
        self.inspect()["tab"].clone()
    }

    pub(crate) fn leader(&self) -> Value {
        self.inspect()["leader"].clone()
    }

    pub(crate) fn term(&self) -> u64 {
        self.inspect()["term"].as_u64().unwrap_or(0)
    }
}

/// A JavaScript value as JSON; what JSON does not have is null.
fn value(value: &JsValue) -> Value {
    let text = JSON::stringify(value)
        .ok()
        .and_then(|text| text.as_string());
    let parsed = text.and_then(|text| serde_json::from_str(&text).ok());
    parsed.unwrap_or(Value::Null)
}

/// The host of a client: an object whose methods write down what they are told, and answer as a plain app would.
fn host(seen: &Rc<Seen>) -> Host {
    let host = Object::new();
    let method = |name: &str, function: JsValue| {
        Reflect::set(&host, &name.into(), &function).expect("it is a plain object");
    };

    let app = Rc::clone(seen);
    let get_token: Closure<dyn Fn(u32, String)> = Closure::new(move |number, _| match &app.login {
        Login::Out => app.client().token(number, None),
        Login::Pending => {}
        Login::Token(token) => app.client().token(number, Some(token.clone())),
    });
    method("getToken", get_token.into_js_value());

    let app = Rc::clone(seen);
    let fetch_state: Closure<dyn Fn(u32, String, String, f64)> =
        Closure::new(move |number, _, _, _| {
            let app = Rc::clone(&app);
            app.fetches.set(app.fetches.get() + 1);
            spawn_local(async move {
                let Login::Token(token) = &app.login else {
                    panic!("who is open has a token");
                };
                let answer = Server::state(token).await;
                let position = JSON::parse(&answer.to_string()).expect("it was JSON");
                let shared = app.shares.then(|| answer["state"].to_string());
                app.client().state_fetched(number, &position, shared);
            });
        });
    method("fetchState", fetch_state.into_js_value());

    let app = Rc::clone(seen);
    let apply_state: Closure<dyn Fn(u32, String, String, f64, JsValue)> =
        Closure::new(move |_, _, _, position, shared: JsValue| {
            let shared = (!shared.is_undefined()).then(|| value(&shared));
            app.shared_state.replace(shared);
            app.state_at.replace(Some(position as u64));
        });
    method("applyState", apply_state.into_js_value());

    let refreshed: Closure<dyn Fn(String, String, f64)> = Closure::new(|_, _, _| {});
    method("refreshed", refreshed.into_js_value());

    let app = Rc::clone(seen);
    let deliver: Closure<dyn Fn(Array)> = Closure::new(move |events: Array| {
        let events = events.iter().map(|event| value(&event));
        app.events.borrow_mut().extend(events);
    });
    method("deliver", deliver.into_js_value());

    let app = Rc::clone(seen);
    let settled: Closure<dyn Fn(String, JsValue, JsValue, JsValue, JsValue)> = Closure::new(
        move |id: String, code: JsValue, executed: JsValue, _: JsValue, ack: JsValue| {
            let outcome = Outcome {
                code: code.as_string(),
                executed: executed.as_string(),
                event_id: value(&ack)["eventId"].as_u64(),
            };
            let before = app.outcomes.borrow_mut().insert(id.clone(), outcome);
            assert!(before.is_none(), "{id} was settled twice");
        },
    );
    method("settled", settled.into_js_value());

    let app = Rc::clone(seen);
    type Status = dyn Fn(String, String, JsValue, JsValue, JsValue, JsValue, JsValue);
    let status: Closure<Status> = Closure::new(move |state, role, reason: JsValue, _, _, _, _| {
        app.status.replace((state, role, reason.as_string()));
    });
    method("status", status.into_js_value());

    let app = Rc::clone(seen);
    let holds_lock: Closure<dyn Fn(JsValue)> = Closure::new(move |_| app.holds_lock.set(true));
    method("holdsLock", holds_lock.into_js_value());

    let app = Rc::clone(seen);
    let lock_gone: Closure<dyn Fn()> = Closure::new(move || app.holds_lock.set(false));
    method("lockGone", lock_gone.into_js_value());

    let app = Rc::clone(seen);
    let log: Closure<dyn Fn(u8)> = Closure::new(move |line| app.log.borrow_mut().push(line));
    method("log", log.into_js_value());

    host.unchecked_into()
}

impl Seen {
    fn client(&self) -> &Client {
        self.client
            .get()
            .expect("a host is called after its client was made")
    }
}
