//! All samples of a run.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::rows::ROWS;
use crate::stats::{median, percentile};

/// The samples by row and contender, and what went wrong.
pub(crate) struct Sheet {
    /// Names and versions, in the order of the table.
    pub(crate) contenders: Vec<(String, String)>,
    samples: BTreeMap<(&'static str, String), Vec<f64>>,
    /// What was lost, or in a wrong state: one sentence each.
    pub(crate) failures: Vec<String>,
    /// What a reader of the table must know.
    pub(crate) machine: String,
}

impl Sheet {
    pub(crate) fn new(contenders: Vec<(String, String)>) -> Self {
        Self { contenders, samples: BTreeMap::new(), failures: Vec::new(), machine: machine() }
    }

    /// Adds a sample.
    pub(crate) fn push(&mut self, row: &'static str, contender: &str, sample: f64) {
        self.samples.entry((row, contender.to_owned())).or_default().push(sample);
    }

    /// The samples of a contender in a row.
    pub(crate) fn samples(&self, row: &'static str, contender: &str) -> &[f64] {
        self.samples.get(&(row, contender.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// Everything, for machines.
    pub(crate) fn json(&self) -> Value {
        let rows = ROWS.iter().map(|row| {
            let of = |name: &String| {
                let samples = self.samples(row.key, name);
                let numbers = json!({
                    "median": median(samples), "p10": percentile(samples, 10), "p90": percentile(samples, 90),
                    "p99": percentile(samples, 99), "samples": samples,
                });
                (!samples.is_empty()).then(|| (name.clone(), numbers))
            };
            let results: serde_json::Map<_, _> =
                self.contenders.iter().filter_map(|(name, _)| of(name)).collect();
            json!({ "row": row.key, "what": row.what, "unit": row.unit, "results": results })
        });
        let versions: BTreeMap<_, _> = self.contenders.iter().cloned().collect();
        json!({
            "machine": self.machine, "versions": versions, "failures": self.failures,
            "rows": rows.collect::<Vec<_>>(),
        })
    }
}

/// The machine in a line.
fn machine() -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let (cpus, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let model = cpus.lines().find_map(|it| it.strip_prefix("model name")?.split(": ").nth(1)).unwrap_or("?");
    let count = cpus.lines().filter(|it| it.starts_with("processor")).count();
    let kib: u64 = memory
        .lines()
        .find_map(|it| it.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse().ok())
        .unwrap_or(0);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("?");
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{count} x {model}, {} GB, Linux {}, load average at the start {load}",
        kib.div_ceil(1024 * 1024),
        kernel.trim()
    )
}
