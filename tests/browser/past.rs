//! A month that never was: figures and happenings of a process and of the machine, written as docs/history.md
//! says they are kept.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, params};

/// The seconds of a point, of all that is kept of them, and of a row.
const LEVELS: [(i64, i64, i64); 3] = [(1, 3600, 240), (60, 86_400, 3600), (600, 29 * 86_400, 43_200)];

/// Writes it into a history that is there, as that of the process `name`.
pub(crate) fn write(path: &Path, name: &str) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs();
    let now = i64::try_from(now).expect("it is not that late");
    let mut history = Connection::open(path).expect("the history is there");
    let history = history.transaction().expect("nobody else writes");
    for subject in [name, ""] {
        history
            .execute("INSERT OR IGNORE INTO subjects (name) VALUES (?1)", [subject])
            .expect("there is room");
        for (seconds, keep, row) in LEVELS {
            let step = seconds.max(5);
            let mut at = (now - keep).div_euclid(step) * step;
            while at < now - step {
                let block = at.div_euclid(row) * row;
                let mut points = Vec::new();
                while at < now - step && at < block + row {
                    let point = if subject.is_empty() { point_of_machine(at) } else { point_of_process(at) };
                    let place =
                        usize::try_from((at - block) / seconds).expect("a row begins with its first point");
                    if seconds == 1 {
                        points.push(u8::try_from(place).expect("a row has less than 255 points"));
                    } else {
                        points.resize(place * point.len(), 0xff);
                    }
                    points.extend(point);
                    at += step;
                }
                let figures =
                    "INSERT OR REPLACE INTO figures SELECT ?1, ?2, id, ?3 FROM subjects WHERE name = ?4";
                history.execute(figures, params![seconds, block, points, subject]).expect("there is room");
            }
        }
    }
    for day in (1..28).rev() {
        let at = now - day * 86_400 + 50_000;
        let end = r#"{"cause":"unexpected","code":9,"description":"exit status 9","peak_bytes":94371840,"cpu_seconds":12.5,
            "out_of_memory":false,"last_lines":["<b>it is over</b>","KeyError: 'door'"]}"#;
        let back = at + 900;
        for (at, kind, text, details) in [
            (at, "exit", "exit status 9", end),
            (at, "state", "EXITED", r#"{"from":"RUNNING","to":"EXITED","pid":7}"#),
            (back, "start", "STARTING", r#"{"from":"EXITED","to":"STARTING"}"#),
            (back, "state", "RUNNING", r#"{"from":"STARTING","to":"RUNNING","pid":7}"#),
        ] {
            let row = params![at * 1_000_000, name, kind, text, details];
            let happening =
                "INSERT INTO happenings (at, name, kind, text, details) VALUES (?1, ?2, ?3, ?4, ?5)";
            history.execute(happening, row).expect("there is room");
        }
    }
    history.commit().expect("the disk is not full");
}

/// Numbers of three digits. Those below 128 are written as they are, others with seven bits after the first.
fn wide(numbers: &[i64]) -> String {
    let number = |it: &i64| {
        let exponent = (0..32).find(|exponent| it >> exponent < 256).expect("none is so large");
        let number = if *it < 128 { *it } else { ((exponent + 1) << 7) + (it >> exponent) - 128 };
        format!("{number:03x}")
    };
    numbers.iter().map(number).collect()
}

fn bytes(digits: &str) -> Vec<u8> {
    let pair = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("these are digits");
    (0..digits.len()).step_by(2).map(pair).collect()
}

/// How much there is to do at a moment, of a hundred: little at night, and never quite the same.
fn load(at: i64) -> i64 {
    let minute = at / 60 % 1440;
    // A parabola over the day is as good as a wave, and needs no fractions.
    let day = 100 - (minute - 720) * (minute - 720) / 5900;
    let noise = (at / 5 * 7919 + at / 60 * 104_729) % 13;
    day.max(12) - noise.abs().min(11)
}

fn point_of_process(at: i64) -> Vec<u8> {
    let load = load(at);
    let peak = load * 3 + load * (at / 60 * 7919 % 7) / 3;
    bytes(&format!(
        "{}0c0e",
        wide(&[
            load * 3,
            peak,
            90_000 + load * 400,
            70_000 + load * 400,
            100 + load * 6,
            200 + load * (at / 60 * 7919 % 11)
        ])
    ))
}

fn point_of_machine(at: i64) -> Vec<u8> {
    let load = load(at);
    bytes(&format!(
        "{}f",
        wide(&[load * 5, load * 6, load * 2, 2_000_000 + load * 9000, 0, 100, 200, 300, 400])
    ))
}
