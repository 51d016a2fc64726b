//! Types that are unusual, and legal.
#![deny(warnings)]
#![allow(dead_code)]
use farcall::Marshal;
#[derive(Marshal)]
struct Grid<T, const R: usize, const C: usize = 2> {
    cells: [[T; C]; R],
}
#[derive(Marshal)]
struct Two<'a, 'b: 'a, T: 'a>
where
    'b: 'a,
{
    a: &'a str,
    b: &'b [u8],
    c: Option<T>,
    p: std::marker::PhantomData<&'a T>,
}
#[derive(Marshal)]
enum Expr {
    Num(u64),
    Block(Vec<Stmt>),
}
#[derive(Marshal)]
enum Stmt {
    Let { name: String, value: Box<Expr> },
    Nop,
}
#[derive(Marshal)]
#[repr(u8)]
enum Disc {
    A = 200,
    B = 7,
    C,
}
#[derive(Marshal)]
struct r#Raw {
    r#type: u8,
    r#fn: r#Inner2,
}
#[derive(Marshal)]
enum r#Inner2 {
    r#Self_,
    r#Match { r#in: u8 },
}
#[derive(Marshal)]
struct Like<'__farcall> {
    x: &'__farcall str,
}
#[derive(Marshal)]
struct Like2<'de, '__farcall: 'de, '__farcall1> {
    x: &'__farcall str,
    y: &'de str,
    z: &'__farcall1 str,
}
#[derive(Marshal)]
struct CfgF {
    #[cfg(any())]
    gone: Missing,
    #[cfg(all())]
    here: u8,
    #[cfg_attr(all(), doc = "x")]
    d: u8,
}
#[derive(Marshal)]
struct CfgT(#[cfg(any())] Missing, #[cfg(all())] u8, u16);
#[derive(Marshal)]
enum CfgV {
    #[cfg(any())]
    Gone(Missing),
    #[cfg(all())]
    Here,
    There(#[cfg(any())] Missing, u8),
    X {
        #[cfg(any())]
        y: Missing,
        z: u8,
    },
}
#[derive(Marshal)]
struct Unit;
#[derive(Marshal)]
struct UnitT();
#[derive(Marshal)]
struct UnitB {}
#[derive(Marshal)]
struct Names {
    out: u8,
    __farcall_out: u8,
    __farcall_reader: u8,
    reader: u8,
    self_: u8,
}
#[derive(Marshal)]
enum Names2 {
    A { __farcall_out: u8, out: u8, __farcall_field_out: u8 },
    Ok(u8),
    Err(u8),
    None,
}
type Rr<T> = Result<T, u8>;
#[derive(Marshal)]
struct Tr<T: IntoIterator<Item = u8> + ?Sized>(Box<u8>, std::marker::PhantomData<T>)
where
    T: Clone;
#[derive(Marshal)]
#[marshal(bound = "")]
struct Ph<T>(std::marker::PhantomData<T>);
#[derive(Marshal)]
struct Res<T, E>(Result<T, E>, Rr<T>);
#[derive(Marshal)]
#[deprecated]
struct Dep {
    #[deprecated]
    x: u8,
}
macro_rules! m { ($n:ident, $t:ty, $v:ident, $l:lifetime) => { #[derive(Marshal)] enum $n<$l> { $v { x: $t, y: &$l str }, B($t) } } }
m!(Mac, Vec<u8>, V, 'q);
#[derive(Marshal)]
struct Shadow<Marshal>(Marshal);
#[derive(Marshal)]
struct Bounded<'a, 'b: 'a + 'static, T: Copy + 'b>(&'a str, &'b str, T);
#[derive(Marshal)]
struct S1<Self_>(Self_);
fn f<T>() -> u8 {
    #[derive(Marshal)]
    struct In<'a> {
        x: &'a str,
        t: Option<Box<In<'a>>>,
    }
    let _ = In { x: "", t: None };
    1
}
fn main() {
    f::<u8>();
}
