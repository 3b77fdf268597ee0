//! On a server that renders pages there is nothing to link to.

use std::{convert::Infallible, marker::PhantomData, rc::Rc};

use tabwire_protocol::Cursor;

use super::{builder::Options, error::TabwireError, page::Page};
use crate::core::{Input, Inspection, NewCommand, Role};

pub(crate) type Raw = Infallible;

/// There is none.
pub(crate) struct Link<S> {
    none: Infallible,
    _state: PhantomData<S>,
}

impl<S> Link<S> {
    pub(crate) fn new(_: &Rc<Page<S>>, _: Options) -> Result<Option<Self>, TabwireError> {
        Ok(None)
    }

    pub(crate) fn start(&self) {
        match self.none {}
    }

    pub(crate) fn drive(&self, _: Input<Raw>) {
        match self.none {}
    }

    pub(crate) fn queue(&self, _: NewCommand) -> String {
        match self.none {}
    }

    pub(crate) fn carry_out(&self) {
        match self.none {}
    }

    pub(crate) fn cursor(&self) -> Option<Cursor> {
        match self.none {}
    }

    pub(crate) fn inspect(&self) -> Inspection {
        match self.none {}
    }

    pub(crate) async fn is_first(&self, _: &str, _: Role) -> bool {
        match self.none {}
    }
}

pub(crate) fn print(error: &TabwireError) {
    eprintln!("{error}");
}
