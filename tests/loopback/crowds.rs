//! Many callers at once.

use std::collections::HashSet;
use std::sync::Mutex;

use farcall::{Server, rpc_interface};

use crate::support::{Gate, both};

#[rpc_interface]
pub trait Register {
    /// Enters a caller's number and gives it back.
    fn enter(&self, caller: u32, number: u32) -> (u32, u32);
    fn held(&self, number: u32) -> u32;
}

#[derive(Default)]
struct Book {
    entries: Mutex<Vec<(u32, u32)>>,
    gate: Gate,
}

impl Register for Book {
    fn enter(&self, caller: u32, number: u32) -> (u32, u32) {
        self.entries.lock().unwrap().push((caller, number));
        (caller, number)
    }

    fn held(&self, number: u32) -> u32 {
        self.gate.pass();
        number
    }
}

fn serve(book: &std::sync::Arc<Book>) -> impl FnOnce(Server) -> Server {
    let service = RegisterServer::shared(std::sync::Arc::clone(book));
    |server| server.serve(service)
}

fn assert_each_once(book: &Book, expected: usize) {
    let entries = book.entries.lock().unwrap();
    let distinct: HashSet<_> = entries.iter().collect();
    assert_eq!((entries.len(), distinct.len()), (expected, expected));
}

both! {
    fn sixty_four_threads_share_one_client(place: &Place) {
        const CALLS: u32 = 100;
        let book = std::sync::Arc::<Book>::default();
        let server = place.serve(serve(&book));
        let client = server.client();
        std::thread::scope(|scope| {
            for thread in 0..64 {
                let register: RegisterClient = client.stub();
                scope.spawn(move || {
                    for number in 0..CALLS {
                        assert_eq!(register.enter(thread, number).unwrap(), (thread, number));
                    }
                });
            }
        });
        assert_each_once(&book, 64 * CALLS as usize);
        assert_eq!(client.statistics().sessions_opened, 1);
    }

    fn clients_behind_one_address_are_told_apart(place: &Place) {
        const CALLS: u32 = 300;
        let book = std::sync::Arc::<Book>::default();
        let server = place.serve(serve(&book));
        // Their sessions use the same lanes and sequence numbers at the same time.
        std::thread::scope(|scope| {
            for caller in 0..2 {
                let register: RegisterClient = server.stub();
                scope.spawn(move || {
                    for number in 0..CALLS {
                        assert_eq!(register.enter(caller, number).unwrap(), (caller, number));
                    }
                });
            }
        });
        assert_each_once(&book, 2 * CALLS as usize);
        assert_eq!(server.handle.statistics().sessions_opened, 2);
    }

    fn more_calls_than_lanes_are_all_answered(place: &Place) {
        let book = std::sync::Arc::<Book>::default();
        let server = place.serve(serve(&book));
        let register: RegisterClient = server.stub();
        let calls: Vec<_> = (0..1000).map(|number| register.start().enter(7, number)).collect();
        for (number, call) in calls.into_iter().enumerate() {
            assert_eq!(call.wait().unwrap(), (7, number as u32));
        }
        assert_each_once(&book, 1000);
    }

    fn short_calls_overtake_long_ones(place: &Place) {
        let book = std::sync::Arc::<Book>::default();
        let server = place.serve_with(Server::builder().workers(4), serve(&book));
        let register: RegisterClient = server.stub();
        let held: Vec<_> = (0..3).map(|number| register.start().held(number)).collect();
        book.gate.until_entered(3);
        for number in 0..200 {
            assert_eq!(register.enter(1, number).unwrap(), (1, number));
        }
        book.gate.open();
        for (number, call) in held.into_iter().enumerate() {
            assert_eq!(call.wait().unwrap(), number as u32);
        }
    }

    fn clients_come_and_go(place: &Place) {
        let book = std::sync::Arc::<Book>::default();
        let server = place.serve(serve(&book));
        for number in 0..100 {
            let register: RegisterClient = server.stub();
            assert_eq!(register.enter(number, 0).unwrap(), (number, 0));
        }
        crate::support::eventually("their sessions are closed", || {
            (server.handle.statistics().sessions == 0).then_some(())
        });
        assert_each_once(&book, 100);
    }
}
