//! Type parameters, lifetimes, constants, bounds and defaults.

#![deny(warnings)]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use farcall::{Marshal, Unmarshal};

#[derive(Marshal)]
pub struct Line<'a, 'b: 'a, T, U = u8>
where
    T: Clone,
{
    pub text: &'a str,
    pub bytes: &'b [u8],
    pub cow: Cow<'a, str>,
    pub items: Vec<T>,
    pub other: Option<U>,
}

#[derive(Marshal)]
pub enum Either<L, R> {
    Left(L),
    Right { right: R },
}

#[derive(Marshal)]
pub struct Block<T: Default, const N: usize> {
    pub items: [T; N],
    pub map: BTreeMap<u8, T>,
}

pub trait Family {
    type Member;
}

#[derive(Marshal)]
#[marshal(bound = "F::Member: Marshal + for<'a> Unmarshal<'a>")]
pub struct Relative<F: Family> {
    pub member: F::Member,
}

pub struct Unsendable;

#[derive(Marshal)]
#[marshal(bound = "")]
pub struct Tagged<T> {
    pub id: u32,
    pub tag: PhantomData<fn() -> T>,
}

impl Family for Unsendable {
    type Member = u16;
}

fn both<'a, T: Marshal + Unmarshal<'a>>() {}

fn main() {
    both::<Line<'_, '_, u32>>();
    both::<Either<u8, Line<'_, '_, Vec<u8>, u16>>>();
    both::<Block<u8, 3>>();
    both::<Relative<Unsendable>>();
    both::<Tagged<u8>>();
}
