//! Having the system lose packets.
//!
//! The rules are put up and taken away by a process of its own, which ends when its standard input does. So
//! they go away however the measurement ends: by itself, by a panic, by Ctrl-C, or killed. It is in a
//! process group of its own, so that Ctrl-C does not end it before it has taken them away.

use std::io;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use super::Result;
use super::process::{self, Process};
use super::settings::Settings;

/// The name of the process in `--serve`.
pub(crate) const GUARD: &str = "packet-loss";

/// The protocols that systems use.
const PROTOCOLS: [&str; 2] = ["udp", "tcp"];
/// The two directions.
const SIDES: [&str; 2] = ["--dport", "--sport"];

/// The packets to and from one port on loopback are lost with some probability, until this is dropped.
#[derive(Debug)]
pub(crate) struct PacketLoss {
    _guard: Process,
}

impl PacketLoss {
    /// Loses the part `loss` of the packets to `port`, and as many of those from it.
    pub(crate) fn start(port: u16, loss: f64) -> Result<Self> {
        let more = [format!("--lose={loss}"), format!("--port={port}")];
        Ok(Self { _guard: Process::start_apart(GUARD, &more)? })
    }

    /// Finds out whether that is possible here.
    ///
    /// # Errors
    /// Why it is not.
    pub(crate) fn check() -> Result<()> {
        let command = ["-w", "-m", "statistic", "--help"];
        let known = Command::new("iptables").args(command).stdout(Stdio::null()).status();
        match known {
            Ok(status) if status.success() => {}
            Ok(_) => return Err("iptables has no module `statistic`".into()),
            Err(error) => return Err(format!("iptables cannot be started: {error}").into()),
        }
        // Nothing is sent to port 0.
        match Rules::put_up(0, 0.0) {
            Ok(_rules) => Ok(()),
            Err(error) => Err(format!("iptables takes no rule, which needs root: {error}").into()),
        }
    }
}

/// Is the process that loses packets, until its standard input ends.
pub(crate) fn guard(settings: &Settings) -> Result<()> {
    let (port, loss) = settings.port.zip(settings.lose).ok_or("it needs to know what to lose")?;
    let _rules = Rules::put_up(port, loss)?;
    process::announce((Ipv4Addr::LOCALHOST, port).into());
    process::answer_questions(|_| String::new())
}

/// Rules in the table of the system, until this is dropped.
#[derive(Debug)]
pub(crate) struct Rules {
    /// As they were added, without the command.
    rules: Vec<Vec<String>>,
}

impl Rules {
    /// Has packets to and from `port` lost with the probability `loss` from now on.
    pub(crate) fn put_up(port: u16, loss: f64) -> Result<Self> {
        let mut all = Self { rules: Vec::new() };
        for protocol in PROTOCOLS {
            for side in SIDES {
                let rule = format!(
                    "INPUT -i lo -p {protocol} {side} {port} -m statistic --mode random \
                     --probability {loss} -j DROP"
                );
                let rule: Vec<String> = rule.split_whitespace().map(str::to_owned).collect();
                iptables("-I", &rule)?;
                all.rules.push(rule);
            }
        }
        Ok(all)
    }
}

impl Drop for Rules {
    fn drop(&mut self) {
        for rule in &self.rules {
            if let Err(error) = iptables("-D", rule) {
                let rule = rule.join(" ");
                eprintln!("a rule is still there; `iptables -D {rule}` removes it: {error}");
            }
        }
    }
}

fn iptables(command: &str, rule: &[String]) -> Result<()> {
    let mut iptables = Command::new("iptables");
    // It waits for others who change the table.
    iptables.args(["-w", command]).args(rule);
    let output = iptables.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()).into())
}
