//! What is on the screen, and what keys do with it. Nothing here reads or prints.

use std::collections::{BTreeMap, VecDeque};

use wire::value::Value;

/// How many figures a line of bars shows.
pub(super) const BARS: usize = 12;

/// How many lines of a log are kept to be shown.
const LOG_LINES_MAX: usize = 200;

/// A line longer than this is shown in part.
const LINE_CHARS_MAX: usize = 500;

/// One process.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Row {
    pub name: String,
    pub state: String,
    pub description: String,
    pub pid: Option<i64>,
    pub uptime: Option<i64>,
    pub restarts: i64,
}

/// What a process took, the latest last.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Figures {
    pub cpu: VecDeque<f64>,
    pub memory: VecDeque<f64>,
}

/// The order of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Sort {
    #[default]
    Name,
    Cpu,
    Memory,
}

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    Enter,
    Escape,
    Backspace,
    Interrupt,
    Char(char),
}

/// What the world is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    Nothing,
    Quit,
    /// Call this method for this process.
    Order(&'static str, String),
}

/// Everything that is shown.
#[derive(Debug, Default)]
pub(super) struct View {
    rows: Vec<Row>,
    figures: BTreeMap<String, Figures>,
    selected: Option<String>,
    sort: Sort,
    filter: String,
    pub(super) is_typing: bool,
    pub(super) has_log: bool,
    log: VecDeque<String>,
    /// What came of the last order, or why nothing is new.
    pub(super) message: String,
    /// How many rows fit; told by whoever draws.
    pub(super) page: usize,
}

impl View {
    /// Takes the answer of `menshen.getProcesses`.
    pub(super) fn take(&mut self, answer: &Value) {
        let Value::Array(items) = answer else { return };
        self.rows = items.iter().filter_map(row).collect();
        if self.shown().iter().all(|it| Some(&it.name) != self.selected.as_ref()) {
            self.selected = self.shown().first().map(|it| it.name.clone());
        }
    }

    /// Takes figures as the stream of events tells them.
    pub(super) fn measure(&mut self, samples: &serde_json::Value) {
        let Some(all) = samples.get("processes").and_then(serde_json::Value::as_object) else { return };
        self.figures.retain(|name, _| all.contains_key(name));
        for (name, usage) in all {
            let figures = self.figures.entry(name.clone()).or_default();
            let number = |key: &str| usage.get(key).and_then(serde_json::Value::as_f64);
            push(&mut figures.cpu, number("cpu_percent"));
            push(&mut figures.memory, number("memory_bytes"));
        }
    }

    /// Takes the answer of `menshen.getRecent`: what was used before anybody looked here.
    pub(super) fn recall(&mut self, answer: &Value) {
        let Value::Struct(members) = answer else { return };
        let Some(Value::Struct(processes)) = members.get("processes") else { return };
        for (name, recent) in processes.iter() {
            let Value::Struct(recent) = recent else { continue };
            let numbers = |key: &str, unit: f64| {
                let Some(Value::Array(items)) = recent.get(key) else { return VecDeque::new() };
                let last = items.iter().skip(items.len().saturating_sub(BARS));
                last.filter_map(|it| whole(it).map(|it| it * unit)).collect()
            };
            let (cpu, memory) = (numbers("cpu_permille", 0.1), numbers("memory_kib", 1024.0));
            self.figures.insert(name.to_owned(), Figures { cpu, memory });
        }
    }

    /// A second has passed.
    pub(super) fn age(&mut self) {
        for row in &mut self.rows {
            row.uptime = row.uptime.map(|it| it + 1);
        }
    }

    /// The rows in their order, as far as they are wanted.
    pub(super) fn shown(&self) -> Vec<&Row> {
        let wanted = self.filter.to_lowercase();
        let mut rows: Vec<_> =
            self.rows.iter().filter(|it| it.name.to_lowercase().contains(&wanted)).collect();
        let last = |row: &Row, pick: fn(&Figures) -> &VecDeque<f64>| {
            self.figures.get(&row.name).and_then(|it| pick(it).back().copied()).unwrap_or(-1.0)
        };
        match self.sort {
            Sort::Name => {}
            Sort::Cpu => rows.sort_by(|a, b| last(b, |it| &it.cpu).total_cmp(&last(a, |it| &it.cpu))),
            Sort::Memory => {
                rows.sort_by(|a, b| last(b, |it| &it.memory).total_cmp(&last(a, |it| &it.memory)));
            }
        }
        rows
    }

    /// How many there are, run, and are in trouble.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let running = self.rows.iter().filter(|it| it.state == "RUNNING").count();
        let failed =
            self.rows.iter().filter(|it| matches!(it.state.as_str(), "FATAL" | "BACKOFF" | "UNKNOWN"));
        (self.rows.len(), running, failed.count())
    }

    pub(super) fn figures(&self, name: &str) -> Option<&Figures> {
        self.figures.get(name)
    }

    pub(super) fn selected(&self) -> Option<&str> {
        self.selected.as_deref()
    }

    pub(super) fn filter(&self) -> &str {
        &self.filter
    }

    pub(super) const fn sort(&self) -> Sort {
        self.sort
    }

    /// Begins the log of another process.
    pub(super) fn clear_log(&mut self) {
        self.log.clear();
    }

    /// Takes more of the log.
    pub(super) fn take_log(&mut self, bytes: &[u8]) {
        let text = plain(&String::from_utf8_lossy(bytes));
        let mut parts = text.split('\n');
        if let Some(first) = parts.next() {
            let mut last = self.log.pop_back().unwrap_or_default();
            last.extend(first.chars().take(LINE_CHARS_MAX.saturating_sub(last.chars().count())));
            self.log.push_back(last);
        }
        self.log.extend(parts.map(|it| it.chars().take(LINE_CHARS_MAX).collect::<String>()));
        while self.log.len() > LOG_LINES_MAX {
            self.log.pop_front();
        }
    }

    /// The last lines of the log, whole ones.
    pub(super) fn log(&self, count: usize) -> impl Iterator<Item = &str> {
        let whole = self.log.len() - usize::from(self.log.back().is_some_and(String::is_empty));
        self.log.iter().take(whole).skip(whole.saturating_sub(count)).map(String::as_str)
    }

    /// What a key does.
    pub(super) fn press(&mut self, key: Key) -> Wish {
        if self.is_typing {
            return self.type_filter(key);
        }
        match key {
            Key::Interrupt | Key::Char('q') => return Wish::Quit,
            Key::Up | Key::Char('k') => self.go(|at, _| at.saturating_sub(1)),
            Key::Down | Key::Char('j') => self.go(|at, _| at + 1),
            Key::PageUp => self.go(usize::saturating_sub),
            Key::PageDown => self.go(|at, page| at + page),
            Key::Enter | Key::Char('l') => self.has_log = !self.has_log,
            Key::Char('/') => self.is_typing = true,
            Key::Char('n') => self.sort = Sort::Name,
            Key::Char('c') => self.sort = Sort::Cpu,
            Key::Char('m') => self.sort = Sort::Memory,
            Key::Escape => self.filter.clear(),
            Key::Char('s') => return self.order("menshen.startProcesses"),
            Key::Char('t') => return self.order("menshen.stopProcesses"),
            Key::Char('r') => return self.order("menshen.restartProcesses"),
            Key::Backspace | Key::Char(_) => {}
        }
        Wish::Nothing
    }

    fn type_filter(&mut self, key: Key) -> Wish {
        match key {
            Key::Interrupt => return Wish::Quit,
            Key::Enter | Key::Escape => self.is_typing = false,
            Key::Backspace => drop(self.filter.pop()),
            Key::Char(it) => self.filter.push(it),
            Key::Up | Key::Down | Key::PageUp | Key::PageDown => {}
        }
        if key == Key::Escape {
            self.filter.clear();
        }
        self.go(|at, _| at);
        Wish::Nothing
    }

    fn order(&self, method: &'static str) -> Wish {
        self.selected.clone().map_or(Wish::Nothing, |name| Wish::Order(method, name))
    }

    /// Selects another row; one that is not shown any more gives its place to the first.
    fn go(&mut self, to: impl Fn(usize, usize) -> usize) {
        let shown = self.shown();
        let at = shown.iter().position(|it| Some(&it.name) == self.selected.as_ref()).unwrap_or(0);
        let next = to(at, self.page.max(1)).min(shown.len().saturating_sub(1));
        self.selected = shown.get(next).map(|it| it.name.clone());
    }
}

fn push(figures: &mut VecDeque<f64>, number: Option<f64>) {
    figures.extend(number);
    while figures.len() > BARS {
        figures.pop_front();
    }
}

fn whole(value: &Value) -> Option<f64> {
    let Value::Int(number) = value else { return None };
    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "nothing here reaches 2^53")]
    Some(*number as f64)
}

fn row(value: &Value) -> Option<Row> {
    let Value::Struct(members) = value else { return None };
    let text = |name: &str| match members.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(_) | None => String::new(),
    };
    let number = |name: &str| match members.get(name) {
        Some(Value::Int(number)) => Some(*number),
        Some(_) | None => None,
    };
    Some(Row {
        name: text("name"),
        state: text("state"),
        description: text("description"),
        pid: number("pid"),
        uptime: number("uptime"),
        restarts: number("restarts").unwrap_or(0),
    })
}

/// A text that leaves the terminal as it is: without sequences and other characters that steer one.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' if characters.next_if_eq(&'[').is_some() => {
                while characters.next_if(|it| (' '..='?').contains(it)).is_some() {}
                characters.next_if(|it| ('@'..='~').contains(it));
            }
            '\n' => out.push('\n'),
            '\t' => out.push(' '),
            it if it.is_control() => {}
            it => out.push(it),
        }
    }
    out
}
