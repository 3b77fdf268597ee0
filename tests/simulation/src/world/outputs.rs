//! What a browser does when a machine says so.

use super::*;
use tabwire_client::core::{Log, Settlement, Why};

impl World {
    pub(super) fn carry_out(&mut self, page: PageId, output: Output<Raw>) {
        match output {
            Output::OpenChannel => self.open_channel(page),
            Output::CloseChannel => self.close_channel(page),
            Output::Post(message) => self.post(page, message),
            Output::RequestLock(request) => self.request_lock((page, request)),
            Output::StealLock(request) => self.steal_lock((page, request)),
            Output::ReleaseLock(request) => self.release_lock((page, request)),
            Output::StoreTerm(term) => {
                let Page { browser, user, .. } = self.pages[page];
                self.browsers[browser].groups[user].term = term;
            }
            Output::OpenSocket(socket) => self.open_socket(page, socket),
            Output::SendFrame(socket, frame) => {
                if let ClientFrame::Command(command) = &frame {
                    let before = self.taken_by.insert(command.id.clone(), page);
                    if before.is_some_and(|before| before != page) {
                        self.coverage.hit(Path::CommandResent);
                    }
                }
                if let Some((of, connection)) = self.pages[page].socket
                    && of == socket
                {
                    self.send_up(connection, frame);
                }
            }
            Output::CloseSocket(socket) => {
                if let Some((of, connection)) = self.pages[page].socket
                    && of == socket
                {
                    self.pages[page].socket = None;
                    self.hang_up(connection);
                }
            }
            Output::GetToken(number, _) => self.give_token(page, number),
            Output::FetchState { number, head, .. } => self.give_state(page, number, head),
            Output::Log(line) => self.count(page, line),
            Output::ApplyState { .. }
            | Output::Refreshed { .. }
            | Output::Deliver(_)
            | Output::Cursor(_) => {}
            Output::Settled(_, Settlement::Answered(..)) => self.coverage.hit(Path::CommandAcked),
            Output::Settled(_, Settlement::Failed(_)) => self.coverage.hit(Path::CommandTimedOut),
            Output::Status(status) => {
                if status.reason == Some(Reason::LoggedOut) {
                    self.coverage.hit(Path::LoggedOut);
                    self.pages[page].app.forget();
                }
                let replaced = status.reason == Some(Reason::Replaced);
                let coverage = &self.server.coverage;
                if replaced && !coverage.has(Path::Replaced) && !coverage.has(Path::OldClaim) {
                    let lie = "it says that another device has the connection, and none has";
                    self.fail(Promise::Silence, format!("page {page}: {lie}"));
                }
                self.coverage.stopped(status.reason);
                let shows = &mut self.pages[page].shows;
                if shows.0 != status.state {
                    *shows = (status.state, self.now);
                }
            }
        }
    }

    fn count(&mut self, page: PageId, line: Log) {
        self.note(|| format!("page {page} -- {line:?}"));
        self.coverage.logged(line);
        if line == Log::Leading {
            let Page { browser, user, .. } = self.pages[page];
            let of = |other: &usize| {
                let other = &self.pages[*other];
                (other.browser, other.user) == (browser, user)
            };
            let all = (0..self.pages.len()).filter(of);
            let leads: u64 = all.map(|other| self.inspect(other).counters.leads).sum();
            self.coverage.add_if((leads > 1).then_some(Path::Takeover));
            match self.inspect(page).why {
                Some(Why::HandedOver) => self.coverage.hit(Path::HandedOver),
                Some(Why::Alone) => self.coverage.hit(Path::Solo),
                _ => {}
            }
        }
    }
}
