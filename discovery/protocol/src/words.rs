// SPDX-License-Identifier: GPL-2.0

//! Values of several fields: `name=value` words in a given order, separated by single spaces.

use core::{iter::Peekable, str::Split};

use crate::error::{Field, Kind, SchemaError};

/// The words of a value that are not read yet.
pub(crate) struct Words<'a>(Peekable<Split<'a, char>>);

impl<'a> Words<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self(text.split(' ').peekable())
    }

    /// The value of the next word, which has to have this name.
    pub(crate) fn next(&mut self, field: Field, name: &str) -> Result<&'a str, SchemaError> {
        let word = self.0.next().ok_or(field.error(Kind::Missing))?;
        value(word, name).ok_or(field.error(Kind::Syntax))
    }

    /// The value of the next word if it has this name.
    pub(crate) fn next_if(&mut self, name: &str) -> Option<&'a str> {
        let word = self.0.next_if(|word| value(word, name).is_some())?;
        value(word, name)
    }

    /// Nothing may follow the last word of `whole`.
    pub(crate) fn end(mut self, whole: Field) -> Result<(), SchemaError> {
        let more = self.0.next();
        more.map_or(Ok(()), |_| Err(whole.error(Kind::Syntax)))
    }
}

fn value<'a>(word: &'a str, name: &str) -> Option<&'a str> {
    word.strip_prefix(name)?.strip_prefix('=')
}
