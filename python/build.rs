//! What a linker needs for a module that Python loads.
//!
//! In: the target. Out: arguments of the linker. Invariant: symbols of Python are looked up when it loads the module.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
}
