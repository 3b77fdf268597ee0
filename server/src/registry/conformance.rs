//! The laws of [`Registry`], one function each, for the tests of every backend. Not a stable part of the API.
//!
//! Each law has users of its own, so they may share a registry. What [`policy::decide`](super::policy::decide) says is tested
//! there; here it only has to be what is done.

use std::{collections::BTreeSet, sync::Arc};

use tabwire_protocol::{CloseCode, Device, Millis, Module, Position, ShopId, UserId};

use super::{
    ClaimRequest, Claimed, Concurrency, Held, Registry, SessionQuery, SessionRecord, SocketId,
    Standing,
};

/// The time of all laws.
pub const NOW: Millis = Millis(1_730_569_300_000);
/// The node of all sessions. It lives.
pub const NODE: &str = "n_1";

/// A test for each law. The argument makes a registry.
#[macro_export]
#[doc(hidden)]
macro_rules! __registry_laws {
    ($registry:expr) => {
        $crate::__registry_laws!(@each $registry;
            a_user_has_one_socket_and_each_grant_raises_the_claim,
            the_same_socket_is_granted_the_place_once,
            the_claim_outlives_the_socket,
            a_socket_that_lost_its_place_changes_nothing,
            a_holder_that_is_probed_keeps_its_place,
            of_claims_at_the_same_time_each_closes_the_one_before,
            tokens_issued_until_a_denial_are_refused,
            a_denial_of_a_device_is_for_that_device,
            a_renewal_changes_what_is_found,
            a_record_that_was_forgotten_is_put_back_with_its_claim,
            a_record_is_not_put_back_when_somebody_was_granted_the_place_since,
            a_registry_that_was_set_back_is_told_of_the_later_grant,
            a_socket_that_has_gone_is_not_put_back,
            of_several_sockets_each_is_told_how_it_stands,
            who_is_refused_changes_nothing,
            records_are_found_by_shop_module_and_user,
            pages_follow_each_other_and_say_when_there_are_no_more,
        );
    };
    (@each $registry:expr; $($law:ident,)*) => {
        $(
            #[tokio::test]
            async fn $law() {
                $crate::registry::conformance::$law(&$registry).await;
            }
        )*
    };
}
pub use __registry_laws as registry_laws;

/// A record of a user's socket.
pub fn session(user: &str, device: &str, socket: &str) -> SessionRecord {
    SessionRecord {
        socket: SocketId::new(socket),
        user: UserId::new(user).expect("a law names its user"),
        shop: ShopId::new("s_1").expect("a name"),
        modules: Arc::new(BTreeSet::from([module("orders")])),
        device: Device::new(device).expect("a law names its device"),
        connected_at: NOW,
        issued_at: NOW,
        expires_at: NOW.plus(Millis(600_000)),
        node: NODE.to_owned(),
        position: Position::ZERO,
    }
}

/// Claims the socket for a session, where the newer device wins.
pub async fn claim(
    registry: &impl Registry,
    session: &SessionRecord,
    claim: Option<u64>,
) -> Claimed {
    let request = ClaimRequest {
        policy: Concurrency::Replace,
        session,
        claim,
        dead: None,
    };
    let claimed = registry.claim(NOW, &request).await;
    claimed.expect("the registry is available")
}

/// How a socket stands that was granted this claim.
pub async fn keep(registry: &impl Registry, session: &SessionRecord, claim: u64) -> Standing {
    let held = Held {
        session: Arc::new(session.clone()),
        claim,
    };
    let mut standings = registry.keep(NOW, &[held]).await;
    assert_eq!(standings.len(), 1);
    standings.remove(0).expect("the registry is available")
}

async fn release(registry: &impl Registry, session: &SessionRecord) {
    let released = registry.release(NOW, session).await;
    assert_eq!(released, Ok(()));
}

fn module(name: &str) -> Module {
    Module::new(name).expect("a law names its module")
}

async fn find(registry: &impl Registry, query: SessionQuery) -> (Vec<SocketId>, bool) {
    let page = registry.find(NOW, &query).await;
    let page = page.expect("the registry is available");
    let sockets = page.sessions.into_iter().map(|session| session.socket);
    (sockets.collect(), page.more)
}

fn of_user(user: &str) -> SessionQuery {
    SessionQuery {
        user: Some(UserId::new(user).expect("a law names its user")),
        limit: 10,
        ..SessionQuery::default()
    }
}

/// The newer grant says which record it took the place of.
pub async fn a_user_has_one_socket_and_each_grant_raises_the_claim(registry: &impl Registry) {
    let (laptop, phone) = (
        session("one", "laptop", "one_1"),
        session("one", "phone", "one_2"),
    );
    let first = claim(registry, &laptop, None).await;
    assert_eq!(
        first,
        Claimed::Granted {
            claim: 1,
            closes: None
        }
    );
    let second = claim(registry, &phone, None).await;
    let closes = Some((laptop, CloseCode::Replaced));
    assert_eq!(second, Claimed::Granted { claim: 2, closes });
    let found = find(registry, of_user("one")).await;
    assert_eq!(found, (vec![phone.socket], false));
}

/// A claim whose answer was lost may be made again.
pub async fn the_same_socket_is_granted_the_place_once(registry: &impl Registry) {
    let laptop = session("same", "laptop", "same_1");
    for _ in 0..2 {
        let claimed = claim(registry, &laptop, None).await;
        let granted = Claimed::Granted {
            claim: 1,
            closes: None,
        };
        assert_eq!(claimed, granted);
    }
}

/// An automatic reconnect is told from a newer claim although nobody is connected.
pub async fn the_claim_outlives_the_socket(registry: &impl Registry) {
    let phone = session("outlives", "phone", "outlives_2");
    claim(registry, &session("outlives", "laptop", "outlives_1"), None).await;
    claim(registry, &phone, None).await;
    release(registry, &phone).await;
    let laptop = session("outlives", "laptop", "outlives_3");
    let automatic = claim(registry, &laptop, Some(1)).await;
    assert_eq!(automatic, Claimed::Refused(CloseCode::Replaced));
    let by_hand = claim(registry, &laptop, None).await;
    assert_eq!(
        by_hand,
        Claimed::Granted {
            claim: 3,
            closes: None
        }
    );
}

/// Only the socket of the last grant gives it back or keeps it.
pub async fn a_socket_that_lost_its_place_changes_nothing(registry: &impl Registry) {
    let (old, new) = (
        session("fence", "d", "fence_1"),
        session("fence", "d", "fence_2"),
    );
    claim(registry, &old, None).await;
    claim(registry, &new, None).await;
    release(registry, &old).await;
    let lost = Standing::Lost(CloseCode::Superseded);
    assert_eq!(keep(registry, &old, 1).await, lost);
    let found = find(registry, of_user("fence")).await;
    assert_eq!(found, (vec![new.socket], false));
}

/// Asking whether the holder lives takes nothing from it.
pub async fn a_holder_that_is_probed_keeps_its_place(registry: &impl Registry) {
    let (laptop, phone) = (
        session("probe", "laptop", "probe_1"),
        session("probe", "phone", "probe_2"),
    );
    claim(registry, &laptop, None).await;
    let request = |dead| {
        let (registry, phone) = (&registry, &phone);
        async move {
            let request = ClaimRequest {
                policy: Concurrency::Reject,
                session: phone,
                claim: None,
                dead,
            };
            registry.claim(NOW, &request).await
        }
    };
    assert_eq!(request(None).await, Ok(Claimed::Probe(laptop.clone())));
    let found = find(registry, of_user("probe")).await;
    assert_eq!(found, (vec![laptop.socket.clone()], false));
    let dead = Some(&laptop.socket);
    let closes = Some((laptop.clone(), CloseCode::Replaced));
    assert_eq!(
        request(dead).await,
        Ok(Claimed::Granted { claim: 2, closes })
    );
}

/// Compare and set: every grant but the first closes exactly one socket, and one is left.
pub async fn of_claims_at_the_same_time_each_closes_the_one_before(registry: &impl Registry) {
    let sessions: Vec<_> = (0..20)
        .map(|n| session("race", &format!("d_{n}"), &format!("race_{n}")))
        .collect();
    let claims = sessions
        .iter()
        .map(|session| claim(registry, session, None));
    let mut claims: Vec<(u64, Option<SocketId>)> = futures_util::future::join_all(claims)
        .await
        .into_iter()
        .map(|claimed| match claimed {
            Claimed::Granted { claim, closes } => {
                (claim, closes.map(|(session, _)| session.socket))
            }
            other => panic!("replace grants: {other:?}"),
        })
        .collect();
    claims.sort();
    assert!(claims.iter().map(|(claim, _)| *claim).eq(1..=20));
    let closed: BTreeSet<_> = claims
        .into_iter()
        .filter_map(|(_, closes)| closes)
        .collect();
    assert_eq!(closed.len(), 19);
    let (left, _) = find(registry, of_user("race")).await;
    assert!(left.len() == 1 && !closed.contains(&left[0]));
}

/// Until the token's user gets one that was issued later.
pub async fn tokens_issued_until_a_denial_are_refused(registry: &impl Registry) {
    let old = session("denied", "d", "denied_1");
    claim(registry, &old, None).await;
    let closed = registry.deny(NOW, &old.user, None).await;
    assert_eq!(closed, Ok(Some(old.clone())));
    assert_eq!(keep(registry, &old, 1).await, Standing::Denied);
    let refused = claim(registry, &old, None).await;
    assert_eq!(refused, Claimed::Refused(CloseCode::Unauthorized));
    let mut new = session("denied", "d", "denied_2");
    new.issued_at = NOW.plus(Millis(1));
    assert!(matches!(
        claim(registry, &new, None).await,
        Claimed::Granted { .. }
    ));
}

/// Other devices of the user go on.
pub async fn a_denial_of_a_device_is_for_that_device(registry: &impl Registry) {
    let laptop = session("denied_device", "laptop", "denied_device_1");
    claim(registry, &laptop, None).await;
    let phone = Device::new("phone").expect("a name");
    assert_eq!(
        registry.deny(NOW, &laptop.user, Some(&phone)).await,
        Ok(None)
    );
    assert_eq!(keep(registry, &laptop, 1).await, Standing::Kept);
    let refused = claim(
        registry,
        &session("denied_device", "phone", "denied_device_2"),
        None,
    )
    .await;
    assert_eq!(refused, Claimed::Refused(CloseCode::Unauthorized));
}

/// The modules of a record are those of the newest token, its position is the last that was told.
pub async fn a_renewal_changes_what_is_found(registry: &impl Registry) {
    let mut renewed = session("renew", "d", "renew_1");
    claim(registry, &renewed, None).await;
    renewed.modules = Arc::new(BTreeSet::from([module("renewed")]));
    renewed.position = Position::new(7).expect("a position");
    assert_eq!(keep(registry, &renewed, 1).await, Standing::Kept);
    let by_module = SessionQuery {
        module: Some(module("renewed")),
        limit: 10,
        ..SessionQuery::default()
    };
    let page = registry.find(NOW, &by_module).await;
    let page = page.expect("the registry is available");
    assert_eq!((page.sessions, page.more), (vec![renewed], false));
}

/// What becomes of a registry that lost all it knew: the sockets that are there tell it.
pub async fn a_record_that_was_forgotten_is_put_back_with_its_claim(registry: &impl Registry) {
    let laptop = session("forgotten", "laptop", "forgotten_1");
    assert_eq!(keep(registry, &laptop, 7).await, Standing::Kept);
    let found = find(registry, of_user("forgotten")).await;
    assert_eq!(found, (vec![laptop.socket.clone()], false));
    let phone = session("forgotten", "phone", "forgotten_2");
    let closes = Some((laptop.clone(), CloseCode::Replaced));
    assert_eq!(
        claim(registry, &phone, None).await,
        Claimed::Granted { claim: 8, closes }
    );
    let lost = Standing::Lost(CloseCode::Replaced);
    assert_eq!(keep(registry, &laptop, 7).await, lost);
}

/// Its claims begin anew, so the lower one may be the later one.
pub async fn a_record_is_not_put_back_when_somebody_was_granted_the_place_since(
    registry: &impl Registry,
) {
    let laptop = session("since", "laptop", "since_1");
    for (socket, is_there) in [("since_2", true), ("since_3", false)] {
        let mut phone = session("since", "phone", socket);
        phone.connected_at = NOW.plus(Millis(1));
        claim(registry, &phone, None).await;
        if !is_there {
            release(registry, &phone).await;
        }
        let lost = Standing::Lost(CloseCode::Replaced);
        assert_eq!(keep(registry, &laptop, 7).await, lost);
        let found = if is_there { vec![phone.socket] } else { vec![] };
        assert_eq!(find(registry, of_user("since")).await, (found, false));
    }
}

/// A failover may lose the last that was written. The place is the later socket's all the same.
pub async fn a_registry_that_was_set_back_is_told_of_the_later_grant(registry: &impl Registry) {
    let earlier = session("set_back", "laptop", "set_back_1");
    let mut later = session("set_back", "phone", "set_back_2");
    later.connected_at = NOW.plus(Millis(1));
    claim(registry, &earlier, None).await;
    assert_eq!(keep(registry, &later, 2).await, Standing::Kept);
    let lost = Standing::Lost(CloseCode::Replaced);
    assert_eq!(keep(registry, &earlier, 1).await, lost);
    let found = find(registry, of_user("set_back")).await;
    assert_eq!(found, (vec![later.socket], false));
}

/// A look at the sockets of a node may be under way while one of them goes.
pub async fn a_socket_that_has_gone_is_not_put_back(registry: &impl Registry) {
    let gone = session("gone", "d", "gone_1");
    claim(registry, &gone, None).await;
    release(registry, &gone).await;
    assert!(matches!(keep(registry, &gone, 1).await, Standing::Lost(_)));
    assert_eq!(find(registry, of_user("gone")).await, (vec![], false));
    let again = session("gone", "d", "gone_2");
    let granted = claim(registry, &again, Some(1)).await;
    assert_eq!(
        granted,
        Claimed::Granted {
            claim: 2,
            closes: None
        }
    );
}

/// Each by itself, whatever becomes of the others.
pub async fn of_several_sockets_each_is_told_how_it_stands(registry: &impl Registry) {
    let sessions: Vec<_> = (0..4)
        .map(|n| session(&format!("several_{n}"), "d", &format!("several_{n}")))
        .collect();
    for session in &sessions {
        claim(registry, session, None).await;
    }
    let other = session("several_1", "other", "several_other");
    claim(registry, &other, None).await;
    let denied = registry.deny(NOW, &sessions[2].user, None).await;
    assert_eq!(denied, Ok(Some(sessions[2].clone())));
    let held: Vec<_> = sessions
        .iter()
        .map(|session| Held {
            session: Arc::new(session.clone()),
            claim: 1,
        })
        .collect();
    assert_eq!(
        registry.keep(NOW, &held).await,
        [
            Ok(Standing::Kept),
            Ok(Standing::Lost(CloseCode::Replaced)),
            Ok(Standing::Denied),
            Ok(Standing::Kept),
        ]
    );
    assert_eq!(registry.keep(NOW, &[]).await, []);
}

/// Whoever is not granted the place takes nothing: neither the holder's, nor its own later.
pub async fn who_is_refused_changes_nothing(registry: &impl Registry) {
    let phone = session("refused", "phone", "refused_2");
    claim(registry, &session("refused", "laptop", "refused_1"), None).await;
    claim(registry, &phone, None).await;
    let laptop = session("refused", "laptop", "refused_3");
    let refused = claim(registry, &laptop, Some(1)).await;
    assert_eq!(refused, Claimed::Refused(CloseCode::Replaced));
    release(registry, &laptop).await;
    assert_eq!(keep(registry, &phone, 2).await, Standing::Kept);
    let found = find(registry, of_user("refused")).await;
    assert_eq!(found, (vec![phone.socket], false));
}

/// Each condition narrows the search.
pub async fn records_are_found_by_shop_module_and_user(registry: &impl Registry) {
    let shop = ShopId::new("find").expect("a name");
    for (user, modules) in [("find_1", ["a", "b"]), ("find_2", ["b", "c"])] {
        let mut record = session(user, "d", user);
        record.shop = shop.clone();
        record.modules = Arc::new(modules.into_iter().map(module).collect());
        claim(registry, &record, None).await;
    }
    for (name, users) in [
        ("a", vec!["find_1"]),
        ("b", vec!["find_1", "find_2"]),
        ("x", vec![]),
    ] {
        let query = SessionQuery {
            shop: Some(shop.clone()),
            module: Some(module(name)),
            limit: 10,
            ..SessionQuery::default()
        };
        let users: Vec<_> = users.into_iter().map(SocketId::new).collect();
        assert_eq!(find(registry, query).await, (users, false));
    }
}

/// Nobody is left out or given twice.
pub async fn pages_follow_each_other_and_say_when_there_are_no_more(registry: &impl Registry) {
    let shop = ShopId::new("pages").expect("a name");
    for n in 0..5 {
        let mut record = session(&format!("pages_{n}"), "d", &format!("pages_{n}"));
        record.shop = shop.clone();
        claim(registry, &record, None).await;
    }
    let mut query = SessionQuery {
        shop: Some(shop),
        limit: 2,
        ..SessionQuery::default()
    };
    let mut sizes = Vec::new();
    let mut seen = BTreeSet::new();
    loop {
        let page = registry.find(NOW, &query).await;
        let page = page.expect("the registry is available");
        sizes.push(page.sessions.len());
        query.after = page.sessions.last().map(|session| session.user.clone());
        seen.extend(page.sessions.into_iter().map(|session| session.user));
        if !page.more {
            break;
        }
    }
    assert_eq!((sizes, seen.len()), (vec![2, 2, 1], 5));
}
