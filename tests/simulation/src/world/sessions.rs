//! The server's side of the connections: who is heard, who is written to, and when.

use super::*;

/// How long it takes at most until a node closes a session for another, in milliseconds.
const KICK_MS_MAX: u64 = 50;

impl World {
    /// A frame arrives at the server.
    pub(super) fn up(&mut self, connection: Connection, frame: ClientFrame) {
        let Some(wire) = self.wires.get(&connection).filter(|wire| !wire.half_open) else {
            return;
        };
        let node = wire.node;
        if !self.server.nodes[node].up {
            return;
        }
        self.effective += 1;
        let hello = matches!(frame, ClientFrame::Hello(_));
        let before = self.server.log.bounds().head;
        let (wires, pages) = (&self.wires, &self.pages);
        let lives = |connection: Connection| {
            let answers = |wire: &Wire| !wire.half_open && pages[wire.page].life == Life::Runs;
            wires.get(&connection).is_some_and(answers)
        };
        self.server
            .receive(self.now, (node, connection), frame, lives);
        self.obey_server();
        if hello {
            self.after(self.swarm.ping, Due::Ping(connection));
        }
        if self.server.log.bounds().head != before {
            self.log_grew();
        }
        self.write(connection);
    }

    /// Does what the server says.
    pub(super) fn obey_server(&mut self) {
        for act in self.server.acts() {
            match act {
                Act::Send(connection, down) => self.send_down(connection, down),
                Act::Look(connection, at) => self.at(at, Due::Write(connection)),
                Act::Kick(connection, code) => {
                    let wait = self.chance.range(0, KICK_MS_MAX);
                    self.after(wait, Due::Kick(connection, code));
                }
            }
        }
    }

    /// The nodes hear of it, each a little later.
    pub(super) fn log_grew(&mut self) {
        for node in 0..self.server.nodes.len() {
            match self.swarm.node_lag_max {
                0 => self.tail(node),
                lag => {
                    let wait = self.chance.range(0, lag);
                    self.after(wait, Due::Tail(node));
                }
            }
        }
    }

    /// A node hears how far the log is, and its sessions look.
    pub(super) fn tail(&mut self, node: NodeId) {
        if self.server.nodes[node].up {
            self.server.hear_of_log(node);
            for connection in self.server.connections(Some(node)) {
                self.write(connection);
            }
        }
    }

    pub(super) fn write(&mut self, connection: Connection) {
        let more = self.server.write(self.now, connection);
        self.obey_server();
        if more {
            let pause = self.chance.range(1, 50);
            self.after(pause, Due::Write(connection));
        }
    }

    pub(super) fn ping(&mut self, connection: Connection) {
        self.server.hear_silence(self.now, connection);
        self.server.ping(self.now, connection);
        self.obey_server();
        if self.server.has(connection) {
            self.after(self.swarm.ping, Due::Ping(connection));
        }
    }

    /// Processes end, with the log or without, and come back later.
    pub(super) fn restart(&mut self, nodes: &[NodeId], loses_log: bool, random: &mut Random) {
        let wires: Vec<Connection> = (self.wires.iter())
            .filter(|(_, wire)| nodes.contains(&wire.node))
            .map(|(connection, _)| *connection)
            .collect();
        for node in nodes {
            self.server.stop(*node);
        }
        if loses_log {
            self.server.lose_log();
        }
        for wire in wires {
            self.break_wire(wire);
        }
        for node in nodes {
            let wait = random.range(1, 5_000);
            self.after(wait, Due::NodeUp(*node));
        }
    }

    /// A node is as it should be again.
    pub(super) fn node_up(&mut self, node: NodeId) {
        self.server.nodes[node].mute = false;
        self.server.nodes[node].busy = false;
        if !self.server.nodes[node].up {
            self.server.start(node);
        }
    }
}
