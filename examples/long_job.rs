//! A call that takes long: the server says that it is working, and how far it has come.
//!
//! ```text
//! cargo run --example long_job                                 # both in one process
//! cargo run --example long_job kill                            # the server is killed half-way
//! cargo run --example long_job serve 127.0.0.1:4000            # two processes, to be killed by hand
//! cargo run --example long_job call 127.0.0.1:4000
//! ```

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Command as Process, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use farcall::{CallStatus, Client, ClientConfig, Context, Server, rpc_interface};
use indicatif::{ProgressBar, ProgressStyle};

#[rpc_interface]
trait Renderer {
    /// Renders a film and returns how many frames it has.
    #[rpc(deadline = "1h")]
    fn render(&self, #[ctx] cx: &Context, frames: u64) -> u64;
}

struct Farm;

impl Renderer for Farm {
    fn render(&self, cx: &Context, frames: u64) -> u64 {
        for frame in 0..frames {
            // Nobody waits for a cancelled film.
            if cx.is_cancelled() {
                return frame;
            }
            cx.report(frame, frames);
            thread::sleep(Duration::from_millis(50)); // the work
        }
        frames
    }
}

/// A long call with a progress bar. Without a command, server and client run in one process.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Kill the server process in the middle of the call, to see what the caller is told.
    Kill,
    /// Serve until the process is ended.
    Serve {
        /// The address to bind, such as 127.0.0.1:4000; port 0 takes any free one.
        address: String,
    },
    /// Have a film rendered.
    Call {
        /// The address of the server, such as localhost:4000.
        address: String,
        /// The length of the film; a frame takes 50 ms.
        #[arg(default_value_t = 200)]
        frames: u64,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        None => both(),
        Some(Command::Kill) => kill(),
        Some(Command::Serve { address }) => serve(&address),
        Some(Command::Call { address, frames }) => call(&address, frames),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn both() -> Result<(), Box<dyn Error>> {
    let server = Server::bind("127.0.0.1:0")?.serve(RendererServer::new(Farm)).spawn()?;
    call(&server.local_addr().to_string(), 100)
}

fn serve(address: &str) -> Result<(), Box<dyn Error>> {
    let server = Server::bind(address)?.serve(RendererServer::new(Farm));
    println!("{}", server.local_addr());
    server.run()?;
    Ok(())
}

fn call(address: &str, frames: u64) -> Result<(), Box<dyn Error>> {
    // How long a silent server is waited for. A working one is waited for until the deadline.
    let config = ClientConfig { silence_limit: Duration::from_secs(3), ..ClientConfig::default() };
    let renderer: RendererClient = Client::builder().config(config).connect(address)?.stub();

    let style = ProgressStyle::with_template("{msg:8} {wide_bar} {pos}/{len}  {eta} left")?;
    let bar = ProgressBar::new(frames).with_style(style);
    let mut film = renderer.start().render(frames);
    let result = loop {
        if let Some(result) = film.wait_timeout(Duration::from_millis(100)) {
            break result;
        }
        match film.status() {
            CallStatus::Running { done, .. } => {
                bar.set_message("working");
                bar.set_position(done);
            }
            CallStatus::Queued { position } => bar.set_message(format!("{position} before")),
            _ => bar.set_message("sent"),
        }
    };
    let done = bar.position();
    bar.finish_and_clear();
    match result {
        Ok(frames) => println!("{frames} frames rendered"),
        Err(error) => return Err(format!("{error} (last heard of: frame {done})").into()),
    }
    Ok(())
}

fn kill() -> Result<(), Box<dyn Error>> {
    let mut server = Process::new(std::env::current_exe()?)
        .args(["serve", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut address = String::new();
    BufReader::new(server.stdout.take().ok_or("no output")?).read_line(&mut address)?;
    let killer = thread::spawn(move || {
        thread::sleep(Duration::from_secs(2));
        server.kill().and_then(|()| server.wait()).map(|_| Instant::now())
    });
    let result = call(address.trim(), 100);
    if let Ok(Ok(killed)) = killer.join() {
        eprintln!("the server was killed {:.1?} ago", killed.elapsed());
    }
    result
}
