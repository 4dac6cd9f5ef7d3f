//! TCP streams: each connection sends a pattern and checks what comes back.

use crate::echo::STACK;
use crate::end::End;
use crate::pattern::Pattern;
use crate::Options;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longer than a guest is away that is saved and restored on a busy machine, and than the pause after
/// which TCP tries again: then the connection counts as broken.
const TIMEOUT: Duration = Duration::from_secs(180);

#[derive(Default)]
struct Report {
    bytes: u64,
    corrupt: u64,
    max_stall: Duration,
}

/// What all connections have in common.
#[derive(Clone)]
struct Plan {
    target: SocketAddr,
    /// Of the blocks in which the pattern is sent.
    size: usize,
    /// Between two blocks.
    pause: Duration,
    end: End,
}

/// Sends until the end has come; returns how many bytes.
fn send(stream: &mut TcpStream, seed: u64, plan: &Plan) -> io::Result<u64> {
    let mut pattern = Pattern::new(seed);
    let mut buffer = vec![0; plan.size];
    let mut sent = 0;
    while !plan.end.reached() {
        pattern.fill(&mut buffer);
        stream.write_all(&buffer)?;
        sent += plan.size as u64;
        thread::sleep(plan.pause);
    }
    // The server closes when it has sent everything back.
    stream.shutdown(Shutdown::Write)?;
    Ok(sent)
}

/// Receives and checks until the server closes.
fn receive(stream: &mut TcpStream, seed: u64) -> io::Result<Report> {
    let mut pattern = Pattern::new(seed);
    let mut buffer = vec![0; 64 << 10];
    let mut held = 0;
    let mut report = Report::default();
    let mut last = Instant::now();
    loop {
        let length = match stream.read(&mut buffer[held..]) {
            // A read with a timeout is not taken up again when the guest was suspended meanwhile.
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result?,
        };
        report.max_stall = report.max_stall.max(last.elapsed());
        last = Instant::now();
        report.bytes += length as u64;
        held += length;
        // The pattern goes by words; a part of one waits for the rest.
        let whole = if length == 0 { held } else { held & !7 };
        report.corrupt += pattern.differences(&buffer[..whole]);
        buffer.copy_within(whole..held, 0);
        held -= whole;
        if length == 0 {
            return Ok(report);
        }
    }
}

fn connection(seed: u64, plan: &Plan) -> io::Result<Report> {
    let mut stream = TcpStream::connect_timeout(&plan.target, TIMEOUT)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let (mut writing, sending) = (stream.try_clone()?, plan.clone());
    let sender: JoinHandle<io::Result<u64>> = thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || send(&mut writing, seed, &sending))?;
    let mut report = receive(&mut stream, seed)?;
    let sent = sender.join().expect("the sender does not panic")?;
    // What did not come back is as wrong as what came back changed.
    report.corrupt += sent.abs_diff(report.bytes);
    Ok(report)
}

pub fn run(target: SocketAddr, options: &Options) -> io::Result<bool> {
    let started = Instant::now();
    let plan = Plan {
        target,
        // Whole words, so that the pattern goes on from block to block.
        size: (options.get("size", 16 << 10) as usize).next_multiple_of(8),
        pause: Duration::from_millis(options.get("pause", 0)),
        end: options.end(),
    };
    let workers = (0..options.get("connections", 1))
        .map(|seed| {
            let plan = plan.clone();
            thread::Builder::new()
                .stack_size(STACK)
                .spawn(move || connection(seed, &plan))
        })
        .collect::<io::Result<Vec<_>>>()?;
    let mut total = Report::default();
    let mut broken = 0;
    for worker in workers {
        match worker.join().expect("a connection does not panic") {
            Ok(report) => {
                total.bytes += report.bytes;
                total.corrupt += report.corrupt;
                total.max_stall = total.max_stall.max(report.max_stall);
            }
            Err(error) => {
                eprintln!("traffic: connection: {error}");
                broken += 1;
            }
        }
    }
    println!(
        "{{\"bytes\":{},\"corrupt\":{},\"broken\":{broken},\"max_stall_ms\":{},\"seconds\":{:.3}}}",
        total.bytes,
        total.corrupt,
        total.max_stall.as_millis(),
        started.elapsed().as_secs_f64()
    );
    Ok(broken == 0 && total.corrupt == 0 && total.bytes > 0)
}
