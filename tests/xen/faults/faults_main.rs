// SPDX-License-Identifier: GPL-2.0

//! xlfaults: allocations on behalf of xlnet and xldiscovery that fail, and a XenStore that is slow for them, for
//! the lab. Nobody else has a use for it.
//!
//! While it is loaded, each place of ours that has memory allocated in process context, by itself or by the
//! kernel's functions that it calls, fails once, the first time that it is reached; it is told from others by
//! those of our functions that are being called. The log names each; whoever has loaded it tries until there
//! is nothing new. With `table`, only the places where the data path's table is built are meant, so that
//! everything else of the set-up goes on meanwhile. With `all`, every allocation fails, every time, and the log
//! says nothing.
//!
//! One call into the kernel allocates many times, and only the first of them fails: what its functions do when
//! they are half-way is their affair. (Not all of them do well: without memory for the tree of interrupts,
//! `__irq_alloc_descs` warns, and without an interrupt's place in /proc, freeing the interrupt is a bug.)
//!
//! With `slow`, nothing fails, but each time that something is removed from XenStore takes so much longer, which is
//! where a guest that gives up a channel waits for it. A handler cannot sleep, so the CPU does nothing else
//! meanwhile.
//!
//! With `registration`, no net device can be registered: it fails when the kernel has told of the device already,
//! and then its driver frees it. The first called `lab0` that is told of is counted until the module goes.

#![deny(unsafe_code)]

use kapi::{
    net::{
        netdevice::DeviceRef,
        nic::{Change, Notifier, Observer},
    },
    param,
};
use kapi_fault::{
    Callers, Function, Injector, Probe, Symbol, ALLOCATORS, KSET_CREATE_AND_ADD, XENBUS_RM,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{Atomic, Full},
        Arc, Mutex,
    },
    time::{delay::udelay, Delta},
};

module! {
    type: FaultsModule,
    name: "xlfaults",
    authors: ["The xlnet developers"],
    description: "Allocations of xlnet that fail, for tests",
    license: "GPL",
    params: {
        all: u8 {
            default: 0,
            description: "fail all allocations, not each place once",
        },
        table: u8 {
            default: 0,
            description: "fail only where the data path's table is built, each place once",
        },
        registration: u8 {
            default: 0,
            description: "fail only the registration of net devices, and count lab0",
        },
        slow: u32 {
            default: 0,
            description: "fail nothing, but have XenStore take so many milliseconds to remove something",
        },
    },
}

/// How the names of functions of ours end.
const OURS: [&[u8]; 2] = [b" [xlnet]", b" [xldiscovery]"];

/// Where modules are, on x86-64 (Documentation/arch/x86/x86_64/mm.rst). What they call is the kernel's.
const MODULES: core::ops::Range<usize> = 0xffff_ffff_a000_0000..0xffff_ffff_ff00_0000;

/// More places than there are.
const PLACES: usize = 4096;

/// What builds the data path's table.
const TABLE: &str = "rebuild_table";

/// Which places fail.
#[derive(Clone, Copy, PartialEq)]
enum Which {
    /// All, all the time.
    All,
    /// Each once.
    Each,
    /// Each in [`TABLE`] once.
    Table,
    /// The registration of net devices, all the time.
    Registration,
    /// None, but they take so many milliseconds longer.
    Slow(u32),
}

/// Has places fail once, or all the time.
struct Faults {
    which: Which,
    /// Hashes of the places that failed, each at the first free index from that which follows from it; 0
    /// where there is none.
    failed: KVec<Atomic<u64>>,
}

impl Faults {
    fn new(which: Which) -> Result<Self> {
        let mut failed = KVec::with_capacity(PLACES, GFP_KERNEL)?;
        for _ in 0..PLACES {
            failed.push(Atomic::new(0), GFP_KERNEL)?;
        }
        Ok(Self { which, failed })
    }

    /// Whether a place was not there, and there was room for it; it is there then.
    fn insert(&self, place: u64) -> bool {
        // PANIC: There are `PLACES`.
        let (before, after) = self.failed.split_at(place as usize % PLACES);
        for entry in Iterator::chain(after.iter(), before) {
            match entry.cmpxchg(0, place, Full) {
                Ok(_) => return true,
                Err(there) if there == place => return false,
                Err(_) => {}
            }
        }
        false
    }
}

impl Injector for Faults {
    fn fails(&self, function: Function, callers: &Callers) -> bool {
        let Some((place, by)) = place(callers) else {
            // Whoever registers a device.
            return self.which == Which::Registration;
        };
        let meant = match self.which {
            Which::All | Which::Registration => return true,
            Which::Each => true,
            Which::Table => Symbol::of(by).as_str().contains(TABLE),
            Which::Slow(milliseconds) => {
                wait(milliseconds);
                false
            }
        };
        let fails = meant && self.insert(place);
        if fails {
            pr_info!(
                "{:?} fails for {}\n",
                function.name(),
                Symbol::of(by).as_str()
            );
        }
        fails
    }
}

/// The device that is counted.
const COUNTED: &CStr = c"lab0";

/// Counts it, as soon as it is told of.
struct Counting(Pin<KBox<Mutex<Option<DeviceRef>>>>);

impl Observer for Counting {
    fn changed(&self, change: &Change<'_>) {
        let mut counted = self.0.lock();
        if counted.is_none() && change.dev.name(change.rtnl) == COUNTED {
            pr_info!("{COUNTED} is counted\n");
            *counted = Some(change.dev.into());
        }
    }
}

/// Waits without sleeping, and without asking for the time: a probe may be a breakpoint, which counts as
/// an NMI, and that may interrupt who sets the clock.
fn wait(milliseconds: u32) {
    for _ in 0..milliseconds {
        udelay(Delta::from_millis(1));
    }
}

/// A hash of those of our functions that are being called, and where the innermost is. `None` if there is
/// none.
fn place(callers: &Callers) -> Option<(u64, usize)> {
    let (mut hash, mut innermost) = (Fnv::new(), None);
    for address in callers.iter().filter(|address| MODULES.contains(address)) {
        // Modules are not always loaded to the same address.
        let symbol = Symbol::of(address);
        if OURS.iter().any(|name| symbol.as_bytes().ends_with(name)) {
            hash.add(symbol.as_bytes());
            innermost.get_or_insert(address);
        }
    }
    // 0 means that there is none.
    innermost.map(|address| (hash.0 | 1, address))
}

/// The FNV-1a hash.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

struct FaultsModule {
    _probes: KVec<Pin<KBox<Probe<Faults>>>>,
    _counting: Option<Notifier<Counting>>,
}

impl kernel::Module for FaultsModule {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let which = match (
            param::value(&module_parameters::all) != 0,
            param::value(&module_parameters::table) != 0,
            param::value(&module_parameters::registration) != 0,
            param::value(&module_parameters::slow),
        ) {
            (.., slow @ 1..) => Which::Slow(slow),
            (true, .., 0) => Which::All,
            (false, true, _, 0) => Which::Table,
            (false, false, true, 0) => Which::Registration,
            (false, false, false, 0) => Which::Each,
        };
        let functions: &[Function] = match which {
            Which::Slow(_) => &[XENBUS_RM],
            Which::Registration => &[KSET_CREATE_AND_ADD],
            _ => &ALLOCATORS,
        };
        let injector = Arc::new(Faults::new(which)?, GFP_KERNEL)?;
        let mut probes = KVec::with_capacity(functions.len(), GFP_KERNEL)?;
        for &function in functions {
            match Probe::new(function, injector.clone()) {
                Ok(probe) => probes.push(probe, GFP_KERNEL)?,
                // This kernel has it inlined in its callers.
                Err(ENOENT) => {}
                Err(error) => {
                    pr_err!("{:?} cannot be made to fail ({error:?})\n", function.name());
                    return Err(error);
                }
            }
        }
        let counting = match which {
            Which::Registration => {
                let nobody = KBox::pin_init(new_mutex!(None), GFP_KERNEL)?;
                Some(Notifier::new(Counting(nobody))?)
            }
            _ => None,
        };
        Ok(Self {
            _probes: probes,
            _counting: counting,
        })
    }
}
