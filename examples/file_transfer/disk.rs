//! Files on the disk of either side.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use farcall::Marshal;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

/// The SHA-256 of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Marshal)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    /// Of what the disk says that the file has, as far as the system lets one ask.
    pub(crate) fn of_file(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        forget_cached(&file);
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(Self(hash.finalize().into())),
                Ok(count) => hash.update(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Has the system read from the disk what it would otherwise know from memory: a file that was just written. It is
/// a hint. Without it a bad disk is found out later, by others.
fn forget_cached(file: &File) {
    #[cfg(target_os = "linux")]
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// Whether a name is that of a file and no way to another folder, on any system. Names that begin with a dot are
/// those of files that are not complete.
pub(crate) fn is_plain(name: &str) -> bool {
    let is_bad = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':');
    !name.is_empty() && name.len() <= 255 && !name.starts_with('.') && !name.contains(is_bad)
}

/// A file under way. Dropped, it is gone.
pub(crate) struct Incoming {
    file: NamedTempFile,
    target: PathBuf,
    written: u64,
}

/// Why a file that has arrived was not kept.
pub(crate) enum Rejection {
    /// The disk has other bytes than the source.
    Different(Digest),
    /// Another file has got the name meanwhile.
    Exists,
    Disk(io::Error),
    /// It is there under its name and right, but it is not certain to be there after a power cut.
    Unsettled(io::Error),
}

impl Incoming {
    /// A file in `folder` without a name of its own. In the same folder, since a file can only be renamed on the same
    /// disk.
    pub(crate) fn new(folder: &Path, name: &str) -> io::Result<Self> {
        let target = folder.join(name);
        if target.symlink_metadata().is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let file = tempfile::Builder::new().prefix(".incoming-").tempfile_in(folder)?;
        Ok(Self { file, target, written: 0 })
    }

    /// How many bytes it has.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    pub(crate) fn append(&mut self, data: &[u8]) -> io::Result<()> {
        self.file.write_all(data)?;
        self.written += data.len() as u64;
        Ok(())
    }

    /// Gives it its name, if the disk has what `expected` is the digest of.
    pub(crate) fn keep(self, expected: Digest) -> Result<(), Rejection> {
        self.file.as_file().sync_all().map_err(Rejection::Disk)?;
        let digest = Digest::of_file(self.file.path()).map_err(Rejection::Disk)?;
        if digest != expected {
            return Err(Rejection::Different(digest));
        }
        // It never replaces another file, whoever was faster.
        self.file.persist_noclobber(&self.target).map_err(|error| match error.error.kind() {
            ErrorKind::AlreadyExists => Rejection::Exists,
            _ => Rejection::Disk(error.error),
        })?;
        sync_folder(&self.target).map_err(Rejection::Unsettled)
    }
}

/// A name is on the disk when its folder is.
fn sync_folder(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// The size of a regular file. Others may not end, or wait for somebody.
pub(crate) fn size_of(path: &Path) -> io::Result<u64> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
    }
    Ok(metadata.len())
}
