// SPDX-License-Identifier: GPL-2.0

//! What is forbidden in the other files stands here as it is allowed.

use core::net::Ipv4Addr;
use kapi::{
    net::{
        ethtool::Report,
        follow::Followed,
        napi::{Context, Enabled, Napi, Poll, Polled},
        netdevice::{Device, DeviceRef, OwnDevice},
        receive::{Filled, Received, Source, Unfilled},
        skbuff::SkBuff,
        Rtnl,
    },
    new_worker,
    sync::RcuBox,
    work::{Work, Worker},
    xen::events::{EventChannel, EventHandler},
};
use kernel::{
    prelude::*,
    sync::{rcu, Arc},
};

/// What an instance polls, and a worker works on.
pub struct Nothing;

impl Poll for Nothing {
    type State = u32;

    fn poll(&self, polls: &mut u32, context: &mut Context<'_>, _budget: u32) -> Polled {
        *polls += 1;
        context.flush();
        Polled::Done(0)
    }
}

impl Work for Nothing {
    fn run(&self, worker: &Worker<Self>) {
        worker.again_in(1);
    }
}

/// A worker is made in an `Arc`.
pub fn worker() -> Result<Arc<Worker<Nothing>>> {
    new_worker!(Nothing)
}

/// A packet is filled before it is read.
pub fn fill<'a>(packet: Unfilled<'a>, source: &impl Source) -> Option<Filled<'a>> {
    packet
        .fill(source)
        .filter(|packet| packet.copy_first(&mut [0]))
}

/// A received packet is for the stack.
pub fn receive<'a>(context: &mut Context<'a>, packet: Received<'a>) {
    context.receive(packet);
}

/// A packet that is sent is read.
pub fn send(dev: &OwnDevice, packet: SkBuff<'_>) {
    let mut byte = [0];
    if packet.copy_bits(0, &mut byte).is_ok() {
        dev.count_tx(packet.len());
    }
    packet.consume();
}

/// A device of our own has queues.
pub fn stop(dev: &OwnDevice) {
    dev.stop_queue(0);
}

/// NAPI is enabled for a device of our own.
pub fn enable(dev: &OwnDevice, napi: Arc<Napi<Nothing>>) -> Result<Enabled<Nothing>> {
    napi.enable(dev, 1, 0)
}

/// A driver adds its statistics.
pub fn statistics(report: &mut Report<'_>) {
    report.add(fmt!("one"), 1);
}

/// Who holds RTNL may know a device's name and addresses, and who drives it.
pub fn describe(dev: &DeviceRef) -> Option<[u8; 6]> {
    let rtnl = Rtnl::lock();
    dev.mac(&rtnl)
        .filter(|_| dev.is_netfront(&rtnl) && dev.name(&rtnl) == c"eth0")
}

/// Readers have a guard.
pub fn read(followed: &Followed, addresses: &RcuBox<Ipv4Addr>) -> bool {
    let guard = rcu::read_lock();
    let device = followed.get(&guard);
    device.is_some_and(Device::is_running) && addresses.read(&guard).is_loopback()
}

/// A channel is used before it is dropped.
pub fn notify<H: EventHandler>(channel: Arc<EventChannel<H>>) {
    channel.notify();
    drop(channel);
}
