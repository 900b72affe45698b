//! A disk that is full at once.

use std::path::PathBuf;
use std::process::Command;

/// A file system in memory, of 64 KiB unless said otherwise, gone when dropped.
#[derive(Debug)]
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one at `path`, if this user may.
    pub fn mounted(path: PathBuf) -> Option<Self> {
        Self::of(path, "64k")
    }

    /// The same, of a size in tmpfs's words: `4m`.
    pub fn of(path: PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir(&path).expect("cannot make the mount point");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(&path)
            .status();
        mount.is_ok_and(|status| status.success()).then_some(Self(path))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever still writes there is stopped a moment later.
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}
