//! Prints the description of the JSON interface: `docs/openapi.json`.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    io::stdout().write_all(api::openapi::document().as_bytes())
}
