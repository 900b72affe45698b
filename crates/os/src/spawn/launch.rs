//! The memory of children on their way to their program: they share ours, and need a stack and what they read to stay
//! until they have their own.

use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, Ordering};

use super::child::Prepared;

/// The stack of a child on its way: some system calls deep, of which the deepest writes a few lines.
const STACK_BYTES: usize = 64 * 1024;

/// What lies below it and cannot be touched, so that a child that went too deep would end instead of writing elsewhere.
const GUARD_BYTES: usize = 4096;

/// How many launches are kept for the next children. There are more only while many children wait for a processor.
const KEPT_MAX: usize = 16;

/// One child on its way.
#[derive(Debug)]
pub(super) struct Launch {
    stack: Stack,
    /// The child's number while it shares this memory. The kernel clears it when it no longer does, because it has
    /// become its program or has ended (`set_tid_address(2)`).
    sharing: AtomicI32,
    prepared: Option<Prepared>,
}

impl Launch {
    fn new() -> io::Result<Box<Self>> {
        Ok(Box::new(Self { stack: Stack::new()?, sharing: AtomicI32::new(0), prepared: None }))
    }

    /// Where the stack begins: at its upper end.
    pub(super) const fn stack_top(&self) -> *mut libc::c_void {
        self.stack.0.as_ptr().wrapping_byte_add(GUARD_BYTES + STACK_BYTES)
    }

    pub(super) const fn sharing(&self) -> &AtomicI32 {
        &self.sharing
    }

    pub(super) const fn prepared(&self) -> Option<&Prepared> {
        self.prepared.as_ref()
    }

    fn is_over(&self) -> bool {
        self.sharing.load(Ordering::Acquire) == 0
    }
}

/// All children on their way, and room for the next.
///
/// A child that waits for a file system keeps its launch for as long as that takes. Nobody else does.
#[derive(Debug, Default)]
#[expect(clippy::vec_box, reason = "a child knows where its launch is, which must not move with the list")]
pub(super) struct Launches {
    free: Vec<Box<Launch>>,
    busy: Vec<Box<Launch>>,
}

impl Launches {
    /// Room for a child.
    pub(super) fn claim(&mut self, prepared: Prepared) -> io::Result<Box<Launch>> {
        if self.free.is_empty() {
            self.sweep();
        }
        let mut launch = self.free.pop().map_or_else(Launch::new, Ok)?;
        launch.prepared = Some(prepared);
        Ok(launch)
    }

    /// Takes back the room of a child that was made, or was not.
    pub(super) fn keep(&mut self, launch: Box<Launch>) {
        self.busy.push(launch);
    }

    /// Whether no child is on its way.
    pub(super) fn are_over(&mut self) -> bool {
        self.sweep();
        self.busy.is_empty()
    }

    /// Finds the launches whose children have left.
    fn sweep(&mut self) {
        let mut at = 0;
        while let Some(launch) = self.busy.get_mut(at) {
            if launch.is_over() {
                launch.prepared = None;
                let launch = self.busy.swap_remove(at);
                if self.free.len() < KEPT_MAX {
                    self.free.push(launch);
                }
            } else {
                at = at.saturating_add(1);
            }
        }
    }
}

impl Drop for Launches {
    fn drop(&mut self) {
        self.sweep();
        // Those children still use it, and nobody will know when they no longer do.
        std::mem::forget(std::mem::take(&mut self.busy));
    }
}

/// Memory of its own.
#[derive(Debug)]
struct Stack(NonNull<libc::c_void>);

impl Stack {
    fn new() -> io::Result<Self> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK;
        let size = GUARD_BYTES + STACK_BYTES;
        // SAFETY: asks for new memory wherever there is room, so that no other mapping is touched.
        let memory = unsafe { libc::mmap(std::ptr::null_mut(), size, protection, flags, -1, 0) };
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let stack = Self(NonNull::new(memory).ok_or(io::ErrorKind::OutOfMemory)?);
        // SAFETY: the first bytes of the mapping that was just made, which nobody uses.
        if unsafe { libc::mprotect(memory, GUARD_BYTES, libc::PROT_NONE) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(stack)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: this is the mapping `new` made, with its size, and no child uses it any more.
        unsafe { libc::munmap(self.0.as_ptr(), GUARD_BYTES + STACK_BYTES) };
    }
}
