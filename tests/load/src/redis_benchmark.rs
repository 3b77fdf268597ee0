//! redis-benchmark with the words of the server: how fast this Redis appends when nobody is in the way.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tabwire_faults::process::on_path;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    time::timeout,
};

use crate::{
    crowd::{now_micros, payload},
    peer::{Running, To},
    process::Server,
    ws::Http,
};

const BYTES: usize = 200;
/// How many appends are run for each second that the bench lasts: more than are done in one.
const PER_SECOND: f64 = 25_000.0;
const WITHIN: Duration = Duration::from_secs(60);

/// Appends per second, so many at a time.
pub(crate) async fn run(mut running: Running, under_way: usize, lasts: Duration) -> Result<f64> {
    let redis = running.redis.take().context("a server with Redis")?;
    let append = timeout(WITHIN, overheard(&running, redis.port)).await??;
    // Nobody else asks this Redis anything from here on.
    drop(running);
    let program = on_path("redis-benchmark").context("redis-benchmark is not installed")?;
    let count = (PER_SECOND * lasts.as_secs_f64()) as u64;
    // The server has one connection for all its calls, on which as many are under way as requests are.
    let own = [
        ("-p", redis.port.to_string()),
        ("-c", "1".to_owned()),
        ("-P", under_way.to_string()),
        ("-n", count.to_string()),
    ];
    let own = own
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value]);
    let words: Vec<String> = own.chain(["--csv".to_owned()]).chain(append).collect();
    let mut benchmark = Server::start("redis-benchmark", &program, &words);
    let (status, printed) = benchmark.end(WITHIN).await;
    ensure!(status.success(), "redis-benchmark: {printed}");
    let appended = redis.calls().await.get("xadd").copied().unwrap_or(0);
    ensure!(
        appended > count,
        "{appended} of {count} calls appended something"
    );
    per_second(&printed).with_context(|| format!("redis-benchmark says {printed}"))
}

/// The call with which the server appends an event, as Redis heard it.
async fn overheard(running: &Running, port: u16) -> Result<Vec<String>> {
    let mut monitor = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await?);
    monitor.get_mut().write_all(b"MONITOR\r\n").await?;
    let mut line = String::new();
    monitor.read_line(&mut line).await?;
    ensure!(line.starts_with("+OK"), "MONITOR is answered by {line}");
    let payload = payload(BYTES, now_micros());
    let request = running.dialect.publish(To::default(), &[payload]);
    Http::open(running.address(0)).await?.ask(&request).await?;
    loop {
        line.clear();
        ensure!(monitor.read_line(&mut line).await? > 0, "Redis hung up");
        let words = quoted(&line);
        let is_append = words
            .first()
            .is_some_and(|word| word.eq_ignore_ascii_case("evalsha"))
            && words.iter().any(|word| word.contains("\"pad\""));
        if is_append {
            return Ok(words);
        }
    }
}

/// The words of a line of MONITOR. All that the server says is text, so only quotes and backslashes have a backslash before them.
fn quoted(line: &str) -> Vec<String> {
    let (mut words, mut word, mut escaped) = (Vec::new(), None::<String>, false);
    for char in line.chars() {
        match (&mut word, char) {
            (Some(word), _) if escaped => {
                word.push(char);
                escaped = false;
            }
            (Some(_), '\\') => escaped = true,
            (Some(_), '"') => words.extend(word.take()),
            (Some(word), _) => word.push(char),
            (None, '"') => word = Some(String::new()),
            (None, _) => {}
        }
    }
    words
}

/// The second field of its last line.
fn per_second(csv: &str) -> Option<f64> {
    let field = csv.lines().last()?.rsplit("\",\"").collect::<Vec<_>>();
    // Behind the name of the test, which is the command and has anything in it: rps and six latencies.
    field.get(6)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_heard_is_taken_apart() {
        let line =
            r#"1.2 [0 127.0.0.1:4] "EVALSHA" "ab" "2" "ws:{s0}:log" "{\"p\":\"\\\"x y\"}" """#;
        let words = ["EVALSHA", "ab", "2", "ws:{s0}:log", r#"{"p":"\"x y"}"#, ""];
        assert_eq!(quoted(line), words);
    }

    #[test]
    fn the_rate_stands_behind_a_name_with_anything_in_it() {
        let csv = "\"test\",\"rps\",\"avg_latency_ms\"\n\"evalsha a,\"\"b\"\" {\"c\":\"d\"}\",\"31250.00\",\"1.3\",\"0.9\",\"1.3\",\"1.8\",\"2.0\",\"2.1\"\n";
        assert_eq!(per_second(csv), Some(31_250.0));
    }
}
