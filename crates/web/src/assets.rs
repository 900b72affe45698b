//! What the pages need beside their HTML, as part of the program.

/// A file of ours, under a name that changes with its content.
#[derive(Debug)]
pub struct Asset {
    name: &'static str,
    /// Where it is served.
    pub path: &'static str,
    /// What it is.
    pub content_type: &'static str,
    /// As it is.
    pub plain: &'static [u8],
    /// As a client that takes gzip gets it.
    pub gzip: &'static [u8],
}

static ASSETS: [Asset; 4] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// What is served at `path`.
pub fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|it| it.path == path)
}

/// Where the file of this name is served.
pub(crate) fn path(name: &str) -> &'static str {
    ASSETS.iter().find(|it| it.name == name).map_or("", |it| it.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_them_together_are_light() {
        // What a page may weigh in all is 100 kB; its HTML has to fit beside these.
        let bytes: usize = ASSETS.iter().map(|it| it.gzip.len()).sum();
        assert!(bytes < 50_000, "{bytes}");
    }

    #[test]
    fn they_ask_for_nothing_that_is_not_ours() {
        for it in &ASSETS {
            let text = std::str::from_utf8(it.plain).unwrap();
            let text = text.replace("http://www.w3.org/2000/svg", "");
            for word in ["http:", "https:", "@import", "eval(", "innerHTML", "{icons", "{menshen"] {
                assert!(!text.contains(word), "{}: {word}", it.name);
            }
            assert!(find(it.path).is_some());
        }
    }
}
