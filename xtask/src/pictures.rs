//! The pictures in README, taken anew of pages as they are today.

use std::fs;

use anyhow::{Context, Result};

use crate::{place, provision};

/// How long the lines beside the names are on a picture, in looks at what is used, a second each.
const POINTS: &str = "50";

/// The pictures that the tests of the pages take for README, and what they are called there.
const PICTURES: [(&str, &str); 2] =
    [("readme-overview.png", "overview.png"), ("readme-process.png", "process.png")];

/// Takes them, and puts them into docs/.
pub(crate) fn take() -> Result<()> {
    provision::browser()?;
    place::run(&mut place::cargo(&["build", "--package", "menshen"]))?;
    let words = ["test", "--package", "e2e", "--test", "browser", "pictures_of_all_pages_are_taken"];
    place::run(place::cargo(&words).env("MENSHEN_PICTURE_POINTS", POINTS))?;
    for (taken, kept) in PICTURES {
        let from = place::target().join("screenshots").join(taken);
        let to = place::root().join("docs").join(kept);
        fs::copy(&from, &to)
            .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    }
    Ok(())
}
