//! The options, checked once: a mistake is an error where it is made, and names the option.

use std::{fmt, rc::Rc};

use tabwire_protocol::{Cursor, UserId};

use super::{
    error::{BoxError, Errors, TabwireError},
    link::{self, Link},
    page::{FetchState, GetToken, Page, Source},
    state::{Fetched, StateRequest},
    wire::Tabwire,
};
use crate::core::TokenReason;

/// Shared with TypeScript: its tabs and ours are one group.
const NAMESPACE_DEFAULT: &str = "ws-sync";

/// Whether a leading tab that gets hidden lets a visible one lead, which connects first, so that nothing is missed or late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HandOver {
    /// Where the browser has no `freeze` event: one that suspends hidden pages without it (Safari) would leave all tabs with a
    /// leader that is asleep.
    #[default]
    Auto,
    /// In every browser.
    Always,
    /// In none.
    Never,
}

/// What a link is made with.
pub(crate) struct Options {
    pub(crate) url: String,
    pub(crate) namespace: String,
    pub(crate) user: UserId,
    pub(crate) cursor: Option<Cursor>,
    pub(crate) fetches_state: bool,
    pub(crate) hand_over: HandOver,
    pub(crate) debug: bool,
}

/// Makes a [`Tabwire`], see [`Tabwire::builder`].
#[must_use = "nothing happens until `build`"]
pub struct Builder<S: 'static = ()> {
    url: String,
    user: String,
    namespace: String,
    get_token: Option<GetToken>,
    source: Source<S>,
    hand_over: HandOver,
    initial_cursor: Option<Cursor>,
    errors: Errors,
    debug: bool,
}

impl<S> fmt::Debug for Builder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("url", &self.url)
            .field("user", &self.user)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

impl Builder {
    pub(crate) fn new(url: String, user: String) -> Self {
        Self {
            url,
            user,
            namespace: NAMESPACE_DEFAULT.to_owned(),
            get_token: None,
            source: Source::Nothing(()),
            hand_over: HandOver::Auto,
            initial_cursor: None,
            errors: Errors(Rc::new(link::print)),
            debug: false,
        }
    }

    /// Fetches the app's state for a fresh tab and after a refresh. Events that come meanwhile are held and follow it. A fetch
    /// that is no longer wanted is dropped; one that fails is called again, with back-off, and said to `on_error`.
    ///
    /// The default is none: [`on_state`](Tabwire::on_state) is told of a refresh with `()`.
    pub fn fetch_state<S, E: Into<BoxError>>(
        self,
        fetch_state: impl AsyncFn(StateRequest) -> Result<Fetched<S>, E> + 'static,
    ) -> Builder<S> {
        let fetch_state = Rc::new(fetch_state);
        let fetch_state: FetchState<S> = Box::new(move |request| {
            let fetch_state = Rc::clone(&fetch_state);
            Box::pin(async move { fetch_state(request).await.map_err(Into::into) })
        });
        Builder {
            source: Source::Fetched(fetch_state),
            url: self.url,
            user: self.user,
            namespace: self.namespace,
            get_token: self.get_token,
            hand_over: self.hand_over,
            initial_cursor: self.initial_cursor,
            errors: self.errors,
            debug: self.debug,
        }
    }
}

impl<S> Builder<S> {
    /// The JWT to connect with; required. `None`: nobody is logged in, stop. An error is retried with back-off, and said to
    /// `on_error`.
    pub fn get_token<E: Into<BoxError>>(
        mut self,
        get_token: impl AsyncFn(TokenReason) -> Result<Option<String>, E> + 'static,
    ) -> Self {
        let get_token = Rc::new(get_token);
        self.get_token = Some(Box::new(move |reason| {
            let get_token = Rc::clone(&get_token);
            Box::pin(async move { get_token(reason).await.map_err(Into::into) })
        }));
        self
    }

    /// Tabs of different namespaces never share a socket. A user has but one: the namespace that was opened last has it, and the
    /// others say `replaced`. The default is `ws-sync`, as in TypeScript.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Whether a leading tab that gets hidden lets a visible one lead.
    pub fn hand_over(mut self, hand_over: HandOver) -> Self {
        self.hand_over = hand_over;
        self
    }

    /// Where to go on from. Only together with the state it belongs to: a stored cursor without its state is a silent gap.
    pub fn initial_cursor(mut self, cursor: Cursor) -> Self {
        self.initial_cursor = Some(cursor);
        self
    }

    /// Told of what goes wrong outside of a call: payloads that cannot be read, failing tokens and states. The default is the
    /// console.
    pub fn on_error(mut self, on_error: impl Fn(&TabwireError) + 'static) -> Self {
        self.errors = Errors(Rc::new(on_error));
        self
    }

    /// Logs what the client does to the console. `localStorage["tabwire:debug"] = "1"` does the same; `tabwireDebug = true` or
    /// `false`, typed into the console, goes before both.
    pub fn debug(mut self, debug: bool) -> Self {
        self.debug = debug;
        self
    }

    /// Makes the client and has it join its group. Nothing is delivered before this turn of the page is over: handlers that are
    /// registered now hear everything.
    ///
    /// On a server that renders pages (any target but `wasm32`) the client is idle and stays so.
    ///
    /// # Errors
    /// [`TabwireError::Option`], which names the option that is wrong.
    pub fn build(self) -> Result<Tabwire<S>, TabwireError> {
        let get_token = self
            .get_token
            .ok_or_else(|| wrong("get_token", "is missing: give it a function"))?;
        let user = UserId::new(&self.user).map_err(|_| {
            let remedy = "must be the token's sub: 1 to 128 of A-Z a-z 0-9 _ . : @ -";
            wrong("user", remedy)
        })?;
        if self.namespace.is_empty() {
            return Err(wrong("namespace", "must be a text, or left out"));
        }
        if self.url.is_empty() {
            return Err(wrong(
                "url",
                "is missing: give the server's address, such as \"/ws\"",
            ));
        }
        let options = Options {
            url: self.url,
            namespace: self.namespace,
            user,
            cursor: self.initial_cursor,
            fetches_state: matches!(self.source, Source::Fetched(_)),
            hand_over: self.hand_over,
            debug: self.debug,
        };
        let page = Page::new(get_token, self.source, self.errors);
        if let Some(link) = Link::new(&page, options)? {
            page.start(link);
        }
        Ok(Tabwire::new(page))
    }
}

pub(crate) fn wrong(option: &'static str, remedy: &'static str) -> TabwireError {
    TabwireError::Option { option, remedy }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(url: &str, user: &str) -> Builder {
        Tabwire::builder(url, user).get_token(async |_| Ok::<_, BoxError>(None))
    }

    fn wrong_option(builder: Builder) -> &'static str {
        match builder.build() {
            Err(TabwireError::Option { option, .. }) => option,
            Err(other) => panic!("{other}"),
            Ok(_) => "none",
        }
    }

    #[test]
    fn an_option_that_is_wrong_is_named() {
        assert_eq!(wrong_option(build("/ws", "u_101")), "none");
        assert_eq!(wrong_option(build("", "u_101")), "url");
        assert_eq!(wrong_option(build("/ws", "")), "user");
        assert_eq!(wrong_option(build("/ws", "Ana Perez")), "user");
        assert_eq!(
            wrong_option(build("/ws", "u_101").namespace("")),
            "namespace"
        );
        assert_eq!(wrong_option(Tabwire::builder("/ws", "u_1")), "get_token");
    }
}
