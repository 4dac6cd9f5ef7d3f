// SPDX-License-Identifier: GPL-2.0 OR MIT

//! Throughput of the FIFO and of other queues, between two pinned threads and two processes.
//!
//! Every queue does the same work: a packet is copied from the sender's buffer, which is reused at
//! once, into the queue, and from there into the receiver's own buffer, as a network driver must;
//! one side runs on CPU 0, the other on CPU 1. The bounds do nothing but these two copies, through
//! a buffer of the same size: by one core in turn, and by two at once that count packets.
//!
//! The machine's speed changes while this runs, so the queues take turns, several times over.
//! `cargo bench -- WORD` measures only what has the word in its name ("threads/1500", "rtrb").

mod channel;
mod fifo;
mod kernel;
mod processes;
mod queues;
mod rings;
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

/// Bytes of memory that every queue gets for its packets, as far as the system lets it. Four times
/// a core's L2 cache here: see "Choosing the ring's size" in docs/fifo.md.
const RING: usize = 4 * 1024 * 1024;

const ROUNDS: usize = 7;

fn pin(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).expect("two CPUs are needed");
}

/// A queue, ready to carry packets of one size: the call sends so many, and returns when the
/// receiver has them all.
struct Lane {
    name: &'static str,
    run: Box<dyn FnMut(u64)>,
}

/// Measures queues with packets of one size, in turn.
fn measure(c: &mut Criterion, table: &mut Table, mode: &str, size: usize, mut lanes: Vec<Lane>) {
    for round in 1..=ROUNDS {
        eprintln!("{mode}, {size} bytes: round {round} of {ROUNDS}");
        let mut group = c.benchmark_group(format!("{mode}/{size}"));
        group
            .sample_size(10)
            .nresamples(1000)
            .warm_up_time(Duration::from_millis(20))
            .measurement_time(Duration::from_millis(120))
            .throughput(Throughput::Bytes(size as u64));
        for lane in &mut lanes {
            let mut samples = Vec::new();
            group.bench_function(BenchmarkId::new(lane.name, round), |b| {
                b.iter_custom(|n| {
                    let start = Instant::now();
                    (lane.run)(n);
                    let time = start.elapsed();
                    samples.push(time.as_secs_f64() * 1e9 / n as f64);
                    time
                });
            });
            table.add(mode, lane.name, size, &samples);
        }
        group.finish();
    }
}

/// A queue between this thread and one on the other CPU.
fn between_threads<Q: Queue>(size: usize) -> Lane
where
    Q::Tx: 'static,
{
    let (mut tx, mut rx) = Q::create(size);
    let (order, orders) = mpsc::channel::<u64>();
    let (done, dones) = mpsc::channel();
    thread::spawn(move || {
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
    Lane {
        name: Q::NAME,
        run: Box::new(move |n| {
            order.send(n).unwrap();
            for _ in 0..n {
                tx.send(black_box(&packet));
            }
            tx.flush();
            dones.recv().unwrap();
        }),
    }
}

/// Two copies by one thread: what one core's caches can do, with nothing passed to another.
fn one_core(size: usize) -> Lane {
    let source = vec![0x5a_u8; size];
    let mut ring = vec![0; RING];
    let mut packet = vec![0; size];
    let mut at = 0;
    Lane {
        name: "two memcpys, one core",
        run: Box::new(move |n| {
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
        }),
    }
}

fn main() {
    if processes::child() {
        return;
    }
    pin(0);
    let mut c = Criterion::default().configure_from_args();
    let mut table = Table::default();
    for size in SIZES {
        let lanes = vec![
            one_core(size),
            between_threads::<fifo::Memcpys>(size),
            between_threads::<fifo::Xenfifo<{ fifo::BATCH }>>(size),
            between_threads::<fifo::Xenfifo<1>>(size),
            between_threads::<rings::Rtrb>(size),
            between_threads::<rings::Ringbuf>(size),
            between_threads::<channel::Crossbeam>(size),
            between_threads::<channel::Handover>(size),
            between_threads::<kernel::Pipe>(size),
            between_threads::<kernel::SeqPacket>(size),
        ];
        measure(&mut c, &mut table, "threads", size, lanes);
    }
    for size in SIZES {
        measure(
            &mut c,
            &mut table,
            "processes",
            size,
            processes::lanes(size),
        );
    }
    c.final_summary();
    table.write();
}
