//! The folder that others put files into and get them from.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use farcall::{Marshal, rpc_interface};

use crate::disk::{Digest, Incoming, Rejection, is_plain, size_of};

/// How much of a file goes into one call.
pub(crate) const CHUNK: usize = 16 << 20;
/// How many files may be on their way to a server at once.
const MOST_UPLOADS: usize = 64;
/// A file of which nothing was heard for so long is given up: its client is gone.
const PATIENCE: Duration = Duration::from_secs(600);

/// Files, by plain names.
#[rpc_interface]
pub(crate) trait Files {
    /// Begins to take a file, and returns the number of the upload.
    fn begin(&self, name: &str, size: u64) -> Result<u64, Refusal>;

    /// Appends to it. The offset is where the data belongs, to be sure.
    #[rpc(deadline = "10m", max_request = "17 MiB")]
    fn put_chunk(&self, upload: u64, offset: u64, data: &[u8]) -> Result<(), Refusal>;

    /// Gives the file its name, if it is on the disk as the digest says.
    #[rpc(deadline = "1h")]
    fn keep(&self, upload: u64, digest: Digest) -> Result<(), Refusal>;

    /// Throws it away.
    fn abandon(&self, upload: u64);

    /// What a file is, read from the disk.
    #[rpc(deadline = "1h", idempotent)]
    fn describe(&self, name: &str) -> Result<Description, Refusal>;

    /// A part of a file. To read it once more does no harm, so the server keeps nothing of it.
    #[rpc(deadline = "10m", idempotent, max_reply = "17 MiB")]
    fn get_chunk(&self, name: &str, offset: u64, length: u32) -> Result<Bytes, Refusal>;
}

#[derive(Debug, Marshal)]
pub(crate) struct Description {
    pub(crate) size: u64,
    pub(crate) digest: Digest,
}

/// Why the server does not do what it was asked.
#[derive(Debug, Marshal)]
pub(crate) enum Refusal {
    NotPlain,
    Exists,
    NotFound,
    NoUpload,
    TooMany,
    OutOfPlace { expected: u64 },
    Different(Digest),
    Unsettled(String),
    Disk(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPlain => f.write_str("that is not the plain name of a file"),
            Self::Exists => f.write_str("the server has a file of that name, and replaces none"),
            Self::NotFound => f.write_str("the server has no file of that name"),
            Self::NoUpload => f.write_str("the server knows nothing of this upload any more"),
            Self::TooMany => f.write_str("the server is taking too many files at once"),
            Self::OutOfPlace { expected } => write!(f, "byte {expected} should have been next"),
            Self::Different(digest) => {
                write!(f, "the file changed, or was damaged: the server's disk has {digest}")
            }
            Self::Unsettled(why) => write!(f, "the server's disk did not confirm the name: {why}"),
            Self::Disk(why) => write!(f, "the server's disk: {why}"),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::AlreadyExists => Self::Exists,
            _ => Self::Disk(error.to_string()),
        }
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Different(digest) => Self::Different(digest),
            Rejection::Exists => Self::Exists,
            Rejection::Disk(error) => Self::Disk(error.to_string()),
            Rejection::Unsettled(error) => Self::Unsettled(error.to_string()),
        }
    }
}

/// The files of one folder.
pub(crate) struct Folder {
    path: PathBuf,
    uploads: Mutex<Uploads>,
}

#[derive(Default)]
struct Uploads {
    last: u64,
    /// One that a handler works on is not here.
    open: HashMap<u64, Upload>,
}

struct Upload {
    file: Incoming,
    size: u64,
    last_heard: Instant,
}

impl Folder {
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        if !path.is_dir() {
            return Err(io::Error::new(
                ErrorKind::NotADirectory,
                format!("{} is not a folder", path.display()),
            ));
        }
        Ok(Self { path: path.to_owned(), uploads: Mutex::default() })
    }

    fn uploads(&self) -> MutexGuard<'_, Uploads> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an upload out, so that nobody has to wait while the disk is busy with it.
    fn take(&self, upload: u64) -> Result<Upload, Refusal> {
        self.uploads().open.remove(&upload).ok_or(Refusal::NoUpload)
    }

    fn path_of(&self, name: &str) -> Result<PathBuf, Refusal> {
        is_plain(name).then(|| self.path.join(name)).ok_or(Refusal::NotPlain)
    }
}

impl Files for Folder {
    fn begin(&self, name: &str, size: u64) -> Result<u64, Refusal> {
        self.path_of(name)?;
        let file = Incoming::new(&self.path, name)?;
        let mut uploads = self.uploads();
        uploads.open.retain(|_, upload| upload.last_heard.elapsed() < PATIENCE);
        if uploads.open.len() >= MOST_UPLOADS {
            return Err(Refusal::TooMany);
        }
        uploads.last += 1;
        let number = uploads.last;
        uploads.open.insert(number, Upload { file, size, last_heard: Instant::now() });
        Ok(number)
    }

    fn put_chunk(&self, number: u64, offset: u64, data: &[u8]) -> Result<(), Refusal> {
        // Whatever fails, the file is not put back: it is gone.
        let mut upload = self.take(number)?;
        let expected = upload.file.written();
        if offset != expected || upload.size - expected < data.len() as u64 {
            return Err(Refusal::OutOfPlace { expected });
        }
        upload.file.append(data)?;
        upload.last_heard = Instant::now();
        self.uploads().open.insert(number, upload);
        Ok(())
    }

    fn keep(&self, number: u64, digest: Digest) -> Result<(), Refusal> {
        let upload = self.take(number)?;
        if upload.file.written() < upload.size {
            return Err(Refusal::OutOfPlace { expected: upload.file.written() });
        }
        Ok(upload.file.keep(digest)?)
    }

    fn abandon(&self, number: u64) {
        // An upload that has ended is as gone as it can be.
        let _ = self.take(number);
    }

    fn describe(&self, name: &str) -> Result<Description, Refusal> {
        let path = self.path_of(name)?;
        let size = size_of(&path)?;
        Ok(Description { size, digest: Digest::of_file(&path)? })
    }

    fn get_chunk(&self, name: &str, offset: u64, length: u32) -> Result<Bytes, Refusal> {
        let path = self.path_of(name)?;
        size_of(&path)?;
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        let length = (length as usize).min(CHUNK);
        let mut data = Vec::with_capacity(length);
        file.take(length as u64).read_to_end(&mut data)?;
        Ok(Bytes::from(data))
    }
}
