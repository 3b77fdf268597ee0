//! An app with one client, which writes down what it is told.

use std::{cell::RefCell, rc::Rc};

use serde::{Deserialize, Serialize};
use tabwire_client::typed::{
    Builder, CommandType, EventType, Fetched, Role, State, Status, Subscription, Tabwire,
    TabwireError,
};

use crate::page::{Group, until};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Order {
    pub(super) order_id: String,
    pub(super) customer: String,
    pub(super) item: String,
    pub(super) total: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
}

impl EventType for Order {
    const TYPE: &'static str = "order_created";
}

impl CommandType for Order {
    const TYPE: &'static str = "order_created";
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Chat {
    pub(super) text: String,
}

impl EventType for Chat {
    const TYPE: &'static str = "chat_message";
}

impl CommandType for Chat {
    const TYPE: &'static str = "chat_message";
}

pub(super) fn order(customer: &str, total: u64) -> Order {
    Order {
        order_id: format!("o_{total}"),
        customer: customer.to_owned(),
        item: "tea".to_owned(),
        total,
        note: None,
    }
}

/// What an app was told, in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Told {
    /// A batch, by the ids of its events.
    Batch(Vec<u64>),
    /// An order by its id and its customer.
    Order(u64, String),
    Chat(u64, String),
    /// A state, by its position.
    State(u64),
}

pub(super) struct App<S: 'static = ()> {
    pub(super) wire: Tabwire<S>,
    pub(super) told: Rc<RefCell<Vec<Told>>>,
    pub(super) statuses: Rc<RefCell<Vec<Status>>>,
    pub(super) errors: Rc<RefCell<Vec<String>>>,
    _subscriptions: Vec<Subscription>,
}

/// A client of the group, logged in, that has not joined yet.
pub(super) fn client(group: &Group) -> Builder {
    let token = group.token.clone();
    Tabwire::builder(Group::url(), &*group.user)
        .namespace(&*group.namespace)
        .get_token(async move |_| Ok::<_, String>(Some(token.clone())))
}

impl App {
    /// An app that keeps no state.
    pub(super) fn of(group: &Group) -> Self {
        Self::start(client(group))
    }

    /// Apps of one group, when all of them are open and one of them leads.
    pub(super) async fn open(group: &Group, count: usize) -> Vec<Self> {
        let apps: Vec<Self> = (0..count).map(|_| Self::of(group)).collect();
        until("all are open and one leads", || {
            let roles = apps.iter().map(|app| app.wire.status().role);
            let leaders = roles.clone().filter(|role| *role == Role::Leader).count();
            leaders == 1
                && roles.clone().all(|role| role != Role::None)
                && apps.iter().all(Self::is_open)
        })
        .await;
        apps
    }
}

impl<S> App<S> {
    pub(super) fn start(builder: Builder<S>) -> Self {
        let errors = Rc::<RefCell<Vec<String>>>::default();
        let seen = Rc::clone(&errors);
        let wire = builder
            .on_error(move |error: &TabwireError| seen.borrow_mut().push(error.to_string()))
            .build()
            .expect("the options are right");
        let told = Rc::<RefCell<Vec<Told>>>::default();
        let statuses = Rc::<RefCell<Vec<Status>>>::default();
        let (batch, orders, chats, state, status) = (
            Rc::clone(&told),
            Rc::clone(&told),
            Rc::clone(&told),
            Rc::clone(&told),
            Rc::clone(&statuses),
        );
        let subscriptions = vec![
            wire.on::<Order>(move |event| {
                let customer = event.payload.customer.clone();
                orders.borrow_mut().push(Told::Order(event.id, customer));
            }),
            wire.on::<Chat>(move |event| {
                let text = event.payload.text.clone();
                chats.borrow_mut().push(Told::Chat(event.id, text));
            }),
            wire.on_batch(move |events| {
                let ids = events.iter().map(|event| event.id()).collect();
                batch.borrow_mut().push(Told::Batch(ids));
            }),
            wire.on_state(move |_, info| {
                state.borrow_mut().push(Told::State(info.last_event_id));
            }),
            wire.subscribe(move |said| status.borrow_mut().push(said.clone())),
        ];
        Self {
            wire,
            told,
            statuses,
            errors,
            _subscriptions: subscriptions,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.wire.status().state == State::Open
    }

    /// What it was told, without the batches.
    pub(super) fn told(&self) -> Vec<Told> {
        let mut told = self.told.borrow().clone();
        told.retain(|told| !matches!(told, Told::Batch(_)));
        told
    }

    /// The ids of the orders, in the order they came.
    pub(super) fn orders(&self) -> Vec<u64> {
        let id = |told: Told| match told {
            Told::Order(id, _) => Some(id),
            _ => None,
        };
        self.told().into_iter().filter_map(id).collect()
    }
}

/// The demo's state, as far as a test looks at it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Snapshot {
    pub(super) epoch: String,
    pub(super) last_event_id: u64,
}

impl Snapshot {
    pub(super) async fn fetch(token: &str) -> Self {
        let answer = crate::page::Server::state(token).await;
        serde_json::from_value(answer).expect("it is the demo's state")
    }

    pub(super) fn fetched(self) -> Fetched<Self> {
        Fetched::new(self.clone()).at(self.epoch, self.last_event_id)
    }
}
