//! Replays the corpora of the fuzz targets: what a fuzzer once reached, and what it once found.

#[allow(dead_code, reason = "shared with other tests")]
mod counting_allocator;

use std::fs;
use std::path::Path;

use farcall_core::fuzzing;

/// Every file of the target's corpus, as it would be under the fuzzer. The files of fuzzing sessions, whose
/// names are hashes, and findings, which have telling names.
fn replay(target: &str, run: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    for file in files {
        let bytes = fs::read(&file).expect("the file can be read");
        // A failure is reported with the input's name, which the panic does not know.
        let guard = Named(&file);
        run(&bytes);
        core::mem::forget(guard);
    }
}

/// Writes the first inputs of every target into its corpus, from runs of the simulator.
#[test]
#[ignore = "it writes files"]
fn write_seeds() {
    for (target, inputs) in fuzzing::seeds() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
        fs::create_dir_all(&folder).expect("the folder can be made");
        for (number, input) in inputs.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:02}")), input).expect("it can be written");
        }
    }
}

struct Named<'a>(&'a Path);

impl Drop for Named<'_> {
    fn drop(&mut self) {
        eprintln!("the input is {}", self.0.display());
    }
}

#[test]
fn datagram() {
    replay("datagram", |bytes| {
        fuzzing::datagram(bytes);
        fuzzing::fields(bytes);
    });
}

#[test]
fn reassembly() {
    replay("reassembly", fuzzing::reassembly);
}

#[test]
fn sender() {
    replay("sender", fuzzing::sender);
}

#[test]
fn server() {
    replay("server", fuzzing::server);
}

#[test]
fn client() {
    replay("client", fuzzing::client);
}

#[test]
fn handshake() {
    replay("handshake", fuzzing::handshake);
}

#[test]
fn simulator() {
    replay("simulator", fuzzing::simulator);
}

#[test]
fn window() {
    replay("window", fuzzing::window);
}

#[test]
fn arguments() {
    replay("arguments", |bytes| fuzzing::arguments(bytes, counting_allocator::asked));
}
