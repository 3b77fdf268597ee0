//! The network of a run: latency, frames that do not overtake each other, connections that break or go silent.

use super::*;

impl World {
    pub(super) fn latency(&mut self) -> u64 {
        self.random.range(0, self.swarm.latency_max)
    }

    pub(super) fn arrive(&mut self, page: PageId, socket: SocketId, connection: Connection) {
        if self.pages[page].life == Life::Gone
            || self.pages[page].socket != Some((socket, connection))
        {
            return;
        }
        if !self.server.up {
            self.pages[page].socket = None;
            return self.feed(page, Input::SocketClosed(socket, 1006));
        }
        let wire = Wire {
            page,
            socket,
            half_open: false,
            up_at: self.now,
            down_at: self.now,
        };
        self.wires.insert(connection, wire);
        self.feed(page, Input::SocketOpen(socket));
    }

    pub(super) fn send_up(&mut self, connection: Connection, frame: ClientFrame) {
        let latency = self.latency();
        let now = self.now;
        let Some(wire) = self.wires.get_mut(&connection) else {
            return;
        };
        wire.up_at = now.plus(Millis(latency)).max(wire.up_at);
        let at = wire.up_at;
        self.at(at, Due::Up(connection, frame));
    }

    pub(super) fn up(&mut self, connection: Connection, frame: ClientFrame) {
        if !self.server.up
            || self
                .wires
                .get(&connection)
                .is_none_or(|wire| wire.half_open)
        {
            return;
        }
        let hello = matches!(frame, ClientFrame::Hello(_));
        let wires = &self.wires;
        let lives =
            |connection: Connection| wires.get(&connection).is_some_and(|wire| !wire.half_open);
        let sent = self
            .server
            .receive(self.now, connection, frame, lives, &mut self.coverage);
        self.send_down(sent);
        if hello {
            self.after(self.swarm.ping, Due::Ping(connection));
        }
        self.wake_sessions();
    }

    /// The log has grown, or somebody asked for something: every session looks.
    pub(super) fn wake_sessions(&mut self) {
        for connection in self.server.connections() {
            self.write(connection);
        }
    }

    pub(super) fn write(&mut self, connection: Connection) {
        let (sent, more) = self.server.write(self.now, connection, &mut self.coverage);
        self.send_down(sent);
        if more {
            let pause = self.random.range(1, 50);
            self.after(pause, Due::Write(connection));
        }
    }

    pub(super) fn send_down(&mut self, sent: Vec<(Connection, Down)>) {
        for (connection, down) in sent {
            let latency = self.latency();
            let now = self.now;
            let Some(wire) = self.wires.get_mut(&connection) else {
                continue;
            };
            wire.down_at = now.plus(Millis(latency)).max(wire.down_at);
            let at = wire.down_at;
            self.at(at, Due::Down(connection, down));
        }
    }

    pub(super) fn down(&mut self, connection: Connection, down: Down) {
        let Some(wire) = self.wires.get(&connection).filter(|wire| !wire.half_open) else {
            return;
        };
        let (page, socket) = (wire.page, wire.socket);
        match down {
            Down::Frame(frame, raw) => self.feed(page, Input::SocketFrame(socket, frame, raw)),
            Down::Close(code) => {
                self.wires.remove(&connection);
                self.lose_socket(page, connection);
                self.feed(page, Input::SocketClosed(socket, code));
            }
        }
    }

    pub(super) fn lose_socket(&mut self, page: PageId, connection: Connection) {
        let socket = &mut self.pages[page].socket;
        if socket.is_some_and(|(_, of)| of == connection) {
            *socket = None;
        }
    }

    /// A client closes: the server hears of it, unless the network is dead.
    pub(super) fn hang_up(&mut self, connection: Connection) {
        if let Some(wire) = self.wires.remove(&connection)
            && !wire.half_open
        {
            let latency = self.latency();
            self.at(
                self.now.plus(Millis(latency)).max(wire.up_at),
                Due::Hangup(connection),
            );
        }
    }

    /// A connection ends without a word; both sides notice.
    pub(super) fn break_wire(&mut self, connection: Connection) {
        self.server.gone(connection);
        if let Some(wire) = self.wires.remove(&connection) {
            self.lose_socket(wire.page, connection);
            let latency = self.latency();
            self.after(
                latency,
                Due::Input(wire.page, Input::SocketClosed(wire.socket, 1006)),
            );
        }
    }
}
