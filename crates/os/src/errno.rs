//! The kernel's errors: their names and what they mean.

use std::ffi::CStr;

/// The names Python's `errno.errorcode` gives on Linux (x86 and ARM share the numbers), because
/// they are what Supervisor's messages print. Of two names for one number it knows the later, hence
/// `EDEADLOCK` and `ENOTSUP`.
#[rustfmt::skip]
const NAMES: [(i32, &str); 130] = [
    (1, "EPERM"),
    (2, "ENOENT"),
    (3, "ESRCH"),
    (4, "EINTR"),
    (5, "EIO"),
    (6, "ENXIO"),
    (7, "E2BIG"),
    (8, "ENOEXEC"),
    (9, "EBADF"),
    (10, "ECHILD"),
    (11, "EAGAIN"),
    (12, "ENOMEM"),
    (13, "EACCES"),
    (14, "EFAULT"),
    (15, "ENOTBLK"),
    (16, "EBUSY"),
    (17, "EEXIST"),
    (18, "EXDEV"),
    (19, "ENODEV"),
    (20, "ENOTDIR"),
    (21, "EISDIR"),
    (22, "EINVAL"),
    (23, "ENFILE"),
    (24, "EMFILE"),
    (25, "ENOTTY"),
    (26, "ETXTBSY"),
    (27, "EFBIG"),
    (28, "ENOSPC"),
    (29, "ESPIPE"),
    (30, "EROFS"),
    (31, "EMLINK"),
    (32, "EPIPE"),
    (33, "EDOM"),
    (34, "ERANGE"),
    (35, "EDEADLOCK"),
    (36, "ENAMETOOLONG"),
    (37, "ENOLCK"),
    (38, "ENOSYS"),
    (39, "ENOTEMPTY"),
    (40, "ELOOP"),
    (42, "ENOMSG"),
    (43, "EIDRM"),
    (44, "ECHRNG"),
    (45, "EL2NSYNC"),
    (46, "EL3HLT"),
    (47, "EL3RST"),
    (48, "ELNRNG"),
    (49, "EUNATCH"),
    (50, "ENOCSI"),
    (51, "EL2HLT"),
    (52, "EBADE"),
    (53, "EBADR"),
    (54, "EXFULL"),
    (55, "ENOANO"),
    (56, "EBADRQC"),
    (57, "EBADSLT"),
    (59, "EBFONT"),
    (60, "ENOSTR"),
    (61, "ENODATA"),
    (62, "ETIME"),
    (63, "ENOSR"),
    (64, "ENONET"),
    (65, "ENOPKG"),
    (66, "EREMOTE"),
    (67, "ENOLINK"),
    (68, "EADV"),
    (69, "ESRMNT"),
    (70, "ECOMM"),
    (71, "EPROTO"),
    (72, "EMULTIHOP"),
    (73, "EDOTDOT"),
    (74, "EBADMSG"),
    (75, "EOVERFLOW"),
    (76, "ENOTUNIQ"),
    (77, "EBADFD"),
    (78, "EREMCHG"),
    (79, "ELIBACC"),
    (80, "ELIBBAD"),
    (81, "ELIBSCN"),
    (82, "ELIBMAX"),
    (83, "ELIBEXEC"),
    (84, "EILSEQ"),
    (85, "ERESTART"),
    (86, "ESTRPIPE"),
    (87, "EUSERS"),
    (88, "ENOTSOCK"),
    (89, "EDESTADDRREQ"),
    (90, "EMSGSIZE"),
    (91, "EPROTOTYPE"),
    (92, "ENOPROTOOPT"),
    (93, "EPROTONOSUPPORT"),
    (94, "ESOCKTNOSUPPORT"),
    (95, "ENOTSUP"),
    (96, "EPFNOSUPPORT"),
    (97, "EAFNOSUPPORT"),
    (98, "EADDRINUSE"),
    (99, "EADDRNOTAVAIL"),
    (100, "ENETDOWN"),
    (101, "ENETUNREACH"),
    (102, "ENETRESET"),
    (103, "ECONNABORTED"),
    (104, "ECONNRESET"),
    (105, "ENOBUFS"),
    (106, "EISCONN"),
    (107, "ENOTCONN"),
    (108, "ESHUTDOWN"),
    (109, "ETOOMANYREFS"),
    (110, "ETIMEDOUT"),
    (111, "ECONNREFUSED"),
    (112, "EHOSTDOWN"),
    (113, "EHOSTUNREACH"),
    (114, "EALREADY"),
    (115, "EINPROGRESS"),
    (116, "ESTALE"),
    (117, "EUCLEAN"),
    (118, "ENOTNAM"),
    (119, "ENAVAIL"),
    (120, "EISNAM"),
    (121, "EREMOTEIO"),
    (122, "EDQUOT"),
    (123, "ENOMEDIUM"),
    (124, "EMEDIUMTYPE"),
    (125, "ECANCELED"),
    (126, "ENOKEY"),
    (127, "EKEYEXPIRED"),
    (128, "EKEYREVOKED"),
    (129, "EKEYREJECTED"),
    (130, "EOWNERDEAD"),
    (131, "ENOTRECOVERABLE"),
    (132, "ERFKILL"),
];

/// Not permitted; of a system call as such: refused by a filter.
pub const EPERM: i32 = libc::EPERM;
/// The kernel has no such call.
pub const ENOSYS: i32 = libc::ENOSYS;
/// No such process.
pub const ESRCH: i32 = libc::ESRCH;
/// No such file or directory.
pub const ENOENT: i32 = libc::ENOENT;
/// No program.
pub const ENOEXEC: i32 = libc::ENOEXEC;
/// Try again; from `fork`: no process left.
pub const EAGAIN: i32 = libc::EAGAIN;
/// Something is in use.
pub const EBUSY: i32 = libc::EBUSY;
/// An argument makes no sense.
pub const EINVAL: i32 = libc::EINVAL;
/// This process has no descriptor left.
pub const EMFILE: i32 = libc::EMFILE;
/// The machine has no descriptor left.
pub const ENFILE: i32 = libc::ENFILE;
/// The machine has no memory left.
pub const ENOMEM: i32 = libc::ENOMEM;
/// The machine has no buffer left.
pub const ENOBUFS: i32 = libc::ENOBUFS;
/// Too many descriptors are on their way between processes.
pub const ETOOMANYREFS: i32 = libc::ETOOMANYREFS;

/// The name of an error, for example `ENOENT`. Allocates nothing, so that it may be called between
/// fork and exec.
pub fn known_name(errno: i32) -> Option<&'static str> {
    NAMES.iter().find(|(number, _)| *number == errno).map(|(_, name)| *name)
}

/// The name of an error, or its number where it has none.
pub fn name(errno: i32) -> String {
    known_name(errno).map_or_else(|| errno.to_string(), str::to_owned)
}

/// What an error means, for example `No such file or directory`.
pub fn text(errno: i32) -> String {
    let mut room: [libc::c_char; 256] = [0; 256];
    // SAFETY: the pointer and the length describe one live buffer, into which the call writes text
    // that it ends with a NUL.
    let failed = unsafe { libc::strerror_r(errno, room.as_mut_ptr(), room.len()) };
    if failed != 0 {
        return format!("Unknown error {errno}");
    }
    // SAFETY: the call succeeded, so there is a NUL within the buffer, which outlives the borrow.
    unsafe { CStr::from_ptr(room.as_ptr()) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_names_the_original_prints() {
        let cases = [
            (libc::ENOENT, "ENOENT"),
            (libc::EACCES, "EACCES"),
            (libc::ENOEXEC, "ENOEXEC"),
            (libc::EAGAIN, "EAGAIN"),
            (libc::EDEADLK, "EDEADLOCK"),
            (libc::EOPNOTSUPP, "ENOTSUP"),
            (4242, "4242"),
            (0, "0"),
            (i32::MIN, "-2147483648"),
        ];
        for (number, said) in cases {
            assert_eq!(name(number), said);
        }
        assert!(NAMES.is_sorted_by(|one, next| one.0 < next.0));
    }

    #[test]
    fn errors_have_a_meaning() {
        assert_eq!(text(ESRCH), "No such process");
        assert_eq!(text(4242), "Unknown error 4242");
    }
}
