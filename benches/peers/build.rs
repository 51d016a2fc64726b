//! Makes the stubs of the peers that have their own language of interfaces.

use std::error::Error;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

type Result<T> = core::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("Cargo names a folder for output")?);
    println!("cargo::rerun-if-changed=schema");
    println!("cargo::rerun-if-changed=c");
    protocol_buffers()?;
    capnp(&out)?;
    if let Err(reason) = libtirpc(&out) {
        println!("cargo::warning=libtirpc is left out: {reason}");
    }
    Ok(())
}

/// Without `protoc`: protox is a compiler of the same language.
fn protocol_buffers() -> Result<()> {
    let files = protox::compile(["schema/store.proto"], ["schema"])?;
    Ok(tonic_prost_build::configure().bytes(".").compile_fds(files)?)
}

/// Without `capnp`: what it makes of the interface is kept beside it.
fn capnp(out: &Path) -> Result<()> {
    let request = BufReader::new(File::open("schema/store.capnp.request")?);
    capnpc::codegen::CodeGenerationCommand::new().output_directory(out).run(request)?;
    Ok(())
}

/// Makes the C side, if the system has what that takes.
fn libtirpc(out: &Path) -> Result<()> {
    let library = pkg_config::Config::new().cargo_metadata(false).probe("libtirpc")?;
    // It writes the path of its input into what it makes: a plain name is found everywhere.
    fs::copy("schema/store.x", out.join("store.x"))?;
    for (option, output) in
        [("-h", "store.h"), ("-c", "store_xdr.c"), ("-l", "store_clnt.c"), ("-m", "store_svc.c")]
    {
        let output = out.join(output);
        let _ = fs::remove_file(&output);
        let made = Command::new("rpcgen")
            .current_dir(out)
            .args(["-M", option, "-o"])
            .args([output.as_os_str(), "store.x".as_ref()])
            .status()?;
        if !made.success() {
            return Err("rpcgen failed".into());
        }
    }
    let generated = ["store_xdr.c", "store_clnt.c", "store_svc.c"].map(|file| out.join(file));
    cc::Build::new()
        .include(out)
        .includes(&library.include_paths)
        .files(generated)
        // What rpcgen makes is not free of them.
        .warnings(false)
        .opt_level(3)
        .try_compile("store_generated")?;
    cc::Build::new()
        .include(out)
        .includes(&library.include_paths)
        .file("c/libtirpc.c")
        .opt_level(3)
        .warnings(true)
        .extra_warnings(true)
        .try_compile("store_libtirpc")?;
    // Behind the two above, which refer to it.
    pkg_config::probe_library("libtirpc")?;
    println!("cargo::rustc-cfg=libtirpc");
    Ok(())
}
