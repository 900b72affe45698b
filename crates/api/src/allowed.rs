//! Who may have what.

use model::audit::Asker;
use model::fault::{Fault, FaultCode};
use model::role::Role;

/// Whether who asks for something has the role it needs: nothing else compares the two.
///
/// # Errors
/// Which role is needed, and which is there.
pub fn check(what: &str, needed: Role, asker: &Asker) -> Result<(), Fault> {
    if asker.role >= needed {
        return Ok(());
    }
    let reason = format!("{what} needs the role {needed}, and {} has the role {}", asker.who, asker.role);
    Err(Fault::about(FaultCode::Forbidden, reason))
}
