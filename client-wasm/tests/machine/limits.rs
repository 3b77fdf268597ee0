//! What a tab holds on to is counted, for whoever checks that it stays within its limits.

use tabwire_client::core::{Input, Sizes};

use crate::harness::*;

#[test]
fn commands_count_in_the_tab_that_sent_them_and_in_the_leader_that_carries_them() {
    let mut machine = Machine::open(false, 5);
    assert_eq!(machine.tab.sizes(), Sizes::default());
    machine.send("chat_message");
    machine.hear(command(1, "t1:1", 10_000));
    machine.hear(command(1, "t1:2", 10_000));
    let sizes = machine.tab.sizes();
    assert_eq!((sizes.outbox, sizes.carried), (1, 3));
    machine.answer("t0:1", "ack");
    let sizes = machine.tab.sizes();
    assert_eq!((sizes.outbox, sizes.carried), (0, 2));
    machine.handle(Input::Close);
    assert_eq!(machine.tab.sizes().carried, 0, "others carry them now");
}

#[test]
fn frames_count_in_the_ring_with_the_bytes_they_hold_on_to_and_while_they_wait_for_the_state() {
    let mut machine = Machine::open(true, 8);
    for id in 9..=11 {
        machine.frame(event(id));
    }
    machine.frame(ping(11, 12));
    let sizes = machine.tab.sizes();
    assert_eq!((sizes.ring, sizes.ring_bytes), (4, 1 + 2 + 2 + 2));
    assert_eq!((sizes.held, sizes.batch), (3, 0));
    machine.handle(Input::StateFetched(1, None, None));
    let sizes = machine.tab.sizes();
    assert_eq!((sizes.ring, sizes.held), (4, 0));
}

#[test]
fn events_of_a_replay_count_until_they_are_delivered() {
    let mut machine = Machine::following(false, 5);
    machine.hear(relay(by(1, 1), event(6), true));
    machine.hear(relay(by(1, 1), event(7), true));
    assert_eq!(machine.tab.sizes().batch, 2);
    machine.wait(100);
    assert_eq!(machine.tab.sizes().batch, 0);
}
