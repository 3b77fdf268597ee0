//! The registry in Redis, for several nodes.
//!
//! **One user is one slot**: the record of the socket, the last grant (which outlives the record) and the denials lie together, so a
//! script sees and changes them at once. What is decided is decided by [`policy`], in Rust, from what one call read; the next call
//! writes it if the last grant is still the one that was read, and else says which one is.
//!
//! **The indexes of members are only that.** They lie in other slots, so they are written by calls of their own after the grant: a
//! missing entry comes with the next [`Registry::keep`], a stale one goes when somebody comes across it.
//!
//! Everything expires by the clock of Redis, which is told how long and not until when. The time of a denial is the caller's: it is
//! compared with when tokens were issued, and Redis issues none.

mod find;
mod keys;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use futures_util::{StreamExt, future::join_all, stream};
use tabwire_protocol::{CloseCode, Device, Millis, UserId};

pub(crate) use self::keys::Keys;
use super::{
    CLAIM_KEPT, ClaimRequest, Claimed, DENIAL_KEPT, Held, Registry, RegistryUnavailable,
    SessionPage, SessionQuery, SessionRecord, SocketId, Standing,
    policy::{self, Decision, Grant, Newcomer, Place},
};
use crate::redis::{Link, LinkError, Script};

/// How many devices of a user may be denied at a time.
const DENIED_DEVICES_MAX: usize = 1_000;
/// How often a claim is decided anew because another one came in between. Each time one of them was granted.
const CLAIM_TRIES_MAX: usize = 64;
/// How long a record is kept at most: what lives longer is kept again meanwhile.
const RECORD_KEPT_MAX: Millis = Millis(30 * 24 * 3_600_000);
/// How long an index is kept after somebody was added to it. The sockets that are there are added again and again.
const INDEX_KEPT: Millis = CLAIM_KEPT;
/// How many calls are under way at a time on behalf of one.
const CALLS_AT_ONCE: usize = 128;

/// The sockets of all users of all nodes that share a Redis and a prefix.
#[derive(Debug)]
pub(crate) struct RedisRegistry {
    link: Link,
    keys: Keys,
    /// How long after its token's end a socket may still be there.
    grace: Millis,
    scripts: Scripts,
}

#[derive(Debug)]
struct Scripts {
    look: Script,
    grant: Script,
    keep: Script,
    release: Script,
    deny: Script,
    index: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        macro_rules! about_a_user {
            ($file:literal) => {
                Script::new(concat!(include_str!("state.lua"), include_str!($file)))
            };
        }
        Self {
            look: about_a_user!("look.lua"),
            grant: about_a_user!("grant.lua"),
            keep: about_a_user!("keep.lua"),
            release: about_a_user!("release.lua"),
            deny: about_a_user!("deny.lua"),
            index: Script::new(include_str!("index.lua")),
        }
    }
}

impl From<LinkError> for RegistryUnavailable {
    fn from(error: LinkError) -> Self {
        Self(error.to_string())
    }
}

/// What a script about a user says.
type Answer = Vec<Option<String>>;

/// What is known of a user.
#[derive(Debug)]
struct Last {
    /// The last grant. Its socket is there until it is given back, even when its record has expired.
    grant: Option<Grant>,
    /// The record of the socket that has the user's place.
    holder: Option<SessionRecord>,
}

/// What came of a script that looks before it writes.
#[derive(Debug)]
enum Outcome {
    Granted,
    Denied,
    /// Nothing was written: this is the last grant.
    Last(Box<Last>),
}

impl Registry for RedisRegistry {
    async fn claim(
        &self,
        now: Millis,
        request: &ClaimRequest<'_>,
    ) -> Result<Claimed, RegistryUnavailable> {
        let session = request.session;
        let newcomer = Newcomer {
            device: session.device.clone(),
            claim: request.claim,
        };
        let mut outcome = self.look(session).await?;
        let mut closes = None;
        let mut is_unknown = false;
        for _ in 0..CLAIM_TRIES_MAX {
            let last = match outcome {
                Outcome::Granted => unreachable!("that ends the loop"),
                Outcome::Denied => return Ok(Claimed::Refused(CloseCode::Unauthorized)),
                Outcome::Last(last) => *last,
            };
            if let Some(own) = last.grant.as_ref().filter(|last| is_of(last, session)) {
                // The grant that was not heard of has been made.
                let claim = own.claim;
                self.index([session]).await;
                return Ok(Claimed::Granted { claim, closes });
            }
            // A place whose record has expired is free.
            let decided = last.grant.clone().map(|grant| Grant {
                socket: last.holder.as_ref().map(|holder| holder.socket.clone()),
                ..grant
            });
            let decision =
                policy::decide(request.policy, decided.as_ref(), &newcomer, request.dead);
            let claim = match (decision, &last.holder) {
                (
                    Decision::Grant {
                        claim,
                        closes: code,
                    },
                    holder,
                ) => {
                    closes = holder.clone().zip(code.map(|(_, code)| code));
                    claim
                }
                (Decision::Refuse(code), _) => return Ok(Claimed::Refused(code)),
                (Decision::Probe(_), Some(holder)) => return Ok(Claimed::Probe(holder.clone())),
                (Decision::Probe(_), None) => {
                    unreachable!("only a socket that is there can be probed")
                }
            };
            outcome = match self.grant(now, last.grant.as_ref(), claim, session).await {
                Ok(Outcome::Granted) => {
                    self.index([session]).await;
                    return Ok(Claimed::Granted { claim, closes });
                }
                Ok(outcome) => outcome,
                // Once: it may have been granted, and who would tell the one before?
                Err(LinkError::Unknown(_)) if !is_unknown => {
                    is_unknown = true;
                    self.look(session).await?
                }
                Err(error) => return Err(error.into()),
            };
        }
        Err(RegistryUnavailable(
            "too many connect as this user at once: try again".to_owned(),
        ))
    }

    async fn keep(&self, now: Millis, held: &[Held]) -> Vec<Result<Standing, RegistryUnavailable>> {
        let kept: Vec<_> = held.iter().map(|held| self.keep_one(now, held)).collect();
        let kept: Vec<_> = stream::iter(kept).buffered(CALLS_AT_ONCE).collect().await;
        let there = held.iter().zip(&kept);
        let there = there.filter(|(_, standing)| **standing == Ok(Standing::Kept));
        self.index(there.map(|(held, _)| &*held.session)).await;
        kept
    }

    async fn release(
        &self,
        _now: Millis,
        session: &SessionRecord,
    ) -> Result<(), RegistryUnavailable> {
        let released: bool = self
            .about(
                "release",
                &self.scripts.release,
                &session.user,
                &[session.socket.as_str(), &CLAIM_KEPT.0.to_string()],
            )
            .await?;
        if released {
            for index in [Some(&session.shop), None].map(|shop| self.keys.members(shop)) {
                self.forget(&index, &[&session.user]).await;
            }
        }
        Ok(())
    }

    async fn deny(
        &self,
        now: Millis,
        user: &UserId,
        device: Option<&Device>,
    ) -> Result<Option<SessionRecord>, RegistryUnavailable> {
        let args = [
            device.map_or("", |device| device.as_str()),
            &now.0.to_string(),
            &DENIAL_KEPT.0.to_string(),
            &DENIED_DEVICES_MAX.to_string(),
        ];
        let answer: Answer = self.about("deny", &self.scripts.deny, user, &args).await?;
        if answer.first().and_then(Option::as_deref) == Some("full") {
            return Err(RegistryUnavailable(format!(
                "{DENIED_DEVICES_MAX} devices of the user are denied: deny the user"
            )));
        }
        let Outcome::Last(last) = outcome(user, answer)? else {
            return Err(strange(user));
        };
        let holder = last.holder;
        Ok(holder.filter(|holder| device.is_none_or(|device| *device == holder.device)))
    }

    async fn find(
        &self,
        _now: Millis,
        query: &SessionQuery,
    ) -> Result<SessionPage, RegistryUnavailable> {
        self.search(query).await
    }
}

impl RedisRegistry {
    /// The registry that all nodes with this prefix share. `grace`: how long after its token's end a socket may still be there.
    pub(crate) fn new(link: Link, keys: Keys, grace: Millis) -> Self {
        Self {
            link,
            keys,
            grace,
            scripts: Scripts::default(),
        }
    }

    async fn look(&self, session: &SessionRecord) -> Result<Outcome, RegistryUnavailable> {
        let args = [session.device.as_str(), &session.issued_at.0.to_string()];
        let look = &self.scripts.look;
        let answer = self.about("look", look, &session.user, &args).await?;
        outcome(&session.user, answer)
    }

    /// Grants the place if the last grant is this one.
    async fn grant(
        &self,
        now: Millis,
        last: Option<&Grant>,
        claim: u64,
        session: &SessionRecord,
    ) -> Result<Outcome, LinkError> {
        let last_claim = last.map(|last| last.claim.to_string());
        let last_socket = last.and_then(|last| last.socket.as_ref());
        let (record_kept, claim_kept) = self.kept(now, session);
        let args = [
            last_claim.as_deref().unwrap_or_default(),
            last_socket.map_or("", SocketId::as_str),
            session.device.as_str(),
            &claim.to_string(),
            &session.connected_at.0.to_string(),
            session.socket.as_str(),
            &session.issued_at.0.to_string(),
            &json(session),
            &record_kept,
            &claim_kept,
        ];
        let grant = &self.scripts.grant;
        let answer = self.about("claim", grant, &session.user, &args).await?;
        // What can't be understood was not written by this call.
        outcome(&session.user, answer).map_err(|error| LinkError::NotRun(error.0))
    }

    async fn keep_one(&self, now: Millis, held: &Held) -> Result<Standing, RegistryUnavailable> {
        let Held { session, claim } = held;
        let (record_kept, claim_kept) = self.kept(now, session);
        let args = [
            session.device.as_str(),
            &claim.to_string(),
            session.socket.as_str(),
            &session.issued_at.0.to_string(),
            &json(session),
            &record_kept,
            &claim_kept,
        ];
        let keep = &self.scripts.keep;
        let answer = self.about("keep", keep, &session.user, &args).await?;
        let mut outcome = outcome(&session.user, answer)?;
        let own = Grant {
            device: session.device.clone(),
            claim: *claim,
            at: session.connected_at,
            socket: Some(session.socket.clone()),
        };
        for _ in 0..CLAIM_TRIES_MAX {
            let last = match outcome {
                Outcome::Granted => return Ok(Standing::Kept),
                Outcome::Denied => return Ok(Standing::Denied),
                Outcome::Last(last) => last.grant,
            };
            if let Place::Lost(code) = policy::place(last.as_ref(), &own) {
                return Ok(Standing::Lost(code));
            }
            outcome = self.grant(now, last.as_ref(), *claim, session).await?;
        }
        Err(RegistryUnavailable(
            "too many connect as this user at once".to_owned(),
        ))
    }

    /// How long a record is kept and how long its claim, as Redis takes it. 0 would delete.
    fn kept(&self, now: Millis, session: &SessionRecord) -> (String, String) {
        let record = session.expires_at.plus(self.grace).since(now).0;
        let record = Millis(record.clamp(1, RECORD_KEPT_MAX.0));
        (record.0.to_string(), record.plus(CLAIM_KEPT).0.to_string())
    }

    /// Runs a script about a user.
    async fn about<T: crate::redis::FromRedisValue>(
        &self,
        what: &'static str,
        script: &Script,
        user: &UserId,
        args: &[&str],
    ) -> Result<T, LinkError> {
        let [record, grant, denials] = self.keys.user(user);
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        let keys = [record.as_str(), &grant, &denials];
        self.link.run(what, script, &keys, &args).await
    }

    /// Adds the users of sessions to the indexes. When that fails, the next to keep them does it.
    async fn index<'s>(&self, sessions: impl IntoIterator<Item = &'s SessionRecord>) {
        let mut indexes: BTreeMap<String, Vec<&[u8]>> = BTreeMap::new();
        for session in sessions {
            for shop in [Some(&session.shop), None] {
                let users = indexes.entry(self.keys.members(shop)).or_default();
                users.push(session.user.as_str().as_bytes());
            }
        }
        let kept = INDEX_KEPT.0.to_string();
        join_all(indexes.iter().map(|(index, users)| {
            let args = [&[kept.as_bytes()], &users[..]].concat();
            async move {
                let script = &self.scripts.index;
                let indexed: Result<u64, _> = self.link.run("index", script, &[index], &args).await;
                if let Err(error) = indexed {
                    tracing::debug!(index, %error, "an index is not complete");
                }
            }
        }))
        .await;
    }

    /// Takes users out of an index. When that fails, somebody will come across the stale entries.
    async fn forget(&self, index: &str, users: &[&UserId]) {
        if users.is_empty() {
            return;
        }
        let mut words: Vec<&[u8]> = vec![b"ZREM", index.as_bytes()];
        words.extend(users.iter().map(|user| user.as_str().as_bytes()));
        if let Err(error) = self.link.command::<u64>("index", &words).await {
            tracing::debug!(index, %error, "an index has stale entries");
        }
    }
}

fn is_of(grant: &Grant, session: &SessionRecord) -> bool {
    grant.socket.as_ref() == Some(&session.socket)
}

fn json(session: &SessionRecord) -> String {
    serde_json::to_string(session).expect("names and numbers can always be written")
}

/// The record in Redis. One that can't be read is none: its user is not locked out for that.
fn record(user: &UserId, json: &str) -> Option<SessionRecord> {
    let record = serde_json::from_str(json);
    record
        .inspect_err(
            |error| tracing::warn!(userId = %user, %error, "a session's record can't be read"),
        )
        .ok()
}

fn outcome(user: &UserId, answer: Answer) -> Result<Outcome, RegistryUnavailable> {
    let mut answer = answer.into_iter();
    match answer.next().flatten().as_deref() {
        Some("granted") => return Ok(Outcome::Granted),
        Some("denied") => return Ok(Outcome::Denied),
        Some("last") => {}
        _ => return Err(strange(user)),
    }
    let mut next = || answer.next().flatten();
    let grant = match (next(), next(), next(), next()) {
        (Some(device), Some(claim), Some(at), socket) => Some(Grant {
            device: Device::new(&device).map_err(|_| strange(user))?,
            claim: claim.parse().map_err(|_| strange(user))?,
            at: Millis(at.parse().map_err(|_| strange(user))?),
            socket: socket.map(|socket| SocketId::new(&socket)),
        }),
        _ => None,
    };
    let holder = next().and_then(|json| record(user, &json));
    Ok(Outcome::Last(Box::new(Last { grant, holder })))
}

fn strange(user: &UserId) -> RegistryUnavailable {
    RegistryUnavailable(format!(
        "what Redis says of {user} can't be understood: do others write to keys with this --prefix?"
    ))
}
