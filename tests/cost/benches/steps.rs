//! How long the steps take here and now, and an append to a Redis that is started for it.

use std::{hint::black_box, time::Duration};

use criterion::{
    BatchSize, Bencher, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group,
    criterion_main,
};
use tabwire_cost::{Step, TIMES, tabwire_cost_counted};
use tabwire_protocol::Millis;
use tabwire_server::{
    log::{
        EventLog,
        conformance::{event, shop},
    },
    redis::testing::TestRedis,
};
use tokio::runtime::Builder;

/// How long steps are taken before, with all that comes before each round.
const WARM_UP: Duration = Duration::from_millis(500);
/// How many times are taken of a step.
const SAMPLES: usize = 30;
/// How long the rounds of a step take together, without what comes before each.
const ROUNDS_FOR: Duration = Duration::from_millis(50);

criterion_group!(benches, steps, redis_appends);
criterion_main!(benches);

fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("100 times");
    group.throughput(Throughput::Elements(TIMES as u64));
    // Each round needs a full tail or ring of its own, which takes far longer than what is timed, and is not part of it.
    group
        .warm_up_time(WARM_UP)
        .measurement_time(ROUNDS_FOR)
        .sample_size(SAMPLES)
        .sampling_mode(SamplingMode::Flat);
    for step in Step::all() {
        group.bench_with_input(BenchmarkId::from_parameter(step.name), &step, take);
    }
    group.finish();
}

fn take(bencher: &mut Bencher<'_>, step: &Step) {
    bencher.iter_batched(
        || step.prepare(),
        |mut work| {
            tabwire_cost_counted(&mut work);
            work
        },
        BatchSize::PerIteration,
    );
}

/// One append after the other: what the script and the way to Redis cost, on one connection.
fn redis_appends(criterion: &mut Criterion) {
    let Some(redis) = TestRedis::start() else {
        return;
    };
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    let log = {
        let _inside = runtime.enter();
        redis.log()
    };
    let shop = shop("s_1");
    let event = event(&format!(r#"{{"text":"{}"}}"#, "x".repeat(188)));
    criterion.bench_function("server/redis-log-appends-an-event", |bencher| {
        bencher.iter(|| {
            let appended = log.append(Millis(0), &shop, event.clone(), None);
            black_box(runtime.block_on(appended)).expect("Redis is there");
        });
    });
}
