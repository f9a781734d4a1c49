//! Hosts of their own: network namespaces of this machine, each with a cable to it.
//!
//! In: root on Linux with `ip`. Out: a place to run a process in that reaches this machine by its cable alone. Invariant:
//! the namespace goes with the value; where none can be made, that is said aloud, and `AF_NEED_NAMESPACES=1` fails.
#![allow(dead_code, reason = "each story uses its part")]

use std::net::Ipv4Addr;
use std::process::Command;

/// A host.
pub struct Host {
    name: String,
    /// This machine as the host sees it.
    pub gateway: Ipv4Addr,
}

fn ip(line: &str) -> bool {
    let output = Command::new("ip").args(line.split_whitespace()).output();
    output.is_ok_and(|output| output.status.success())
}

impl Host {
    /// Two hosts, or none with the reason on standard error.
    pub fn two() -> Option<[Host; 2]> {
        let made = [Host::new(1), Host::new(2)];
        if let [Some(one), Some(two)] = made {
            return Some([one, two]);
        }
        assert!(
            std::env::var_os("AF_NEED_NAMESPACES").is_none(),
            "AF_NEED_NAMESPACES is set and `ip netns` does not work"
        );
        eprintln!("skipped: two hosts (no network namespaces: they need root on Linux and `ip` of iproute2)");
        None
    }

    fn new(number: u8) -> Option<Host> {
        // Names of this process, so that two runs of the tests do not meet; a subnet of four addresses each.
        let id = std::process::id() % 8_000;
        let name = format!("af{id}x{number}");
        let block = u16::try_from(id).ok()? * 8 + u16::from(number) * 4;
        let [high, low] = block.to_be_bytes();
        let (gateway, host) = (Ipv4Addr::new(10, 213, high, low + 1), Ipv4Addr::new(10, 213, high, low + 2));
        let made = Host { name: name.clone(), gateway };
        let whole = ip(&format!("netns add {name}"))
            && ip(&format!("link add {name} type veth peer name eth0 netns {name}"))
            && ip(&format!("addr add {gateway}/30 dev {name}"))
            && ip(&format!("link set {name} up"))
            && ip(&format!("-n {name} addr add {host}/30 dev eth0"))
            && ip(&format!("-n {name} link set eth0 up"))
            && ip(&format!("-n {name} link set lo up"));
        whole.then_some(made)
    }

    /// The command, to be run on the host.
    pub fn command(&self, command: &Command) -> Command {
        let mut on_host = Command::new("ip");
        on_host.args(["netns", "exec", &self.name]).arg(command.get_program()).args(command.get_args());
        on_host.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        on_host.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(folder) = command.get_current_dir() {
            on_host.current_dir(folder);
        }
        on_host
    }

    /// Pulls the cable, or plugs it in again: whoever speaks over it hears nothing, not even an end.
    pub fn cable(&self, plugged: bool) {
        assert!(ip(&format!("link set {} {}", self.name, if plugged { "up" } else { "down" })), "the cable");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        ip(&format!("netns del {}", self.name));
        ip(&format!("link del {}", self.name));
    }
}
