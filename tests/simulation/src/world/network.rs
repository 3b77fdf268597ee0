//! The network of a run: latency, frames that do not overtake each other, connections that break or go silent.

use super::*;

impl World {
    fn latency(&self, random: &mut Random) -> u64 {
        random.range(0, self.swarm.latency_max)
    }

    pub(super) fn open_socket(&mut self, page: PageId, socket: SocketId) {
        self.connections += 1;
        let connection = self.connections;
        let opened = &mut self.pages[page];
        opened.socket = Some((socket, connection));
        let key = mixed(opened.slot ^ mixed(opened.generation));
        let mut random = Random::of(self.seed, Stream::Wire(key, socket.0));
        let wait = self.latency(&mut random) + self.latency(&mut random);
        let choice = random.next();
        let Some(node) = self.server.node_for(choice) else {
            return self.after(wait, Due::Arrive(page, socket, connection));
        };
        let wire = Wire {
            page,
            socket,
            node,
            half_open: false,
            up_at: self.now,
            down_at: self.now,
            random,
        };
        self.wires.insert(connection, wire);
        self.after(wait, Due::Arrive(page, socket, connection));
    }

    /// A connection reaches its node, or nothing.
    pub(super) fn arrive(&mut self, page: PageId, socket: SocketId, connection: Connection) {
        if self.pages[page].socket != Some((socket, connection)) {
            return;
        }
        let browser = self.pages[page].browser;
        if self.browsers[browser].offline_until > self.now {
            // Some networks refuse, others say nothing at all.
            if mixed(connection.into()).is_multiple_of(2) {
                self.refuse(page, socket, connection);
            }
            return;
        }
        let node = self.wires.get(&connection).map(|wire| wire.node);
        let Some(node) = node.filter(|node| self.server.nodes[*node].up) else {
            return self.refuse(page, socket, connection);
        };
        if self.server.nodes[node].mute {
            self.coverage.hit(Path::ConnectionNeverAnswered);
            self.wires
                .get_mut(&connection)
                .expect("just found")
                .half_open = true;
        }
        self.feed(page, Input::SocketOpen(socket));
    }

    fn refuse(&mut self, page: PageId, socket: SocketId, connection: Connection) {
        self.wires.remove(&connection);
        self.pages[page].socket = None;
        self.feed(page, Input::SocketClosed(socket, 1006));
    }

    pub(super) fn wires_of(&self, browser: usize) -> Vec<Connection> {
        let of = |wire: &Wire| self.pages[wire.page].browser == browser;
        let wires = self.wires.iter();
        wires
            .filter(|(_, wire)| of(wire))
            .map(|(connection, _)| *connection)
            .collect()
    }

    pub(super) fn send_up(&mut self, connection: Connection, frame: ClientFrame) {
        let (now, latency_max) = (self.now, self.swarm.latency_max);
        if let Some(wire) = self.wires.get_mut(&connection) {
            let latency = wire.random.range(0, latency_max);
            wire.up_at = now.plus(Millis(latency)).max(wire.up_at);
            let at = wire.up_at;
            self.at(at, Due::Up(connection, frame));
        }
    }

    pub(super) fn send_down(&mut self, connection: Connection, down: Down) {
        let (now, latency_max) = (self.now, self.swarm.latency_max);
        if let Some(wire) = self.wires.get_mut(&connection) {
            let latency = wire.random.range(0, latency_max);
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

    fn lose_socket(&mut self, page: PageId, connection: Connection) {
        self.pages[page].socket.take_if(|(_, of)| *of == connection);
    }

    /// A client closes: the server hears of it, unless the network is dead.
    pub(super) fn hang_up(&mut self, connection: Connection) {
        if let Some(mut wire) = self.wires.remove(&connection)
            && !wire.half_open
        {
            let latency = self.latency(&mut wire.random);
            self.at(
                self.now.plus(Millis(latency)).max(wire.up_at),
                Due::Hangup(connection),
            );
        }
    }

    /// A connection ends without a word; both sides notice.
    pub(super) fn break_wire(&mut self, connection: Connection) {
        self.server.gone(connection);
        if let Some(mut wire) = self.wires.remove(&connection) {
            self.lose_socket(wire.page, connection);
            let latency = self.latency(&mut wire.random);
            self.after(
                latency,
                Due::Input(wire.page, Input::SocketClosed(wire.socket, 1006)),
            );
        }
    }
}
