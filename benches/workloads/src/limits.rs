//! How many files this process may have open, which sockets are too, and how much memory there is.

/// What a process has open besides: the pipes of the other side, libraries, polls.
const OTHERS: u64 = 512;

/// Asks for enough files for so many endpoints, as far as this process may.
///
/// # Errors
/// How many it would need and how many it gets, if those are too few.
pub(crate) fn make_room(endpoints: usize, files_each: usize) -> Result<(), String> {
    let needed = endpoints as u64 * files_each as u64 + OTHERS;
    let allowed = limit::raise(needed);
    if allowed.is_some_and(|allowed| allowed < needed) {
        let allowed = allowed.unwrap_or_default();
        return Err(format!(
            "{endpoints} endpoints need {needed} open files, and this process may have {allowed}: \
             `ulimit -Hn {needed}` before it is started, where that is allowed"
        ));
    }
    Ok(())
}

/// Looks whether there is enough memory for so many endpoints, and half as much again. Where the system does not
/// say, there is.
///
/// # Errors
/// How much it would take and how much there is, if that is too little.
pub(crate) fn find_memory(endpoints: usize, bytes_each: usize) -> Result<(), String> {
    let needed = (endpoints * bytes_each) as u64;
    match available_memory() {
        Some(available) if available < needed + needed / 2 => Err(format!(
            "{endpoints} endpoints take {} MiB of memory, and {} MiB are available",
            needed >> 20,
            available >> 20
        )),
        _ => Ok(()),
    }
}

/// In bytes, as Linux says it.
fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

#[cfg(unix)]
mod limit {
    //! The limit of the system.

    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    /// Has as many files allowed, or as many as possible. Returns how many are; `None`: any number.
    pub(super) fn raise(needed: u64) -> Option<u64> {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        if current.is_none_or(|current| current >= needed) {
            return current;
        }
        let enough = Rlimit { current: Some(needed), maximum: maximum.map(|it| it.max(needed)) };
        // Whoever may not raise the one may still go up to it with the other.
        let most = Rlimit { current: maximum.map(|it| it.min(needed)).or(Some(needed)), maximum };
        if setrlimit(Resource::Nofile, enough).is_err() {
            let _ = setrlimit(Resource::Nofile, most);
        }
        getrlimit(Resource::Nofile).current
    }
}

#[cfg(not(unix))]
mod limit {
    //! Nothing is known about a limit here.

    pub(super) fn raise(_needed: u64) -> Option<u64> {
        None
    }
}
