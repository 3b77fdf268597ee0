//! The page: who this tab is, the orders, and a button that places one.

use leptos::{prelude::*, task::spawn_local};
use tabwire_client::typed::{Role, State, Status};

use crate::{
    backend::OrderCreated,
    shop::{self, Signals, Wire},
};

const MENU: [(&str, f64); 4] = [
    ("Rye bread", 4.2),
    ("Espresso", 2.5),
    ("Lemon tart", 3.9),
    ("Oat latte", 4.8),
];

#[component]
pub fn Board() -> impl IntoView {
    match shop::open() {
        Ok((wire, signals)) => view! { <Orders wire signals /> }.into_any(),
        Err(error) => view! { <main><p role="alert">{error.to_string()}</p></main> }.into_any(),
    }
}

#[component]
fn Orders(wire: Wire, signals: Signals) -> impl IntoView {
    let Signals {
        orders,
        status,
        error,
    } = signals;
    let place = move |_| {
        let order = next_order(orders.with_untracked(Vec::len));
        spawn_local(async move {
            let failed = wire.place(order).await.err();
            error.set(failed.map(|error| error.to_string()));
        });
    };
    view! {
        <main>
            <h1>"Orders"</h1>
            <p role="status" data-state=move || format!("{:?}", status.read().state)>
                {move || describe(&status.read())}
            </p>
            <button on:click=place>"Place an order"</button>
            {move || error.get().map(|error| view! { <p role="alert">{error}</p> })}
            <p class="count">{move || format!("{} so far", orders.read().len())}</p>
            <ol reversed=true>
                <For
                    each=move || orders.get().into_iter().rev()
                    key=|order| order.order_id.clone()
                    let:order
                >
                    <li data-order=order.order_id.clone()>
                        <span>{order.item}</span>
                        <span class="customer">{order.customer}</span>
                        <span class="total">{format!("{:.2} €", order.total)}</span>
                    </li>
                </For>
            </ol>
        </main>
    }
}

fn describe(status: &Status) -> String {
    let role = match status.role {
        Role::Leader => "this tab holds the connection of all",
        Role::Follower => "another tab holds the connection",
        Role::Solo => "this tab is on its own",
        Role::None => "not among the tabs",
    };
    match (status.state, status.reason) {
        (State::Open, _) => format!("Live: {role}."),
        (State::Stopped, Some(reason)) => format!("Stopped: {}.", reason.as_str()),
        (state, _) => format!("{state:?}: {role}."),
    }
}

fn next_order(known: usize) -> OrderCreated {
    let (item, total) = MENU[known % MENU.len()];
    OrderCreated {
        order_id: random_id(),
        customer: "Ada".to_owned(),
        item: item.to_owned(),
        total,
    }
}

/// The same order is never placed twice under two ids, nor two under one.
fn random_id() -> String {
    let crypto = web_sys::window().and_then(|window| window.crypto().ok());
    crypto.expect("a page has it").random_uuid()
}
