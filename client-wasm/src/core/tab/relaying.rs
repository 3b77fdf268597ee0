//! What the leader's socket brings and its tabs get: frames, what they lack, and the app's state where they share it.

use tabwire_protocol::{Cursor, Epoch, View};

use super::{
    super::{
        frame::{Frame, Kind, Moving, Raw, Refresh, Welcome},
        io::{Log, SocketId},
        message::{Envelope, Message, RELAY_FRAMES_MAX, SharedState, TabId},
        reader::REPAIR_MS,
        status::{LinkStatus, Reason},
        time::Timer,
    },
    Presence, Tab,
    leading::EARLY_FRAMES_MAX,
};

impl<R: Raw> Tab<R> {
    // The socket.

    pub(super) fn socket_frame(&mut self, socket: SocketId, frame: Frame, raw: R) {
        if !self.link.is_current(socket) {
            return;
        }
        self.link.heard(&mut self.cx);
        if let (Some(over), false) = (&mut self.takes_over, matches!(frame, Frame::Welcome(_))) {
            // Nobody would take them from a tab that does not lead yet.
            over.frames.push((socket, frame, raw));
            if over.frames.len() > EARLY_FRAMES_MAX {
                self.give_up_take_over();
            }
            return;
        }
        self.watch.proved(self.cx.now);
        match frame {
            Frame::Welcome(welcome) => self.welcomed(*welcome),
            Frame::Moving(moving) => self.relay(moving, raw),
            Frame::FullRefresh(refresh) => self.relay_refresh(refresh, raw),
            Frame::Outcome { id } => {
                if let Some((tab, doubt)) = self.link.carried().answered(&id) {
                    self.settle(tab, id, Ok(raw), doubt);
                    self.write_carried();
                }
            }
            Frame::Renewed(renewed) => {
                self.reader.entitled_to(&renewed.view, &renewed.modules);
                self.link.renewed(&mut self.cx, renewed);
                self.write_carried();
            }
            Frame::Bye(bye) => self.link.bye(bye),
            Frame::Error => self.cx.log(Log::ServerError),
        }
    }

    fn welcomed(&mut self, welcome: Welcome) {
        let takes_over = self.takes_over.is_some();
        if welcome.user != self.config.user {
            if takes_over {
                return self.give_up_take_over();
            }
            // Whoever connects again must ask the app for a token: this one names another user.
            self.link.forget();
            return self.link.stop(&mut self.cx, Reason::IdentityChanged);
        }
        self.reader.entitled_to(&welcome.view, &welcome.modules);
        let cursor = self.reader.cursor();
        self.link
            .welcomed(&mut self.cx, cursor.as_ref(), &self.config.device, welcome);
        if takes_over {
            self.take_lead();
        } else {
            self.session_opened();
        }
    }

    /// This leader has an open session: the others hear of it before its first frame.
    pub(super) fn session_opened(&mut self) {
        self.say_status();
        if let (None, Some(relay)) = (self.reader.cursor(), self.link.relay_position()) {
            self.reader.relay_at(&mut self.cx, &relay);
        }
        self.write_carried();
    }

    /// A frame of the view goes to all tabs, as it came.
    fn relay(&mut self, moving: Moving, raw: R) {
        let synced = match moving.kind {
            Kind::Synced(reference) => Some(reference),
            _ => None,
        };
        let ping = match moving.kind {
            Kind::Ping(now) => Some(now),
            _ => None,
        };
        self.link.relayed(&mut self.cx, moving.position, synced);
        let Some((epoch, view, more)) = self.link.relaying() else {
            return;
        };
        let envelope = Envelope {
            epoch,
            view,
            frames: vec![(Frame::Moving(moving), raw)],
            more,
        };
        self.pass_on(envelope, None);
        if let Some(now) = ping {
            if let Some(cursor) = self.reader.cursor() {
                self.link.pong(&mut self.cx, cursor.last);
            }
            self.link.time_told(&self.cx, now);
            self.write_carried();
        }
    }

    fn relay_refresh(&mut self, refresh: Box<Refresh>, raw: R) {
        let tabs = self.link.refused(&mut self.cx, &refresh);
        let Some((epoch, view, more)) = self.link.relaying() else {
            return;
        };
        let envelope = Envelope {
            epoch,
            view,
            frames: vec![(Frame::FullRefresh(refresh), raw)],
            more,
        };
        match tabs {
            None => self.pass_on(envelope, None),
            Some(tabs) => {
                for tab in tabs {
                    self.pass_on(envelope.clone(), Some(tab));
                }
            }
        }
    }

    /// Passes frames on to one tab or all; this tab reads them in the same way as any other.
    fn pass_on(&mut self, envelope: Envelope<R>, to: Option<TabId>) {
        let Some(by) = self.leads() else { return };
        let mine = to.is_none_or(|to| to == self.config.tab);
        if self.shares() && to != Some(self.config.tab) {
            self.cx.post(Message::Relay {
                by,
                envelope: Box::new(envelope.clone()),
                to,
            });
        }
        if mine {
            self.reader.receive(&mut self.cx, envelope);
        }
    }

    // What tabs lack.

    /// A tab lacks what comes after its cursor: from the ring, if it is all there, else from the server.
    pub(super) fn repair(&mut self, tab: TabId, cursor: &Cursor) {
        let frames = match self.link.relay_position() {
            Some(relay) if relay.epoch == cursor.epoch && relay.view == cursor.view => {
                self.reader.ring_after(cursor)
            }
            _ => None,
        };
        let Some(mut frames) = frames.filter(|frames| !frames.is_empty()) else {
            return self.link.repair(&mut self.cx, tab, cursor);
        };
        self.cx.counters.ring_repairs += 1;
        self.cx.log(Log::RepairedFromRing);
        while !frames.is_empty() {
            let rest = frames.split_off(frames.len().min(RELAY_FRAMES_MAX));
            let envelope = Envelope {
                epoch: cursor.epoch.clone(),
                view: cursor.view.clone(),
                frames: core::mem::replace(&mut frames, rest),
                more: !frames.is_empty(),
            };
            self.pass_on(envelope, Some(tab));
        }
    }

    pub(super) fn repair_due(&mut self) {
        if let (Some(cursor), Presence::Here) = (self.reader.missing_after(), self.presence) {
            self.cx.after(Timer::Repair, REPAIR_MS);
            if self.leads().is_some() {
                self.link.repair(&mut self.cx, self.config.tab, &cursor);
            } else if self.follows_open() {
                self.cx.post(Message::Repair {
                    tab: self.config.tab,
                    cursor,
                });
            }
        }
    }

    /// Whether there is another tab that leads and is connected.
    pub(super) fn follows_open(&self) -> bool {
        let open = self
            .group
            .as_ref()
            .is_some_and(|group| group.link == LinkStatus::Open);
        open && self.leader.is_some() && self.leads().is_none()
    }

    // The app's state, where tabs share it.

    /// The state is needed: from the leader, if it may have it and was not asked before, else from the app.
    pub(super) fn fetch_due(&mut self) {
        if let (Some(key), true) = (&self.config.state_key, self.follows_open())
            && let Some((epoch, view)) = self.reader.asks_leader_for_state(&mut self.cx)
        {
            self.cx.post(Message::StateWanted {
                tab: self.config.tab,
                key: key.clone(),
                epoch,
                view,
            });
        } else {
            self.reader.fetch_due(&mut self.cx);
        }
    }

    /// A tab would take this leader's state.
    pub(super) fn state_wanted(&mut self, tab: TabId, key: &str, epoch: &Epoch, view: &View) {
        if self.leads().is_none() {
            return;
        }
        let same = self.config.state_key.as_deref() == Some(key);
        if same && self.reader.is_fetching(epoch, view) {
            self.state_wanted = true;
            return;
        }
        let state = same
            .then(|| self.reader.state_kept())
            .flatten()
            .filter(|(cursor, _)| cursor.epoch == *epoch && cursor.view == *view);
        self.give_state(state, Some(tab));
    }

    /// Followers may have waited for the state that was fetched just now.
    pub(super) fn share_state(&mut self) {
        if self.state_wanted
            && let Some(state) = self.reader.state_kept()
        {
            self.state_wanted = false;
            self.give_state(Some(state), None);
        }
    }

    fn give_state(
        &mut self,
        state: Option<(Cursor, tabwire_protocol::RawJson)>,
        to: Option<TabId>,
    ) {
        let Some(by) = self.leads() else { return };
        let key = self.config.state_key.clone().unwrap_or_default();
        let state = state.map(|(cursor, json)| {
            Box::new(SharedState {
                key,
                epoch: cursor.epoch,
                view: cursor.view,
                position: cursor.last,
                json,
            })
        });
        self.cx.post(Message::State { by, to, state });
    }

    /// The leader gives its state, or says that it has none.
    pub(super) fn state_given(&mut self, state: Option<Box<SharedState>>) {
        let key = self.config.state_key.as_deref();
        match state {
            None => self.reader.no_state_given(&mut self.cx),
            Some(state) if key == Some(state.key.as_str()) => {
                self.reader.state_given(&mut self.cx, *state)
            }
            Some(_) => {}
        }
    }
}
