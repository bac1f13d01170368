//! `exec`: another program in the same process. Mappings and locks are gone, and the ring is opened again.
//!
//! All of Ringway's descriptors are closed by `exec`. So a role ends there, as if its process had died: the
//! producer's next incarnation has another epoch. A ring is found again by its path, or by a descriptor that was
//! handed on, here as standard input.
//! The danger is a descriptor that outlives `exec` unintended: it keeps a memfd's memory, and what it may do.
//! `cargo run --example exec_and_reopen`

use std::error::Error;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio, id};

use ringway::{Config, Producer, Resume, Ring, Start, file, memfd};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => parent(),
        ["begin", path] => {
            let mut producer = file::create(path, &Config::new())?.producer()?;
            report(&mut producer, "before exec")?;
            assert!(uses(path)?);
            Err(this_program()?.args(["by-path", path]).exec().into())
        }
        ["by-path", path] => {
            assert!(!uses(path)?);
            let mut producer = file::open(path)?.producer()?;
            report(&mut producer, "reopened by path")?;

            let ring = memfd::create(&Config::new())?;
            ring.producer()?.publish(b"in a memfd")?;
            let descriptor = Stdio::from(ring.as_fd().try_clone_to_owned()?);
            Err(this_program()?.args(["by-descriptor", path]).stdin(descriptor).exec().into())
        }
        ["by-descriptor", path] => {
            let ring = memfd::open(std::io::stdin().as_fd().try_clone_to_owned()?)?;
            let mut observer = ring.observer(Start::Oldest, Resume::OldestSafe)?;
            assert_eq!(&*observer.try_recv()?.into_message().ok_or("one message")?, b"in a memfd");
            assert_eq!(ring.producer()?.epoch(), 2);
            report(&mut file::open(path)?.producer()?, "reopened by descriptor")
        }
        _ => Err("expected no arguments".into()),
    }
}

/// Starts the process that changes its program twice, and reads what it had to say.
fn parent() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
    let path = directory.path().join("ring");
    let mut child = this_program()?.arg("begin").arg(&path).spawn()?;
    assert!(child.wait()?.success());

    let mut observer = file::open_read_only(&path)?.observer(Start::Oldest, Resume::OldestSafe)?;
    for (epoch, what) in ["before exec", "reopened by path", "reopened by descriptor"].iter().enumerate() {
        let message = observer.try_recv()?.into_message().ok_or("three messages")?;
        let expected = format!("process {}, epoch {}: {what}", child.id(), epoch + 1);
        assert_eq!(String::from_utf8_lossy(&message), expected);
        println!("{expected}");
    }
    println!(
        "checked: one process, three programs: exec took mappings and roles, and each got the ring anew"
    );
    Ok(())
}

fn report(producer: &mut Producer, what: &str) -> Result<(), Box<dyn Error>> {
    producer.publish(format!("process {}, epoch {}: {what}", id(), producer.epoch()).as_bytes())?;
    Ok(())
}

/// Whether this process maps the file, or has a descriptor of it.
fn uses(path: &str) -> Result<bool, Box<dyn Error>> {
    let mapped = std::fs::read_to_string("/proc/self/maps")?.lines().any(|line| line.ends_with(path));
    let descriptors = std::fs::read_dir("/proc/self/fd")?;
    let open = descriptors.flatten().any(|entry| entry.path().read_link().is_ok_and(|to| to == *path));
    assert_eq!(mapped, open, "a role has both, and a program that was just started neither");
    Ok(mapped)
}

fn this_program() -> std::io::Result<Command> {
    Ok(Command::new(std::env::current_exe()?))
}
