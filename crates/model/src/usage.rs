//! What processes and the machine use: figures taken at one moment, by whoever may look.

use crate::exit::Ended;
use crate::time::Wall;

/// What a process and all its descendants use at one moment.
///
/// What the system does not tell (another user's descriptors, say) is absent, never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProcessUsage {
    /// When this was taken.
    pub at: Wall,
    /// Time on processors since the figures before these, in thousandths of one processor. The first
    /// figures of a child have none.
    pub cpu_permille: Option<u32>,
    /// Time on processors so far, in milliseconds: of those that are there, and of children they have reaped.
    pub cpu_ms: u64,
    /// Memory that is in RAM, in bytes. What several of them share counts for each.
    pub resident_bytes: u64,
    /// Memory that is in RAM, with what is shared divided among those who share it. Dear to find out, so it
    /// is there only when somebody asked.
    pub proportional_bytes: Option<u64>,
    /// How many processes there are: the child and its descendants.
    pub processes: u32,
    /// How many threads they have.
    pub threads: u32,
    /// How many descriptors they have open.
    pub descriptors: Option<u32>,
    /// Bytes read from disks, since each of them began.
    pub read_bytes: Option<u64>,
    /// Bytes written to disks, since each of them began.
    pub written_bytes: Option<u64>,
}

/// What the whole machine uses at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MachineUsage {
    /// When this was taken.
    pub at: Wall,
    /// Seconds since it was started.
    pub uptime_secs: u64,
    /// How many processors it has.
    pub processors: u32,
    /// Time its processors were busy since the figures before these, in thousandths of one processor. The
    /// first figures have none.
    pub cpu_permille: Option<u32>,
    /// How many threads wanted a processor or a disk: over one, five and fifteen minutes.
    pub load: [f64; 3],
    /// Bytes of RAM.
    pub memory_bytes: u64,
    /// Bytes of RAM that programs could still have.
    pub available_bytes: u64,
    /// Bytes of swap space.
    pub swap_bytes: u64,
    /// Bytes of swap space in use.
    pub swapped_bytes: u64,
    /// Its disks.
    pub disks: Vec<DiskUsage>,
    /// Its network interfaces, without the loopback.
    pub networks: Vec<NetworkUsage>,
}

/// A disk, since the machine was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskUsage {
    /// As the kernel calls it.
    pub name: String,
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub written_bytes: u64,
    /// Milliseconds it had something to do.
    pub busy_ms: u64,
}

/// A network interface, since the machine was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkUsage {
    /// As the kernel calls it.
    pub name: String,
    /// Bytes received.
    pub received_bytes: u64,
    /// Bytes sent.
    pub sent_bytes: u64,
}

/// The end of a child, with what was found out about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitRecord {
    /// How, when and why.
    pub ended: Ended,
    /// Time it was on processors, in milliseconds, with that of children it had reaped.
    pub cpu_ms: u64,
    /// The most memory it ever had in RAM, in KiB.
    pub peak_kib: u64,
    /// Whether the kernel killed it because memory had run out.
    pub out_of_memory: bool,
    /// The last lines of its standard error, as text.
    pub last_lines: Vec<String>,
}
