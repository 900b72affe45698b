//! `passwd` and `token`: secrets, and the lines by which a configuration knows them. What is to be kept goes to
//! standard output, so that it can be added to a file; words for people go to standard error.

use std::io::{self, IsTerminal};

use gate::password::{Hashed, PASSWORD_BYTES_MAX};
use gate::token;
use model::role::Role;
use rustix::rand::{GetRandomFlags, getrandom};

use crate::input::{Input, Lines, Plain, Typed};
use crate::verbs::{DONE, Streams, Trouble};

/// `passwd`: asks for a password, twice where a person types it, and prints what to write.
pub(crate) fn passwd(name: Option<&str>, role: Role, streams: &mut Streams<'_>) -> Result<u8, Trouble> {
    let mut input = Plain::new(Lines::of_stdin()?);
    let password = ask(&mut input, "Password: ", streams)?;
    if password.is_empty() {
        return Err(Trouble::Usage("an empty password would let everyone in".to_owned()));
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(Trouble::Usage(format!("a password has at most {PASSWORD_BYTES_MAX} bytes")));
    }
    if io::stdin().is_terminal() && ask(&mut input, "Once more: ", streams)? != password {
        return Err(Trouble::Usage("these are two passwords".to_owned()));
    }
    let hashed = Hashed::new(&password, random()?);
    if let Some(name) = name {
        writeln!(streams.out, "[user:{name}]\nrole={role}")?;
    }
    writeln!(streams.out, "password={hashed}")?;
    Ok(DONE)
}

fn ask(input: &mut Plain, prompt: &str, streams: &mut Streams<'_>) -> Result<String, Trouble> {
    let prompt = if io::stdin().is_terminal() { prompt } else { "" };
    match input.secret(prompt, streams.err)? {
        Typed::Line(line) => Ok(line),
        Typed::End => Ok(String::new()),
        Typed::Interrupted => Err(Trouble::Interrupted),
    }
}

/// `token`: makes a token and prints it, and what to write.
pub(crate) fn token(streams: &mut Streams<'_>) -> Result<u8, Trouble> {
    let token = token::fresh(random()?);
    writeln!(streams.err, "The token, for the program that will use it; it is shown this once:")?;
    writeln!(streams.out, "{token}")?;
    writeln!(streams.err, "The line for its [user:name]:")?;
    writeln!(streams.out, "token={}", token::kept(&token))?;
    Ok(DONE)
}

/// What nobody can guess.
fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    if getrandom(&mut bytes, GetRandomFlags::empty())? < N {
        return Err(io::Error::other("the kernel gives too few random bytes"));
    }
    Ok(bytes)
}
