//! Who gets a user's one socket: decided from the last grant and the newcomer, nothing else.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use tabwire_protocol::{CloseCode, Device, Millis, Position};

/// The largest claim: the last integer that a frame can carry.
pub const CLAIM_MAX: u64 = Position::MAX.get();

/// Names one socket, for the time of the whole system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct SocketId(Arc<str>);

impl SocketId {
    /// A socket of this name.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for SocketId {
    fn from(name: String) -> Self {
        Self::new(&name)
    }
}

impl From<SocketId> for String {
    fn from(socket: SocketId) -> Self {
        socket.as_str().to_owned()
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What happens when a user connects from a second device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Concurrency {
    /// The newer device gets the socket.
    #[default]
    Replace,
    /// The older device keeps it for as long as it lives.
    Reject,
}

/// The last grant of a user. It outlives its socket, so that an automatic reconnect can be told from a newer claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The device it was given to.
    pub device: Device,
    /// Its number: above the one before, up to [`CLAIM_MAX`].
    pub claim: u64,
    /// When its socket connected.
    pub at: Millis,
    /// The socket that holds it; none when that has gone.
    pub socket: Option<SocketId>,
}

/// A connection that wants the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newcomer {
    /// Its device.
    pub device: Device,
    /// The grant it had, when it reconnects by itself. None for a page load or a person's `reconnect()`.
    pub claim: Option<u64>,
}

/// What is to be done about a newcomer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It gets the socket, with this claim.
    Grant {
        /// The number of the grant.
        claim: u64,
        /// The socket that held the last grant, and the code it is closed with.
        closes: Option<(SocketId, CloseCode)>,
    },
    /// First see whether this socket lives, then decide again: with it as `dead` if it doesn't, else refuse with 4410.
    Probe(SocketId),
    /// It is closed with this code.
    Refuse(CloseCode),
}

/// Decides about a newcomer. `dead` is a socket that has been probed and gave no answer.
pub fn decide(
    policy: Concurrency,
    last: Option<&Grant>,
    newcomer: &Newcomer,
    dead: Option<&SocketId>,
) -> Decision {
    let Some(last) = last else {
        return Decision::Grant {
            claim: next_claim(0, newcomer),
            closes: None,
        };
    };
    let same_device = last.device == newcomer.device;
    // An automatic reconnect never kicks a device that a person has turned to since.
    if !same_device && newcomer.claim.is_some_and(|claim| claim < last.claim) {
        return Decision::Refuse(CloseCode::Replaced);
    }
    let closes = match &last.socket {
        None => None,
        Some(socket) if same_device => Some((socket.clone(), CloseCode::Superseded)),
        Some(socket) if policy == Concurrency::Replace || dead == Some(socket) => {
            Some((socket.clone(), CloseCode::Replaced))
        }
        Some(socket) => return Decision::Probe(socket.clone()),
    };
    Decision::Grant {
        claim: next_claim(last.claim, newcomer),
        closes,
    }
}

/// What has become of the place of a socket that was granted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It has it.
    Kept,
    /// The registry has forgotten that: it gets it back.
    Forgotten,
    /// Somebody else was granted it since, or it was given back: the socket is closed with this code.
    Lost(CloseCode),
}

/// Says what has become of a socket's own grant, by the last one that the registry knows.
///
/// A registry may have lost all it knew, or what it learned of late: then the last grant is one from before. Claims rise, but those
/// of a registry that begins anew begin low; so a grant is from before only when it connected earlier, too.
pub fn place(last: Option<&Grant>, own: &Grant) -> Place {
    let Some(last) = last else {
        return Place::Forgotten;
    };
    if last.socket == own.socket {
        return Place::Kept;
    }
    if last.claim <= own.claim && last.at < own.at {
        return Place::Forgotten;
    }
    Place::Lost(if last.device == own.device {
        CloseCode::Superseded
    } else {
        CloseCode::Replaced
    })
}

/// Above the last one, and above what the newcomer had: a server that lost its memory goes on counting. It ends where frames do, for
/// a client that was told more could not say it when it connects again.
fn next_claim(last: u64, newcomer: &Newcomer) -> u64 {
    let highest = last.max(newcomer.claim.unwrap_or(0));
    highest.saturating_add(1).min(CLAIM_MAX)
}

#[cfg(test)]
mod tests {
    use proptest::{option, prelude::*, sample::select};

    use super::*;

    fn last(device: &str, claim: u64, socket: Option<&str>) -> Grant {
        Grant {
            device: Device::new(device).expect("a name"),
            claim,
            at: Millis(claim),
            socket: socket.map(SocketId::new),
        }
    }

    fn newcomer(device: &str, claim: Option<u64>) -> Newcomer {
        Newcomer {
            device: Device::new(device).expect("a name"),
            claim,
        }
    }

    fn granted(claim: u64, closes: Option<(&str, CloseCode)>) -> Decision {
        Decision::Grant {
            claim,
            closes: closes.map(|(socket, code)| (SocketId::new(socket), code)),
        }
    }

    const BOTH: [Concurrency; 2] = [Concurrency::Replace, Concurrency::Reject];

    #[test]
    fn the_first_connection_of_a_user_gets_the_socket() {
        for policy in BOTH {
            let decision = decide(policy, None, &newcomer("laptop", None), None);
            assert_eq!(decision, granted(1, None));
        }
    }

    #[test]
    fn a_newer_connection_of_the_same_device_supersedes_the_older() {
        for policy in BOTH {
            for claim in [None, Some(3)] {
                let holder = last("laptop", 7, Some("old"));
                let decision = decide(policy, Some(&holder), &newcomer("laptop", claim), None);
                assert_eq!(decision, granted(8, Some(("old", CloseCode::Superseded))));
            }
        }
    }

    #[test]
    fn replace_gives_the_socket_to_the_newer_device() {
        let holder = last("laptop", 7, Some("old"));
        let decision = decide(
            Concurrency::Replace,
            Some(&holder),
            &newcomer("phone", None),
            None,
        );
        assert_eq!(decision, granted(8, Some(("old", CloseCode::Replaced))));
    }

    #[test]
    fn reject_asks_whether_the_older_device_lives() {
        let holder = last("laptop", 7, Some("old"));
        let old = SocketId::new("old");
        let phone = newcomer("phone", None);
        let decide = |dead| decide(Concurrency::Reject, Some(&holder), &phone, dead);
        assert_eq!(decide(None), Decision::Probe(old.clone()));
        assert_eq!(
            decide(Some(&old)),
            granted(8, Some(("old", CloseCode::Replaced)))
        );
        // The socket that was found dead is no longer the one that holds the grant.
        assert_eq!(decide(Some(&SocketId::new("older"))), Decision::Probe(old));
    }

    #[test]
    fn an_automatic_reconnect_does_not_kick_a_device_that_was_granted_later() {
        for policy in BOTH {
            for socket in [Some("new"), None] {
                let holder = last("phone", 8, socket);
                let decision = decide(policy, Some(&holder), &newcomer("laptop", Some(7)), None);
                assert_eq!(decision, Decision::Refuse(CloseCode::Replaced));
            }
        }
    }

    #[test]
    fn a_person_who_reconnects_is_not_held_back_by_a_later_grant() {
        let holder = last("phone", 8, None);
        let decision = decide(
            Concurrency::Reject,
            Some(&holder),
            &newcomer("laptop", None),
            None,
        );
        assert_eq!(decision, granted(9, None));
    }

    #[test]
    fn claims_go_on_counting_after_the_server_has_forgotten_them() {
        let decision = decide(
            Concurrency::Replace,
            None,
            &newcomer("laptop", Some(7)),
            None,
        );
        assert_eq!(decision, granted(8, None));
    }

    #[test]
    fn claims_count_up_to_the_last_integer_of_a_frame() {
        let most = (1 << 53) - 1;
        for claim in [most - 1, most] {
            let holder = last("laptop", claim, None);
            let decision = decide(
                Concurrency::Replace,
                Some(&holder),
                &newcomer("laptop", None),
                None,
            );
            assert_eq!(decision, granted(most, None));
        }
    }

    #[test]
    fn a_socket_keeps_its_place_until_somebody_is_granted_it() {
        let own = last("laptop", 7, Some("own"));
        assert_eq!(place(Some(&own), &own), Place::Kept);
        for (device, code) in [
            ("laptop", CloseCode::Superseded),
            ("phone", CloseCode::Replaced),
        ] {
            for socket in [Some("other"), None] {
                let later = last(device, 8, socket);
                assert_eq!(place(Some(&later), &own), Place::Lost(code));
            }
        }
    }

    #[test]
    fn a_socket_that_gave_its_place_back_does_not_get_it_again() {
        let own = last("laptop", 7, Some("own"));
        let released = last("laptop", 7, None);
        let lost = Place::Lost(CloseCode::Superseded);
        assert_eq!(place(Some(&released), &own), lost);
    }

    #[test]
    fn a_registry_that_has_forgotten_a_grant_is_told_of_it() {
        let own = last("laptop", 7, Some("own"));
        assert_eq!(place(None, &own), Place::Forgotten);
        // It was set back to a time before the grant.
        for socket in [Some("earlier"), None] {
            let before = last("phone", 6, socket);
            assert_eq!(place(Some(&before), &own), Place::Forgotten);
        }
    }

    #[test]
    fn a_grant_of_a_registry_that_began_anew_counts_although_its_number_is_low() {
        let own = last("laptop", 7, Some("own"));
        let anew = Grant {
            at: Millis(9),
            ..last("phone", 1, Some("other"))
        };
        let lost = Place::Lost(CloseCode::Replaced);
        assert_eq!(place(Some(&anew), &own), lost);
    }

    #[test]
    fn a_socket_is_shown_by_its_name() {
        let socket = SocketId::new("b0c4e1d2");
        assert_eq!(
            (socket.as_str(), socket.to_string().as_str()),
            ("b0c4e1d2", "b0c4e1d2")
        );
    }

    fn device() -> impl Strategy<Value = Device> {
        select(vec!["laptop", "phone"]).prop_map(|name| Device::new(name).expect("a name"))
    }

    fn socket() -> impl Strategy<Value = Option<SocketId>> {
        option::of(select(vec!["one", "two"]).prop_map(SocketId::new))
    }

    /// Claims that meet, and the largest that a frame can carry.
    fn claim() -> impl Strategy<Value = u64> {
        prop_oneof![4 => 1_u64..4, 1 => Just(CLAIM_MAX - 1), 1 => Just(CLAIM_MAX)]
    }

    fn grant() -> impl Strategy<Value = Option<Grant>> {
        let grant = (device(), claim(), socket()).prop_map(|(device, claim, socket)| Grant {
            device,
            claim,
            at: Millis(claim),
            socket,
        });
        option::of(grant)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whoever comes: one socket, numbers that rise, and nobody is turned away but for a reason.
        #[test]
        fn a_decision_keeps_the_promises_of_one_socket_per_user(
            policy in select(BOTH.to_vec()),
            last in grant(),
            (device, claim) in (device(), option::of(claim())),
            dead in socket(),
        ) {
            let newcomer = Newcomer { device, claim };
            let holder = last.as_ref().and_then(|last| last.socket.clone());
            let same_device = last.as_ref().is_some_and(|last| last.device == newcomer.device);
            let before = last.as_ref().map_or(0, |last| last.claim);
            // It comes by itself, and another device has been granted the socket since.
            let outdated = !same_device && claim.is_some_and(|claim| claim < before);
            let kept = policy == Concurrency::Reject && !same_device && holder.is_some() && holder != dead;
            match decide(policy, last.as_ref(), &newcomer, dead.as_ref()) {
                Decision::Grant { claim, closes } => {
                    prop_assert!(!outdated && !kept);
                    let highest = before.max(newcomer.claim.unwrap_or(0));
                    prop_assert!(claim > highest || highest == CLAIM_MAX);
                    prop_assert!(claim <= CLAIM_MAX, "a frame cannot carry it");
                    let code = if same_device { CloseCode::Superseded } else { CloseCode::Replaced };
                    prop_assert_eq!(closes, holder.map(|socket| (socket, code)));
                }
                Decision::Probe(socket) => {
                    prop_assert!(kept && !outdated);
                    prop_assert_eq!(Some(&socket), holder.as_ref());
                    let again = decide(policy, last.as_ref(), &newcomer, Some(&socket));
                    prop_assert!(matches!(again, Decision::Grant { .. }), "a dead socket is not probed again");
                }
                Decision::Refuse(code) => {
                    prop_assert!(outdated);
                    prop_assert_eq!(code, CloseCode::Replaced);
                }
            }
        }
    }
}
