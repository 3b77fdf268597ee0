//! Drives the machine in a page: carries out what it says, reports what the browser does, and tells an app what is the app's.

use std::{
    cell::{Cell, Ref, RefCell},
    rc::Rc,
};

use gloo_timers::callback::Timeout;
use js_sys::Function;
use tabwire_protocol::{Cursor, Millis, UserId};
use wasm_bindgen::prelude::*;
use web_sys::BroadcastChannel;

use super::{
    channel::Channel,
    js::{data, get, text},
    lock::{self, Lock},
    page::{self, PageEvent},
    socket::{Listeners, Socket},
    text::Text,
};
use crate::core::{
    Config, Input, Inspection, LockRequest, NewCommand, Output, Sharing, SocketId, Tab,
    parse_number, push_number,
};

/// How much too early a timer may come. Each event moves a follower's deadline a little: to set the timer anew each time
/// would take as long as the event itself. Not more: a hidden page's timer that is set by a timer is one that browsers slow down.
const EARLY: Millis = Millis(1_000);

/// Who is told what the browser layer does not do itself: the TypeScript of the npm package, or the typed API.
///
/// Calls come in order and never nested, when the machine is drained and nothing is borrowed: the app may call the driver in turn.
pub(crate) trait App: 'static {
    /// What the machine says to the app. `shown` is its cursor: that of the last call made.
    fn told(&self, output: Output<Text>, shown: &RefCell<Option<Cursor>>);

    /// The Web Lock was granted. The function gives it back, whatever has become of this module.
    fn holds_lock(&self, release: &Function);

    /// The Web Lock is given back, or was taken away.
    fn lock_gone(&self);
}

/// What a tab is made with.
pub(crate) struct Options {
    /// Absolute.
    pub(crate) url: String,
    /// Names the tabs that share a socket.
    pub(crate) group: String,
    pub(crate) user: UserId,
    pub(crate) cursor: Option<Cursor>,
    pub(crate) fetches_state: bool,
    /// Free of what JSON escapes.
    pub(crate) state_key: Option<String>,
    pub(crate) hands_over: bool,
}

/// A tab of a group. The listeners of the browser hold on to it weakly.
pub(crate) struct Driver<A> {
    app: A,
    inner: RefCell<Inner>,
    /// What the app is still to be told, in order.
    calls: RefCell<Vec<Call>>,
    calling: Cell<bool>,
    /// The app's cursor: that of the last call made.
    shown: RefCell<Option<Cursor>>,
}

/// What is said to the app when nothing is borrowed.
enum Call {
    Output(Output<Text>),
    HoldsLock(Function),
    LockGone,
}

struct Inner {
    tab: Tab<Text>,
    /// When something happened last, as the page's clock said.
    now: Millis,
    url: String,
    /// Names the lock and the channel.
    group: String,
    channel: Option<Channel>,
    lock: Option<Lock>,
    socket: Option<Socket>,
    timer: Option<(Millis, Timeout)>,
    listens_to_page: bool,
}

/// Where something comes from.
#[derive(Clone, Copy)]
enum Source {
    Channel,
    /// The page has done what was before it.
    Turn,
    LockGranted(LockRequest),
    LockEnded(LockRequest),
    SocketOpen(SocketId),
    SocketMessage(SocketId),
    SocketClose(SocketId),
    Page(PageEvent),
}

impl<A: App> Driver<A> {
    /// A tab that has not joined its group yet.
    pub(crate) fn new(app: A, options: Options) -> Rc<Self> {
        let group = prefixed("tabwire:", &options.group);
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
        let shown = options.cursor.clone();
        let tab = Tab::new(Config {
            user: options.user,
            tab: page::tab(),
            device: page::device(&prefixed("tabwire:device:", &group)),
            cursor: options.cursor,
            fetches_state: options.fetches_state,
            sharing,
            state_key: options.state_key,
            hands_over: options.hands_over,
            term,
            seed: page::seed(),
        });
        let inner = Inner {
            tab,
            now: Millis(0),
            url: options.url,
            group,
            channel: None,
            lock: None,
            socket: None,
            timer: None,
            listens_to_page: false,
        };
        Rc::new(Self {
            app,
            inner: RefCell::new(inner),
            calls: RefCell::default(),
            calling: Cell::new(false),
            shown: RefCell::new(shown),
        })
    }

    /// Joins the group.
    pub(crate) fn start(self: &Rc<Self>) {
        if !std::mem::replace(&mut self.inner.borrow_mut().listens_to_page, true) {
            page::listen(|event| self.listener(Source::Page(event)));
        }
        self.drive(Input::Visible(page::is_visible()));
        self.drive(Input::Start);
    }

    /// Takes a command, and returns the id that its settlement will have. It goes out with [`carry_out`](Self::carry_out).
    pub(crate) fn queue(&self, command: NewCommand) -> String {
        let now = page::now();
        let mut inner = self.inner.borrow_mut();
        inner.now = now;
        inner.tab.send(now, command)
    }

    /// Up to where the app has been given its view.
    pub(crate) fn cursor(&self) -> Ref<'_, Option<Cursor>> {
        self.shown.borrow()
    }

    /// What this tab knows and has seen.
    pub(crate) fn inspect(&self) -> Inspection {
        self.inner.borrow().tab.inspect(page::now())
    }

    /// Something happened: the machine decides, and what it says is done.
    pub(crate) fn drive(self: &Rc<Self>, input: Input<Text>) {
        {
            let now = page::now();
            let mut inner = self.inner.borrow_mut();
            inner.now = now;
            inner.tab.handle(now, input);
        }
        self.carry_out();
    }

    /// What the machine says is done.
    pub(crate) fn carry_out(self: &Rc<Self>) {
        {
            let mut inner = self.inner.borrow_mut();
            while let Some(output) = inner.tab.poll() {
                self.do_what_it_says(&mut inner, output);
            }
            self.set_timer(&mut inner);
        }
        self.call_app();
    }

    fn do_what_it_says(self: &Rc<Self>, inner: &mut Inner, output: Output<Text>) {
        match output {
            Output::OpenChannel => {
                let heard = self.listener(Source::Channel);
                inner.channel = Channel::open(&inner.group, &heard, self.listener(Source::Turn));
            }
            Output::CloseChannel => {
                if let Some(channel) = inner.channel.take() {
                    channel.close();
                }
            }
            Output::Post(message) => {
                if let Some(channel) = &mut inner.channel {
                    channel.post(inner.now, message);
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
            for_the_app => self.calls.borrow_mut().push(Call::Output(for_the_app)),
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
        match (&inner.timer, next) {
            (None, None) => return,
            // It comes a little early, and is set again then.
            (Some((at, _)), Some(next)) if *at <= next && next.since(*at) < EARLY => return,
            _ => {}
        }
        inner.timer = next.map(|at| {
            let driver = Rc::downgrade(self);
            // A timer beyond the browser's 2^31 ms would fire at once: it comes earlier and is set again.
            let wait = at.since(page::now()).0.min(i32::MAX as u64) as u32;
            let timeout = Timeout::new(wait, move || {
                if let Some(driver) = driver.upgrade() {
                    driver.inner.borrow_mut().timer = None;
                    driver.drive(Input::Tick);
                }
            });
            (at, timeout)
        });
    }

    /// A function for the browser to call.
    fn listener(self: &Rc<Self>, source: Source) -> JsValue {
        let driver = Rc::downgrade(self);
        let listener: Box<dyn Fn(JsValue) -> JsValue> = Box::new(move |event| {
            driver
                .upgrade()
                .map_or(JsValue::UNDEFINED, |driver| driver.happened(source, &event))
        });
        Closure::wrap(listener).into_js_value()
    }

    fn happened(self: &Rc<Self>, source: Source, event: &JsValue) -> JsValue {
        let input = match source {
            Source::Channel => {
                let heard = (self.inner.borrow().channel.as_ref())
                    .and_then(|channel| channel.read(data(event)));
                match heard {
                    Some(message) => Input::Message(message),
                    None => return JsValue::UNDEFINED,
                }
            }
            Source::Turn => {
                if let Some(channel) = &mut self.inner.borrow_mut().channel {
                    channel.turned();
                }
                return JsValue::UNDEFINED;
            }
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
            Source::SocketMessage(id) => match Text::read(data(event)) {
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

    /// Tells the app what it is to be told, one by one and never nested: it may call the driver in turn.
    fn call_app(&self) {
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
                    Call::Output(output) => self.app.told(output, &self.shown),
                    Call::HoldsLock(release) => self.app.holds_lock(&release),
                    Call::LockGone => self.app.lock_gone(),
                }
            }
        }
        self.calling.set(false);
    }
}

fn term_key(group: &str) -> String {
    prefixed("tabwire:term:", group)
}

fn prefixed(prefix: &str, text: &str) -> String {
    let mut both = String::from(prefix);
    both.push_str(text);
    both
}
