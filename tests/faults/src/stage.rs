//! A scenario: clients, a publisher and nodes, from the first event to the verdict.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool, atomic::Ordering},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    client::{Client, Commands, Habits},
    failures::Failures,
    history::History,
    http::Http,
    ledger::{CLIENTS_FROM, Ledger, Who},
    node::Node,
    publisher::{Plan, Publisher},
    random::Random,
    report,
    scale::size,
    until::until,
    verdict::judge,
};

/// Everything has to have healed by then: clients back off for up to 30 s, and the machine may be busy, with thousands of them in
/// the long form.
pub fn healed() -> Duration {
    Duration::from_secs(size(90, 300))
}

/// How much is published before anything breaks, and after it has healed.
const BEFORE: usize = 40;
const AFTER: usize = 40;

/// A shop with its clients and its publisher.
#[derive(Debug)]
pub struct Stage {
    /// What the scenario is called, in its report.
    pub name: String,
    /// What is published; change it before `publish`.
    pub plan: Plan,
    /// The clients.
    pub clients: Vec<Client>,
    /// What was published.
    pub ledger: Ledger,
    /// What is wrong.
    pub failures: Failures,
    /// Whether the log was put back to what it had been.
    pub went_back: bool,
    /// What else the report says.
    pub notes: Vec<String>,
    shop: String,
    nodes: Vec<SocketAddr>,
    publisher: Option<Publisher>,
    hushed: Arc<AtomicBool>,
    flowed: Option<Instant>,
    healed: Option<(Duration, Duration)>,
    started: Instant,
}

impl Stage {
    /// An empty stage in front of these nodes.
    pub fn new(name: &str, nodes: &[&Node]) -> Self {
        let shop = "s_1".to_owned();
        Self {
            name: name.to_owned(),
            plan: Plan::of(&shop),
            clients: Vec::new(),
            ledger: Ledger::default(),
            failures: Failures::default(),
            went_back: false,
            notes: Vec::new(),
            shop,
            nodes: nodes.iter().map(|node| node.address).collect(),
            publisher: None,
            hushed: Arc::default(),
            flowed: None,
            healed: None,
            started: Instant::now(),
        }
    }

    /// So many clients more. Every fourth may see only one of the modules, every fifth asks again for what it has, and some
    /// send commands: five at most, since each command is an event for everybody.
    pub fn enter(&mut self, count: usize) {
        let nodes = self.nodes.clone();
        self.enter_at(count, &nodes, &Habits::default());
    }

    /// So many clients more, with these habits and at these addresses.
    pub fn enter_at(&mut self, count: usize, addresses: &[SocketAddr], habits: &Habits) {
        for _ in 0..count {
            let nth = self.clients.len();
            let who = self.who(nth);
            self.plan.users.push(who.user.clone());
            self.clients.push(Client::start(
                who,
                addresses.to_vec(),
                nth,
                Habits {
                    asks_again: habits.asks_again || nth % 5 == 4,
                    commands: (nth % 4 == 2 && nth < 20).then(|| Commands {
                        ledger: self.ledger.clone(),
                        by: CLIENTS_FROM + nth,
                        hushed: Arc::clone(&self.hushed),
                    }),
                    ..habits.clone()
                },
                self.failures.clone(),
            ));
        }
    }

    /// Who the client of this number is.
    pub fn who(&self, nth: usize) -> Who {
        Who {
            user: format!("u_{nth}"),
            shop: self.shop.clone(),
            modules: if nth % 4 == 3 {
                vec!["orders"]
            } else {
                vec!["orders", "chat"]
            },
        }
    }

    /// Begins to publish, and waits until every client is given what is published.
    pub async fn publish(&mut self) {
        self.until(
            "every client has a session",
            healed(),
            async |stage: &Self| {
                let mut clients = stage.clients.iter();
                clients
                    .all(|client| client.history().is_connected)
                    .then_some(())
            },
        )
        .await;
        let publisher = Publisher::start(&self.plan, &self.nodes, &self.ledger, &self.failures);
        self.publisher = Some(publisher);
        self.flows().await;
        self.acks(BEFORE).await;
        self.flowed = Some(Instant::now());
    }

    /// Waits until every client was given something that was made up after this call; how long that took.
    pub async fn flows(&mut self) -> Duration {
        let start = Instant::now();
        let mark = self.ledger.next();
        self.until(
            "every client is given new events",
            healed(),
            async |stage: &Self| {
                let mut clients = stage.clients.iter();
                clients
                    .all(|client| client.history().newest >= Some(mark))
                    .then_some(())
            },
        )
        .await;
        let took = start.elapsed();
        if let Some(flowed) = self.flowed {
            self.healed = Some((took, flowed.elapsed()));
        }
        took
    }

    /// Waits for something, and for broken promises meanwhile.
    pub async fn until<T>(
        &self,
        what: &str,
        within: Duration,
        mut probe: impl AsyncFnMut(&Self) -> Option<T>,
    ) -> T {
        let what = format!("{what} ({})", self.name);
        until(&what, within, async || {
            self.failures.check();
            probe(self).await
        })
        .await
    }

    /// For so long, clients lose their connections every few seconds and come back after two.
    pub async fn churns(&self, time: Duration) {
        let end = Instant::now() + time;
        let mut random = Random::fresh();
        let mut turns: Vec<(Instant, bool)> = Vec::new();
        for _ in &self.clients {
            let first = Duration::from_millis(random.below(4_000));
            turns.push((Instant::now() + first, true));
        }
        self.until(
            "the clients have lost enough connections",
            time + healed(),
            async |stage: &Self| {
                let now = Instant::now();
                for (client, (turn, is_online)) in stage.clients.iter().zip(&mut turns) {
                    if *turn > now || (now >= end && *is_online) {
                        continue;
                    }
                    if *is_online {
                        client.go_offline();
                        *turn = now + Duration::from_secs(2);
                    } else {
                        client.go_online();
                        *turn = now + Duration::from_millis(2_000 + random.below(4_000));
                    }
                    *is_online = !*is_online;
                }
                (now >= end && turns.iter().all(|(_, is_online)| *is_online)).then_some(())
            },
        )
        .await;
    }

    /// Lets the fault last, and looks for broken promises meanwhile. That is how long a scenario is, not how long something takes.
    pub async fn lasts(&self, time: Duration) {
        let end = Instant::now() + time;
        self.until(
            "the fault is over",
            time * 2 + healed(),
            async |_: &Self| (Instant::now() >= end).then_some(()),
        )
        .await;
    }

    /// Publishes so many more and goes on: for what has to be passed, not waited for.
    pub async fn acks(&self, count: usize) {
        let end = self.ledger.count_acked() + count;
        self.until("the publisher goes on", healed(), async |stage: &Self| {
            (stage.ledger.count_acked() >= end).then_some(())
        })
        .await;
    }

    /// Publishes and commands nothing new until [`Self::speak`], and waits for the answers to what is under way.
    pub async fn hush(&self) {
        let publisher = self.publisher.as_ref().expect("something is published");
        publisher.hush();
        self.hushed.store(true, Ordering::SeqCst);
        self.until("nothing is under way", healed(), async |stage: &Self| {
            let mut clients = stage.clients.iter();
            let is_silent = publisher.is_silent();
            let is_answered = |client: &Client| {
                let history = client.history();
                // One that is offline hears no answer.
                !(history.is_connected && history.awaits_answer)
            };
            (is_silent && clients.all(is_answered)).then_some(())
        })
        .await;
    }

    /// Publishes and commands again.
    pub fn speak(&self) {
        let publisher = self.publisher.as_ref().expect("something is published");
        publisher.speak();
        self.hushed.store(false, Ordering::SeqCst);
    }

    /// Waits until every client is where the log ends, in which all nodes agree.
    pub async fn all_at_the_head(&self) -> (String, u64) {
        let (epoch, head) = self.position().await;
        self.until(
            "every client is at the head",
            healed(),
            async |stage: &Self| {
                let mut clients = stage.clients.iter();
                clients
                    .all(|client| {
                        let history = client.history();
                        let now = history.now();
                        history.is_connected
                            && now.is_some_and(|now| now.epoch == epoch && now.last >= head)
                    })
                    .then_some(())
            },
        )
        .await;
        (epoch, head)
    }

    /// Ends the test unless nobody was told to refresh.
    ///
    /// # Panics
    /// When somebody was.
    pub fn nobody_refreshed(&self) {
        let refreshes = self.refreshes();
        assert!(refreshes.is_empty(), "{}: {refreshes:?}", self.name);
    }

    /// Ends the test unless everybody was told, at least once, that the log is another one.
    ///
    /// # Panics
    /// When somebody was not.
    pub fn everybody_changed_logs(&self) {
        for client in &self.clients {
            let refreshes = client.history().refreshes();
            let user = &client.who.user;
            assert!(
                refreshes.contains_key("epoch_changed"),
                "{user}: {refreshes:?}"
            );
        }
    }

    /// The log that each client is in.
    pub fn epochs(&self) -> Vec<Option<String>> {
        let epoch = |client: &Client| Some(client.history().now()?.epoch.clone());
        self.clients.iter().map(epoch).collect()
    }

    /// The epoch and head of the log, in which all nodes agree.
    pub async fn position(&self) -> (String, u64) {
        self.until(
            "all nodes agree on the position",
            healed(),
            async |stage: &Self| {
                let mut agreed = None;
                for node in &stage.nodes {
                    let path = format!("/position?shopId={}", stage.shop);
                    let answer = Http::to(*node)
                        .ask("GET", &path, None, "", Duration::from_secs(5))
                        .await;
                    let body: Value = serde_json::from_str(&answer.ok()?.body).ok()?;
                    let position = (body["epoch"].as_str()?.to_owned(), body["head"].as_u64()?);
                    if agreed.is_some_and(|agreed| agreed != position) {
                        return None;
                    }
                    agreed = Some(position);
                }
                agreed
            },
        )
        .await
    }

    /// Waits until every node lists exactly the clients, each once, and the nodes together have as many sessions.
    async fn all_listed(&self, nodes: &[&Node]) {
        let mut users: Vec<&str> = self
            .clients
            .iter()
            .map(|client| client.who.user.as_str())
            .collect();
        users.sort_unstable();
        self.until(
            "every user has one session, and is listed with it",
            healed(),
            async |stage: &Self| {
                let mut sessions = 0.0;
                for node in nodes {
                    sessions += node.metric("tabwire_sessions").await;
                    let listed = stage.listed(node.address).await?;
                    if listed != users {
                        return None;
                    }
                }
                (sessions == stage.clients.len() as f64).then_some(())
            },
        )
        .await;
    }

    /// The users of the shop that a node lists, in order.
    async fn listed(&self, node: SocketAddr) -> Option<Vec<String>> {
        let mut http = Http::to(node);
        let mut users = Vec::new();
        let mut after = String::new();
        loop {
            let path = format!("/sessions?shopId={}&limit=1000{after}", self.shop);
            let answer = http
                .ask("GET", &path, None, "", Duration::from_secs(5))
                .await;
            let page: Value = serde_json::from_str(&answer.ok()?.body).ok()?;
            let sessions = page["sessions"].as_array()?;
            users.extend(
                sessions
                    .iter()
                    .filter_map(|session| Some(session["userId"].as_str()?.to_owned())),
            );
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        users.sort_unstable();
        Some(users)
    }

    /// Refreshes of all clients, by reason.
    pub fn refreshes(&self) -> BTreeMap<&'static str, u64> {
        let mut all = BTreeMap::new();
        for client in &self.clients {
            for (reason, count) in client.history().refreshes() {
                *all.entry(reason).or_default() += count;
            }
        }
        all
    }

    /// Publishes no more, waits until every client is at the head, and checks everything that everybody was given.
    ///
    /// # Panics
    /// When a promise was broken.
    pub async fn verdict(&mut self, nodes: &[&Node]) {
        self.acks(AFTER).await;
        self.hush().await;
        let mut publisher = self.publisher.take().expect("something was published");
        publisher.stop().await;
        self.failures.check();
        let (epoch, head) = self.all_at_the_head().await;
        self.all_listed(nodes).await;
        let histories: Vec<(Who, History)> = self
            .clients
            .iter()
            .map(|client| (client.who.clone(), client.history().clone()))
            .collect();
        let events = self.ledger.events();
        let verdict = judge(&events, &histories, (&epoch, head), self.went_back);
        for broken in &verdict.broken {
            self.failures.add(broken.clone());
        }
        for node in nodes {
            let printed = node.printed();
            if let Some(line) = printed.lines().find(|line| line.contains("panicked")) {
                self.failures
                    .add(format!("the node at {} {line}", node.address));
            }
        }
        let acked = events.iter().filter(|event| event.acked.is_some()).count();
        let refused = events.iter().filter(|event| event.refused).count();
        let mut closes: BTreeMap<u16, u64> = BTreeMap::new();
        for (code, count) in histories.iter().flat_map(|(_, history)| &history.closes) {
            *closes.entry(*code).or_default() += count;
        }
        // Acked, refused for good, never known.
        let mut commands = [0; 3];
        for (_, history) in &histories {
            for (sum, count) in commands.iter_mut().zip(history.commands) {
                *sum += count;
            }
        }
        let returns = || histories.iter().flat_map(|(_, history)| &history.returns);
        let mut parts = vec![
            format!("FAULT {}", self.name),
            format!("{} clients", histories.len()),
            format!(
                "{} given",
                histories
                    .iter()
                    .map(|(_, history)| history.count())
                    .sum::<usize>()
            ),
            format!(
                "{acked} acked, {} unknown, {} retries",
                events.len() - acked - refused,
                publisher.unanswered()
            ),
            format!("commands {commands:?}"),
            format!("{} logs", verdict.epochs),
            format!("refreshes {:?}", self.refreshes()),
            format!("refreshed over {}", verdict.refreshed_over),
            format!("closes {closes:?}"),
            format!(
                "away {}",
                report::spread(returns().map(|back| back.away).collect())
            ),
            format!(
                "catch-up {}",
                report::spread(returns().map(|back| back.catch_up).collect())
            ),
        ];
        if let Some((healed, broken)) = self.healed {
            let (healed, broken) = (healed.as_millis(), broken.as_millis());
            parts.push(format!("healed in {healed} ms, {broken} after it broke"));
        }
        parts.append(&mut self.notes);
        parts.push(format!("{:.0} s", self.started.elapsed().as_secs_f64()));
        report::say(&parts.join(" | "));
        self.failures.check();
    }
}
