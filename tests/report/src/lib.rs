//! Writes `docs/BENCHMARKS.md`: a pure function of what was measured, of the runs that measured it, and of a template that people write.
//!
//! Prose holds no numbers of its own; a number comes from a placeholder such as `{{ratio fanout "200 B" cpu_us_per_delivery tabwire nchan}}`
//! ([`place`] has all of them). What is not measured is said to be so on the page. What is measured and stands nowhere on it is an error, and
//! so is a placeholder that nobody knows. Same results, same bytes: a test holds the committed page to the committed results.

pub mod fit;
pub mod measured;
pub mod names;
pub mod number;
pub mod place;
mod plot;
pub mod run;
mod template;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

pub use crate::{measured::Measured, run::Run};

/// The prose of the page.
pub const PAGE: &str = include_str!("../template/BENCHMARKS.md.in");
/// The prose of the block in the README.
pub const README: &str = include_str!("../template/README.md.in");
/// What stands around that block.
pub const MARKERS: (&str, &str) = ("<!-- benchmarks -->", "<!-- /benchmarks -->");

/// What is written.
#[derive(Debug)]
pub struct Report {
    /// The page, in Markdown.
    pub page: String,
    /// The block of the README, in Markdown.
    pub readme: String,
    /// Pictures by their file name.
    pub plots: BTreeMap<String, String>,
}

/// Makes the page and the README's block of two templates.
pub fn report(measured: &Measured, runs: &[Run], page: &str, readme: &str) -> Result<Report> {
    let mut fill = place::Fill::new(measured, runs);
    let page = template::render(page, &mut fill).context("the template of the page")?;
    // A number that stands in the README only is not shown: the page has them all.
    fill.all_used()?;
    let readme = template::render(readme, &mut fill).context("the template of the README")?;
    Ok(Report {
        page,
        readme,
        plots: fill.plots,
    })
}

/// The README with another block between the markers.
pub fn into_readme(readme: &str, block: &str) -> Result<String> {
    let (begin, end) = MARKERS;
    let missing = || format!("README.md has no {begin} … {end}");
    let (before, rest) = readme.split_once(begin).with_context(missing)?;
    let (_, behind) = rest.split_once(end).with_context(missing)?;
    Ok(format!("{before}{begin}\n{block}{end}{behind}"))
}
