//! Why a process is as it is, in words a person can act on, from what is remembered of it.
//!
//! Each sentence stands here in every language that we speak, side by side, and nowhere else.

use model::exit::{EndCause, ExitStatus};
use model::fault::{Fault, FaultCode};
use model::info::ProcessInfo;
use model::language::Language;
use model::name::FullName;
use model::state::ProcessState;
use model::time::Mono;
use model::usage::ExitRecord;
use supervisor::deadline::Reason;
use wire::value::Value;

use crate::arguments::Arguments;
use crate::call::{Context, Refusal};
use crate::facts::{self, bytes, moment, seconds, structure, text};
use crate::process_info::uptime;

/// The last ends of a process.
pub(crate) fn exits(name: &FullName, context: &Context<'_>) -> Value {
    Value::Array(context.usages.exits(name).iter().map(exit).collect())
}

/// One end, with what was found out about it.
pub fn exit(record: &ExitRecord) -> Value {
    let mut value = facts::ended(&record.ended, moment(record.ended.at));
    if let Value::Struct(members) = &mut value {
        let lines = record.last_lines.iter().map(|it| text(it)).collect();
        members.extend([
            ("cpu_seconds", seconds(record.cpu_ms)),
            ("peak_bytes", bytes(record.peak_kib.saturating_mul(1024))),
            ("out_of_memory", Value::Bool(record.out_of_memory)),
            ("last_lines", Value::Array(lines)),
        ]);
    }
    value
}

/// A sentence in one of our languages.
macro_rules! say {
    ($language:expr, $english:literal, $chinese:literal $(,)?) => {
        match $language {
            Language::English => format!($english),
            Language::Chinese => format!($chinese),
        }
    };
}

/// Why a process is as it is, in the language that is asked for.
pub(crate) fn called(
    arguments: &Arguments,
    name: &FullName,
    context: &Context<'_>,
) -> Result<Value, Refusal> {
    let language = if arguments.has(1) { language(&arguments.text(1)?)? } else { Language::English };
    let info = context.supervisor.info(name, context.now);
    let info = info.ok_or_else(|| Fault::about(FaultCode::BadName, name.to_string()))?;
    let exits = context.usages.exits(name);
    let next = context.supervisor.next_of(name).map(|(at, reason)| (wait(at, context.now.mono), reason));
    let autostart = context.supervisor.spec(name).is_none_or(|it| it.autostart);
    let sentences =
        Account { language, info: &info, autostart, exits: &exits, next: next.as_ref() }.sentences();
    let lines = exits.last().filter(|it| is_bad(it)).map(|it| it.last_lines.as_slice()).unwrap_or_default();
    Ok(structure(vec![
        ("name", Some(Value::String(name.to_string()))),
        ("state", Some(text(info.state.as_str()))),
        ("sentences", Some(Value::Array(sentences.into_iter().map(Value::String).collect()))),
        ("last_lines", Some(Value::Array(lines.iter().map(|it| text(it)).collect()))),
    ]))
}

/// The language with this tag.
fn language(tag: &str) -> Result<Language, Refusal> {
    Language::of_tag(tag).ok_or_else(|| {
        let known = Language::ALL.map(Language::tag).join(" or ");
        Fault::about(FaultCode::BadArguments, format!("language {tag} is not spoken here: say {known}"))
            .into()
    })
}

/// Whole seconds until a moment, rounded up.
fn wait(at: Mono, now: Mono) -> u64 {
    let left = at - now;
    left.as_secs() + u64::from(left.subsec_nanos() > 0)
}

/// Whether an end is one nobody wanted.
const fn is_bad(record: &ExitRecord) -> bool {
    match record.ended.cause {
        EndCause::Unexpected | EndCause::TooEarly | EndCause::Killed => true,
        EndCause::Expected | EndCause::Stopped => false,
    }
}

/// What is known of a process, and the language to tell it in.
struct Account<'a> {
    language: Language,
    info: &'a ProcessInfo,
    autostart: bool,
    /// How its children ended, the last of them last.
    exits: &'a [ExitRecord],
    /// What comes next, and in how many seconds.
    next: Option<&'a (u64, Reason)>,
}

impl Account<'_> {
    fn sentences(&self) -> Vec<String> {
        let mut all = vec![self.standing()];
        if let Some(last) = self.exits.last() {
            all.push(self.ending(last));
            all.extend(self.repetition(last));
            if last.out_of_memory {
                all.push(say!(
                    self.language,
                    "The kernel killed it because memory had run out (its OOM killer did it).",
                    "内存耗尽，内核强制结束了它（OOM killer 所为）。",
                ));
            }
        }
        let has_no_child = self.info.exit.is_none() && self.exits.is_empty();
        if let Some(reason) = self.info.spawn_error.as_deref().filter(|it| has_no_child && !it.is_empty()) {
            all.push(say!(self.language, "It could not be started: {reason}.", "无法启动：{reason}。"));
        }
        all.extend(self.next.and_then(|(seconds, reason)| self.prospect(*seconds, reason)));
        if self.info.state == ProcessState::Fatal {
            all.push(say!(
                self.language,
                "It has been given up after too many failed starts; `start` tries again.",
                "启动失败次数过多，已放弃；可用 `start` 重试。",
            ));
        }
        all
    }

    /// How it stands.
    fn standing(&self) -> String {
        let language = self.language;
        match self.info.state {
            ProcessState::Running => {
                let (pid, span) = (self.info.pid.unwrap_or(0), self.span(self.info.uptime_secs));
                say!(
                    language,
                    "It is running, with pid {pid}, for {span}.",
                    "正在运行，PID {pid}，已运行 {span}。"
                )
            }
            ProcessState::Starting => say!(
                language,
                "It is starting, and has yet to stay up for its startsecs.",
                "正在启动，尚未运行满 startsecs。",
            ),
            ProcessState::Stopping => {
                say!(language, "It has been asked to stop and has not yet ended.", "已要求它停止，尚未结束。")
            }
            ProcessState::Stopped if self.info.started.is_some() => {
                say!(language, "It is stopped, as somebody asked for.", "已按要求停止。")
            }
            ProcessState::Stopped => self.idleness(),
            ProcessState::Backoff => {
                say!(language, "It failed to start, and will be tried again.", "启动失败，将会重试。")
            }
            ProcessState::Exited => say!(language, "It ended by itself.", "它自行结束了。"),
            ProcessState::Fatal => say!(language, "It does not run.", "未在运行。"),
            ProcessState::Unknown => say!(
                language,
                "Nobody knows how it stands: a signal to it could not be sent.",
                "状态不明：无法向它发送信号。",
            ),
        }
    }

    /// Why one that was not started was not.
    fn idleness(&self) -> String {
        if !self.exits.is_empty() {
            return say!(
                self.language,
                "It has not been started since the supervisor began.",
                "监管程序启动以来，尚未启动过它。",
            );
        }
        if self.autostart {
            return say!(self.language, "It was never started.", "从未启动过。");
        }
        say!(
            self.language,
            "It was never started: autostart is false, and nobody has asked for it.",
            "从未启动过：autostart 为 false，也没有人要求启动。",
        )
    }

    /// How the last child ended.
    fn ending(&self, last: &ExitRecord) -> String {
        let language = self.language;
        let ago = self.info.now.seconds() - last.ended.at.seconds();
        let ago = self.span(u64::try_from(ago).unwrap_or(0));
        let why = match last.ended.cause {
            EndCause::Expected => say!(language, ", as its exitcodes expect", "，符合其 exitcodes"),
            EndCause::Unexpected => {
                say!(language, ", which its exitcodes do not expect", "，不在其 exitcodes 之列")
            }
            EndCause::TooEarly => say!(language, ", before it was up", "，当时尚未启动完成"),
            EndCause::Stopped => say!(language, ", as it was asked to", "，应要求停止"),
            EndCause::Killed => {
                say!(language, ": it did not stop in time and was killed", "，因未能及时停止而被强制结束")
            }
        };
        let status = last.ended.status.in_words(language);
        say!(
            language,
            "Its last child ended {ago} ago: {status}{why}.",
            "上一个子进程于 {ago} 前结束：{status}{why}。"
        )
    }

    /// How often it ended like that of late.
    fn repetition(&self, last: &ExitRecord) -> Option<String> {
        let is_same =
            |it: &&ExitRecord| same(it.ended.status, last.ended.status) && it.ended.cause == last.ended.cause;
        let run: Vec<_> = self.exits.iter().rev().take_while(is_same).collect();
        let first = run.last().filter(|_| run.len() > 1 && is_bad(last))?;
        let span = last.ended.at.seconds() - first.ended.at.seconds();
        let (times, span) = (run.len(), self.span(u64::try_from(span).unwrap_or(0)));
        Some(say!(
            self.language,
            "It ended like that {times} times in a row, within {span}.",
            "在 {span} 内已连续 {times} 次这样结束。",
        ))
    }

    /// What comes next.
    fn prospect(&self, seconds: u64, reason: &Reason) -> Option<String> {
        let language = self.language;
        Some(match reason {
            Reason::Promote(_) => {
                say!(language, "It counts as running in {seconds} s.", "{seconds} 秒后算作运行中。")
            }
            Reason::Retry(_) => say!(language, "The next try is in {seconds} s.", "{seconds} 秒后再试。"),
            Reason::Restart(_) => {
                say!(language, "It is started again in {seconds} s.", "{seconds} 秒后重新启动。")
            }
            Reason::Kill(_) => say!(
                language,
                "It is killed, unless it has ended by then, in {seconds} s.",
                "若 {seconds} 秒后仍未结束，将被强制结束。",
            ),
            Reason::StopReport(_)
            | Reason::ShutdownReport
            | Reason::Tick(_)
            | Reason::Redeliver(_)
            | Reason::LastWords
            | Reason::Silence(_) => return None,
        })
    }

    /// So many seconds: in English as the original tells an uptime.
    fn span(&self, seconds: u64) -> String {
        match (self.language, seconds / 86_400) {
            (Language::English, _) | (Language::Chinese, 0) => uptime(seconds),
            (Language::Chinese, days) => format!("{days} 天 {}", uptime(seconds % 86_400)),
        }
    }
}

/// Whether two endings are of one kind: a core file makes no difference.
fn same(a: ExitStatus, b: ExitStatus) -> bool {
    match (a, b) {
        (ExitStatus::Signaled { signal: a, .. }, ExitStatus::Signaled { signal: b, .. }) => a == b,
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use model::exit::Ended;
    use model::name::{GroupName, ProcessName};
    use model::signal::Signal;
    use model::time::Wall;

    use super::*;
    use crate::process_info::tests::info;

    fn name() -> FullName {
        FullName { group: GroupName::parse("g").unwrap(), process: ProcessName::expanded("p") }
    }

    fn killed(at: i64) -> ExitRecord {
        let status = ExitStatus::Signaled { signal: Signal::KILL, core: false };
        let ended = Ended { status, at: Wall::from_seconds(at), cause: EndCause::Unexpected };
        ExitRecord { ended, cpu_ms: 0, peak_kib: 0, out_of_memory: at == 1990, last_lines: vec![] }
    }

    fn told(
        language: Language,
        info: &ProcessInfo,
        autostart: bool,
        exits: &[ExitRecord],
        next: Option<&(u64, Reason)>,
    ) -> Vec<String> {
        Account { language, info, autostart, exits, next }.sentences()
    }

    #[test]
    fn a_crash_loop_is_told_with_its_reason_and_what_comes_next() {
        let exits = [killed(1950), killed(1970), killed(1990)];
        let next = (8, Reason::Retry(name()));
        assert_eq!(
            told(Language::English, &info(ProcessState::Backoff), true, &exits, Some(&next)),
            [
                "It failed to start, and will be tried again.",
                "Its last child ended 0:00:10 ago: terminated by SIGKILL, which its exitcodes do not expect.",
                "It ended like that 3 times in a row, within 0:00:40.",
                "The kernel killed it because memory had run out (its OOM killer did it).",
                "The next try is in 8 s.",
            ]
        );
    }

    #[test]
    fn what_never_ran_and_what_runs_is_told_in_one_sentence() {
        let never = ProcessInfo { started: None, ..info(ProcessState::Stopped) };
        assert_eq!(
            told(Language::English, &never, false, &[], None),
            ["It was never started: autostart is false, and nobody has asked for it."]
        );
        let earlier = told(Language::English, &never, false, &[killed(1990)], None);
        assert_eq!(earlier[0], "It has not been started since the supervisor began.");
        let running = told(Language::English, &info(ProcessState::Running), true, &[], None);
        assert_eq!(running, ["It is running, with pid 7, for 1:06:39."]);
        let missing = ProcessInfo {
            spawn_error: Some("can't find command '/no'".to_owned()),
            ..info(ProcessState::Fatal)
        };
        assert_eq!(
            told(Language::English, &missing, true, &[], None)[1..],
            [
                "It could not be started: can't find command '/no'.",
                "It has been given up after too many failed starts; `start` tries again."
            ]
        );
    }

    #[test]
    fn whatever_is_told_in_one_language_is_told_in_the_other_with_the_same_facts() {
        let exits = |cause, status| {
            let ended = Ended { status, at: Wall::from_seconds(2000 - 3 * 86_400), cause };
            let record =
                ExitRecord { ended, cpu_ms: 0, peak_kib: 0, out_of_memory: true, last_lines: vec![] };
            vec![record.clone(), record]
        };
        let signal = Signal::parse("SEGV").unwrap();
        let statuses =
            [ExitStatus::Exited(3), ExitStatus::Signaled { signal, core: true }, ExitStatus::Unknown];
        let ends = EndCause::ALL.into_iter().flat_map(|cause| statuses.map(|status| exits(cause, status)));
        let reasons =
            [Reason::Promote(name()), Reason::Retry(name()), Reason::Restart(name()), Reason::Kill(name())];
        let nexts: Vec<_> = reasons.into_iter().map(|it| (48, it)).collect();
        let mut nexts = nexts.iter().cycle();
        // What stays as it is written in files and manuals.
        let terms =
            ["autostart", "exitcodes", "false", "killer", "start", "startsecs", "OOM", "PID", "SIGSEGV"];
        for exits in ends.chain([vec![]]) {
            for (state, autostart) in ProcessState::ALL.into_iter().flat_map(|it| [(it, true), (it, false)]) {
                let started = Some(Wall::from_seconds(7)).filter(|_| exits.len() > 2 || autostart);
                let spawn_error = Some("12".to_owned());
                let info = ProcessInfo { started, spawn_error, ..info(state) };
                let next = nexts.next();
                let [english, chinese] =
                    Language::ALL.map(|it| told(it, &info, autostart, &exits, next).join("\n"));
                let numbers = |it: &str| {
                    let mut all: Vec<_> =
                        it.split(|it: char| !it.is_ascii_digit()).map(str::to_owned).collect();
                    all.sort();
                    all.retain(|it| !it.is_empty());
                    all
                };
                assert_eq!(english.lines().count(), chinese.lines().count(), "{english}\n{chinese}");
                assert_eq!(numbers(&english), numbers(&chinese), "{english}\n{chinese}");
                let words = chinese.split(|it: char| !it.is_ascii_alphabetic()).filter(|it| !it.is_empty());
                for word in words {
                    assert!(terms.contains(&word), "{word}: {chinese}");
                }
            }
        }
    }

    #[test]
    fn a_reader_of_chinese_is_told_in_chinese() {
        let exits = [killed(1950), killed(1970), killed(1990)];
        let next = (8, Reason::Retry(name()));
        assert_eq!(
            told(Language::Chinese, &info(ProcessState::Backoff), true, &exits, Some(&next)),
            [
                "启动失败，将会重试。",
                "上一个子进程于 0:00:10 前结束：被 SIGKILL 终止，不在其 exitcodes 之列。",
                "在 0:00:40 内已连续 3 次这样结束。",
                "内存耗尽，内核强制结束了它（OOM killer 所为）。",
                "8 秒后再试。",
            ]
        );
        let words = language("fr").err().map(|it| format!("{it:?}")).unwrap_or_default();
        assert!(words.contains("say en or zh-Hans"), "{words}");
    }
}
