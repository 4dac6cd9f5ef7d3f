// SPDX-License-Identifier: GPL-2.0

//! Following one device of another driver: through renames, until it goes, and then another one
//! that comes in its place. The packets' way may use it without a count, so that it can go at any
//! time.

use crate::{
    bindings,
    net::{
        netdevice::{Device, DeviceRef},
        nic::{Change, Event, Notifier, Observer},
        Rtnl, //
    },
};
use core::ptr::null_mut;
use kernel::{
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Relaxed, Release},
        rcu, Arc,
    },
};

/// The device that a [`Follower`] follows.
///
/// # Invariants
///
/// The pointer is null, or a device in the initial network namespace. It changes with RTNL held
/// only, and while it is not null, a registered `Follower` sets it to null when that device is
/// unregistered.
pub struct Followed(Atomic<*mut bindings::net_device>);

// SAFETY: What the pointer leads to is no thread's own: it may be looked at from any, as a
// [`Device`].
unsafe impl Send for Followed {}
// SAFETY: The pointer is atomic, and the functions that follow it ask for what keeps the device
// there.
unsafe impl Sync for Followed {}

impl Followed {
    /// No device yet.
    #[allow(clippy::new_without_default)] // What follows nothing for ever is of no use.
    pub fn new() -> Self {
        // INVARIANT: Null.
        Self(Atomic::new(null_mut()))
    }

    /// The device, as long as the guard lives: it is then not freed, but may be unregistered, or be
    /// moved to another namespace. Any context; what has the guard must not sleep.
    #[inline]
    pub fn get<'a>(&'a self, _guard: &'a rcu::Guard) -> Option<&'a Device> {
        let dev = self.0.load(Acquire);
        // SAFETY: By the type invariant the pointer is set to null in the notification of the
        // device's being unregistered. After that notification unregister_netdevice_many_notify()
        // waits for a grace period before it gives up its own count on the device. So it is valid
        // as long as a reader's guard that found the pointer.
        (!dev.is_null()).then(|| unsafe { Device::from_raw(dev) })
    }

    /// The device, which is registered in the initial namespace as long as RTNL is held.
    pub fn locked<'a>(&'a self, _rtnl: &'a Rtnl) -> Option<&'a Device> {
        let dev = self.0.load(Relaxed);
        // SAFETY: By the type invariant, as devices are unregistered with RTNL held.
        (!dev.is_null()).then(|| unsafe { Device::from_raw(dev) })
    }

    /// The device, counted: its unregistration waits for that count. Any context.
    pub fn counted(&self) -> Option<DeviceRef> {
        let guard = rcu::read_lock();
        self.get(&guard).map(DeviceRef::from)
    }
}

/// Who decides which device to follow, and is told of it. All in process context.
pub trait Follow: Send + Sync + 'static {
    /// Whether to follow `dev`, which has come to the initial namespace, or has changed, while none
    /// is followed.
    fn wants(&self, dev: &Device, rtnl: &Rtnl) -> bool;

    /// Something happened to the device that is followed.
    fn told(&self, news: News, dev: &Device, rtnl: &Rtnl);
}

/// What happens to a device that is followed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It is followed from now on.
    Adopted,
    /// It has another name.
    Renamed,
    /// It, or one of its IPv4 addresses, changed.
    Changed,
    /// It has left for another namespace and is not followed any more.
    Moved,
    /// It goes for ever and is not followed any more.
    Removed,
    /// It is not followed any more, as the [`Follower`] is dropped.
    Dropped,
}

/// Follows a device as long as it lives.
pub struct Follower<T: Follow>(Notifier<Eyes<T>>);

impl<T: Follow> Follower<T> {
    /// Begins to follow a device that `follow` wants, one of those there are now or of later ones;
    /// it is to be found in `followed`. Process context, RTNL not held, neither when it is dropped.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(followed: Arc<Followed>, follow: T) -> Result<Self> {
        Ok(Self(Notifier::new(Eyes {
            followed,
            follow,
            closing: Atomic::new(false),
        })?))
    }
}

impl<T: Follow> Drop for Follower<T> {
    fn drop(&mut self) {
        // The notifier is unregistered next, which waits for namespaces that are being taken down,
        // and these for all who have a count on a device that goes with them. So until then one
        // that goes is told of as ever. Who is unregistered is told of all devices as of ones that
        // go, which ends the rest.
        self.0.observer().closing.store(true, Relaxed);
    }
}

struct Eyes<T: Follow> {
    followed: Arc<Followed>,
    follow: T,
    /// Nothing is adopted any more.
    closing: Atomic<bool>,
}

impl<T: Follow> Observer for Eyes<T> {
    fn changed(&self, change: &Change<'_>) {
        let &Change { dev, event, rtnl } = change;
        let closing = self.closing.load(Relaxed);
        let pointer = &self.followed.0;
        let current = pointer.load(Relaxed);
        let tell = |news| self.follow.told(news, dev, rtnl);
        if current == dev.as_raw() {
            match event {
                Event::Unregistered => {
                    // INVARIANT: Null. RTNL is held, as for all stores.
                    pointer.store(null_mut(), Relaxed);
                    tell(match (dev.is_registered(rtnl), closing) {
                        (false, _) => News::Removed,
                        (true, true) => News::Dropped,
                        (true, false) => News::Moved,
                    });
                }
                Event::Renamed => tell(News::Renamed),
                Event::Registered | Event::Other => tell(News::Changed),
            }
        } else if current.is_null()
            && !closing
            && event != Event::Unregistered
            // Who has the device as a port gives it back when it has begun to leave, which is told.
            && dev.is_listed(rtnl)
            && self.follow.wants(dev, rtnl)
        {
            // INVARIANT: The device is there, in the initial namespace, and this observer is
            // registered.
            pointer.store(dev.as_raw(), Release);
            tell(News::Adopted);
        }
    }
}
