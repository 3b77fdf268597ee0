//! Calls that run twice, or when nobody waits for them any more, as calls may whose connection broke.

use futures_util::future::join;

use super::*;
use crate::registry::conformance::{claim, keep};

/// The last grant of a user, as a call reads it.
async fn last(registry: &RedisRegistry, session: &SessionRecord) -> Option<Grant> {
    match registry.look(session).await {
        Ok(Outcome::Last(last)) => last.grant,
        other => panic!("nobody is denied: {other:?}"),
    }
}

#[tokio::test]
async fn a_grant_that_runs_twice_is_one() {
    let Some(registry) = registry().await else {
        return;
    };
    let laptop = session("u_1", "laptop", "1");
    for _ in 0..2 {
        let granted = registry.grant(NOW, None, 1, &laptop).await;
        assert!(matches!(granted, Ok(Outcome::Granted)));
    }
    let grant = last(&registry, &laptop).await.expect("it was granted");
    assert_eq!((grant.claim, grant.socket), (1, Some(laptop.socket)));
}

#[tokio::test]
async fn a_grant_that_was_not_heard_of_is_found_by_who_claims_again() {
    let Some(registry) = registry().await else {
        return;
    };
    let laptop = session("u_1", "laptop", "1");
    let granted = registry.grant(NOW, None, 1, &laptop).await;
    assert!(matches!(granted, Ok(Outcome::Granted)));
    let again = claim(&registry, &laptop, None).await;
    let granted = Claimed::Granted {
        claim: 1,
        closes: None,
    };
    assert_eq!(again, granted);
}

#[tokio::test]
async fn a_grant_that_runs_late_takes_the_place_from_nobody() {
    let Some(registry) = registry().await else {
        return;
    };
    let (late, phone) = (session("u_1", "laptop", "1"), session("u_1", "phone", "2"));
    claim(&registry, &phone, None).await;
    let seen = last(&registry, &phone).await;
    // Somebody else was granted the place, or it was given back, since the late one looked.
    let refused = registry.grant(NOW, None, 1, &late).await;
    assert!(matches!(refused, Ok(Outcome::Last(_))));
    assert_eq!(registry.release(NOW, &phone).await, Ok(()));
    let refused = registry.grant(NOW, seen.as_ref(), 2, &late).await;
    assert!(matches!(refused, Ok(Outcome::Last(_))));
    let grant = last(&registry, &phone).await.expect("it is remembered");
    assert_eq!((grant.claim, grant.socket), (1, None));
}

#[tokio::test]
async fn a_grant_that_runs_after_a_denial_is_none() {
    let Some(registry) = registry().await else {
        return;
    };
    let late = session("u_1", "laptop", "1");
    assert_eq!(registry.deny(NOW, &late.user, None).await, Ok(None));
    let denied = registry.grant(NOW, None, 1, &late).await;
    assert!(matches!(denied, Ok(Outcome::Denied)));
}

#[tokio::test]
async fn of_two_nodes_that_race_for_a_user_each_says_the_same_of_the_other() {
    let Some(one) = registry().await else {
        return;
    };
    let link = testing::shared().expect("it is there").link();
    let other = RedisRegistry::new(link, one.keys.clone(), GRACE);
    for round in 0..20 {
        let user = format!("u_{round}");
        let [laptop, phone] = ["laptop", "phone"].map(|device| session(&user, device, device));
        let claims = join(claim(&one, &laptop, None), claim(&other, &phone, None)).await;
        let (first, second, later) = match &claims {
            (Claimed::Granted { claim: 1, .. }, Claimed::Granted { claim: 2, .. }) => {
                (&laptop, &claims.1, &phone)
            }
            (Claimed::Granted { claim: 2, .. }, Claimed::Granted { claim: 1, .. }) => {
                (&phone, &claims.0, &laptop)
            }
            other => panic!("each is granted the place in its turn: {other:?}"),
        };
        let closes = Some((first.clone(), CloseCode::Replaced));
        assert_eq!(*second, Claimed::Granted { claim: 2, closes });
        let lost = Standing::Lost(CloseCode::Replaced);
        assert_eq!(keep(&other, first, 1).await, lost);
        assert_eq!(keep(&one, later, 2).await, Standing::Kept);
    }
}

#[tokio::test]
async fn without_redis_nothing_is_known() {
    let Some(redis) = testing::TestRedis::start() else {
        return;
    };
    let link = redis.link();
    let registry = RedisRegistry::new(link, Keys::new(&testing::prefix()), GRACE);
    let laptop = session("u_1", "laptop", "1");
    claim(&registry, &laptop, None).await;
    drop(redis);
    let request = ClaimRequest {
        policy: Concurrency::Replace,
        session: &laptop,
        claim: None,
        dead: None,
    };
    assert!(registry.claim(NOW, &request).await.is_err());
    assert!(registry.release(NOW, &laptop).await.is_err());
    assert!(registry.deny(NOW, &laptop.user, None).await.is_err());
    let query = SessionQuery::default();
    assert!(registry.find(NOW, &query).await.is_err());
    let held = Held {
        session: laptop.into(),
        claim: 1,
    };
    assert!(registry.keep(NOW, &[held]).await[0].is_err());
}
