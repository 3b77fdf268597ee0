//! Random faults, one after the other and several at a time, for hours.
//!
//! A round has its own Redis, three nodes and clients. What breaks follows from the round's seed; when exactly it breaks does not, since
//! the processes are real: a seed that failed is worth repeating, and may need it more than once.
//!
//! `--hours H` (or `--rounds N`) `[--seed S]`.

use std::{
    net::SocketAddr,
    process::ExitCode,
    time::{Duration, Instant},
};

use tabwire_faults::{
    node::Node,
    proxy::{Network, Proxy},
    random::Random,
    redis::{LogCopy, Redis},
    report::say,
    stage::{Stage, healed},
};
use tokio::task::LocalSet;

const CLIENTS: usize = 60;
/// After how many faults a round ends: histories grow, and are checked at its end.
const FAULTS_PER_ROUND: u64 = 8;
const USAGE: &str = "usage: tabwire-soak [--hours H] [--rounds N] [--seed S]";

fn main() -> ExitCode {
    let options = match Options::read() {
        Ok(options) => options,
        Err(wrong) => {
            eprintln!("{wrong}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime starts");
    let end = Instant::now() + options.time;
    let mut round = 0;
    while Instant::now() < end && round < options.rounds {
        let seed = options.seed.wrapping_add(round);
        let local = LocalSet::new();
        let played = local.spawn_local(play(seed));
        if runtime.block_on(local.run_until(played)).is_err() {
            say(&format!(
                "seed {seed} failed; again: cargo xtask soak --rounds 1 --seed {seed}"
            ));
            return ExitCode::FAILURE;
        }
        round += 1;
    }
    say(&format!("{round} rounds, all promises kept"));
    ExitCode::SUCCESS
}

struct Options {
    time: Duration,
    rounds: u64,
    seed: u64,
}

impl Options {
    fn read() -> Result<Self, String> {
        let mut options = Self {
            time: Duration::from_secs(3_600),
            rounds: u64::MAX,
            seed: Random::fresh().below(1_000_000_000),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(flag) = arguments.next() {
            let value = arguments.next().unwrap_or_default();
            let wrong = || format!("{flag}: a number follows");
            match flag.as_str() {
                "--hours" => {
                    let hours: f64 = value.parse().map_err(|_| wrong())?;
                    let time = Duration::try_from_secs_f64(hours * 3_600.0);
                    options.time = time.map_err(|_| wrong())?;
                }
                "--rounds" => options.rounds = value.parse().map_err(|_| wrong())?,
                "--seed" => options.seed = value.parse().map_err(|_| wrong())?,
                _ => return Err(format!("{flag}: there is no such option")),
            }
        }
        Ok(options)
    }
}

/// What breaks. One of each kind may break at the same time.
#[derive(Clone, Copy, Debug)]
enum Fault {
    RedisDies,
    RedisForgets,
    RedisStandsStill,
    RedisIsFlushed,
    RedisGoesBack,
    RedisIsFull,
    RedisHangsUp,
    NodeDies(usize),
    NodeIsReplaced(usize),
    NodeStandsStill(usize),
    Cut(Network),
    ClientsLeave,
}

use Fault::{
    ClientsLeave, Cut, NodeDies, NodeIsReplaced, NodeStandsStill, RedisDies, RedisForgets,
    RedisGoesBack, RedisHangsUp, RedisIsFlushed, RedisIsFull, RedisStandsStill,
};

impl Fault {
    /// Whether everybody has to be told that the log is another one. (One that goes back may have nowhere to go.)
    const fn ends_the_log(self) -> bool {
        matches!(self, RedisDies | RedisForgets | RedisIsFlushed)
    }
}

/// What breaks next: something of one kind, often of two, seldom of more.
fn choose(random: &mut Random) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut chance = 100;
    while faults.is_empty() {
        let node = random.below(3) as usize;
        let both = Network::Swallows {
            up: true,
            down: true,
        };
        let down = Network::Swallows {
            up: false,
            down: true,
        };
        let slow = Network::Delays(Duration::from_millis(20 + random.below(300)));
        let kinds: [&[Fault]; 4] = [
            &[
                RedisDies,
                RedisForgets,
                RedisStandsStill,
                RedisStandsStill,
                RedisIsFlushed,
                RedisGoesBack,
                RedisGoesBack,
                RedisIsFull,
                RedisIsFull,
                RedisHangsUp,
                RedisHangsUp,
            ],
            &[NodeDies(node), NodeIsReplaced(node), NodeStandsStill(node)],
            &[Cut(Network::Resets), Cut(both), Cut(down), Cut(slow)],
            &[ClientsLeave],
        ];
        chance = 35.min(chance);
        for kind in kinds {
            if random.percent(chance) {
                faults.push(*random.pick(kind));
            }
        }
    }
    faults
}

struct World {
    redis: Redis,
    /// Between the last node and Redis.
    proxy: Proxy,
    nodes: Vec<Node>,
    stage: Stage,
    copy: Option<LogCopy>,
}

async fn play(seed: u64) {
    let mut random = Random::of(seed);
    let lines = ["appendonly yes", "appendfsync everysec"];
    let redis = Redis::start(&lines).await;
    let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], redis.port))).await;
    let nodes = vec![
        Node::on(&redis.url(), &[]).await,
        Node::on(&redis.url(), &[]).await,
        Node::on(&format!("redis://{}", proxy.address), &[]).await,
    ];
    let stage = Stage::new(
        &format!("soak, seed {seed}"),
        &nodes.iter().collect::<Vec<_>>(),
    );
    let mut world = World {
        redis,
        proxy,
        nodes,
        stage,
        copy: None,
    };
    // More loops than stand still with a node or two.
    world.stage.plan.loops = 8;
    world.stage.plan.per_second = 30.0;
    world.stage.enter(CLIENTS);
    world.stage.publish().await;
    let mut ended_logs = false;
    for _ in 0..FAULTS_PER_ROUND {
        let faults = choose(&mut random);
        let time = Duration::from_millis(random.below(8_000));
        say(&format!("seed {seed}: {faults:?} for {time:?}"));
        let mut ends_the_log = faults.iter().any(|fault| fault.ends_the_log());
        let before = world.stage.epochs();
        for fault in &faults {
            world.breaks(*fault).await;
        }
        world.stage.lasts(time).await;
        // Redis first: a node that is started again wants it.
        for fault in &faults {
            ends_the_log |= world.heals(*fault).await;
        }
        world.stage.flows().await;
        if ends_the_log {
            let after = world.stage.epochs();
            for (nth, (before, after)) in before.iter().zip(&after).enumerate() {
                assert!(before != after, "client {nth} is still in {after:?}");
            }
        }
        ended_logs |= ends_the_log;
    }
    if !ended_logs {
        world.stage.nobody_refreshed();
    }
    for node in &world.nodes {
        node.ready().await;
    }
    world
        .stage
        .verdict(&world.nodes.iter().collect::<Vec<_>>())
        .await;
}

impl World {
    async fn breaks(&mut self, fault: Fault) {
        match fault {
            RedisDies | RedisForgets => self.redis.kill(),
            RedisStandsStill => self.redis.pause(),
            RedisIsFlushed => self.redis.ok("FLUSHALL").await,
            RedisGoesBack => self.copy = Some(LogCopy::take(&self.redis, "s_1").await),
            RedisIsFull => self.redis.ok("CONFIG SET maxmemory 1").await,
            RedisHangsUp => self.hang_up().await,
            NodeDies(nth) => self.nodes[nth].kill(),
            NodeIsReplaced(nth) => {
                let status = self.nodes[nth].terminate().await;
                assert!(status.success(), "{status}");
            }
            NodeStandsStill(nth) => self.nodes[nth].pause(),
            Cut(network) => self.proxy.set(network),
            ClientsLeave => {
                for client in self.stage.clients.iter().step_by(2) {
                    client.go_offline();
                }
            }
        }
    }

    /// True: the log went back, so it has to end.
    async fn heals(&mut self, fault: Fault) -> bool {
        match fault {
            RedisDies => self.redis.start_again().await,
            RedisForgets => self.redis.start_empty().await,
            RedisStandsStill => self.redis.resume(),
            RedisIsFlushed => {}
            RedisGoesBack => {
                let copy = self.copy.take().expect("it was taken");
                self.stage.went_back = true;
                let went = copy.put_back(&self.redis).await;
                say(&format!("the log went back: {went:?}"));
                return went.is_some();
            }
            RedisIsFull => self.redis.ok("CONFIG SET maxmemory 0").await,
            RedisHangsUp => self.hang_up().await,
            NodeDies(nth) | NodeIsReplaced(nth) => self.nodes[nth].start_again().await,
            NodeStandsStill(nth) => self.nodes[nth].resume(),
            Cut(_) => self.proxy.set(Network::Works),
            ClientsLeave => {
                for client in self.stage.clients.iter().step_by(2) {
                    client.go_online();
                }
                self.stage
                    .until("the clients are back", healed(), async |stage: &Stage| {
                        let mut clients = stage.clients.iter();
                        clients
                            .all(|client| client.history().is_connected)
                            .then_some(())
                    })
                    .await;
            }
        }
        false
    }

    async fn hang_up(&self) {
        self.redis.command("CLIENT KILL TYPE pubsub").await;
        self.redis.command("CLIENT KILL TYPE normal").await;
    }
}
