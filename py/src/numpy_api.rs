//! Arrays made by numpy's own C interface, which takes a third of the time that `np.frombuffer` takes.
//!
//! numpy hands its functions out as a table of addresses, in a capsule. A function's place in it is a part of numpy's
//! binary interface, and has been the same since numpy 1.7.
//!
//! # Safety
//! The table is the one that numpy hands out, and the places and signatures are those of its header `ndarrayobject.h`.
//! An array's memory is kept by its base: an object of which numpy keeps a reference as long as the array lives.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};

use pyo3::ffi;
use pyo3::prelude::*;

const PLACE_OF_TYPE: usize = 2;
const PLACE_OF_NEW: usize = 94;
const PLACE_OF_SET_BASE: usize = 282;
/// C and Fortran order, aligned.
const FLAGS: c_int = 0x1 | 0x2 | 0x100;
const WRITEABLE: c_int = 0x400;

type New = unsafe extern "C" fn(
    subtype: *mut c_void,
    descr: *mut ffi::PyObject,
    nd: c_int,
    dims: *const isize,
    strides: *const isize,
    data: *mut c_void,
    flags: c_int,
    obj: *mut ffi::PyObject,
) -> *mut ffi::PyObject;
type SetBase = unsafe extern "C" fn(array: *mut ffi::PyObject, base: *mut ffi::PyObject) -> c_int;

/// What is used of numpy's table.
pub struct Api {
    array: *mut c_void,
    new: New,
    set_base: SetBase,
}

// SAFETY: addresses of functions and of a type, which numpy never unloads.
unsafe impl Send for Api {}
// SAFETY: as above.
unsafe impl Sync for Api {}

impl Api {
    /// The table of the numpy that is loaded; `None` if it has none.
    pub fn new(py: Python<'_>) -> Option<Self> {
        let module =
            py.import("numpy._core._multiarray_umath").or_else(|_| py.import("numpy.core._multiarray_umath"));
        let capsule = module.and_then(|module| module.getattr("_ARRAY_API")).ok()?;
        // SAFETY: it is asked for by the name that it has: none.
        let table = unsafe { ffi::PyCapsule_GetPointer(capsule.as_ptr(), std::ptr::null()) };
        if table.is_null() {
            drop(PyErr::take(py));
            return None;
        }
        let table = table.cast::<*mut c_void>();
        // SAFETY: the table has more places than these, and what stands there has these types.
        unsafe {
            Some(Self {
                array: *table.add(PLACE_OF_TYPE),
                new: std::mem::transmute::<*mut c_void, New>(*table.add(PLACE_OF_NEW)),
                set_base: std::mem::transmute::<*mut c_void, SetBase>(*table.add(PLACE_OF_SET_BASE)),
            })
        }
    }

    /// An array of `count` values of `dtype` at `at`, which `base` keeps.
    ///
    /// # Errors
    /// What numpy raises.
    ///
    /// # Safety
    /// So many values lie there, aligned, as long as `base` lives; nobody writes them unless `writable`. `dtype` is a
    /// numpy dtype without objects and without a shape.
    pub unsafe fn array<'py>(
        &self,
        base: &Bound<'py, PyAny>,
        at: *const u8,
        count: usize,
        dtype: &Bound<'py, PyAny>,
        writable: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = base.py();
        let dims = [count as isize];
        let flags = if writable { FLAGS | WRITEABLE } else { FLAGS };
        let data = at.cast_mut().cast();
        // SAFETY: numpy takes over the reference to the dtype. The memory is as the caller promises.
        let array = unsafe {
            let dtype = dtype.clone().into_ptr();
            (self.new)(
                self.array,
                dtype,
                1,
                dims.as_ptr(),
                std::ptr::null(),
                data,
                flags,
                std::ptr::null_mut(),
            )
        };
        // SAFETY: it is a new reference, or null with an exception set.
        let array = unsafe { Bound::from_owned_ptr_or_err(py, array)? };
        // SAFETY: numpy takes over the reference to the base.
        if unsafe { (self.set_base)(array.as_ptr(), base.clone().into_ptr()) } != 0 {
            return Err(PyErr::fetch(py));
        }
        Ok(array)
    }
}
