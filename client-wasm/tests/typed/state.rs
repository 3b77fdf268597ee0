use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use tabwire_client::typed::{Cursor, FetchReason, RefreshReason, State};
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::app::{App, Snapshot, Told, client};
use crate::page::{Group, Server, until};

#[test]
async fn a_state_comes_before_the_events_that_were_held_and_has_those_before_it() {
    let group = Group::of_new_user("fetch").await;
    Server::publish_many(&group.shop, 3).await;
    let before = Snapshot::fetch(&group.token).await;
    let at = before.last_event_id;

    let other = App::of(&group);
    let requests = Rc::<RefCell<Vec<_>>>::default();
    let may_answer = Rc::<Cell<bool>>::default();
    let (asked, gate) = (Rc::clone(&requests), Rc::clone(&may_answer));
    let app = App::start(client(&group).fetch_state(async move |request| {
        asked.borrow_mut().push(request);
        until("the test lets it answer", || gate.get()).await;
        Ok::<_, String>(before.clone().fetched())
    }));
    until("it fetches", || !requests.borrow().is_empty()).await;
    assert_eq!(app.wire.status().state, State::Refreshing);
    let held = Server::publish_many(&group.shop, 3).await;
    until("they are there", || other.orders() == held).await;
    assert!(app.told().is_empty());
    may_answer.set(true);
    let after = Server::publish(&group.shop).await;
    until("it has all", || app.orders().len() == 4).await;

    let ids: Vec<u64> = held.into_iter().chain([after]).collect();
    let orders = ids.iter().map(|id| Told::Order(*id, "Ana".to_owned()));
    let expected: Vec<Told> = [Told::State(at)].into_iter().chain(orders).collect();
    assert_eq!(app.told(), expected);
    assert_eq!(requests.borrow().len(), 1);
    assert_eq!(requests.borrow()[0].reason, FetchReason::Initial);
    assert_eq!(requests.borrow()[0].head, at);
    assert!(app.errors.borrow().is_empty(), "{:?}", app.errors);
}

/// A cursor of a log that the server does not have.
fn of_another_epoch(cursor: &Cursor) -> Cursor {
    let mut value = serde_json::to_value(cursor).expect("it is plain");
    value["epoch"] = "elsewhere".into();
    serde_json::from_value(value).expect("it is a cursor still")
}

#[test]
async fn who_missed_events_is_told_to_begin_anew_with_the_reason() {
    let group = Group::of_new_user("refresh").await;
    let first = App::of(&group);
    until("it is open", || first.is_open()).await;
    let at = first.wire.cursor().expect("it is open");
    let elsewhere = of_another_epoch(&at);

    // One keeps no state and is told so, one fetches it with the reason.
    let without = App::start(client(&group).initial_cursor(elsewhere.clone()));
    until("it is told", || !without.told().is_empty()).await;
    assert_eq!(without.told(), [Told::State(at.last.get())]);

    let (reason, token) = (
        Rc::<Cell<Option<FetchReason>>>::default(),
        group.token.clone(),
    );
    let asked = Rc::clone(&reason);
    let with = App::start(client(&group).initial_cursor(elsewhere).fetch_state(
        async move |request| {
            asked.set(Some(request.reason));
            Ok::<_, String>(Snapshot::fetch(&token).await.fetched())
        },
    ));
    until("it has its state", || !with.told().is_empty()).await;
    assert_eq!(with.told(), [Told::State(at.last.get())]);
    assert_eq!(
        reason.get(),
        Some(FetchReason::Refresh(RefreshReason::EpochChanged))
    );

    let id = Server::publish(&group.shop).await;
    for told in [without.told.clone(), with.told.clone()] {
        until("both go on", || {
            told.borrow().contains(&Told::Order(id, "Ana".to_owned()))
        })
        .await;
    }
}

#[test]
async fn a_fetch_that_fails_is_told_and_tried_again() {
    let group = Group::of_new_user("retry").await;
    let token = group.token.clone();
    let tries = Rc::<Cell<u32>>::default();
    let tried = Rc::clone(&tries);
    let app = App::start(client(&group).fetch_state(async move |_| {
        tried.set(tried.get() + 1);
        match tried.get() {
            1 => Err("the database is away"),
            // No back end of ours has such an epoch.
            2 => Ok(Snapshot {
                epoch: "not a name".to_owned(),
                last_event_id: 1,
            }
            .fetched()),
            _ => Ok(Snapshot::fetch(&token).await.fetched()),
        }
    }));
    until("it is open", || app.is_open()).await;
    assert_eq!(tries.get(), 3);
    let errors = app.errors.borrow();
    assert_eq!(
        errors[0],
        "fetch_state failed, will be called again: the database is away"
    );
    assert!(
        errors[1].starts_with("fetch_state failed, will be called again: "),
        "{errors:?}"
    );
    assert_eq!(errors.len(), 2);
    assert!(matches!(app.told()[..], [Told::State(_)]));
}

#[test]
async fn a_fetch_that_is_not_wanted_any_more_is_dropped() {
    struct Noticed(Rc<Cell<bool>>);
    impl Drop for Noticed {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }

    let group = Group::of_new_user("unwanted").await;
    let (began, ended) = (Rc::<Cell<bool>>::default(), Rc::<Cell<bool>>::default());
    let (begins, ends) = (Rc::clone(&began), Rc::clone(&ended));
    let app = App::start(client(&group).fetch_state(async move |_| {
        let _noticed = Noticed(Rc::clone(&ends));
        begins.set(true);
        std::future::pending::<()>().await;
        Err::<tabwire_client::typed::Fetched<Snapshot>, _>("it is pending")
    }));
    until("it fetches", || began.get()).await;
    assert!(!ended.get());
    app.wire.close();
    assert!(ended.get());
    assert!(app.errors.borrow().is_empty());
}
