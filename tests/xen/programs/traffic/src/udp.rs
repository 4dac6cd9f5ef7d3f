//! A stream of numbered datagrams at a fixed rate; the answers are checked and counted.

use crate::pattern::Pattern;
use crate::{any, Options};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How long the last answers may take.
const TAIL: Duration = Duration::from_secs(2);

/// Fills a datagram: its number, then a pattern that the number selects.
fn compose(number: u64, buffer: &mut [u8]) {
    let (head, body) = buffer.split_at_mut(8);
    head.copy_from_slice(&number.to_le_bytes());
    Pattern::new(number).fill(body);
}

/// The number of a datagram that is as `compose` made it.
fn number_of(datagram: &[u8], size: usize, most: u64) -> Option<u64> {
    let (head, body) = datagram.split_first_chunk()?;
    let number = u64::from_le_bytes(*head);
    let intact =
        datagram.len() == size && number < most && Pattern::new(number).differences(body) == 0;
    intact.then_some(number)
}

/// What the receiver knows of the sender.
#[derive(Default)]
struct Progress {
    sent: AtomicU64,
    ended: AtomicBool,
}

#[derive(Default)]
struct Report {
    received: u64,
    duplicates: u64,
    reordered: u64,
    corrupt: u64,
    max_gap: Duration,
}

/// Receives until the sender has ended and all its datagrams, `most` at most, are there, or none came
/// for `TAIL`.
fn receive(socket: &UdpSocket, size: usize, most: u64, sender: &Progress) -> io::Result<Report> {
    let mut seen = vec![false; most as usize];
    let mut report = Report::default();
    let mut buffer = vec![0; 64 << 10];
    let mut highest = 0;
    let mut last = Instant::now();
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    loop {
        if sender.ended.load(Ordering::Acquire)
            && (report.received == sender.sent.load(Ordering::Relaxed) || last.elapsed() >= TAIL)
        {
            return Ok(report);
        }
        // An error: nothing yet, or nobody listened there at that moment.
        let Ok(length) = socket.recv(&mut buffer) else {
            continue;
        };
        report.max_gap = report.max_gap.max(last.elapsed());
        last = Instant::now();
        let Some(number) = number_of(&buffer[..length], size, most) else {
            report.corrupt += 1;
            continue;
        };
        if std::mem::replace(&mut seen[number as usize], true) {
            report.duplicates += 1;
            continue;
        }
        report.received += 1;
        report.reordered += u64::from(number < highest);
        highest = highest.max(number);
    }
}

pub fn run(target: SocketAddr, options: &Options) -> io::Result<bool> {
    let size = options.get("size", 1000).clamp(8, 65507) as usize;
    let rate = options.get("rate", 200).max(1) as u32;
    let most = u64::from(rate) * options.seconds();
    let socket = UdpSocket::bind(any(target))?;
    socket.connect(target)?;
    let period = Duration::from_secs(1) / rate;
    let end = options.end();
    let progress = Arc::new(Progress::default());
    let (receiving, sender) = (socket.try_clone()?, progress.clone());
    let receiver = thread::spawn(move || receive(&receiving, size, most, &sender));
    let mut buffer = vec![0; size];
    let (mut sent, mut refused) = (0, 0);
    let mut due = Instant::now();
    while sent < most && !end.reached() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        // What was not sent while this guest stood still is not made up for by a flood.
        due = Instant::now().max(due + period);
        compose(sent, &mut buffer);
        refused += u64::from(socket.send(&buffer).is_err());
        sent += 1;
        progress.sent.store(sent, Ordering::Relaxed);
    }
    progress.ended.store(true, Ordering::Release);
    let report = receiver.join().expect("the receiver does not panic")?;
    println!(
        "{{\"sent\":{sent},\"refused\":{refused},\"lost\":{},\"duplicates\":{},\"reordered\":{},\
         \"corrupt\":{},\"max_gap_ms\":{}}}",
        sent - report.received,
        report.duplicates,
        report.reordered,
        report.corrupt,
        report.max_gap.as_millis()
    );
    Ok(report.corrupt == 0 && report.received > 0)
}
