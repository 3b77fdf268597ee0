//! The shop as this page knows it: signals that follow the events.

use std::{cell::RefCell, rc::Rc};

use leptos::prelude::*;
use tabwire_client::typed::{SendOptions, Status, Tabwire, TabwireError};

use crate::backend::{self, OrderCreated, Shop, USER};

/// A client is of one thread, as everything in a page: Leptos keeps it in a `LocalStorage`, and copies go into closures.
#[derive(Clone, Copy)]
pub struct Wire(StoredValue<Tabwire<Shop>, LocalStorage>);

/// What the board shows.
#[derive(Clone, Copy)]
pub struct Signals {
    pub orders: RwSignal<Vec<OrderCreated>>,
    pub status: RwSignal<Status>,
    /// What went wrong last.
    pub error: RwSignal<Option<String>>,
}

/// Joins this browser's tabs. Whatever the connection brings is in the signals.
pub fn open() -> Result<(Wire, Signals), TabwireError> {
    let token = Rc::new(RefCell::new(String::new()));
    let (to_fetch, error) = (Rc::clone(&token), RwSignal::new(None));
    let wire = Tabwire::builder("/ws", USER)
        .get_token(async move |_reason| {
            let new = backend::log_in().await?;
            token.replace(new.clone());
            Ok::<_, gloo_net::Error>(Some(new))
        })
        .fetch_state(async move |_request| {
            // A tab that follows has not been asked for a token.
            let mut token = to_fetch.borrow().clone();
            if token.is_empty() {
                token = backend::log_in().await?;
                to_fetch.replace(token.clone());
            }
            backend::fetch_shop(&token).await
        })
        .on_error(move |what| error.set(Some(what.to_string())))
        .build()?;

    let signals = Signals {
        orders: RwSignal::new(Vec::new()),
        status: RwSignal::new(wire.status()),
        error,
    };
    let Signals { orders, status, .. } = signals;
    wire.on_state(move |shop, _| orders.set(shop.orders.clone()))
        .forget();
    wire.on::<OrderCreated>(move |event| {
        let created = event.payload.clone();
        orders.update(|orders| {
            // The state may contain an event that follows it.
            orders.retain(|order| order.order_id != created.order_id);
            orders.push(created);
        });
    })
    .forget();
    wire.subscribe(move |said| status.set(said.clone()))
        .forget();
    Ok((Wire(StoredValue::new_local(wire)), signals))
}

impl Wire {
    /// Places an order. It is on the board when its event has come, in this tab as in all others.
    pub async fn place(self, order: OrderCreated) -> Result<(), TabwireError> {
        let sending = self
            .0
            .with_value(|wire| wire.send(&order, SendOptions::default()));
        sending.await.map(drop)
    }
}
