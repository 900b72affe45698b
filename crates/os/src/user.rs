//! Users and groups, through the machine's name services.

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use model::outside::User;

/// The room a look-up gets first, and the most it is ever given.
const ENTRY_BYTES: std::ops::RangeInclusive<usize> = 1024..=1024 * 1024;

/// Calls `look` with a growing buffer until the entry fits; `None` when there is no such entry.
fn with_room<T>(mut look: impl FnMut(&mut [libc::c_char]) -> Result<Option<T>, i32>) -> Option<T> {
    let mut bytes = *ENTRY_BYTES.start();
    while bytes <= *ENTRY_BYTES.end() {
        match look(&mut vec![0; bytes]) {
            Ok(found) => return found,
            Err(libc::ERANGE) => bytes *= 2,
            Err(_) => return None,
        }
    }
    None
}

/// The text a C string of a found entry points to.
fn text(pointer: *const libc::c_char) -> CString {
    if pointer.is_null() {
        return CString::default();
    }
    // SAFETY: the look-up that filled the entry in points its members at NUL-terminated text in
    // the buffer, which lives until the copy below is made.
    unsafe { CStr::from_ptr(pointer) }.to_owned()
}

fn user_of(entry: &libc::passwd) -> User {
    User {
        uid: entry.pw_uid,
        gid: entry.pw_gid,
        name: text(entry.pw_name).to_string_lossy().into_owned(),
        home: PathBuf::from(std::ffi::OsStr::from_bytes(text(entry.pw_dir).as_bytes())),
    }
}

/// One of the two `getpw..._r`, with its key bound.
type PasswdLookUp<'a> =
    &'a dyn Fn(*mut libc::passwd, *mut libc::c_char, usize, *mut *mut libc::passwd) -> libc::c_int;

fn user_by(look: PasswdLookUp<'_>) -> Option<User> {
    with_room(|room| {
        let mut entry = std::mem::MaybeUninit::<libc::passwd>::zeroed();
        let mut found = std::ptr::null_mut();
        match look(entry.as_mut_ptr(), room.as_mut_ptr(), room.len(), &raw mut found) {
            0 if found.is_null() => Ok(None),
            // SAFETY: the look-up succeeded and has filled the entry in.
            0 => Ok(Some(user_of(unsafe { entry.assume_init_ref() }))),
            errno => Err(errno),
        }
    })
}

/// The user with this name.
pub fn named(name: &str) -> Option<User> {
    let name = CString::new(name).ok()?;
    user_by(&|entry, room, bytes, found| {
        // SAFETY: the name is NUL-terminated; entry, room and found are live for the call, and
        // `bytes` is the length of the room.
        unsafe { libc::getpwnam_r(name.as_ptr(), entry, room, bytes, found) }
    })
}

/// The user with this number.
pub fn numbered(uid: u32) -> Option<User> {
    user_by(&|entry, room, bytes, found| {
        // SAFETY: entry, room and found are live for the call, and `bytes` is the room's length.
        unsafe { libc::getpwuid_r(uid, entry, room, bytes, found) }
    })
}

/// One of the two `getgr..._r`, with its key bound.
type GroupLookUp<'a> =
    &'a dyn Fn(*mut libc::group, *mut libc::c_char, usize, *mut *mut libc::group) -> libc::c_int;

fn group_by(look: GroupLookUp<'_>) -> Option<u32> {
    with_room(|room| {
        let mut entry = std::mem::MaybeUninit::<libc::group>::zeroed();
        let mut found = std::ptr::null_mut();
        match look(entry.as_mut_ptr(), room.as_mut_ptr(), room.len(), &raw mut found) {
            0 if found.is_null() => Ok(None),
            // SAFETY: the look-up succeeded and has filled the entry in.
            0 => Ok(Some(unsafe { entry.assume_init_ref() }.gr_gid)),
            errno => Err(errno),
        }
    })
}

/// The number of the group with this name.
pub fn group_named(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    group_by(&|entry, room, bytes, found| {
        // SAFETY: the name is NUL-terminated; entry, room and found are live for the call, and
        // `bytes` is the length of the room.
        unsafe { libc::getgrnam_r(name.as_ptr(), entry, room, bytes, found) }
    })
}

/// Whether there is a group with this number.
pub fn group_exists(gid: u32) -> bool {
    group_by(&|entry, room, bytes, found| {
        // SAFETY: entry, room and found are live for the call, and `bytes` is the room's length.
        unsafe { libc::getgrgid_r(gid, entry, room, bytes, found) }
    })
    .is_some()
}

/// The groups of a user: the primary one and all that list it as a member.
pub fn groups_of(user: &User) -> Vec<u32> {
    let Ok(name) = CString::new(user.name.as_str()) else {
        return vec![user.gid];
    };
    let mut groups = vec![0; 64];
    loop {
        let mut count = libc::c_int::try_from(groups.len()).unwrap_or(libc::c_int::MAX);
        // SAFETY: the name is NUL-terminated, and `count` is the length of the live list.
        let fits =
            unsafe { libc::getgrouplist(name.as_ptr(), user.gid, groups.as_mut_ptr(), &raw mut count) };
        let count = usize::try_from(count).unwrap_or(0);
        if fits >= 0 {
            groups.truncate(count);
            return groups;
        }
        if count <= groups.len() {
            return vec![user.gid]; // It does not fit and does not say why.
        }
        groups.resize(count, 0);
    }
}

/// The user this process runs as.
pub fn own_uid() -> u32 {
    rustix::process::getuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_known_by_name_and_by_number() {
        let root = named("root").unwrap();
        assert_eq!((root.uid, root.gid), (0, 0));
        assert_eq!(numbered(0).unwrap(), root);
        assert!(groups_of(&root).contains(&0));
    }

    #[test]
    fn nobody_has_an_impossible_name() {
        assert_eq!(named("no such user"), None);
        assert_eq!(named("a\0b"), None);
        assert_eq!(group_named("no such group"), None);
    }
}
