//! Every bench of the load generator with a handful of clients, so that it works when it is wanted.

use std::{collections::BTreeMap, process::Command};

use serde::Deserialize;
use tabwire_faults::{dir::Dir, node, redis};

/// A line of the results, as those read it who make a report of them.
#[derive(Deserialize)]
struct Line {
    bench: String,
    setting: String,
    who: String,
    figures: BTreeMap<String, f64>,
}

#[test]
fn every_bench_finds_its_figures() {
    let has_redis = redis::is_installed();
    let dir = Dir::new();
    let results = dir.join("results.jsonl");
    let output = Command::new(env!("CARGO_BIN_EXE_tabwire-load"))
        .args(["--smoke", "--results"])
        .arg(&results)
        .env("TABWIRE_SERVER", node::binary())
        .output()
        .expect("it was built with this test");
    let printed = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}\n{complaints}");

    let text = std::fs::read_to_string(&results).expect("it wrote results");
    let lines: Vec<Line> = text
        .lines()
        .map(|line| {
            serde_json::from_str(line).expect("a line of JSON with figures that are numbers")
        })
        .collect();
    let mut found: Vec<(&str, &str)> = lines
        .iter()
        .map(|line| (line.bench.as_str(), line.setting.as_str()))
        .collect();
    if !has_redis {
        found.extend([("nodes-curve", "1"), ("nodes-curve", "2")]);
    }
    let wanted = [
        ("fanout", "200 B"),
        ("fanout", "4096 B"),
        ("offered", "200 B"),
        ("saturation", "200 B"),
        ("idle", ""),
        ("connect", ""),
        ("publish", "one at a time"),
        ("publish", "100 a request"),
        ("shops", "500 shops of 10"),
        ("modules", "none filtered"),
        ("modules", "half filtered"),
        ("modules", "nine of ten filtered"),
        ("avalanche", ""),
        ("slow", ""),
        ("sessions-curve", "10"),
        ("sessions-curve", "20"),
        ("shops-curve", "1"),
        ("shops-curve", "5"),
        ("retention-curve", "250"),
        ("retention-curve", "500"),
        ("nodes-curve", "1"),
        ("nodes-curve", "2"),
    ];
    assert_eq!(found, wanted, "{printed}");
    for line in &lines {
        assert!(line.who.starts_with("tabwire"), "{}", line.who);
        assert!(!line.figures.is_empty(), "{} has no figures", line.bench);
    }
}
