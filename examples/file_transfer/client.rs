//! Whoever puts files to a server and gets them from it.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use farcall::{CallError, Outcome, Pending, Transfer, Unmarshal};
use indicatif::{ProgressBar, ProgressStyle};

use crate::disk::{Digest, Incoming, Rejection, is_plain, size_of};
use crate::server::{CHUNK, Description, FilesClient, Refusal};

/// How often the progress bar moves.
const INTERVAL: Duration = Duration::from_millis(50);

/// A transfer that was made.
#[derive(Debug)]
pub(crate) struct Transferred {
    what: String,
    size: u64,
    digest: Digest,
    time: Duration,
}

impl fmt::Display for Transferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.size as f64 / self.time.as_secs_f64() / 1e6;
        let Self { what, size, digest, time } = self;
        writeln!(f, "{what}: {size} bytes in {time:.1?}, {rate:.1} MB/s")?;
        write!(f, "SHA-256 on both disks: {digest}")
    }
}

/// A transfer that failed: why, and what it means for the files.
#[derive(Debug)]
pub(crate) struct Failure {
    reason: String,
    effect: &'static str,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.effect)
    }
}

impl Error for Failure {}

impl Failure {
    fn new(reason: impl fmt::Display, effect: &'static str) -> Self {
        Self { reason: reason.to_string(), effect }
    }
}

const NOTHING: &str = "nothing was written";
const WRITTEN: &str = "the file is there, and right, but may not be after a power cut";

/// Anything that went wrong before a file could have got its name.
fn nothing_written(error: impl fmt::Display) -> Failure {
    Failure::new(error, NOTHING)
}

/// Copies a file to the server.
pub(crate) fn put(server: SocketAddr, path: &Path) -> Result<Transferred, Failure> {
    let name = path.file_name().and_then(|name| name.to_str()).filter(|name| is_plain(name));
    let name = name.ok_or_else(|| nothing_written(format!("{path:?}: {}", Refusal::NotPlain)))?;
    let local = |error| nothing_written(format!("{}: {error}", path.display()));
    let size = size_of(path).map_err(local)?;
    let digest = Digest::of_file(path).map_err(local)?;
    let mut file = File::open(path).map_err(local)?;

    let start = Instant::now();
    let files = FilesClient::connect(server).map_err(nothing_written)?;
    let upload = settled(files.begin(name, size)).map_err(nothing_written)?;
    let bar = bar(size, format!("put {name}"));
    let mut chunks = || -> Result<(), Failure> {
        let mut offset = 0;
        while offset < size {
            let mut chunk = vec![0; CHUNK.min((size - offset) as usize)];
            file.read_exact(&mut chunk).map_err(local)?;
            let call = files.start().put_chunk(upload, offset, &chunk);
            watch(call, &bar, offset, chunk.len(), |transfer| transfer.sent)
                .map_err(nothing_written)?;
            offset += chunk.len() as u64;
        }
        Ok(())
    };
    if let Err(failure) = chunks() {
        bar.abandon();
        // If this does not arrive either, the server gives up by itself after a while.
        files.start().abandon(upload).detach();
        return Err(failure);
    }
    bar.set_message("the server reads its disk");
    let kept = files.keep(upload, digest);
    bar.finish_and_clear();
    match kept {
        Ok(Ok(())) => {}
        Ok(Err(refusal @ Refusal::Unsettled(_))) => return Err(Failure::new(refusal, WRITTEN)),
        Ok(Err(refusal)) => return Err(nothing_written(refusal)),
        Err(error) => {
            let effect = match error.outcome() {
                Outcome::NotExecuted => NOTHING,
                Outcome::Executed | Outcome::Unknown => {
                    "the server has the file or it has not, but never a part: look before you try again"
                }
            };
            return Err(Failure::new(error, effect));
        }
    }
    Ok(Transferred { what: format!("put {name}"), size, digest, time: start.elapsed() })
}

/// Copies a file from the server into a folder.
pub(crate) fn get(server: SocketAddr, name: &str, folder: &Path) -> Result<Transferred, Failure> {
    if !is_plain(name) {
        return Err(nothing_written(format!("{name:?}: {}", Refusal::NotPlain)));
    }
    let local = |error| nothing_written(format!("{}: {error}", folder.join(name).display()));
    let mut file = Incoming::new(folder, name).map_err(local)?;

    let start = Instant::now();
    let files = FilesClient::connect(server).map_err(nothing_written)?;
    let description = settled(files.describe(name)).map_err(nothing_written)?;
    let bar = bar(description.size, format!("get {name}"));
    while file.written() < description.size {
        let offset = file.written();
        let length = CHUNK.min((description.size - offset) as usize);
        let call = files.start().get_chunk(name, offset, length as u32);
        let chunk = watch(call, &bar, offset, length, |transfer| transfer.received);
        let chunk = chunk.map_err(nothing_written)?;
        if chunk.len() != length {
            return Err(nothing_written("the file became shorter meanwhile"));
        }
        file.append(&chunk).map_err(local)?;
    }
    bar.set_message("reading the disk");
    let kept = file.keep(description.digest);
    bar.finish_and_clear();
    kept.map_err(|rejection| match rejection {
        Rejection::Different(digest) => nothing_written(format!(
            "the file changed, or was damaged: the server has {}, this disk has {digest}",
            description.digest
        )),
        Rejection::Exists => local(std::io::ErrorKind::AlreadyExists.into()),
        Rejection::Disk(error) => local(error),
        Rejection::Unsettled(error) => Failure::new(error, WRITTEN),
    })?;
    let Description { size, digest } = description;
    Ok(Transferred { what: format!("get {name}"), size, digest, time: start.elapsed() })
}

/// Waits for a chunk of `length` bytes at `offset`, and moves the bar by what has arrived of it.
fn watch<T>(
    mut call: Pending<Result<T, Refusal>>,
    bar: &ProgressBar,
    offset: u64,
    length: usize,
    moved: fn(Transfer) -> usize,
) -> Result<T, String>
where
    Result<T, Refusal>: for<'a> Unmarshal<'a>,
{
    let result = loop {
        if let Some(result) = call.wait_timeout(INTERVAL) {
            break result;
        }
        // A message is a little more than the chunk in it.
        bar.set_position(offset + moved(call.transfer()).min(length) as u64);
    };
    if result.is_ok() {
        bar.set_position(offset + length as u64);
    }
    settled(result)
}

/// A call that failed and a server that refused are the same to a transfer.
fn settled<T>(result: Result<Result<T, Refusal>, CallError>) -> Result<T, String> {
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(refusal)) => Err(refusal.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

fn bar(size: u64, message: String) -> ProgressBar {
    let template = "{msg} {wide_bar} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";
    let style = ProgressStyle::with_template(template).expect("the template is right");
    ProgressBar::new(size).with_style(style).with_message(message)
}
