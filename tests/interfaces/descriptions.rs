//! Interfaces as text: for people, for files, and held against what they were before.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use farcall::{
    CompatibilityError, Description, DescriptionError, Incompatibility, Stub, check_compatible,
    describe, rpc_interface,
};

/// What clients were built from.
mod old {
    #[derive(farcall::Marshal)]
    pub struct Point {
        pub x: i32,
        pub y: i32,
    }

    #[derive(farcall::Marshal)]
    pub enum Shape {
        Empty,
        Circle { center: Point, radius: u32 },
        Polygon(Vec<Point>),
    }

    #[derive(farcall::Marshal)]
    pub struct Marker;

    #[farcall::rpc_interface(name = "acme.shapes")]
    pub trait Shapes {
        fn add(&self, shape: &Shape, at: Point) -> Result<u64, String>;
        #[rpc(idempotent, deadline = "1s 500ms")]
        fn find(&self, name: &str) -> Option<u64>;
        #[rpc(oneway)]
        fn log(&self, line: &str);
        #[rpc(id = 7)]
        fn mark(&self, marker: Marker);
        fn remove(&self, number: u64) -> bool;
    }
}

const SHAPES: &str = "\
interface acme.shapes
    id 0xc721dcbd

method add(shape: Shape, at: Point) -> Result<u64, string>
    id 0x3b391274, signature 0x686ec361

method find(name: string) -> Option<u64>
    id 0xbdf0855a, signature 0xddb65932, idempotent, deadline 1500ms

method log(line: string)
    id 0x3f515151, signature 0x0442dd3f, oneway

method mark(marker: Marker) -> ()
    id 0x00000007, signature 0x9d271cb4

method remove(number: u64) -> bool
    id 0xdb9215fd, signature 0x4c7b46cf

enum Shape {
    0 = Empty,
    1 = Circle { center: Point, radius: u32 },
    2 = Polygon([Point]),
}

struct Point {
    x: i32,
    y: i32,
}

struct Marker
";

#[test]
fn a_description_spells_an_interface_out() {
    let description = describe::<old::ShapesClient>();
    assert_eq!(description.to_string(), SHAPES);
    assert_eq!(description.name(), "acme.shapes");
    let names: Vec<_> = description.methods().iter().map(|method| method.name()).collect();
    assert_eq!(names, ["add", "find", "log", "mark", "remove"]);
    let options = description.methods().iter().map(|m| (m.is_idempotent(), m.is_oneway()));
    assert_eq!(options.filter(|options| *options == (true, false)).count(), 1);
    assert_eq!(description.methods()[3].id(), 7);
}

#[rpc_interface]
pub trait Nothing {}

#[rpc_interface(name = "two\nlines, é, and \"quotes\"")]
pub trait Odd {
    fn r#type(&self, r#fn: u8);
}

mod elsewhere {
    #[derive(farcall::Marshal)]
    pub struct Point {
        pub place: String,
    }

    #[derive(farcall::Marshal)]
    pub struct Pair<T>(T, T);
}

#[rpc_interface]
pub trait Sharing {
    fn here(&self, point: old::Point, pair: elsewhere::Pair<u8>);
    fn there(&self, point: elsewhere::Point) -> elsewhere::Pair<elsewhere::Point>;
}

#[test]
fn every_interface_can_be_described() {
    assert_eq!(describe::<NothingClient>().to_string(), "interface Nothing\n    id 0x2cea492a\n");
    let odd = describe::<OddClient>();
    assert_eq!(odd.name(), r#"two\nlines, é, and \"quotes\""#);
    assert_eq!(odd.methods()[0].name(), "type");
    assert!(odd.to_string().contains("method type(fn: u8) -> ()\n"), "{odd}");
    for description in [describe::<NothingClient>(), odd, describe::<SharingClient>()] {
        assert_eq!(description.to_file().parse(), Ok(description));
    }
}

#[test]
fn types_of_one_name_are_numbered_and_no_path_is_shown() {
    let text = describe::<SharingClient>().to_string();
    assert!(text.contains("here(point: Point#1, pair: Pair#1) -> ()\n"), "{text}");
    assert!(text.contains("there(point: Point#2) -> Pair#2\n"), "{text}");
    assert!(text.contains("struct Point#2 {\n    place: string,\n}\n"), "{text}");
    assert!(text.contains("struct Pair#2(Point#2, Point#2)\n"), "{text}");
    assert!(!text.contains("::"), "{text}");
}

#[test]
fn a_file_is_read_again_whatever_its_lines_end_with() {
    let description = describe::<old::ShapesClient>();
    let file = description.to_file();
    assert!(
        file.starts_with("farcall interface description, version 1\n\ninterface acme.shapes\n")
    );
    assert!(file.contains(SHAPES), "people read the same text: {file}");
    let variants = [
        file.clone(),
        file.replace('\n', "\r\n"),
        file.trim_end().to_owned(),
        format!("\u{feff}{file}\n\n"),
        file.replace(",\n", ", \n"),
    ];
    for variant in variants {
        assert_eq!(variant.parse(), Ok(description.clone()), "{variant:?}");
    }
}

/// The text with a checksum that matches, as only a program can make it.
fn with_checksum(text: &str) -> String {
    let text = text.trim_end();
    let checksum = text
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{text}\n\nchecksum {checksum:#010x}\n")
}

#[test]
fn what_is_no_saved_description_is_refused_with_a_reason() {
    let file = describe::<old::ShapesClient>().to_file();
    let error = |text: &str| text.parse::<Description>().unwrap_err();

    assert_eq!(error(""), DescriptionError::Foreign);
    assert_eq!(error("[package]\nname = \"x\"\n"), DescriptionError::Foreign);
    let newer = file.replace("version 1\n", "version 2\n");
    assert_eq!(error(&newer), DescriptionError::Version { found: "2".to_owned() });
    assert!(error(&newer).to_string().contains("reads version 1"), "{}", error(&newer));

    // Cut off anywhere, and changed anywhere, it is no other description.
    let lines: Vec<_> = file.lines().collect();
    for count in 1..lines.len() {
        let error = error(&lines[..count].join("\n"));
        assert_eq!(error, DescriptionError::Truncated, "after {count} lines");
    }
    assert_eq!(error(&file.replace("radius: u32", "radius: u64")), DescriptionError::Changed);
    assert_eq!(error(&file.replace(", idempotent", "")), DescriptionError::Changed);
    assert_eq!(
        error(&file.replace("method find", "<<<<<<< ours\nmethod find")),
        DescriptionError::Changed
    );
}

#[test]
fn a_line_that_makes_no_sense_is_named() {
    const START: &str =
        "farcall interface description, version 1\n\ninterface A\n    id 0x00000001\n";
    let method = |line: &str| format!("{START}\nmethod a()\n    {line}\n");
    assert!(with_checksum(START).parse::<Description>().is_ok());
    assert!(with_checksum(&method("id 0x1, signature 0x2")).parse::<Description>().is_ok());
    let cases = [
        ("farcall interface description, version 1\n".to_owned(), 3, "`interface` and its name"),
        (START.replace("interface A", "trait A"), 3, "`interface` and its name"),
        (START.replace("0x00000001", "one"), 4, "the interface's id"),
        (format!("{START}\nmethod a\n    id 0x1"), 6, "a method with its arguments"),
        (format!("{START}\nmethod a()\nid 0x1"), 7, "a method's id and signature"),
        (method("id 0x100000000, signature 0x2"), 7, "a number after `id`"),
        (method("id 0x1, signature -1"), 7, "a number after `signature`"),
        (method("id 0x1, signature 0x2, deadline 3 weeks"), 7, "a duration after `deadline`"),
        (method("id 0x1, signature 0x2, secret"), 7, "an option of a method"),
        (format!("{START}\nunion U"), 6, "`method`, `struct` or `enum`"),
        (format!("{START}\nstruct S {{\n    a: u8,"), 9, "`}`"),
    ];
    for (text, number, expected) in cases {
        let error = with_checksum(&text).parse::<Description>().unwrap_err();
        assert_eq!(error, DescriptionError::Line { number, expected }, "{text}");
    }
}

/// Declares what `old::Shapes` has become, and gives the incompatibilities.
macro_rules! after {
    ($name:literal { $($body:tt)* } $($types:item)*) => {{
        #[allow(unused_imports)]
        use old::*;
        $(#[allow(dead_code)] #[derive(farcall::Marshal)] $types)*

        #[rpc_interface(name = $name)]
        trait Shapes { $($body)* }

        describe::<ShapesClient>().incompatibilities(&describe::<old::ShapesClient>())
    }};
}

#[test]
fn additions_and_other_names_are_fine() {
    let found = after!("acme.shapes" {
        fn remove(&self, n: u64) -> bool;
        fn added(&self, line: Line);
        #[rpc(id = 0x3b391274, deadline = "1h")]
        fn insert(&self, what: &Shape, place: Line) -> Result<u64, String>;
        #[rpc(oneway)] fn log(&self, text: String);
        #[rpc(idempotent)] fn find(&self, name: String) -> Option<u64>;
        #[rpc(id = 7)] fn mark(&self, nothing: ());
    }
    // The same bytes as a `Point`.
    struct Line { from: i32, to: i32 });
    assert_eq!(found, []);
}

#[test]
fn what_breaks_clients_is_found_and_said() {
    let found = after!("acme.shapes2" {
        fn add(&self, shape: &Shape, at: Point) -> Result<u64, String>;
        fn find(&self, name: &str) -> Option<u64>;
        fn log(&self, line: &str);
        fn mark(&self, marker: Marker);
        fn delete(&self, number: u64) -> bool;
    }
    struct Point { x: i32, y: i32, z: i32 });
    let text = found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert_eq!(
        text,
        "\
the interface `acme.shapes` is called `acme.shapes2` now
  old clients: their calls fail with UnknownInterface and do not run
  to do: keep the name: #[rpc_interface(name = \"acme.shapes\")]
the signature of `add` changed
  saved  add(shape: Shape, at: Point) -> Result<u64, string>
         enum Shape {
             0 = Empty,
             1 = Circle { center: Point, radius: u32 },
             2 = Polygon([Point]),
         }
         struct Point {
             x: i32,
             y: i32,
         }
    now  add(shape: Shape, at: Point#2) -> Result<u64, string>
         enum Shape {
             0 = Empty,
             1 = Circle { center: Point#1, radius: u32 },
             2 = Polygon([Point#1]),
         }
         struct Point#1 {
             x: i32,
             y: i32,
         }
         struct Point#2 {
             x: i32,
             y: i32,
             z: i32,
         }
  old clients: its calls fail with SignatureMismatch and do not run
  to do: leave it as it was, and add a method of another name beside it
`find` is no longer `idempotent`
  old clients: they still repeat it, so that it may run more than once
  to do: leave it `idempotent`, and add a method of another name beside it
`log` is no longer `oneway`
  saved  log(line: string)
    now  log(line: string) -> ()
  old clients: its calls do not run, and nobody tells them so, since they are `oneway`
  to do: leave it as it was, and add a method of another name beside it
the id of `mark` was 0x00000007 and is 0xc77ae4a0
  old clients: its calls fail with UnknownMethod and do not run
  to do: pin the old one: #[rpc(id = 0x00000007)] fn mark
the method `remove` is gone
  old clients: its calls fail with UnknownMethod and do not run
  to do: if it is called `delete` now, say so: #[rpc(id = 0xdb9215fd)] fn delete"
    );
}

#[test]
fn what_else_breaks_clients() {
    let found = after!("acme.shapes" {
        #[rpc(idempotent)] fn add(&self, shape: &Shape, at: Point) -> Result<u64, String>;
        #[rpc(idempotent)] fn find(&self, name: &str) -> Option<u64>;
        #[rpc(oneway, id = 7)] fn mark(&self, marker: Marker);
        // Two that `remove` may have become.
        fn erase(&self, number: u64) -> bool;
        fn delete(&self, number: u64) -> bool;
    });
    let removed = |method: &str, id, is_oneway| Incompatibility::MethodRemoved {
        method: method.to_owned(),
        id,
        is_oneway,
        successor: None,
    };
    let oneway = Incompatibility::OnewayChanged {
        method: "mark".to_owned(),
        is_oneway: true,
        saved: "mark(marker: Marker) -> ()\nstruct Marker".to_owned(),
        now: "mark(marker: Marker)\nstruct Marker".to_owned(),
    };
    assert_eq!(
        found,
        [
            Incompatibility::IdempotentAdded { method: "add".to_owned() },
            removed("log", 0x3f51_5151, true),
            oneway,
            removed("remove", 0xdb92_15fd, false),
        ]
    );
}

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        if path.exists() {
            fs::remove_dir_all(&path).unwrap();
        }
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Runs [`the_test_of_a_user`] in a package that is here.
    fn test(&self, path: &str, version: &str, bless: Option<&str>) -> Output {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "descriptions::the_test_of_a_user", "--nocapture"]);
        command.env(SAVED_AT, path);
        command.env("CARGO_MANIFEST_DIR", &self.0).env("CARGO_PKG_VERSION", version);
        command.env_remove("FARCALL_BLESS").envs(bless.map(|value| ("FARCALL_BLESS", value)));
        command.output().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const SAVED_AT: &str = "FARCALL_TEST_SAVED_AT";

/// It does nothing when it is not run by another test.
#[test]
fn the_test_of_a_user() {
    if let Some(path) = env::var_os(SAVED_AT) {
        farcall::assert_compatible::<old::ShapesClient>(path);
    }
}

#[track_caller]
fn assert_fails(output: &Output, words: &[&str]) {
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{report}");
    for word in words {
        assert!(report.contains(word), "`{word}` is not in:\n{report}");
    }
    assert!(
        report.contains("panicked at tests/interfaces/descriptions.rs"),
        "whose line?\n{report}"
    );
}

#[test]
fn a_file_is_written_when_that_is_asked_for() {
    let folder = Folder::new("saved-file");
    let file = folder.path("deep/er/shapes.txt");
    for bless in [None, Some("0"), Some("")] {
        let output = folder.test("deep/er/shapes.txt", "0.1.0", bless);
        assert_fails(&output, &["no saved interface at", "deep/er/shapes.txt", "FARCALL_BLESS=1"]);
        assert!(!file.exists(), "a test that nobody told to write wrote");
    }
    assert!(folder.test("deep/er/shapes.txt", "0.1.0", Some("1")).status.success());
    assert_eq!(fs::read_to_string(&file).unwrap(), describe::<old::ShapesClient>().to_file());
    assert!(folder.test("deep/er/shapes.txt", "0.1.0", None).status.success());

    // A file that is not compatible stays until it is replaced by intent.
    let other = describe::<SharingClient>().to_file();
    fs::write(&file, &other).unwrap();
    let words = ["`Sharing` breaks clients", "1. the interface", "2. the method `here`"];
    assert_fails(&folder.test("deep/er/shapes.txt", "0.1.0", None), &words);
    assert_eq!(fs::read_to_string(&file).unwrap(), other);
    assert!(folder.test("deep/er/shapes.txt", "0.1.0", Some("1")).status.success());
    assert!(folder.test("deep/er/shapes.txt", "0.1.0", None).status.success());
}

#[test]
fn a_folder_has_a_file_for_every_released_version() {
    let folder = Folder::new("saved-folder");
    assert_fails(&folder.test("shapes/", "1.0.0", None), &["no saved interface at"]);
    assert!(folder.test("shapes/", "1.0.0", Some("1")).status.success());
    assert!(folder.test("shapes/", "1.1.0", Some("1")).status.success());
    fs::write(folder.path("shapes/README.md"), "not ours").unwrap();
    assert!(folder.test("shapes", "1.2.0", None).status.success());

    // Every one is checked, and those of other versions are never written.
    let other = describe::<SharingClient>().to_file();
    for version in ["1.0.0", "1.1.0"] {
        let (name, file) =
            (format!("{version}.txt"), folder.path(&format!("shapes/{version}.txt")));
        let saved = fs::read(&file).unwrap();
        fs::write(&file, &other).unwrap();
        for bless in [None, Some("1")] {
            let output = folder.test("shapes/", "1.2.0", bless);
            assert_fails(&output, &[name.as_str(), "`Sharing` breaks"]);
            assert_eq!(fs::read_to_string(&file).unwrap(), other);
        }
        fs::write(&file, saved).unwrap();
        assert!(folder.test("shapes/", "1.2.0", None).status.success());
    }
    let files = fs::read_dir(folder.path("shapes")).unwrap().count();
    assert_eq!(files, 4, "1.0.0, 1.1.0, 1.2.0 and what is not ours");
}

#[test]
fn the_form_that_does_not_panic_returns_a_typed_error() {
    let folder = Folder::new("saved-typed");
    let file = folder.path("shapes.txt");
    let check = || check_compatible::<old::ShapesClient>(&file);

    assert!(matches!(check(), Err(CompatibilityError::Missing { path }) if path == file));
    fs::write(&file, describe::<old::ShapesClient>().to_file()).unwrap();
    assert!(check().is_ok());
    fs::write(&file, "something else").unwrap();
    let error = check().unwrap_err();
    assert!(
        matches!(&error, CompatibilityError::Description { source: DescriptionError::Foreign, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("shapes.txt: it is not a saved interface"), "{error}");
    fs::write(&file, [0xff, 0xfe]).unwrap();
    let error = check().unwrap_err();
    assert!(matches!(&error, CompatibilityError::File { .. }), "{error:?}");
    assert!(std::error::Error::source(&error).is_some());
    fs::write(&file, describe::<SharingClient>().to_file()).unwrap();
    let Err(CompatibilityError::Incompatible { interface, changes, .. }) = check() else {
        panic!("it is another interface")
    };
    assert_eq!((interface.as_str(), changes.len()), ("Sharing", 3));
}

/// Of what the tests here need, whatever the type of the stub.
#[test]
fn a_description_is_that_of_the_stub() {
    fn name<S: Stub>() -> String {
        describe::<S>().name().to_owned()
    }
    assert_eq!(name::<NothingClient>(), "Nothing");
    assert_eq!(name::<old::ShapesClient>(), "acme.shapes");
}
