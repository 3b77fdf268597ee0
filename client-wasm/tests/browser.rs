//! Clients in a real browser against a real server: several in one page, which contend for one lock.
//!
//! `cargo xtask test wasm` starts the server and says where it is. Each test has a user, and so a group, of its own.

#![cfg(target_arch = "wasm32")]

mod page;

use page::{Group, Server, Tab, until};
use wasm_bindgen_test::{wasm_bindgen_test as test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// The one that leads, and those that follow.
fn roles(tabs: &[Tab]) -> (Vec<&Tab>, Vec<&Tab>) {
    tabs.iter().partition(|tab| tab.role() == "leader")
}

/// Tabs of a group, started one after the other, when all of them are open.
async fn open(group: &Group, count: usize) -> Vec<Tab> {
    let tabs: Vec<Tab> = (0..count).map(|_| group.tab()).collect();
    all_open(&tabs).await;
    tabs
}

async fn all_open(tabs: &[Tab]) {
    until("all tabs are open and one of them leads", || {
        let (leaders, followers) = roles(tabs);
        leaders.len() == 1
            && tabs.iter().all(|tab| tab.state() == "open")
            && followers.iter().all(|tab| tab.role() == "follower")
    })
    .await;
}

async fn all_have(tabs: &[Tab], ids: &[u64]) {
    until("every tab has every event", || {
        tabs.iter().all(|tab| tab.ids().len() >= ids.len())
    })
    .await;
    for tab in tabs {
        assert_eq!(tab.ids(), ids, "once and in order");
    }
}

#[test]
async fn of_several_clients_one_leads_and_the_server_sees_one_socket() {
    let group = Group::of_new_user("roles").await;
    let tabs = open(&group, 4).await;
    assert_eq!(Server::sessions_of(&group.user).await, 1);
    assert_eq!(roles(&tabs).0[0].counter("connects"), 1);
    for follower in roles(&tabs).1 {
        assert_eq!(follower.counter("connects"), 0);
        assert_eq!(follower.leader(), roles(&tabs).0[0].name());
    }
}

#[test]
async fn events_arrive_at_each_once_and_in_order() {
    let group = Group::of_new_user("order").await;
    let tabs = open(&group, 3).await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(Server::publish(&group.shop).await);
    }
    ids.extend(Server::publish_many(&group.shop, 300).await);
    all_have(&tabs, &ids).await;
    let last = ids.last().copied();
    assert!(tabs.iter().all(|tab| tab.last() == last));
}

#[test]
async fn when_the_leader_closes_another_takes_over_and_nothing_is_missed_or_doubled() {
    let group = Group::of_new_user("takeover").await;
    let mut tabs = open(&group, 3).await;
    let mut ids = Server::publish_many(&group.shop, 20).await;
    all_have(&tabs, &ids).await;
    for _ in 0..2 {
        let leads = |tab: &Tab| tab.role() == "leader";
        let leader = tabs.remove(tabs.iter().position(leads).expect("one leads"));
        let term = leader.term();
        leader.client.close();
        assert_eq!(
            (leader.state().as_str(), leader.reason().as_deref()),
            ("stopped", Some("closed"))
        );
        assert!(!leader.holds_lock());
        // Published into the gap between two leaders.
        ids.extend(Server::publish_many(&group.shop, 20).await);
        all_open(&tabs).await;
        ids.extend(Server::publish_many(&group.shop, 20).await);
        all_have(&tabs, &ids).await;
        let (leaders, _) = roles(&tabs);
        assert!(leaders[0].holds_lock());
        assert!(leaders[0].term() > term);
        assert_eq!(Server::sessions_of(&group.user).await, 1);
    }
}

#[test]
async fn a_followers_command_takes_effect_once_and_is_acked() {
    let group = Group::of_new_user("command").await;
    let tabs = open(&group, 2).await;
    let follower = roles(&tabs).1[0];
    let id = follower.send("chat_message", r#"{"text":"hola"}"#);
    until("the command is settled", || follower.outcome(&id).is_some()).await;
    let outcome = follower.outcome(&id).expect("it is settled");
    assert_eq!(outcome.code, None);
    let event = outcome.event_id.expect("it became an event");
    all_have(&tabs, &[event]).await;
    for tab in &tabs {
        let events = tab.events.borrow();
        assert_eq!(events[0]["by"], group.user.as_str());
        assert_eq!(events[0]["commandId"], id.as_str());
        assert_eq!(events[0]["payload"]["text"], "hola");
    }
}

#[test]
async fn a_command_that_the_server_refuses_says_why_and_that_nothing_happened() {
    let group = Group::of_new_user("nack").await;
    let tabs = open(&group, 2).await;
    for tab in &tabs {
        let id = tab.send("no_such_type", "{}");
        until("the command is settled", || tab.outcome(&id).is_some()).await;
        let outcome = tab.outcome(&id).expect("it is settled");
        assert_eq!(outcome.code.as_deref(), Some("unknown_type"));
        assert_eq!(outcome.executed.as_deref(), Some("no"));
    }
}

#[test]
async fn commands_take_effect_once_although_their_leader_leaves() {
    let group = Group::of_new_user("failover").await;
    let mut tabs = open(&group, 3).await;
    let leads = |tab: &Tab| tab.role() == "leader";
    let leader = tabs.remove(tabs.iter().position(leads).expect("one leads"));
    let ids: Vec<String> = (0..10)
        .map(|_| tabs[0].send("chat_message", r#"{"text":"x"}"#))
        .collect();
    leader.client.close();
    until("all commands are settled", || {
        ids.iter().all(|id| tabs[0].outcome(id).is_some())
    })
    .await;
    let events: Vec<u64> = ids
        .iter()
        .map(|id| tabs[0].outcome(id).and_then(|outcome| outcome.event_id))
        .map(|event| event.expect("it was acked"))
        .collect();
    all_have(&tabs, &events).await;
}

#[test]
async fn a_tab_that_comes_late_with_a_cursor_gets_what_it_missed_from_the_leaders_ring() {
    let group = Group::of_new_user("ring").await;
    let tabs = open(&group, 1).await;
    let cursor = tabs[0].cursor().expect("it is open");
    let ids = Server::publish_many(&group.shop, 50).await;
    all_have(&tabs, &ids).await;

    let late = [group.tab_at(&cursor)];
    all_have(&late, &ids).await;
    assert_eq!(tabs[0].counter("ringRepairs"), 1);
    assert_eq!(tabs[0].counter("serverRepairs"), 0);
    assert_eq!(late[0].role(), "follower");
}

#[test]
async fn a_tab_that_comes_later_than_the_leaders_ring_gets_what_it_missed_from_the_server() {
    let group = Group::of_new_user("server").await;
    let first = open(&group, 1).await;
    let cursor = first[0].cursor().expect("it is open");
    let ids = Server::publish_many(&group.shop, 50).await;
    all_have(&first, &ids).await;
    first[0].client.close();

    // The next leader starts afresh, behind all of them.
    let tabs = open(&group, 1).await;
    let late = [group.tab_at(&cursor)];
    all_have(&late, &ids).await;
    assert_eq!(tabs[0].counter("serverRepairs"), 1);
    assert_eq!(tabs[0].ids(), Vec::<u64>::new(), "it has seen all of that");
    let more = Server::publish(&group.shop).await;
    until("both go on", || {
        tabs[0].ids() == [more] && late[0].last() == Some(more)
    })
    .await;
}

#[test]
async fn a_tab_that_fetches_its_state_is_given_events_behind_it_only() {
    let group = Group::of_new_user("state").await;
    let old = Server::publish_many(&group.shop, 5).await;
    let tabs = [group.tab_with_state(), group.tab_with_state()];
    all_open(&tabs).await;
    for tab in &tabs {
        until("its state is there", || tab.state_at.borrow().is_some()).await;
        assert!(*tab.state_at.borrow() >= old.last().copied());
        assert_eq!(tab.ids(), Vec::<u64>::new());
    }
    let id = Server::publish(&group.shop).await;
    all_have(&tabs, &[id]).await;
}

#[test]
async fn a_logout_in_one_tab_reaches_all_and_ends_the_session() {
    let group = Group::of_new_user("logout").await;
    let tabs = open(&group, 3).await;
    roles(&tabs).1[0].client.logout();
    until("all tabs are logged out", || {
        tabs.iter().all(|tab| {
            tab.state() == "stopped"
                && tab.reason().as_deref() == Some("logged_out")
                && !tab.holds_lock()
        })
    })
    .await;
    assert!(tabs.iter().all(|tab| tab.cursor().is_none()));
    page::until_async("the session has ended", async || {
        Server::sessions_of(&group.user).await == 0
    })
    .await;
}

#[test]
async fn a_token_of_another_user_stops_the_tabs_before_anything_is_relayed() {
    let mut group = Group::of_new_user("identity").await;
    let other = Group::of_new_user("somebody").await;
    group.token.clone_from(&other.token);
    group.shop.clone_from(&other.shop);
    let tabs = [group.tab(), group.tab()];
    until("both have stopped", || {
        tabs.iter().all(|tab| tab.state() == "stopped")
    })
    .await;
    for tab in &tabs {
        assert_eq!(tab.reason().as_deref(), Some("identity_changed"));
        assert_eq!(tab.ids(), Vec::<u64>::new());
        assert!(tab.cursor().is_none());
    }
}

#[test]
async fn another_device_of_the_user_stops_all_tabs_until_a_person_reconnects() {
    let group = Group::of_new_user("devices").await;
    let tabs = open(&group, 2).await;
    let telephone = page::on_another_device(|| group.in_namespace("telephone").tab());
    until("the telephone is open", || telephone.state() == "open").await;
    until("the laptop's tabs have stopped", || {
        tabs.iter()
            .all(|tab| tab.reason().as_deref() == Some("replaced"))
    })
    .await;
    assert!(tabs.iter().all(|tab| tab.state() == "stopped"));

    roles(&tabs).1[0].client.reconnect();
    all_open(&tabs).await;
    until("the telephone has stopped", || {
        telephone.reason().as_deref() == Some("replaced")
    })
    .await;
    let id = Server::publish(&group.shop).await;
    all_have(&tabs, &[id]).await;
    assert_eq!(telephone.ids(), Vec::<u64>::new());
}

#[test]
async fn a_page_that_is_put_away_closes_its_socket_and_comes_back_to_what_it_missed() {
    let group = Group::of_new_user("away").await;
    let tabs = open(&group, 2).await;
    page::happens("pagehide");
    assert!(
        tabs.iter()
            .all(|tab| tab.state() == "idle" && !tab.holds_lock())
    );
    page::until_async("the session has ended", async || {
        Server::sessions_of(&group.user).await == 0
    })
    .await;
    let ids = Server::publish_many(&group.shop, 10).await;
    page::happens("pageshow");
    all_open(&tabs).await;
    all_have(&tabs, &ids).await;
}

#[test]
async fn what_is_no_message_of_this_version_is_ignored_on_the_channel() {
    let group = Group::of_new_user("noise").await;
    let tabs = open(&group, 2).await;
    group.disturb();
    let id = Server::publish(&group.shop).await;
    all_have(&tabs, &[id]).await;
    all_open(&tabs).await;
}

#[test]
async fn an_operator_stops_all_tabs_of_a_user() {
    let group = Group::of_new_user("kicked").await;
    let tabs = open(&group, 2).await;
    Server::end_session_of(&group.user).await;
    until("all tabs have stopped", || {
        tabs.iter()
            .all(|tab| tab.reason().as_deref() == Some("kicked"))
    })
    .await;
}

#[test]
async fn a_tab_whose_app_has_no_token_leaves_and_lets_another_lead() {
    let group = Group::of_new_user("tokens").await;
    let without = group.tab_without_token();
    until("it has left", || {
        without.reason().as_deref() == Some("logged_out")
    })
    .await;
    assert!(!without.holds_lock());
    let tabs = open(&group, 2).await;
    assert_eq!(Server::sessions_of(&group.user).await, 1);
    drop(tabs);
}
