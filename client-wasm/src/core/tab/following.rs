//! What other tabs say, and what a tab does about a leader that says nothing.

use tabwire_protocol::Millis;

use super::{
    super::{
        frame::Raw,
        io::{Log, Sharing},
        message::{LeaderStatus, Leadership, Message, RelayPosition},
        status::LinkStatus,
        time::{LATE_MS, Timer},
        watch::{ANSWER_MS, Step},
    },
    BEACON_MS, Presence, Tab,
    leading::{ELECTED_BEACON_MS, HELLO_MS},
};

/// Without locks nothing but its beacons shows that a leader is there: how long they may be missing, in milliseconds.
const ELECTED_PATIENCE_MS: u64 = ELECTED_BEACON_MS * 3 / 2;
/// How long an elected leader that is silent has to show that it runs before another is elected: this and up to twice as
/// long, in milliseconds, so that not all tabs elect themselves at once.
const ELECTED_ANSWER_MS: u64 = 500;
/// The same for a leader that nobody has heard of.
const ELECTION_MS: u64 = 200;
/// A leader that was told to leave has so long to do so, and up to this much more, in milliseconds. Visible tabs go first.
const LEAVES_MS_VISIBLE: (u64, u64) = (200, 500);
const LEAVES_MS_HIDDEN: (u64, u64) = (700, 1_000);

impl<R: Raw> Tab<R> {
    pub(super) fn message(&mut self, message: Message<R>) {
        if self.presence != Presence::Here || !self.shares() {
            return;
        }
        self.watch.heard();
        match message {
            Message::Hello { known, asks } => {
                if let Some(mine) = self.leads() {
                    match known.filter(|known| *known > mine) {
                        Some(above) => self.reterm(above),
                        None => self.say_status(),
                    }
                    if asks {
                        self.show_that_it_runs();
                    }
                }
            }
            Message::Status { by, status, beacon } => {
                if self.hears(by) {
                    self.follow(by, *status, beacon);
                } else if let Some(known) = self.known {
                    self.cx.log(Log::StaleLeader);
                    let led = self.leader == Some(known) && !self.watch.doubts();
                    self.cx.post(Message::Stale { known, led });
                }
            }
            Message::Relay { by, envelope, to } => {
                if self.hears(by) {
                    self.meet(by);
                    if to.is_none() {
                        self.leader_runs();
                    }
                    if to.is_none_or(|to| to == self.config.tab) {
                        self.reader.receive(&mut self.cx, *envelope);
                    }
                }
            }
            Message::Repair { tab, cursor } => {
                if self.leads().is_some() {
                    self.repair(tab, &cursor);
                }
            }
            Message::Command {
                by,
                tab,
                command,
                left,
            } => {
                if self.leads() == Some(by) {
                    self.command_of_other(by, tab, *command, left);
                }
            }
            Message::Accepted { by, id } => self.outbox.accepted(by, &id),
            // What came of a command is so whoever says it.
            Message::Settled {
                by: _,
                id,
                answer,
                doubt,
            } => self.outbox.settled(&mut self.cx, &id, answer, doubt),
            Message::Stale { known, led } => {
                if self.leads().is_some_and(|mine| known > mine) {
                    if led {
                        self.known = self.known.max(Some(known));
                        self.step_down();
                    } else {
                        self.reterm(known);
                    }
                }
            }
            Message::Abdicate { known } => self.abdicate(known),
            Message::Willing { tab, of } => self.willing(tab, of),
            Message::HandOver { by, to } => {
                if to == self.config.tab && self.hears(by) {
                    self.take_over(by);
                }
            }
            Message::StateWanted {
                tab,
                key,
                epoch,
                view,
            } => self.state_wanted(tab, &key, &epoch, &view),
            Message::State { by, to, state } => {
                if self.hears(by) && to.is_none_or(|to| to == self.config.tab) {
                    self.state_given(state);
                }
            }
            Message::Bye { by } => {
                if self.leader == Some(by) && self.leads().is_none() {
                    self.leader = None;
                    self.await_leader();
                    self.cx.after(Timer::Beacon, HELLO_MS);
                    self.reader.deliver_batch(&mut self.cx);
                }
            }
            Message::Reconnect => {
                if self.leads().is_some() {
                    self.link.reconnect(&mut self.cx);
                } else {
                    self.rejoin();
                }
            }
            Message::Logout => self.logged_out(),
        }
    }

    /// Whether what is said under this leadership counts. A leader that hears of a higher one leads no more.
    fn hears(&mut self, by: Leadership) -> bool {
        self.hears_above_old_leader(by);
        if let Some(mine) = self.leads() {
            if by <= mine {
                return false;
            }
            self.known = self.known.max(Some(by));
            self.step_down();
        }
        if self.known.is_some_and(|known| by < known) {
            self.cx.counters.stale += 1;
            return false;
        }
        self.known = Some(by);
        true
    }

    /// A tab that missed how a leader is asks for it: what comes out of its socket says that this is news.
    fn meet(&mut self, by: Leadership) {
        if self.leader.is_some_and(|leader| leader != by) {
            self.reader.deliver_batch(&mut self.cx);
            self.leader = None;
            self.say_hello();
        } else if !self.follows_open() && self.cx.timers.deadline(Timer::Beacon).is_none() {
            self.say_hello();
        }
    }

    /// The leader said how it is.
    fn follow(&mut self, by: Leadership, mut status: LeaderStatus, beacon: bool) {
        status.link = status.link.by_clock(|wait| self.cx.now.plus(wait));
        let new = self.leader != Some(by);
        if new {
            self.reader.deliver_batch(&mut self.cx);
            self.leader = Some(by);
            if self.cx.timers.deadline(Timer::Rejoin).is_some() {
                // Behind a leader of this browser there is nobody to supersede.
                self.rejoin_soon();
            }
        }
        if let Some(session) = &status.session {
            self.config.device.clone_from(&session.device);
            self.reader.entitled_to(&session.view, &session.modules);
        }
        if let Some(relay) = &status.relay {
            self.follow_relay(relay);
        }
        let seeks = status.seeks;
        self.group = Some(status);
        if beacon {
            self.leader_runs();
        } else if new && self.config.sharing == Sharing::Election {
            // Who has just answered has time for a beacon.
            self.cx
                .timers
                .set(Timer::Watch, self.cx.now.plus(self.patience()));
        }
        if seeks && self.visible {
            let tab = self.config.tab;
            self.cx.post(Message::Willing { tab, of: by });
        }
        self.hand_over_commands();
    }

    fn follow_relay(&mut self, relay: &RelayPosition) {
        self.reader.relay_at(&mut self.cx, relay);
        if self.reader.missing_after().is_some() {
            self.cx.after(Timer::Repair, 0);
        }
    }

    /// Another tab has not seen this leader run. Only one that knows of this leadership can mean it.
    fn abdicate(&mut self, known: Option<Leadership>) {
        let Some(mine) = self.leads() else { return };
        if known.is_some_and(|known| known < mine) {
            return self.say_status();
        }
        self.cx.log(Log::Abdicated);
        self.cx.counters.abdications += 1;
        self.known = self.known.max(known);
        self.step_down();
    }

    // The watch.

    fn leader_runs(&mut self) {
        self.watch.proved(self.cx.now);
        self.cx
            .timers
            .set(Timer::Watch, self.cx.now.plus(self.patience()));
    }

    /// How long a leader may be silent before it is asked to show that it runs.
    fn patience(&self) -> Millis {
        if self.config.sharing == Sharing::Election {
            return Millis(ELECTED_PATIENCE_MS);
        }
        let period = match &self.group {
            Some(group) if group.link == LinkStatus::Open => group
                .session
                .as_ref()
                .map_or(BEACON_MS, |session| session.ping_ms),
            _ => BEACON_MS,
        };
        Millis(period.saturating_mul(5) / 2)
    }

    /// This tab waits for a leader; whoever there is has just been asked to show that it runs.
    pub(super) fn await_leader(&mut self) {
        if self.leader.is_none() || self.cx.timers.deadline(Timer::Watch).is_none() {
            self.watch.asked();
            let wait = self.answer_ms();
            self.cx.after(Timer::Watch, wait);
        }
    }

    fn answer_ms(&mut self) -> u64 {
        match (self.config.sharing, self.leader) {
            (Sharing::Election, Some(_)) => {
                ELECTED_ANSWER_MS + self.cx.random.up_to(ELECTED_ANSWER_MS)
            }
            (Sharing::Election, None) => ELECTION_MS + self.cx.random.up_to(2 * ELECTION_MS),
            _ => ANSWER_MS,
        }
    }

    /// This tab can only now look at its leader again: does it run?
    pub(super) fn look_at_leader(&mut self) {
        if self.shares() && self.watch.step() == Step::Trusts {
            self.ask_leader();
        }
    }

    fn ask_leader(&mut self) {
        self.cx.log(Log::Asked);
        let known = self.known;
        self.cx.post(Message::Hello { known, asks: true });
        self.watch.asked();
        let wait = self.answer_ms();
        self.cx.after(Timer::Watch, wait);
    }

    /// The leader was silent for too long, or has not done what it was asked.
    pub(super) fn watch_due(&mut self, deadline: Millis) {
        if self.cx.timers.deadline(Timer::Rejoin).is_some() {
            return;
        }
        let late = self.cx.now.since(deadline) > Millis(LATE_MS);
        match self.watch.step() {
            Step::Trusts => self.ask_leader(),
            // This page did not run in time itself, and neither may the leader have.
            _ if late && self.watch.excuses() => self.ask_leader(),
            _ if self.config.sharing == Sharing::Election => self.elect(),
            Step::Told => {
                self.steal();
                self.watch.asked();
                self.cx.after(Timer::Watch, ANSWER_MS);
            }
            _ => self.doubt(),
        }
    }

    fn doubt(&mut self) {
        if let Some(at) = self.watch.doubted(self.cx.now) {
            return self.cx.timers.set(Timer::Watch, at);
        }
        self.cx.log(Log::Told);
        self.watch.told(self.cx.now);
        let known = self.known;
        self.cx.post(Message::Abdicate { known });
        let (least, more) = match self.visible {
            true => LEAVES_MS_VISIBLE,
            false => LEAVES_MS_HIDDEN,
        };
        let wait = least + self.cx.random.up_to(more);
        self.cx.after(Timer::Watch, wait);
    }
}
