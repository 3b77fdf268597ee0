//! Clients in a real browser against a real server: several in one page, which contend for one lock.
//!
//! `cargo xtask test wasm` starts the server and says where it is. Each test has a user, and so a group, of its own.

#![cfg(target_arch = "wasm32")]

mod page;
#[cfg(feature = "typed")]
mod typed;

use page::{Group, Server, Tab, timers_set, until};
use wasm_bindgen_test::{wasm_bindgen_test as test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// Why a tab that leads does so.
fn why(tab: &Tab) -> String {
    tab.inspect()["why"]
        .as_str()
        .unwrap_or("it does not")
        .into()
}

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
async fn a_tab_says_why_it_leads_and_what_session_it_shares() {
    let group = Group::of_new_user("inspect").await;
    let tabs = open(&group, 2).await;
    let (leaders, followers) = roles(&tabs);
    assert_eq!(why(leaders[0]), "granted");
    assert_eq!(why(followers[0]), "it does not");
    for tab in &tabs {
        let inspection = tab.inspect();
        assert_eq!(inspection["session"]["userId"], group.user.as_str());
        assert_eq!(inspection["session"]["shopId"], group.shop.as_str());
        assert!(inspection["session"]["modules"].is_array());
        assert!(inspection["session"]["pingMs"].as_u64() > Some(0));
        assert_eq!(inspection["term"], leaders[0].term());
        assert_eq!(inspection["outbox"], 0);
    }
    // What is logged, by the numbers of `Log`: it leads, connects and is welcomed.
    for line in [1, 3, 4] {
        assert!(leaders[0].log.borrow().contains(&line), "{line}");
        assert!(!followers[0].log.borrow().contains(&line), "{line}");
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
async fn events_that_come_fast_are_few_messages_to_the_other_tabs() {
    let group = Group::of_new_user("burst").await;
    let tabs = open(&group, 3).await;
    let said = group
        .messages_said(async {
            let ids = Server::publish_many(&group.shop, 300).await;
            all_have(&tabs, &ids).await;
        })
        .await;
    assert!((3.0..100.0).contains(&said), "{said} for 300 events");
}

#[test]
async fn events_that_come_fast_do_not_each_set_a_timer() {
    let group = Group::of_new_user("timers").await;
    let tabs = open(&group, 2).await;
    let set = timers_set(async {
        let ids = Server::publish_many(&group.shop, 300).await;
        all_have(&tabs, &ids).await;
    });
    let set = set.await;
    assert!(set < 100.0, "{set} timers for 300 events in two tabs");
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
    let telephone = group.in_namespace("telephone").tab();
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

#[test]
async fn a_leader_whose_lock_is_stolen_leads_no_more() {
    let group = Group::of_new_user("stolen").await;
    let tabs = open(&group, 2).await;
    let leader = roles(&tabs).0[0];
    let (name, term) = (leader.name(), leader.term());
    let lock = group.steal_lock();
    until("it has noticed", || leader.role() != "leader").await;
    assert!(!leader.holds_lock());
    assert!(
        leader.log.borrow().contains(&2),
        "it logs that it leads no more"
    );
    lock.release();
    // The other one was in the queue before it.
    all_open(&tabs).await;
    let (leaders, followers) = roles(&tabs);
    assert_eq!(followers[0].name(), name);
    assert!(leaders[0].term() > term);
    assert_eq!(Server::sessions_of(&group.user).await, 1);
    let id = Server::publish(&group.shop).await;
    all_have(&tabs, &[id]).await;
}

#[test]
async fn a_lock_whose_holder_does_not_lead_is_taken_from_it() {
    let group = Group::of_new_user("thief").await;
    let hangs = group.steal_lock();
    let tabs = open(&group, 2).await;
    assert!(hangs.is_lost());
    let (leaders, followers) = roles(&tabs);
    assert_eq!(why(leaders[0]), "stole");
    assert_eq!(leaders[0].counter("steals"), 1);
    assert!(leaders[0].holds_lock() && !followers[0].holds_lock());
    for line in [18, 20] {
        let logged = tabs.iter().any(|tab| tab.log.borrow().contains(&line));
        assert!(logged, "{line}");
    }
    let id = Server::publish(&group.shop).await;
    all_have(&tabs, &[id]).await;
}

#[test]
async fn a_leader_whose_page_gets_hidden_hands_over_to_a_visible_tab_and_nothing_is_missed() {
    let group = Group::of_new_user("hidden").await;
    let tabs = [group.tab_that_hands_over(), group.tab_that_hands_over()];
    all_open(&tabs).await;
    let term = tabs[0].term();
    assert_eq!(tabs[0].role(), "leader", "the first in the queue");
    page::visibility(&["hidden", "visible"]);
    let mut ids = Server::publish_many(&group.shop, 20).await;
    until("the visible one leads", || tabs[1].role() == "leader").await;
    all_open(&tabs).await;
    assert_eq!(why(&tabs[1]), "handed_over");
    assert_eq!(tabs[1].counter("takeOvers"), 1);
    assert_eq!(tabs[1].counter("steals"), 0);
    assert!(tabs[1].holds_lock() && !tabs[0].holds_lock());
    assert!(tabs[1].term() > term);
    ids.extend(Server::publish_many(&group.shop, 20).await);
    all_have(&tabs, &ids).await;
    assert_eq!(Server::sessions_of(&group.user).await, 1);
    page::visibility(&["visible", "visible"]);
    assert_eq!(tabs[1].role(), "leader");
}

#[test]
async fn without_locks_one_tab_is_elected_and_another_when_that_closes() {
    for lack in ["locks", "locksRefused", "locksThrow"] {
        let group = Group::of_new_user(lack).await;
        let mut tabs: Vec<Tab> = page::lacking(lack, || (0..3).map(|_| group.tab()).collect());
        // A promise that is refused is so a little later.
        all_open(&tabs).await;
        let mut ids = Server::publish_many(&group.shop, 20).await;
        all_have(&tabs, &ids).await;

        let leads = |tab: &Tab| tab.role() == "leader";
        let leader = tabs.remove(tabs.iter().position(leads).expect("one leads"));
        let term = leader.term();
        assert_eq!(why(&leader), "elected", "{lack}");
        leader.client.close();
        ids.extend(Server::publish_many(&group.shop, 20).await);
        all_open(&tabs).await;
        all_have(&tabs, &ids).await;
        let (leaders, _) = roles(&tabs);
        assert_eq!(why(leaders[0]), "elected", "{lack}");
        assert!(leaders[0].term() > term);
        assert!(tabs.iter().all(|tab| !tab.holds_lock()));
        assert_eq!(Server::sessions_of(&group.user).await, 1);
    }
}

#[test]
async fn without_a_channel_each_tab_is_solo_and_the_newest_has_the_socket() {
    for lack in ["channel", "channelThrows"] {
        let group = Group::of_new_user(lack).await;
        let first = page::lacking(lack, || group.tab());
        until("it is open", || first.state() == "open").await;
        assert_eq!(first.role(), "solo");
        assert_eq!(why(&first), "alone");
        assert!(!first.holds_lock());
        let id = Server::publish(&group.shop).await;
        until("it has the event", || first.ids() == [id]).await;

        let second = page::lacking(lack, || group.tab());
        until("the newest is open", || second.state() == "open").await;
        until("the first is not", || first.state() != "open").await;
        let next = Server::publish(&group.shop).await;
        until("it has the next event", || second.ids() == [next]).await;
        assert_eq!(first.ids(), [id]);
        assert_eq!(Server::sessions_of(&group.user).await, 1);
    }
}

#[test]
async fn two_users_in_one_page_do_not_hear_each_other() {
    let groups = [
        Group::of_new_user("one").await,
        Group::of_new_user("other").await,
    ];
    let tabs = [open(&groups[0], 2).await, open(&groups[1], 2).await];
    let ids = [
        [Server::publish(&groups[0].shop).await],
        [Server::publish(&groups[1].shop).await],
    ];
    for (tabs, ids) in tabs.iter().zip(&ids) {
        all_have(tabs, ids).await;
    }
    tabs[0][1].client.logout();
    until("one user is logged out", || {
        tabs[0].iter().all(|tab| tab.state() == "stopped")
    })
    .await;
    let next = Server::publish(&groups[1].shop).await;
    all_have(&tabs[1], &[ids[1][0], next]).await;
    all_open(&tabs[1]).await;
}

#[test]
async fn two_namespaces_of_a_user_in_one_page_do_not_hear_each_other() {
    let group = Group::of_new_user("spaces").await;
    let tabs = open(&group, 2).await;
    // It has no token yet: with one it would take the socket, since a user has but one.
    let other = group.in_namespace("other").tab_that_waits();
    until("it leads its own group", || other.role() == "leader").await;
    assert!(other.holds_lock());
    let id = Server::publish(&group.shop).await;
    all_have(&tabs, &[id]).await;
    assert_eq!(other.ids(), Vec::<u64>::new());
    assert_eq!(other.leader(), other.name());
    other.client.logout();
    assert_eq!(other.reason().as_deref(), Some("logged_out"));
    let next = Server::publish(&group.shop).await;
    all_have(&tabs, &[id, next]).await;
    all_open(&tabs).await;
}

#[test]
async fn a_tab_with_the_leaders_key_takes_its_state_instead_of_fetching_one() {
    let group = Group::of_new_user("shared").await;
    let first = [group.tab_that_shares("%C3%BC")];
    all_open(&first).await;
    let id = Server::publish(&group.shop).await;
    all_have(&first, &[id]).await;

    let same = group.tab_that_shares("%C3%BC");
    let other = group.tab_that_shares("other");
    let tabs = [&same, &other];
    until("both have a state", || {
        tabs.iter().all(|tab| tab.state_at.borrow().is_some())
    })
    .await;
    assert_eq!((first[0].fetches.get(), same.fetches.get()), (1, 0));
    assert_eq!(same.counter("statesShared"), 1);
    assert!(same.log.borrow().contains(&25));
    let state = same.shared_state.borrow().clone().expect("it was shared");
    assert!(state["orders"].is_array(), "{state}");
    // The state is of before the event, which follows it.
    until("it has what came after", || same.ids() == [id]).await;

    assert_eq!(other.fetches.get(), 1, "its state is another one");
    assert_eq!(*other.shared_state.borrow(), None);
    assert_eq!(other.ids(), Vec::<u64>::new());
}
