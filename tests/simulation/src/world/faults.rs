//! What goes wrong in a run.

use super::*;

/// What can go wrong, in the order of the swarm's weights.
pub(super) const FAULTS: [Fault; 17] = [
    Fault::Close,
    Fault::Crash,
    Fault::Reload,
    Fault::Restore,
    Fault::Freeze,
    Fault::Busy,
    Fault::Break,
    Fault::HalfOpen,
    Fault::RestartEmpty,
    Fault::RestartWithLog,
    Fault::Drain,
    Fault::Expire,
    Fault::Modules,
    Fault::Reconnect,
    Fault::Wake,
    Fault::Logout,
    Fault::ClearStorage,
];

#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    Close,
    Crash,
    Reload,
    /// A reload with the state and cursor that the app kept.
    Restore,
    Freeze,
    Busy,
    Break,
    HalfOpen,
    RestartEmpty,
    RestartWithLog,
    Drain,
    Expire,
    /// The app's back end gives tokens for other modules from now on.
    Modules,
    Reconnect,
    Wake,
    Logout,
    ClearStorage,
}

impl World {
    pub(super) fn fault(&mut self) {
        if self.calm() {
            return;
        }
        self.faults_left = self.faults_left.saturating_sub(1);
        let total: u64 = self.swarm.weights.iter().sum();
        if total > 0 {
            let mut drawn = self.random.range(1, total);
            let index = self.swarm.weights.iter().position(|weight| {
                let here = drawn <= *weight;
                drawn = drawn.saturating_sub(*weight);
                here
            });
            let fault = FAULTS[index.expect("drawn within the sum")];
            self.note(|| format!("fault: {fault:?}"));
            self.inflict(fault);
        }
        let wait = self.random.range(1, self.swarm.fault_every);
        self.after(wait, Due::Fault);
    }

    pub(super) fn inflict(&mut self, fault: Fault) {
        let running = self.living(&[Life::Runs]);
        let page = self.random.pick(&running);
        let wires: Vec<Connection> = self.wires.keys().copied().collect();
        let wire = self.random.pick(&wires);
        match (fault, page, wire) {
            (Fault::Close, Some(page), _) => {
                self.coverage.hit(Path::TabClosed);
                let input = if self.random.percent(50) {
                    Input::Hide
                } else {
                    Input::Close
                };
                self.handle(page, input);
                self.replace(page, None);
            }
            (Fault::Crash, Some(page), _) => {
                self.coverage.hit(Path::TabCrashed);
                self.replace(page, None);
            }
            (Fault::Reload, Some(page), _) => {
                self.coverage.hit(Path::TabReloaded);
                self.handle(page, Input::Hide);
                self.replace(page, None);
            }
            (Fault::Restore, Some(page), _) => {
                if let Some(cursor) = self.pages[page].app.cursor().cloned() {
                    self.coverage.hit(Path::TabRestored);
                    self.handle(page, Input::Hide);
                    self.replace(page, Some(App::restored(self.swarm.fetches_state, cursor)));
                }
            }
            (Fault::Freeze, Some(page), _) => {
                self.coverage.hit(Path::TabFrozen);
                self.handle(page, Input::Hide);
                self.pages[page].life = Life::Frozen;
                let wait = self.random.range(10, 60_000);
                self.after(wait, Due::Thaw(page));
            }
            (Fault::Busy, Some(page), _) => {
                self.pages[page].life = Life::Busy;
                let wait = self.random.range(10, 5_000);
                self.after(wait, Due::Thaw(page));
            }
            (Fault::Break, _, Some(wire)) => {
                self.coverage.hit(Path::ConnectionBroken);
                self.break_wire(wire);
            }
            (Fault::HalfOpen, _, Some(wire)) => {
                self.coverage.hit(Path::ConnectionHalfOpen);
                self.wires.get_mut(&wire).expect("picked").half_open = true;
            }
            (Fault::RestartEmpty, ..) => {
                self.coverage.hit(Path::ServerRestartedEmpty);
                self.restart(true);
            }
            (Fault::RestartWithLog, ..) => {
                self.coverage.hit(Path::ServerRestartedWithLog);
                self.restart(false);
            }
            (Fault::Drain, ..) => {
                self.coverage.hit(Path::Drained);
                let after_ms = Some(self.random.range(100, 5_000));
                for connection in self.server.connections() {
                    let bye = Bye {
                        code: CloseCode::Restart.code(),
                        retry: true,
                        after_ms,
                    };
                    self.server.gone(connection);
                    self.send_down(vec![
                        (connection, Down::Frame(Frame::Bye(bye), Raw::Other)),
                        (connection, Down::Close(bye.code)),
                    ]);
                }
            }
            (Fault::Expire, ..) => self.server.log.expire(),
            (Fault::Modules, ..) => self.chat = !self.chat,
            (Fault::Reconnect, Some(page), _) => self.handle(page, Input::Reconnect),
            (Fault::Wake, Some(page), _) => {
                let input = if self.random.percent(50) {
                    Input::Online
                } else {
                    Input::Visible(true)
                };
                self.handle(page, input);
            }
            (Fault::Logout, Some(page), _) => {
                self.coverage.hit(Path::LoggedOut);
                self.handle(page, Input::Logout);
                // Somebody logs in again, in the same tab.
                let wait = self.random.range(100, 3_000);
                self.after(wait, Due::Input(page, Input::Reconnect));
            }
            (Fault::ClearStorage, ..) => {
                for browser in &mut self.browsers {
                    browser.term = 0;
                }
            }
            _ => {}
        }
    }

    /// A page is gone, and another comes.
    pub(super) fn replace(&mut self, page: PageId, restored: Option<App>) {
        let browser = self.pages[page].browser;
        self.pages[page].life = Life::Gone;
        self.pages[page].listens = None;
        if let Some((_, connection)) = self.pages[page].socket.take() {
            self.hang_up(connection);
        }
        let granted = self.browsers[browser].lock.gone(page);
        self.grant(granted);
        self.open_page(browser, restored);
    }

    pub(super) fn thaw(&mut self, page: PageId) {
        let life = self.pages[page].life;
        if matches!(life, Life::Gone | Life::Runs) {
            return;
        }
        self.pages[page].life = Life::Runs;
        if life == Life::Frozen {
            self.handle(page, Input::Show);
        }
        while let Some(input) = self.pages[page].backlog.pop_front() {
            self.handle(page, input);
        }
        self.handle(page, Input::Tick);
    }

    pub(super) fn restart(&mut self, loses_log: bool) {
        self.server.stop(loses_log);
        let wires: Vec<Connection> = self.wires.keys().copied().collect();
        for wire in wires {
            self.break_wire(wire);
        }
        let wait = self.random.range(1, 5_000);
        self.after(wait, Due::ServerUp);
    }
}
