//! What operators are given names nothing that does not exist.

use std::{collections::BTreeSet, fs, path::Path};

use clap::CommandFactory;
use tabwire_server::config::Flags;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The files that are about running the server, with their names.
fn documents() -> Vec<(String, String)> {
    let mut files = vec![Path::new(ROOT).join("README.md")];
    for folder in ["docs", "docs/proxies", "deploy"] {
        let entries = fs::read_dir(Path::new(ROOT).join(folder)).expect("it is there");
        let paths = entries.map(|entry| entry.expect("it can be read").path());
        files.extend(paths.filter(|path| path.is_file()));
    }
    let read = |path: &Path| {
        (
            path.display().to_string(),
            fs::read_to_string(path).expect("text"),
        )
    };
    files.iter().map(|path| read(path)).collect()
}

/// The words of a text that begin like this and go on with these characters.
fn words(text: &str, start: &str, goes_on: fn(char) -> bool) -> BTreeSet<String> {
    let found = text.match_indices(start).filter(|(at, _)| {
        let before = text[..*at].chars().next_back();
        !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    });
    found
        .map(|(at, _)| {
            text[at..]
                .chars()
                .take_while(|c| goes_on(*c))
                .collect::<String>()
        })
        .filter(|word| word.len() > start.len())
        .collect()
}

#[test]
fn every_environment_variable_of_the_documents_is_a_flags() {
    let command = Flags::command();
    let known: BTreeSet<_> = command
        .get_arguments()
        .filter_map(|arg| arg.get_env()?.to_str())
        .collect();
    for (name, text) in documents() {
        for word in words(&text, "TABWIRE_", |c| c.is_ascii_uppercase() || c == '_') {
            // Those of the tests, and `TABWIRE_…`.
            let is_known = known.contains(word.as_str()) || word.starts_with("TABWIRE_TEST_");
            assert!(is_known, "{name}: {word}");
        }
    }
}

#[test]
fn every_flag_in_a_command_of_the_documents_exists() {
    let command = Flags::command();
    let known: BTreeSet<_> = command
        .get_arguments()
        .filter_map(|arg| Some(format!("--{}", arg.get_long()?)))
        .collect();
    let mut seen = 0;
    for (name, text) in documents() {
        for line in text
            .lines()
            .filter(|line| line.contains("tabwire-server --"))
        {
            let own = line.split_once("tabwire-server").expect("it contains it").1;
            for word in words(own, "--", |c| c.is_ascii_lowercase() || c == '-') {
                assert!(known.contains(&word) || word == "--help", "{name}: {word}");
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "the documents show commands");
}

#[test]
fn every_metric_of_dashboard_and_alerts_is_documented() {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    let known = words(
        include_str!("../../../docs/METRICS.md"),
        "tabwire_",
        is_name,
    );
    for (name, text) in documents()
        .into_iter()
        .filter(|(name, _)| name.contains("deploy"))
    {
        for word in words(&text, "tabwire_", is_name) {
            // Of a histogram, its parts are asked for.
            let whole = word.strip_suffix("_bucket").unwrap_or(&word);
            assert!(known.contains(whole), "{name}: {word}");
        }
    }
}

#[test]
fn every_link_between_the_documents_leads_somewhere() {
    for (name, text) in documents()
        .into_iter()
        .filter(|(name, _)| name.ends_with(".md"))
    {
        let folder = Path::new(&name).parent().expect("a file has a folder");
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let path = link.split('#').next().unwrap_or(link);
            if !path.is_empty() && !path.contains("://") {
                assert!(folder.join(path).exists(), "{name}: {link}");
            }
        }
    }
}
