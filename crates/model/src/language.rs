//! The languages that people are spoken to in.

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Chinese, in simplified characters.
    Chinese,
}

impl Language {
    /// Every one, as a reader can choose it.
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// Its tag (BCP 47).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-Hans",
        }
    }

    /// The name its speakers give it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Chinese => "中文",
        }
    }

    /// The language with this tag.
    pub fn of_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.tag() == tag)
    }

    /// The first of ours that a reader accepts, as `Accept-Language` says it. Its weights are ignored:
    /// browsers send them in descending order.
    pub fn accepted(header: &str) -> Self {
        let mut wanted = header.split(',').map(|it| it.trim().to_ascii_lowercase());
        let known = wanted.find_map(|it| match it.get(..2) {
            Some("zh") => Some(Self::Chinese),
            Some("en") => Some(Self::English),
            Some(_) | None => None,
        });
        known.unwrap_or_default()
    }

    /// What stands between two sentences.
    pub const fn gap(self) -> &'static str {
        match self {
            Self::English => " ",
            Self::Chinese => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_language_of_a_reader_is_taken() {
        let cases = [
            ("", Language::English),
            ("de-DE,de;q=0.9", Language::English),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Chinese),
            ("fr, ZH;q=0.5", Language::Chinese),
            ("en-GB,zh", Language::English),
            ("中", Language::English),
        ];
        for (header, wanted) in cases {
            assert_eq!(Language::accepted(header), wanted, "{header}");
        }
    }

    #[test]
    fn a_tag_leads_back_to_its_language() {
        for it in Language::ALL {
            assert_eq!(Language::of_tag(it.tag()), Some(it));
        }
        assert_eq!(Language::of_tag("xx"), None);
    }
}
