//! What a panic in an app's code does to the tabs of the others. It is the end of its module, so that this test has one of its own.

#![cfg(all(target_arch = "wasm32", feature = "typed"))]

#[expect(dead_code, reason = "the other tests need more of it")]
mod page;

use page::{Group, Server, survive, until};
use tabwire_client::typed::{Role, State, Tabwire};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test as test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[test]
async fn a_page_that_panics_lets_another_lead_at_once() {
    let group = Group::of_new_user("panics").await;
    let token = group.token.clone();
    let wire = Tabwire::builder(Group::url(), &*group.user)
        .namespace(&*group.namespace)
        .get_token(async move |_| Ok::<_, String>(Some(token.clone())))
        .build()
        .expect("the options are right");
    until("it leads", || {
        let status = wire.status();
        (status.role, status.state) == (Role::Leader, State::Open)
    })
    .await;
    let other = group.tab();
    until("another follows", || other.state() == "open").await;
    assert_eq!(other.role(), "follower");

    let mistake: Closure<dyn Fn()> = Closure::new(|| panic!("a mistake of the app"));
    assert!(survive(mistake.as_ref()), "it is a trap");
    until("the other leads", || {
        other.role() == "leader" && other.state() == "open"
    })
    .await;
    assert_eq!(
        other.inspect()["why"],
        "granted",
        "it did not have to take the lock"
    );
    let id = Server::publish(&group.shop).await;
    until("it goes on", || other.ids() == [id]).await;
}
