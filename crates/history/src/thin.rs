//! Few points of many: figures grow coarser as they grow old.

use std::collections::BTreeMap;

use model::past::{MEASURES_MAX, Merge, Point, Values, measures};

use crate::pack::Layout;

/// How fine points are, and how long they are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level {
    /// How many seconds a point stands for.
    pub(crate) seconds: i64,
    /// How long it is kept, in seconds.
    pub(crate) keep_seconds: i64,
    /// How many seconds the points of one row of the database are of; less than 255 points.
    pub(crate) block_seconds: i64,
    /// How many points a row has room for from the beginning: as many as it will have.
    pub(crate) block_points: usize,
    /// How they stand in it: those of the finest are taken when the user wants it, all others in every place.
    pub(crate) layout: Layout,
}

/// As taken for an hour, minutes for a day, ten minutes for thirty days.
pub(crate) const LEVELS: [Level; 3] = [
    Level { seconds: 1, keep_seconds: 3600, block_seconds: 240, block_points: 48, layout: Layout::Placed },
    Level { seconds: 60, keep_seconds: 86_400, block_seconds: 3600, block_points: 60, layout: Layout::Full },
    Level {
        seconds: 600,
        keep_seconds: 30 * 86_400,
        block_seconds: 12 * 3600,
        block_points: 72,
        layout: Layout::Full,
    },
];

impl Level {
    /// The beginning of the row a moment belongs to.
    pub(crate) const fn block(&self, at: i64) -> i64 {
        at.div_euclid(self.block_seconds) * self.block_seconds
    }
}

/// The finest level that reaches back so many seconds.
pub(crate) fn level_of_age(seconds: i64) -> usize {
    // A little more, since who asks for an hour asks a moment later than it has begun.
    let reaches = |it: &Level| seconds <= it.keep_seconds + it.block_seconds / 2;
    LEVELS.iter().position(reaches).unwrap_or(LEVELS.len() - 1)
}

/// Several points on their way to be one.
#[derive(Debug, Clone, Copy)]
struct Sum {
    at: i64,
    counts: [u64; MEASURES_MAX],
    sums: [u64; MEASURES_MAX],
}

impl Sum {
    const fn new(at: i64) -> Self {
        Self { at, counts: [0; MEASURES_MAX], sums: [0; MEASURES_MAX] }
    }

    fn add(&mut self, subject: &str, values: &Values) {
        let places = self.counts.iter_mut().zip(&mut self.sums).zip(values);
        for (((count, sum), value), measure) in places.zip(measures(subject)) {
            let Some(value) = *value else { continue };
            *count += 1;
            *sum = match measure.merge {
                Merge::Mean => sum.saturating_add(value),
                Merge::Most => (*sum).max(value),
            };
        }
    }

    fn point(&self, subject: &str, seconds: i64) -> Point {
        let mut values = Values::default();
        let sums = self.counts.iter().zip(&self.sums).zip(&mut values);
        for (((count, sum), value), measure) in sums.zip(measures(subject)) {
            *value = match measure.merge {
                Merge::Mean => sum.checked_div(*count),
                Merge::Most => (*count > 0).then_some(*sum),
            };
        }
        Point { at: self.at, seconds, values }
    }
}

/// What is known of one stretch of time, as one.
pub(crate) fn merged(subject: &str, known: &[Values]) -> Values {
    let mut sum = Sum::new(0);
    for it in known {
        sum.add(subject, it);
    }
    sum.point(subject, 0).values
}

/// Makes points of the coarser levels as those of the finest come in.
#[derive(Debug, Default)]
pub(crate) struct Thinner {
    /// For each subject, what is unfinished at each level but the first.
    open: BTreeMap<String, [Option<Sum>; LEVELS.len() - 1]>,
}

impl Thinner {
    /// Takes values of a moment; tells the points this was the end of, and their levels.
    pub(crate) fn take(&mut self, subject: &str, at: i64, values: &Values) -> Vec<(usize, Point)> {
        if !self.open.contains_key(subject) {
            self.open.insert(subject.to_owned(), Default::default());
        }
        let mut done = Vec::new();
        let Some(open) = self.open.get_mut(subject) else { return done };
        for (index, (sum, level)) in open.iter_mut().zip(LEVELS.iter().skip(1)).enumerate() {
            let begins = at.div_euclid(level.seconds) * level.seconds;
            if let Some(it) = sum.take_if(|it| it.at != begins) {
                done.push((index + 1, it.point(subject, level.seconds)));
            }
            sum.get_or_insert(Sum::new(begins)).add(subject, values);
        }
        done
    }

    /// What is over at this moment because nothing has come any more; all of it for `None`.
    pub(crate) fn close(&mut self, now: Option<i64>) -> Vec<(usize, String, Point)> {
        let mut done = Vec::new();
        for (subject, open) in &mut self.open {
            for (index, (sum, level)) in open.iter_mut().zip(LEVELS.iter().skip(1)).enumerate() {
                let is_over = |it: &mut Sum| now.is_none_or(|now| it.at + level.seconds <= now);
                if let Some(it) = sum.take_if(is_over) {
                    done.push((index + 1, subject.clone(), it.point(subject, level.seconds)));
                }
            }
        }
        self.open.retain(|_, open| open.iter().any(Option::is_some));
        done
    }

    /// What is known so far of the point that is unfinished.
    pub(crate) fn unfinished(&self, subject: &str, level: usize) -> Option<Point> {
        let sum = self.open.get(subject)?.get(level.checked_sub(1)?)?.as_ref()?;
        Some(sum.point(subject, LEVELS.get(level)?.seconds))
    }

    /// How many subjects there are.
    pub(crate) fn subjects(&self) -> usize {
        self.open.len()
    }
}

/// Makes `most` points at most of those between `since` and `until`, which are sorted.
pub(crate) fn fewer(subject: &str, points: Vec<Point>, since: i64, until: i64, most: usize) -> Vec<Point> {
    let span = (until - since).max(1);
    let finest = points.iter().map(|it| it.seconds).min().unwrap_or(1);
    if points.len() <= most {
        return points;
    }
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    // The first and the last may be cut off by the ends.
    let wide = (span / (most - 1).max(1) / finest + 1) * finest;
    let mut few: Vec<Sum> = Vec::new();
    for point in points {
        let begins = point.at.div_euclid(wide) * wide;
        if few.last().is_none_or(|it| it.at != begins) {
            few.push(Sum::new(begins));
        }
        if let Some(sum) = few.last_mut() {
            sum.add(subject, &point.values);
        }
    }
    few.iter().map(|it| it.point(subject, wide)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(cpu: u64, memory: Option<u64>) -> Values {
        let mut values = Values::default();
        values[..3].copy_from_slice(&[Some(cpu), Some(cpu), memory]);
        values
    }

    #[test]
    fn points_of_one_minute_become_one() {
        let mut thinner = Thinner::default();
        for (at, cpu, memory) in [(600, 10, Some(100)), (605, 30, None), (655, 20, Some(200))] {
            assert_eq!(thinner.take("a", at, &values(cpu, memory)), []);
        }
        assert_eq!(thinner.take("b", 600, &values(7, None)), [], "each by itself");
        let done = thinner.take("a", 660, &values(0, None));
        let mut wanted = values(20, Some(200));
        wanted[1] = Some(30);
        assert_eq!(done, [(1, Point { at: 600, seconds: 60, values: wanted })]);
        let unfinished = thinner.unfinished("a", 2).unwrap();
        assert_eq!((unfinished.at, unfinished.values[0]), (600, Some(15)));
        assert_eq!(thinner.close(Some(700)).len(), 1, "of b there is nothing more in this minute");
        assert_eq!(thinner.close(None).len(), 3);
        assert_eq!(thinner.subjects(), 0);
    }

    #[test]
    fn many_points_become_few_and_few_stay() {
        let points: Vec<_> =
            (0..100).map(|at| Point { at: at * 60, seconds: 60, values: values(10, None) }).collect();
        assert_eq!(fewer("a", points.clone(), 0, 6000, 100), points);
        let few = fewer("a", points, 0, 6000, 11);
        assert_eq!(few.len(), 10);
        assert_eq!((few[1].at, few[1].seconds, few[1].values[0]), (660, 660, Some(10)));
        assert_eq!(fewer("a", vec![], 0, 0, 0), []);
    }

    #[test]
    fn the_finest_level_that_reaches_back_is_taken() {
        for (age, level) in [(0, 0), (3605, 0), (7200, 1), (86_405, 1), (100_000, 2), (1 << 40, 2)] {
            assert_eq!(level_of_age(age), level, "{age}");
        }
        for it in LEVELS {
            let places = it.block_seconds / it.seconds;
            assert!(places < 255);
            assert_eq!(it.layout == Layout::Full, places == i64::try_from(it.block_points).unwrap());
        }
    }
}
