//! `POST /events`: one event, or up to 1,000.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{Stream, StreamExt, stream};
use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};
use serde_json::value::RawValue;
use tabwire_protocol::{Epoch, EventType, Millis, Position, RawJson, ShopId, UserId};
use tokio::sync::Semaphore;
use warp::{
    Buf, Filter,
    http::{HeaderMap, StatusCode},
};

use super::{
    Answer, Publisher, Route, authorize_publisher,
    body::{read_json, what},
    error::{ApiError, ErrorBody},
    json, respond, with,
};
use crate::{
    clock,
    limits::Limit,
    log::{Key, NewEvent, Receipt},
    node::{Backend, Node},
    rate::{Bucket, Rate},
};

/// The most events of one request.
const EVENTS_MAX: usize = 1_000;
/// The events of how many shops of a request are appended at a time.
const SHOPS_AT_A_TIME: usize = 16;
/// The most users an event is addressed to.
const USERS_MAX: usize = 1_000;
/// The longest idempotency key, in bytes.
const KEY_BYTES_MAX: usize = 256;

#[derive(Serialize)]
struct Published {
    id: Position,
    epoch: Epoch,
}

impl From<Receipt> for Published {
    fn from(receipt: Receipt) -> Self {
        Self {
            id: receipt.id,
            epoch: receipt.epoch,
        }
    }
}

/// What became of an item of an array.
#[derive(Serialize)]
#[serde(untagged)]
enum Item {
    Published(Published),
    Failed { error: ErrorBody },
}

pub(super) fn route<B: Backend>(node: &Arc<Node<B>>) -> Route {
    let may = Arc::new(May {
        publishing: Semaphore::new(node.config.limits.publishing),
        rates: Rates::new(node.config.limits.publish, node.config.publish_keys.len()),
    });
    warp::path!("events")
        .and(warp::post())
        .and(with(node))
        .and(with(&may))
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .then(|node, may, headers, body| async { respond(publish(node, may, headers, body).await) })
        .boxed()
}

/// Who may publish when.
struct May {
    // Bodies are held in memory: so many and no more.
    publishing: Semaphore,
    rates: Rates,
}

/// How fast each key publishes. There are as many as keys.
struct Rates {
    rate: Rate,
    // Std mutexes: held to count, never across an await.
    buckets: Vec<Mutex<Bucket>>,
}

impl Rates {
    fn new(rate: Rate, keys: usize) -> Self {
        let full = || Mutex::new(Bucket::full(rate, clock::now()));
        Self {
            rate,
            buckets: std::iter::repeat_with(full).take(keys).collect(),
        }
    }

    /// The most events of one request: more than a burst would never be let through.
    fn events_max(&self) -> usize {
        let burst = usize::try_from(self.rate.burst).unwrap_or(usize::MAX);
        burst.min(EVENTS_MAX)
    }

    fn take(&self, Publisher(key): Publisher, events: usize) -> Result<(), Millis> {
        let bucket = self.buckets[key].lock();
        let mut bucket = bucket.unwrap_or_else(PoisonError::into_inner);
        bucket.take_many(self.rate, clock::now(), events as u64)
    }
}

async fn publish<B: Backend>(
    node: Arc<Node<B>>,
    may: Arc<May>,
    headers: HeaderMap,
    body: impl Stream<Item = Result<impl Buf, warp::Error>>,
) -> Answer {
    let publisher = authorize_publisher(&node, &headers)?;
    let Ok(_permit) = may.publishing.try_acquire() else {
        node.limited(Limit::Publishing, "a publisher");
        return Err(ApiError::too_many(
            "too many requests publish at this moment",
        ));
    };
    let limits = &node.config.limits;
    let text = read_json(&headers, body, limits.body_bytes, limits.body_timeout).await?;
    let header_key = headers.get("idempotency-key").map(|key| {
        let key = key.to_str().ok().filter(|key| is_key(key));
        key.map(publishers)
            .ok_or_else(|| ApiError::unprocessable("bad_key", BAD_KEY))
    });
    let header_key = header_key.transpose()?;

    let take = |events| {
        may.rates.take(publisher, events).map_err(|wait| {
            node.limited(Limit::PublishRate, publisher);
            let message = "this key publishes faster than --publish-rate";
            ApiError::too_many(message).after(wait)
        })
    };

    if !text.trim_start().starts_with('[') {
        take(1)?;
        let (shop, event, _) = read_event(&node, &text)?;
        let receipt = node
            .append(&shop, event, header_key.as_deref().map(Key::new))
            .await?;
        let status = if receipt.repeated {
            StatusCode::OK
        } else {
            StatusCode::CREATED
        };
        return Ok(json(status, &Published::from(receipt)));
    }
    if header_key.is_some() {
        let message = "an array has a \"key\" in each event, not one in the header";
        return Err(ApiError::unprocessable("key_with_array", message));
    }
    let events: Vec<&RawValue> = serde_json::from_str(&text)
        .map_err(|error| ApiError::unprocessable("invalid", what(&error)))?;
    let events_max = may.rates.events_max();
    if events.len() > events_max {
        let message = format!(
            "at most {events_max} events at a time, not {}",
            events.len()
        );
        return Err(ApiError::unprocessable("too_many_events", message));
    }
    take(events.len())?;
    Ok(json(
        StatusCode::CREATED,
        &publish_all(&node, &events).await,
    ))
}

/// Publishes events: those of a shop one after the other, in their order. When a shop's log does not take one, its later ones are not
/// tried.
async fn publish_all<B: Backend>(node: &Node<B>, events: &[&RawValue]) -> Vec<Item> {
    let mut items: Vec<Result<Receipt, ApiError>> = Vec::with_capacity(events.len());
    let mut shops: BTreeMap<ShopId, Vec<Numbered>> = BTreeMap::new();
    for (number, event) in events.iter().enumerate() {
        items.push(match read_event(node, event.get()) {
            Ok((shop, event, key)) => {
                let event = Numbered { number, event, key };
                shops.entry(shop).or_default().push(event);
                let message = "an earlier event of this shop could not be published";
                Err(ApiError::unprocessable("not_tried", message))
            }
            Err(error) => Err(error),
        });
    }
    let mut appends = stream::iter(shops)
        .map(|(shop, events)| publish_to_shop(node, shop, events))
        .buffer_unordered(SHOPS_AT_A_TIME);
    while let Some(outcomes) = appends.next().await {
        for (number, outcome) in outcomes {
            items[number] = outcome;
        }
    }
    let items = items.into_iter();
    items
        .map(|item| match item {
            Ok(receipt) => Item::Published(receipt.into()),
            Err(error) => Item::Failed {
                error: error.body().clone(),
            },
        })
        .collect()
}

/// An event, and where it stood in the request.
struct Numbered {
    number: usize,
    event: NewEvent,
    key: Option<String>,
}

/// What became of the events of a shop, as far as they were tried.
async fn publish_to_shop<B: Backend>(
    node: &Node<B>,
    shop: ShopId,
    events: Vec<Numbered>,
) -> Vec<(usize, Result<Receipt, ApiError>)> {
    let (mut numbers, mut keys, mut appends) = (Vec::new(), Vec::new(), Vec::new());
    for Numbered { number, event, key } in events {
        numbers.push(number);
        keys.push(key);
        appends.push(event);
    }
    let keyed = keys.iter().map(|key| key.as_deref().map(Key::new));
    let outcomes = node.append_all(&shop, appends.into_iter().zip(keyed).collect());
    let outcomes = outcomes.await.into_iter();
    let outcomes = outcomes.map(|outcome| outcome.map_err(ApiError::from));
    numbers.into_iter().zip(outcomes).collect()
}

/// The fields of an event, as they stand in the body.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default, rename = "type", deserialize_with = "present")]
    event_type: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    scope: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    payload: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    key: Option<&'a RawValue>,
}

/// A field that is there, though it be null: an `Option` alone would take that for a missing one.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScopeFields {
    shop_id: ShopId,
    user_ids: Option<Vec<UserId>>,
}

fn read_event<B: Backend>(
    node: &Node<B>,
    text: &str,
) -> Result<(ShopId, NewEvent, Option<String>), ApiError> {
    let invalid = |message: String| ApiError::unprocessable("invalid", message);
    // Checked first, since an array would pass for the fields of a struct in their order.
    serde_json::from_str::<BTreeMap<String, IgnoredAny>>(text)
        .map_err(|error| invalid(format!("an event is an object: {}", what(&error))))?;
    let fields: Fields<'_> = serde_json::from_str(text).map_err(|error| invalid(what(&error)))?;

    let event_type = fields
        .event_type
        .ok_or_else(|| invalid("type: it is missing".into()))?;
    let event_type: EventType = serde_json::from_str(event_type.get())
        .map_err(|error| invalid(format!("type: {}", what(&error))))?;
    let rule = node.config.types.get(&event_type).ok_or_else(|| {
        let message = format!("type: {event_type} is not in the server's events config");
        ApiError::unprocessable("unknown_type", message)
    })?;
    let (shop, users) = read_scope(fields.scope)?;
    let payload = fields
        .payload
        .ok_or_else(|| invalid("payload: it is missing".into()))?;
    let payload_bytes = node.config.limits.payload_bytes;
    if payload.get().len() > payload_bytes {
        let message = format!("payload: it has more than {payload_bytes} bytes");
        return Err(ApiError::too_large(message));
    }
    let key = fields.key.map(|key| {
        let key = serde_json::from_str::<String>(key.get()).ok();
        let key = key.filter(|key| is_key(key)).map(|key| publishers(&key));
        key.ok_or_else(|| ApiError::unprocessable("bad_key", BAD_KEY))
    });
    let event = NewEvent {
        event_type,
        module: rule.module.clone(),
        users,
        payload: RawJson::new(payload.get()).expect("it was found to be JSON"),
        by: None,
        command_id: None,
    };
    Ok((shop, event, key.transpose()?))
}

fn read_scope(scope: Option<&RawValue>) -> Result<(ShopId, Option<BTreeSet<UserId>>), ApiError> {
    let bad = |message: String| ApiError::unprocessable("bad_scope", message);
    let scope = scope.ok_or_else(|| bad("scope: it is missing".into()))?;
    let scope: ScopeFields = serde_json::from_str(scope.get())
        .map_err(|error| bad(format!("scope: {}", what(&error))))?;
    let Some(users) = scope.user_ids else {
        return Ok((scope.shop_id, None));
    };
    if users.is_empty() || users.len() > USERS_MAX {
        return Err(bad(format!("scope.userIds: 1 to {USERS_MAX} users")));
    }
    Ok((scope.shop_id, Some(users.into_iter().collect())))
}

const BAD_KEY: &str = "an idempotency key is 1 to 256 visible ASCII characters";

/// Names a publisher's key among the keys of a log, apart from those of commands.
fn publishers(key: &str) -> String {
    format!("k:{key}")
}

fn is_key(key: &str) -> bool {
    (1..=KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}
