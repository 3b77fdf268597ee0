//! What each address may do: how fast it connects, and how many WebSockets it has open.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

use tabwire_protocol::Millis;

use crate::{
    limits::Limit,
    rate::{Bucket, Rate},
};

/// How many addresses are remembered for their rate, above those that have something open.
const ADDRESSES_AT_REST_MAX: usize = 100_000;
/// How long nothing is looked for that can be forgotten after there was nothing: it is a walk over all of them.
const SWEEP_EVERY: Millis = Millis(1_000);

/// The addresses of late.
#[derive(Debug)]
pub(crate) struct Addresses {
    // A std mutex: held for a map operation, never across an await.
    known: Arc<Mutex<Known>>,
    connects: Rate,
    open_max: usize,
    addresses_max: usize,
}

#[derive(Debug, Default)]
struct Known {
    by_address: HashMap<IpAddr, Address>,
    swept: Option<Millis>,
}

#[derive(Debug)]
struct Address {
    connects: Bucket,
    open: usize,
}

/// A WebSocket that counts for its address, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Counted {
    known: Arc<Mutex<Known>>,
    address: IpAddr,
}

impl Addresses {
    /// None known yet. Each may connect so fast and have so many open; all together have at most `connections_max`.
    pub(crate) fn new(connects: Rate, open_max: usize, connections_max: usize) -> Self {
        Self {
            known: Arc::default(),
            connects,
            open_max,
            addresses_max: connections_max.saturating_add(ADDRESSES_AT_REST_MAX),
        }
    }

    /// Lets an address open one more.
    ///
    /// # Errors
    /// The limit that it has come to.
    pub(crate) fn open(&self, address: IpAddr, now: Millis) -> Result<Counted, Limit> {
        let address = grouped(address);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.by_address.len() >= self.addresses_max && !known.by_address.contains_key(&address)
        {
            known.sweep(self.connects, now);
            if known.by_address.len() >= self.addresses_max {
                return Err(Limit::ConnectsPerSecond);
            }
        }
        let of_address = known.by_address.entry(address).or_insert_with(|| Address {
            connects: Bucket::full(self.connects, now),
            open: 0,
        });
        if !of_address.connects.take(self.connects, now) {
            return Err(Limit::ConnectsPerSecond);
        }
        if of_address.open >= self.open_max {
            return Err(Limit::MaxConnectionsPerAddress);
        }
        of_address.open += 1;
        Ok(Counted {
            known: Arc::clone(&self.known),
            address,
        })
    }
}

impl Known {
    /// Forgets those that nothing is known about.
    fn sweep(&mut self, connects: Rate, now: Millis) {
        if self.swept.is_some_and(|at| now < at.plus(SWEEP_EVERY)) {
            return;
        }
        self.swept = Some(now);
        self.by_address
            .retain(|_, address| address.open > 0 || !address.connects.is_full(connects, now));
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(address) = known.by_address.get_mut(&self.address) {
            address.open -= 1;
        }
    }
}

/// Addresses that are one customer's are counted as one: whoever has an IPv6 address has all of its /64.
fn grouped(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Rate = Rate {
        burst: 1,
        per_second: 1,
    };
    const MANY: Rate = Rate {
        burst: 1_000,
        per_second: 1_000,
    };

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_may_have_so_many_open_and_another_is_not_concerned() {
        let addresses = Addresses::new(MANY, 2, 10);
        let open = |address| addresses.open(ip(address), Millis(0));
        let (one, two) = (open("10.0.0.1"), open("10.0.0.1"));
        assert!(one.is_ok() && two.is_ok());
        assert_eq!(
            open("10.0.0.1").err(),
            Some(Limit::MaxConnectionsPerAddress)
        );
        assert!(open("10.0.0.2").is_ok());
        drop(one);
        assert!(open("10.0.0.1").is_ok());
    }

    #[test]
    fn the_addresses_of_an_ipv6_network_and_the_two_forms_of_an_ipv4_address_count_as_one() {
        let addresses = Addresses::new(MANY, 1, 10);
        let open = |address| addresses.open(ip(address), Millis(0));
        let _held = (open("2001:db8::1"), open("10.0.0.1"));
        assert!(open("2001:db8::ffff:1").is_err());
        assert!(open("2001:db8:0:1::1").is_ok());
        assert!(open("::ffff:10.0.0.1").is_err());
    }

    #[test]
    fn each_address_has_its_rate_and_those_at_rest_are_forgotten() {
        let addresses = Addresses::new(ONE, 1, 1);
        let address = |n: usize| IpAddr::V4(std::net::Ipv4Addr::from_bits(n as u32));
        let held = addresses.open(address(0), Millis(0));
        assert!(held.is_ok());
        let max = ADDRESSES_AT_REST_MAX + 1;
        for n in 1..max {
            assert!(addresses.open(address(n), Millis(0)).is_ok());
        }
        let refused = |n, at| addresses.open(address(n), Millis(at)).err();
        assert_eq!(refused(1, 999), Some(Limit::ConnectsPerSecond));
        assert_eq!(refused(max, 0), Some(Limit::ConnectsPerSecond));
        // There was nothing to forget a moment ago.
        assert_eq!(refused(max, 999), Some(Limit::ConnectsPerSecond));
        assert_eq!(refused(max, 1_000), None);
        let known = addresses.known.lock().expect("not poisoned");
        // The new one, and the one that has something open.
        assert_eq!(known.by_address.len(), 2);
    }
}
