//! Types that know serde and nothing of farcall.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Point {
    pub(crate) x: i32,
    pub(crate) y: i32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Meters(pub(crate) f64);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Marker;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Shape {
    Empty,
    Circle(Meters),
    Line(Point, Point),
    Polygon { points: Vec<Point>, name: Option<String> },
}

/// Recursive through a box, an option and a vector.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Tree {
    Leaf,
    Node(Box<Self>, Vec<Self>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct List {
    pub(crate) next: Option<Box<Self>>,
}

/// No value has an end.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Endless(pub(crate) Box<Self>);
