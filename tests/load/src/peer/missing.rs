//! What of a peer this machine does not have.

use std::path::Path;

use tabwire_faults::process::on_path;

use super::{Peer, folder, nchan, uwebsockets};

impl Peer {
    /// What has to be installed before it starts, if anything.
    pub(crate) fn missing(self) -> Option<&'static str> {
        let needs: &[(bool, &str)] = match self {
            Self::Tabwire | Self::Bare | Self::Kernel => &[],
            Self::TabwireRedis => &[redis()],
            Self::RedisBenchmark => &[redis(), benchmark()],
            Self::Nchan => &[nginx()],
            Self::NchanRedis => &[nginx(), redis()],
            Self::SocketIo => &[node(), socket_io()],
            Self::SocketIoRedis => &[node(), socket_io(), redis()],
            Self::Uwebsockets => &[(
                uwebsockets::is_installed(),
                "a Python with tests/load/peers/requirements.txt installed (and libuv1), in target/bench/venv or named by TABWIRE_SOCKETIFY_PYTHON",
            )],
        };
        needs
            .iter()
            .find(|(is_here, _)| !is_here)
            .map(|(_, what)| *what)
    }
}

fn redis() -> (bool, &'static str) {
    (on_path("redis-server").is_some(), "redis-server")
}

fn benchmark() -> (bool, &'static str) {
    (on_path("redis-benchmark").is_some(), "redis-tools")
}

fn nginx() -> (bool, &'static str) {
    (
        Path::new(nchan::MODULE).is_file(),
        "nginx with libnginx-mod-nchan",
    )
}

fn node() -> (bool, &'static str) {
    (on_path("node").is_some(), "node")
}

fn socket_io() -> (bool, &'static str) {
    (
        folder().join("node_modules/socket.io").is_dir(),
        "Socket.IO: `npm ci` in tests/load/peers",
    )
}
