//! Who may use whom: the walls between the crates, as one table, and what breaks through them.
//!
//! Source of the table: ARCHITECTURE.md, "Who may use whom". Development dependencies are exempt: a test may look
//! at a crate from anywhere. So is `fuzz/`, which is outside the workspace and which nothing can use: its targets
//! are tests.

use crate::metadata::Package;

/// What one crate of the workspace may use.
struct Rule {
    /// The crate.
    name: &'static str,
    /// The crates of ours it may use.
    may_use: &'static [&'static str],
    /// The crates of others it must not use.
    must_not_use: &'static [&'static str],
    /// What the reader of a violation should know.
    reason: &'static str,
}

const PURE: &[&str] = &["tokio", "hyper", "rustix", "libc", "nix", "mio", "socket2", "anyhow"];
const PURE_REASON: &str = "a pure crate decides and does no I/O";
const SAFE: &[&str] = &["libc", "nix", "anyhow"];
const SAFE_REASON: &str = "only `os` speaks to the C library, and libraries name their errors";

/// The table. A crate that is missing here is a violation too: a new room gets its walls first.
const RULES: &[Rule] = &[
    Rule { name: "model", may_use: &[], must_not_use: PURE, reason: PURE_REASON },
    Rule { name: "supervisor", may_use: &["model"], must_not_use: PURE, reason: PURE_REASON },
    Rule { name: "gate", may_use: &["model"], must_not_use: PURE, reason: PURE_REASON },
    Rule { name: "config", may_use: &["model", "gate"], must_not_use: PURE, reason: PURE_REASON },
    Rule { name: "wire", may_use: &["model"], must_not_use: PURE, reason: PURE_REASON },
    Rule { name: "web", may_use: &["model"], must_not_use: PURE, reason: PURE_REASON },
    Rule {
        name: "os",
        may_use: &["model"],
        must_not_use: &["tokio", "tracing", "anyhow"],
        reason: "`os` is small and has no policy, no logging and no threads",
    },
    Rule { name: "api", may_use: &["model", "supervisor", "wire"], must_not_use: PURE, reason: PURE_REASON },
    Rule {
        name: "keeper",
        may_use: &["wire", "os"],
        must_not_use: &["tokio", "tracing", "serde", "serde_json", "libc", "nix", "anyhow"],
        reason: "the keeper must be too small to fail",
    },
    Rule {
        name: "recover",
        may_use: &["wire", "os"],
        must_not_use: &["tokio", "tracing", "serde", "serde_json", "libc", "nix", "anyhow"],
        reason: "who looks for children finds them and does nothing to them",
    },
    Rule { name: "logs", may_use: &["model", "wire", "os"], must_not_use: SAFE, reason: SAFE_REASON },
    Rule {
        name: "doctor",
        may_use: &["os"],
        must_not_use: SAFE,
        reason: "the doctor looks at the machine, never at the house",
    },
    Rule { name: "history", may_use: &["model"], must_not_use: SAFE, reason: SAFE_REASON },
    Rule { name: "monitor", may_use: &["model", "os"], must_not_use: SAFE, reason: SAFE_REASON },
    Rule {
        name: "ctl",
        may_use: &["model", "gate", "config", "wire", "os", "doctor"],
        must_not_use: SAFE,
        reason: "a client knows only the contract",
    },
    Rule {
        name: "sim",
        may_use: &["model", "supervisor"],
        must_not_use: &["tokio", "hyper", "rustix", "libc", "nix", "mio", "socket2"],
        reason: "a simulation touches nothing real",
    },
    Rule {
        name: "http",
        may_use: &["model", "gate", "api", "web", "wire", "os"],
        must_not_use: SAFE,
        reason: "http turns bytes into calls; it knows `api`, never the machine behind it",
    },
    Rule {
        name: "daemon",
        may_use: &[
            "model",
            "gate",
            "supervisor",
            "config",
            "wire",
            "web",
            "os",
            "api",
            "logs",
            "monitor",
            "history",
            "http",
            "recover",
        ],
        must_not_use: SAFE,
        reason: "the daemon performs; it is neither the keeper nor a client",
    },
    Rule {
        name: "menshen",
        may_use: &["model", "config", "os", "keeper", "daemon", "ctl"],
        must_not_use: &["tokio", "hyper", "libc", "nix"],
        reason: "the program reads argv[0], makes ready and calls `run`",
    },
    Rule { name: "xtask", may_use: &[], must_not_use: &["tokio"], reason: "chores stand outside the house" },
    Rule {
        name: "micro",
        may_use: &["model", "supervisor", "config", "wire", "os", "api", "logs"],
        must_not_use: &["tokio", "libc"],
        reason: "a piece is measured without the shells around it",
    },
    Rule {
        name: "bench",
        may_use: &[],
        must_not_use: &["tokio"],
        reason: "a benchmark meets the program as its users do",
    },
    Rule {
        name: "e2e",
        may_use: &[],
        must_not_use: &["tokio"],
        reason: "end-to-end tests see what a user sees: the program",
    },
];

/// Every arrow that should not be there, one sentence each; empty when all is well.
pub(crate) fn violations(members: &[Package]) -> Vec<String> {
    members.iter().flat_map(|member| violations_of(member, members)).collect()
}

fn violations_of(member: &Package, members: &[Package]) -> Vec<String> {
    let Some(rule) = RULES.iter().find(|rule| rule.name == member.name) else {
        return vec![format!(
            "{}: not in the table of xtask/src/layering.rs; say there what it may use",
            member.name
        )];
    };
    let is_ours = |used: &str| members.iter().any(|other| other.name == used);
    let breaks = |used: &&String| {
        let used = used.as_str();
        if is_ours(used) { !rule.may_use.contains(&used) } else { rule.must_not_use.contains(&used) }
    };
    member.uses.iter().filter(breaks).map(|used| sentence(rule, used, is_ours(used))).collect()
}

fn sentence(rule: &Rule, used: &str, is_ours: bool) -> String {
    let (name, reason) = (rule.name, rule.reason);
    if !is_ours {
        return format!("{name} -> {used}: `{name}` must not use `{used}`: {reason}");
    }
    let allowed =
        if rule.may_use.is_empty() { "nothing of ours".to_owned() } else { rule.may_use.join(", ") };
    format!("{name} -> {used}: `{name}` may use {allowed}: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(arrows: &[(&str, &[&str])]) -> Vec<Package> {
        let package = |(name, uses): &(&str, &[&str])| Package {
            name: (*name).to_owned(),
            uses: uses.iter().map(|used| (*used).to_owned()).collect(),
            ..Package::default()
        };
        arrows.iter().map(package).collect()
    }

    #[test]
    fn the_planned_house_stands() {
        let house = house(&[
            ("model", &["thiserror"]),
            ("supervisor", &["model", "thiserror"]),
            ("wire", &["model", "quick-xml"]),
            ("os", &["model", "libc", "rustix"]),
            ("keeper", &["wire", "os"]),
            ("menshen", &["keeper", "anyhow"]),
        ]);
        assert_eq!(violations(&house), [""; 0]);
    }

    #[test]
    fn an_arrow_against_the_table_is_named_with_its_rule() {
        let house = house(&[("model", &[]), ("wire", &["model"]), ("supervisor", &["model", "wire"])]);
        assert_eq!(
            violations(&house),
            ["supervisor -> wire: `supervisor` may use model: a pure crate decides and does no I/O"]
        );
    }

    #[test]
    fn the_foot_of_the_house_uses_nothing_of_ours() {
        let house = house(&[("model", &["wire"]), ("wire", &["model"])]);
        assert_eq!(
            violations(&house),
            ["model -> wire: `model` may use nothing of ours: a pure crate decides and does no I/O"]
        );
    }

    #[test]
    fn a_runtime_in_a_pure_crate_or_in_the_keeper_is_refused() {
        let house =
            house(&[("supervisor", &["tokio"]), ("keeper", &["serde"]), ("http", &["tokio", "libc"])]);
        assert_eq!(
            violations(&house),
            [
                "supervisor -> tokio: `supervisor` must not use `tokio`: a pure crate decides and does no I/O",
                "keeper -> serde: `keeper` must not use `serde`: the keeper must be too small to fail",
                "http -> libc: `http` must not use `libc`: http turns bytes into calls; it knows `api`, never the \
                 machine behind it",
            ]
        );
    }

    #[test]
    fn a_crate_without_walls_is_refused() {
        assert_eq!(
            violations(&house(&[("attic", &[])])),
            ["attic: not in the table of xtask/src/layering.rs; say there what it may use"]
        );
    }
}
