//! What the server does for an event.

use std::{
    collections::BTreeSet,
    hint::black_box,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use tabwire_protocol::{
    ClientFrame, Cursor, Epoch, EventType, Millis, Module, Position, RawJson, ServerFrame, ShopId,
    UserId,
};
use tabwire_server::{
    SessionByHand, TailByHand,
    log::{EventLog, MemoryLog, NewEvent, Page, Stored, memory::Retention},
    session::cursor::{LogBounds, SessionCursor, Viewer},
};

use super::{Step, TIMES, Work, each};

pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "server/memory-log-appends-an-event",
        prepare: memory_log_appends_an_event,
    },
    Step {
        name: "server/tail-takes-an-event",
        prepare: tail_takes_an_event,
    },
    Step {
        name: "server/tail-wakes-100-of-1000-sessions",
        prepare: tail_wakes_100_of_1000_sessions,
    },
    Step {
        name: "server/tail-wakes-the-one-user-of-1000",
        prepare: tail_wakes_the_one_user_of_1000,
    },
    Step {
        name: "server/session-reads-1-of-100-events",
        prepare: session_reads_1_of_100_events,
    },
    Step {
        name: "server/session-reads-100-events",
        prepare: session_reads_100_events,
    },
    Step {
        name: "server/cursor-passes-100-filtered-events",
        prepare: cursor_passes_100_filtered_events,
    },
    Step {
        name: "server/cursor-sees-100-events",
        prepare: cursor_sees_100_events,
    },
    Step {
        name: "server/cursor-opens-with-a-replay",
        prepare: cursor_opens_with_a_replay,
    },
    Step {
        name: "server/event-is-made-a-frame",
        prepare: event_is_made_a_frame,
    },
    Step {
        name: "server/ping-is-encoded",
        prepare: ping_is_encoded,
    },
    Step {
        name: "server/command-is-decoded",
        prepare: command_is_decoded,
    },
];

/// More events than a tail holds: from here on one goes for each that comes.
const FULL: u64 = 4_200;
const SESSIONS: usize = 1_000;
/// What most events and sessions are about.
const COMMON: &str = "orders";
/// What few are about.
const RARE: &str = "chat";

fn memory_log_appends_an_event() -> Work {
    let log = MemoryLog::new(Retention {
        age: Millis(600_000),
        events: 1_000,
        shops: 10,
    });
    let shop = shop();
    let append = move |event| {
        let mut append = pin!(log.append(Millis(1), &shop, event, None));
        let appended = append
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(
            matches!(appended, Poll::Ready(Ok(_))),
            "nothing is waited for"
        );
    };
    (0..1_000).for_each(|_| append(event(COMMON, None)));
    each(|_| event(COMMON, None), append)
}

fn tail_takes_an_event() -> Work {
    let tail = full_tail();
    each(
        |nth| stored(FULL + 1 + nth as u64, event(COMMON, None)),
        move |event| tail.take(event),
    )
}

fn tail_wakes_100_of_1000_sessions() -> Work {
    wakes(|nth| if nth < 100 { RARE } else { COMMON }, None)
}

fn tail_wakes_the_one_user_of_1000() -> Work {
    wakes(|_| RARE, Some(user(500)))
}

/// An event of the rare module, for whoever has it or for one of them, and sessions that wait.
fn wakes(module_of: fn(usize) -> &'static str, to: Option<UserId>) -> Work {
    let tail = full_tail();
    let sessions: Vec<SessionByHand> = (0..SESSIONS)
        .map(|nth| {
            let mut session = tail.open(&shop(), user(nth), &modules(module_of(nth)), None);
            assert!(!session.wait(Waker::noop()), "nothing has come");
            session
        })
        .collect();
    let make = |nth| {
        let id = FULL + 1 + nth as u64;
        stored(id, event(RARE, to.clone()))
    };
    each(make, move |event: Arc<Stored>| {
        let told = event.id.before();
        tail.take(event);
        tail.tell(told);
        black_box(&sessions);
    })
}

fn session_reads_1_of_100_events() -> Work {
    reads(|nth| if nth == 50 { RARE } else { COMMON }, RARE)
}

fn session_reads_100_events() -> Work {
    reads(|_| COMMON, COMMON)
}

/// Sessions that have been woken, and read the 100 events that have come meanwhile: one of them writes each frame, the others share it.
fn reads(module_of: fn(u64) -> &'static str, interest: &'static str) -> Work {
    let tail = full_tail();
    let interest = modules(interest);
    let sessions: Vec<SessionByHand> = (0..TIMES)
        .map(|nth| tail.open(&shop(), user(nth), &interest, None))
        .collect();
    for nth in 0..100 {
        tail.take(stored(FULL + 1 + nth, event(module_of(nth), None)));
    }
    let mut sessions = sessions.into_iter();
    let mut read = Vec::with_capacity(TIMES);
    Box::new(move || {
        for mut session in sessions.by_ref() {
            black_box(session.read());
            read.push(session);
        }
    })
}

fn cursor_passes_100_filtered_events() -> Work {
    passes(RARE)
}

fn cursor_sees_100_events() -> Work {
    passes(COMMON)
}

fn passes(interest: &str) -> Work {
    let page = page();
    let cursor = |_| {
        let start = Page {
            bounds: bounds(0),
            after: Position::ZERO,
            events: Vec::new(),
        };
        SessionCursor::open(None, viewer(interest), &start, 0).cursor
    };
    let mut cursors: Vec<SessionCursor> = (0..TIMES).map(cursor).collect();
    Box::new(move || {
        for cursor in &mut cursors {
            while let Some(output) = cursor.next(&page) {
                black_box(output);
            }
        }
    })
}

/// The events since are more than a replay may have, so that those of the view have to be counted.
fn cursor_opens_with_a_replay() -> Work {
    let page = page();
    let since = Cursor {
        epoch: epoch(),
        view: viewer(RARE).view().clone(),
        last: Position::ZERO,
    };
    let mut opened = Vec::with_capacity(TIMES);
    each(
        |_| viewer(RARE),
        move |viewer| opened.push(SessionCursor::open(Some(&since), viewer, &page, 50)),
    )
}

fn event_is_made_a_frame() -> Work {
    let mut frames = Vec::with_capacity(TIMES);
    each(
        |nth| stored(1 + nth as u64, event(COMMON, None)),
        move |event| frames.push(event.frame(event.id.before())),
    )
}

fn ping_is_encoded() -> Work {
    let ping = |_| ServerFrame::Ping {
        prev: at(81_920),
        up_to: at(81_923),
        now: Some(Millis(1_730_569_300_000)),
    };
    each(ping, |ping| {
        black_box(ping.encode());
    })
}

fn command_is_decoded() -> Work {
    let payload = payload();
    let text = format!(
        r#"{{"t":"command","id":"q83vEjRWeJASNFZ4:17","type":"order_created","payload":{payload},"deadline":1730569310000}}"#
    );
    each(
        move |_| text.clone(),
        |text| {
            let command = ClientFrame::decode(&text);
            assert!(matches!(&command, Ok(ClientFrame::Command(_))));
            black_box(command).ok();
        },
    )
}

// What they are made of.

fn full_tail() -> TailByHand {
    let tail = TailByHand::new(bounds(0));
    (1..=FULL).for_each(|id| tail.take(stored(id, event(COMMON, None))));
    tail
}

/// 100 events of the common module.
fn page() -> Page {
    Page {
        bounds: bounds(100),
        after: Position::ZERO,
        events: (1..=100)
            .map(|id| stored(id, event(COMMON, None)))
            .collect(),
    }
}

fn bounds(head: u64) -> LogBounds {
    LogBounds {
        epoch: epoch(),
        head: at(head),
        floor: Position::ZERO,
    }
}

fn stored(id: u64, event: NewEvent) -> Arc<Stored> {
    Arc::new(Stored {
        id: at(id),
        shop: shop(),
        timestamp: Millis(1_730_569_300_000),
        event,
    })
}

fn event(module: &str, to: Option<UserId>) -> NewEvent {
    NewEvent {
        event_type: EventType::new("order_created").expect("a name"),
        module: Module::new(module).expect("a name"),
        users: to.map(|user| BTreeSet::from([user])),
        payload: RawJson::new(&payload()).expect("it is JSON"),
        by: None,
        command_id: None,
    }
}

/// 200 bytes, as in the measurements of the whole server.
fn payload() -> String {
    format!(r#"{{"orderId":"o_4711","text":"{}"}}"#, "x".repeat(170))
}

fn viewer(interest: &str) -> Viewer {
    Viewer::new(&shop(), user(1), modules(interest))
}

/// A module that all have, and one more.
fn modules(interest: &str) -> Arc<BTreeSet<Module>> {
    let names = ["billing", interest];
    Arc::new(
        names
            .iter()
            .map(|name| Module::new(name).expect("a name"))
            .collect(),
    )
}

fn user(nth: usize) -> UserId {
    UserId::new(&format!("u_{nth:04}")).expect("a name")
}

fn shop() -> ShopId {
    ShopId::new("s_1").expect("a name")
}

fn epoch() -> Epoch {
    Epoch::new("9f2c64d1").expect("a name")
}

fn at(position: u64) -> Position {
    Position::new(position).expect("small")
}
