//! A client is made for one user. Another one's session is not relayed to anybody.

use tabwire_client::core::{Frame, Input};
use tabwire_protocol::Resume;

use crate::harness::*;

fn of_another_user(machine: &Machine) -> Frame {
    let mut welcome = welcome(machine.now, Resume::Fresh, 5);
    welcome.user = user("u_666");
    Frame::Welcome(Box::new(welcome))
}

#[test]
fn a_welcome_for_another_user_stops_the_group_before_anything_is_relayed() {
    let mut machine = Machine::greeting(true);
    let frame = of_another_user(&machine);
    assert_eq!(
        machine.frame(frame).all(),
        [
            "socket close 1",
            "post status 1/t0 stopped identity_changed",
            "status stopped leader because identity_changed"
        ]
    );
    assert!(machine.frame(event(6)).is_silent());
    assert_eq!(machine.last(), None);
    assert_eq!(machine.tab.status().user, None);
}

#[test]
fn the_session_of_the_right_user_is_not_forgotten_for_it() {
    let mut machine = Machine::open(false, 5);
    machine.frame(event(6));
    machine.socket_closed(1006);
    machine.wait_for("socket");
    machine.open_socket();
    let frame = of_another_user(&machine);
    machine.frame(frame);
    assert_eq!(machine.status(), "stopped leader because identity_changed");
    assert_eq!(machine.last(), Some(6));
}

#[test]
fn a_person_who_reconnects_has_the_app_asked_for_a_token_again() {
    let mut machine = Machine::greeting(false);
    let frame = of_another_user(&machine);
    machine.frame(frame);
    assert_eq!(
        machine.handle(Input::Reconnect).of(&["token"]),
        ["token connect"],
        "the token that named another user is of no use"
    );
}
