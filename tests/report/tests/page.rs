//! The page is what the results say, and says so when there are none. The numbers of `fixture/` are invented.

use std::{collections::BTreeSet, fs, path::PathBuf};

use tabwire_report::{MARKERS, Measured, PAGE, README, Report, report, run};

const RESULTS: &str = include_str!("fixture/results.jsonl");
const RUNS: &str = include_str!("fixture/runs.json");

fn of(results: &str) -> Report {
    try_of(results, PAGE).expect("the template fits the results")
}

fn try_of(results: &str, page: &str) -> anyhow::Result<Report> {
    let measured = Measured::parse(results).expect("the results are lines of JSON");
    report(
        &measured,
        &run::parse(RUNS).expect("it is JSON"),
        page,
        README,
    )
}

/// What is wrong with a template.
fn wrong(page: &str) -> String {
    let error = try_of(RESULTS, page).expect_err("the template is wrong");
    format!("{error:#}")
}

/// The fixture without the lines that have this text.
fn without(text: &str) -> String {
    let lines = RESULTS.lines().filter(|line| !line.contains(text));
    lines.map(|line| format!("{line}\n")).collect()
}

/// The workspace.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_committed_page_is_made_of_the_committed_results() {
    let folder = root().join("docs/benchmarks");
    let read = |name: &str| {
        fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let measured = Measured::parse(&read("results.jsonl")).expect("they are lines of JSON");
    let runs = run::parse(&read("runs.json")).expect("it is JSON");
    let made = report(&measured, &runs, PAGE, README).expect("the template fits the results");
    let help = "`cargo xtask bench report` writes it";
    let page = fs::read_to_string(root().join("docs/BENCHMARKS.md")).expect("there is a page");
    assert!(
        page == made.page,
        "docs/BENCHMARKS.md is not what the results say: {help}"
    );
    let readme = fs::read_to_string(root().join("README.md")).expect("there is a README");
    let block = readme
        .split(MARKERS.0)
        .nth(1)
        .and_then(|rest| rest.split(MARKERS.1).next());
    assert!(
        block == Some(&format!("\n{}", made.readme)),
        "the block in README.md is not what the results say: {help}"
    );
    for (name, svg) in &made.plots {
        assert!(
            read(name) == *svg,
            "{name} is not what the results say: {help}"
        );
    }
    let files = fs::read_dir(&folder).expect("there is a folder");
    let pictures: BTreeSet<String> = files
        .filter_map(|file| file.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".svg"))
        .collect();
    assert_eq!(pictures, made.plots.keys().cloned().collect(), "{help}");
}

#[test]
fn the_same_results_make_the_same_bytes() {
    let (one, other) = (of(RESULTS), of(RESULTS));
    assert_eq!(
        (one.page, one.readme, one.plots),
        (other.page, other.readme, other.plots)
    );
}

#[test]
fn with_all_results_everything_is_measured() {
    let made = of(RESULTS);
    for hole in ["*not measured*", "Not measured", "{{"] {
        assert!(!made.page.contains(hole), "{hole}: {}", made.page);
        assert!(!made.readme.contains(hole), "{hole}: {}", made.readme);
    }
    assert_eq!(
        made.readme
            .lines()
            .filter(|line| line.starts_with("- "))
            .count(),
        6
    );
    for name in made
        .plots
        .keys()
        .filter(|name| !name.ends_with("-dark.svg"))
    {
        assert!(
            made.page.contains(&format!("src=\"benchmarks/{name}\"")),
            "{name}"
        );
    }
}

#[test]
fn a_table_has_medians_with_their_spread_and_ratios_to_tabwire() {
    let page = of(RESULTS).page;
    let row = |begin: &str| {
        page.lines()
            .find(|line| line.starts_with(begin))
            .unwrap_or_else(|| panic!("{begin}"))
    };
    assert!(row("| **tabwire** | 6.00<br><sub>5.82–6.24</sub> |").ends_with("| 1.00 |"));
    assert!(row("| **tabwire** | 4.00 (3.88–4.16) |").ends_with("| 1.00 |"));
    assert!(row("| nchan | 9.00<br><sub>8.73–9.36</sub> |").ends_with("| 1.50 |"));
}

#[test]
fn a_budget_says_whether_it_holds() {
    let page = of(RESULTS).page;
    let row = |what: &str| {
        page.lines()
            .find(|line| line.starts_with(&format!("| {what}")))
            .unwrap_or_else(|| panic!("{what}"))
    };
    assert!(row("server CPU per delivery").ends_with("| 0.67 of nchan | holds |"));
    assert!(row("the npm package").ends_with("| 40.5 KB | **does not hold** |"));
    assert!(row("relay to five other tabs").ends_with("| 90.0 µs | holds |"));
    // The fixture's 90 µs with five others, less the 30 without.
    assert!(page.contains("without are 60.0 µs for tabwire"));
    // What is compared is what a reader sees.
    let just = RESULTS
        .replace(r#""kib_per_session":4.0,"#, r#""kib_per_session":5.004,"#)
        .replace(r#""kib_per_session":3.88,"#, r#""kib_per_session":5.1,"#);
    assert!(of(&just).page.contains("| 5.00 KiB | holds |"));
    let page = of(&without(r#""bench":"takeover""#)).page;
    assert!(page.contains("| 50 ms | *not measured* | – |"));
}

#[test]
fn only_a_budget_that_does_not_hold_is_explained() {
    let page = of(RESULTS).page;
    assert!(page.contains("- **The package is larger than was set**"));
    assert!(!page.contains("- **A delivery costs more than was set.**"));
    assert!(!of("").page.contains("than was set"));
}

#[test]
fn growth_is_said_in_words_with_the_fitted_exponent() {
    let page = of(RESULTS).page;
    let has = |text: &str| assert!(page.contains(text), "{text}");
    has(
        "From 1,000 to 15,000 sessions, 15 times as many, CPU per delivery becomes 1.07 times as high (fitted exponent 0.02 ± 0.00 over 5 steps: it does not grow).",
    );
    has(
        "From 1 to 3 nodes, 3 times as many, CPU per delivery becomes 1.25 times as high (fitted exponent 0.20 ± 0.00 over 3 steps: **it grows**).",
    );
    has(
        "memory becomes 5.00 times as high (fitted exponent 0.60 ± 0.05 over 5 steps: linear or better).",
    );
}

#[test]
fn what_was_not_measured_is_said_to_be_so() {
    let nothing = of("");
    let yet = nothing
        .page
        .matches("Not measured yet: `cargo xtask bench ")
        .count();
    assert_eq!(
        yet,
        tabwire_report::names::BENCHES.len(),
        "{}",
        nothing.page
    );
    assert!(nothing.plots.is_empty());
    let some = of(&without(r#""bench":"fanout""#)).page;
    assert!(some.contains("Not measured yet: `cargo xtask bench fanout`."));
    assert_eq!(some.matches("Not measured").count(), 1);
}

#[test]
fn a_peer_that_is_missing_is_named() {
    let made = of(&without(r#""who":"nchan""#));
    assert!(made.page.contains("**Not measured in this run:** nchan.\n"));
    assert!(
        made.page
            .contains("tabwire needs *not measured* of nchan's CPU")
    );
    assert!(
        !made.readme.contains("nchan"),
        "it has no sentence without its numbers: {}",
        made.readme
    );
}

#[test]
fn a_result_that_stands_nowhere_is_an_error_that_names_it() {
    let stranger = r#"{"bench":"idle","setting":"at night","who":"tabwire","figures":{"kib_per_session":4.0}}"#;
    let error = try_of(&format!("{RESULTS}{stranger}"), PAGE).expect_err("nothing shows it");
    assert_eq!(
        error.to_string(),
        "no placeholder uses idle \"at night\" kib_per_session"
    );
}

#[test]
fn a_placeholder_that_nobody_knows_is_an_error_that_names_it() {
    for (template, error) in [
        (
            "a {{sum idle}}",
            "line 1: a {{sum idle}}: there is no placeholder sum with these words",
        ),
        ("{{table idle}}", "there is no placeholder table"),
        (
            "{{value idle \"\" kib tabwire}}",
            "names.rs knows no figure kib",
        ),
        (
            "{{value idel \"\" ms tabwire}}",
            "names.rs knows no bench idel",
        ),
        (
            "{{value idle \"\" ms tabwier}}",
            "names.rs knows no subject tabwier",
        ),
        (
            "{{measured idle nobody}}\n{{end}}",
            "names.rs knows no subject nobody",
        ),
        ("{{measured idle}}\n", "it has no {{end}}"),
        ("{{value idle", "a placeholder has no end"),
    ] {
        let found = wrong(template);
        assert!(found.contains(error), "{template}: {found}");
    }
}

#[test]
fn pictures_are_whole_and_say_what_they_show() {
    let made = of(RESULTS);
    assert!(made.plots.len() > 20);
    for (name, svg) in &made.plots {
        let description = svg
            .split("<desc id=\"description\">")
            .nth(1)
            .and_then(|rest| rest.split('<').next());
        let digits =
            description.map_or(0, |text| text.matches(|c: char| c.is_ascii_digit()).count());
        assert!(digits > 5, "{name}: {description:?}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
        assert_eq!(
            svg.matches("<text").count(),
            svg.matches("</text>").count(),
            "{name}"
        );
    }
}
