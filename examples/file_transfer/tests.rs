//! What the example promises.

use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::disk::{Digest, is_plain};
use crate::server::{CHUNK, FilesClient, Refusal};

type Result = std::result::Result<(), Box<dyn Error>>;

/// The names of all files of a folder, those of incomplete ones too.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().display().to_string()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

#[test]
fn the_demonstration_succeeds() -> Result {
    demonstrate(3 << 20, 0.1)
}

#[test]
fn files_of_any_size_come_back() -> Result {
    for size in [0, 1, 1_100, 1_200, 70_000, CHUNK + 1] {
        demonstrate(size, 0.0)?;
    }
    Ok(())
}

#[test]
fn names_have_no_paths() {
    for name in ["a", "holiday.jpg", "ünïcode", "a b", "a..b", &"x".repeat(255)] {
        assert!(is_plain(name), "{name:?}");
    }
    let long = "x".repeat(256);
    for name in
        ["", ".", "..", "../a", "/a", "a/", "a/b", "a\\b", "C:a", ".hidden", "a\0b", "a\nb", &long]
    {
        assert!(!is_plain(name), "{name:?}");
    }
}

#[test]
fn the_server_checks_names_itself() -> Result {
    let scratch = tempfile::tempdir()?;
    let folder = scratch.path().join("there");
    fs::create_dir(&folder)?;
    fs::write(scratch.path().join("secret"), "nobody's business")?;
    let server = spawn(&folder)?;
    let files = FilesClient::connect(server.local_addr())?;
    // A client that was written by somebody else.
    assert!(matches!(files.describe("../secret")?, Err(Refusal::NotPlain)));
    assert!(matches!(files.get_chunk("../secret", 0, 9)?, Err(Refusal::NotPlain)));
    assert!(matches!(files.begin("../other", 1)?, Err(Refusal::NotPlain)));
    assert_eq!(names(scratch.path())?, ["secret", "there"]);
    Ok(())
}

#[test]
fn a_file_that_arrives_changed_is_not_kept() -> Result {
    let scratch = tempfile::tempdir()?;
    let server = spawn(scratch.path())?;
    let files = FilesClient::connect(server.local_addr())?;
    let other = tempfile::NamedTempFile::new()?;
    let digest = Digest::of_file(other.path())?;

    let upload = files.begin("a", 5)??;
    files.put_chunk(upload, 0, b"hello")??;
    assert_eq!(names(scratch.path())?.len(), 1, "it is there, under no name");
    assert!(matches!(files.keep(upload, digest)?, Err(Refusal::Different(_))));
    assert!(names(scratch.path())?.is_empty());
    assert!(matches!(files.keep(upload, digest)?, Err(Refusal::NoUpload)));
    Ok(())
}

#[test]
fn a_part_of_a_file_is_not_kept() -> Result {
    let scratch = tempfile::tempdir()?;
    let server = spawn(scratch.path())?;
    let files = FilesClient::connect(server.local_addr())?;
    let empty = tempfile::NamedTempFile::new()?;
    let digest = Digest::of_file(empty.path())?;

    let upload = files.begin("a", 5)??;
    assert!(matches!(files.keep(upload, digest)?, Err(Refusal::OutOfPlace { expected: 0 })));
    let upload = files.begin("a", 5)??;
    let early = files.put_chunk(upload, 1, b"ello")?;
    assert!(matches!(early, Err(Refusal::OutOfPlace { expected: 0 })));
    let upload = files.begin("a", 5)??;
    let long = files.put_chunk(upload, 0, b"hello, world")?;
    assert!(matches!(long, Err(Refusal::OutOfPlace { expected: 0 })));
    let upload = files.begin("a", 5)??;
    files.abandon(upload)?;
    assert!(names(scratch.path())?.is_empty());
    Ok(())
}

#[test]
fn no_file_is_replaced() -> Result {
    let [here, there] = [tempfile::tempdir()?, tempfile::tempdir()?];
    let mine = here.path().join("a");
    fs::write(&mine, "mine")?;
    let server = spawn(there.path())?;
    let files = FilesClient::connect(server.local_addr())?;
    // Two at once: the second finds the name taken when it is complete.
    let digest = Digest::of_file(&mine)?;
    let [first, second] = [files.begin("a", 4)??, files.begin("a", 4)??];
    for upload in [first, second] {
        files.put_chunk(upload, 0, b"mine")??;
    }
    files.keep(first, digest)??;
    assert!(matches!(files.begin("a", 4)?, Err(Refusal::Exists)), "others need not even begin");
    assert!(matches!(files.keep(second, digest)?, Err(Refusal::Exists)));
    assert!(client::put(server.local_addr(), &mine).is_err());
    fs::write(&mine, "other")?;
    assert!(client::get(server.local_addr(), "a", here.path()).is_err());
    assert_eq!(fs::read(&mine)?, b"other");
    assert_eq!(names(here.path())?, ["a"]);
    assert_eq!(names(there.path())?, ["a"]);
    Ok(())
}

#[test]
fn a_server_that_goes_away_leaves_nothing() -> Result {
    let [here, there] = [tempfile::tempdir()?, tempfile::tempdir()?];
    let mine = here.path().join("a");
    write_noise(&mine, 40 << 20)?;
    let server = spawn(there.path())?;
    let address = server.local_addr();
    let transfer = thread::spawn(move || client::put(address, &mine));
    while names(there.path())?.is_empty() {
        thread::sleep(Duration::from_millis(1));
    }
    drop(server);
    let failure = transfer.join().map_err(|_| "the client panicked")?.unwrap_err();
    assert!(failure.to_string().contains("nothing was written"), "{failure}");
    // The service, and its unfinished file with it, goes with the last thread of the server.
    let patience = Instant::now() + Duration::from_secs(10);
    while !names(there.path())?.is_empty() {
        assert!(Instant::now() < patience, "{:?}", names(there.path())?);
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}
