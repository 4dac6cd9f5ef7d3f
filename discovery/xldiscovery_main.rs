// SPDX-License-Identifier: GPL-2.0

//! xldiscovery: dom0's part of xlnet.
//!
//! It knows which guests run xlnet and which of them may meet, tells each about its peers, and
//! relays their offers. All of that goes through XenStore; nothing here touches a packet. Who may
//! meet whom is decided by the pure [`xlnet_protocol::roster`]; the [`introducer`] brings XenStore
//! in line with it, from what each [`guest`] wrote, from what dom0's kernel does with its [`vifs`]
//! and from the administrator's [`policy`].

#![deny(unsafe_code)]

mod clearance;
mod guest;
mod introducer;
mod marks;
mod pace;
mod parted;
mod policy;
mod vifs;

use crate::{
    clearance::ClearanceWatch,
    introducer::{DomainWatch, Introducer, Kick, VifObserver},
    policy::PolicyWatch,
};
use kapi::{
    net::nic,
    work::Worker,
    xen::{self, xenstore},
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
    _domains: [xenstore::Watch<DomainWatch>; 2],
    _vifs: xenstore::Watch<VifObserver>,
    _policy: xenstore::Watch<PolicyWatch>,
    _clearance: xenstore::Watch<ClearanceWatch>,
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
        let introducer = Worker::new(Introducer::new())?;
        let domains = |path: &str| {
            xenstore::Watch::new(fmt!("{path}"), DomainWatch::new(&introducer)).inspect_err(refused)
        };
        let domains = [domains("@introduceDomain")?, domains("@releaseDomain")?];
        let vifs = xenstore::Watch::new(fmt!("{}", vifs::BACKENDS), VifObserver::new(&introducer))
            .inspect_err(refused)?;
        let policy =
            xenstore::Watch::new(fmt!("{}", policy::CURRENT), PolicyWatch::new(&introducer))
                .inspect_err(refused)?;
        let clearance = xenstore::Watch::new(
            fmt!("{}", clearance::NODE),
            ClearanceWatch::new(&introducer),
        )
        .inspect_err(refused)?;
        let notifier = nic::Notifier::new(VifObserver::new(&introducer))?;
        let this = Self {
            introducer,
            _domains: domains,
            _vifs: vifs,
            _policy: policy,
            _clearance: clearance,
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
