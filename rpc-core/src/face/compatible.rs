//! Describing an interface, and holding it against descriptions that were saved before.

use core::fmt;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use super::stub::Stub;
use crate::service::{Description, DescriptionError, Incompatibility};

/// The variable that has files written.
const BLESS: &str = "FARCALL_BLESS";

/// Describes the interface of stub `S`: its methods with their ids, options and signatures, and the
/// types that they use, each spelled out once.
///
/// ```
/// use farcall::{Marshal, rpc_interface};
///
/// #[derive(Marshal)]
/// pub struct Point {
///     x: i32,
///     y: i32,
/// }
///
/// #[rpc_interface]
/// pub trait Map {
///     #[rpc(idempotent, deadline = "2s")]
///     fn name_of(&self, point: Point) -> Option<String>;
///     fn move_to(&self, name: &str, point: Point);
/// }
///
/// let text = farcall::describe::<MapClient>().to_string();
/// assert_eq!(
///     text,
///     "\
/// interface Map
///     id 0x44a7f051
///
/// method name_of(point: Point) -> Option<string>
///     id 0xd60713ae, signature 0x729821ca, idempotent, deadline 2s
///
/// method move_to(name: string, point: Point) -> ()
///     id 0x065f02b0, signature 0x19003113
///
/// struct Point {
///     x: i32,
///     y: i32,
/// }
/// "
/// );
/// ```
pub fn describe<S: Stub>() -> Description {
    Description::of(S::interface())
}

/// For tests: fails when clients that were built from a saved description of `S` would no longer work
/// with a server that is built today.
///
/// ```no_run
/// # use farcall::rpc_interface;
/// #[rpc_interface]
/// pub trait Calculator {
///     fn add(&self, a: i32, b: i32) -> i32;
/// }
///
/// #[test]
/// # fn hidden() {}
/// fn old_clients_still_work() {
///     farcall::assert_compatible::<CalculatorClient>("interfaces/calculator.txt");
/// }
/// ```
///
/// The path begins in the folder of the package's `Cargo.toml`. Nothing is there at first, and the test
/// fails. With the environment variable `FARCALL_BLESS` it writes the file:
///
/// ```text
/// FARCALL_BLESS=1 cargo test
/// ```
///
/// The file is text, made for review, and belongs under version control. Write it anew with each
/// release, so that what was added is held against it from then on.
///
/// **A path that ends in `/` is a folder** with a file for every released version of the package, all of
/// which are checked: `FARCALL_BLESS=1` writes the one named after the present version, as `1.4.0.txt`,
/// and leaves the others alone. Delete those whose clients are gone.
///
/// # What breaks old clients
///
/// | change | what they see |
/// |---|---|
/// | the interface renamed without `name = ".."` | `UnknownInterface` |
/// | a method removed, renamed without `id`, or its `id` changed | `UnknownMethod` |
/// | a type changed: of an argument, of the result, of a field of either; one added or removed; a variant added to an enum | `SignatureMismatch` |
/// | `oneway` given or taken | `SignatureMismatch`, or nothing at all |
/// | `idempotent` taken away | calls that run more than once |
/// | `idempotent` given | `ReplyNotKept` when a reply is lost |
///
/// Everything else is fine: methods added, methods renamed that keep their old `id`, arguments, fields
/// and types renamed, deadlines changed. What the bytes do not show cannot be found: two arguments of
/// one type that trade places, or a method that now means something else.
///
/// # Panics
/// If a change breaks old clients, with a report of each: both signatures, what the clients see, and
/// what to do. If there is no file, or it is not one that was saved like this, and it was not to be
/// written.
#[track_caller]
pub fn assert_compatible<S: Stub>(path: impl AsRef<Path>) {
    let (now, path) = (describe::<S>(), Place::of(path.as_ref()));
    let result = if is_blessed() { path.write(&now) } else { Ok(()) };
    if let Err(error) = result.and_then(|()| path.check(&now)) {
        panic!("{error}");
    }
}

/// Like [`assert_compatible`], but returns what it finds, and never writes a file.
///
/// ```
/// # use farcall::{CompatibilityError, rpc_interface};
/// # #[rpc_interface]
/// # pub trait Calculator { fn add(&self, a: i32, b: i32) -> i32; }
/// let result = farcall::check_compatible::<CalculatorClient>("no/such/file.txt");
/// assert!(matches!(result, Err(CompatibilityError::Missing { .. })));
/// ```
///
/// # Errors
/// The first file that is missing, that cannot be read, or that the interface is incompatible with.
pub fn check_compatible<S: Stub>(path: impl AsRef<Path>) -> Result<(), CompatibilityError> {
    Place::of(path.as_ref()).check(&describe::<S>())
}

/// Why an interface does not pass for compatible with what was saved of it.
#[derive(Debug)]
#[non_exhaustive]
pub enum CompatibilityError {
    /// There is no such file, or the folder has none.
    Missing {
        /// The file or folder.
        path: PathBuf,
    },
    /// The file could not be read or written.
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file is no saved description, or no longer.
    Description {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: DescriptionError,
    },
    /// Clients that were built from the saved description would fail.
    Incompatible {
        /// The file.
        path: PathBuf,
        /// The name of the interface, as saved.
        interface: String,
        /// Every change that breaks them; at least one.
        changes: Vec<Incompatibility>,
    },
    /// A folder holds a file for each version of a package, and this process was not told which
    /// version it is.
    NoVersion {
        /// The folder.
        path: PathBuf,
    },
}

impl fmt::Display for CompatibilityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path } => write!(
                f,
                "there is no saved interface at {path}; to save today's, run the tests once with \
                 {BLESS}=1, and commit the file",
                path = path.display()
            ),
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Description { path, source } => write!(
                f,
                "{path}: {source}; restore it from version control, or save today's interface in its \
                 place with {BLESS}=1",
                path = path.display()
            ),
            Self::Incompatible { path, interface, changes } => {
                writeln!(
                    f,
                    "`{interface}` breaks clients that were built from {}:\n",
                    path.display()
                )?;
                for (position, change) in changes.iter().enumerate() {
                    writeln!(f, "{}. {change}\n", position + 1)?;
                }
                write!(
                    f,
                    "If no such client is left, delete the file, run the tests once with {BLESS}=1, \
                     and commit what they write."
                )
            }
            Self::NoVersion { path } => write!(
                f,
                "{}: the version of the package is not known; run the tests with cargo",
                path.display()
            ),
        }
    }
}

impl std::error::Error for CompatibilityError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(source),
            Self::Description { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Where descriptions are saved.
enum Place {
    File(PathBuf),
    Folder(PathBuf),
}

impl Place {
    /// A relative path begins in the package whose tests run, as cargo says, so that it does not matter
    /// from where they are run.
    fn of(path: &Path) -> Self {
        let is_folder = path.as_os_str().as_encoded_bytes().ends_with(b"/");
        let package = variable("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
        let path = package.join(path);
        if is_folder || path.is_dir() { Self::Folder(path) } else { Self::File(path) }
    }

    fn check(&self, now: &Description) -> Result<(), CompatibilityError> {
        self.files()?.into_iter().try_for_each(|path| {
            let text = match fs::read_to_string(&path) {
                Ok(text) => text,
                Err(source) => return Err(CompatibilityError::File { path, source }),
            };
            let saved: Description = match text.parse() {
                Ok(saved) => saved,
                Err(source) => return Err(CompatibilityError::Description { path, source }),
            };
            let changes = now.incompatibilities(&saved);
            if changes.is_empty() {
                return Ok(());
            }
            let interface = saved.name().to_owned();
            Err(CompatibilityError::Incompatible { path, interface, changes })
        })
    }

    /// All files that there are, in the order of their names.
    fn files(&self) -> Result<Vec<PathBuf>, CompatibilityError> {
        let (path, files) = match self {
            Self::File(path) => (path, if path.exists() { vec![path.clone()] } else { vec![] }),
            Self::Folder(path) => (path, texts_in(path)?),
        };
        if files.is_empty() {
            return Err(CompatibilityError::Missing { path: path.clone() });
        }
        Ok(files)
    }

    /// Writes the file, or that of the package's present version: those of earlier versions say what
    /// was released, and stay as they are.
    fn write(&self, now: &Description) -> Result<(), CompatibilityError> {
        let path = match self {
            Self::File(path) => path.clone(),
            Self::Folder(path) => match variable("CARGO_PKG_VERSION") {
                Some(version) => path.join(format!("{}.txt", version.display())),
                None => return Err(CompatibilityError::NoVersion { path: path.clone() }),
            },
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, now.to_file()));
        written.map_err(|source| CompatibilityError::File { path, source })
    }
}

fn texts_in(folder: &Path) -> Result<Vec<PathBuf>, CompatibilityError> {
    let list = || -> io::Result<Vec<PathBuf>> {
        let paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
        paths.filter(|path| path.as_ref().map_or(true, |path| is_text(path))).collect()
    };
    match list() {
        Ok(mut found) => {
            found.sort();
            Ok(found)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(CompatibilityError::File { path: folder.to_owned(), source }),
    }
}

fn is_text(path: &Path) -> bool {
    path.extension() == Some(OsStr::new("txt"))
}

fn is_blessed() -> bool {
    variable(BLESS).is_some_and(|value| !value.is_empty() && value != "0")
}

/// What whoever runs the tests says. Nothing outside tests may depend on it.
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name)
}
