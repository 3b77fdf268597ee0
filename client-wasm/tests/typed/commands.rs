use std::{cell::RefCell, rc::Rc, time::Duration};

use serde::{Deserialize, Serialize};
use tabwire_client::typed::{
    Ack, CommandErrorCode, CommandType, Executed, SendOptions, TabwireError,
};
use wasm_bindgen_futures::spawn_local;
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::app::{App, Chat, Told};
use crate::page::{Group, until};

#[derive(Serialize)]
struct Unknown {}

impl CommandType for Unknown {
    const TYPE: &'static str = "no_such_type";
}

#[derive(Serialize)]
struct Counted {
    count: u64,
}

impl CommandType for Counted {
    const TYPE: &'static str = "chat_message";
}

fn refused(outcome: Result<Ack, TabwireError>) -> (CommandErrorCode, Executed) {
    match outcome {
        Err(TabwireError::Command(error)) => (error.code, error.executed),
        other => panic!("{other:?}"),
    }
}

#[test]
async fn a_typed_command_becomes_an_event_and_is_acked_with_its_id() {
    let group = Group::of_new_user("sends").await;
    let apps = App::open(&group, 2).await;
    for (app, text) in apps.iter().zip(["hola", "buenos dias"]) {
        let by = Rc::<RefCell<Option<_>>>::default();
        let seen = Rc::clone(&by);
        let on = app.wire.on::<Chat>(move |event| {
            *seen.borrow_mut() = Some((event.by.clone(), event.command_id.clone()));
        });
        let chat = Chat {
            text: text.to_owned(),
        };
        let sending = app.wire.send(&chat, SendOptions::default());
        let command_id = sending.id().map(str::to_owned);
        assert!(command_id.is_some());
        let ack = sending.await.expect("the server takes it");
        let id = ack.event_id.expect("it became an event");
        assert_eq!(
            ack.epoch.as_deref(),
            app.wire.cursor().as_ref().map(|at| at.epoch.as_str())
        );
        assert_eq!(ack.result::<String>().expect("there is none"), None);
        for other in &apps {
            let told = Told::Chat(id, text.to_owned());
            until("each has it", || other.told().contains(&told)).await;
        }
        assert_eq!(*by.borrow(), Some((Some(group.user.clone()), command_id)));
        drop(on);
    }
}

#[test]
async fn commands_are_sent_in_the_order_of_calls_whether_awaited_or_not() {
    let group = Group::of_new_user("eager").await;
    let app = App::of(&group);
    let texts: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    let mut last = None;
    for text in &texts {
        let chat = Chat { text: text.clone() };
        // All but the last are dropped: it was sent before it was connected, and is done all the same.
        last = Some(app.wire.send(&chat, SendOptions::default()));
    }
    last.expect("there are 20").await.expect("it is done");
    until("all are there", || app.told().len() >= texts.len()).await;
    let text = |told| match told {
        Told::Chat(_, text) => text,
        other => panic!("{other:?}"),
    };
    let told: Vec<String> = app.told().into_iter().map(text).collect();
    assert_eq!(told, texts);
}

#[test]
async fn a_command_that_is_refused_says_why_and_that_nothing_happened() {
    let group = Group::of_new_user("refused").await;
    let app = App::of(&group);
    until("it is open", || app.is_open()).await;
    let wire = &app.wire;

    let outcome = wire.send(&Unknown {}, SendOptions::default()).await;
    assert_eq!(
        refused(outcome),
        (CommandErrorCode::UnknownType, Executed::No)
    );

    // Not rounded to a number that is almost right.
    let outcome = wire
        .send(
            &Counted {
                count: (1 << 53) + 1,
            },
            SendOptions::default(),
        )
        .await;
    assert_eq!(
        refused(outcome),
        (CommandErrorCode::BadArgument, Executed::No)
    );

    let chat = Chat {
        text: "x".to_owned(),
    };
    for timeout in [Duration::ZERO, Duration::from_secs(301)] {
        let outcome = wire.send(&chat, SendOptions::within(timeout)).await;
        assert_eq!(
            refused(outcome),
            (CommandErrorCode::BadArgument, Executed::No)
        );
    }

    wire.close();
    let outcome = wire.send(&chat, SendOptions::default()).await;
    assert_eq!(refused(outcome), (CommandErrorCode::Closed, Executed::No));
    assert!(app.told().is_empty());
}

#[test]
async fn a_command_whose_client_is_dropped_says_that_nobody_knows() {
    let group = Group::of_new_user("gone").await;
    let app = App::of(&group);
    until("it is open", || app.is_open()).await;
    let chat = Chat {
        text: "x".to_owned(),
    };
    let sending = app.wire.send(&chat, SendOptions::default());
    drop(app);
    assert_eq!(
        refused(sending.await),
        (CommandErrorCode::Closed, Executed::Unknown)
    );
}

#[test]
async fn a_handler_may_send() {
    let group = Group::of_new_user("answers").await;
    let app = App::of(&group);
    until("it is open", || app.is_open()).await;
    let wire = app.wire.clone();
    let answered = Rc::<RefCell<Option<Ack>>>::default();
    let seen = Rc::clone(&answered);
    app.wire
        .on::<Chat>(move |event| {
            if event.payload.text == "ping" {
                let answer = Chat {
                    text: "pong".to_owned(),
                };
                let (sending, seen) =
                    (wire.send(&answer, SendOptions::default()), Rc::clone(&seen));
                spawn_local(async move { *seen.borrow_mut() = sending.await.ok() });
            }
        })
        .forget();
    let ping = Chat {
        text: "ping".to_owned(),
    };
    let ping = app
        .wire
        .send(&ping, SendOptions::default())
        .await
        .expect("it is done");
    until("it is answered", || answered.borrow().is_some()).await;
    let pong = answered.borrow().as_ref().and_then(|ack| ack.event_id);
    until("both are there", || app.told().len() == 2).await;
    assert_eq!(
        app.told(),
        [
            Told::Chat(ping.event_id.expect("it became one"), "ping".to_owned()),
            Told::Chat(pong.expect("it became one"), "pong".to_owned())
        ]
    );
    // The handler holds the client, which lives until it is closed.
    app.wire.close();
}

/// An ack is read by the type the app gives, when there is something to read.
#[derive(Debug, PartialEq, Deserialize)]
struct Nothing {}

#[test]
async fn what_no_back_end_answered_is_none_of_any_type() {
    let group = Group::of_new_user("result").await;
    let app = App::of(&group);
    let chat = Chat {
        text: "x".to_owned(),
    };
    let ack = app
        .wire
        .send(&chat, SendOptions::within(Duration::from_secs(5)))
        .await;
    assert_eq!(
        ack.expect("it is done")
            .result::<Nothing>()
            .expect("it is none"),
        None
    );
}
