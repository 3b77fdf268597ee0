use std::{cell::RefCell, rc::Rc};

use serde::Deserialize;
use serde_json::json;
use tabwire_client::typed::{EventType, Tabwire};
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::app::{App, Order, Told, client, order};
use crate::page::{Group, Server, until};

#[test]
async fn typed_events_arrive_at_each_once_and_in_order_over_one_socket() {
    let group = Group::of_new_user("typed").await;
    let apps = App::open(&group, 3).await;
    assert_eq!(Server::sessions_of(&group.user).await, 1);
    let mut ids = Vec::new();
    for total in 0..10 {
        let payload = json!(order("Ana", total));
        ids.push(Server::publish_with(&group.shop, payload).await);
    }
    ids.extend(Server::publish_many(&group.shop, 300).await);
    for app in &apps {
        until("it has all", || app.orders().len() >= ids.len()).await;
        assert_eq!(app.orders(), ids);
        let last = app.wire.cursor().map(|cursor| cursor.last.get());
        assert_eq!(last, ids.last().copied());
        assert!(app.errors.borrow().is_empty(), "{:?}", app.errors);
    }
}

#[test]
async fn an_event_is_whole() {
    let group = Group::of_new_user("whole").await;
    let apps = App::open(&group, 1).await;
    let seen = Rc::<RefCell<Vec<_>>>::default();
    let events = Rc::clone(&seen);
    let on = apps[0]
        .wire
        .on::<Order>(move |event| events.borrow_mut().push(event.clone()));
    let mut sent = order("Ana", 7);
    sent.note = Some("no \"sugar\", \u{1f375}".to_owned());
    let id = Server::publish_with(&group.shop, json!(sent)).await;
    until("it is there", || !seen.borrow().is_empty()).await;
    let event = seen.borrow()[0].clone();
    assert_eq!((event.id, &*event.module), (id, "orders"));
    assert_eq!(event.shop_id, group.shop);
    assert_eq!(event.payload, sent);
    assert!(event.timestamp > 1_700_000_000_000);
    assert_eq!((event.by, event.command_id), (None, None));
    drop(on);
}

#[test]
async fn a_batch_comes_before_its_events_and_tells_them_apart() {
    let group = Group::of_new_user("batch").await;
    let first = App::open(&group, 1).await;
    let cursor = first[0].wire.cursor().expect("it is open");
    let ids = Server::publish_many(&group.shop, 5).await;
    until("they are there", || first[0].orders() == ids).await;

    // One that goes on from before them is given all at once.
    let late = App::start(client(&group).initial_cursor(cursor));
    let customers = Rc::<RefCell<Vec<_>>>::default();
    let seen = Rc::clone(&customers);
    let on = late.wire.on_batch(move |events| {
        let orders = events.iter().filter_map(|event| event.get::<Order>());
        seen.borrow_mut()
            .extend(orders.map(|order| order.payload.customer));
        assert!(
            events
                .iter()
                .all(|event| event.is::<Order>() && event.event_type() == Order::TYPE)
        );
    });
    until("it has them", || late.orders() == ids).await;
    assert_eq!(*customers.borrow(), ["Ana"; 5]);
    assert_eq!(late.told.borrow()[0], Told::Batch(ids));
    drop(on);
}

/// An order as another version of the app knows it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OtherOrder {
    order_id: String,
}

impl EventType for OtherOrder {
    const TYPE: &'static str = Order::TYPE;
}

#[test]
async fn a_payload_that_cannot_be_read_is_told_with_its_field_and_nothing_else_is_lost() {
    let group = Group::of_new_user("unread").await;
    let app = App::of(&group);
    until("it is open", || app.is_open()).await;
    let others = Rc::<RefCell<Vec<String>>>::default();
    let seen = Rc::clone(&others);
    let on = app
        .wire
        .on::<OtherOrder>(move |event| seen.borrow_mut().push(event.payload.order_id.clone()));

    let before = Server::publish_with(&group.shop, json!(order("Ana", 1))).await;
    let missing = Server::publish_with(
        &group.shop,
        json!({"orderId": "o_2", "customer": "Ana", "item": "tea"}),
    )
    .await;
    let of_a_kind = json!({"orderId": "o_3", "customer": "Ana", "item": "tea", "total": "three"});
    let wrong = Server::publish_with(&group.shop, of_a_kind).await;
    let after = Server::publish_with(&group.shop, json!(order("Ana", 4))).await;
    until("what came after is there", || app.orders().contains(&after)).await;
    assert_eq!(app.orders(), [before, after]);
    assert_eq!(
        *others.borrow(),
        ["o_1", "o_2", "o_3", "o_4"],
        "it can read them all"
    );
    let errors = app.errors.borrow();
    assert_eq!(errors.len(), 2, "each once: {errors:?}");
    assert_eq!(
        errors[0],
        format!(
            "the payload of event {missing}, order_created, cannot be read: missing field `total`"
        )
    );
    assert!(
        errors[1].starts_with(&format!(
            "the payload of event {wrong}, order_created, cannot be read: total: invalid type"
        )),
        "{}",
        errors[1]
    );
    drop(on);
}

#[test]
async fn a_subscription_that_is_dropped_hears_no_more() {
    let group = Group::of_new_user("dropped").await;
    let app = App::of(&group);
    until("it is open", || app.is_open()).await;
    let seen = Rc::<RefCell<Vec<&str>>>::default();
    let hears = |name: &'static str| {
        let seen = Rc::clone(&seen);
        app.wire.on::<Order>(move |_| seen.borrow_mut().push(name))
    };
    let dropped = hears("dropped");
    hears("kept").forget();
    // One that removes itself while it is called, and the one behind it.
    let own = Rc::<RefCell<Vec<_>>>::default();
    let (itself, log) = (Rc::clone(&own), Rc::clone(&seen));
    let once = app.wire.on::<Order>(move |_| {
        log.borrow_mut().push("once");
        itself.borrow_mut().clear();
    });
    own.borrow_mut().extend([once, hears("behind")]);

    let first = Server::publish(&group.shop).await;
    until("it was told", || app.orders() == [first]).await;
    assert_eq!(*seen.borrow(), ["dropped", "kept", "once"]);
    drop(dropped);
    let second = Server::publish(&group.shop).await;
    until("it was told", || app.orders() == [first, second]).await;
    assert_eq!(*seen.borrow(), ["dropped", "kept", "once", "kept"]);
}

#[test]
async fn a_handler_may_add_another_which_hears_what_comes_next() {
    let group = Group::of_new_user("adds").await;
    let app = App::of(&group);
    until("it is open", || app.is_open()).await;
    let added = Rc::<RefCell<Vec<u64>>>::default();
    let (wire, seen): (Tabwire, _) = (app.wire.clone(), Rc::clone(&added));
    let mut first = true;
    let on = app.wire.on::<Order>(move |_| {
        if std::mem::take(&mut first) {
            let seen = Rc::clone(&seen);
            wire.on::<Order>(move |event| seen.borrow_mut().push(event.id))
                .forget();
        }
    });
    let ids = Server::publish_many(&group.shop, 2).await;
    until("it was told", || app.orders() == ids).await;
    assert_eq!(*added.borrow(), ids[1..]);
    drop(on);
}
