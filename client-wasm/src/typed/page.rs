//! One client in a page: the app's functions and handlers, and the link to the machine.

use std::{
    cell::{Cell, OnceCell, RefCell},
    future::Future,
    rc::{Rc, Weak},
};

use super::{
    command::Commands,
    error::{BoxError, Errors, TabwireError},
    event::AnyEvent,
    handlers::Handlers,
    link::{Link, Raw},
    state::{Fetch, Fetched, LocalFuture, StateInfo, StateRequest, Task},
    status::Status,
};
use crate::core::{Input, TokenReason};

pub(crate) type GetToken =
    Box<dyn Fn(TokenReason) -> LocalFuture<Result<Option<String>, BoxError>>>;
pub(crate) type FetchState<S> =
    Box<dyn Fn(StateRequest) -> LocalFuture<Result<Fetched<S>, BoxError>>>;

/// Where the app's state comes from.
pub(crate) enum Source<S> {
    Fetched(FetchState<S>),
    /// From nowhere: handlers of the state are told of a refresh with this.
    Nothing(S),
}

pub(crate) struct Page<S: 'static> {
    pub(crate) get_token: GetToken,
    pub(crate) source: Source<S>,
    pub(crate) errors: Errors,
    pub(crate) handlers: Handlers<S>,
    pub(crate) commands: Commands,
    pub(crate) status: RefCell<Status>,
    fetch: RefCell<Option<Fetch<S>>>,
    closed: Cell<bool>,
    /// None on a server that renders pages.
    link: OnceCell<Link<S>>,
}

impl<S> Page<S> {
    pub(crate) fn new(get_token: GetToken, source: Source<S>, errors: Errors) -> Rc<Self> {
        Rc::new(Self {
            get_token,
            source,
            errors,
            handlers: Handlers::new(),
            commands: Commands::default(),
            status: RefCell::new(Status::IDLE),
            fetch: RefCell::new(None),
            closed: Cell::new(false),
            link: OnceCell::new(),
        })
    }

    pub(crate) fn start(&self, link: Link<S>) {
        self.link.get_or_init(|| link).start();
    }

    pub(crate) fn link(&self) -> Option<&Link<S>> {
        self.link.get()
    }

    pub(crate) fn drive(&self, input: Input<Raw>) {
        if let Some(link) = self.link() {
            link.drive(input);
        }
    }

    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.fetch.take();
        self.drive(Input::Close);
    }

    // What the machine says, told by the link.

    pub(crate) fn get_token(self: &Rc<Self>, number: u32, reason: TokenReason) {
        let token = (self.get_token)(reason);
        self.spawn(token, move |page, token| match not_empty(token) {
            Ok(token) => page.drive(Input::Token(number, token)),
            Err(error) => {
                page.drive(Input::TokenFailed(number));
                page.errors.report(&TabwireError::Token(error));
            }
        });
    }

    pub(crate) fn fetch_state(self: &Rc<Self>, number: u32, request: StateRequest) {
        // The machine asks only when it was told that there is something to ask.
        let Source::Fetched(fetch_state) = &self.source else {
            return;
        };
        let (fetched, page) = (fetch_state(request), Rc::downgrade(self));
        let task = Task::spawn(async move {
            let fetched = fetched.await;
            if let Some(page) = page.upgrade() {
                page.fetched(number, fetched);
            }
        });
        // The one before is not wanted any more.
        self.fetch.replace(Some(Fetch {
            number,
            state: None,
            _task: task,
        }));
    }

    fn fetched(&self, number: u32, fetched: Result<Fetched<S>, BoxError>) {
        let fetched = fetched.and_then(|fetched| {
            let position = fetched.parsed_position()?;
            Ok((fetched.state, position))
        });
        match fetched {
            Ok((state, position)) => {
                if let Some(fetch) = &mut *self.fetch.borrow_mut() {
                    fetch.state = Some(state);
                }
                self.drive(Input::StateFetched(number, position, None));
            }
            Err(error) => {
                self.drive(Input::StateFailed(number));
                self.errors.report(&TabwireError::FetchState(error));
            }
        }
    }

    pub(crate) fn apply_state(&self, number: u32, info: &StateInfo) {
        let fetch = self
            .fetch
            .borrow_mut()
            .take_if(|fetch| fetch.number == number);
        if let Some(state) = fetch.and_then(|fetch| fetch.state) {
            self.handlers.state(&state, info);
        }
    }

    /// Events were missed, and there is no state to fetch.
    pub(crate) fn refreshed(&self, info: &StateInfo) {
        if let Source::Nothing(state) = &self.source {
            self.handlers.state(state, info);
        }
    }

    pub(crate) fn deliver(&self, events: &[AnyEvent]) {
        self.handlers.deliver(events);
    }

    pub(crate) fn set_status(&self, status: Status) {
        if *self.status.borrow() == status {
            return;
        }
        self.status.replace(status.clone());
        self.handlers.status(&status);
        if self.closed.get() {
            // A handler may hold a handle of this client, which would keep both for ever.
            self.handlers.clear();
        }
    }

    /// Runs a future whose end is the page's matter, if that is still there.
    fn spawn<T: 'static>(
        self: &Rc<Self>,
        future: impl Future<Output = T> + 'static,
        end: impl FnOnce(&Self, T) + 'static,
    ) {
        let page: Weak<Self> = Rc::downgrade(self);
        wasm_bindgen_futures::spawn_local(async move {
            let result = future.await;
            if let Some(page) = page.upgrade() {
                end(&page, result);
            }
        });
    }
}

impl<S> Drop for Page<S> {
    fn drop(&mut self) {
        self.drive(Input::Close);
        self.commands.end();
    }
}

fn not_empty(token: Result<Option<String>, BoxError>) -> Result<Option<String>, BoxError> {
    match token {
        Ok(Some(token)) if token.is_empty() => Err("it must return a JWT, or None".into()),
        other => other,
    }
}
