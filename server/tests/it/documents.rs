//! What operators are given names nothing that does not exist.

use std::{collections::BTreeSet, fs, path::Path};

use clap::CommandFactory;
use tabwire_server::config::Flags;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The files that are about running the server, with their names.
fn documents() -> Vec<(String, String)> {
    let mut files = vec![
        Path::new(ROOT).join("README.md"),
        Path::new(ROOT).join("CONTRIBUTING.md"),
        Path::new(ROOT).join("npm/README.md"),
        Path::new(ROOT).join("protocol/PROTOCOL.md"),
    ];
    let mut folders = vec![Path::new(ROOT).join("docs"), Path::new(ROOT).join("deploy")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("it is there") {
            let path = entry.expect("it can be read").path();
            match path.extension().and_then(|ending| ending.to_str()) {
                None if path.is_dir() => folders.push(path),
                Some("png") => {}
                _ => files.push(path),
            }
        }
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
    // Those who work here set the tests' own, too.
    let documents = documents().into_iter();
    for (name, text) in documents.filter(|(name, _)| !name.ends_with("CONTRIBUTING.md")) {
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
    let mut seen = 0;
    for (name, text) in documents()
        .into_iter()
        .filter(|(name, _)| name.ends_with(".md"))
    {
        let folder = Path::new(&name).parent().expect("a file has a folder");
        for link in links(&text) {
            if link.contains("://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => Path::new(&name).to_owned(),
                path => folder.join(path),
            };
            assert!(target.exists(), "{name}: {link}");
            if !anchor.is_empty() {
                let page = fs::read_to_string(&target).expect("an anchor is in a page");
                assert!(anchors(&page).contains(anchor), "{name}: {link}");
            }
            seen += 1;
        }
    }
    assert!(seen > 100, "the documents have links");
}

fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1);
    targets.filter_map(|rest| rest.split(')').next())
}

/// What a link to a part of a page may name: headings as GitHub does it, and anchors that are written out.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for heading in headings(page) {
        let plain: String = heading
            .to_lowercase()
            .replace(' ', "-")
            .chars()
            .filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_')
            .collect();
        // Of several that are alike, the others are numbered.
        let numbered = |n: usize| match n {
            0 => plain.clone(),
            n => format!("{plain}-{n}"),
        };
        let own = (0..).map(numbered).find(|name| !found.contains(name));
        found.extend(own);
    }
    let written = page.split("<a id=\"").skip(1);
    found.extend(written.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
    found
}

/// The text of the headings; in a block of code a line that begins like one is none.
fn headings(page: &str) -> Vec<&str> {
    let mut in_code = false;
    let mut found = Vec::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code && line.starts_with('#') {
            found.push(line.trim_start_matches('#').trim());
        }
    }
    found
}

#[test]
fn anchors_are_what_github_makes_of_headings() {
    let page =
        "# A state, and `what` it is\n```sh\n# none\n```\n## Twice\n## Twice\n<a id=\"own\"></a>\n";
    let expected = ["a-state-and-what-it-is", "own", "twice", "twice-1"];
    assert!(anchors(page).iter().eq(&expected), "{:?}", anchors(page));
}
