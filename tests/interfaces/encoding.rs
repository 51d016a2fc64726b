//! Values that refuse to be encoded: the call says so, and nothing else suffers.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use farcall::{
    CallErrorKind, DecodeError, Marshal, Outcome, Reader, Schema, Stub, Unmarshal, Writer,
    rpc_interface,
};

use crate::support::both;

/// Even numbers can be sent, odd ones cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Even(u32);

impl Marshal for Even {
    fn marshal(&self, out: &mut Writer) {
        if !self.0.is_multiple_of(2) {
            out.fail(format_args!("{} is odd", self.0));
        }
        self.0.marshal(out);
    }

    fn describe(schema: &mut Schema) {
        u32::describe(schema);
    }
}

impl<'a> Unmarshal<'a> for Even {
    const MIN: usize = 4;

    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.read_u32().map(Self)
    }
}

#[rpc_interface]
pub trait Numbers {
    fn add(&self, number: Even, more: u32) -> Even;
    fn sum(&self, numbers: &HashMap<Even, HashSet<Even>>) -> u32;
    #[rpc(idempotent)]
    fn next(&self, number: Even) -> Vec<Even>;
    #[rpc(oneway)]
    fn log(&self, number: Even);
}

struct Adder;

impl Numbers for Adder {
    fn add(&self, number: Even, more: u32) -> Even {
        Even(number.0 + more)
    }

    fn sum(&self, numbers: &HashMap<Even, HashSet<Even>>) -> u32 {
        numbers.keys().chain(numbers.values().flatten()).map(|number| number.0).sum()
    }

    fn next(&self, number: Even) -> Vec<Even> {
        vec![number, Even(number.0 + 1), Even(number.0 + 3)]
    }

    fn log(&self, _: Even) {}
}

both! {
    fn arguments_that_cannot_be_encoded_are_not_sent(place: &Place) {
        let server = place.serve(|server| server.serve(NumbersServer::new(Adder)));
        let numbers: NumbersClient = server.stub();
        numbers.client().ready(Duration::from_secs(5)).unwrap();
        let before = numbers.client().statistics().datagrams_sent;

        let inside = HashMap::from([(Even(2), HashSet::from([Even(4), Even(7)]))]);
        let errors = [
            (numbers.add(Even(1), 1).unwrap_err(), "1 is odd"),
            (numbers.sum(&inside).unwrap_err(), "7 is odd"),
            (numbers.next(Even(3)).unwrap_err(), "3 is odd"),
            (numbers.log(Even(5)).unwrap_err(), "5 is odd"),
            (numbers.start().add(Even(9), 1).wait().unwrap_err(), "9 is odd"),
        ];
        for (error, reason) in errors {
            assert_eq!(error.outcome(), Outcome::NotExecuted);
            let CallErrorKind::UnencodableArguments(source) = error.kind() else {
                panic!("{error}")
            };
            assert_eq!(source.to_string(), reason);
            assert!(error.to_string().contains("the arguments could not be encoded"), "{error}");
        }
        assert_eq!(numbers.client().statistics().datagrams_sent, before);
        assert_eq!(server.handle.statistics().executions, 0);

        // The stub is as good as before.
        assert_eq!(numbers.add(Even(2), 2).unwrap(), Even(4));
        assert_eq!(numbers.sum(&HashMap::from([(Even(2), HashSet::from([Even(4)]))])).unwrap(), 6);
    }

    fn a_result_that_cannot_be_encoded_was_executed(place: &Place) {
        let server = place.serve(|server| server.serve(NumbersServer::new(Adder)));
        let numbers: NumbersClient = server.stub();
        let errors = [
            (numbers.add(Even(2), 1).unwrap_err(), "3 is odd"),
            // The first reason is told.
            (numbers.next(Even(4)).unwrap_err(), "5 is odd"),
        ];
        for (error, reason) in errors {
            assert_eq!(error.outcome(), Outcome::Executed);
            let CallErrorKind::UnencodableReply { detail } = error.kind() else {
                panic!("{error}")
            };
            assert_eq!(detail, reason);
            assert!(error.to_string().contains("the result could not be encoded"), "{error}");
        }
        assert_eq!(server.handle.statistics().executions, 2);
        assert_eq!(numbers.add(Even(2), 2).unwrap(), Even(4));
    }
}
