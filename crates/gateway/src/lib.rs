//! x
mod wire; mod moment; mod contracts; mod command; mod record;
