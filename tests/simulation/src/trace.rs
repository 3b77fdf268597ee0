//! What a person reads of a run: who was told what, and what they did, a line each.

use tabwire_client::core::{
    Frame, Input, Kind, LeaderStatus, Leadership, Message, Moving, Output, Settlement, Status,
};
use tabwire_protocol::{ClientFrame, Cursor, Millis};

use crate::raw::Raw;

/// How much of the trace is kept.
const LINES_MAX: usize = 20_000;

/// The lines of a run, the last of them if there are too many.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    lines: Vec<String>,
    began: Millis,
}

impl Trace {
    pub(crate) fn new(began: Millis) -> Self {
        Self {
            lines: Vec::new(),
            began,
        }
    }

    pub(crate) fn add(&mut self, now: Millis, line: &str) {
        if self.lines.len() >= LINES_MAX * 2 {
            self.lines.drain(..LINES_MAX);
        }
        let seconds = now.since(self.began).0 as f64 / 1_000.0;
        self.lines.push(format!("{seconds:>9.3} {line}"));
    }

    pub(crate) fn lines(self) -> Vec<String> {
        self.lines
    }
}

pub(crate) fn input(input: &Input<Raw>) -> String {
    match input {
        Input::Message(said) => format!("hears {}", message(said)),
        Input::SocketFrame(socket, brought, raw) => {
            format!("socket {}: {}", socket.0, frame(brought, raw))
        }
        Input::SocketClosed(socket, code) => format!("socket {} closed: {code}", socket.0),
        other => format!("{other:?}"),
    }
}

pub(crate) fn output(output: &Output<Raw>) -> String {
    match output {
        Output::Post(said) => format!("says {}", message(said)),
        Output::SendFrame(socket, sent) => {
            format!("writes on {}: {}", socket.0, client_frame(sent))
        }
        Output::Cursor(at) => format!("cursor {}", cursor(at)),
        Output::Deliver(events) => {
            let ids: Vec<String> = (events.iter())
                .map(|event| match event {
                    Raw::Event { id, .. } => id.to_string(),
                    other => format!("{other:?}"),
                })
                .collect();
            format!("delivers {}", ids.join(" "))
        }
        Output::Status(shown) => format!("shows {}", status(shown)),
        Output::Settled(id, Settlement::Answered(answer, doubt)) => {
            format!("settled {id}: {answer:?}, doubt: {doubt}")
        }
        Output::Settled(id, Settlement::Failed(failure)) => format!("settled {id}: {failure:?}"),
        other => format!("{other:?}"),
    }
}

fn message(message: &Message<Raw>) -> String {
    match message {
        Message::Hello { known, asks } => {
            format!("hello, knows {}, asks: {asks}", known_as(*known))
        }
        Message::Status { by, status, beacon } => {
            let LeaderStatus {
                link, relay, seeks, ..
            } = &**status;
            let at = relay.as_ref().map(|relay| relay.at.get());
            format!(
                "status of {}: {link:?}, relay {at:?}, seeks: {seeks}, beacon: {beacon}",
                leadership(*by)
            )
        }
        Message::Relay { by, envelope, to } => {
            let to = to.map_or(String::new(), |to| format!(" to {to:?}"));
            let frames: Vec<String> = (envelope.frames.iter())
                .map(|(read, raw)| frame(read, raw))
                .collect();
            format!(
                "relay of {}{to}: {} {} {}",
                leadership(*by),
                envelope.epoch,
                envelope.view,
                frames.join(", ")
            )
        }
        Message::Repair { tab, cursor: at } => format!("repair {tab:?} from {}", cursor(at)),
        Message::Command { command, .. } => format!("command {}", command.id),
        Message::Accepted { by, id } => format!("accepted {id} by {}", leadership(*by)),
        Message::Settled { id, answer, .. } => format!("settled {id}: {answer:?}"),
        Message::Stale { known, led } => format!("stale, knows {}, led: {led}", leadership(*known)),
        Message::Abdicate { known } => format!("abdicate, knows {}", known_as(*known)),
        Message::Willing { tab, of } => format!("willing {tab:?} of {}", leadership(*of)),
        Message::HandOver { by, to } => format!("hand over by {} to {to:?}", leadership(*by)),
        Message::State { by, to, state } => {
            let at = state.as_ref().map(|state| state.position.get());
            format!("state of {} to {to:?}: {at:?}", leadership(*by))
        }
        other => format!("{other:?}"),
    }
}

fn frame(frame: &Frame, raw: &Raw) -> String {
    match frame {
        Frame::Moving(Moving {
            prev,
            position,
            kind,
        }) => match kind {
            Kind::Event(module) => format!("event {position} of {module} after {prev}"),
            Kind::Synced(reference) => format!("synced {position} after {prev}, ref {reference:?}"),
            Kind::Ping(_) => format!("ping {position} after {prev}"),
        },
        Frame::FullRefresh(refresh) => format!(
            "full refresh: {:?}, {} {} at {}, ref {:?}",
            refresh.reason, refresh.epoch, refresh.view, refresh.at, refresh.reference
        ),
        Frame::Welcome(welcome) => format!(
            "welcome {}: {:?}, {} {} at {}, claim {}",
            welcome.user, welcome.resume, welcome.epoch, welcome.view, welcome.at, welcome.claim
        ),
        Frame::Outcome { id } => format!("outcome of {id}: {raw:?}"),
        other => format!("{other:?}"),
    }
}

fn client_frame(frame: &ClientFrame) -> String {
    match frame {
        ClientFrame::Hello(hello) => format!(
            "hello from {}, claim {:?}, cursor {}",
            hello.device,
            hello.claim,
            hello.cursor.as_ref().map_or_else(|| "none".into(), cursor)
        ),
        ClientFrame::RequestSync(request) => format!(
            "request_sync {} from {}",
            request.reference,
            cursor(&request.cursor)
        ),
        ClientFrame::Command(command) => format!("command {}", command.id),
        other => format!("{other:?}"),
    }
}

fn status(status: &Status) -> String {
    let reason = status
        .reason
        .map_or(String::new(), |reason| format!(" {reason:?}"));
    format!("{:?}{reason} as {:?}", status.state, status.role)
}

fn cursor(cursor: &Cursor) -> String {
    format!("{} {} {}", cursor.epoch, cursor.view, cursor.last)
}

fn known_as(known: Option<Leadership>) -> String {
    known.map_or_else(|| "none".into(), leadership)
}

fn leadership(Leadership { term, tab }: Leadership) -> String {
    format!("{term} {tab:?}")
}
