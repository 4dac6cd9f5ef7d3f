// SPDX-License-Identifier: GPL-2.0

//! What the handshake with a peer has done: its channel and its offer.

use crate::control::{
    account::Account, advert, channel::Channel, router::RouterKick, watchdog::Watchdog,
};
use crate::data::{group::Taken, settings::Settings};
use kapi::{net::netdevice::OwnDevice, work::Worker, Show};
use kernel::{fmt, prelude::*, sync::Arc};
use xlnet_protocol::{Action, DomId, Failed, Role};

/// What a step may need of the guest.
pub(crate) struct Guest<'a> {
    pub(crate) dev: &'a OwnDevice,
    pub(crate) router: &'a RouterKick,
    pub(crate) watchdog: &'a Worker<Watchdog>,
    /// How a new channel is to be.
    pub(crate) settings: Settings,
    /// Whether there were no grants, or no memory, for one.
    pub(crate) short: bool,
}

/// What the handshake's actions work on.
pub(crate) struct Link {
    pub(crate) account: Arc<Account>,
    pub(crate) role: Role,
    // In this order: the group is free when there is no channel any more.
    pub(crate) channel: Option<Channel>,
    pub(crate) group: Taken,
    /// Of the pair of instances.
    pub(crate) nonce: u64,
}

impl Link {
    /// Does what the handshake asks for.
    ///
    /// # Errors
    ///
    /// It could not be done.
    pub(crate) fn perform(&mut self, action: &Action, guest: &mut Guest<'_>) -> Result<(), Failed> {
        match *action {
            Action::Allocate(id) => {
                let channel =
                    Channel::allocate(self.role, &self.account, id, &self.group, guest.settings);
                self.channel = Some(channel.map_err(|error| {
                    guest.short |= error.is_shortage();
                    self.failed(fmt!("{}", Show(error)))
                })?);
            }
            Action::WriteOffer(_) => {
                let offer = self.channel()?.offer().ok_or(Failed)?;
                advert::write_offer(self.domid(), &offer)
                    .map_err(|error| self.failed(fmt!("XenStore refuses the offer ({error:?})")))?;
            }
            Action::Map(offer) => {
                let channel = self.channel.as_mut().ok_or(Failed)?;
                channel
                    .map(&offer, guest.dev)
                    .map_err(|error| self.failed(fmt!("{}", Show(error))))?;
            }
            Action::SetReady => {
                if !self.channel()?.set_ready() {
                    return Err(Failed);
                }
            }
            Action::OpenDataPath => {
                let channel = self.channel.as_mut().ok_or(Failed)?;
                channel
                    .open(guest.dev, guest.router)
                    .map_err(|error| self.failed(fmt!("{error:?}")))?;
                guest.watchdog.kick();
                self.account.note_connected();
            }
            Action::BeginClose => {
                self.channel()?.begin_close();
            }
            Action::Release => {
                self.channel = None;
                // An offer that stays behind names a channel that nobody will use again.
                let _ = advert::remove_offer(self.domid());
            }
        }
        Ok(())
    }

    /// The peer.
    pub(crate) fn domid(&self) -> DomId {
        self.account.domid()
    }

    fn channel(&self) -> Result<&Channel, Failed> {
        self.channel.as_ref().ok_or(Failed)
    }

    fn failed(&self, why: fmt::Arguments<'_>) -> Failed {
        self.account.complain(self.nonce, why);
        Failed
    }
}
