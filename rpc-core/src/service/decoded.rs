//! The step of generated code from bytes to an argument.

use super::Answer;
use crate::marshal::DecodeError;

/// An argument, or the answer to a call whose argument cannot be decoded. For generated code.
///
/// # Errors
/// The answer, if there is no argument.
#[inline]
pub fn decoded<T>(argument: &'static str, result: Result<T, DecodeError>) -> Result<T, Answer> {
    match result {
        Ok(value) => Ok(value),
        Err(error) => Err(Answer::undecodable(argument, error)),
    }
}
