//! The registry in memory: the default, and the reference for other backends. One mutex, no tasks.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::{Mutex, PoisonError},
};

use tabwire_protocol::{CloseCode, Device, Millis, UserId};

use super::{
    CLAIM_KEPT, ClaimRequest, Claimed, DENIAL_KEPT, Held, Registry, RegistryUnavailable,
    SessionPage, SessionQuery, SessionRecord, Standing,
    policy::{self, Decision, Grant, Newcomer, Place, SocketId},
};

/// How many users may be denied at a time.
pub const DENIALS_MAX: usize = 100_000;

/// The sockets of all users of this process.
#[derive(Debug, Default)]
pub struct MemoryRegistry {
    // A std mutex: held for a few map operations, never across an await.
    users: Mutex<Users>,
}

#[derive(Debug, Default)]
struct Users {
    /// In order, so that pages of a search follow each other.
    seats: BTreeMap<UserId, Seat>,
    /// When the users without a socket are forgotten, if they have none then.
    ends: VecDeque<(Millis, UserId)>,
    denials: BTreeMap<(UserId, Option<Device>), Millis>,
}

/// A user's last grant, and the record of its socket while that is there.
#[derive(Debug)]
struct Seat {
    device: Device,
    claim: u64,
    at: Millis,
    session: Option<SessionRecord>,
    gone_at: Millis,
}

impl Seat {
    /// Given to a socket.
    fn granted(claim: u64, session: &SessionRecord) -> Self {
        Self {
            device: session.device.clone(),
            claim,
            at: session.connected_at,
            session: Some(session.clone()),
            gone_at: Millis(0),
        }
    }

    fn grant(&self) -> Grant {
        Grant {
            device: self.device.clone(),
            claim: self.claim,
            at: self.at,
            socket: self.session.as_ref().map(|session| session.socket.clone()),
        }
    }

    fn is_of(&self, socket: &SocketId) -> bool {
        let session = self.session.as_ref();
        session.is_some_and(|session| session.socket == *socket)
    }
}

impl MemoryRegistry {
    fn with<T>(&self, act: impl FnOnce(&mut Users) -> T) -> T {
        act(&mut self.users.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Registry for MemoryRegistry {
    async fn claim(
        &self,
        now: Millis,
        request: &ClaimRequest<'_>,
    ) -> Result<Claimed, RegistryUnavailable> {
        Ok(self.with(|users| {
            users.expire(now);
            users.claim(request)
        }))
    }

    async fn keep(
        &self,
        _now: Millis,
        held: &[Held],
    ) -> Vec<Result<Standing, RegistryUnavailable>> {
        self.with(|users| held.iter().map(|held| Ok(users.keep(held))).collect())
    }

    async fn release(
        &self,
        now: Millis,
        session: &SessionRecord,
    ) -> Result<(), RegistryUnavailable> {
        self.with(|users| {
            let seat = users.seats.get_mut(&session.user);
            if let Some(seat) = seat.filter(|seat| seat.is_of(&session.socket)) {
                seat.session = None;
                seat.gone_at = now;
                let ends = now.plus(CLAIM_KEPT);
                users.ends.push_back((ends, session.user.clone()));
            }
            users.expire(now);
        });
        Ok(())
    }

    async fn deny(
        &self,
        now: Millis,
        user: &UserId,
        device: Option<&Device>,
    ) -> Result<Option<SessionRecord>, RegistryUnavailable> {
        self.with(|users| {
            let denial = (user.clone(), device.cloned());
            if users.denials.len() >= DENIALS_MAX && !users.denials.contains_key(&denial) {
                users
                    .denials
                    .retain(|_, denied_at| now.since(*denied_at) < DENIAL_KEPT);
                if users.denials.len() >= DENIALS_MAX {
                    return Err(RegistryUnavailable("too many users are denied".to_owned()));
                }
            }
            // A clock that was set back takes nothing back.
            let denied_at = users.denials.entry(denial).or_insert(now);
            *denied_at = now.max(*denied_at);
            let session = users.seats.get(user).and_then(|seat| seat.session.clone());
            Ok(session.filter(|session| device.is_none_or(|device| *device == session.device)))
        })
    }

    async fn find(
        &self,
        _now: Millis,
        query: &SessionQuery,
    ) -> Result<SessionPage, RegistryUnavailable> {
        Ok(self.with(|users| {
            let after = query
                .after
                .clone()
                .map_or(Bound::Unbounded, Bound::Excluded);
            let mut matches = users
                .seats
                .range((after, Bound::Unbounded))
                .filter_map(|(_, seat)| seat.session.as_ref())
                .filter(|session| query.matches(session));
            let sessions = matches.by_ref().take(query.limit).cloned().collect();
            SessionPage {
                sessions,
                more: matches.next().is_some(),
            }
        }))
    }
}

impl Users {
    fn claim(&mut self, request: &ClaimRequest<'_>) -> Claimed {
        let session = request.session;
        if self.is_denied(session) {
            return Claimed::Refused(CloseCode::Unauthorized);
        }
        let newcomer = Newcomer {
            device: session.device.clone(),
            claim: request.claim,
        };
        let last = self.seats.get_mut(&session.user);
        if let Some(own) = last.as_ref().filter(|seat| seat.is_of(&session.socket)) {
            return Claimed::Granted {
                claim: own.claim,
                closes: None,
            };
        }
        let grant = last.as_ref().map(|seat| seat.grant());
        let holder = last.and_then(|seat| seat.session.take());
        match policy::decide(request.policy, grant.as_ref(), &newcomer, request.dead) {
            Decision::Grant { claim, closes } => {
                let seat = Seat::granted(claim, session);
                self.seats.insert(session.user.clone(), seat);
                Claimed::Granted {
                    claim,
                    closes: holder.zip(closes.map(|(_, code)| code)),
                }
            }
            decision => {
                // Nothing was granted: the holder keeps its place.
                if let Some(seat) = self.seats.get_mut(&session.user) {
                    seat.session.clone_from(&holder);
                }
                match (decision, holder) {
                    (Decision::Refuse(code), _) => Claimed::Refused(code),
                    (_, Some(holder)) => Claimed::Probe(holder),
                    (_, None) => unreachable!("only a socket that is there can be probed"),
                }
            }
        }
    }

    fn keep(&mut self, held: &Held) -> Standing {
        let session = &*held.session;
        if self.is_denied(session) {
            return Standing::Denied;
        }
        let own = Seat::granted(held.claim, session);
        let last = self.seats.get(&session.user).map(Seat::grant);
        match policy::place(last.as_ref(), &own.grant()) {
            Place::Kept | Place::Forgotten => {
                self.seats.insert(session.user.clone(), own);
                Standing::Kept
            }
            Place::Lost(code) => Standing::Lost(code),
        }
    }

    fn is_denied(&self, session: &SessionRecord) -> bool {
        [None, Some(session.device.clone())]
            .into_iter()
            .filter_map(|device| self.denials.get(&(session.user.clone(), device)))
            .any(|denied_at| session.issued_at <= *denied_at)
    }

    /// Forgets users whose socket has gone long ago.
    fn expire(&mut self, now: Millis) {
        while self.ends.front().is_some_and(|(ends, _)| *ends <= now) {
            let Some((ends, user)) = self.ends.pop_front() else {
                return;
            };
            let seat = self.seats.get(&user);
            // A user who came back and went again has a later end, too.
            if seat
                .is_some_and(|seat| seat.session.is_none() && seat.gone_at.plus(CLAIM_KEPT) <= ends)
            {
                self.seats.remove(&user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::conformance::{self, NOW, claim, session};

    conformance::registry_laws!(MemoryRegistry::default());

    #[tokio::test]
    async fn a_claim_is_remembered_for_a_day_after_its_socket_has_gone() {
        let registry = MemoryRegistry::default();
        for laptop_again in [false, true] {
            let laptop = session("u_1", "laptop", "1");
            let phone = session("u_1", "phone", "2");
            claim(&registry, &laptop, None).await;
            claim(&registry, &phone, None).await;
            let at = NOW.plus(Millis(u64::from(laptop_again)));
            let released = registry.release(at, &phone).await;
            assert!(released.is_ok());
        }
        let seats = |at: Millis| {
            registry.with(|users| {
                users.expire(at);
                users.seats.len()
            })
        };
        assert_eq!(seats(NOW.plus(CLAIM_KEPT)), 1);
        assert_eq!(seats(NOW.plus(CLAIM_KEPT).plus(Millis(1))), 0);
    }

    #[tokio::test]
    async fn so_many_users_can_be_denied_and_no_more() {
        let registry = MemoryRegistry::default();
        for n in 0..DENIALS_MAX {
            let user = UserId::new(&n.to_string()).expect("a name");
            assert_eq!(registry.deny(NOW, &user, None).await, Ok(None));
        }
        let user = UserId::new("one_more").expect("a name");
        assert!(registry.deny(NOW, &user, None).await.is_err());
        let later = NOW.plus(DENIAL_KEPT);
        assert_eq!(registry.deny(later, &user, None).await, Ok(None));
    }
}
