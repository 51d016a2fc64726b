//! Many seeds, each with faults of its own choice: whatever happens, no promise is broken.

use std::sync::Mutex;
use std::time::Duration;

use farcall::__private::Answer;
use farcall::sim::{Bursts, Delay, Link, Random, Settings, Tally, World};
use farcall::{ClientConfig, Outcome, ServerConfig};

use crate::support::{
    Bell, Caller, Failed, Finish, HOUR, Hauling, MS, SECOND, Scene, Started, answer_on,
    server_config,
};

/// Seeds of one run of the test. `SIM_SEEDS=first..last` runs others, `SIM_SEEDS=n` one.
const SEEDS: std::ops::Range<u64> = 0..120;
const CALLS: usize = 150;
/// When the last of the disasters is over.
const DISASTERS_END: Duration = Duration::from_secs(25);

fn seeds() -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("SIM_SEEDS") else { return SEEDS };
    let number = |text: &str| text.parse().expect("SIM_SEEDS is a number or two");
    match text.split_once("..") {
        Some((first, last)) => number(first)..number(last),
        None => number(&text)..number(&text) + 1,
    }
}

/// When the handlers answer.
#[derive(Clone, Copy)]
enum Answers {
    AtOnce,
    /// At once or later, with a reply or as a future, in random order.
    Later,
    /// At once, and most calls carry more than a datagram.
    Large,
}

#[test]
fn no_mix_of_faults_breaks_a_promise() {
    run(Answers::AtOnce);
}

#[test]
fn no_mix_of_faults_and_late_answers_breaks_a_promise() {
    run(Answers::Later);
}

#[test]
fn no_mix_of_faults_breaks_a_promise_about_large_messages() {
    run(Answers::Large);
}

fn run(answers: Answers) {
    let mut sum = Tally::default();
    for seed in seeds() {
        // Whoever sees this fail runs this seed alone.
        println!("SIM_SEEDS={seed} cargo test --features sim --test scenarios swarm");
        let tally = scenario(seed, answers).0;
        sum.begun += tally.begun;
        sum.ok += tally.ok;
        sum.not_executed += tally.not_executed;
        sum.executed += tally.executed;
        sum.unknown += tally.unknown;
        sum.executions += tally.executions;
        sum.open += tally.open;
    }
    println!("{sum:?}");
}

#[test]
fn a_seed_of_the_swarm_gives_the_same_run_twice() {
    for seed in [1, 2, 3] {
        for answers in [Answers::AtOnce, Answers::Later, Answers::Large] {
            assert_eq!(scenario(seed, answers).1, scenario(seed, answers).1, "seed {seed}");
        }
    }
}

/// Runs a seed; gives how its calls ended and the hash of the run.
fn scenario(seed: u64, answers: Answers) -> (Tally, u64) {
    let world = World::with(Settings { recorded: 1 << 16, ..Settings::new(seed) });
    let mut random = world.random(0);
    let config = random_server(&mut random);
    let scene = match answers {
        Answers::AtOnce => Scene::on(world.clone(), config),
        Answers::Large => Scene::on(world.clone(), random_budgets(&mut random, config)),
        Answers::Later => {
            let maximum_suspended = if random.chance(0.3) { 1 + random.below(4) } else { 1000 };
            let config = ServerConfig { maximum_suspended: maximum_suspended as usize, ..config };
            Scene::answering(world.clone(), config, late_answers(&world))
        }
    };
    world.set_all_links(random_link(&mut random));
    scene.host().set_service_time(random_service_time(&mut random));
    let clients: Vec<Caller> = (0..1 + random.below(3))
        .map(|number| scene.client_with(&format!("client-{number}"), random_client(&mut random)))
        .collect();
    plan_disasters(&world, &mut random);
    let (mut open, mut hauling) = (Vec::new(), Vec::new());
    for _ in 0..CALLS {
        if matches!(answers, Answers::Large) && random.chance(0.5) {
            haul(&mut random, &clients, &mut hauling);
        } else {
            step(&world, &mut random, &clients, &mut open);
        }
    }
    // Every call ends by its deadline, whatever happens.
    for started in open {
        end(&mut random, started);
    }
    for hauling in hauling {
        end_haul(&mut random, hauling);
    }
    after_the_faults(&scene, &clients, answers);
    drop(clients);
    world.replay(30 * SECOND);
    world.run_for(60 * SECOND);
    scene.ledger.check();
    (scene.ledger.tally(), world.trace().hash())
}

/// Answers at once, with a reply from an event of the world, as a future that is woken by one, once or
/// often or never again, or not at all.
fn late_answers(world: &World) -> Finish {
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

fn step(world: &World, random: &mut Random, clients: &[Caller], open: &mut Vec<Started>) {
    let client = random.pick(clients);
    match random.below(16) {
        0..3 => drop(client.within(Duration::from_millis(1 + random.below(3_000))).run()),
        3 => drop(client.look()),
        4 => _ = client.tell(),
        5 => world.run_for(Duration::from_millis(random.below(300))),
        6..8 => {
            if !open.is_empty() {
                let started = open.swap_remove(random.below(open.len() as u64) as usize);
                end(random, started);
            }
        }
        8 => open.push(client.start_look()),
        _ => {
            let deadline = Duration::from_millis(1 + random.below(5_000));
            open.push(client.within(deadline).start_run());
        }
    }
}

/// Begins a call of any size, or waits for one.
fn haul(random: &mut Random, clients: &[Caller], open: &mut Vec<Hauling>) {
    let client = random.pick(clients);
    if open.len() > 4 || (!open.is_empty() && random.chance(0.3)) {
        let hauling = open.swap_remove(random.below(open.len() as u64) as usize);
        return end_haul(random, hauling);
    }
    let most = [2_000, 20_000, 400_000][random.below(3) as usize];
    let bytes = random.below(most) as usize;
    let deadline = Duration::from_millis(1 + random.below(10_000));
    open.push(client.within(deadline).start_haul(bytes));
}

fn end_haul(random: &mut Random, hauling: Hauling) {
    if random.chance(0.2) {
        hauling.pending.cancel();
    }
    if let Err(error) = hauling.wait()
        && error.outcome() == Outcome::Unknown
        && random.chance(0.5)
    {
        error.settle(Duration::from_millis(random.below(2_000)));
    }
}

/// Waits for a call; some are cancelled before, some of unknown outcome are settled.
fn end(random: &mut Random, started: Started) {
    if random.chance(0.2) {
        started.pending.cancel();
    }
    if let Err(error) = started.wait()
        && error.outcome() == Outcome::Unknown
        && random.chance(0.5)
    {
        error.settle(Duration::from_millis(random.below(2_000)));
    }
}

/// With the faults over, every client can call again. The first call may find out that its session
/// died with the server.
fn after_the_faults(scene: &Scene, clients: &[Caller], answers: Answers) {
    scene.world.run_for(DISASTERS_END.saturating_sub(scene.world.now()));
    scene.world.calm();
    scene.host().set_service_time(Duration::ZERO);
    scene.world.run_for(2 * SECOND);
    for client in clients {
        // Some handlers end without a result, which is one too.
        let may_fail = matches!(answers, Answers::Later);
        let is_answered = |result: Result<u64, Failed>| match result {
            Ok(_) => true,
            Err(failed) => may_fail && failed.outcome() == Outcome::Executed,
        };
        let has_answer = is_answered(client.run()) || is_answered(client.run());
        assert!(has_answer, "nothing stands in its way any more");
    }
}

fn random_link(random: &mut Random) -> Link {
    let mut link = Link::default();
    // One seed in sixteen is clean.
    if random.chance(1.0 / 16.0) {
        return link;
    }
    let harshness = if random.chance(0.125) { 3.0 } else { 1.0 };
    let mut draw = |most: f64| {
        let is_on = random.chance(0.5);
        let share = random.below(1_000) as f64 / 1_000.0;
        if is_on { most * share * share * harshness } else { 0.0 }
    };
    link.loss = draw(0.3);
    link.duplication = draw(0.3);
    link.corruption = draw(0.1);
    link.late_copies = draw(0.05);
    if draw(1.0) > 0.0 {
        link.bursts = Some(Bursts { begin: 0.01, end: 0.1, loss: 0.9 });
    }
    link.delay = match random.below(4) {
        0 => Delay::fixed(Duration::from_micros(100)),
        1 => Delay::uniform(Duration::from_micros(50), 5 * MS),
        2 => Delay::exponential(5 * MS, 30 * MS),
        _ => Delay::uniform(Duration::ZERO, 300 * MS),
    };
    if random.chance(0.2) {
        link.queue_limit = 2 + random.below(60) as usize;
    }
    if random.chance(0.1) {
        link.size_limit = 1_200 + random.below(8_000) as usize;
    }
    link
}

fn random_service_time(random: &mut Random) -> Delay {
    match random.below(5) {
        0 => Delay::ZERO,
        1 => Delay::uniform(Duration::ZERO, 2 * MS),
        2 => Delay::exponential(Duration::ZERO, 20 * MS),
        3 => Delay::uniform(Duration::ZERO, SECOND),
        _ => Delay::exponential(MS, 100 * MS),
    }
}

fn random_server(random: &mut Random) -> ServerConfig {
    ServerConfig {
        workers: 1 + random.below(8) as usize,
        window: 1 + random.below(32) as u16,
        maximum_queued_calls: if random.chance(0.3) { 1 + random.below(8) as usize } else { 4096 },
        maximum_running_per_session: if random.chance(0.3) { 1 } else { usize::MAX },
        lease: if random.chance(0.3) { 2 * SECOND } else { 300 * SECOND },
        ..server_config()
    }
}

fn random_client(random: &mut Random) -> ClientConfig {
    let usual = ClientConfig::default();
    ClientConfig {
        silence_limit: if random.chance(0.3) { 2 * SECOND } else { usual.silence_limit },
        ..usual
    }
}

/// Little memory for large messages, now and then.
fn random_budgets(random: &mut Random, config: ServerConfig) -> ServerConfig {
    let usual = ServerConfig::default();
    let mut draw = |usual: usize| {
        if random.chance(0.2) { 1 + random.below(1_000_000) as usize } else { usual }
    };
    ServerConfig {
        maximum_request: draw(usual.maximum_request),
        maximum_reply: draw(usual.maximum_reply),
        maximum_assembly_bytes: draw(usual.maximum_assembly_bytes),
        maximum_assembly_bytes_per_session: draw(usual.maximum_assembly_bytes_per_session),
        maximum_reply_bytes: draw(usual.maximum_reply_bytes).max(100_000),
        ..config
    }
}

/// Up to four of the things that befall hosts and paths, at random times.
fn plan_disasters(world: &World, random: &mut Random) {
    for _ in 0..random.below(5) {
        let at = Duration::from_millis(random.below(20_000));
        let time = Duration::from_millis(1 + random.below(4_000));
        match random.below(8) {
            0 => world.after(at, |world| world.host("work").restart()),
            1 => world.after(at, move |world| {
                world.host("work").crash();
                world.after(time, |world| world.host("work").restart());
            }),
            2 => world.after(at, move |world| {
                world.partition(&["client-0", "client-1"], &["work"]);
                world.after(time, World::heal);
            }),
            3 => world.after(at, move |world| {
                world.cut("work", "client-0");
                world.after(time, World::heal);
            }),
            4 => world.after(at, move |world| world.host("work").pause(time)),
            5 => world.after(at, move |world| world.host("client-0").pause(time)),
            6 => world.after(at, |world| world.host("client-0").rebind()),
            _ => world.after(at, |world| world.host("work").jump_clock(HOUR)),
        }
    }
}
