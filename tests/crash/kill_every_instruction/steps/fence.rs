//! Where the operation begins and ends, as the tracer sees it: two functions that are a breakpoint each.
//!
//! # Safety
//! Both return to their caller and touch no register and no memory. Only traced children call them: without a
//! tracer, the breakpoint ends the process.

#![allow(unsafe_code, reason = "two instructions of assembly each")]

use std::arch::naked_asm;

use super::tracee::{Stop, Tracee};

/// Before the operation. The tracer finds the process behind the breakpoint, before the return.
#[unsafe(naked)]
pub extern "C" fn begin() {
    naked_asm!("int3", "ret")
}

/// After the operation. It is done when the process stands before this function's first instruction.
#[unsafe(naked)]
pub extern "C" fn end() {
    // Not what `begin` is, or the linker could make one of the two.
    naked_asm!("int3", "nop", "ret")
}

/// The address at which the operation is done.
pub fn end_address() -> u64 {
    end as extern "C" fn() as usize as u64
}

/// Runs a child to the start of the operation. False if it stops elsewhere.
pub fn reach(tracee: &Tracee) -> bool {
    let behind = begin as extern "C" fn() as usize as u64 + 1;
    tracee.run() == Stop::Trap && tracee.pc() == behind
}
