//! Prints every method of the table: `docs/methods.txt` is made of this.
#![expect(clippy::print_stdout, reason = "to print is all it does")]

use api::method::{ENTRIES, EXTENSIONS, Entry};

fn main() {
    println!("The methods of the XML-RPC interface, in the words of system.methodHelp.");
    println!("\n\nWhat Supervisor has\n===================\n");
    ENTRIES.iter().for_each(print);
    println!("\nWhat only Menshen has (system.listMethods leaves these out, menshen.listMethods tells them)");
    println!("===========================================================================================\n");
    EXTENSIONS.iter().for_each(print);
}

fn print(entry: &Entry) {
    let required = entry.params.len() - entry.optional;
    let names = entry
        .params
        .iter()
        .enumerate()
        .map(|(at, (_, name, _))| if at < required { (*name).to_owned() } else { format!("[{name}]") });
    println!("{}({})    role: {}", entry.name, names.collect::<Vec<_>>().join(", "), entry.role);
    for line in entry.documentation().lines() {
        println!("{}", format!("    {line}").trim_end());
    }
    println!();
}
