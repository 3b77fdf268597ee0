//! What an app holds.

use std::{fmt, rc::Rc};

use tabwire_protocol::{Cursor, RawJson};

use super::{
    builder::Builder,
    codec,
    command::{Answer, CommandType, Commands, SendOptions, Sending},
    error::CommandErrorCode,
    event::{AnyEvent, Event, EventType},
    handlers::{Handler, Subscription},
    page::Page,
    state::StateInfo,
    status::Status,
};
use crate::core::{Input, Inspection, NewCommand};

/// A client: this tab's place in the group of tabs that share one WebSocket.
///
/// It is a handle, cheap to clone. When the last one is dropped the tab leaves its group, as with [`close`](Self::close). `S` is
/// the state that [`fetch_state`](Builder::fetch_state) brings.
///
/// Handlers run when the machine is done with what happened, in the order of their registration, and never within each other;
/// they may call any method here. One that holds a handle of its own keeps the client alive until `close`.
pub struct Tabwire<S: 'static = ()> {
    page: Rc<Page<S>>,
}

impl<S> Clone for Tabwire<S> {
    fn clone(&self) -> Self {
        Self {
            page: Rc::clone(&self.page),
        }
    }
}

impl<S> fmt::Debug for Tabwire<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tabwire")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

impl Tabwire {
    /// Begins with what every client needs: the server's address, absolute or relative to the page (`http` becomes `ws`), and
    /// the user, who must be the `sub` of the token. [`Builder::get_token`] is required besides.
    pub fn builder(url: impl Into<String>, user: impl Into<String>) -> Builder {
        Builder::new(url.into(), user.into())
    }
}

impl<S> Tabwire<S> {
    pub(crate) fn new(page: Rc<Page<S>>) -> Self {
        Self { page }
    }

    /// Calls `handler` for each event of the type of `E`, in order.
    pub fn on<E: EventType>(&self, handler: impl FnMut(&Event<E>) + 'static) -> Subscription {
        self.page.handlers.add(Handler::of_event(handler))
    }

    /// Calls `handler` once per delivery with all its events, before the handlers of [`on`](Self::on). After a reconnect a
    /// delivery is all that was missed.
    ///
    /// ```no_run
    /// # use serde::Deserialize;
    /// # use tabwire_client::typed::{EventType, Tabwire};
    /// # #[derive(Deserialize)] struct OrderCreated { customer: String }
    /// # impl EventType for OrderCreated { const TYPE: &'static str = "order_created"; }
    /// # fn listen(wire: Tabwire, show: impl Fn(Vec<String>) + 'static) {
    /// wire.on_batch(move |events| {
    ///     let created = events.iter().filter_map(|event| event.get::<OrderCreated>());
    ///     show(created.map(|event| event.payload.customer).collect()); // once for all of them
    /// })
    /// .forget();
    /// # }
    /// ```
    pub fn on_batch(&self, handler: impl FnMut(&[AnyEvent]) + 'static) -> Subscription {
        self.page.handlers.add(Handler::Batch(Box::new(handler)))
    }

    /// Calls `handler` with each fetched state, before the events that were held meanwhile.
    pub fn on_state(&self, handler: impl FnMut(&S, &StateInfo) + 'static) -> Subscription {
        self.page.handlers.add(Handler::State(Box::new(handler)))
    }

    /// Calls `handler` with the status after each change.
    pub fn subscribe(&self, handler: impl FnMut(&Status) + 'static) -> Subscription {
        self.page.handlers.add(Handler::Status(Box::new(handler)))
    }

    /// Sends a command: now, in the order of calls. What is returned only waits for what comes of it; it borrows nothing, and
    /// whoever drops it does not want to know.
    ///
    /// It ends with [`TabwireError::Command`](super::TabwireError::Command) when the command was not acknowledged, which says
    /// whether it may have been `executed`.
    ///
    /// ```no_run
    /// # use serde::Serialize;
    /// # use tabwire_client::typed::{CommandErrorCode, CommandType, Executed, SendOptions, Tabwire, TabwireError};
    /// # #[derive(Serialize)] struct ChatMessage { text: &'static str }
    /// # impl CommandType for ChatMessage { const TYPE: &'static str = "chat_message"; }
    /// # async fn say(wire: Tabwire) -> Result<(), TabwireError> {
    /// match wire.send(&ChatMessage { text: "hola" }, SendOptions::default()).await {
    ///     Ok(ack) => assert!(ack.event_id.is_some()),
    ///     Err(TabwireError::Command(error)) if error.code == CommandErrorCode::RateLimited => {
    ///         assert_eq!(error.executed, Executed::No); // say it again in a while
    ///     }
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn send<C: CommandType>(&self, command: &C, options: SendOptions) -> Sending {
        let refused = |code, message| Commands::answered(C::TYPE, Answer::not_sent(code, message));
        let Some(link) = self.page.link() else {
            return refused(CommandErrorCode::NotInBrowser, None);
        };
        let Some(timeout_ms) = options.timeout_ms() else {
            let why = "the timeout must be from 1 ms to 5 minutes";
            return refused(CommandErrorCode::BadArgument, Some(why.to_owned()));
        };
        let payload = match codec::write(command) {
            Ok(json) => RawJson::trusted(json),
            Err(why) => return refused(CommandErrorCode::BadArgument, Some(why)),
        };
        let id = link.queue(NewCommand {
            event_type: C::TYPE.to_owned(),
            payload,
            timeout_ms,
        });
        let sending = self.page.commands.wait(C::TYPE, id);
        link.carry_out();
        sending
    }

    /// How the client is.
    pub fn status(&self) -> Status {
        self.page.status.borrow().clone()
    }

    /// Up to where the app has been given its view. It moves with every event and is no part of the status. serde can store it:
    /// only together with the state that it belongs to, for [`Builder::initial_cursor`].
    pub fn cursor(&self) -> Option<Cursor> {
        self.page.link()?.cursor()
    }

    /// For people: role, term, session, counters. Not for program logic; none on a server.
    pub fn inspect(&self) -> Option<Inspection> {
        Some(self.page.link()?.inspect())
    }

    /// Whether it is for this tab to do what one tab of the browser does for each `id` of a `name`: a sound, a notification.
    /// Ask in all tabs. Best effort and at most once, as far back as the last 256 calls of the group; without localStorage, as far
    /// back as 5 s. Without Web Locks it is the leading tab's turn, if that asks.
    ///
    /// ```no_run
    /// # use tabwire_client::typed::Tabwire;
    /// # async fn sound(wire: Tabwire, event_id: u64, play: impl Fn()) {
    /// if wire.in_one_tab("sound", event_id).await {
    ///     play();
    /// }
    /// # }
    /// ```
    pub async fn in_one_tab(&self, name: &str, id: impl fmt::Display) -> bool {
        match self.page.link() {
            Some(link) => {
                link.is_first(&format!("{name}:{id}"), self.status().role)
                    .await
            }
            None => false,
        }
    }

    /// Connects again after `replaced`, `rejected` and the like.
    pub fn reconnect(&self) {
        self.page.drive(Input::Reconnect);
    }

    /// This tab leaves, for good; the others go on. All handlers are removed once they have heard of it.
    pub fn close(&self) {
        self.page.close();
    }

    /// All tabs of the group stop and forget.
    pub fn logout(&self) {
        self.page.drive(Input::Logout);
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use std::{
        future::Future,
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::{
        core::State,
        typed::{BoxError, Executed, Fetched, TabwireError},
    };

    #[derive(Serialize, Deserialize)]
    struct Chat {
        text: String,
    }

    impl CommandType for Chat {
        const TYPE: &'static str = "chat_message";
    }

    impl EventType for Chat {
        const TYPE: &'static str = "chat_message";
    }

    #[test]
    fn on_a_server_that_renders_pages_it_is_idle_and_stays_so() {
        let wire = Tabwire::builder("/ws", "u_101")
            .get_token(async |_| unreachable!("nobody asks") as Result<_, BoxError>)
            .fetch_state(async |_| unreachable!("nobody asks") as Result<Fetched<u8>, BoxError>)
            .build()
            .expect("the options are right");
        let on = wire.on::<Chat>(|_| unreachable!("nothing comes"));
        let status = wire.subscribe(|_| unreachable!("it stays so"));
        wire.reconnect();
        assert_eq!(wire.status(), Status::IDLE);
        assert_eq!(wire.status().state, State::Idle);
        assert_eq!(wire.cursor(), None);
        assert!(wire.inspect().is_none());

        let chat = Chat {
            text: "hola".to_owned(),
        };
        let sending = wire.send(&chat, SendOptions::default());
        assert_eq!(sending.id(), None);
        match pin!(sending).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Err(TabwireError::Command(error))) => {
                assert_eq!(error.code, CommandErrorCode::NotInBrowser);
                assert_eq!(error.executed, Executed::No);
            }
            other => panic!("{other:?}"),
        }
        wire.logout();
        wire.close();
        drop((on, status));
    }
}
