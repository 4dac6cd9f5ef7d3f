// SPDX-License-Identifier: GPL-2.0

//! xlnet: guests on one Xen host reach each other through shared memory.
//!
//! Two halves. [`data`] follows a packet's way: its [`device`](data::device) takes it from the stack and
//! finds the peer in the [`table`](data::table); a [`slot`](data::slot) of the peer's
//! [`group`](data::group) writes it into a grant FIFO ([`tx`](data::tx)) or, at the other end, polls it out
//! of one ([`rx`](data::rx)); what cannot go that way takes the [way out](data::way_out). [`control`] decides
//! to whom there are channels and routes, and imports from the other half, never the other way round: the
//! data path rings a [`bell`](data::bell) and does not know who hears it.

#![deny(unsafe_code)]

mod control;
mod data;

use crate::control::{
    advert,
    avoid::Avoid,
    demand::Demand,
    follow::{Ipv6Observer, NeighbourObserver, NicFollow},
    listeners::{Ears, RosterWatch, Suspend},
    managed::Managed,
    manager::{Kick, Manager},
    nic::Nic,
    report::Report,
    router::{Router, RouterKick, TablesObserver},
};
use crate::data::{
    bell::Bell, device::XlDriver, group, table::Table, tx::MAX_PACKET, way_out::WayOut,
};
use kapi::{
    avoid,
    net::{
        fib,
        follow::Follower,
        idle_poll::IdleThreads,
        inet6, neighbour,
        netdevice::{OwnDeviceRef, Registration},
    },
    new_worker, param, pm,
    sync::{Contents, RcuBox},
    xen::{self, grant_budget::GrantBudget, xenbus},
};
use kernel::{prelude::*, sync::Arc};

module! {
    type: XlnetModule,
    name: "xlnet",
    authors: ["The xlnet developers"],
    description: "Xen guest to guest network device over shared memory",
    license: "GPL",
    params: {
        idle_poll: u8 {
            default: 1,
            description: "stay awake for the next packet while idle; see the README",
        },
        grants: u8 {
            default: 75,
            description: "percent of the grant table that channels may take; see the README",
        },
        channels: u16 {
            default: 24,
            description: "channels at one time, 1 to 64; the busiest have them",
        },
        idle_close: u32 {
            default: 60,
            description: "seconds without packets after which a channel closes, 0 for never",
        },
    },
}

/// The device's name.
const NAME: &CStr = c"xl0";

/// The longest datagram of either family crosses whole.
const MTU: u32 = MAX_PACKET;

struct XlnetModule {
    manager: Kick,
    router: RouterKick,
    // Dropped in this order, after the manager has closed all channels.
    _avoid: avoid::Registration,
    _suspend: Pin<KBox<pm::Registration<Suspend>>>,
    _watch: xenbus::Watch<RosterWatch>,
    _neighbours: neighbour::Notifier<NeighbourObserver>,
    _follower: Follower<NicFollow>,
    _ipv6: inet6::Notifier<Ipv6Observer>,
    _tables: fib::Notifier<TablesObserver>,
    _report: Report,
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
        let nic = Nic::new(nic_parameter()?)?;
        let budget = GrantBudget::new(grants_parameter()?)?;
        let channels = channels_parameter()?;

        let table = Arc::new(RcuBox::new(Contents::new(Table::new())?), GFP_KERNEL)?;
        let manager = new_worker!(Manager::new())?;
        let idle_threads = match param::value(&module_parameters::idle_poll) {
            0 => None,
            _ => Some(IdleThreads::new()?),
        };
        let router = new_worker!(Router::new(nic.clone()))?;
        let ears = Ears {
            manager: manager.clone(),
            router: router.clone(),
        };
        let bell: Bell = Arc::new(ears, GFP_KERNEL)?;
        let groups = group::all(channels, &table, nic.uplink(), &bell, idle_threads.as_ref())?;
        let way_out = WayOut::new(nic.uplink().clone());
        let avoid = Arc::new(Avoid::new(bell.clone())?, GFP_KERNEL)?;
        let parameter = avoid::Registration::new(module, avoid.clone()).inspect_err(|e| {
            pr_err!("avoid= is no list of addresses, MACs and \"all\" ({e:?})\n");
        })?;
        let driver = Arc::new(
            XlDriver::new(groups, table.clone(), nic.uplink().clone(), way_out, bell),
            GFP_KERNEL,
        )?;
        let registration = Registration::new(NAME, group::queues(channels), MTU, driver.clone())
            .inspect_err(|e| pr_err!("the device xl0 cannot be registered ({e:?})\n"))?;

        // All of these only kick manager and router, which have nothing to do yet.
        let tables = fib::Notifier::new(TablesObserver::new(router.clone()))
            .inspect_err(|e| pr_err!("no notice of changed routes can be had ({e:?})\n"))?;
        let follower = NicFollow::begin(&nic, &manager, &router, &table)?;
        let ipv6 = inet6::Notifier::new(Ipv6Observer::new(&nic, &manager, &router))?;
        let neighbours = neighbour::Notifier::new(NeighbourObserver::new(&nic, &manager))
            .inspect_err(|e| pr_err!("no notice of neighbours can be had ({e:?})\n"))?;
        let watch = xenbus::Watch::new(
            format_args!("{}", advert::PEERS),
            RosterWatch::new(manager.clone()),
        )
        .inspect_err(|e| pr_err!("XenStore refuses a watch ({e:?})\n"))?;
        let suspend = pm::Registration::new(c"xlnet", module, Suspend::new(manager.clone()))
            .inspect_err(|e| pr_err!("no notice of suspends can be had ({e:?})\n"))?;

        let report = Report::new(router.clone())?;
        // From here on the two hold what holds them, and the device, until they are shut down.
        let dev: OwnDeviceRef = registration.device().into();
        let idle_ms = u64::from(param::value(&module_parameters::idle_close)) * 1000;
        let room = channels.min(affordable(&budget, driver.settings().get().ring_pages));
        let demand = Demand::new(room, idle_ms, avoid.clone())?;
        router.get().start(dev.ifindex(), avoid)?;
        let managed = Managed {
            own,
            nic,
            dev,
            driver,
            budget,
            router: router.clone(),
            demand,
        };
        manager
            .get()
            .start(managed)
            .inspect_err(|_| router.get().remove_all())?;
        let this = Self {
            manager,
            router,
            _avoid: parameter,
            _suspend: suspend,
            _watch: watch,
            _neighbours: neighbours,
            _follower: follower,
            _ipv6: ipv6,
            _tables: tables,
            _report: report,
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

/// What `nic=` says.
///
/// # Errors
///
/// `EINVAL` if it is not text; the log says so.
fn nic_parameter() -> Result<Option<&'static str>> {
    kapi::param::nic().inspect_err(|_| pr_err!("nic= is not UTF-8\n"))
}

/// What `grants=` says.
///
/// # Errors
///
/// `EINVAL` if it is no percentage; the log says so.
fn grants_parameter() -> Result<u8> {
    let percent = param::value(&module_parameters::grants);
    if percent > 100 {
        pr_err!("grants= is a percentage, 0 to 100\n");
        return Err(EINVAL);
    }
    Ok(percent)
}

/// What `channels=` says.
///
/// # Errors
///
/// `EINVAL` if there cannot be so many; the log says so.
fn channels_parameter() -> Result<u16> {
    let channels = param::value(&module_parameters::channels);
    if !(1..=group::MAX_GROUPS).contains(&channels) {
        pr_err!("channels= is a number, 1 to {}\n", group::MAX_GROUPS);
        return Err(EINVAL);
    }
    Ok(channels)
}

/// For how many channels with one queue pair each there are grants.
fn affordable(budget: &GrantBudget, ring_pages: u32) -> u16 {
    let channels = budget.limit() / (1 + ring_pages);
    u16::try_from(channels).unwrap_or(u16::MAX)
}

impl Drop for XlnetModule {
    fn drop(&mut self) {
        // No new run of the manager; then close everything from here.
        self.manager.stop();
        self.manager.get().shutdown();
        self.router.stop();
        self.router.get().remove_all();
        // Nobody sends through the device any more, so what the stack has queued is all.
        self.registration = None;
    }
}
