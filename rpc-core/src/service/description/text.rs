//! The text of a description, and reading it again.
//!
//! A file is a line with the version of the format, the text that people read, and a checksum, by
//! which a file that was cut off or changed by hand is known:
//!
//! ```text
//! farcall interface description, version 1
//!
//! interface Calculator
//!     id 0x57219b6d
//!
//! method at(point: Point) -> Option<string>
//!     id 0x5a9d7e1f, signature 0x0d55a1d8, idempotent, deadline 30s
//!
//! struct Point {
//!     x: i32,
//!     y: i32,
//! }
//!
//! checksum 0x2b5f81c3
//! ```

use core::fmt;
use core::iter::Peekable;
use core::slice;
use core::str::FromStr;
use core::time::Duration;

use super::{Description, MethodDescription, Options, TypeDescription};
use crate::service::method_id;

const HEADER: &str = "farcall interface description, version ";
const VERSION: u32 = 1;
const CHECKSUM: &str = "checksum ";
const INDENT: &str = "    ";

/// Units of deadlines, the largest first, in nanoseconds.
const UNITS: &[(&str, u128)] = &[("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)];

/// Why a text is not a saved [`Description`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DescriptionError {
    /// It does not begin as every such file does.
    Foreign,
    /// It was written by another release of farcall, in a version of the format that this one does not
    /// know.
    Version {
        /// The version that the file names.
        found: String,
    },
    /// It does not end with a checksum: a part of it is missing.
    Truncated,
    /// It was changed after it was written: its checksum is that of another text.
    Changed,
    /// A line says something that this release does not understand.
    Line {
        /// The line, counted from 1.
        number: usize,
        /// What is expected there.
        expected: &'static str,
    },
}

impl fmt::Display for DescriptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => {
                write!(f, "it is not a saved interface: its first line is not `{HEADER}{VERSION}`")
            }
            Self::Version { found } => write!(
                f,
                "it has version `{found}` of the format, and this release of farcall reads version \
                 {VERSION}"
            ),
            Self::Truncated => f.write_str("its end is missing: the last line has no checksum"),
            Self::Changed => f.write_str(
                "it was changed after it was written, by hand or by a merge: its checksum does not \
                 match",
            ),
            Self::Line { number, expected } => write!(f, "line {number}: {expected} is expected"),
        }
    }
}

impl std::error::Error for DescriptionError {}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "interface {}\n{INDENT}id {:#010x}", self.name, self.id)?;
        for MethodDescription { name, id, signature, shape, options } in &self.methods {
            writeln!(f, "\nmethod {name}{shape}")?;
            writeln!(f, "{INDENT}id {id:#010x}, signature {signature:#010x}{options}")?;
        }
        self.types.iter().try_for_each(|described| writeln!(f, "\n{}", described.text))
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_idempotent { ", idempotent" } else { "" })?;
        f.write_str(if self.is_oneway { ", oneway" } else { "" })?;
        let Some(deadline) = self.deadline else { return Ok(()) };
        let nanoseconds = deadline.as_nanos();
        let is_whole = |(_, size): &&(&str, u128)| nanoseconds.is_multiple_of(*size);
        let (unit, size) = UNITS.iter().find(is_whole).unwrap_or(&("ns", 1));
        write!(f, ", deadline {}{unit}", nanoseconds / size)
    }
}

impl Description {
    /// The text of a file that `parse` reads again.
    pub fn to_file(&self) -> String {
        let text = format!("{HEADER}{VERSION}\n\n{self}\n");
        let checksum = checksum(text.lines());
        format!("{text}{CHECKSUM}{checksum:#010x}\n")
    }
}

impl FromStr for Description {
    type Err = DescriptionError;

    fn from_str(file: &str) -> Result<Self, DescriptionError> {
        let mut lines: Vec<_> = file.lines().map(str::trim_end).collect();
        while lines.last().is_some_and(|line| line.is_empty()) {
            lines.pop();
        }
        let first = lines.first().copied().unwrap_or_default();
        // Editors of some systems put a byte order mark in front.
        let first = first.strip_prefix('\u{feff}').unwrap_or(first);
        let version = first.strip_prefix(HEADER).ok_or(DescriptionError::Foreign)?;
        if version.parse() != Ok(VERSION) {
            return Err(DescriptionError::Version { found: version.to_owned() });
        }
        lines[0] = first;
        let last = lines.pop().unwrap_or_default();
        let written = last.strip_prefix(CHECKSUM).and_then(number);
        match written {
            None => Err(DescriptionError::Truncated),
            Some(written) if written != checksum(lines.iter().copied()) => {
                Err(DescriptionError::Changed)
            }
            Some(_) => Lines { rest: lines[1..].iter().peekable(), number: 1 }.description(),
        }
    }
}

/// The lines of a file that are still to be read.
struct Lines<'l, 't> {
    rest: Peekable<slice::Iter<'l, &'t str>>,
    /// The number of the line that was read last, counted from 1.
    number: usize,
}

impl<'t> Lines<'_, 't> {
    fn description(mut self) -> Result<Description, DescriptionError> {
        let name = self.expect("interface ", "`interface` and its name")?.to_owned();
        let id = self.expect("    id ", "the interface's id")?;
        let id = self.parsed(number(id), "the interface's id")?;
        let mut description = Description { name, id, methods: Vec::new(), types: Vec::new() };
        while let Some(line) = self.next_filled() {
            match line.strip_prefix("method ") {
                Some(method) => description.methods.push(self.method(method)?),
                None => description.types.push(self.named_type(line)?),
            }
        }
        Ok(description)
    }

    fn method(&mut self, line: &str) -> Result<MethodDescription, DescriptionError> {
        let parenthesis = self.parsed(line.find('('), "a method with its arguments")?;
        let (name, shape) = line.split_at(parenthesis);
        let details = self.expect(INDENT, "a method's id and signature")?;
        let mut method = MethodDescription {
            name: name.to_owned(),
            id: method_id(name),
            signature: 0,
            shape: shape.to_owned(),
            options: Options::default(),
        };
        for detail in details.split(", ") {
            let (key, value) = detail.split_once(' ').unwrap_or((detail, ""));
            match key {
                "id" => method.id = self.parsed(number(value), "a number after `id`")?,
                "signature" => {
                    method.signature = self.parsed(number(value), "a number after `signature`")?;
                }
                "idempotent" => method.options.is_idempotent = true,
                "oneway" => method.options.is_oneway = true,
                "deadline" => {
                    let deadline = self.parsed(duration(value), "a duration after `deadline`")?;
                    method.options.deadline = Some(deadline);
                }
                _ => return Err(self.error("an option of a method")),
            }
        }
        Ok(method)
    }

    fn named_type(&mut self, first: &str) -> Result<TypeDescription, DescriptionError> {
        if !first.starts_with("struct ") && !first.starts_with("enum ") {
            return Err(self.error("`method`, `struct` or `enum`"));
        }
        let mut text = first.to_owned();
        if first.ends_with('{') {
            loop {
                let line = self.expect("", "`}`")?;
                text.push('\n');
                text.push_str(line);
                if line == "}" {
                    break;
                }
            }
        }
        Ok(TypeDescription { text })
    }

    fn next(&mut self) -> Option<&'t str> {
        self.number += 1;
        self.rest.next().copied()
    }

    fn next_filled(&mut self) -> Option<&'t str> {
        while self.rest.peek().is_some_and(|line| line.is_empty()) {
            self.next();
        }
        self.next()
    }

    /// The rest of the next line that is not empty, which has to begin like this.
    fn expect(&mut self, beginning: &str, what: &'static str) -> Result<&'t str, DescriptionError> {
        let rest = self.next_filled().and_then(|line| line.strip_prefix(beginning));
        self.parsed(rest, what)
    }

    /// A part of the line that was read last.
    fn parsed<T>(&self, part: Option<T>, what: &'static str) -> Result<T, DescriptionError> {
        part.ok_or_else(|| self.error(what))
    }

    fn error(&self, expected: &'static str) -> DescriptionError {
        DescriptionError::Line { number: self.number, expected }
    }
}

/// A number as `0x0012abcd`.
fn number(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

fn duration(text: &str) -> Option<Duration> {
    let (count, unit) = text.split_at(text.find(|character: char| !character.is_ascii_digit())?);
    let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let nanoseconds = count.parse::<u128>().ok()?.checked_mul(*size)?;
    let seconds = u64::try_from(nanoseconds / 1_000_000_000).ok()?;
    Some(Duration::new(seconds, (nanoseconds % 1_000_000_000) as u32))
}

/// Of the lines, so that what a version control system does to their ends does no harm.
fn checksum<'t>(lines: impl Iterator<Item = &'t str>) -> u32 {
    let mut text = String::new();
    for line in lines {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    method_id(text.trim_end())
}
