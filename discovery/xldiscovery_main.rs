// SPDX-License-Identifier: GPL-2.0

//! xldiscovery: dom0's part of xlnet.
//!
//! It knows which guests run xlnet and which of them may meet, tells each about its peers, and
//! relays their offers. All of that goes through XenStore; nothing here touches a packet. Who may
//! meet whom is decided by the pure [`xlnet_protocol::roster`]; the [`introducer`] brings XenStore
//! in line with it, from what each [`guest`] wrote, from what dom0's kernel does with its [`vifs`]
//! and from the administrator's [`policy`].

#![deny(unsafe_code)]

mod bell;
mod clearance;
mod guest;
mod inquiry;
mod introducer;
mod listeners;
mod marks;
mod pace;
mod parted;
mod policy;
mod settled;
mod told;
mod vifs;

use crate::{
    introducer::{Introducer, Kick},
    listeners::{Flag, FlagWatch, VifObserver},
};
use kapi::{
    net::nic,
    new_worker,
    xen::{self, xenbus},
};
use kernel::prelude::*;

module! {
    type: XldiscoveryModule,
    name: "xldiscovery",
    authors: ["The xlnet developers"],
    description: "Introduces co-resident Xen guests that run xlnet to each other",
    license: "GPL",
}

struct XldiscoveryModule {
    introducer: Kick,
    _flags: [xenbus::Watch<FlagWatch>; 5],
    _vifs: xenbus::Watch<VifObserver>,
    _notifier: nic::Notifier<VifObserver>,
}

impl kernel::Module for XldiscoveryModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        if !xen::is_domain() {
            pr_err!("this kernel does not run under Xen\n");
            return Err(ENODEV);
        }
        if !xen::is_initial_domain() {
            pr_err!("this is a guest, whose module is xlnet; xldiscovery is for dom0\n");
            return Err(ENODEV);
        }
        kapi::param::nic().inspect_err(|_| pr_err!("nic= is not UTF-8\n"))?;
        let introducer = new_worker!(Introducer::new())?;
        let watch = |path: &str, flag: Flag| {
            let handler = FlagWatch::new(&introducer, flag);
            xenbus::Watch::new(fmt!("{path}"), handler).inspect_err(refused)
        };
        let flags = [
            watch("@introduceDomain", |this| &this.domains_changed)?,
            watch("@releaseDomain", |this| &this.domains_changed)?,
            watch(policy::CURRENT, |this| &this.policy_changed)?,
            watch(clearance::NODE, |this| &this.clearance_changed)?,
            watch(inquiry::NODE, |this| &this.asked)?,
        ];
        let vifs = xenbus::Watch::new(fmt!("{}", vifs::BACKENDS), VifObserver::new(&introducer))
            .inspect_err(refused)?;
        let notifier = nic::Notifier::new(VifObserver::new(&introducer))?;
        let this = Self {
            introducer,
            _flags: flags,
            _vifs: vifs,
            _notifier: notifier,
        };
        this.introducer.get().start(this.introducer.clone());
        this.introducer.kick();
        Ok(this)
    }
}

fn refused(error: &Error) {
    pr_err!("XenStore refuses a watch ({error:?})\n");
}

impl Drop for XldiscoveryModule {
    fn drop(&mut self) {
        self.introducer.stop();
        self.introducer.get().withdraw_all();
    }
}
