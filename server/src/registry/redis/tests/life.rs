//! How long what is in Redis lives.

use super::*;
use crate::registry::conformance::{claim, keep};

/// How long a key lives on.
async fn left(registry: &RedisRegistry, key: &str) -> u64 {
    let left: i64 = command(registry, &["PTTL", key]).await;
    left.try_into().expect("it is there, and not for ever")
}

/// Whether something lives for so long from a moment ago.
fn is_about(left: u64, whole: Millis) -> bool {
    (whole.0.saturating_sub(60_000)..=whole.0).contains(&left)
}

#[tokio::test]
async fn a_record_lives_as_long_as_its_token_may_and_the_claim_a_day_longer() {
    let Some(registry) = registry().await else {
        return;
    };
    let mut laptop = session("u_1", "laptop", "1");
    let [record, grant, _] = registry.keys.user(&laptop.user);
    claim(&registry, &laptop, None).await;
    for life in [Millis(600_000), Millis(3_600_000)] {
        laptop.expires_at = NOW.plus(life);
        assert_eq!(keep(&registry, &laptop, 1).await, Standing::Kept);
        let life = life.plus(GRACE);
        assert!(is_about(left(&registry, &record).await, life));
        let life = life.plus(CLAIM_KEPT);
        assert!(is_about(left(&registry, &grant).await, life));
    }
    let released = registry.release(NOW, &laptop).await;
    assert_eq!(released, Ok(()));
    let exists: bool = command(&registry, &["EXISTS", &record]).await;
    assert!(!exists);
    assert!(is_about(left(&registry, &grant).await, CLAIM_KEPT));
}

#[tokio::test]
async fn a_token_that_has_ended_or_never_ends_is_no_error() {
    let Some(registry) = registry().await else {
        return;
    };
    let mut laptop = session("u_1", "laptop", "1");
    let [record, ..] = registry.keys.user(&laptop.user);
    laptop.expires_at = Millis(u64::MAX);
    claim(&registry, &laptop, None).await;
    assert!(is_about(left(&registry, &record).await, RECORD_KEPT_MAX));
    laptop.expires_at = Millis(0);
    assert_eq!(keep(&registry, &laptop, 1).await, Standing::Kept);
}

#[tokio::test]
async fn the_place_of_a_record_that_has_expired_is_free() {
    let Some(registry) = registry().await else {
        return;
    };
    let laptop = session("u_1", "laptop", "1");
    claim(&registry, &laptop, None).await;
    let [record, ..] = registry.keys.user(&laptop.user);
    let _: u64 = command(&registry, &["DEL", &record]).await;
    let phone = session("u_1", "phone", "2");
    let request = ClaimRequest {
        policy: Concurrency::Reject,
        session: &phone,
        claim: None,
        dead: None,
    };
    let claimed = registry.claim(NOW, &request).await;
    let granted = Claimed::Granted {
        claim: 2,
        closes: None,
    };
    assert_eq!(claimed, Ok(granted));
}

#[tokio::test]
async fn denials_are_kept_for_a_month_and_so_many_of_a_user() {
    let Some(registry) = registry().await else {
        return;
    };
    let user = session("u_1", "d", "1").user;
    let [.., denials] = registry.keys.user(&user);
    for n in 0..DENIED_DEVICES_MAX {
        let device = Device::new(&n.to_string()).expect("a name");
        assert_eq!(registry.deny(NOW, &user, Some(&device)).await, Ok(None));
    }
    assert!(is_about(left(&registry, &denials).await, DENIAL_KEPT));
    let one_more = Device::new("one_more").expect("a name");
    let full = registry.deny(NOW, &user, Some(&one_more)).await;
    assert!(full.is_err_and(|error| error.0.contains("deny the user")));
    // One that is denied already can be denied again, and those of long ago make room.
    let first = Device::new("0").expect("a name");
    assert_eq!(registry.deny(NOW, &user, Some(&first)).await, Ok(None));
    let later = NOW.plus(DENIAL_KEPT);
    assert_eq!(registry.deny(later, &user, Some(&one_more)).await, Ok(None));
    let left: u64 = command(&registry, &["HLEN", &denials]).await;
    assert_eq!(left, 1);
}

#[tokio::test]
async fn an_index_that_nobody_adds_to_goes() {
    let Some(registry) = registry().await else {
        return;
    };
    let laptop = session("u_1", "laptop", "1");
    claim(&registry, &laptop, None).await;
    for index in [Some(&laptop.shop), None].map(|shop| registry.keys.members(shop)) {
        assert!(is_about(left(&registry, &index).await, INDEX_KEPT));
        // Adding to it again lengthens its life.
        let _: u64 = command(&registry, &["PEXPIRE", &index, "1000"]).await;
        assert_eq!(keep(&registry, &laptop, 1).await, Standing::Kept);
        assert!(is_about(left(&registry, &index).await, INDEX_KEPT));
    }
}
