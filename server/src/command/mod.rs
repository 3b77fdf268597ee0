//! What clients send: authorised, run once, in order, and answered.

pub mod dedupe;
pub(crate) mod records;
pub(crate) mod webhook;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use dedupe::{Admission, DEADLINE_DEFAULT, Dedupe, Outcome};
use records::{Begun, Records};
use tabwire_protocol::{Ack, Command, Executed, Nack, NackCode, ServerFrame};
use tokio::{sync::watch, time::sleep};

use crate::{
    clock, json,
    limits::Limit,
    log::{AppendError, EventLog, Key, NewEvent, Recalled, Receipt},
    node::{Backend, Node},
    registry::SessionRecord,
};

/// How often a command is appended whose append gave no answer, and how long between.
const APPEND_TRIES: u32 = 3;
const APPEND_PAUSE: Duration = Duration::from_millis(200);

/// The commands of all users of late.
#[derive(Debug)]
pub(crate) struct Commands {
    // A std mutex: held for a map operation, never across an await.
    dedupe: Mutex<Dedupe>,
    /// Says that a command was settled, for those who wait for the same one.
    settled: watch::Sender<()>,
}

impl Commands {
    /// None yet, and these limits.
    pub(crate) fn new(user_commands_max: usize, commands_max: usize) -> Self {
        Self {
            dedupe: Mutex::new(Dedupe::new(user_commands_max, commands_max)),
            settled: watch::Sender::default(),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Dedupe) -> T) -> T {
        act(&mut self.dedupe.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Runs a command of a session, unless it has been run: then this is the answer it had.
///
/// It runs to its end even when nobody waits for the answer any more: spawn it.
pub(crate) async fn run<B: Backend>(
    node: Arc<Node<B>>,
    session: Arc<SessionRecord>,
    command: Command,
) -> ServerFrame {
    let commands = &node.commands;
    let mut settled = commands.settled.subscribe();
    let outcome = loop {
        settled.mark_unchanged();
        match commands.with(|dedupe| dedupe.admit(clock::now(), &session.user, &command)) {
            Admission::Answer(outcome) => {
                break in_time_elsewhere(&node, &session, &command, outcome).await;
            }
            Admission::Run => {
                let outcome = execute(&node, &session, &command).await;
                commands.with(|dedupe| match &outcome {
                    // It may work when it is sent again, and if it has been done it will be found.
                    Outcome::Failed {
                        code: NackCode::Unavailable,
                        ..
                    } => dedupe.forget(&session.user, &command.id),
                    _ => dedupe.settle(&session.user, &command.id, outcome.clone()),
                });
                commands.settled.send_replace(());
                break outcome;
            }
            Admission::Running => {
                let waited = settled.changed().await;
                waited.expect("the node has the sender");
            }
        }
    };
    if let Outcome::Failed {
        code: NackCode::RateLimited,
        ..
    } = &outcome
    {
        node.limited(Limit::Commands, &session.user);
    }
    node.metrics.commanded(match &outcome {
        Outcome::Done { .. } => "ack",
        Outcome::Failed { code, .. } => nack_code(*code),
    });
    answer(command.id, outcome)
}

async fn execute<B: Backend>(
    node: &Node<B>,
    session: &SessionRecord,
    command: &Command,
) -> Outcome {
    let Some(rule) = node.config.types.get(&command.event_type) else {
        let message = format!("type: there is no {}", command.event_type);
        return Outcome::refused(NackCode::UnknownType, message);
    };
    if !rule.from_client {
        let message = format!("type: {} does not come from clients", command.event_type);
        return Outcome::refused(NackCode::Forbidden, message);
    }
    if !session.modules.contains(&rule.module) {
        let message = format!(
            "type: it belongs to {}, which is not this session's",
            rule.module
        );
        return Outcome::refused(NackCode::Forbidden, message);
    }
    if command.payload.as_str().len() > node.config.limits.payload_bytes {
        let message = format!(
            "payload: more than {} bytes",
            node.config.limits.payload_bytes
        );
        return Outcome::refused(NackCode::TooLarge, message);
    }
    if json::is_too_deep(command.payload.as_str()) {
        let message = format!("payload: nested deeper than {}", json::DEPTH_MAX);
        return Outcome::refused(NackCode::Invalid, message);
    }
    if rule.via_webhook {
        let Some(webhook) = &node.webhook else {
            let message = "this server does not know where the app runs commands";
            return Outcome::refused(NackCode::Unavailable, message);
        };
        let deadline = command
            .deadline
            .unwrap_or_else(|| clock::now().plus(DEADLINE_DEFAULT));
        return webhook
            .run(&node.records, &node.metrics, session, command, deadline)
            .await;
    }
    let event = NewEvent {
        event_type: command.event_type.clone(),
        module: rule.module.clone(),
        users: None,
        payload: command.payload.clone(),
        by: Some(session.user.clone()),
        command_id: Some(command.id.clone()),
    };
    // For the other nodes: the same command may come to one of them, or have come.
    let name = B::SEVERAL_NODES.then(|| key(session, command));
    let key = name.as_deref().map(|name| Key {
        name,
        until: command.deadline,
    });
    let mut tries = 1;
    loop {
        return match node.append(&session.shop, event.clone(), key).await {
            Ok(receipt) => done(receipt),
            Err(AppendError::KeyReused) => {
                Outcome::refused(NackCode::Conflict, "id: it was used with another body")
            }
            Err(error @ AppendError::Late) => {
                Outcome::refused(NackCode::Expired, format!("deadline: {error}"))
            }
            Err(AppendError::Unavailable(error)) if tries == 1 => {
                Outcome::refused(NackCode::Unavailable, error.to_string())
            }
            Err(AppendError::Unknown(_)) if tries < APPEND_TRIES => {
                tries += 1;
                sleep(APPEND_PAUSE).await;
                continue;
            }
            Err(error) => Outcome::Failed {
                code: NackCode::Unavailable,
                executed: Executed::Unknown,
                message: error.to_string(),
            },
        };
    }
}

/// Names a command among the keys of its shop's log, apart from those of publishers.
fn key(session: &SessionRecord, command: &Command) -> String {
    format!("c:{}:{}", session.user, command.id)
}

fn done(receipt: Receipt) -> Outcome {
    Outcome::Done {
        event: Some((receipt.epoch, receipt.id)),
        result: None,
    }
}

/// A command whose deadline is over has not been run here. Whether another node has run it, the log knows.
async fn in_time_elsewhere<B: Backend>(
    node: &Node<B>,
    session: &SessionRecord,
    command: &Command,
    outcome: Outcome,
) -> Outcome {
    let Outcome::Failed {
        code: code @ NackCode::Expired,
        executed: Executed::No,
        message,
    } = outcome
    else {
        return outcome;
    };
    let rule = node.config.types.get(&command.event_type);
    let executed = if rule.is_some_and(|rule| rule.via_webhook) {
        match node.records.recall(session, command).await {
            Ok(Some(Begun::Settled(outcome))) => return outcome,
            Ok(None | Some(Begun::Conflict)) => Executed::No,
            Ok(Some(_)) | Err(_) => Executed::Unknown,
        }
    } else {
        let name = key(session, command);
        let key = Key {
            name: &name,
            until: command.deadline,
        };
        match node.log.recall(clock::now(), &session.shop, key).await {
            Ok(Recalled::Appended(receipt)) => return done(receipt),
            Ok(Recalled::Never) => Executed::No,
            Ok(Recalled::NotYet) | Err(_) => Executed::Unknown,
        }
    };
    Outcome::Failed {
        code,
        executed,
        message,
    }
}

fn answer(id: String, outcome: Outcome) -> ServerFrame {
    match outcome {
        Outcome::Done { event, result } => {
            let (epoch, event_id) = event.unzip();
            ServerFrame::Ack(Ack {
                id,
                epoch,
                event_id,
                result,
            })
        }
        Outcome::Failed {
            code,
            executed,
            message,
        } => ServerFrame::Nack(Nack {
            id,
            code,
            executed,
            message,
        }),
    }
}

/// The answer to a command that was not even looked at.
pub(crate) fn refusal(id: String, code: NackCode, message: &str) -> ServerFrame {
    answer(id, Outcome::refused(code, message))
}

const fn nack_code(code: NackCode) -> &'static str {
    match code {
        NackCode::Forbidden => "forbidden",
        NackCode::UnknownType => "unknown_type",
        NackCode::Invalid => "invalid",
        NackCode::Conflict => "conflict",
        NackCode::Expired => "expired",
        NackCode::TooLarge => "too_large",
        NackCode::RateLimited => "rate_limited",
        NackCode::Unavailable => "unavailable",
    }
}
