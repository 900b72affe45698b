//! Which processes belong to which tree.

use std::collections::HashMap;

/// For each process that belongs to the tree of a root: the pid of that root, which is nearest above it.
///
/// `parents` tells the parent of every process of the machine. A loop in it, which a kernel would never tell, ends
/// where it began.
pub(crate) fn roots_of(parents: &HashMap<u32, u32>, roots: &[u32]) -> HashMap<u32, u32> {
    let mut found: HashMap<u32, Option<u32>> = roots.iter().map(|it| (*it, Some(*it))).collect();
    let mut path = Vec::new();
    for &pid in parents.keys() {
        let mut at = pid;
        let root = loop {
            if let Some(known) = found.get(&at) {
                break *known;
            }
            // Who is on the way to its own root is on no way to another.
            found.insert(at, None);
            path.push(at);
            match parents.get(&at) {
                Some(parent) => at = *parent,
                None => break None,
            }
        };
        for pid in path.drain(..) {
            found.insert(pid, root);
        }
    }
    let there = |pid: &u32| parents.contains_key(pid);
    found.into_iter().filter_map(|(pid, root)| Some((pid, root?))).filter(|(pid, _)| there(pid)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooted(parents: &[(u32, u32)], roots: &[u32]) -> Vec<(u32, u32)> {
        let mut found: Vec<_> = roots_of(&parents.iter().copied().collect(), roots).into_iter().collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn each_belongs_to_the_nearest_root_above_it() {
        let parents = [(1, 0), (10, 1), (11, 10), (12, 11), (20, 12), (21, 20), (30, 1)];
        assert_eq!(rooted(&parents, &[10]), [(10, 10), (11, 10), (12, 10), (20, 10), (21, 10)]);
        assert_eq!(rooted(&parents, &[10, 20]), [(10, 10), (11, 10), (12, 10), (20, 20), (21, 20)]);
        assert_eq!(rooted(&parents, &[99]), [], "a root that is gone");
        assert_eq!(rooted(&parents, &[]), []);
    }

    #[test]
    fn a_loop_ends() {
        assert_eq!(rooted(&[(1, 2), (2, 3), (3, 1)], &[9]), []);
        assert_eq!(rooted(&[(1, 2), (2, 1)], &[2]), [(1, 2), (2, 2)]);
    }
}
