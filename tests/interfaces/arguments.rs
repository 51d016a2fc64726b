//! What goes into a call and comes back out of it.

use std::collections::BTreeMap;
use std::time::Duration;

use farcall::{Marshal, rpc_interface};

use crate::support::both;

#[derive(Clone, Debug, PartialEq, Marshal)]
pub struct Point {
    x: i32,
    y: i32,
}

#[derive(Clone, Debug, PartialEq, Marshal)]
pub struct Meters(f64);

#[derive(Clone, Debug, PartialEq, Marshal)]
pub struct Nothing;

#[derive(Clone, Debug, PartialEq, Marshal)]
pub enum Shape {
    Empty,
    Circle { center: Point, radius: Meters },
    Polygon(Vec<Point>),
    Pair(Box<Self>, Box<Self>),
}

/// A type that borrows from the message.
#[derive(Debug, PartialEq, Marshal)]
pub struct Line<'a> {
    number: u32,
    text: &'a str,
}

#[derive(Clone, Debug, PartialEq, Marshal)]
pub enum Denied {
    NotFound,
    Forbidden { who: String },
}

#[rpc_interface]
pub trait Echo {
    fn shape(&self, shape: Shape) -> Shape;
    fn count(&self, shape: &Shape) -> u64;
    fn text(&self, text: &str) -> String;
    fn reversed(&self, bytes: &[u8]) -> Vec<u8>;
    fn sum(&self, numbers: &[i64]) -> i64;
    fn total(&self, points: &[Point]) -> Point;
    fn line(&self, line: Line<'_>) -> String;
    fn several(&self, a: &str, b: &[u8], c: &Point, d: &[Point], e: Option<&str>) -> String;
    fn nothing(&self);
    fn unit(&self, nothing: Nothing) -> Nothing;
    fn open(&self, who: &str) -> Result<u32, Denied>;
    fn table(
        &self,
        table: BTreeMap<String, (u8, bool, char)>,
    ) -> BTreeMap<String, (u8, bool, char)>;
    fn extremes(
        &self,
        a: i128,
        b: u64,
        c: f64,
        d: [u8; 3],
        e: Duration,
    ) -> (i128, u64, f64, [u8; 3], Duration);
}

struct Server;

impl Echo for Server {
    fn shape(&self, shape: Shape) -> Shape {
        shape
    }

    fn count(&self, shape: &Shape) -> u64 {
        match shape {
            Shape::Pair(left, right) => self.count(left) + self.count(right),
            Shape::Empty | Shape::Circle { .. } | Shape::Polygon(_) => 1,
        }
    }

    fn text(&self, text: &str) -> String {
        text.to_owned()
    }

    fn reversed(&self, bytes: &[u8]) -> Vec<u8> {
        bytes.iter().rev().copied().collect()
    }

    fn sum(&self, numbers: &[i64]) -> i64 {
        numbers.iter().sum()
    }

    fn total(&self, points: &[Point]) -> Point {
        Point {
            x: points.iter().map(|point| point.x).sum(),
            y: points.iter().map(|point| point.y).sum(),
        }
    }

    fn line(&self, line: Line<'_>) -> String {
        format!("{}: {}", line.number, line.text)
    }

    fn several(&self, a: &str, b: &[u8], c: &Point, d: &[Point], e: Option<&str>) -> String {
        format!("{a} {b:?} {}/{} {} {e:?}", c.x, c.y, d.len())
    }

    fn nothing(&self) {}

    fn unit(&self, nothing: Nothing) -> Nothing {
        nothing
    }

    fn open(&self, who: &str) -> Result<u32, Denied> {
        match who {
            "root" => Ok(0),
            "nobody" => Err(Denied::NotFound),
            who => Err(Denied::Forbidden { who: who.to_owned() }),
        }
    }

    fn table(
        &self,
        table: BTreeMap<String, (u8, bool, char)>,
    ) -> BTreeMap<String, (u8, bool, char)> {
        table
    }

    fn extremes(
        &self,
        a: i128,
        b: u64,
        c: f64,
        d: [u8; 3],
        e: Duration,
    ) -> (i128, u64, f64, [u8; 3], Duration) {
        (a, b, c, d, e)
    }
}

both! {
    fn types_of_ones_own_arrive_as_they_were_sent(place: &Place) {
        let server = place.serve(|server| server.serve(EchoServer::new(Server)));
        let echo: EchoClient = server.stub();

        let point = Point { x: -1, y: i32::MAX };
        let circle = Shape::Circle { center: point.clone(), radius: Meters(0.5) };
        let polygon = Shape::Polygon(vec![point.clone(), point]);
        let pair = Shape::Pair(Box::new(circle.clone()), Box::new(polygon.clone()));
        for shape in [Shape::Empty, circle, polygon, pair] {
            assert_eq!(echo.shape(shape.clone()).unwrap(), shape);
        }
        assert_eq!(echo.unit(Nothing).unwrap(), Nothing);
        echo.nothing().unwrap();
    }

    fn references_are_sent_as_what_they_refer_to(place: &Place) {
        let server = place.serve(|server| server.serve(EchoServer::new(Server)));
        let echo: EchoClient = server.stub();

        // Text and bytes of every length around the four-byte units of the encoding.
        for length in 0..9 {
            let text = "äöüabcdef".chars().take(length).collect::<String>();
            assert_eq!(echo.text(&text).unwrap(), text);
            let bytes: Vec<u8> = (0..length as u8).collect();
            let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
            assert_eq!(echo.reversed(&bytes).unwrap(), reversed);
        }
        assert_eq!(echo.sum(&[]).unwrap(), 0);
        assert_eq!(echo.sum(&[i64::MIN, i64::MAX, 3]).unwrap(), 2);
        let points = [Point { x: 1, y: 2 }, Point { x: 3, y: 4 }];
        assert_eq!(echo.total(&points).unwrap(), Point { x: 4, y: 6 });
        assert_eq!(echo.line(Line { number: 7, text: "seven" }).unwrap(), "7: seven");
        let pair = Shape::Pair(Box::new(Shape::Empty), Box::new(Shape::Empty));
        assert_eq!(echo.count(&pair).unwrap(), 2);
        assert_eq!(
            echo.several("a", &[1, 2, 3], &points[0], &points, Some("e")).unwrap(),
            r#"a [1, 2, 3] 1/2 2 Some("e")"#
        );
    }

    fn borrowed_arguments_may_be_gone_when_the_result_comes(place: &Place) {
        let server = place.serve(|server| server.serve(EchoServer::new(Server)));
        let echo: EchoClient = server.stub();

        let pending = {
            let text = String::from("short-lived");
            echo.start().text(&text)
        };
        assert_eq!(pending.wait().unwrap(), "short-lived");
    }

    fn the_applications_own_errors_stay_typed(place: &Place) {
        let server = place.serve(|server| server.serve(EchoServer::new(Server)));
        let echo: EchoClient = server.stub();

        assert_eq!(echo.open("root").unwrap(), Ok(0));
        assert_eq!(echo.open("nobody").unwrap(), Err(Denied::NotFound));
        let who = "guest".to_owned();
        assert_eq!(echo.open("guest").unwrap(), Err(Denied::Forbidden { who }));
    }

    fn standard_types_arrive_as_they_were_sent(place: &Place) {
        let server = place.serve(|server| server.serve(EchoServer::new(Server)));
        let echo: EchoClient = server.stub();

        let table = BTreeMap::from([
            ("one".to_owned(), (1, true, 'ß')),
            (String::new(), (u8::MAX, false, '\u{10ffff}')),
        ]);
        assert_eq!(echo.table(table.clone()).unwrap(), table);
        let values = (i128::MIN, u64::MAX, f64::MIN_POSITIVE, [0, 127, 255], Duration::new(3, 4));
        let (a, b, c, d, e) = values;
        assert_eq!(echo.extremes(a, b, c, d, e).unwrap(), values);
    }
}
