//! Files of any size both ways, with a progress bar, and the certainty that what is on the one disk is what was on
//! the other.
//!
//! ```text
//! cargo run --release --example file_transfer                               # a demonstration with 10 % loss
//! cargo run --release --example file_transfer serve /srv/files              # or as two processes
//! cargo run --release --example file_transfer put 127.0.0.1:4000 holiday.jpg --loss 0.1
//! cargo run --release --example file_transfer get 127.0.0.1:4000 holiday.jpg /tmp
//! ```
//!
//! The protocol verifies every message from memory to memory. That is not enough: disks, and whatever else a file
//! passes on either side, are beyond it. So the SHA-256 of the file is taken from the disk that it comes from, and
//! compared with that of the disk that it went to, after it was written there. Only then does it get its name. A
//! transfer that failed leaves nothing, and a new one begins from the start; a process that is killed leaves a file
//! called `.incoming-` and something, which nobody is given.

mod client;
mod disk;
mod relay;
mod server;

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use farcall::{Server, ServerHandle};

use client::Transferred;
use relay::Relay;
use server::{FilesServer, Folder};

/// Copies files across UDP. Without a command, a server and a client copy one both ways in a temporary folder.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Which part of the datagrams is lost in each direction; needs a client or the demonstration.
    #[arg(long, global = true, value_parser = probability)]
    loss: Option<f64>,
    /// The size of the file of the demonstration in MiB.
    #[arg(long, default_value_t = 24)]
    size: usize,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the files of a folder, and take new ones, until the process is ended.
    Serve {
        folder: PathBuf,
        /// The address to bind; port 0 takes any free one.
        #[arg(long, default_value = "127.0.0.1:4000")]
        listen: String,
    },
    /// Copy a file to the server.
    Put {
        /// The address of the server, such as localhost:4000.
        address: String,
        file: PathBuf,
    },
    /// Copy a file from the server into a folder.
    Get {
        /// The address of the server, such as localhost:4000.
        address: String,
        name: String,
        folder: PathBuf,
    },
}

fn probability(text: &str) -> Result<f64, String> {
    let value = text.parse().map_err(|error| format!("{error}"))?;
    (0.0..1.0).contains(&value).then_some(value).ok_or("not from 0 to below 1".to_owned())
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.command {
        None => demonstrate(arguments.size << 20, arguments.loss.unwrap_or(0.1)),
        Some(Command::Serve { folder, listen }) => serve(folder, listen),
        Some(Command::Put { address, file }) => {
            over(address, arguments.loss, |server| Ok(client::put(server, file)?))
        }
        Some(Command::Get { address, name, folder }) => {
            over(address, arguments.loss, |server| Ok(client::get(server, name, folder)?))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(folder: &Path, listen: &str) -> Result<(), Box<dyn Error>> {
    let server = Server::bind(listen)?.serve(FilesServer::new(Folder::new(folder)?));
    println!("serving {} on {}", folder.display(), server.local_addr());
    server.run()?;
    Ok(())
}

/// Makes a transfer with the server at `address`, through a bad network if one is asked for.
fn over(
    address: &str,
    loss: Option<f64>,
    transfer: impl FnOnce(SocketAddr) -> Result<Transferred, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let server = address.to_socket_addrs()?.next().ok_or("the name has no address")?;
    let Some(loss) = loss else {
        println!("{}", transfer(server)?);
        return Ok(());
    };
    let relay = Relay::new(server, loss)?;
    let transferred = transfer(relay.address())?;
    println!("{transferred}");
    println!("the network lost {} of {} datagrams", relay.lost(), relay.lost() + relay.relayed());
    Ok(())
}

/// Copies a file of `size` bytes to a server and back, through a network that loses the part `loss` of the datagrams.
fn demonstrate(size: usize, loss: f64) -> Result<(), Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    let [here, there, back] = ["here", "there", "back"].map(|name| scratch.path().join(name));
    for folder in [&here, &there, &back] {
        fs::create_dir(folder)?;
    }
    let file = here.join("holiday.jpg");
    write_noise(&file, size)?;
    let server = spawn(&there)?;
    let address = server.local_addr().to_string();
    println!("a file of {size} bytes, {:.0} % loss in each direction\n", loss * 100.0);

    over(&address, Some(loss), |server| Ok(client::put(server, &file)?))?;
    over(&address, Some(loss), |server| Ok(client::get(server, "holiday.jpg", &back)?))?;
    if fs::read(&file)? != fs::read(back.join("holiday.jpg"))? {
        return Err("the file came back changed".into());
    }
    println!("\nthe file came back as it was");

    // What goes wrong is told, with what it means for the files.
    let Err(error) = client::put(server.local_addr(), &file) else {
        return Err("a file was replaced".into());
    };
    println!("once more: {error}");
    let Err(error) = client::get(server.local_addr(), "../here/holiday.jpg", &back) else {
        return Err("a file outside the folder was given away".into());
    };
    println!("a name with a path: {error}");
    Ok(())
}

fn spawn(folder: &Path) -> Result<ServerHandle, Box<dyn Error>> {
    Ok(Server::bind("127.0.0.1:0")?.serve(FilesServer::new(Folder::new(folder)?)).spawn()?)
}

/// A file of which no part is like another.
fn write_noise(file: &Path, size: usize) -> io::Result<()> {
    let mut file = fs::File::create_new(file)?;
    let mut noise = vec![0; size];
    fastrand::Rng::with_seed(1).fill(&mut noise);
    file.write_all(&noise)
}

#[cfg(test)]
mod tests;
