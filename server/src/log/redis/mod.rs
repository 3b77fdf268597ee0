//! The log in Redis: one script per append, one per page.
//!
//! Per shop a hash (`…:meta`: epoch, head, the run of the server that wrote it) that outlives the events, a stream (`…:log`)
//! whose ids are `<position>-<milliseconds>`, a key per idempotency key, and a channel that tells the nodes. Their names have the
//! shop in braces, so a cluster keeps them in one slot.
//!
//! What an acknowledged append is worth is the deployment's affair. A server that was restarted or replaced may have lost some,
//! and a head that was lost and overtaken again looks healthy; so the log of another run of Redis is another log: a new epoch,
//! begun by whichever script comes first.

mod line;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tabwire_protocol::{Epoch, EventType, Millis, Module, Position, RawJson, ShopId, UserId};

use self::line::{Lines, Service, Waiting};
use super::{
    AppendError, EventLog, KEY_KEPT, Key, LogUnavailable, NewEvent, Notice, Notices, Page,
    Recalled, Receipt, Stored, memory::Retention,
};
use crate::{
    fnv::fingerprint,
    random,
    redis::{Heard, Link, LinkError, Script, Subscription},
    session::cursor::LogBounds,
};

/// After how many bytes of events a page ends, but always after an event.
const PAGE_BYTES_MAX: usize = 1 << 20;
/// How many events, and how many bytes of them, are appended with one call.
const CALL_EVENTS_MAX: usize = 100;
const CALL_BYTES_MAX: usize = 256 << 10;
/// How long the epoch and head of a shop are remembered in which nothing happens.
const META_KEPT: Millis = Millis(30 * 24 * 3_600_000);
/// How long the key of an append that has none of its own is known: as long as the library may repeat a call.
const REPEATS_KEPT: Millis = Millis(30_000);

/// The logs of all shops, in Redis.
#[derive(Debug)]
pub(crate) struct RedisLog {
    calls: Arc<Calls>,
    lines: Arc<Lines>,
}

/// What is asked of Redis.
#[derive(Debug)]
struct Calls {
    link: Link,
    prefix: String,
    retention: Retention,
    scripts: Scripts,
    /// The highest position that this node has seen of the shops it follows.
    seen: Mutex<HashMap<ShopId, Weak<AtomicU64>>>,
}

#[derive(Debug)]
struct Scripts {
    append: Script,
    read: Script,
    renounce: Script,
    recall: Script,
}

/// The event as it is kept. Short names: they are stored with each.
#[derive(Serialize, Deserialize)]
struct Kept<'e> {
    #[serde(rename = "t")]
    event_type: EventType,
    #[serde(rename = "m")]
    module: Module,
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    users: Option<BTreeSet<UserId>>,
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    by: Option<UserId>,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    command_id: Option<String>,
    #[serde(rename = "p", borrow)]
    payload: &'e RawValue,
}

impl RedisLog {
    /// The logs behind a link, under a prefix of all keys.
    pub(crate) fn new(link: Link, prefix: String, retention: Retention) -> Self {
        let script = |body| Script::new(&[include_str!("open.lua"), body].join("\n"));
        let calls = Calls {
            link,
            prefix,
            retention,
            scripts: Scripts {
                append: script(include_str!("append.lua")),
                read: script(include_str!("read.lua")),
                renounce: script(include_str!("renounce.lua")),
                recall: Script::new(include_str!("recall.lua")),
            },
            seen: Mutex::default(),
        };
        Self {
            calls: Arc::new(calls),
            lines: Arc::default(),
        }
    }
}

impl Calls {
    fn key(&self, shop: &ShopId, what: &str) -> String {
        format!("{}{{{shop}}}:{what}", self.prefix)
    }

    fn idempotency(&self, shop: &ShopId, key: Key<'_>) -> String {
        self.key(shop, &format!("idem:{}", key.name))
    }

    /// Runs a script about a shop, with what all of them are told and then `args`.
    async fn run<T: crate::redis::FromRedisValue>(
        &self,
        what: &'static str,
        script: &Script,
        shop: &ShopId,
        keys: &[String],
        args: &[&[u8]],
    ) -> Result<T, LinkError> {
        let (meta, log) = (self.key(shop, "meta"), self.key(shop, "log"));
        let channel = self.key(shop, "live");
        let candidate = random::hex::<8>();
        let seen = self.seen(shop).to_string();
        let (age, kept) = (self.retention.age.0.to_string(), META_KEPT.0.to_string());
        let more = keys.iter().map(String::as_str);
        let keys: Vec<&str> = [meta.as_str(), log.as_str()]
            .into_iter()
            .chain(more)
            .collect();
        let told: [&[u8]; 6] = [
            channel.as_bytes(),
            self.link.publish_command().as_bytes(),
            candidate.as_bytes(),
            seen.as_bytes(),
            age.as_bytes(),
            kept.as_bytes(),
        ];
        self.link
            .run(what, script, &keys, &[&told, args].concat())
            .await
    }

    fn seen(&self, shop: &ShopId) -> u64 {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let followed = seen.get(shop).and_then(Weak::upgrade);
        followed.map_or(0, |seen| seen.load(Ordering::Relaxed))
    }

    /// Appends events with one script.
    async fn append(
        &self,
        shop: &ShopId,
        events: &[(&NewEvent, Option<Key<'_>>)],
    ) -> Result<Vec<Result<Receipt, AppendError>>, AppendError> {
        let mut keys = Vec::new();
        let mut args = vec![self.retention.events.to_string()];
        for (event, key) in events {
            // What the library may run twice must be one append all the same.
            let kept = match key {
                Some(key) => {
                    keys.push(self.idempotency(shop, *key));
                    KEY_KEPT
                }
                None if self.link.repeats() => {
                    let key = format!("idem::{}", random::hex::<16>());
                    keys.push(self.key(shop, &key));
                    REPEATS_KEPT
                }
                None => Millis(0),
            };
            let until = key.and_then(|key| key.until);
            args.extend([
                encode(event),
                fingerprint_of(event),
                kept.0.to_string(),
                until.map_or_else(String::new, |until| until.0.to_string()),
            ]);
        }
        let args: Vec<&[u8]> = args.iter().map(String::as_bytes).collect();
        let answer: Vec<Vec<String>> = self
            .run("append", &self.scripts.append, shop, &keys, &args)
            .await?;
        let outcomes = answer.iter().zip(events);
        Ok(outcomes
            .map(|(answer, (_, key))| outcome(answer, key.is_some()))
            .collect())
    }

    async fn read_page(
        &self,
        shop: &ShopId,
        after: Position,
        limit: usize,
    ) -> Result<Result<Page, Hole>, LogUnavailable> {
        let (from, count) = (after.to_string(), limit.to_string());
        let bytes_max = PAGE_BYTES_MAX.to_string();
        let args = [from.as_bytes(), count.as_bytes(), bytes_max.as_bytes()];
        let answer: Vec<Vec<u8>> = self
            .run("read", &self.scripts.read, shop, &[], &args)
            .await?;
        page(shop, after, limit, &answer)
    }
}

impl EventLog for RedisLog {
    type Notices = RedisNotices;

    async fn append(
        &self,
        _now: Millis,
        shop: &ShopId,
        event: NewEvent,
        key: Option<Key<'_>>,
    ) -> Result<Receipt, AppendError> {
        let (waiting, outcome) = Waiting::new(event, key);
        if let Some(service) = self.lines.join(shop, waiting) {
            // A task of its own: who asked first may be gone before all have their answer.
            tokio::spawn(serve(Arc::clone(&self.calls), shop.clone(), service));
        }
        let ended = |_| Err(AppendError::Unknown("the server ends".to_owned()));
        outcome.await.unwrap_or_else(ended)
    }

    async fn append_all(
        &self,
        _now: Millis,
        shop: &ShopId,
        events: Vec<(NewEvent, Option<Key<'_>>)>,
    ) -> Vec<Result<Receipt, AppendError>> {
        let mut outcomes = Vec::with_capacity(events.len());
        let events: Vec<_> = events.iter().map(|(event, key)| (event, *key)).collect();
        let mut left = events.as_slice();
        while !left.is_empty() {
            let payloads = left.iter().map(|(event, _)| &event.payload);
            let (now, later) = left.split_at(call_of(payloads));
            match self.calls.append(shop, now).await {
                Ok(of_call) => outcomes.extend(of_call),
                Err(error) => outcomes.extend(now.iter().map(|_| Err(error.clone()))),
            }
            let failed = outcomes.last().and_then(|last| last.as_ref().err());
            if failed.is_some_and(AppendError::is_of_the_log) {
                break;
            }
            left = later;
        }
        outcomes
    }

    async fn read(
        &self,
        _now: Millis,
        shop: &ShopId,
        after: Position,
        limit: usize,
    ) -> Result<Page, LogUnavailable> {
        match self.calls.read_page(shop, after, limit).await? {
            Ok(page) => Ok(page),
            Err(Hole { epoch }) => {
                tracing::error!(shopId = %shop, %epoch, "the log has a hole: somebody has changed it");
                self.renounce(shop, &epoch).await?;
                let page = self.calls.read_page(shop, after, limit).await?;
                page.map_err(|_| damaged("the log"))
            }
        }
    }

    async fn recall(
        &self,
        _now: Millis,
        shop: &ShopId,
        key: Key<'_>,
    ) -> Result<Recalled, LogUnavailable> {
        let name = self.calls.idempotency(shop, key);
        let until = key
            .until
            .map_or_else(String::new, |until| until.0.to_string());
        let answer: Vec<String> = self
            .calls
            .link
            .run(
                "recall",
                &self.calls.scripts.recall,
                &[&name],
                &[until.as_bytes()],
            )
            .await?;
        let words: Vec<&str> = answer.iter().map(String::as_str).collect();
        match words[..] {
            ["appended", epoch, id] => Ok(Recalled::Appended(Receipt {
                epoch: Epoch::new(epoch).map_err(|_| damaged("an epoch"))?,
                id: position(id)?,
                repeated: true,
            })),
            ["never"] => Ok(Recalled::Never),
            ["not_yet"] => Ok(Recalled::NotYet),
            _ => Err(damaged("the answer of a script")),
        }
    }

    async fn renounce(&self, shop: &ShopId, epoch: &Epoch) -> Result<(), LogUnavailable> {
        let args = [epoch.as_str().as_bytes()];
        let run =
            self.calls
                .run::<String>("renounce", &self.calls.scripts.renounce, shop, &[], &args);
        run.await?;
        Ok(())
    }

    fn complaint(&self) -> Option<String> {
        self.calls.link.complaint()
    }

    async fn subscribe(&self, _now: Millis, shop: &ShopId) -> Result<RedisNotices, LogUnavailable> {
        let subscription = self
            .calls
            .link
            .subscribe(&self.calls.key(shop, "live"))
            .await?;
        let mut all = self
            .calls
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, seen| seen.strong_count() > 0);
        let seen = all.get(shop).and_then(Weak::upgrade).unwrap_or_default();
        all.insert(shop.clone(), Arc::downgrade(&seen));
        Ok(RedisNotices {
            subscription,
            shop: shop.clone(),
            seen,
        })
    }
}

/// Makes the appends of a line, as many at a time as a call takes.
async fn serve(calls: Arc<Calls>, shop: ShopId, mut service: Service) {
    while let Some(group) = service.next() {
        let events: Vec<_> = group
            .iter()
            .map(|waiting| (&waiting.event, waiting.key()))
            .collect();
        let (outcomes, failed) = match calls.append(&shop, &events).await {
            Ok(outcomes) => (outcomes, None),
            Err(error) => (vec![Err(error.clone()); group.len()], Some(error)),
        };
        let mut outcomes = outcomes.into_iter();
        for waiting in group {
            let outcome = outcomes.next().unwrap_or_else(|| {
                Err(LogUnavailable("it did not take the event before".to_owned()).into())
            });
            // Who asked may have gone.
            let _ = waiting.answer.send(outcome);
        }
        if let Some(error) = failed {
            service.refuse(&error);
        }
    }
}

/// How many events with these payloads are appended with one call: Redis does nothing else meanwhile.
fn call_of<'e>(payloads: impl Iterator<Item = &'e RawJson>) -> usize {
    let mut bytes = 0;
    let fits = payloads.take(CALL_EVENTS_MAX).take_while(|payload| {
        let is_first = bytes == 0;
        bytes += payload.as_str().len();
        is_first || bytes <= CALL_BYTES_MAX
    });
    fits.count()
}

/// What became of an append, as `append.lua` says it.
fn outcome(answer: &[String], is_keyed: bool) -> Result<Receipt, AppendError> {
    let words: Vec<&str> = answer.iter().map(String::as_str).collect();
    match words[..] {
        ["reused"] => Err(AppendError::KeyReused),
        ["late"] => Err(AppendError::Late),
        ["full"] => Err(LogUnavailable("its last position is taken".to_owned()).into()),
        ["failed", error] => Err(LogUnavailable(error.to_owned()).into()),
        [outcome @ ("appended" | "repeated"), epoch, id] => Ok(Receipt {
            epoch: Epoch::new(epoch).map_err(|_| damaged("an epoch"))?,
            id: position(id)?,
            repeated: outcome == "repeated" && is_keyed,
        }),
        _ => Err(damaged("the answer of a script").into()),
    }
}

/// The notices of a shop.
pub(crate) struct RedisNotices {
    subscription: Subscription,
    shop: ShopId,
    seen: Arc<AtomicU64>,
}

impl Notices for RedisNotices {
    async fn next(&mut self) -> Option<Notice> {
        match self.subscription.next().await? {
            Heard::Gap => Some(Notice::Gap),
            Heard::Message(message) => {
                let notice = notice(&self.shop, &message);
                if notice.is_none() && message != b"!" {
                    tracing::warn!(shopId = %self.shop, "a message of the shop's channel can't be read");
                }
                if let Some(Notice::Appended(_, stored)) = &notice {
                    self.seen.fetch_max(stored.id.get(), Ordering::Relaxed);
                }
                Some(notice.unwrap_or(Notice::Gap))
            }
        }
    }
}

impl From<LinkError> for LogUnavailable {
    fn from(error: LinkError) -> Self {
        Self(error.to_string())
    }
}

impl From<LinkError> for AppendError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::NotRun(error) => Self::Unavailable(LogUnavailable(error)),
            LinkError::Unknown(error) => Self::Unknown(error),
        }
    }
}

fn encode(event: &NewEvent) -> String {
    let payload = RawValue::from_string(event.payload.as_str().to_owned());
    let kept = Kept {
        event_type: event.event_type.clone(),
        module: event.module.clone(),
        users: event.users.clone(),
        by: event.by.clone(),
        command_id: event.command_id.clone(),
        payload: &payload.expect("a payload is JSON"),
    };
    serde_json::to_string(&kept).expect("names and JSON can be written as JSON")
}

/// Tells the events of one key apart, on every node alike.
fn fingerprint_of(event: &NewEvent) -> String {
    let users = event.users.iter().flatten().map(UserId::as_str);
    let parts = [event.event_type.as_str(), event.payload.as_str()];
    fingerprint(parts.into_iter().chain(users))
}

fn decode(shop: &ShopId, id: Position, at: Millis, body: &str) -> Option<Arc<Stored>> {
    let kept: Kept<'_> = serde_json::from_str(body).ok()?;
    Some(Arc::new(Stored {
        id,
        shop: shop.clone(),
        timestamp: at,
        event: NewEvent {
            event_type: kept.event_type,
            module: kept.module,
            users: kept.users,
            payload: RawJson::new(kept.payload.get()).ok()?,
            by: kept.by,
            command_id: kept.command_id,
        },
    }))
}

/// `+<epoch> <id> <at> <event>`, as `append.lua` writes it. None for all else: it is a reason to read the log.
fn notice(shop: &ShopId, message: &[u8]) -> Option<Notice> {
    let mut words = std::str::from_utf8(message)
        .ok()?
        .strip_prefix('+')?
        .splitn(4, ' ');
    let epoch = Epoch::new(words.next()?).ok()?;
    let id = position(words.next()?).ok()?;
    let at = Millis(words.next()?.parse().ok()?);
    let stored = decode(shop, id, at, words.next()?)?;
    Some(Notice::Appended(epoch, stored))
}

/// Events are missing in the middle of a log.
struct Hole {
    epoch: Epoch,
}

/// Reads the answer of `read.lua`.
fn page(
    shop: &ShopId,
    after: Position,
    limit: usize,
    answer: &[Vec<u8>],
) -> Result<Result<Page, Hole>, LogUnavailable> {
    let [epoch, head, floor, entries @ ..] = answer else {
        return Err(damaged("the answer of a script"));
    };
    let bounds = LogBounds {
        epoch: Epoch::new(text(epoch)?).map_err(|_| damaged("an epoch"))?,
        head: position(text(head)?)?,
        floor: position(text(floor)?)?,
    };
    let hole = Hole {
        epoch: bounds.epoch.clone(),
    };
    let mut events = Vec::with_capacity(entries.len() / 2);
    let (mut last, mut bytes) = (after, 0);
    for entry in entries.chunks_exact(2) {
        let (id, at) = text(&entry[0])?
            .split_once('-')
            .ok_or_else(|| damaged("an id"))?;
        let (id, at) = (position(id)?, at.parse().map_err(|_| damaged("an id"))?);
        let event = decode(shop, id, Millis(at), text(&entry[1])?);
        if Some(id) != last.next() || id > bounds.head {
            return Ok(Err(hole));
        }
        let Some(event) = event else {
            tracing::error!(shopId = %shop, %id, "an event of the log can't be read");
            return Ok(Err(hole));
        };
        (last, bytes) = (id, bytes + entry[1].len());
        events.push(event);
    }
    // What ends before the head, the limit and the bytes has an end that is missing.
    let is_served = (bounds.floor..bounds.head).contains(&after);
    let is_cut = is_served && last < bounds.head && events.len() < limit && bytes < PAGE_BYTES_MAX;
    if is_cut || bounds.floor > bounds.head {
        return Ok(Err(hole));
    }
    Ok(Ok(Page {
        bounds,
        after,
        events,
    }))
}

fn text(bytes: &[u8]) -> Result<&str, LogUnavailable> {
    std::str::from_utf8(bytes).map_err(|_| damaged("a text"))
}

fn position(text: &str) -> Result<Position, LogUnavailable> {
    let value = text.parse().ok();
    let position = value.and_then(|value| Position::new(value).ok());
    position.ok_or_else(|| damaged("a position"))
}

fn damaged(what: &str) -> LogUnavailable {
    LogUnavailable(format!("{what} is damaged in Redis"))
}

#[cfg(test)]
mod tests;
