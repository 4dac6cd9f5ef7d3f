//! Checked traffic between domains of the lab.
//!
//! ```text
//! traffic echo PORT                          echo server, TCP and UDP, for ever
//! traffic tcp ADDRESS:PORT [KEY=VALUE…]      connections=1 seconds=5 size=16384
//! traffic udp ADDRESS:PORT [KEY=VALUE…]      seconds=5 size=1000 rate=200 (datagrams a second)
//! traffic sizes ADDRESS:PORT                 one exchange of each size, 1 byte to 64 KiB
//! ```
//!
//! As the server sends everything back, data flow both ways at once. A client prints one JSON
//! object and fails if a byte was wrong, a connection broke or a size did not come through; lost
//! datagrams and stalls are counted, and the caller judges them.

mod echo;
mod pattern;
mod sizes;
mod tcp;
mod udp;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::ExitCode;

/// The `KEY=VALUE` arguments, all numbers.
pub struct Options(HashMap<String, u64>);

impl Options {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        arguments
            .iter()
            .map(|argument| {
                let (key, value) = argument.split_once('=').ok_or(argument)?;
                Ok((key.to_owned(), value.parse().map_err(|_| argument)?))
            })
            .collect::<Result<_, &String>>()
            .map(Self)
            .map_err(|argument| format!("not KEY=NUMBER: {argument}"))
    }

    /// The value of a key, or the default.
    pub fn get(&self, key: &str, default: u64) -> u64 {
        self.0.get(key).copied().unwrap_or(default)
    }
}

/// Runs the command; `Ok(false)` means that it ran and found errors.
fn run(arguments: &[String]) -> Result<bool, String> {
    let usage = "usage: traffic echo PORT | traffic tcp|udp|sizes ADDRESS:PORT [KEY=VALUE…]";
    let [mode, target, options @ ..] = arguments else {
        return Err(usage.into());
    };
    if mode == "echo" {
        let port = target.parse().map_err(|_| usage)?;
        return echo::serve(port).map_err(|error| error.to_string());
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
