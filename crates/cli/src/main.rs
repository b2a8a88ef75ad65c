//! The command line: arguments in, text out. Everything between is `osteon`'s.
//!
//! - [`arguments`] – from schema to command line and back
//! - [`terminal`] – the only place that prints

mod arguments;
mod terminal;

use osteon::{Cancel, Ctx, Registry, Request};
use std::process::ExitCode;

fn main() -> ExitCode {
    let registry = Registry::standard();
    let words: Vec<_> = std::env::args_os().collect();
    let answer = arguments::answer(&words);
    let asked = match arguments::read(&registry, words) {
        Ok(asked) => asked,
        Err(refused) => return terminal::usage(&refused, answer),
    };
    let cancel = Cancel::default();
    terminal::stop_on_interrupt(cancel.clone());
    let ctx = Ctx::new(terminal::progress(asked.answer), cancel, 0);
    let request = Request {
        command: asked.command,
        settings: asked.settings,
        case: asked.case,
        threads: asked.threads,
    };
    let result = osteon::run(&registry, &request, &ctx);
    terminal::answer(result, asked.answer)
}
