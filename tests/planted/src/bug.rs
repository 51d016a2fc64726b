//! What a patch says of itself.

use std::fs;
use std::path::{Path, PathBuf};

/// A bug to be planted.
#[derive(Clone, Debug)]
pub struct Bug {
    /// The name of its file, without the extension.
    pub name: String,
    /// What is wrong with it, in one sentence.
    pub what: String,
    /// Where such a bug was found, or what it breaks.
    pub source: String,
    /// The command that must fail, for a shell in the root of the tree.
    pub killer: String,
    /// The file itself.
    pub path: PathBuf,
}

/// The root of the tree.
pub fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("this package lies in the tree")
}

/// All bugs, by name.
///
/// # Panics
/// If a patch does not say what it must.
pub fn all() -> Vec<Bug> {
    let directory = root().join("tests/planted/patches");
    let entries = fs::read_dir(directory).expect("it is part of the sources");
    let mut bugs: Vec<Bug> = entries
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "patch"))
        .map(|path| Bug::read(&path))
        .collect();
    bugs.sort_by(|one, other| one.name.cmp(&other.name));
    bugs
}

impl Bug {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("it is text");
        let field = |name: &str| {
            let mut lines = text.lines().take_while(|line| !line.starts_with("diff "));
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            value
                .unwrap_or_else(|| panic!("{} has no line `{name}: ...`", path.display()))
                .to_owned()
        };
        let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
        Self {
            name,
            what: field("Bug"),
            source: field("Source"),
            killer: field("Killed by"),
            path: path.to_owned(),
        }
    }
}
