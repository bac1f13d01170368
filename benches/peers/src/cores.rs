//! Which cores the two sides of a run are bound to: the same as `ipc-pingpong` takes.

use std::sync::OnceLock;

use ringway_tools::floor::cores::Cores;

use crate::control::Side;

static CORES: OnceLock<Cores> = OnceLock::new();

/// Chooses the cores: before anything is bound to one of them.
pub fn choose() -> anyhow::Result<[usize; 2]> {
    let cores = Cores::choose()?;
    let Some(pair) = cores.pair else {
        anyhow::bail!("this program may use {} processor core: it needs two", cores.usable);
    };
    CORES.get_or_init(|| cores);
    Ok(pair)
}

/// Binds the calling thread to its side's core.
pub fn bind(side: Side) -> anyhow::Result<()> {
    let cores = CORES.get().expect("the cores are chosen first");
    Ok(cores.bind(usize::from(side == Side::There))?)
}
