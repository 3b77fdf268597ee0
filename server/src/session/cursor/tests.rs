//! The session against the cursor rule of the clients.

use std::collections::{BTreeSet, VecDeque};

use proptest::{collection::vec, option, prelude::*};
use tabwire_protocol::{CursorRule, Verdict};

use super::*;

const MAX_REPLAY: u64 = 5_000;
/// More than the logs of these tests can make a session write.
const OUTPUTS_MAX: usize = 100;

/// An event of the model: its module, and whom it is for when not for all.
#[derive(Clone, Debug)]
struct Stored {
    module: Module,
    user: Option<UserId>,
}

impl Routed for Stored {
    fn module(&self) -> &Module {
        &self.module
    }

    fn is_for(&self, user: &UserId) -> bool {
        self.user.as_ref().is_none_or(|only| only == user)
    }
}

/// A log that keeps all its events in memory, and pretends to keep only those after the floor.
struct Log {
    bounds: LogBounds,
    base: u64,
    events: Vec<Stored>,
}

impl Stretch for Log {
    type Event = Stored;

    fn bounds(&self) -> &LogBounds {
        &self.bounds
    }

    fn get(&self, position: Position) -> Option<&Stored> {
        assert!(position > self.bounds.floor, "asked for an expired event");
        let index = position.get() - self.base - 1;
        self.events.get(usize::try_from(index).expect("short"))
    }
}

impl Log {
    fn new(epoch: &str, base: u64) -> Self {
        Self {
            bounds: LogBounds {
                epoch: Epoch::new(epoch).expect("a name"),
                head: at(base),
                floor: at(base),
            },
            base,
            events: Vec::new(),
        }
    }

    /// Appends events of the modules with these initials: `o` orders, `c` chat, `O` orders but for somebody else.
    fn push(&mut self, modules: &str) {
        for initial in modules.chars() {
            self.events.push(Stored {
                module: module(if initial == 'c' { "chat" } else { "orders" }),
                user: (initial == 'O').then(|| UserId::new("u_other").expect("a name")),
            });
            self.bounds.head = self.bounds.head.next().expect("short");
        }
    }
}

fn at(value: u64) -> Position {
    Position::new(value).expect("small")
}

fn module(name: &str) -> Module {
    Module::new(name).expect("a name")
}

fn viewer(modules: &[&str]) -> Viewer {
    Viewer::new(
        &ShopId::new("s_1").expect("a name"),
        UserId::new("u_101").expect("a name"),
        BTreeSet::from_iter(modules.iter().copied().map(module)),
    )
}

fn cursor(log: &Log, last: u64) -> Cursor {
    Cursor {
        epoch: log.bounds.epoch.clone(),
        view: viewer(&["orders"]).view().clone(),
        last: at(last),
    }
}

fn open(log: &Log, last: Option<u64>) -> Opened {
    let cursor = last.map(|last| cursor(log, last));
    SessionCursor::open(cursor.as_ref(), viewer(&["orders"]), log, MAX_REPLAY)
}

/// Everything the session writes until it has nothing more, or is found not to come to an end.
fn outputs<'s>(
    session: &'s mut SessionCursor,
    log: &'s Log,
) -> impl Iterator<Item = Output<'s, Stored>> {
    let outputs = std::iter::from_fn(|| session.next(log));
    outputs.take(OUTPUTS_MAX)
}

fn written(session: &mut SessionCursor, log: &Log) -> Vec<String> {
    outputs(session, log).map(|output| text(&output)).collect()
}

fn text(output: &Output<'_, Stored>) -> String {
    let reference =
        |reference: Option<u64>| reference.map_or(String::new(), |r| format!(" ref {r}"));
    match output {
        Output::Event { id, prev, .. } => format!("event {prev}>{id}"),
        Output::Synced(synced) => format!(
            "synced {}>{}{}",
            synced.prev,
            synced.up_to,
            reference(synced.reference)
        ),
        Output::FullRefresh(refresh) => refreshed(refresh),
    }
}

fn refreshed(refresh: &Refresh) -> String {
    let reference = refresh
        .reference
        .map_or(String::new(), |r| format!(" ref {r}"));
    format!("{} at {}{reference}", refresh.reason.as_str(), refresh.at)
}

#[test]
fn a_fresh_session_is_live_from_the_head() {
    let mut log = Log::new("e1", 0);
    log.push("ooo");
    let opened = open(&log, None);
    assert_eq!((opened.resume, opened.at), (Resume::Fresh, at(3)));
    let mut session = opened.cursor;
    assert!(written(&mut session, &log).is_empty());
    log.push("oco");
    assert_eq!(written(&mut session, &log), ["event 3>4", "event 4>6"]);
}

#[test]
fn a_replay_has_what_was_missed_then_synced_then_what_came_meanwhile() {
    let mut log = Log::new("e1", 0);
    log.push("oocOo");
    let opened = open(&log, Some(1));
    assert_eq!((opened.resume, opened.at), (Resume::Replay, at(5)));
    let mut session = opened.cursor;
    log.push("cco");
    assert_eq!(
        written(&mut session, &log),
        ["event 1>2", "event 2>5", "synced 5>7", "event 7>8"]
    );
}

#[test]
fn a_replay_of_nothing_is_synced_too() {
    let mut log = Log::new("e1", 0);
    log.push("oo");
    let mut session = open(&log, Some(2)).cursor;
    assert_eq!(written(&mut session, &log), ["synced 2>2"]);
}

#[test]
fn a_cursor_at_the_head_is_good_when_everything_has_expired() {
    let mut log = Log::new("e1", 0);
    log.push("oo");
    log.bounds.floor = at(2);
    let opened = open(&log, Some(2));
    assert_eq!(opened.resume, Resume::Replay);
    assert_eq!(open(&log, Some(1)).resume, Resume::FullRefresh);
}

#[test]
fn a_cursor_that_cannot_be_served_is_refused_with_the_reason() {
    let mut log = Log::new("e1", 10);
    log.push("oooo");
    log.bounds.floor = at(12);
    let reason = |cursor: &Cursor, max_replay| {
        let opened = SessionCursor::open(Some(cursor), viewer(&["orders"]), &log, max_replay);
        assert_eq!(opened.resume, Resume::FullRefresh);
        assert_eq!(opened.cursor.position(), at(14));
        refreshed(&opened.refresh.expect("the reason"))
    };
    let epoch = Cursor {
        epoch: Epoch::new("e0").expect("a name"),
        ..cursor(&log, 13)
    };
    assert_eq!(reason(&epoch, 9), "epoch_changed at 14");
    let view = Cursor {
        view: viewer(&["orders", "chat"]).view().clone(),
        ..cursor(&log, 13)
    };
    assert_eq!(reason(&view, 9), "view_changed at 14");
    assert_eq!(reason(&cursor(&log, 15), 9), "unknown_position at 14");
    assert_eq!(reason(&cursor(&log, 11), 9), "expired at 14");
    assert_eq!(reason(&cursor(&log, 12), 1), "too_far at 14");
}

#[test]
fn a_refresh_is_told_as_it_was_decided_with_the_time_to_spread_fetches_over() {
    let mut log = Log::new("e1", 0);
    log.push("o");
    let mut session = open(&log, None).cursor;
    let refused = session.request_sync(&cursor(&log, 2), 7, &log, MAX_REPLAY);
    let refused = refused.expect("none is outstanding");
    let told = refused.expect("it is unknown").frame(500);
    assert_eq!(told.reason, RefreshReason::UnknownPosition);
    assert_eq!(told.epoch, log.bounds.epoch);
    assert_eq!(&told.view, session.viewer().view());
    assert_eq!(
        (told.at, told.reference, told.spread_ms),
        (at(1), Some(7), 500)
    );
}

#[test]
fn only_events_of_the_view_make_a_replay_too_long() {
    let mut log = Log::new("e1", 0);
    log.push("cccccocccco");
    let opened = |max_replay| {
        SessionCursor::open(
            Some(&cursor(&log, 0)),
            viewer(&["orders"]),
            &log,
            max_replay,
        )
        .resume
    };
    assert_eq!(opened(2), Resume::Replay);
    assert_eq!(opened(1), Resume::FullRefresh);
}

#[test]
fn what_is_not_at_hand_makes_a_replay_too_long_as_if_it_were_of_the_view() {
    let mut log = Log::new("e1", 0);
    log.push("cc");
    log.bounds.head = at(4); // the last two are not at hand
    let opened = |max_replay| {
        let cursor = cursor(&log, 0);
        SessionCursor::open(Some(&cursor), viewer(&["orders"]), &log, max_replay).resume
    };
    assert_eq!(opened(2), Resume::Replay);
    assert_eq!(opened(1), Resume::FullRefresh);
}

#[test]
fn a_ping_says_how_far_the_session_has_got() {
    let mut log = Log::new("e1", 0);
    log.push("oooc");
    let mut session = open(&log, Some(0)).cursor;
    assert!(session.next(&log).is_some());
    let ping = session.ping();
    assert_eq!((ping.prev, ping.up_to), (at(1), at(1)));
    assert_eq!(
        written(&mut session, &log),
        ["event 1>2", "event 2>3", "synced 3>4"]
    );
    log.push("cc");
    assert!(written(&mut session, &log).is_empty());
    let ping = session.ping();
    assert_eq!((ping.prev, ping.up_to), (at(4), at(6)));
    assert_eq!(session.ping().prev, at(6));
}

#[test]
fn a_request_sync_lowers_the_position_and_is_answered_once() {
    let mut log = Log::new("e1", 0);
    log.push("oooo");
    let mut session = open(&log, Some(2)).cursor;
    written(&mut session, &log);
    let asked = session.request_sync(&cursor(&log, 1), 7, &log, MAX_REPLAY);
    assert_eq!(asked, Ok(None));
    assert_eq!(
        written(&mut session, &log),
        ["event 1>2", "event 2>3", "event 3>4", "synced 4>4 ref 7"]
    );
}

#[test]
fn a_request_sync_never_raises_the_position() {
    let mut log = Log::new("e1", 0);
    log.push("oooo");
    let mut session = open(&log, Some(0)).cursor;
    session.next(&log);
    let asked = session.request_sync(&cursor(&log, 3), 7, &log, MAX_REPLAY);
    assert_eq!(asked, Ok(None));
    assert_eq!(
        written(&mut session, &log),
        ["event 1>2", "event 2>3", "event 3>4", "synced 4>4 ref 7"]
    );
}

#[test]
fn a_request_sync_for_less_of_the_log_does_not_end_the_replay_of_the_hello_before_its_time() {
    let mut log = Log::new("e1", 0);
    log.push("ooo");
    let mut session = open(&log, Some(2)).cursor;
    let mut behind = Log::new("e1", 0);
    behind.push("oo");
    let asked = session.request_sync(&cursor(&behind, 1), 7, &behind, MAX_REPLAY);
    assert_eq!(asked, Ok(None));
    assert_eq!(written(&mut session, &behind), ["event 1>2"]);
    assert_eq!(
        written(&mut session, &log),
        ["event 2>3", "synced 3>3 ref 7"]
    );
}

#[test]
fn a_second_request_sync_before_the_answer_is_out_of_order() {
    let mut log = Log::new("e1", 0);
    log.push("oo");
    let mut session = open(&log, None).cursor;
    let ask = |session: &mut SessionCursor, reference| {
        session.request_sync(&cursor(&log, 1), reference, &log, MAX_REPLAY)
    };
    assert_eq!(ask(&mut session, 1), Ok(None));
    assert_eq!(ask(&mut session, 2), Err(Outstanding));
    written(&mut session, &log);
    assert_eq!(ask(&mut session, 3), Ok(None));
}

#[test]
fn a_refused_request_sync_changes_nothing_else() {
    let mut log = Log::new("e1", 0);
    log.push("ooo");
    log.bounds.floor = at(1);
    let mut session = open(&log, Some(1)).cursor;
    let refused = session
        .request_sync(&cursor(&log, 0), 7, &log, MAX_REPLAY)
        .expect("none is outstanding")
        .expect("it has expired");
    assert_eq!(refreshed(&refused), "expired at 3 ref 7");
    assert_eq!(
        written(&mut session, &log),
        ["event 1>2", "event 2>3", "synced 3>3"]
    );
}

#[test]
fn a_session_that_the_log_has_passed_is_refreshed_where_it_stands() {
    let mut log = Log::new("e1", 0);
    log.push("oooo");
    let mut session = open(&log, Some(0)).cursor;
    session.next(&log);
    log.bounds.floor = at(2);
    assert_eq!(written(&mut session, &log), ["expired at 4"]);
    log.push("o");
    assert_eq!(written(&mut session, &log), ["event 4>5"]);
}

#[test]
fn another_epoch_refreshes_the_session_and_what_was_asked_is_answered_by_synced() {
    let mut log = Log::new("e1", 0);
    log.push("oooo");
    let mut session = open(&log, None).cursor;
    let asked = session.request_sync(&cursor(&log, 1), 7, &log, MAX_REPLAY);
    assert_eq!(asked, Ok(None));
    let log = Log::new("e2", 40);
    assert_eq!(
        written(&mut session, &log),
        ["epoch_changed at 40", "synced 40>40 ref 7"]
    );
}

#[test]
fn what_was_asked_is_answered_in_an_epoch_that_starts_lower_too() {
    let mut log = Log::new("e1", 0);
    log.push("oooo");
    let mut session = open(&log, None).cursor;
    let asked = session.request_sync(&cursor(&log, 1), 7, &log, MAX_REPLAY);
    assert_eq!(asked, Ok(None));
    let log = Log::new("e2", 2);
    assert_eq!(
        written(&mut session, &log),
        ["epoch_changed at 2", "synced 2>2 ref 7"]
    );
}

#[test]
fn a_request_sync_that_finds_another_epoch_is_answered_after_the_refresh() {
    let old = Log::new("e1", 0);
    let mut session = open(&old, None).cursor;
    let log = Log::new("e2", 40);
    let asked = session.request_sync(&cursor(&old, 0), 7, &log, MAX_REPLAY);
    assert_eq!(asked, Ok(None));
    assert_eq!(
        written(&mut session, &log),
        ["epoch_changed at 40", "synced 40>40 ref 7"]
    );
}

#[test]
fn a_renewed_token_refreshes_only_when_it_shows_other_modules() {
    let mut log = Log::new("e1", 0);
    log.push("oo");
    let mut session = open(&log, Some(0)).cursor;
    assert_eq!(session.renewed(viewer(&["orders"]), log.bounds()), None);
    let refresh = session.renewed(viewer(&["chat"]), log.bounds());
    assert_eq!(
        refreshed(&refresh.expect("other modules")),
        "view_changed at 2"
    );
    log.push("oc");
    assert_eq!(written(&mut session, &log), ["event 2>4"]);
}

#[test]
fn a_stretch_that_ends_early_leaves_the_session_where_to_read_on() {
    let mut log = Log::new("e1", 0);
    log.push("ooo");
    log.bounds.head = at(5); // the page of three does not have the last two
    let mut session = open(&log, Some(1)).cursor;
    assert_eq!(written(&mut session, &log), ["event 1>2", "event 2>3"]);
    assert_eq!(session.position(), at(3));
    assert!(session.position() < log.bounds().head);
}

#[test]
fn a_view_is_named_by_shop_user_and_modules_for_all_versions() {
    assert_eq!(
        viewer(&["orders", "chat"]).view(),
        viewer(&["chat", "orders"]).view()
    );
    assert_ne!(
        viewer(&["orders", "chat"]).view(),
        viewer(&["orders"]).view()
    );
    assert_eq!(viewer(&["orders"]).view().as_str(), "a93907b4c05b3ea9");
}

/// A frame on its way to the client.
#[derive(Clone, Debug, PartialEq)]
enum Frame {
    Moving {
        prev: Position,
        to: Position,
        event: bool,
        reference: Option<u64>,
    },
    Refresh(Refresh),
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Grow(char),
    /// The session writes one frame.
    Write,
    Ping,
    Deliver,
    Lose,
    /// Delivers a frame and leaves it on its way, to come again later than others.
    Double,
    Overtake,
    /// The oldest event expires.
    Expire,
    /// The log loses everything: a new epoch. It should start above the old head, but need not when another node makes it.
    NewEpoch(u64),
    /// The client connects again with its cursor.
    Reconnect,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop_oneof![Just('o'), Just('c'), Just('O')].prop_map(Step::Grow),
        6 => Just(Step::Write),
        2 => Just(Step::Ping),
        8 => Just(Step::Deliver),
        2 => Just(Step::Lose),
        2 => Just(Step::Double),
        2 => Just(Step::Overtake),
        1 => Just(Step::Expire),
        1 => (0_u64..200).prop_map(Step::NewEpoch),
        1 => Just(Step::Reconnect),
    ]
}

/// A client that follows the rule: it asks when there is a gap, one request at a time, and fetches the state when told to.
struct Client {
    epoch: Epoch,
    rule: CursorRule,
    /// Where it started: the events after it are what must have been applied.
    from: Position,
    applied: Vec<Position>,
    asked: Option<u64>,
    references: u64,
}

impl Client {
    fn refresh(&mut self, refresh: &Refresh) {
        self.epoch = refresh.epoch.clone();
        self.rule = CursorRule::at(refresh.at);
        self.from = refresh.at;
        self.applied.clear();
    }
}

fn frame(output: Output<'_, Stored>) -> Frame {
    match output {
        Output::Event { id, prev, .. } => Frame::Moving {
            prev,
            to: id,
            event: true,
            reference: None,
        },
        Output::Synced(Synced {
            prev,
            up_to,
            reference,
        }) => Frame::Moving {
            prev,
            to: up_to,
            event: false,
            reference,
        },
        Output::FullRefresh(refresh) => Frame::Refresh(refresh),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is lost, doubled or overtaken: between refreshes the client applies exactly the view's events after where it
    /// started, in order, once; every request is answered exactly once; and without faults it ends at the head.
    #[test]
    fn every_event_of_the_view_arrives_once_and_in_order_or_there_is_a_refresh(
        before in 0_usize..20,
        steps in vec(step(), 1..400),
    ) {
        let mut log = Log::new("e1", 0);
        log.push(&"o".repeat(before));
        let mut session = open(&log, None).cursor;
        let mut wire: VecDeque<Frame> = VecDeque::new();
        let mut client = Client {
            epoch: log.bounds.epoch.clone(),
            rule: CursorRule::at(log.bounds.head),
            from: log.bounds.head,
            applied: Vec::new(),
            asked: None,
            references: 0,
        };
        let mut epochs = 1;
        let mut steps = steps.into_iter();
        let mut idle = 0;
        for _ in 0..5_000 {
            let delivered = match steps.next() {
                Some(Step::Grow(initial)) => {
                    log.push(&initial.to_string());
                    None
                }
                Some(Step::Write) => {
                    wire.extend(session.next(&log).map(frame));
                    None
                }
                Some(Step::Ping) => {
                    let Ping { prev, up_to } = session.ping();
                    wire.push_back(Frame::Moving { prev, to: up_to, event: false, reference: None });
                    None
                }
                Some(Step::Deliver) => wire.pop_front(),
                Some(Step::Lose) => {
                    // A relay may lose frames that move the cursor; answers and refreshes are only lost with the connection.
                    if matches!(wire.front(), Some(Frame::Moving { reference: None, .. })) {
                        wire.pop_front();
                    }
                    None
                }
                Some(Step::Double) => {
                    let frame = wire.front().filter(|f| matches!(f, Frame::Moving { reference: None, .. })).cloned();
                    // Not past a refresh: what travels with another epoch is dropped before the rule sees it.
                    if !wire.iter().any(|f| matches!(f, Frame::Refresh(_))) {
                        wire.extend(frame.clone());
                    }
                    frame.and_then(|_| wire.pop_front())
                }
                Some(Step::Overtake) => {
                    if wire.iter().all(|f| matches!(f, Frame::Moving { reference: None, .. })) {
                        wire.pop_back()
                    } else {
                        None
                    }
                }
                Some(Step::Expire) => {
                    if log.bounds.floor < log.bounds.head {
                        log.bounds.floor = log.bounds.floor.next().expect("short");
                    }
                    None
                }
                Some(Step::NewEpoch(base)) => {
                    epochs += 1;
                    log = Log::new(&format!("e{epochs}"), base);
                    None
                }
                Some(Step::Reconnect) => {
                    wire.clear();
                    client.asked = None;
                    let cursor = Cursor {
                        epoch: client.epoch.clone(),
                        view: session.viewer().view().clone(),
                        last: client.rule.last(),
                    };
                    let opened = SessionCursor::open(Some(&cursor), session.viewer().clone(), &log, MAX_REPLAY);
                    session = opened.cursor;
                    wire.extend(opened.refresh.map(Frame::Refresh));
                    None
                }
                // The steps are over: no more faults, and everything must arrive.
                None => {
                    if wire.is_empty() {
                        match session.next(&log) {
                            Some(output) => wire.push_back(frame(output)),
                            None => {
                                idle += 1;
                                let Ping { prev, up_to } = session.ping();
                                wire.push_back(Frame::Moving { prev, to: up_to, event: false, reference: None });
                            }
                        }
                    }
                    wire.pop_front()
                }
            };
            match delivered {
                Some(Frame::Moving { prev, to, event, reference }) => {
                    if let Some(reference) = reference {
                        prop_assert_eq!(client.asked.take(), Some(reference));
                    }
                    match client.rule.observe(prev, to) {
                        Verdict::Apply if event => client.applied.push(to),
                        Verdict::Apply | Verdict::Duplicate => {}
                        Verdict::Gap if client.asked.is_some() => {}
                        Verdict::Gap => {
                            client.references += 1;
                            client.asked = Some(client.references);
                            let cursor = Cursor {
                                epoch: client.epoch.clone(),
                                view: session.viewer().view().clone(),
                                last: client.rule.last(),
                            };
                            let refused = session.request_sync(&cursor, client.references, &log, MAX_REPLAY);
                            let refused = refused.map_err(|_| TestCaseError::fail("the answered request is outstanding"))?;
                            wire.extend(refused.map(Frame::Refresh));
                        }
                    }
                }
                Some(Frame::Refresh(refresh)) => {
                    if let Some(reference) = refresh.reference {
                        prop_assert_eq!(client.asked.take(), Some(reference));
                    }
                    client.refresh(&refresh);
                }
                None => {}
            }
            if client.epoch == log.bounds.epoch {
                let expected: Vec<Position> = (client.from.get() + 1..=client.rule.last().get())
                    .map(at)
                    .filter(|id| {
                        let index = usize::try_from(id.get() - log.base - 1).expect("short");
                        session.viewer().sees(&log.events[index])
                    })
                    .collect();
                prop_assert_eq!(&client.applied, &expected);
            }
            if idle > 1 {
                break;
            }
        }
        prop_assert_eq!(client.asked, None);
        prop_assert_eq!(&client.epoch, &log.bounds.epoch);
        prop_assert_eq!(client.rule.last(), log.bounds.head);
    }
}

fn modules(most: usize) -> impl Strategy<Value = String> {
    vec(prop_oneof![Just('o'), Just('c'), Just('O')], 0..=most)
        .prop_map(|initials| initials.into_iter().collect())
}

fn frames(session: &mut SessionCursor, log: &Log) -> Vec<Frame> {
    outputs(session, log).map(frame).collect()
}

fn events(frames: &[Frame]) -> Vec<Position> {
    let event = |frame: &Frame| match frame {
        Frame::Moving {
            to, event: true, ..
        } => Some(*to),
        _ => None,
    };
    frames.iter().filter_map(event).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// A request is a `hello` on the same socket: what is asked for again is written as to a new session with that cursor, and who
    /// asks for what has not been written yet, or is refused, is written what would have been written anyway.
    #[test]
    fn a_request_sync_writes_what_a_hello_with_its_cursor_would_and_takes_nothing_away(
        (before, meanwhile, after) in (modules(9), modules(3), modules(3)),
        opened_at in option::of(0_u64..10),
        (outputs, pinged) in (0_usize..9, any::<bool>()),
        (last, expired, max_replay) in (0_u64..14, 0_u64..4, 0_u64..9),
    ) {
        let mut log = Log::new("e1", 0);
        log.push(&before);
        let mut session = open(&log, opened_at).cursor;
        log.push(&meanwhile);
        for _ in 0..outputs {
            session.next(&log);
        }
        if pinged {
            session.ping();
        }
        // The session is not behind the floor: that would be told to it before anything else.
        log.bounds.floor = at(expired).min(session.position());

        let cursor = cursor(&log, last);
        let position = session.position();
        let mut hello = SessionCursor::open(Some(&cursor), viewer(&["orders"]), &log, max_replay);
        let mut asked = session.clone();
        let answer = asked.request_sync(&cursor, 7, &log, max_replay);
        let refused = hello.refresh.map(|refresh| Refresh { reference: Some(7), ..refresh });
        prop_assert_eq!(&answer, &Ok(refused.clone()));

        log.push(&after);
        let mut written = frames(&mut asked, &log);
        let otherwise = frames(&mut session.clone(), &log);
        if refused.is_some() {
            prop_assert_eq!(written, otherwise);
            return Ok(());
        }
        let mut answers = Vec::new();
        for frame in &mut written {
            if let Frame::Moving { reference, .. } = frame {
                answers.extend(reference.take());
            }
        }
        prop_assert_eq!(answers, [7]);
        if cursor.last < position {
            prop_assert_eq!(written, frames(&mut hello.cursor, &log));
        } else {
            prop_assert_eq!(events(&written), events(&otherwise));
            prop_assert_eq!(written.len(), events(&written).len() + 1);
            let names_what_was_written = matches!(written[0], Frame::Moving { prev, .. } if prev == session.prev);
            prop_assert!(names_what_was_written);
        }
    }
}
