//! Stories over the whole program; see the files beside this one.
