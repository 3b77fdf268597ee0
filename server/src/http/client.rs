//! Whose connection it is: the other end's, or the one that proxies of ours say they speak for.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use warp::http::HeaderMap;

/// The header in which proxies write whom they speak for, each behind those before.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// A block of addresses, such as `10.0.0.0/8` or `2001:db8::/32`; an address alone is a block of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    bits: u8,
}

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let example = "an address or a block of them, such as 10.0.0.0/8 or ::1";
        let (network, bits) = match text.split_once('/') {
            None => (text, None),
            Some((network, bits)) => (network, Some(bits)),
        };
        let network: IpAddr = network.parse().map_err(|_| format!("{text}: {example}"))?;
        let bits_max = if network.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => bits_max,
            Some(bits) => {
                let bits = bits.parse().ok().filter(|bits| *bits <= bits_max);
                bits.ok_or_else(|| format!("{text}: /0 to /{bits_max}"))?
            }
        };
        let block = Self { network, bits };
        // 10.1.2.3/8 may be meant as 10.0.0.0/8 or as 10.1.2.3: whom to trust is not guessed.
        let first = block.first();
        if first != network {
            return Err(format!(
                "{text}: write {first}/{bits}, or the address alone"
            ));
        }
        Ok(block.canonical())
    }
}

impl Cidr {
    /// Whether an address is in the block.
    fn has(self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.leading_zeros() >= u32::from(self.bits)
            }
            _ => false,
        }
    }

    /// The first address of the block.
    fn first(self) -> IpAddr {
        let bits = u32::from(self.bits);
        match self.network {
            IpAddr::V4(network) => {
                let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
                IpAddr::V4((network.to_bits() & mask).into())
            }
            IpAddr::V6(network) => {
                let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
                IpAddr::V6((network.to_bits() & mask).into())
            }
        }
    }

    /// IPv4 written as IPv6 is IPv4, as it is in the addresses that are looked up.
    fn canonical(self) -> Self {
        match (self.network.to_canonical(), self.bits.checked_sub(96)) {
            (network @ IpAddr::V4(_), Some(bits)) if self.network.is_ipv6() => {
                Self { network, bits }
            }
            _ => self,
        }
    }
}

/// The address of whoever opened a connection, as far as those can be believed who passed it on.
///
/// That is the last entry of `X-Forwarded-For` that none of ours has made: what stands before it was written by others, and
/// may be anything. Who is not one of ours is not asked.
pub(super) fn address(peer: SocketAddr, headers: &HeaderMap, trusted: &[Cidr]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|block| block.has(address));
    let mut client = peer.ip().to_canonical();
    let mut entries = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .rev()
        .flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    while is_trusted(client) {
        // What can't be read was passed on by one of ours: that one is answerable for it.
        match entries.next().and_then(entry) {
            Some(address) => client = address,
            None => break,
        }
    }
    client
}

/// An address, with or without a port: proxies write both. Bytes, since what others wrote beside it need not be text.
fn entry(bytes: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(bytes).ok()?.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    address.or_else(with_port).map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use warp::http::HeaderValue;

    use super::*;

    fn blocks(texts: &[&str]) -> Vec<Cidr> {
        let blocks = texts.iter().map(|text| text.parse().expect("a block"));
        blocks.collect()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    /// Whom a proxy at 10.0.0.1 or ::1 speaks for, with these headers.
    fn client(headers: &[&str]) -> String {
        let mut map = HeaderMap::new();
        for header in headers {
            let value = HeaderValue::from_bytes(header.as_bytes()).expect("a value");
            map.append(FORWARDED_FOR, value);
        }
        let trusted = blocks(&["10.0.0.0/8", "::1", "2001:db8:1::/48"]);
        let peer = "10.0.0.1:4000".parse().expect("an address");
        address(peer, &map, &trusted).to_string()
    }

    #[test]
    fn a_block_has_the_addresses_that_begin_like_it() {
        for (block, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("192.168.1.128/25", "192.168.1.255", "192.168.1.127"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::1", "::1", "::2"),
            ("::ffff:10.0.0.0/104", "10.1.1.1", "11.0.0.0"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "ffff::", "0.0.0.0"),
        ] {
            let block = blocks(&[block])[0];
            assert!(block.has(ip(inside)), "{block:?} {inside}");
            assert!(!block.has(ip(outside)), "{block:?} {outside}");
        }
    }

    #[test]
    fn what_is_no_block_is_named() {
        for text in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "10.0.0.0/",
            "a/8",
            "10.0.0.0/-1",
        ] {
            let error = text.parse::<Cidr>().expect_err(text);
            assert!(error.starts_with(&format!("{text}: ")), "{error}");
        }
        let error = "10.1.2.3/8"
            .parse::<Cidr>()
            .expect_err("it has two meanings");
        assert_eq!(error, "10.1.2.3/8: write 10.0.0.0/8, or the address alone");
        let error = "2001:db8::1/32".parse::<Cidr>().expect_err("so has it");
        assert_eq!(
            error,
            "2001:db8::1/32: write 2001:db8::/32, or the address alone"
        );
    }

    #[test]
    fn the_client_is_the_last_entry_that_none_of_ours_has_made() {
        for (headers, expected) in [
            (&[][..], "10.0.0.1"),
            (&["203.0.113.7"], "203.0.113.7"),
            // What the client itself wrote is not believed.
            (&["1.1.1.1, 203.0.113.7"], "203.0.113.7"),
            // Through two of ours.
            (&["1.1.1.1, 203.0.113.7, 10.0.0.2"], "203.0.113.7"),
            (
                &["1.1.1.1", "203.0.113.7", "10.0.0.2,10.0.0.3"],
                "203.0.113.7",
            ),
            (&["203.0.113.7:4711"], "203.0.113.7"),
            (&["2001:db8::7"], "2001:db8::7"),
            (&["[2001:db8::7]"], "2001:db8::7"),
            (&["[2001:db8::7]:4711,2001:db8:1::9 , ::1"], "2001:db8::7"),
            (&["::ffff:203.0.113.7"], "203.0.113.7"),
            // Nobody but ours.
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ] {
            assert_eq!(client(headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn who_passes_on_what_cannot_be_read_is_answerable_for_it() {
        for header in [
            "",
            ",",
            "unknown",
            "_hidden",
            "203.0.113.7:",
            "203.0.113.7:99999",
            "[::1",
            "fe80::1%eth0",
            "ü",
            "1.1.1.1, 203.0.113.7,",
            "203.0.113.7;for=1.1.1.1",
            "\"203.0.113.7\"",
        ] {
            assert_eq!(client(&[header]), "10.0.0.1", "{header}");
            assert_eq!(
                client(&[&format!("{header}, 10.0.0.9")]),
                "10.0.0.9",
                "{header}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever is written before it, by whomever.
        #[test]
        fn nothing_that_a_client_writes_itself_changes_its_address(written in vec(any::<u8>(), 0..60), separate in any::<bool>()) {
            let written: Vec<u8> = written.into_iter().filter(|byte| *byte >= 0x20 && *byte != 0x7f).collect();
            let mut headers = HeaderMap::new();
            let own = HeaderValue::from_bytes(&written).expect("control characters were taken out");
            if separate {
                headers.append(FORWARDED_FOR, own);
                headers.append(FORWARDED_FOR, HeaderValue::from_static("203.0.113.7"));
            } else {
                let appended = [own.as_bytes(), b", 203.0.113.7"].concat();
                headers.append(FORWARDED_FOR, HeaderValue::from_bytes(&appended).expect("as above"));
            }
            let peer = "10.0.0.1:4000".parse().expect("an address");
            prop_assert_eq!(address(peer, &headers, &blocks(&["10.0.0.0/8"])), ip("203.0.113.7"));
        }
    }

    #[test]
    fn whoever_is_not_trusted_is_not_asked() {
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, HeaderValue::from_static("203.0.113.7"));
        let peer = "192.0.2.1:4000".parse().expect("an address");
        assert_eq!(
            address(peer, &headers, &blocks(&["10.0.0.0/8"])),
            ip("192.0.2.1")
        );
        assert_eq!(address(peer, &headers, &[]), ip("192.0.2.1"));
        // A listener for both kinds sees IPv4 as IPv6.
        let peer = "[::ffff:10.0.0.1]:4000".parse().expect("an address");
        assert_eq!(
            address(peer, &headers, &blocks(&["10.0.0.0/8"])),
            ip("203.0.113.7")
        );
    }
}
