use std::{cell::Cell, rc::Rc};

use tabwire_client::typed::{Reason, Role, State, Tabwire, TokenReason};
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::app::App;
use crate::page::{Group, Server, until, until_async};

#[test]
async fn the_status_is_told_at_each_change() {
    let group = Group::of_new_user("status").await;
    let app = App::of(&group);
    until("it is open", || app.is_open()).await;
    let statuses = app.statuses.borrow().clone();
    assert_eq!(statuses.last(), Some(&app.wire.status()));
    assert!(
        statuses.windows(2).all(|two| two[0] != two[1]),
        "{statuses:?}"
    );
    assert!(
        statuses
            .iter()
            .any(|status| status.state == State::Connecting)
    );
    let status = app.wire.status();
    assert_eq!((status.role, status.reason), (Role::Leader, None));
    assert_eq!(status.user_id.as_deref(), Some(&*group.user));
    assert_eq!(status.shop_id.as_deref(), Some(&*group.shop));
    assert!(status.modules.iter().any(|module| module == "orders"));
    let inspection = app.wire.inspect().expect("this is a browser");
    assert_eq!(inspection.counters.connects, 1);
}

#[test]
async fn a_logout_in_one_reaches_all_and_ends_the_session() {
    let group = Group::of_new_user("out").await;
    let apps = App::open(&group, 2).await;
    apps[1].wire.logout();
    for app in &apps {
        until("it is logged out", || {
            app.wire.status().reason == Some(Reason::LoggedOut)
        })
        .await;
        assert_eq!(app.wire.status().state, State::Stopped);
        assert_eq!(app.statuses.borrow().last(), Some(&app.wire.status()));
        assert_eq!(app.wire.cursor(), None);
    }
    until_async("the session has ended", async || {
        Server::sessions_of(&group.user).await == 0
    })
    .await;
}

#[test]
async fn nobody_logged_in_is_no_error_and_a_token_that_fails_is_asked_for_again() {
    let group = Group::of_new_user("nobody").await;
    let builder = || Tabwire::builder(Group::url(), &*group.user).namespace("test");
    let nobody = App::start(builder().get_token(async |_| Ok::<_, String>(None)));
    until("it has stopped", || {
        nobody.wire.status().reason == Some(Reason::LoggedOut)
    })
    .await;
    assert!(nobody.errors.borrow().is_empty());
    drop(nobody);

    let (tries, token) = (Cell::new(0), group.token.clone());
    let app = App::start(builder().get_token(async move |reason| {
        assert_eq!(reason, TokenReason::Connect);
        tries.set(tries.get() + 1);
        match tries.get() {
            1 => Err("the login is away"),
            2 => Ok(Some(String::new())),
            _ => Ok(Some(token.clone())),
        }
    }));
    until("it is open", || app.is_open()).await;
    assert_eq!(
        *app.errors.borrow(),
        [
            "get_token failed, will be called again: the login is away",
            "get_token failed, will be called again: it must return a JWT, or None"
        ]
    );
}

#[test]
async fn who_drops_the_last_handle_or_closes_leaves_and_another_goes_on() {
    let group = Group::of_new_user("leaves").await;
    let mut apps = App::open(&group, 3).await;
    for how in [|app: App| drop(app), |app: App| app.wire.close()] {
        let leads = |app: &App| app.wire.status().role == Role::Leader;
        let leader = apps.remove(apps.iter().position(leads).expect("one leads"));
        how(leader);
        until("another leads", || {
            apps.iter().any(leads) && apps.iter().all(App::is_open)
        })
        .await;
        let before = apps[0].orders().len();
        let id = Server::publish(&group.shop).await;
        for app in &apps {
            until("it goes on", || app.orders().len() > before).await;
            assert_eq!(app.orders().last(), Some(&id));
        }
        assert_eq!(Server::sessions_of(&group.user).await, 1);
    }
}

#[test]
async fn who_closes_is_told_so_and_lets_go_of_handlers_that_hold_the_client() {
    let group = Group::of_new_user("closes").await;
    let app = App::of(&group);
    let held = Rc::new(());
    let (wire, token) = (app.wire.clone(), Rc::clone(&held));
    app.wire
        .subscribe(move |_| {
            let _holds = (&wire, &token);
        })
        .forget();
    until("it is open", || app.is_open()).await;
    assert_eq!(Rc::strong_count(&held), 2);
    app.wire.close();
    let status = app.wire.status();
    assert_eq!(
        (status.state, status.reason),
        (State::Stopped, Some(Reason::Closed))
    );
    assert_eq!(app.statuses.borrow().last(), Some(&status));
    assert_eq!(Rc::strong_count(&held), 1);
}

#[test]
async fn of_the_tabs_that_ask_for_one_id_it_is_the_turn_of_one() {
    let group = Group::of_new_user("once").await;
    let apps = App::open(&group, 3).await;
    for id in [1, 2] {
        let mut turns = 0;
        for app in &apps {
            turns += u32::from(app.wire.in_one_tab("sound", id).await);
            assert!(!app.wire.in_one_tab("sound", id).await, "it has been done");
        }
        assert_eq!(turns, 1);
    }
    assert!(
        apps[2].wire.in_one_tab("notification", 1).await,
        "that is another matter"
    );
}

#[test]
async fn a_tab_in_rust_and_one_of_typescript_are_one_group() {
    let group = Group::of_new_user("both").await;
    let tab = group.tab();
    until("it leads", || {
        tab.role() == "leader" && tab.state() == "open"
    })
    .await;
    let app = App::of(&group);
    until("it follows", || app.is_open()).await;
    assert_eq!(app.wire.status().role, Role::Follower);
    let id = Server::publish(&group.shop).await;
    until("both have it", || tab.ids() == [id] && app.orders() == [id]).await;
    assert_eq!(Server::sessions_of(&group.user).await, 1);
}

#[test]
async fn an_address_may_be_of_http_and_have_a_fragment() {
    let group = Group::of_new_user("address").await;
    let url = format!("{}#top", Group::url().replacen("ws", "http", 1));
    let token = group.token.clone();
    let app = App::start(
        Tabwire::builder(url, &*group.user)
            .namespace(&*group.namespace)
            .get_token(async move |_| Ok::<_, String>(Some(token.clone()))),
    );
    let tab = group.tab();
    until("both are open", || app.is_open() && tab.state() == "open").await;
    assert_eq!(app.wire.status().role, Role::Leader);
    assert_eq!(tab.role(), "follower", "it has the same name of the group");
}

#[test]
async fn an_address_that_is_none_is_an_error_that_names_the_option() {
    for url in ["http://", "ftp://example.com/ws"] {
        let builder = Tabwire::builder(url, "u_1").get_token(async |_| Ok::<_, String>(None));
        let error = builder.build().expect_err("it is wrong").to_string();
        assert!(error.starts_with("Tabwire::builder: url "), "{error}");
    }
}
