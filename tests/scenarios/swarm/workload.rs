//! The clients of a run, and what they do.

use std::sync::Mutex;
use std::time::Duration;

use farcall::__private::Answer;
use farcall::Outcome;
use farcall::sim::{Random, World};

use super::options::{ClientOptions, Workload};
use crate::support::{Bell, Caller, Failed, Finish, Hauling, Scene, Started, answer_on};

/// Clients, and the calls that they have begun and not waited for.
pub(super) struct Clients<'a> {
    scene: &'a Scene,
    workload: Workload,
    options: &'a [ClientOptions],
    callers: Vec<Caller>,
    open: Vec<Open>,
}

enum Open {
    Small(Started),
    Large(Hauling),
}

impl<'a> Clients<'a> {
    pub(super) fn new(scene: &'a Scene, workload: Workload, options: &'a [ClientOptions]) -> Self {
        let callers = options.iter().map(|options| open(scene, options)).collect();
        Self { scene, workload, options, callers, open: Vec::new() }
    }

    /// One step of the workload.
    pub(super) fn step(&mut self, random: &mut Random) {
        let client = random.below(self.callers.len() as u64) as usize;
        let caller = &self.callers[client];
        match random.below(32) {
            0 => {}
            1..6 => drop(caller.within(self.deadline(random, 3_000)).run()),
            6..8 => drop(caller.look()),
            8..10 => _ = caller.tell(),
            10..12 => self.scene.world.run_for(Duration::from_millis(random.below(300))),
            12..15 => self.end_one(random),
            15..17 => self.open.push(Open::Small(caller.start_look())),
            17 => self.colourful(random, client),
            18 => self.crash(random, client),
            19..22 if self.workload.is_large => self.haul(random, client),
            _ => {
                let caller = caller.within(self.deadline(random, 5_000));
                self.open.push(Open::Small(caller.start_run()));
            }
        }
    }

    /// The others of the handlers: one that panics, and one that reports its progress.
    fn colourful(&mut self, random: &mut Random, client: usize) {
        let caller = &self.callers[client];
        if !self.workload.is_colourful {
            drop(caller.run());
        } else if random.chance(0.3) {
            let time = Duration::from_millis(random.below(200));
            self.open.push(Open::Small(caller.start_nap(time)));
        } else {
            drop(caller.fail());
        }
    }

    /// Begins a call of any size, or waits for one.
    fn haul(&mut self, random: &mut Random, client: usize) {
        let large = self.open.iter().filter(|open| matches!(open, Open::Large(_))).count();
        if large > 4 {
            return self.end_one(random);
        }
        let most = [2_000, 20_000, 400_000][random.below(3) as usize];
        let bytes = random.below(most) as usize;
        let caller = self.callers[client].within(self.deadline(random, 10_000));
        self.open.push(Open::Large(caller.start_haul(bytes)));
    }

    /// A client is closed, with calls of it under way that nobody waits for, and another begins.
    fn close(&mut self, client: usize) {
        let options = &self.options[client];
        self.callers[client].tell();
        self.callers[client] = open(self.scene, options);
    }

    /// The host of a client dies and comes back; other clients begin on it, at the same ports.
    fn crash(&mut self, random: &mut Random, client: usize) {
        if !random.chance(0.1) {
            if random.chance(0.1) {
                self.close(client);
            }
            return;
        }
        let host = &self.options[client].host;
        self.scene.world.host(host).restart();
        for (caller, options) in self.callers.iter_mut().zip(self.options) {
            if options.host == *host {
                *caller = open(self.scene, options);
            }
        }
    }

    /// Waits for some call.
    fn end_one(&mut self, random: &mut Random) {
        if !self.open.is_empty() {
            let open = self.open.swap_remove(random.below(self.open.len() as u64) as usize);
            self.end(random, open);
        }
    }

    /// Waits for all calls: every one of them ends by its deadline, whatever happens.
    pub(super) fn end_all(&mut self, random: &mut Random) {
        for open in std::mem::take(&mut self.open) {
            self.end(random, open);
        }
    }

    /// Waits for a call; some are cancelled before, some of unknown outcome are settled.
    fn end(&self, random: &mut Random, open: Open) {
        let cancels = self.workload.cancels && random.chance(0.2);
        let result = match open {
            Open::Small(started) => {
                if cancels {
                    started.pending.cancel();
                }
                started.wait()
            }
            Open::Large(hauling) => {
                if cancels {
                    hauling.pending.cancel();
                }
                hauling.wait()
            }
        };
        if let Err(error) = result
            && error.outcome() == Outcome::Unknown
            && self.workload.settles
            && random.chance(0.5)
        {
            error.settle(Duration::from_millis(random.below(2_000)));
        }
    }

    /// With the faults over, every client can call again. The first call may find out that its session
    /// died with the server. Where there are fewer sessions than clients, some are told so (L7).
    pub(super) fn must_be_answered(&self, may_be_refused: bool) {
        for caller in &self.callers {
            let is_answered = |result: Result<u64, Failed>| match result {
                Ok(_) => true,
                // Some handlers end without a result, which is one too.
                Err(failed) if self.workload.answers_late => match failed.outcome() {
                    Outcome::Executed => true,
                    outcome => may_be_refused && outcome == Outcome::NotExecuted,
                },
                Err(failed) => may_be_refused && failed.outcome() == Outcome::NotExecuted,
            };
            let has_answer = is_answered(caller.run()) || is_answered(caller.run());
            assert!(has_answer, "L1: nothing stands in its way, and a call has no answer");
        }
    }

    fn deadline(&self, random: &mut Random, most: u64) -> Duration {
        let most = if self.workload.is_hasty && random.chance(0.3) { 20 } else { most };
        Duration::from_millis(1 + random.below(most))
    }
}

fn open(scene: &Scene, options: &ClientOptions) -> Caller {
    scene.client_with(&options.host, options.config.clone())
}

/// Answers at once, with a reply from an event of the world, as a future that is woken by one, once or
/// often or never again, or not at all.
pub(super) fn late_answers(world: &World) -> Finish {
    let (world, random) = (world.clone(), Mutex::new(world.random(1)));
    Box::new(move |call, receipt| {
        let (choice, delay, wakes) = {
            let mut random = random.lock().unwrap();
            (random.below(16), Duration::from_millis(random.below(2_000)), random.below(4))
        };
        match choice {
            0..4 => Answer::reply(receipt),
            4..9 => {
                let reply = call.reply();
                world.after(delay, move |_| reply.send(receipt));
                Answer::later()
            }
            9 => {
                drop(call.reply::<u64>());
                Answer::later()
            }
            10 => panic!("on purpose, with a reply in hand: {:?}", call.reply::<u64>()),
            11 => Answer::future(None, std::future::pending()),
            12 => Answer::future(None, async move { Answer::reply(receipt) }),
            _ => {
                let bell = Bell::after(&world, delay);
                for _ in 0..wakes {
                    let (bell, early) = (bell.clone(), delay.mul_f64(0.5));
                    world.after(early, move |_| bell.wake());
                }
                answer_on(bell, receipt)
            }
        }
    })
}
