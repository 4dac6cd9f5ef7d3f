// SPDX-License-Identifier: GPL-2.0

//! The administrator's policy: what `xl-policy` wrote where only dom0 can, or what `nic=` said.
//!
//! `current` names a directory beside it, in which the lines are, numbered from 0. So the policy is replaced as
//! a whole. `verdict` is what this module says of it: the same name, then `ok` or what is wrong.

use kapi::{
    net::nic,
    xen::xenbus::{self, Value},
};
use kernel::prelude::*;
use xlnet_protocol::{
    policy::{Line, NotUnderstood},
    roster::{self, BridgeWish, GuestWish},
    Reasons,
};

/// Where `xl-policy` writes.
const NODE: &str = "/local/domain/0/xlnet/policy";

/// What the policy's watch is on.
pub(crate) const CURRENT: &str = "/local/domain/0/xlnet/policy/current";

/// So many lines are read.
const MAX_LINES: usize = 4096;

/// What the administrator wishes.
pub(crate) struct Policy {
    off: bool,
    pub(crate) dry_run: bool,
    others: BridgeWish,
    bridges: KVec<(Name, BridgeWish)>,
    guests: KVec<(Name, GuestWish)>,
    groups: KVec<Name>,
}

/// The name of a bridge, a guest or a group.
struct Name(KVec<u8>);

impl Name {
    fn new(text: &str) -> Result<Self> {
        let mut bytes = KVec::new();
        bytes.extend_from_slice(text.as_bytes(), GFP_KERNEL)?;
        Ok(Self(bytes))
    }

    fn is(&self, text: &str) -> bool {
        *self.0 == *text.as_bytes()
    }

    fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// What is wished of the bridges that there are.
#[derive(Default, PartialEq)]
pub(crate) struct Bridges {
    wishes: KVec<(u32, BridgeWish)>,
}

impl Policy {
    /// One without lines: everybody may meet whom dom0's kernel lets meet, or nobody anybody.
    const fn empty(off: bool) -> Self {
        Self {
            off,
            dry_run: false,
            others: BridgeWish {
                ignored: false,
                metered: false,
                overridden: Reasons::NONE,
            },
            bridges: KVec::new(),
            guests: KVec::new(),
            groups: KVec::new(),
        }
    }

    /// The one by which nobody meets anybody.
    pub(crate) const fn closed() -> Self {
        Self::empty(true)
    }

    /// The one that `nic=` stands for: only these bridges, of which some may come later.
    fn of_parameter(text: Option<&str>) -> Result<Self> {
        let mut this = Self::empty(false);
        for name in text.into_iter().flat_map(|text| text.split(',')) {
            if nic::by_name(name).is_none() {
                pr_info!("nic={name}: there is no such bridge yet\n");
            }
            this.others.ignored = true;
            let bridge = (Name::new(name)?, BridgeWish::default());
            this.bridges.push(bridge, GFP_KERNEL)?;
        }
        Ok(this)
    }

    /// Reads the policy.
    ///
    /// # Errors
    ///
    /// `EINVAL` if a line is not understood; the log and `xl-policy` are told which. XenStore's, `ENOMEM`.
    pub(crate) fn read() -> Result<Self> {
        let Some(current) = xenbus::read(fmt!("{CURRENT}"))? else {
            return Self::of_parameter(kapi::param::nic()?);
        };
        let mut this = Self::empty(false);
        for number in 0..MAX_LINES {
            let Some(text) = xenbus::read(fmt!("{NODE}/{}/{number}", &*current))? else {
                break;
            };
            match Line::parse(&text) {
                Ok(line) => this.add(line)?,
                Err(NotUnderstood(word)) => {
                    let line = number + 1;
                    // It may be as long as its line, and the verdict has to fit into a node.
                    pr_err!("policy: line {line}: '{word:.64}' is not understood\n");
                    verdict(
                        &current,
                        fmt!("line {line}: '{word:.64}' is not understood"),
                    )?;
                    return Err(EINVAL);
                }
            }
        }
        verdict(&current, fmt!("ok"))?;
        Ok(this)
    }

    fn add(&mut self, line: Option<Line<'_>>) -> Result {
        match line {
            None => {}
            Some(Line::Off) => self.off = true,
            Some(Line::DryRun) => self.dry_run = true,
            Some(Line::OtherBridges(wish)) => self.others = wish,
            Some(Line::Bridge(name, wish)) => {
                self.bridges.push((Name::new(name)?, wish), GFP_KERNEL)?;
            }
            Some(Line::Guest(name, line)) => {
                let wish = GuestWish {
                    denied: line.denied,
                    metered: line.metered,
                    group: line.group.map_or(Ok(0), |group| self.group(group))?,
                };
                self.guests.push((Name::new(name)?, wish), GFP_KERNEL)?;
            }
        }
        Ok(())
    }

    /// The number of a group: not 0, which is that of guests without one.
    fn group(&mut self, name: &str) -> Result<u32> {
        let found = self.groups.iter().position(|group| group.is(name));
        let index = match found {
            Some(index) => index,
            None => {
                self.groups.push(Name::new(name)?, GFP_KERNEL)?;
                self.groups.len() - 1
            }
        };
        Ok(u32::try_from(index)? + 1)
    }

    /// What is wished of a guest of this name and UUID; of several lines the last.
    pub(crate) fn guest(&self, name: Option<&str>, uuid: Option<&str>) -> GuestWish {
        let about = |line: &Name| {
            let is = |text| line.is(text);
            name.is_some_and(is) || uuid.is_some_and(is)
        };
        let mut lines = self.guests.iter().rev();
        let found = lines.find(|(line, _)| about(line));
        found.map_or(GuestWish::default(), |(_, wish)| *wish)
    }

    /// What is wished of the bridges that there are now.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn bridges(&self) -> Result<Bridges> {
        let mut wishes = KVec::new();
        // The roster takes the first one about a bridge.
        for (name, wish) in self.bridges.iter().rev() {
            if let Some(dev) = nic::by_name(name.as_str()) {
                wishes.push((dev.ifindex().unsigned_abs(), *wish), GFP_KERNEL)?;
            }
        }
        Ok(Bridges { wishes })
    }

    /// The whole of it, for the roster.
    pub(crate) fn roster<'a>(&self, bridges: &'a Bridges) -> roster::Policy<'a> {
        roster::Policy {
            off: self.off,
            bridges: &bridges.wishes,
            others: self.others,
        }
    }
}

/// Tells `xl-policy` what came of the policy it wrote.
fn verdict(current: &Value, what: kernel::fmt::Arguments<'_>) -> Result {
    xenbus::write(fmt!("{NODE}/verdict"), fmt!("{} {what}", &**current))
}
