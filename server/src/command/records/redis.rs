//! The records in Redis: a hash per command, in the slot of its shop, gone when no copy of the command can be run any more.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tabwire_protocol::{Command, Executed, Millis, NackCode, RawJson};

use super::{Begun, Outcome, Records, RecordsUnavailable};
use crate::{
    fnv::fingerprint,
    random,
    redis::{Link, LinkError, Script},
    registry::SessionRecord,
};

/// The records behind a link, under a prefix of all keys.
#[derive(Debug)]
pub(crate) struct RedisRecords {
    link: Link,
    prefix: String,
    /// Tells this node's commands from those of others.
    owner: String,
    begin: Script,
}

/// KEYS: the command. ARGV: its body's fingerprint, who runs it, milliseconds of the lease, milliseconds that it is kept.
const BEGIN: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('HMGET', KEYS[1], 'body', 'outcome', 'owner', 'until')
if found[1] and found[1] ~= ARGV[1] then
  return { 'conflict' }
end
if found[2] then
  return { 'settled', found[2] }
end
if found[1] and found[3] ~= ARGV[2] and now < tonumber(found[4]) then
  return { 'elsewhere' }
end
redis.call('HSET', KEYS[1], 'body', ARGV[1], 'owner', ARGV[2], 'until', string.format('%.0f', now + ARGV[3]))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return { 'mine' }
";

impl RedisRecords {
    pub(crate) fn new(link: Link, prefix: String) -> Self {
        Self {
            link,
            prefix,
            owner: random::hex::<8>(),
            begin: Script::new(BEGIN),
        }
    }

    fn key(&self, session: &SessionRecord, command: &Command) -> String {
        let SessionRecord { shop, user, .. } = session;
        format!("{}{{{shop}}}:cmd:{user}:{}", self.prefix, command.id)
    }
}

impl Records for RedisRecords {
    async fn begin(
        &self,
        session: &SessionRecord,
        command: &Command,
        lease: Millis,
        kept: Millis,
    ) -> Result<Begun, RecordsUnavailable> {
        let key = self.key(session, command);
        let body = body_of(command);
        let (lease, kept) = (lease.0.to_string(), kept.0.max(1).to_string());
        let args = [
            body.as_bytes(),
            self.owner.as_bytes(),
            lease.as_bytes(),
            kept.as_bytes(),
        ];
        let answer: Vec<String> = self
            .link
            .run("begin_command", &self.begin, &[&key], &args)
            .await?;
        let words: Vec<&str> = answer.iter().map(String::as_str).collect();
        match words[..] {
            ["mine"] => Ok(Begun::Mine),
            ["elsewhere"] => Ok(Begun::Elsewhere),
            ["conflict"] => Ok(Begun::Conflict),
            ["settled", outcome] => Ok(Begun::Settled(decode(outcome)?)),
            _ => Err(damaged()),
        }
    }

    async fn settle(
        &self,
        session: &SessionRecord,
        command: &Command,
        outcome: &Outcome,
        kept: Millis,
    ) -> Result<(), RecordsUnavailable> {
        let key = self.key(session, command);
        let (body, outcome) = (body_of(command), encode(outcome));
        let words: [&[u8]; 6] = [
            b"HSET",
            key.as_bytes(),
            b"body",
            body.as_bytes(),
            b"outcome",
            outcome.as_bytes(),
        ];
        let _: i64 = self.link.command("settle_command", &words).await?;
        let kept = kept.0.max(1).to_string();
        let words: [&[u8]; 3] = [b"PEXPIRE", key.as_bytes(), kept.as_bytes()];
        let _: i64 = self.link.command("settle_command", &words).await?;
        Ok(())
    }

    async fn recall(
        &self,
        session: &SessionRecord,
        command: &Command,
    ) -> Result<Option<Begun>, RecordsUnavailable> {
        let key = self.key(session, command);
        let words: [&[u8]; 4] = [b"HMGET", key.as_bytes(), b"body", b"outcome"];
        let found: (Option<String>, Option<String>) =
            self.link.command("recall_command", &words).await?;
        Ok(match found {
            (None, _) => None,
            (Some(body), _) if body != body_of(command) => Some(Begun::Conflict),
            (Some(_), None) => Some(Begun::Elsewhere),
            (Some(_), Some(outcome)) => Some(Begun::Settled(decode(&outcome)?)),
        })
    }
}

impl From<LinkError> for RecordsUnavailable {
    fn from(error: LinkError) -> Self {
        Self(error.to_string())
    }
}

fn body_of(command: &Command) -> String {
    fingerprint([command.event_type.as_str(), command.payload.as_str()])
}

fn damaged() -> RecordsUnavailable {
    RecordsUnavailable("a record is damaged in Redis".to_owned())
}

/// An outcome as it is kept. What the app ran made no event of ours.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kept {
    Done {
        result: Option<Box<RawValue>>,
    },
    Failed {
        code: NackCode,
        executed: Executed,
        message: String,
    },
}

fn encode(outcome: &Outcome) -> String {
    let kept = match outcome.clone() {
        Outcome::Done { event: _, result } => Kept::Done {
            result: result.map(|json| {
                RawValue::from_string(json.as_str().to_owned()).expect("a result is JSON")
            }),
        },
        Outcome::Failed {
            code,
            executed,
            message,
        } => Kept::Failed {
            code,
            executed,
            message,
        },
    };
    serde_json::to_string(&kept).expect("it can be written as JSON")
}

fn decode(text: &str) -> Result<Outcome, RecordsUnavailable> {
    Ok(
        match serde_json::from_str::<Kept>(text).map_err(|_| damaged())? {
            Kept::Done { result } => Outcome::Done {
                event: None,
                result: result
                    .map(|json| RawJson::new(json.get()))
                    .transpose()
                    .map_err(|_| damaged())?,
            },
            Kept::Failed {
                code,
                executed,
                message,
            } => Outcome::Failed {
                code,
                executed,
                message,
            },
        },
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tabwire_protocol::{Device, EventType, Position, ShopId, UserId};
    use tokio::time::{Duration, timeout};

    use super::*;
    use crate::{redis::testing, registry::SocketId};

    const LEASE: Millis = Millis(600_000);
    const KEPT: Millis = Millis(600_000);

    fn session() -> SessionRecord {
        SessionRecord {
            socket: SocketId::new("socket"),
            user: UserId::new("u_1").expect("a name"),
            shop: ShopId::new("s_1").expect("a name"),
            modules: Arc::default(),
            device: Device::new("laptop").expect("a name"),
            connected_at: Millis(0),
            issued_at: Millis(0),
            expires_at: Millis(0),
            node: "n".to_owned(),
            position: Position::ZERO,
        }
    }

    fn command(payload: &str) -> Command {
        Command {
            id: "a:1".to_owned(),
            event_type: EventType::new("pay").expect("a name"),
            payload: RawJson::new(payload).expect("JSON"),
            deadline: None,
        }
    }

    #[tokio::test]
    async fn one_node_runs_a_command_and_all_know_what_came_of_it() {
        let Some(redis) = testing::shared() else {
            return;
        };
        let prefix = testing::prefix();
        let (here, there) = (
            RedisRecords::new(redis.link(), prefix.clone()),
            RedisRecords::new(redis.link(), prefix),
        );
        let (session, pay) = (session(), command("1"));
        let begun = |records| begin(records, &session, &pay, LEASE);
        assert_eq!(there.recall(&session, &pay).await, Ok(None));
        assert_eq!(begun(&here).await, Begun::Mine);
        assert_eq!(begun(&there).await, Begun::Elsewhere);
        assert_eq!(begun(&here).await, Begun::Mine);
        assert_eq!(
            there.recall(&session, &pay).await,
            Ok(Some(Begun::Elsewhere))
        );
        for outcome in [
            Outcome::Done {
                event: None,
                result: Some(RawJson::new(r#"{"paid": 1.50}"#).expect("JSON")),
            },
            Outcome::Failed {
                code: NackCode::Unavailable,
                executed: Executed::Unknown,
                message: "no answer".to_owned(),
            },
        ] {
            assert_eq!(here.settle(&session, &pay, &outcome, KEPT).await, Ok(()));
            assert_eq!(begun(&there).await, Begun::Settled(outcome.clone()));
            let recalled = there.recall(&session, &pay).await;
            assert_eq!(recalled, Ok(Some(Begun::Settled(outcome))));
        }
        let other = begin(&there, &session, &command("2"), LEASE).await;
        assert_eq!(other, Begun::Conflict);
    }

    #[tokio::test]
    async fn a_command_whose_node_is_silent_is_taken_over() {
        let Some(redis) = testing::shared() else {
            return;
        };
        let prefix = testing::prefix();
        let (here, there) = (
            RedisRecords::new(redis.link(), prefix.clone()),
            RedisRecords::new(redis.link(), prefix),
        );
        let (session, pay) = (session(), command("1"));
        assert_eq!(begin(&here, &session, &pay, Millis(50)).await, Begun::Mine);
        let taken_over =
            async { while begin(&there, &session, &pay, LEASE).await != Begun::Mine {} };
        assert!(timeout(Duration::from_secs(10), taken_over).await.is_ok());
        assert_eq!(begin(&here, &session, &pay, LEASE).await, Begun::Elsewhere);
    }

    async fn begin(
        records: &RedisRecords,
        session: &SessionRecord,
        command: &Command,
        lease: Millis,
    ) -> Begun {
        let begun = records.begin(session, command, lease, KEPT).await;
        begun.expect("it is available")
    }
}
