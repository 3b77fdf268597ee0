//! Templates: text with placeholders in double braces, and parts that depend on what is measured.
//!
//! A part is between two lines. `{{measured BENCH WHO…}}` … `{{end}}` has numbers of a bench that compares these; without any, the page says
//! so instead. `{{when BENCH WHO…}}` … `{{end}}` is left out unless all of them are measured, and `{{broken …}}` … `{{end}}`, with
//! the words of a budget, as long as that holds.

use anyhow::{Context as _, Result, bail, ensure};

use crate::place::Fill;

/// The text with everything filled in.
pub(crate) fn render(template: &str, fill: &mut Fill<'_>) -> Result<String> {
    let mut page = part(template, fill)?;
    // What was left out stood between empty lines.
    while page.contains("\n\n\n") {
        page = page.replace("\n\n\n", "\n\n");
    }
    Ok(page)
}

fn part(template: &str, fill: &mut Fill<'_>) -> Result<String> {
    let mut page = String::new();
    let mut lines = template.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let place = || format!("line {}: {line}", index + 1);
        let Some(words) = alone(line).with_context(place)? else {
            page += &filled(line, fill).with_context(place)?;
            page.push('\n');
            continue;
        };
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (is_shown, note) = match &words[..] {
            ["measured", bench, subjects @ ..] => {
                let there = fill.part(bench, subjects).with_context(place)?;
                (there.is_measured, there.note(bench))
            }
            ["when", bench, subjects @ ..] => {
                let there = fill.part(bench, subjects).with_context(place)?;
                let is_whole = there.is_measured && there.missing.is_empty();
                (is_whole, String::new())
            }
            ["broken", budget @ ..] => {
                let holds = fill.budget(budget).with_context(place)?.holds;
                (holds == Some(false), String::new())
            }
            words => {
                let block = fill.place(words).with_context(place)?;
                if !block.is_empty() {
                    page += block.trim_end();
                    page.push('\n');
                }
                continue;
            }
        };
        let mut body = String::new();
        loop {
            let (_, line) = lines
                .next()
                .with_context(place)
                .context("it has no {{end}}")?;
            if line == "{{end}}" {
                break;
            }
            body += line;
            body.push('\n');
        }
        if is_shown {
            page += &part(&body, fill).with_context(place)?;
        }
        page += &note;
    }
    Ok(page)
}

/// The words of a placeholder that is the whole line.
fn alone(line: &str) -> Result<Option<Vec<String>>> {
    let Some(inner) = line
        .strip_prefix("{{")
        .and_then(|rest| rest.strip_suffix("}}"))
    else {
        return Ok(None);
    };
    if inner.contains("{{") {
        return Ok(None);
    }
    words(inner).map(Some)
}

fn filled(line: &str, fill: &mut Fill<'_>) -> Result<String> {
    let mut filled = String::new();
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once("{{") {
        let (inner, after) = behind
            .split_once("}}")
            .context("a placeholder has no end")?;
        let words = words(inner)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let text = fill.place(&words)?;
        ensure!(
            !text.trim().contains('\n'),
            "{inner} fills more than a line: it needs one of its own"
        );
        filled += before;
        filled += text.trim();
        rest = after;
    }
    Ok(filled + rest)
}

/// What is apart by spaces; a word with spaces in it is in double quotes.
fn words(text: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (word, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').context("a quote has no end")?,
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = behind.trim_start();
    }
    if words.is_empty() {
        bail!("a placeholder is empty");
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_quotes_are_one() {
        let found = words(r#"ratio fanout "200 B" "" a"#).expect("it is right");
        assert_eq!(found, ["ratio", "fanout", "200 B", "", "a"]);
        assert!(words(r#"ratio "200 B"#).is_err());
        assert!(words(" ").is_err());
    }
}
