//! `tabwire-report`: reads and writes the files around the page. `cargo xtask bench` calls it.

mod facts;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use tabwire_report::{Measured, PAGE, README, Report, into_readme, measured, report, run};

#[derive(Parser)]
#[command(about = "Keeps what was measured and writes docs/BENCHMARKS.md")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Find out on what is measured: processor, kernel, versions
    Facts {
        /// Where to write it
        #[arg(long)]
        to: PathBuf,
        /// The run is a short one
        #[arg(long)]
        quick: bool,
        /// What a reader must know of this run
        #[arg(long)]
        note: Option<String>,
        /// The browser that is measured in
        #[arg(long)]
        chromium: Option<PathBuf>,
    },
    /// Put what a bench found in the place of what it found before
    Keep {
        /// Where the page is, beside its folder `benchmarks`
        #[arg(long)]
        docs: PathBuf,
        /// What `facts` wrote
        #[arg(long)]
        facts: PathBuf,
        /// What the bench wrote
        #[arg(long)]
        found: PathBuf,
        /// How long it took
        #[arg(long)]
        seconds: u64,
        /// Which bench it is
        bench: String,
    },
    /// Write the page and its pictures
    Write {
        /// Where the page is, beside its folder `benchmarks`
        #[arg(long)]
        docs: PathBuf,
        /// The page with a block of these results
        #[arg(long)]
        readme: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Facts {
            to,
            quick,
            note,
            chromium,
        } => facts::write(&to, quick, note, chromium),
        Command::Keep {
            docs,
            facts,
            found,
            seconds,
            bench,
        } => keep(&docs, &facts, &found, seconds, &bench),
        Command::Write { docs, readme } => write(&docs, readme.as_deref()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tabwire-report: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn keep(docs: &Path, facts: &Path, found: &Path, seconds: u64, bench: &str) -> Result<()> {
    let folder = docs.join("benchmarks");
    let (results, runs) = (folder.join("results.jsonl"), folder.join("runs.json"));
    let facts = serde_json::from_str(&read(facts)?).context("the facts")?;
    let kept = measured::replaced(&read_or(&results, "")?, bench, &read(found)?)?;
    let mut all = run::parse(&read_or(&runs, "[]")?)?;
    run::add(&mut all, &facts, bench, seconds);
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    save(&results, &kept)?;
    save(&runs, &run::format(&all))
}

fn write(docs: &Path, readme: Option<&Path>) -> Result<()> {
    let folder = docs.join("benchmarks");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let measured = Measured::parse(&read_or(&folder.join("results.jsonl"), "")?)?;
    let runs = run::parse(&read_or(&folder.join("runs.json"), "[]")?)?;
    let Report {
        page,
        readme: block,
        plots,
    } = report(&measured, &runs, PAGE, README)?;
    for old in fs::read_dir(&folder)? {
        let old = old?.path();
        if old.extension().is_some_and(|extension| extension == "svg") {
            fs::remove_file(old)?;
        }
    }
    for (name, svg) in &plots {
        save(&folder.join(name), svg)?;
    }
    save(&docs.join("BENCHMARKS.md"), &page)?;
    if let Some(readme) = readme {
        save(readme, &into_readme(&read(readme)?, &block)?)?;
    }
    println!("{} is written", docs.join("BENCHMARKS.md").display());
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

fn read_or(path: &Path, otherwise: &str) -> Result<String> {
    if path.exists() {
        read(path)
    } else {
        Ok(otherwise.into())
    }
}

fn save(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| path.display().to_string())
}
