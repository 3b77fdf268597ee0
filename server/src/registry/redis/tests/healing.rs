//! What is wrong in Redis and puts itself right, or does at least no harm.

use super::*;
use crate::registry::conformance::{claim, keep};

async fn found(registry: &RedisRegistry, shop: Option<&ShopId>) -> Vec<String> {
    let query = SessionQuery {
        shop: shop.cloned(),
        limit: 1_000,
        ..SessionQuery::default()
    };
    let page = registry.find(NOW, &query).await;
    let sessions = page.expect("Redis is there").sessions;
    let users = sessions.iter().map(|session| session.user.to_string());
    users.collect()
}

#[tokio::test]
async fn a_member_that_is_missing_in_an_index_comes_with_the_next_sign_of_life() {
    let Some(registry) = registry().await else {
        return;
    };
    let laptop = session("u_1", "laptop", "1");
    claim(&registry, &laptop, None).await;
    let indexes = [Some(&laptop.shop), None].map(|shop| registry.keys.members(shop));
    let _: u64 = command(&registry, &["DEL", &indexes[0], &indexes[1]]).await;
    assert!(found(&registry, None).await.is_empty());
    assert_eq!(keep(&registry, &laptop, 1).await, Standing::Kept);
    assert_eq!(found(&registry, None).await, ["u_1"]);
    assert_eq!(found(&registry, Some(&laptop.shop)).await, ["u_1"]);
}

#[tokio::test]
async fn members_who_have_gone_or_are_of_another_shop_are_dropped_by_who_comes_across_them() {
    let Some(registry) = registry().await else {
        return;
    };
    let laptop = session("u_1", "laptop", "1");
    claim(&registry, &laptop, None).await;
    let (own, other) = (laptop.shop, ShopId::new("s_2").expect("a name"));
    let [own_index, other_index] = [&own, &other].map(|shop| registry.keys.members(Some(shop)));
    for (index, users) in [(&own_index, ["a", "z"]), (&other_index, ["u_1", "z"])] {
        for user in users {
            let _: u64 = command(&registry, &["ZADD", index, "0", user]).await;
        }
    }
    assert_eq!(found(&registry, Some(&own)).await, ["u_1"]);
    assert!(found(&registry, Some(&other)).await.is_empty());
    for (index, users) in [(own_index, vec!["u_1"]), (other_index, vec![])] {
        let left: Vec<String> = command(&registry, &["ZRANGE", &index, "0", "-1"]).await;
        assert_eq!(left, users);
    }
}

#[tokio::test]
async fn more_members_than_are_read_at_a_time_are_all_found() {
    let Some(registry) = registry().await else {
        return;
    };
    let count = 600;
    for n in 0..count {
        // Every other one has gone.
        let user = session(&format!("u_{n:03}"), "d", &n.to_string());
        claim(&registry, &user, None).await;
        if n % 2 == 1 {
            let [record, ..] = registry.keys.user(&user.user);
            let _: u64 = command(&registry, &["DEL", &record]).await;
        }
    }
    let all: Vec<_> = (0..count).step_by(2).map(|n| format!("u_{n:03}")).collect();
    assert_eq!(found(&registry, None).await, all);
}

#[tokio::test]
async fn sessions_of_a_node_that_does_not_live_are_not_found_until_it_does() {
    let Some(registry) = registry().await else {
        return;
    };
    let here = session("u_1", "d", "1");
    let mut there = session("u_2", "d", "2");
    "dead".clone_into(&mut there.node);
    for session in [&here, &there] {
        claim(&registry, session, None).await;
    }
    assert_eq!(found(&registry, None).await, ["u_1"]);
    let of_user = SessionQuery {
        user: Some(there.user),
        limit: 1,
        ..SessionQuery::default()
    };
    let none = registry.find(NOW, &of_user).await;
    assert_eq!(none, Ok(SessionPage::default()));
    let lease = registry.keys.lease("dead");
    let _: () = command(&registry, &["SET", &lease, ""]).await;
    assert_eq!(found(&registry, None).await, ["u_1", "u_2"]);
}

#[tokio::test]
async fn a_record_that_can_not_be_read_locks_nobody_out() {
    let Some(registry) = registry().await else {
        return;
    };
    let laptop = session("u_1", "laptop", "1");
    claim(&registry, &laptop, None).await;
    let [record, ..] = registry.keys.user(&laptop.user);
    let _: u64 = command(&registry, &["HSET", &record, "record", "{"]).await;
    assert!(found(&registry, None).await.is_empty());
    let granted = Claimed::Granted {
        claim: 2,
        closes: None,
    };
    let phone = session("u_1", "phone", "2");
    assert_eq!(claim(&registry, &phone, None).await, granted);
    assert_eq!(found(&registry, None).await, ["u_1"]);
}

#[tokio::test]
async fn one_users_keys_that_are_spoilt_are_nothing_to_the_others() {
    let Some(registry) = registry().await else {
        return;
    };
    let sessions = ["u_1", "u_2"].map(|user| session(user, "d", user));
    for session in &sessions {
        claim(&registry, session, None).await;
    }
    let [_, grant, _] = registry.keys.user(&sessions[0].user);
    let _: () = command(&registry, &["SET", &grant, "spoilt"]).await;
    let held = sessions.map(|session| Held {
        session: session.into(),
        claim: 1,
    });
    let standings = registry.keep(NOW, &held).await;
    assert!(standings[0].is_err());
    assert_eq!(standings[1], Ok(Standing::Kept));
}
