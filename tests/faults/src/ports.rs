//! Ports that stay one's own while nobody listens on them.
//!
//! A process that is killed and started again needs its port back. One that the system gave (port 0) may have become the local end of
//! somebody's connection meanwhile, and thousands are open in these tests; so ports come from below the range the system takes
//! those from.

use std::{fs, net::TcpListener, process, sync::atomic::AtomicU32, sync::atomic::Ordering};

const LOWEST: u32 = 10_000;

/// A free port.
///
/// # Panics
/// When there is none.
pub fn free() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let range = end() - LOWEST;
    // Processes that test at the same time start far from each other.
    let start = process::id().wrapping_mul(2_654_435_761) % range;
    for _ in 0..range {
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = LOWEST + (start + nth) % range;
        let port = u16::try_from(port).expect("the range ends below 65536");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port from {LOWEST} to {} is free", end());
}

/// Where the ports begin that the system gives to connections.
fn end() -> u32 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let end = range.split_whitespace().next().and_then(|n| n.parse().ok());
    end.filter(|end| (LOWEST + 1_000..65_536).contains(end))
        .unwrap_or(32_768)
}
