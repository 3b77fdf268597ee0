//! A back end that publishes without a pause, and asks again with the same key until it has an answer.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool, atomic::AtomicU64, atomic::Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use crate::{
    failures::Failures,
    http::Http,
    ledger::{Ledger, Published},
    random::Random,
};

/// What one request may take before it counts as unanswered.
const REQUEST: Duration = Duration::from_secs(5);
/// The most events of a batch.
const BATCH_MAX: u64 = 8;

/// What is published, and how fast.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The shop.
    pub shop: String,
    /// The users whom some events are addressed to.
    pub users: Vec<String>,
    /// Requests per second, of all loops together.
    pub per_second: f64,
    /// How many publish at a time.
    pub loops: usize,
    /// How many characters a payload has beyond its serial.
    pub padding: usize,
    /// How long the same event is tried; after that nobody knows what became of it.
    pub patience: Duration,
}

impl Plan {
    /// A plan for this shop: some thirty events per second.
    pub fn of(shop: &str) -> Self {
        Self {
            shop: shop.to_owned(),
            users: Vec::new(),
            per_second: 20.0,
            loops: 2,
            padding: 0,
            patience: Duration::from_secs(90),
        }
    }
}

/// Publishes until it is stopped or dropped.
#[derive(Debug)]
pub struct Publisher {
    stop: Arc<AtomicBool>,
    hush: watch::Sender<bool>,
    busy: Arc<AtomicU64>,
    unanswered: Arc<AtomicU64>,
    loops: Vec<JoinHandle<()>>,
}

impl Publisher {
    /// Begins.
    pub fn start(
        plan: &Plan,
        addresses: &[SocketAddr],
        ledger: &Ledger,
        failures: &Failures,
    ) -> Self {
        let (stop, unanswered) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (hush, hushed) = watch::channel(false);
        let busy = Arc::<AtomicU64>::default();
        let run = Random::fresh().number();
        let loops = (0..plan.loops).map(|by| {
            let publishing = Loop {
                by,
                run,
                plan: plan.clone(),
                nodes: addresses.iter().copied().map(Http::to).collect(),
                turn: by,
                ledger: ledger.clone(),
                failures: failures.clone(),
                stop: Arc::clone(&stop),
                hushed: hushed.clone(),
                busy: Arc::clone(&busy),
                unanswered: Arc::clone(&unanswered),
                random: Random::fresh(),
            };
            tokio::spawn(publishing.publish())
        });
        let loops = loops.collect();
        Self {
            stop,
            hush,
            busy,
            unanswered,
            loops,
        }
    }

    /// Makes up nothing new until [`Self::speak`]. What is under way is still answered: [`Self::is_silent`] says when.
    pub fn hush(&self) {
        self.hush.send_replace(true);
    }

    /// Goes on.
    pub fn speak(&self) {
        self.hush.send_replace(false);
    }

    /// Whether nothing is under way.
    pub fn is_silent(&self) -> bool {
        *self.hush.borrow() && self.busy.load(Ordering::SeqCst) == 0
    }

    /// Requests that got no answer, or were told to try again.
    pub fn unanswered(&self) -> u64 {
        self.unanswered.load(Ordering::Relaxed)
    }

    /// Publishes nothing new, and waits for the answers to what is under way.
    pub async fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.speak();
        for publishing in self.loops.drain(..) {
            publishing.await.expect("a publisher does not panic");
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        for publishing in &self.loops {
            publishing.abort();
        }
    }
}

struct Loop {
    by: usize,
    run: u64,
    plan: Plan,
    nodes: Vec<Http>,
    turn: usize,
    ledger: Ledger,
    failures: Failures,
    stop: Arc<AtomicBool>,
    hushed: watch::Receiver<bool>,
    busy: Arc<AtomicU64>,
    unanswered: Arc<AtomicU64>,
    random: Random,
}

/// An event under way.
struct Pending {
    serial: u64,
    body: Value,
}

impl Loop {
    async fn publish(mut self) {
        let period = Duration::from_secs_f64(self.plan.loops as f64 / self.plan.per_second);
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.stop.load(Ordering::Relaxed) {
            ticks.tick().await;
            self.busy.fetch_add(1, Ordering::SeqCst);
            // Counted before it looks, so that nobody finds it silent who hushed it in between.
            if *self.hushed.borrow() {
                self.busy.fetch_sub(1, Ordering::SeqCst);
                // Without a publisher there is nobody to speak to.
                let _ = self.hushed.wait_for(|hushed| !hushed).await;
                continue;
            }
            let count = if self.random.percent(15) {
                2 + self.random.below(BATCH_MAX - 1)
            } else {
                1
            };
            let pending: Vec<Pending> = (0..count).map(|_| self.make_up()).collect();
            let delivered = self.deliver(pending).await;
            self.busy.fetch_sub(1, Ordering::SeqCst);
            if let Err(wrong) = delivered {
                return self.failures.add(format!("publishing: {wrong}"));
            }
        }
    }

    /// Most are orders for everybody, some are chat, some are for one user.
    fn make_up(&mut self) -> Pending {
        let (event_type, module) = if self.random.percent(25) {
            ("chat_message", "chat")
        } else {
            ("order_created", "orders")
        };
        let is_addressed = !self.plan.users.is_empty() && self.random.percent(10);
        let to = is_addressed.then(|| self.random.pick(&self.plan.users).clone());
        let mut scope = json!({"shopId": self.plan.shop});
        if let Some(to) = &to {
            scope["userIds"] = json!([to]);
        }
        let serial = self.ledger.add(Published {
            module,
            to,
            by: self.by,
            acked: None,
            refused: false,
        });
        let mut payload = json!({"n": serial});
        if self.plan.padding > 0 {
            payload["padding"] = Value::from("x".repeat(self.plan.padding));
        }
        Pending {
            serial,
            body: json!({"type": event_type, "scope": scope, "payload": payload}),
        }
    }

    fn key(&self, serial: u64) -> String {
        format!("{:x}-{serial}", self.run)
    }

    /// Until all have an answer, or nobody can know.
    async fn deliver(&mut self, mut pending: Vec<Pending>) -> Result<(), String> {
        let is_batch = pending.len() > 1;
        let give_up = Instant::now() + self.plan.patience;
        while !pending.is_empty() && Instant::now() < give_up {
            let (key, body) = if is_batch {
                (None, self.batch(&pending).to_string())
            } else {
                (
                    Some(self.key(pending[0].serial)),
                    pending[0].body.to_string(),
                )
            };
            self.turn += 1;
            let nth = self.turn % self.nodes.len();
            let answer = self.nodes[nth]
                .ask("POST", "/events", key.as_deref(), &body, REQUEST)
                .await;
            match answer {
                Ok(answer) if matches!(answer.status, 200 | 201) => {
                    let body: Value = serde_json::from_str(&answer.body)
                        .map_err(|error| format!("{error}: {}", answer.body))?;
                    let items = match body {
                        Value::Array(items) => items,
                        one => vec![one],
                    };
                    pending = self.receipts(pending, &items)?;
                    if pending.is_empty() {
                        return Ok(());
                    }
                }
                Ok(answer) if matches!(answer.status, 429 | 503) => {}
                Ok(answer) => return Err(format!("{} {}", answer.status, answer.body)),
                Err(_) => {}
            }
            self.unanswered.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(50 + self.random.below(250))).await;
        }
        Ok(())
    }

    fn batch(&self, pending: &[Pending]) -> Value {
        let items = pending.iter().map(|event| {
            let mut body = event.body.clone();
            body["key"] = Value::from(self.key(event.serial));
            body
        });
        items.collect()
    }

    /// Writes down what was taken, and returns what was not.
    fn receipts(&self, pending: Vec<Pending>, items: &[Value]) -> Result<Vec<Pending>, String> {
        if items.len() != pending.len() {
            return Err(format!(
                "{} answers to {} events",
                items.len(),
                pending.len()
            ));
        }
        let mut left = Vec::new();
        for (event, item) in pending.into_iter().zip(items) {
            let code = item["error"]["code"].as_str();
            match (item["epoch"].as_str(), item["id"].as_u64(), code) {
                (Some(epoch), Some(id), None) => {
                    self.ledger.acked(event.serial, epoch.to_owned(), id)
                }
                (None, None, Some("unavailable" | "not_tried" | "rate_limited")) => {
                    left.push(event);
                }
                _ => return Err(item.to_string()),
            }
        }
        Ok(left)
    }
}
