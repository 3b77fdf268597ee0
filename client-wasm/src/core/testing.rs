//! What the machine's own tests share.

use super::frame::Raw;

/// A frame as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) Box<str>);

impl Raw for Text {
    fn size(&self) -> usize {
        self.0.len()
    }
}
