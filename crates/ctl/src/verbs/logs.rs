//! `logs`: what several processes write, line by line, each with its name in front.

use std::sync::mpsc::{self, Sender};

use model::fault::FaultCode;

use crate::client::{CallError, Channel, Client, Target};
use crate::command::follow::log_path;
use crate::remote::RemoteProcess;
use crate::verbs::paint::{Paint, Tone};
use crate::verbs::{DONE, Desk, FAILED, Trouble, targets};

/// A line longer than this is shown in pieces.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// How many outputs are followed at once. Each takes a connection and a thread.
const FOLLOWED_MAX: usize = 200;

/// One output of one process.
#[derive(Debug, Clone)]
struct Source {
    name: String,
    channel: Channel,
}

/// What a follower has to tell.
enum News {
    /// These bytes have come.
    Bytes(Vec<u8>),
    /// There will be no more; why, unless the server wished it.
    End(Option<CallError>),
}

/// `logs [-f] [NAME...]`.
pub(crate) fn logs(desk: &mut Desk<'_>, names: &[String], follow: bool, bytes: u32) -> Result<u8, Trouble> {
    let processes = desk.client.processes()?;
    let picked = targets::select(&mut desk.client, names, &processes)?;
    let sources: Vec<_> = picked.into_iter().flat_map(outputs).collect();
    let width = sources.iter().map(|it| it.name.chars().count()).max().unwrap_or(0);
    if follow { follow_all(desk, &sources, width) } else { show_all(desk, &sources, width, bytes) }
}

/// The outputs of a process that go to a file of their own.
fn outputs(process: &RemoteProcess) -> impl Iterator<Item = Source> {
    let files = [
        (Channel::Stdout, process.stdout_logfile.clone()),
        (Channel::Stderr, process.stderr_logfile.clone()),
    ];
    let name = process.full_name();
    let kept = files.into_iter().filter(|(_, file)| !file.is_empty());
    kept.map(move |(channel, _)| Source { name: name.clone(), channel })
}

/// The end of each log, one after the other.
fn show_all(desk: &mut Desk<'_>, sources: &[Source], width: usize, bytes: u32) -> Result<u8, Trouble> {
    let bytes = i64::from(bytes.min(i32::MAX.unsigned_abs()));
    for source in sources {
        let text = match desk.client.read_log(&source.name, source.channel, bytes) {
            // It has not written anything yet.
            Err(error) if error.fault() == Some(FaultCode::NoFile) => continue,
            other => other?,
        };
        for line in text.lines() {
            print(desk, source, width, line.as_bytes())?;
        }
    }
    Ok(DONE)
}

/// All at once, until the server or the user ends it.
fn follow_all(desk: &mut Desk<'_>, sources: &[Source], width: usize) -> Result<u8, Trouble> {
    if sources.len() > FOLLOWED_MAX {
        return Err(Trouble::Usage(format!(
            "these are {} outputs, and {FOLLOWED_MAX} can be followed at once; name fewer processes",
            sources.len()
        )));
    }
    let (news, heard) = mpsc::channel();
    for (index, source) in sources.iter().enumerate() {
        let (news, source, target) = (news.clone(), source.clone(), desk.client.target().clone());
        // Nobody waits for it: when nothing is left to print to, it ends with the program.
        std::thread::spawn(move || pursue(&source, target, index, &news));
    }
    drop(news);
    let mut begun: Vec<Vec<u8>> = vec![Vec::new(); sources.len()];
    let mut code = DONE;
    for (index, it) in heard {
        let (Some(source), Some(line)) = (sources.get(index), begun.get_mut(index)) else { continue };
        match it {
            News::Bytes(bytes) => {
                line.extend_from_slice(&bytes);
                for whole in whole_lines(line) {
                    print(desk, source, width, &whole)?;
                }
                desk.out.flush()?;
            }
            News::End(trouble) => {
                let rest = std::mem::take(line);
                if !rest.is_empty() {
                    print(desk, source, width, &rest)?;
                }
                if let Some(error) = trouble {
                    desk.out.flush()?;
                    let channel = source.channel.as_str();
                    writeln!(
                        desk.err,
                        "menshen: the {channel} of {} cannot be followed: {error}",
                        source.name
                    )?;
                    code = FAILED;
                }
            }
        }
    }
    Ok(code)
}

/// Follows one output for as long as somebody listens.
fn pursue(source: &Source, target: Target, index: usize, news: &Sender<(usize, News)>) {
    let trouble = pursue_to_end(source, target, index, news).err();
    // When nobody listens any more there is nobody to tell.
    let _ = news.send((index, News::End(trouble)));
}

fn pursue_to_end(
    source: &Source,
    target: Target,
    index: usize,
    news: &Sender<(usize, News)>,
) -> Result<(), CallError> {
    let mut log = Client::new(target).follow(&log_path(&source.name, source.channel))?;
    let mut bytes = log.take_first();
    loop {
        if !bytes.is_empty() && news.send((index, News::Bytes(std::mem::take(&mut bytes)))).is_err() {
            return Ok(());
        }
        if !log.read(&mut bytes)? {
            let _ = news.send((index, News::Bytes(bytes)));
            return Ok(());
        }
    }
}

/// Takes the whole lines out of what has come; of a line that is too long, what there is.
fn whole_lines(begun: &mut Vec<u8>) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    while let Some(end) = begun.iter().position(|it| *it == b'\n') {
        let mut line: Vec<u8> = begun.drain(..=end).collect();
        line.pop();
        lines.push(line);
    }
    if begun.len() > LINE_BYTES_MAX {
        lines.push(std::mem::take(begun));
    }
    lines
}

fn print(desk: &mut Desk<'_>, source: &Source, width: usize, line: &[u8]) -> Result<(), Trouble> {
    let (tone, bar) = match source.channel {
        Channel::Stdout => (Tone::Good, "|"),
        Channel::Stderr => (Tone::Passing, "!"),
    };
    let prefix = desk.paint.text(tone, &format!("{:width$} {bar}", source.name));
    desk.out.write_all(prefix.as_bytes())?;
    desk.out.write_all(b" ")?;
    desk.out.write_all(line)?;
    if desk.paint == Paint::Colors && line.contains(&b'\x1b') {
        // Its colors are not those of the next line, which may be another's.
        desk.out.write_all(b"\x1b[0m")?;
    }
    desk.out.write_all(b"\n")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_shown_when_it_is_whole() {
        let mut begun = b"one\ntw".to_vec();
        assert_eq!(whole_lines(&mut begun), [b"one".to_vec()]);
        begun.extend_from_slice(b"o\n\n");
        assert_eq!(whole_lines(&mut begun), [b"two".to_vec(), Vec::new()]);
        begun.resize(LINE_BYTES_MAX + 1, b'x');
        assert_eq!(whole_lines(&mut begun).len(), 1, "but not kept without end");
        assert!(begun.is_empty());
    }
}
