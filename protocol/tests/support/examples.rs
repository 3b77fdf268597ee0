//! The examples of PROTOCOL.md, in order.
//!
//! An example is a fenced block whose first line says ```` ```json client ```` or ```` ```json server ````, and `lost` or `gap`
//! behind that when its frames never arrived or may not be applied.

/// The document.
pub(crate) const DOCUMENT: &str = include_str!("../../PROTOCOL.md");

/// One frame.
#[derive(Clone, Debug)]
pub(crate) struct Example {
    /// The heading above it.
    pub(crate) heading: String,
    /// Which line of the document it is on.
    pub(crate) line: usize,
    /// Who sends it.
    pub(crate) from: From,
    /// What becomes of it.
    pub(crate) fate: Fate,
    /// The frame as JSON.
    pub(crate) text: String,
}

/// Who sends a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    Client,
    Server,
}

/// What becomes of a frame on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Arrives,
    /// It was written and never arrived.
    Lost,
    /// It arrives where something before it is missing.
    Gap,
}

/// All examples.
///
/// # Panics
/// When a block says something else than the above.
pub(crate) fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    let mut heading = String::new();
    let mut block = None;
    for (index, line) in DOCUMENT.lines().enumerate() {
        match (block, line.strip_prefix("```")) {
            (None, Some(info)) => block = Some(kind(info)),
            (Some(_), Some(_)) => block = None,
            (Some((from, fate)), None) => examples.push(Example {
                heading: heading.clone(),
                line: index + 1,
                from,
                fate,
                text: line.to_owned(),
            }),
            (None, None) => {
                if line.starts_with('#') {
                    heading = line.trim_start_matches(['#', ' ']).to_owned();
                }
            }
        }
    }
    assert!(block.is_none(), "a block does not end");
    examples
}

fn kind(info: &str) -> (From, Fate) {
    let (from, fate) = match info.strip_prefix("json ").map(|info| info.split_once(' ')) {
        Some(Some((from, fate))) => (from, Some(fate)),
        Some(None) => (info.trim_start_matches("json "), None),
        None => panic!("{info:?}: an example is JSON"),
    };
    let from = match from {
        "client" => From::Client,
        "server" => From::Server,
        other => panic!("{other:?}: an example is from a client or a server"),
    };
    let fate = match fate {
        None => Fate::Arrives,
        Some("lost") => Fate::Lost,
        Some("gap") => Fate::Gap,
        Some(other) => panic!("{other:?}: a frame is lost, or makes a gap, or arrives"),
    };
    (from, fate)
}
