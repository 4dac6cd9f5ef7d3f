//! Checked traffic between domains of the lab.
//!
//! ```text
//! traffic echo [ADDRESS:]PORT                echo server, TCP and UDP, for ever
//! traffic tcp ADDRESS:PORT [KEY=VALUE…]      connections=1 seconds=5 size=16384 pause=0
//!                                            (milliseconds between blocks of that size)
//! traffic udp ADDRESS:PORT [KEY=VALUE…]      seconds=5 size=1000 rate=200 (datagrams a second)
//! traffic sizes ADDRESS:PORT                 one exchange of each size, 1 byte to 64 KiB
//! ```
//!
//! With `until=PATH` a stream ends in order as soon as there is such a file, if not before.
//!
//! As the server sends everything back, data flow both ways at once. A client prints one JSON
//! object and fails if a byte was wrong, a connection broke or a size did not come through; lost
//! datagrams and stalls are counted, and the caller judges them.

mod echo;
mod end;
mod pattern;
mod sizes;
mod tcp;
mod udp;

use end::End;
use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

/// The `KEY=VALUE` arguments: `until` is a path, all others are numbers.
#[derive(Default)]
pub struct Options {
    numbers: HashMap<String, u64>,
    until: Option<PathBuf>,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self::default();
        for argument in arguments {
            let wrong = || format!("not KEY=NUMBER or until=PATH: {argument}");
            match argument.split_once('=').ok_or_else(wrong)? {
                ("until", path) => options.until = Some(path.into()),
                (key, number) => {
                    let number = number.parse().map_err(|_| wrong())?;
                    options.numbers.insert(key.to_owned(), number);
                }
            }
        }
        Ok(options)
    }

    /// The value of a key, or the default.
    pub fn get(&self, key: &str, default: u64) -> u64 {
        self.numbers.get(key).copied().unwrap_or(default)
    }

    /// How long the stream is to last at most, in seconds.
    pub fn seconds(&self) -> u64 {
        self.get("seconds", 5)
    }

    /// When the stream, which begins now, is to end.
    pub fn end(&self) -> End {
        End::new(self.seconds(), self.until.clone())
    }
}

/// Any address and port of the target's family.
pub fn any(target: SocketAddr) -> SocketAddr {
    match target {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}

/// Runs the command; `Ok(false)` means that it ran and found errors.
fn run(arguments: &[String]) -> Result<bool, String> {
    let usage =
        "usage: traffic echo [ADDRESS:]PORT | traffic tcp|udp|sizes ADDRESS:PORT [KEY=VALUE…]";
    let [mode, target, options @ ..] = arguments else {
        return Err(usage.into());
    };
    if mode == "echo" {
        let at = target
            .parse()
            .map(|port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)));
        let at = at.or_else(|_| target.parse()).map_err(|_| usage)?;
        return echo::serve(at).map_err(|error| error.to_string());
    }
    let target: SocketAddr = target.parse().map_err(|_| usage)?;
    let options = Options::parse(options)?;
    match mode.as_str() {
        "tcp" => tcp::run(target, &options),
        "udp" => udp::run(target, &options),
        "sizes" => sizes::run(target),
        _ => return Err(usage.into()),
    }
    .map_err(|error| error.to_string())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(message) => {
            eprintln!("traffic: {message}");
            ExitCode::from(2)
        }
    }
}
