//! The order book and the chat of a shop, made of its events.

use std::collections::VecDeque;

use serde_json::{Value, json as value};
use tabwire_protocol::{Epoch, Position, ShopId};

use crate::{
    clock,
    log::{EventLog, LogUnavailable, Stored},
};

/// How many orders and how many lines of the chat a shop has.
const ENTRIES_MAX: usize = 100;
/// How many events are read at a time.
const PAGE_EVENTS: usize = 500;

/// The state of a shop: what the reducers of the page make of the same events.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// None before the log has been read.
    pub(super) epoch: Option<Epoch>,
    /// Every event up to here is in it.
    pub(super) position: Position,
    pub(super) orders: VecDeque<Value>,
    pub(super) chat: VecDeque<Value>,
}

impl Book {
    /// Takes in what has been appended since.
    pub(super) async fn catch_up(
        &mut self,
        log: &impl EventLog,
        shop: &ShopId,
    ) -> Result<(), LogUnavailable> {
        loop {
            let page = log
                .read(clock::now(), shop, self.position, PAGE_EVENTS)
                .await?;
            if self.epoch.as_ref() != Some(&page.bounds.epoch) {
                *self = Self {
                    epoch: Some(page.bounds.epoch),
                    position: page.bounds.floor,
                    ..Self::default()
                };
                continue;
            }
            // What has expired unseen is not in the book; what is left of it is.
            self.position = self.position.max(page.bounds.floor);
            for stored in &page.events {
                self.apply(stored);
            }
            if self.position >= page.bounds.head {
                return Ok(());
            }
        }
    }

    fn apply(&mut self, stored: &Stored) {
        self.position = stored.id;
        // Clients may send any JSON: what is missing is null, as in the page.
        let payload: Value =
            serde_json::from_str(stored.event.payload.as_str()).unwrap_or_default();
        let field = |name: &str| payload.get(name).cloned().unwrap_or_default();
        match stored.event.event_type.as_str() {
            "order_created" => {
                let order = value!({
                    "orderId": field("orderId"),
                    "customer": field("customer"),
                    "item": field("item"),
                    "total": field("total"),
                    "status": "new",
                });
                match self.order(&field("orderId")) {
                    Some(known) => *known = order,
                    None => keep(&mut self.orders, order),
                }
            }
            "order_updated" => {
                if let Some(order) = self.order(&field("orderId")) {
                    order["status"] = field("status");
                }
            }
            "order_cancelled" => {
                let id = field("orderId");
                self.orders.retain(|order| order["orderId"] != id);
            }
            "chat_message" => keep(
                &mut self.chat,
                value!({
                    "id": stored.id,
                    "by": stored.event.by,
                    "text": field("text"),
                    "timestamp": stored.timestamp,
                }),
            ),
            _ => {}
        }
    }

    fn order(&mut self, id: &Value) -> Option<&mut Value> {
        self.orders.iter_mut().find(|order| order["orderId"] == *id)
    }
}

fn keep(entries: &mut VecDeque<Value>, entry: Value) {
    entries.push_back(entry);
    if entries.len() > ENTRIES_MAX {
        entries.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use tabwire_protocol::{EventType, Millis, RawJson};

    use super::*;
    use crate::log::{
        MemoryLog, NewEvent,
        conformance::{event, shop},
        memory::Retention,
    };

    fn log(events: usize) -> MemoryLog {
        MemoryLog::new(Retention {
            age: Millis(600_000),
            events,
            shops: 100,
        })
    }

    async fn append(log: &MemoryLog, event_type: &str, payload: Value) {
        let event = NewEvent {
            event_type: EventType::new(event_type).expect("a name"),
            payload: RawJson::new(&payload.to_string()).expect("JSON"),
            ..event("{}")
        };
        let appended = log.append(clock::now(), &shop("s_1"), event, None).await;
        assert!(appended.is_ok());
    }

    #[tokio::test]
    async fn a_book_is_made_of_the_events() {
        let log = log(10_000);
        let order = value!({"orderId": "o_1", "customer": "Ana", "item": "Tea", "total": 3});
        append(&log, "order_created", order).await;
        append(
            &log,
            "order_updated",
            value!({"orderId": "o_1", "status": "paid"}),
        )
        .await;
        append(
            &log,
            "order_updated",
            value!({"orderId": "o_2", "status": "paid"}),
        )
        .await;
        append(&log, "order_created", value!({"orderId": "o_3"})).await;
        append(&log, "order_cancelled", value!({"orderId": "o_3"})).await;
        append(&log, "chat_message", value!({"text": "hola"})).await;
        append(&log, "chat_message", value!(7)).await;
        append(&log, "another", value!({})).await;
        let mut book = Book::default();
        assert_eq!(book.catch_up(&log, &shop("s_1")).await, Ok(()));
        assert_eq!(book.position.get(), 8);
        let order = value!({"orderId": "o_1", "customer": "Ana", "item": "Tea", "total": 3, "status": "paid"});
        assert_eq!(book.orders, [order]);
        assert_eq!(book.chat.len(), 2);
        assert_eq!(book.chat[0]["text"], "hola");
        assert_eq!(book.chat[0]["id"], 6);
    }

    #[tokio::test]
    async fn a_book_has_a_limit_and_goes_on_after_what_has_expired() {
        let log = log(50);
        let mut book = Book::default();
        for n in 0..300 {
            append(&log, "chat_message", value!({"text": n.to_string()})).await;
            if n % 40 == 0 || n == 299 {
                assert_eq!(book.catch_up(&log, &shop("s_1")).await, Ok(()));
            }
        }
        assert_eq!((book.position.get(), book.chat.len()), (300, ENTRIES_MAX));
        assert_eq!(book.chat[ENTRIES_MAX - 1]["text"], "299");
    }
}
