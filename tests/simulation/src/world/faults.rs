//! What goes wrong in a run. What a fault does and to whom is drawn from a stream of its own.

use super::*;

/// How long somebody needs to come back to a tab that has stopped, in milliseconds.
const COMES_BACK_MS_MAX: u64 = 10_000;
/// The longest sleep and the longest spell of a page without running, in milliseconds.
const SLEEP_MS_MAX: u64 = 7_200_000;
const SPELL_MS_MAX: u64 = 300_000;
/// How far a clock is set, in milliseconds.
const CLOCK_MS_MAX: u64 = 4 * 3_600_000;

impl World {
    pub(super) fn fault(&mut self, scheduled: Scheduled) {
        let Scheduled { index, fault, .. } = scheduled;
        if self.calm() {
            return;
        }
        self.note(|| format!("fault {index}: {fault:?}"));
        let mut random = Random::of(self.seed, Stream::Fault(index));
        match fault {
            Fault::Break | Fault::HalfOpen | Fault::Offline => {
                self.harm_network(fault, &mut random)
            }
            Fault::Mute
            | Fault::TryLater
            | Fault::RestartEmpty
            | Fault::RestartWithLog
            | Fault::Drain
            | Fault::Expire
            | Fault::Modules
            | Fault::Revoke => self.harm_server(fault, &mut random),
            Fault::Sleep
            | Fault::ClockForward
            | Fault::ClockBack
            | Fault::ClearStorage
            | Fault::OtherUser
            | Fault::Nobody
            | Fault::Switch
            | Fault::Cover => self.harm_browser(fault, &mut random),
            _ => {
                let choice = random.next();
                if let Some(page) = self.choose(choice, |world, page| world.runs(page)) {
                    self.harm_page(fault, page, index, &mut random);
                }
            }
        }
    }

    fn harm_page(&mut self, fault: Fault, page: PageId, index: usize, random: &mut Random) {
        match fault {
            Fault::Close | Fault::Crash | Fault::Reload | Fault::Restore | Fault::RestoreAhead => {
                self.replace_by(fault, page, random);
            }
            Fault::Duplicate => {
                if let Some(app) = self.pages[page].app.kept() {
                    self.coverage.hit(Path::TabDuplicated);
                    let Page { browser, user, .. } = self.pages[page];
                    // No other page has a place of this number.
                    self.open(browser, user, (1_000 + index as u64, 0), app, true);
                }
            }
            Fault::Away => {
                self.coverage.hit(Path::TabAway);
                self.leave_sight(page);
                self.stop(page, Life::Away, random.scale(10, SPELL_MS_MAX));
            }
            Fault::Freeze => {
                self.coverage.hit(Path::TabFrozen);
                self.leave_sight(page);
                self.stop(page, Life::Frozen, random.scale(10, SPELL_MS_MAX));
            }
            Fault::Suspend => {
                self.coverage.hit(Path::TabSuspended);
                self.leave_sight(page);
                self.stop(page, Life::Suspended, random.scale(10, SPELL_MS_MAX));
            }
            Fault::Busy => {
                self.coverage.hit(Path::TabBusy);
                self.stop(page, Life::Busy, random.scale(10, 20_000));
            }
            Fault::Deafen => {
                self.coverage.hit(Path::TabDeaf);
                let ms = random.scale(1_000, 2 * SPELL_MS_MAX);
                self.pages[page].deaf_until = self.now.plus(Millis(ms));
            }
            Fault::Reconnect => self.feed(page, Input::Reconnect),
            Fault::Online => self.feed(page, Input::Online),
            Fault::Leave => {
                self.coverage.hit(Path::TabLeft);
                self.feed(page, Input::Close);
                self.comes_back(page, random);
            }
            Fault::Logout => {
                self.feed(page, Input::Logout);
                // Somebody logs in again, in the same tab.
                self.comes_back(page, random);
            }
            _ => unreachable!("{fault:?} is not of a page"),
        }
    }

    /// A page is gone, and another comes.
    fn replace_by(&mut self, fault: Fault, page: PageId, random: &mut Random) {
        let app = &self.pages[page].app;
        let head = self.server.log.bounds().head;
        let (path, kept) = match fault {
            Fault::Close => (Path::TabClosed, Some(app.forgetful())),
            Fault::Crash => (Path::TabCrashed, Some(app.forgetful())),
            Fault::Restore => (Path::TabRestored, app.kept()),
            Fault::RestoreAhead => {
                let ahead = app.kept_ahead(head, random.range(1, 20));
                (Path::TabRestoredAhead, ahead)
            }
            _ => (Path::TabReloaded, Some(app.forgetful())),
        };
        let Some(kept) = kept else { return };
        self.coverage.hit(path);
        match fault {
            Fault::Crash => {}
            Fault::Close if random.percent(50) => self.feed(page, Input::Close),
            _ => self.feed(page, Input::Hide),
        }
        self.replace(page, kept);
    }

    /// Only hidden pages are frozen or suspended. Another page may be looked at meanwhile.
    fn leave_sight(&mut self, page: PageId) {
        let Page { browser, .. } = self.pages[page];
        if self.browsers[browser].shown != Some(page) {
            return;
        }
        let other = self.living().find(|other| {
            *other != page && self.pages[*other].browser == browser && self.runs(*other)
        });
        match other {
            Some(other) => self.show(other),
            None => self.cover(browser),
        }
    }

    fn comes_back(&mut self, page: PageId, random: &mut Random) {
        let wait = random.range(100, COMES_BACK_MS_MAX);
        self.after(wait, Due::Input(page, Input::Reconnect));
    }

    fn harm_browser(&mut self, fault: Fault, random: &mut Random) {
        let browser = random.range(0, self.browsers.len() as u64 - 1) as usize;
        if self.browsers[browser].sleeps() {
            return;
        }
        match fault {
            Fault::Sleep => {
                self.coverage.hit(Path::Slept);
                let longest = if random.percent(10) {
                    SLEEP_MS_MAX
                } else {
                    SPELL_MS_MAX
                };
                let ms = random.scale(2_000, longest);
                self.sleep(browser, ms, random);
            }
            Fault::ClockForward | Fault::ClockBack => {
                let ms = random.scale(1_000, CLOCK_MS_MAX).cast_signed();
                let forward = fault == Fault::ClockForward;
                if !forward && self.has_slept_unseen(browser) {
                    return;
                }
                if forward {
                    self.browsers[browser].set_forward_at = self.now;
                } else {
                    self.browsers[browser].set_back_at = self.now;
                }
                self.browsers[browser].clock_ahead += if forward { ms } else { -ms };
                self.coverage.hit(if forward {
                    Path::ClockForward
                } else {
                    Path::ClockBack
                });
            }
            Fault::ClearStorage => {
                self.coverage.hit(Path::StorageCleared);
                self.browsers[browser].clear_storage();
            }
            Fault::OtherUser | Fault::Nobody => {
                self.browsers[browser].login = if fault == Fault::Nobody {
                    Login::Nobody
                } else {
                    Login::Other
                };
                let wait = random.scale(1_000, 60_000);
                self.after(wait, Due::LogIn(browser));
            }
            Fault::Switch => {
                let choice = random.next();
                let other = self.choose(choice, |world, page| {
                    let other = &world.pages[page];
                    other.browser == browser && !other.visible
                });
                if let Some(other) = other {
                    self.show(other);
                }
            }
            Fault::Cover => {
                if let Some(shown) = self.browsers[browser].shown {
                    self.coverage.hit(Path::TabsCovered);
                    self.cover(browser);
                    let wait = random.scale(100, SPELL_MS_MAX);
                    self.after(wait, Due::Show(shown));
                }
            }
            _ => unreachable!("{fault:?} is not of a browser"),
        }
    }

    fn harm_network(&mut self, fault: Fault, random: &mut Random) {
        if fault == Fault::Offline {
            let browser = random.range(0, self.browsers.len() as u64 - 1) as usize;
            self.coverage.hit(Path::Offline);
            let ms = random.scale(500, 60_000);
            self.browsers[browser].offline_until = self.now.plus(Millis(ms));
            for wire in self.wires_of(browser) {
                self.wires.get_mut(&wire).expect("listed").half_open = true;
            }
            return;
        }
        let choice = random.next();
        let connected = |world: &Self, page: PageId| world.pages[page].socket.is_some();
        let Some(page) = self.choose(choice, connected) else {
            return;
        };
        let (_, connection) = self.pages[page].socket.expect("chosen for it");
        if let Some(wire) = self.wires.get_mut(&connection) {
            if fault == Fault::Break {
                self.coverage.hit(Path::ConnectionBroken);
                self.break_wire(connection);
            } else {
                self.coverage.hit(Path::ConnectionHalfOpen);
                wire.half_open = true;
            }
        }
    }

    fn harm_server(&mut self, fault: Fault, random: &mut Random) {
        let node = random.range(0, self.server.nodes.len() as u64 - 1) as usize;
        let all: Vec<NodeId> = (0..self.server.nodes.len()).collect();
        match fault {
            Fault::RestartEmpty => {
                self.coverage.hit(Path::ServerRestartedEmpty);
                self.restart(&all, true, random);
            }
            Fault::RestartWithLog => {
                self.coverage.hit(Path::ServerRestartedWithLog);
                let some = if random.percent(50) { &all } else { &all[..1] };
                self.restart(some, false, random);
            }
            Fault::Mute | Fault::TryLater => {
                let silent = fault == Fault::Mute;
                let state = &mut self.server.nodes[node];
                state.mute |= silent;
                state.busy |= !silent;
                if silent {
                    self.coverage.hit(Path::ServerSilent);
                    for wire in self.wires.values_mut().filter(|wire| wire.node == node) {
                        wire.half_open |= random.percent(50);
                    }
                }
                let wait = random.scale(500, 60_000);
                self.after(wait, Due::NodeUp(node));
            }
            Fault::Drain => {
                self.coverage.hit(Path::Drained);
                for connection in self.server.connections(Some(node)) {
                    let after_ms = Some(random.range(100, 5_000));
                    self.server
                        .close_after(connection, CloseCode::Restart, after_ms);
                }
                self.obey_server();
            }
            Fault::Expire => self.server.log.expire(),
            Fault::Modules => self.chat = !self.chat,
            Fault::Revoke => {
                let index = random.range(0, self.swarm.users as u64 - 1) as usize;
                self.server.revoke(self.now, &user(index));
                self.obey_server();
                let wait = random.range(100, COMES_BACK_MS_MAX);
                if let Some(home) = self.home(index) {
                    self.after(wait, Due::ReconnectAll(home, index));
                }
            }
            _ => unreachable!("{fault:?} is not of the server"),
        }
    }
}
