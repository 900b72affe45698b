//! The pages beside the processes: what happened, the machine, the listener pools, the plan of an update.

use crate::frame::{Look, Place, choice, document, empty, hidden};
use crate::html::{escaped, push_element, push_text};
use crate::process::{charts, fact, section};
use crate::show::{bytes, percent, span};

/// What happened, newest first. A script fills it and keeps it up to date.
pub fn events(look: &Look) -> String {
    let words = look.words();
    document(look, words.events, Some(Place::Events), "events", |out| {
        push_element(out, "h1", "", words.events);
        out.extend(["\n<noscript><p class=\"quiet\">", words.no_script_events, "</p></noscript>\n"]);
        out.push_str("<form class=\"tools\" id=\"tools\" role=\"search\" hidden>");
        out.extend([
            "<label class=\"search\"><span>",
            words.search,
            "</span><input type=\"search\" name=\"q\"",
        ]);
        out.extend([
            " placeholder=\"",
            words.search_hint,
            "\" autocomplete=\"off\" spellcheck=\"false\"></label>",
        ]);
        let kinds = [
            ("", words.everything),
            ("exit", words.kind_exit),
            ("state", words.kind_state),
            ("action", words.kind_action),
            ("config", words.kind_config),
            ("supervisor", words.kind_supervisor),
        ];
        choice(out, words.kind, "kind", kinds.map(|(value, name)| (value, name, value.is_empty())));
        out.push_str("</form>\n");
        out.push_str("<ol class=\"events\" id=\"events\"></ol>\n<div id=\"none\" hidden>");
        empty(out, words.no_events, words.no_events_how);
        out.push_str("</div>\n");
    })
}

/// What the machine uses at the moment. What is unknown is absent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Machine {
    /// Seconds since it was started.
    pub uptime_secs: u64,
    /// How many processors it has.
    pub processors: u64,
    /// How busy they are.
    pub cpu_percent: Option<f64>,
    /// Over one, five and fifteen minutes.
    pub load: Vec<f64>,
    /// Bytes of RAM, and those that are in use.
    pub memory_bytes: (u64, u64),
    /// Bytes of swap space, and those that are in use.
    pub swap_bytes: (u64, u64),
}

/// The machine; `None` when nobody has looked at it yet, which a script that watches mends.
pub fn machine(look: &Look, machine: Option<&Machine>) -> String {
    let words = look.words();
    document(look, words.machine, Some(Place::Machine), "machine", |out| {
        push_element(out, "h1", "", words.machine);
        out.push('\n');
        let of = |(all, used): (u64, u64)| format!("{} {} {}", bytes(used), words.of, bytes(all));
        let shown = |show: &dyn Fn(&Machine) -> String| machine.map_or_else(|| "–".to_owned(), show);
        out.push_str("<dl class=\"facts\" id=\"machine\">");
        fact(out, "cpu", words.cpu, &shown(&|it| it.cpu_percent.map_or_else(|| "–".to_owned(), percent)));
        fact(out, "processors", words.processors, &shown(&|it| it.processors.to_string()));
        fact(
            out,
            "load",
            words.load,
            &shown(&|it| {
                let load: Vec<_> = it.load.iter().map(|it| format!("{it:.2}")).collect();
                load.join("  ")
            }),
        );
        fact(out, "memory", words.memory, &shown(&|it| of(it.memory_bytes)));
        fact(out, "swap", words.swap, &shown(&|it| of(it.swap_bytes)));
        fact(out, "age", words.up_for, &shown(&|it| span(it.uptime_secs)));
        out.push_str("</dl>\n");
        charts(out, look);
        out.push_str("<div class=\"halves\">\n");
        devices(out, "disks", words.disks, [words.disk, words.reads, words.writes, words.busy]);
        devices(out, "networks", words.networks, [words.interface, words.received, words.sent, words.in_all]);
        out.push_str("</div>\n");
    })
}

/// A table of devices, which a script fills: what each does at the moment is known only from two looks.
fn devices(out: &mut String, id: &str, title: &str, columns: [&str; 4]) {
    out.extend(["<section id=\"", id, "\" hidden>\n"]);
    push_element(out, "h2", "", title);
    out.push_str("<table class=\"devices\"><thead><tr>");
    for (index, name) in columns.into_iter().enumerate() {
        let class = if index == 0 { "name" } else { "number" };
        out.extend(["<th scope=\"col\" class=\"", class, "\">", name, "</th>"]);
    }
    out.push_str("</tr></thead><tbody></tbody></table>\n</section>\n");
}

/// A pool of event listeners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its group.
    pub name: String,
    /// The types of events it wants.
    pub events: Vec<String>,
    /// How many wait for it.
    pub waiting: u64,
    /// How many it had no room for.
    pub dropped: u64,
    /// Its processes.
    pub processes: Vec<String>,
    /// How many of them run.
    pub running: u64,
}

/// The listener pools.
pub fn listeners(look: &Look, pools: &[Pool]) -> String {
    let words = look.words();
    document(look, words.listeners, Some(Place::Listeners), "listeners", |out| {
        push_element(out, "h1", "", words.listeners);
        out.push('\n');
        if pools.is_empty() {
            return empty(out, words.no_listeners, words.no_listeners_how);
        }
        out.push_str("<table class=\"pools\" id=\"pools\"><thead><tr>");
        for (class, name) in [
            ("name", words.pool),
            ("number", words.waiting),
            ("number", words.dropped),
            ("number", words.running),
            ("", words.subscribed),
            ("", words.members),
        ] {
            out.extend(["<th scope=\"col\" class=\"", class, "\">", name, "</th>"]);
        }
        out.push_str("</tr></thead><tbody>\n");
        for pool in pools {
            push_pool(out, pool, words.of);
        }
        out.push_str("</tbody></table>\n");
    })
}

fn push_pool(out: &mut String, pool: &Pool, of: &str) {
    out.push_str("<tr");
    crate::html::push_attribute(out, "data-name", &pool.name);
    out.push_str("><th scope=\"row\" class=\"name\"><bdi>");
    push_text(out, &pool.name);
    out.push_str("</bdi></th>");
    let worry = |it: u64| if it > 0 { "number worry" } else { "number" };
    push_element(out, "td", "number waiting", &pool.waiting.to_string());
    push_element(out, "td", &format!("{} dropped", worry(pool.dropped)), &pool.dropped.to_string());
    push_element(out, "td", "number running", &format!("{} {of} {}", pool.running, pool.processes.len()));
    push_element(out, "td", "types", &pool.events.join(" "));
    out.push_str("<td>");
    for name in &pool.processes {
        out.extend(["<a href=\"/process?name=", &escaped(name), "\"><bdi>"]);
        push_text(out, name);
        out.push_str("</bdi></a> ");
    }
    out.push_str("</td></tr>\n");
}

/// What an update would do with one process, or with a group as such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The process, or the group.
    pub name: String,
    /// `added`, `removed`, `restarted` or `changed`.
    pub action: String,
    /// The options that differ.
    pub options: Vec<String>,
}

/// What an update would do, or why it cannot be said.
pub fn plan(look: &Look, plan: &Result<Vec<Change>, String>) -> String {
    let words = look.words();
    document(look, words.plan_title, Some(Place::Plan), "plan", |out| {
        push_element(out, "h1", "", words.plan_title);
        out.push('\n');
        let changes = match plan {
            Err(reason) => {
                out.push_str("<div class=\"empty\">");
                push_element(out, "p", "bad", words.plan_wrong);
                push_element(out, "pre", "", reason);
                push_element(out, "small", "", words.plan_wrong_how);
                out.push_str("</div>\n");
                return again(out, words.plan_again);
            }
            Ok(changes) if changes.is_empty() => {
                empty(out, words.plan_none, words.plan_none_how);
                return again(out, words.plan_again);
            }
            Ok(changes) => changes,
        };
        push_element(out, "p", "quiet", words.plan_hint);
        for (action, name, class) in [
            ("removed", words.removed, "down"),
            ("restarted", words.restarted, "due"),
            ("changed", words.changed, "rest"),
            ("added", words.added, "up"),
        ] {
            let these: Vec<_> = changes.iter().filter(|it| it.action == action).collect();
            if !these.is_empty() {
                let title = format!("{name} ({})", these.len());
                section(out, &format!("changes {class}"), &title, |out| list(out, &these));
            }
        }
        if look.may_update {
            out.push_str("<form class=\"acts\" id=\"acts\" method=\"post\" action=\"/act\">");
            hidden(out, "token", &look.token);
            hidden(out, "back", "/");
            out.extend([
                "<button class=\"main\" name=\"update\" value=\"yes\">",
                words.plan_apply,
                "</button> ",
            ]);
            out.extend(["<a class=\"button\" href=\"/plan\">", words.plan_again, "</a></form>\n"]);
        }
    })
}

fn again(out: &mut String, word: &str) {
    out.extend(["<p class=\"more\"><a class=\"button\" href=\"/plan\">", word, "</a></p>\n"]);
}

fn list(out: &mut String, changes: &[&Change]) {
    out.push_str("<ul>");
    for change in changes {
        out.push_str("<li>");
        push_element(out, "bdi", "", &change.name);
        for option in &change.options {
            out.push(' ');
            push_element(out, "code", "", option);
        }
        out.push_str("</li>\n");
    }
    out.push_str("</ul>\n");
}

/// The page for who must say first who they are. `refused` says why the last try failed.
pub fn login(look: &Look, refused: Option<&str>) -> String {
    let words = look.words();
    let mut out = String::new();
    crate::frame::head(&mut out, look, words.login, "login");
    out.push_str("<main id=\"main\" class=\"login\"><form method=\"post\" action=\"/login\">");
    out.extend([
        "<img src=\"",
        crate::assets::path("menshen.svg"),
        "\" alt=\"\" width=\"56\" height=\"56\"><h1><bdi>",
    ]);
    push_text(&mut out, &look.identifier);
    out.push_str("</bdi></h1>\n");
    if let Some(reason) = refused {
        out.push_str("<p class=\"bad\" role=\"alert\">");
        push_text(&mut out, reason);
        out.push_str("</p>");
    }
    hidden(&mut out, "back", &look.here);
    out.extend(["<label><span>", words.username, "</span><input name=\"username\" autocomplete=\"username\" autocapitalize=\"none\" required autofocus></label>\n"]);
    out.extend(["<label><span>", words.password, "</span><input name=\"password\" type=\"password\" autocomplete=\"current-password\" required></label>\n"]);
    out.extend(["<button class=\"main\">", words.login, "</button></form></main>\n</body>\n</html>\n"]);
    out
}
