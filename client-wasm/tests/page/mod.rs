//! What stands around the clients in a test's page: their hosts, the server, and waiting.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::BTreeMap,
    panic,
    rc::Rc,
};

use js_sys::{Array, JSON, Object, Promise, Reflect};
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
    const objects = [{}, [], { v: 2, k: "logout" }, { v: "1", k: "logout" }, { v: 1, k: "relay" }, { v: 1, k: 7 }, { m: "{", f: {} }, { m: 7 }];
    const others = [null, undefined, 7, NaN, true, 12n, new Date(), new ArrayBuffer(8), new Map([["k", "logout"]])];
    for (const it of [...texts, ...objects, ...others]) channel.postMessage(it);
    for (const it of [...texts, ...others]) channel.postMessage([it, it]);
    channel.close();
}
export const happens = (event) => void window.dispatchEvent(new Event(event));
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

    /// Something happens to the page, and so to all clients in it.
    pub(crate) fn happens(event: &str);

    fn pause(ms: i32) -> Promise;
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

/// Makes a client as a browser of its own would: with another device id.
pub(crate) fn on_another_device<T>(make: impl FnOnce() -> T) -> T {
    const KEY: &str = "tabwire:device";
    let storage = Reflect::get(&js_sys::global(), &"localStorage".into()).expect("it has storage");
    let storage: web_sys::Storage = storage.unchecked_into();
    let device = storage.get_item(KEY).expect("it can be read");
    storage.remove_item(KEY).expect("it can be written");
    let made = make();
    if let Some(device) = device {
        storage.set_item(KEY, &device).expect("it can be written");
    }
    made
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
        let receipt = Self::operate("POST", "/events", Some(Self::event(shop))).await;
        receipt["id"].as_u64().expect("it has an id")
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

    /// The position of the state of the token's shop.
    async fn state(token: &str) -> (String, f64) {
        let answer = Self::call("GET", "/state", token, None).await;
        let epoch = answer["epoch"].as_str().expect("it has an epoch");
        let last = answer["lastEventId"].as_f64().expect("it has a position");
        (epoch.to_owned(), last)
    }
}

/// The tabs of one user.
#[derive(Clone)]
pub(crate) struct Group {
    pub(crate) user: String,
    pub(crate) shop: String,
    pub(crate) token: String,
    namespace: String,
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

    fn url() -> String {
        format!("{}/ws", server().replacen("http", "ws", 1))
    }

    fn name(&self) -> String {
        format!("{}|{}|{}", self.namespace, Self::url(), self.user)
    }

    /// A tab that starts afresh.
    pub(crate) fn tab(&self) -> Tab {
        self.start(Some(self.token.clone()), None, false)
    }

    /// A tab that goes on from a cursor.
    pub(crate) fn tab_at(&self, cursor: &Cursor) -> Tab {
        self.start(Some(self.token.clone()), Some(cursor), false)
    }

    /// A tab that fetches the demo's state.
    pub(crate) fn tab_with_state(&self) -> Tab {
        self.start(Some(self.token.clone()), None, true)
    }

    /// A tab of somebody who is not logged in.
    pub(crate) fn tab_without_token(&self) -> Tab {
        self.start(None, None, false)
    }

    fn start(&self, token: Option<String>, cursor: Option<&Cursor>, fetches_state: bool) -> Tab {
        let seen = Rc::new(Seen {
            token,
            ..Seen::default()
        });
        // The client reports panics to its host; here they are the test's to report. After one, the hook cannot be moved.
        let hook = (!std::thread::panicking()).then(panic::take_hook);
        let options = json!({
            "url": Self::url(),
            "group": self.name(),
            "user": self.user,
            "cursor": cursor.map(|cursor| json!({
                "epoch": cursor.epoch,
                "view": cursor.view,
                "lastEventId": cursor.last,
            })),
            "fetchesState": fetches_state,
        });
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

/// What an app has been told.
#[derive(Default)]
pub(crate) struct Seen {
    token: Option<String>,
    client: OnceCell<Rc<Client>>,
    pub(crate) events: RefCell<Vec<Value>>,
    /// Where the state that was applied last is.
    pub(crate) state_at: RefCell<Option<u64>>,
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

    fn inspect(&self) -> Value {
        value(&self.client.inspect())
    }

    pub(crate) fn counter(&self, name: &str) -> u64 {
        let inspection = self.inspect();
        let counter = inspection["counters"][name].as_u64();
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
    let get_token: Closure<dyn Fn(u32, String)> = Closure::new(move |number, _| {
        app.client().token(number, app.token.clone());
    });
    method("getToken", get_token.into_js_value());

    let app = Rc::clone(seen);
    let fetch_state: Closure<dyn Fn(u32, String, String, f64)> =
        Closure::new(move |number, _, _, _| {
            let app = Rc::clone(&app);
            spawn_local(async move {
                let token = app.token.clone().expect("who is open has a token");
                let (epoch, last) = Server::state(&token).await;
                let position = json!({ "epoch": epoch, "lastEventId": last }).to_string();
                let position = JSON::parse(&position).expect("it was JSON");
                app.client().state_fetched(number, &position);
            });
        });
    method("fetchState", fetch_state.into_js_value());

    let app = Rc::clone(seen);
    let apply_state: Closure<dyn Fn(u32, String, String, f64)> =
        Closure::new(move |_, _, _, position| {
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

    let quiet: Closure<dyn Fn(JsValue, JsValue)> = Closure::new(|_, _| {});
    method("log", quiet.into_js_value());
    let crashed: Closure<dyn Fn(String)> =
        Closure::new(|place: String| panic!("the client crashed at {place}"));
    method("crashed", crashed.into_js_value());

    host.unchecked_into()
}

impl Seen {
    fn client(&self) -> &Client {
        self.client
            .get()
            .expect("a host is called after its client was made")
    }
}
