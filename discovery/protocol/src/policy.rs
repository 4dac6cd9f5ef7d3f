// SPDX-License-Identifier: GPL-2.0

//! The administrator's policy, line by line.
//!
//! ```text
//! off
//! dry-run
//! bridge NAME|* serve|ignore [metered] [override=REASON,…]
//! guest NAME|UUID allow|deny [metered] [group=NAME]
//! ```
//!
//! Words are separated by blanks. Of several lines about one bridge or guest the last one counts; a line
//! about `*` is about all bridges that have none.

use crate::reason::{Reason, Reasons};
use crate::roster::BridgeWish;

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// Nobody is to meet anybody.
    Off,
    /// Who would meet is said, and nobody is introduced.
    DryRun,
    /// About all bridges that no line is about.
    OtherBridges(BridgeWish),
    /// About one bridge.
    Bridge(&'a str, BridgeWish),
    /// About one guest, by its name or UUID.
    Guest(&'a str, GuestLine<'a>),
}

/// What is wished of a guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuestLine<'a> {
    /// It is to meet nobody.
    pub denied: bool,
    /// What it sends and receives is counted at its vif.
    pub metered: bool,
    /// It meets only guests of this group; without one, only guests without one.
    pub group: Option<&'a str>,
}

/// A line was not understood, at this word of it; empty if one is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUnderstood<'a>(pub &'a str);

impl<'a> Line<'a> {
    /// Reads a line. `Ok(None)` if it is blank or a comment.
    ///
    /// # Errors
    ///
    /// The first word that is not understood.
    pub fn parse(text: &'a str) -> Result<Option<Self>, NotUnderstood<'a>> {
        let mut words = text.split_ascii_whitespace();
        let line = match words.next() {
            None => return Ok(None),
            Some(word) if word.starts_with('#') => return Ok(None),
            Some("off") => Self::Off,
            Some("dry-run") => Self::DryRun,
            Some("bridge") => {
                let name = words.next().ok_or(NotUnderstood(""))?;
                let wish = bridge(&mut words)?;
                match name {
                    "*" => Self::OtherBridges(wish),
                    name => Self::Bridge(name, wish),
                }
            }
            Some("guest") => {
                let name = words.next().ok_or(NotUnderstood(""))?;
                Self::Guest(name, guest(&mut words)?)
            }
            Some(word) => return Err(NotUnderstood(word)),
        };
        match words.next() {
            None => Ok(Some(line)),
            Some(word) => Err(NotUnderstood(word)),
        }
    }
}

fn bridge<'a>(words: &mut impl Iterator<Item = &'a str>) -> Result<BridgeWish, NotUnderstood<'a>> {
    let mut wish = BridgeWish {
        ignored: verdict(words.next(), "serve", "ignore")?,
        ..BridgeWish::default()
    };
    for word in words {
        match (word, word.strip_prefix("override=")) {
            ("metered", _) => wish.metered = true,
            (_, Some(names)) => wish.overridden = overridden(names)?,
            (_, None) => return Err(NotUnderstood(word)),
        }
    }
    Ok(wish)
}

fn guest<'a>(
    words: &mut impl Iterator<Item = &'a str>,
) -> Result<GuestLine<'a>, NotUnderstood<'a>> {
    let mut line = GuestLine {
        denied: verdict(words.next(), "allow", "deny")?,
        ..GuestLine::default()
    };
    for word in words {
        match (word, word.strip_prefix("group=")) {
            ("metered", _) => line.metered = true,
            (_, Some(name)) if !name.is_empty() => line.group = Some(name),
            _ => return Err(NotUnderstood(word)),
        }
    }
    Ok(line)
}

/// Whether the word is `no`, where it has to be that or `yes`.
fn verdict<'a>(word: Option<&'a str>, yes: &str, no: &str) -> Result<bool, NotUnderstood<'a>> {
    match word {
        Some(word) if word == yes => Ok(false),
        Some(word) if word == no => Ok(true),
        other => Err(NotUnderstood(other.unwrap_or_default())),
    }
}

fn overridden(names: &str) -> Result<Reasons, NotUnderstood<'_>> {
    let mut reasons = Reasons::NONE;
    for name in names.split(',') {
        let named = |reason: &Reason| reason.override_name() == Some(name);
        let found = Reason::ALL.into_iter().find(named);
        reasons.add(found.ok_or(NotUnderstood(name))?, true);
    }
    Ok(reasons)
}
