//! The laws of the trait on a real Redis, and any sequence of operations beside the registry in memory.

mod healing;
mod late;
mod life;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::{collection::vec, option, prelude::*, sample::select};
use tabwire_protocol::{Module, Position, ShopId};
use tokio::runtime::Runtime;

use super::*;
use crate::{
    redis::testing,
    registry::{
        Concurrency, MemoryRegistry,
        conformance::{self, NOW, session},
    },
};

/// A registry of its own, whose nodes live.
async fn registry() -> Option<RedisRegistry> {
    let keys = Keys::new(&testing::prefix());
    let registry = RedisRegistry::new(testing::shared()?.link(), keys, GRACE);
    let lease = registry.keys.lease(conformance::NODE);
    let _: () = command(&registry, &["SET", &lease, ""]).await;
    Some(registry)
}

/// How long after its token's end a socket may still be there.
const GRACE: Millis = Millis(4_000);

/// What an operator, or a failure, does to Redis.
async fn command<T: crate::redis::FromRedisValue>(registry: &RedisRegistry, words: &[&str]) -> T {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    let answer = registry.link.command("test", &words).await;
    answer.expect("Redis is there")
}

conformance::registry_laws!(match registry().await {
    Some(registry) => registry,
    None => return,
});

/// What a node may ask of a registry. Sockets are numbered by who asked for them; time stands still, but for when tokens were issued.
#[derive(Clone, Debug)]
enum Operation {
    Claim {
        policy: Concurrency,
        user: u8,
        device: u8,
        socket: u8,
        claim: Option<u64>,
        dead: Option<u8>,
        issued: u64,
    },
    Keep {
        user: u8,
        device: u8,
        socket: u8,
        issued: u64,
    },
    Release {
        user: u8,
        device: u8,
        socket: u8,
    },
    Deny {
        user: u8,
        device: Option<u8>,
        after: u64,
    },
    Find {
        user: Option<u8>,
        shop: Option<u8>,
        module: Option<u8>,
        after: Option<u8>,
        limit: usize,
    },
}

fn operation() -> impl Strategy<Value = Operation> {
    let (user, device, socket) = (0..3_u8, 0..2_u8, 0..6_u8);
    let policy = select(vec![Concurrency::Replace, Concurrency::Reject]);
    prop_oneof![
        5 => (policy, user.clone(), device.clone(), socket.clone(), option::of(0..5_u64), option::of(socket.clone()), 0..3_u64)
            .prop_map(|(policy, user, device, socket, claim, dead, issued)| Operation::Claim { policy, user, device, socket, claim, dead, issued }),
        3 => (user.clone(), device.clone(), socket.clone(), 0..3_u64)
            .prop_map(|(user, device, socket, issued)| Operation::Keep { user, device, socket, issued }),
        2 => (user.clone(), device.clone(), socket)
            .prop_map(|(user, device, socket)| Operation::Release { user, device, socket }),
        1 => (user.clone(), option::of(device), 0..2_u64)
            .prop_map(|(user, device, after)| Operation::Deny { user, device, after }),
        3 => (option::of(user.clone()), option::of(0..2_u8), option::of(0..2_u8), option::of(user), 1..3_usize)
            .prop_map(|(user, shop, module, after, limit)| Operation::Find { user, shop, module, after, limit }),
    ]
}

fn user(user: u8) -> UserId {
    UserId::new(&format!("u_{user}")).expect("a name")
}

fn device(device: u8) -> Device {
    Device::new(&format!("d_{device}")).expect("a name")
}

fn shop(shop: u8) -> ShopId {
    ShopId::new(&format!("s_{shop}")).expect("a name")
}

fn module(module: u8) -> Module {
    Module::new(&format!("m_{module}")).expect("a name")
}

/// A user is always of one shop; what else a record says follows from its socket.
fn record(of: u8, on: u8, socket: u8, issued: u64) -> SessionRecord {
    SessionRecord {
        user: user(of),
        device: device(on),
        shop: shop(of % 2),
        modules: Arc::new(BTreeSet::from([module(socket % 2)])),
        issued_at: NOW.plus(Millis(issued)),
        position: Position::new(u64::from(socket)).expect("small"),
        ..session("u", "d", &format!("{of}_{on}_{socket}"))
    }
}

/// Does an operation, and says what came of it.
async fn act(
    registry: &impl Registry,
    granted: &mut BTreeMap<SocketId, u64>,
    operation: &Operation,
) -> String {
    match *operation {
        Operation::Claim {
            policy,
            user,
            device,
            socket,
            claim,
            dead,
            issued,
        } => {
            let session = record(user, device, socket, issued);
            let dead = dead.map(|dead| SocketId::new(&format!("{user}_{}_{dead}", 1 - device)));
            let request = ClaimRequest {
                policy,
                session: &session,
                claim,
                dead: dead.as_ref(),
            };
            let claimed = registry.claim(NOW, &request).await;
            if let Ok(Claimed::Granted { claim, .. }) = &claimed {
                granted.insert(session.socket.clone(), *claim);
            }
            format!("{claimed:?}")
        }
        Operation::Keep {
            user,
            device,
            socket,
            issued,
        } => {
            let session = record(user, device, socket, issued);
            // Only who was granted the place says that it is there.
            let Some(claim) = granted.get(&session.socket).copied() else {
                return String::new();
            };
            let session = session.into();
            format!("{:?}", registry.keep(NOW, &[Held { session, claim }]).await)
        }
        Operation::Release {
            user,
            device,
            socket,
        } => {
            let session = record(user, device, socket, 0);
            format!("{:?}", registry.release(NOW, &session).await)
        }
        Operation::Deny {
            user: of,
            device: on,
            after,
        } => {
            let now = NOW.plus(Millis(after));
            format!(
                "{:?}",
                registry.deny(now, &user(of), on.map(device).as_ref()).await
            )
        }
        Operation::Find {
            user: of,
            shop: at,
            module: with,
            after,
            limit,
        } => {
            let query = SessionQuery {
                user: of.map(user),
                shop: at.map(shop),
                module: with.map(module),
                after: after.map(user),
                limit,
            };
            format!("{:?}", registry.find(NOW, &query).await)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is done, in whatever order: both registries say the same.
    #[test]
    fn it_says_what_the_registry_in_memory_says(operations in vec(operation(), 1..60)) {
        let runtime = Runtime::new().expect("there are threads");
        runtime.block_on(async {
            let Some(redis) = registry().await else { return Ok(()) };
            let memory = MemoryRegistry::default();
            let (mut here, mut there) = (BTreeMap::new(), BTreeMap::new());
            for (step, operation) in operations.iter().enumerate() {
                let said = act(&redis, &mut there, operation).await;
                let expected = act(&memory, &mut here, operation).await;
                prop_assert_eq!(said, expected, "step {}: {:?}", step, operation);
            }
            Ok(())
        })?;
    }
}
