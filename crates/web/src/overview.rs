//! The overview: every process, how it is, and what can be done with it.

mod query;
mod row;

pub use query::{Bucket, Query, Sort};
pub use row::{Row, Usage};

use crate::frame::{Look, Place, choice, document, empty, hidden};
use crate::html::{push_attribute, push_element, push_text};
use crate::words::Words;

/// What the overview shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overview {
    /// The processes, in the order of group and name.
    pub rows: Vec<Row>,
}

/// The page, as far as `query` wants to see it.
pub fn overview(look: &Look, overview: &Overview, query: &Query) -> String {
    let words = look.words();
    document(look, words.overview, Some(Place::Overview), "overview", |out| {
        out.extend(["<h1 class=\"away\">", words.overview, "</h1>\n"]);
        if overview.rows.is_empty() {
            return empty(out, words.nothing_here, words.nothing_here_how);
        }
        tally(out, words, &overview.rows, query);
        tools(out, words, &overview.rows, query);
        let mut shown: Vec<&Row> = overview.rows.iter().filter(|it| query.wants(it)).collect();
        query.sort.apply(&mut shown);
        out.push_str("<form id=\"acts\" method=\"post\" action=\"/act\">\n");
        hidden(out, "token", &look.token);
        hidden(out, "back", &look.here);
        table(out, look, &shown, query.sort == Sort::Name);
        if look.may_act {
            bulk(out, words);
        }
        out.push_str("</form>\n");
        out.push_str(if shown.is_empty() { "<div id=\"none\">" } else { "<div id=\"none\" hidden>" });
        empty(out, words.no_match, words.no_match_how);
        out.extend(["<p class=\"more\"><a href=\"/\">", words.show_all, "</a></p></div>\n"]);
    })
}

/// How many are how, as a bar and as links that filter.
fn tally(out: &mut String, words: &Words, rows: &[Row], query: &Query) {
    let count = |bucket| rows.iter().filter(|it| it.bucket() == bucket).count();
    let counts = Bucket::ALL.map(|it| (it, count(it)));
    out.push_str("<svg class=\"share\" id=\"share\" viewBox=\"0 0 1000 6\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    let mut from = 0;
    for (bucket, count) in counts {
        let to = from + count;
        let place = |it: usize| (it * 1000 / rows.len()).to_string();
        out.extend(["<rect class=\"", bucket.class(), "\" height=\"6\" x=\"", &place(from), "\" width=\""]);
        out.extend([&(to * 1000 / rows.len() - from * 1000 / rows.len()).to_string(), "\"/>"]);
        from = to;
    }
    out.push_str("</svg>\n<nav class=\"tally\" id=\"tally\" aria-label=\"");
    out.extend([words.state, "\">"]);
    filter(out, query, None, words.all, rows.len());
    for (bucket, count) in counts {
        filter(out, query, Some(bucket), bucket.name(words), count);
    }
    out.push_str("</nav>\n");
}

fn filter(out: &mut String, query: &Query, bucket: Option<Bucket>, name: &str, count: usize) {
    let class = bucket.map_or("", Bucket::class);
    out.extend(["<a class=\"", class, "\" data-state=\"", bucket.map_or("", Bucket::word), "\""]);
    let wanted = Query { state: bucket, ..query.clone() };
    push_attribute(out, "href", &wanted.address());
    if query.state == bucket {
        out.push_str(" aria-current=\"true\"");
    }
    out.extend(["><b>", &count.to_string(), "</b> ", name, "</a>"]);
}

/// Search, group, order.
fn tools(out: &mut String, words: &Words, rows: &[Row], query: &Query) {
    out.push_str("<form class=\"tools\" id=\"tools\" method=\"get\" action=\"/\" role=\"search\">");
    if let Some(state) = query.state {
        hidden(out, "state", state.word());
    }
    out.extend(["<label class=\"search\"><span>", words.search, "</span><input type=\"search\" name=\"q\""]);
    push_attribute(out, "value", &query.text);
    push_attribute(out, "placeholder", words.search_hint);
    out.push_str(" autocomplete=\"off\" spellcheck=\"false\"></label>");
    let mut groups: Vec<&str> = rows.iter().map(|it| it.group.as_str()).collect();
    groups.dedup();
    let chosen = query.group.as_deref();
    let every = std::iter::once(("", words.every_group, chosen.is_none()));
    choice(out, words.group, "group", every.chain(groups.iter().map(|it| (*it, *it, chosen == Some(*it)))));
    let sorts = Sort::ALL.map(|it| (it.word(), it.name(words), it == query.sort));
    choice(out, words.sort, "sort", sorts);
    out.extend(["<button>", words.apply, "</button></form>\n"]);
}

/// The processes; in the order of their names each group has a row of its own.
fn table(out: &mut String, look: &Look, rows: &[&Row], by_group: bool) {
    let words = look.words();
    out.push_str("<table id=\"processes\" class=\"processes");
    out.push_str(if by_group { " grouped\"" } else { "\"" });
    if rows.is_empty() {
        out.push_str(" hidden");
    }
    out.push_str(">\n<thead><tr>");
    if look.may_act {
        out.extend([
            "<td class=\"pick\"><input type=\"checkbox\" id=\"all\" aria-label=\"",
            words.select_all,
            "\"></td>",
        ]);
    }
    let columns = [
        ("name", words.name),
        ("state", words.state),
        ("cpu", words.cpu),
        ("memory", words.memory),
        ("age", words.up_for),
        ("restarts", words.restarts),
        ("pid", words.pid),
    ];
    for (class, name) in columns {
        out.extend(["<th scope=\"col\" class=\"", class, "\">", name, "</th>"]);
    }
    if look.may_act {
        out.extend(["<th scope=\"col\" class=\"do\"><span class=\"away\">", words.actions, "</span></th>"]);
    }
    out.push_str("</tr></thead>\n");
    if by_group {
        for rows in rows.chunk_by(|a, b| a.group == b.group) {
            body(out, look, rows, true);
        }
    } else {
        body(out, look, rows, false);
    }
    out.push_str("</table>\n");
}

fn body(out: &mut String, look: &Look, rows: &[&Row], is_group: bool) {
    let Some(first) = rows.first() else { return };
    // A program that is a group of its own needs no headline over itself.
    let has_headline = is_group && (rows.len() > 1 || first.group != first.process);
    out.push_str(if has_headline { "<tbody class=\"many\">\n" } else { "<tbody>\n" });
    if has_headline {
        headline(out, look, &first.group, rows);
    }
    for row in rows {
        row::push(out, look, row);
    }
    out.push_str("</tbody>\n");
}

/// The row of a group, with what can be done with all of it.
fn headline(out: &mut String, look: &Look, group: &str, rows: &[&Row]) {
    let words = look.words();
    out.push_str("<tr class=\"group\">");
    if look.may_act {
        out.push_str("<td class=\"pick\"><input type=\"checkbox\" class=\"several\"");
        push_attribute(out, "aria-label", &format!("{} {group}", words.select));
        out.push_str("></td>");
    }
    out.push_str("<th scope=\"rowgroup\" colspan=\"7\"><bdi>");
    push_text(out, group);
    let running = rows.iter().filter(|it| it.bucket() == Bucket::Running).count();
    out.extend([
        "</bdi> <small>",
        &running.to_string(),
        " ",
        words.of,
        " ",
        &rows.len().to_string(),
        "</small></th>",
    ]);
    if look.may_act {
        let all = format!("{group}:*");
        out.push_str("<td class=\"do\">");
        for (act, word) in [("start", words.start), ("stop", words.stop), ("restart", words.restart)] {
            row::button(out, act, word, &all);
        }
        out.push_str("</td>");
    }
    out.push_str("</tr>\n");
}

/// What can be done with the selected ones.
fn bulk(out: &mut String, words: &Words) {
    out.push_str("<fieldset class=\"bulk\" id=\"bulk\">");
    push_element(out, "legend", "", words.selected);
    let acts = [
        ("start", words.start),
        ("stop", words.stop),
        ("restart", words.restart),
        ("clear", words.clear_log),
    ];
    for (act, word) in acts {
        out.extend(["<button name=\"bulk\" value=\"", act, "\" class=\"", act, "\">", word, "</button>"]);
    }
    signals(out, words);
    out.extend([
        "<button name=\"bulk\" value=\"signal\" class=\"signal\">",
        words.send,
        "</button></fieldset>\n",
    ]);
}

/// A choice of the signals people send.
pub(crate) fn signals(out: &mut String, words: &Words) {
    let names = ["HUP", "USR1", "USR2", "INT", "TERM", "QUIT", "KILL", "STOP", "CONT", "WINCH"];
    choice(out, words.signal, "signal", names.map(|it| (it, it, it == "HUP")));
}

#[cfg(test)]
mod tests;
