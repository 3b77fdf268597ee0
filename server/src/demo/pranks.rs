//! What a visitor may do to a shop, to see what its tabs make of it.

use serde_json::{Value, json as value};
use tabwire_protocol::{EventType, Module, Position, RawJson, ShopId};

use crate::{
    clock,
    http::error::ApiError,
    log::{EventLog, LogUnavailable, NewEvent, Receipt},
    node::{Backend, Node},
    random,
    session::cursor::LogBounds,
};

/// How many events a rush has.
const RUSH_EVENTS: usize = 1_000;
/// How many orders they are about.
const RUSH_ORDERS: usize = 20;
/// What happens to each of them, again and again.
const STATUSES: [&str; 4] = ["preparing", "ready", "delivered", "new"];
const ITEMS: [(&str, u32); 5] = [
    ("Rush: espresso", 26),
    ("Rush: lemon tart", 45),
    ("Rush: bagel", 52),
    ("Rush: chai", 39),
    ("Rush: brownie", 34),
];

/// Ends the shop's log, as a restart of a log in memory would, and gives the bounds of the one that goes on in its place.
pub(super) async fn restart<B: Backend>(
    node: &Node<B>,
    shop: &ShopId,
) -> Result<LogBounds, LogUnavailable> {
    let bounds = || async {
        let page = node.log.read(clock::now(), shop, Position::ZERO, 0).await?;
        Ok(page.bounds)
    };
    node.log.renounce(shop, &bounds().await?.epoch).await?;
    bounds().await
}

/// Publishes events as fast as the log takes them: orders, and then what becomes of them. Gives the receipts of the first and of
/// the last.
pub(super) async fn rush<B: Backend>(
    node: &Node<B>,
    shop: &ShopId,
) -> Result<(Receipt, Receipt), ApiError> {
    let name = random::hex::<3>();
    let mut first = None;
    for n in 0..RUSH_EVENTS - 1 {
        let receipt = node.append(shop, rush_event(node, &name, n), None).await?;
        first.get_or_insert(receipt);
    }
    let last = rush_event(node, &name, RUSH_EVENTS - 1);
    let last = node.append(shop, last, None).await?;
    Ok((first.expect("a rush has several events"), last))
}

fn rush_event<B: Backend>(node: &Node<B>, name: &str, n: usize) -> NewEvent {
    let (event_type, payload) = rush_payload(name, n);
    let event_type = EventType::new(event_type).expect("it is a name");
    let module = match node.config.types.get(&event_type) {
        Some(rule) => rule.module.clone(),
        // Another --events-config than the demo's: its sessions will not hear of it.
        None => Module::new("orders").expect("it is a name"),
    };
    NewEvent {
        event_type,
        module,
        users: None,
        payload: RawJson::new(&payload.to_string()).expect("it is JSON"),
        by: None,
        command_id: None,
    }
}

/// The orders first; then each of them goes on by one, round after round, and not all are at the same point.
fn rush_payload(name: &str, n: usize) -> (&'static str, Value) {
    let (round, of) = (n / RUSH_ORDERS, n % RUSH_ORDERS);
    let order = format!("{name}{of:02}");
    let Some(round) = round.checked_sub(1) else {
        let (item, tenths) = ITEMS[of % ITEMS.len()];
        let total = f64::from(tenths) / 10.0;
        let order =
            value!({"orderId": order, "customer": "Rush hour", "item": item, "total": total});
        return ("order_created", order);
    };
    let status = STATUSES[(round + of) % STATUSES.len()];
    (
        "order_updated",
        value!({"orderId": order, "status": status}),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn a_rush_leaves_its_orders_in_all_lanes() {
        let mut orders = BTreeMap::new();
        for n in 0..RUSH_EVENTS {
            let (event_type, payload) = rush_payload("a", n);
            let order = payload["orderId"].as_str().expect("it has one").to_owned();
            let known = orders.insert(order, payload["status"].clone());
            assert_eq!(known.is_none(), event_type == "order_created", "event {n}");
        }
        assert_eq!(orders.len(), RUSH_ORDERS);
        let lanes: BTreeSet<_> = orders.values().map(ToString::to_string).collect();
        assert_eq!(lanes.len(), STATUSES.len());
    }
}
