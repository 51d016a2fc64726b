//! Nothing grows without a bound, and nothing is left behind.

use super::*;
