//! The bytes of a message: in one piece, or in several where large values are not copied.

use core::fmt;
use core::ops::Range;
use std::borrow::Cow;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::pool::Small;

/// An encoded message.
///
/// A message of at most 256 bytes that was written for a call lies in a buffer that is used again.
///
/// A message of less than [`SHARED_FROM`](Self::SHARED_FROM) bytes is always in one piece, and so is every
/// message whose values were borrowed when it was written. Clones share the bytes, unless
/// they are few.
///
/// ```
/// use farcall_core::marshal::Body;
///
/// let body = Body::from(vec![1, 2, 3, 4]);
/// assert_eq!(body.len(), 4);
/// assert_eq!(body.pieces(1..3).collect::<Vec<_>>(), [&[2, 3]]);
/// ```
#[derive(Clone)]
pub struct Body(Repr);

#[derive(Clone)]
enum Repr {
    Small(Small),
    Whole(Bytes),
    Chain(Arc<Chain>),
}

struct Chain {
    /// None of them is empty.
    pieces: Vec<Bytes>,
    length: usize,
}

impl Body {
    /// Values of fewer bytes than this are copied into the message. It is more than any datagram has, so
    /// that what fits one is in one piece.
    pub const SHARED_FROM: usize = 128 << 10;

    /// The pieces one after the other.
    pub(crate) fn chain(mut pieces: Vec<Bytes>) -> Self {
        pieces.retain(|piece| !piece.is_empty());
        if pieces.len() < 2 {
            return Self::from(pieces.pop().unwrap_or_default());
        }
        let length = pieces.iter().map(Bytes::len).sum();
        Self(Repr::Chain(Arc::new(Chain { pieces, length })))
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Small(bytes) => bytes.len(),
            Repr::Whole(bytes) => bytes.len(),
            Repr::Chain(chain) => chain.length,
        }
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, if they are in one piece.
    #[inline]
    pub fn as_whole(&self) -> Option<&[u8]> {
        match &self.0 {
            Repr::Small(bytes) => Some(bytes),
            Repr::Whole(bytes) => Some(bytes),
            Repr::Chain(_) => None,
        }
    }

    /// The bytes of a part, piece by piece. What is beyond the end is left out.
    pub fn pieces(&self, part: Range<usize>) -> impl Iterator<Item = &[u8]> + Clone {
        let (whole, pieces) = match &self.0 {
            Repr::Chain(chain) => (None, &chain.pieces[..]),
            _ => (self.as_whole(), &[][..]),
        };
        let mut start = 0;
        whole.into_iter().chain(pieces.iter().map(|piece| &piece[..])).filter_map(move |piece| {
            let from = part.start.saturating_sub(start).min(piece.len());
            let to = part.end.saturating_sub(start).min(piece.len());
            start += piece.len();
            (from < to).then(|| &piece[from..to])
        })
    }

    /// The bytes of a part. They are copied only where two pieces meet in it. What is beyond the end is left
    /// out.
    #[inline]
    pub fn part(&self, part: Range<usize>) -> Cow<'_, [u8]> {
        match self.as_whole() {
            Some(bytes) => {
                let end = part.end.min(bytes.len());
                Cow::Borrowed(&bytes[part.start.min(end)..end])
            }
            None => self.joined(part),
        }
    }

    fn joined(&self, part: Range<usize>) -> Cow<'_, [u8]> {
        let mut pieces = self.pieces(part);
        match (pieces.next(), pieces.next()) {
            (piece, None) => Cow::Borrowed(piece.unwrap_or_default()),
            (first, second) => {
                let all = first.into_iter().chain(second).chain(pieces);
                let mut joined = Vec::with_capacity(all.clone().map(<[u8]>::len).sum());
                all.for_each(|piece| joined.extend_from_slice(piece));
                Cow::Owned(joined)
            }
        }
    }

    /// All bytes in one piece. Copies them unless they are.
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Repr::Small(bytes) => Bytes::copy_from_slice(&bytes),
            Repr::Whole(bytes) => bytes,
            Repr::Chain(chain) => {
                let mut whole = BytesMut::with_capacity(chain.length);
                for piece in &chain.pieces {
                    whole.extend_from_slice(piece);
                }
                whole.freeze()
            }
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::from(Bytes::new())
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Repr::Whole(bytes))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        match Small::new(bytes) {
            Ok(small) => Self(Repr::Small(small)),
            Err(bytes) => Self::from(Bytes::from(bytes)),
        }
    }
}

/// Equal are the bytes, in whatever pieces.
impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        let bytes = |body: &Self| body.clone().into_bytes();
        self.len() == other.len()
            && match (self.as_whole(), other.as_whole()) {
                (Some(whole), Some(other)) => whole == other,
                _ => bytes(self) == bytes(other),
            }
    }
}

impl Eq for Body {}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Small(bytes) => fmt::Debug::fmt(bytes, f),
            Repr::Whole(bytes) => fmt::Debug::fmt(bytes, f),
            Repr::Chain(chain) => {
                write!(f, "{} bytes in {} pieces", chain.length, chain.pieces.len())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(lengths: &[usize]) -> (Body, Vec<u8>) {
        let whole: Vec<u8> = (0..lengths.iter().sum()).map(|byte: usize| byte as u8).collect();
        let mut rest = Bytes::from(whole.clone());
        (Body::chain(lengths.iter().map(|&length| rest.split_to(length)).collect()), whole)
    }

    #[test]
    fn every_part_is_the_part_of_the_whole() {
        for lengths in [&[][..], &[0], &[9], &[4, 5], &[1, 1, 7], &[0, 3, 0, 6, 0]] {
            let (body, whole) = chain(lengths);
            assert_eq!((body.len(), body.is_empty()), (whole.len(), whole.is_empty()));
            for start in 0..=whole.len() {
                for end in start..=whole.len() {
                    let pieces: Vec<_> = body.pieces(start..end).collect();
                    assert!(pieces.iter().all(|piece| !piece.is_empty()));
                    assert_eq!(pieces.concat(), whole[start..end], "{lengths:?} {start}..{end}");
                    let part = body.part(start..end);
                    assert_eq!(*part, whole[start..end], "{lengths:?} {start}..{end}");
                    assert_eq!(matches!(part, Cow::Owned(_)), pieces.len() > 1);
                }
            }
            assert_eq!(body.pieces(0..usize::MAX).collect::<Vec<_>>().concat(), whole);
            assert_eq!(body, Body::from(whole.clone()));
            assert_eq!(body.into_bytes(), whole);
        }
    }

    #[test]
    fn one_piece_is_the_whole_message() {
        let (body, whole) = chain(&[0, 7, 0]);
        assert_eq!(body.as_whole(), Some(&whole[..]));
        assert_eq!(chain(&[3, 4]).0.as_whole(), None);
        assert_ne!(chain(&[3, 4]).0, Body::from(vec![9; 7]));
    }
}
