// SPDX-License-Identifier: GPL-2.0

//! xlnet: guests on one Xen host reach each other through shared memory.
//!
//! The tree follows a packet's way: [`netdev`] takes it from the stack and finds the peer in the
//! [`table`]; a [`slot`] of the peer's [`group`] writes it into a grant FIFO ([`tx`]) or, at the other
//! end, polls it out of one ([`rx`]); [`fallback`] sends what cannot go that way through the NIC. The
//! [`manager`] keeps all that in line with what dom0 says of the peers: a [`peer`] for each, with
//! its handshake, its [`channel`] of one or more [queue pairs](queue_pair), and its [`routes`].

#![deny(unsafe_code)]

mod account;
mod advert;
mod backlog;
mod channel;
mod fallback;
mod group;
mod idle;
mod manager;
mod moderation;
mod netdev;
mod nic;
mod peer;
mod queue_pair;
mod retired;
mod routes;
mod rx;
mod sighting;
mod slot;
mod stats;
mod table;
mod tx;
mod watchdog;

use crate::{
    fallback::Fallback,
    manager::{Kick, Manager, RosterWatch, Suspend},
    netdev::XlDriver,
    nic::{NicObserver, SightingObserver},
    retired::Retired,
    table::Table,
};
use kapi::{
    net::{arp, device::Registration, idle_poll::IdleThread, nic as kernel_nic},
    param, pm,
    sync::RcuBox,
    work::Worker,
    xen::{self, xenstore},
};
use kernel::{cpu::nr_cpu_ids, prelude::*, sync::Arc};

module! {
    type: XlnetModule,
    name: "xlnet",
    authors: ["The xlnet developers"],
    description: "Xen guest to guest network device over shared memory",
    license: "GPL",
    params: {
        idle_poll: u8 {
            default: 1,
            description: "with one CPU: stay awake for the next packet while idle; see the README",
        },
    },
}

/// The device's name.
const NAME: &CStr = c"xl0";

/// What shows in ps.
const IDLE_THREAD: &CStr = c"xl0-idle";

/// A 64 KiB datagram crosses whole.
const MTU: u32 = 65535;

struct XlnetModule {
    manager: Kick,
    fallback: Arc<Worker<Fallback>>,
    retired: Arc<Worker<Retired>>,
    // Dropped in this order, after the manager has closed all channels.
    _suspend: Pin<KBox<pm::Registration<Suspend>>>,
    _watch: xenstore::Watch<RosterWatch>,
    _arp: Pin<KBox<arp::Tap<SightingObserver>>>,
    _notifier: Pin<KBox<kernel_nic::Notifier<NicObserver>>>,
    registration: Option<Registration<XlDriver>>,
}

impl kernel::Module for XlnetModule {
    fn init(module: &'static ThisModule) -> Result<Self> {
        if !xen::is_domain() {
            pr_err!("this kernel does not run under Xen\n");
            return Err(ENODEV);
        }
        if xen::is_initial_domain() {
            pr_err!("this is dom0, whose module is xldiscovery; xlnet is for guests\n");
            return Err(ENODEV);
        }
        let own = advert::own_domid().inspect_err(|e| {
            pr_err!("XenStore does not say which domain this is ({e:?})\n");
        })?;
        let nic = nic::find(kapi::param::nic())?;

        let table = Arc::new(
            RcuBox::new(KBox::new(Table::new(), GFP_KERNEL)?),
            GFP_KERNEL,
        )?;
        let fallback = Worker::new(Fallback::new(nic.clone()))?;
        let manager = Worker::new(Manager::new())?;
        // Of several CPUs the one that polled would often not be the one that the application sleeps on.
        let idle_thread = if nr_cpu_ids() == 1 && param::value(&module_parameters::idle_poll) != 0 {
            Some(Arc::new(IdleThread::new(IDLE_THREAD)?, GFP_KERNEL)?)
        } else {
            None
        };
        let groups = group::all(&table, &manager, idle_thread.as_ref())?;
        let driver = Arc::new(
            XlDriver::new(groups, table.clone(), fallback.clone(), manager.clone()),
            GFP_KERNEL,
        )?;
        let registration = Registration::new(NAME, group::queues(), MTU, driver.clone())
            .inspect_err(|e| pr_err!("the device xl0 cannot be registered ({e:?})\n"))?;
        // Received packets are checked against the peer they come from. The kernel's reverse path
        // check would drop them while the route back is still, or again, through the NIC: even in
        // loose mode, as xl0 has no address (net/ipv4/fib_frontend.c).
        registration.device().disable_rp_filter();

        // All of these only kick the manager, which has nothing to manage yet.
        let notifier = kernel_nic::Notifier::new(NicObserver::new(manager.clone()))?;
        let sightings = SightingObserver::new(manager.clone(), table, nic.clone());
        let arp = arp::Tap::new(sightings)?;
        let watch = xenstore::Watch::new(
            format_args!("{}", advert::PEERS),
            RosterWatch::new(manager.clone()),
        )
        .inspect_err(|e| pr_err!("XenStore refuses a watch ({e:?})\n"))?;
        let suspend = pm::Registration::new(c"xlnet", module, Suspend::new(manager.clone()))?;

        let dev = registration.device().into();
        let retired = Worker::new(Retired::new())?;
        manager
            .get()
            .start(own, nic, dev, driver, retired.clone())?;
        let this = Self {
            manager,
            fallback,
            retired,
            _suspend: suspend,
            _watch: watch,
            _arp: arp,
            _notifier: notifier,
            registration: Some(registration),
        };
        // On failure `this` is dropped, which undoes everything.
        if let Some(registration) = &this.registration {
            registration.bring_up()?;
        }
        this.manager.kick();
        Ok(this)
    }
}

impl Drop for XlnetModule {
    fn drop(&mut self) {
        // No new run of the manager; then close everything from here.
        self.manager.stop();
        self.manager.get().shutdown();
        // Nobody sends through the device any more ...
        self.retired.stop();
        self.retired.get().flush();
        // ... so what the stack has queued is all; then the last packets of the fallback.
        self.registration = None;
        self.fallback.stop();
        self.fallback.get().flush();
    }
}
