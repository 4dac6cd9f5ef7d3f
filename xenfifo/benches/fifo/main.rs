// SPDX-License-Identifier: GPL-2.0 OR MIT

//! Throughput of the FIFO and of other queues, between two pinned threads and two processes.
//!
//! Every queue does the same work: a packet is copied from the sender's buffer into the queue and
//! from there into the receiver's own buffer, as a network driver must, and one side runs on CPU
//! 0, the other on CPU 1. The bounds do nothing but these two copies, through a buffer of the
//! same size: by one core, and by two that only count packets.
//!
//! After criterion's own report a table follows, of medians over all samples.

mod processes;
mod queues;
mod table;

use std::hint::black_box;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use queues::{Queue, Receiver, Sender};
use rustix::thread::{sched_setaffinity, CpuSet};
use table::Table;

const SIZES: [usize; 5] = [64, 256, 1500, 9000, 65536];

/// Bytes of memory that every queue gets for its packets.
const RING: usize = 256 * 1024;

fn pin(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).expect("two CPUs are needed");
}

/// Sends so many packets; returns when the receiver has them all.
type Run<'a> = &'a mut dyn FnMut(u64);

/// Measures one queue with packets of one size.
fn measure(c: &mut Criterion, table: &mut Table, mode: &str, name: &str, size: usize, run: Run) {
    let mut group = c.benchmark_group(mode);
    group
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .throughput(Throughput::Bytes(size as u64));
    group.bench_function(BenchmarkId::new(name, size), |b| {
        b.iter_custom(|n| {
            let start = Instant::now();
            run(n);
            let time = start.elapsed();
            // Shorter ones are for a first guess of the speed.
            if time > Duration::from_millis(2) {
                table.add(mode, name, size, time.as_secs_f64() * 1e9 / n as f64);
            }
            time
        });
    });
    group.finish();
}

fn between_threads<Q: Queue>(c: &mut Criterion, table: &mut Table) {
    for size in SIZES {
        let (mut tx, mut rx) = Q::create(size);
        let (order, orders) = mpsc::channel::<u64>();
        let (done, dones) = mpsc::channel();
        let receiver = thread::spawn(move || {
            pin(1);
            let mut packet = vec![0; size];
            for n in orders {
                for _ in 0..n {
                    rx.receive(&mut packet);
                    black_box(&mut packet);
                }
                assert!(packet.iter().all(|byte| *byte == 0x5a));
                done.send(()).unwrap();
            }
        });
        let packet = vec![0x5a; size];
        measure(c, table, "threads", Q::NAME, size, &mut |n| {
            order.send(n).unwrap();
            for _ in 0..n {
                tx.send(black_box(&packet));
            }
            tx.flush();
            dones.recv().unwrap();
        });
        drop(order);
        receiver.join().unwrap();
    }
}

/// Two copies by one thread: what the memory and one core can do.
fn one_core(c: &mut Criterion, table: &mut Table) {
    for size in SIZES {
        let source = vec![0x5a_u8; size];
        let mut ring = vec![0; RING];
        let mut packet = vec![0; size];
        let mut at = 0;
        measure(
            c,
            table,
            "threads",
            "two memcpys, one core",
            size,
            &mut |n| {
                for _ in 0..n {
                    if at + size > ring.len() {
                        at = 0;
                    }
                    let place = &mut ring[at..at + size];
                    black_box(&mut *place).copy_from_slice(black_box(&source));
                    packet.copy_from_slice(black_box(place));
                    black_box(&mut packet);
                    at += size.next_multiple_of(16);
                }
            },
        );
    }
}

fn main() {
    if processes::child() {
        return;
    }
    pin(0);
    let mut c = Criterion::default().configure_from_args();
    let mut table = Table::default();
    one_core(&mut c, &mut table);
    between_threads::<queues::Memcpys>(&mut c, &mut table);
    between_threads::<queues::Xenfifo>(&mut c, &mut table);
    between_threads::<queues::Rtrb>(&mut c, &mut table);
    between_threads::<queues::Ringbuf>(&mut c, &mut table);
    between_threads::<queues::Crossbeam>(&mut c, &mut table);
    between_threads::<queues::Pipe>(&mut c, &mut table);
    between_threads::<queues::SeqPacket>(&mut c, &mut table);
    processes::measure_all(&mut c, &mut table);
    c.final_summary();
    table.print();
}
