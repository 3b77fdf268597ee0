//! The group's channel, on which tabs speak.

use tabwire_protocol::Millis;
use wasm_bindgen::JsValue;
use web_sys::{BroadcastChannel, MessageChannel, MessagePort};

use super::{js::set, message::Writing, text::Text};
use crate::core::{Coalescing, Message};

/// The channel of a tab that takes part.
pub(crate) struct Channel {
    channel: BroadcastChannel,
    writing: Writing,
    posts: Coalescing<Text>,
    /// What is called when the page has done what was before it.
    turned: JsValue,
    turn: Option<MessagePort>,
}

impl Channel {
    /// Opens the channel; none where the browser has none. `turned` is to call [`Channel::turned`].
    pub(crate) fn open(group: &str, heard: &JsValue, turned: JsValue) -> Option<Self> {
        let channel = BroadcastChannel::new(group).ok()?;
        set(&channel, "onmessage", heard);
        Some(Self {
            channel,
            writing: Writing::default(),
            posts: Coalescing::default(),
            turned,
            turn: None,
        })
    }

    /// The message that another tab posted, or none when this version does not know it.
    pub(crate) fn read(&self, data: JsValue) -> Option<Message<Text>> {
        self.writing.read(data)
    }

    /// Posts a message, or keeps it for those that follow at once.
    pub(crate) fn post(&mut self, now: Millis, message: Message<Text>) {
        let Self {
            channel, writing, ..
        } = self;
        let send = |message| send(channel, writing, &message);
        if self.posts.push(now, message, send) {
            self.wait_for_turn();
        }
    }

    /// The page has done what was before it.
    pub(crate) fn turned(&mut self) {
        if let Some(message) = self.posts.release() {
            send(&self.channel, &mut self.writing, &message);
        }
    }

    pub(crate) fn close(mut self) {
        self.turned();
        self.channel.close();
        if let Some(turn) = self.turn {
            turn.close();
        }
    }

    /// A timer would do, if those of hidden pages came in less than a second.
    fn wait_for_turn(&mut self) {
        if self.turn.is_none() {
            self.turn = MessageChannel::new().ok().map(|turn| {
                set(&turn.port1(), "onmessage", &self.turned);
                turn.port2()
            });
        }
        let port = self.turn.as_ref();
        if port.is_none_or(|port| port.post_message(&JsValue::NULL).is_err()) {
            self.turned();
        }
    }
}

fn send(channel: &BroadcastChannel, writing: &mut Writing, message: &Message<Text>) {
    let _ = channel.post_message(&writing.write(message));
}
