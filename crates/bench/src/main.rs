//! Times one kernel on one volume: `osteon-bench OP VOLUME.npy --spacing X,Y,Z [--threads N] [--seconds S]`.
//!
//! The volume is a NumPy file of int16, z slowest; it is loaded before the clock starts. A kernel is run again until
//! it took `--seconds` (default 2) of processor time, because the system counts that in hundredths of a second. One
//! JSON line comes out: the least wall time of a run, the mean processor time of a run, the peak memory, and what
//! the kernel found, which the script holds against its peers. `osteon-bench list` names the kernels.
//!
//! 1. `ops` – the kernels; 2. `clock` – time and memory of this process; 3. `volume` – the NumPy file

mod clock;
mod ops;
mod volume;

use std::process::ExitCode;

/// What was asked for.
struct Wish {
    op: String,
    volume: String,
    spacing: [f64; 3],
    threads: usize,
    seconds: f64,
}

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "the terminal is what this program writes to")]
fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "list") {
        ops::NAMES.iter().for_each(|name| println!("{name}"));
        return ExitCode::SUCCESS;
    }
    match wish(&words).and_then(|wish| run(&wish)) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}

fn wish(words: &[String]) -> Result<Wish, String> {
    let usage = "usage: osteon-bench OP VOLUME.npy --spacing X,Y,Z [--threads N] [--seconds S]";
    let [op, volume, options @ ..] = words else { return Err(usage.to_owned()) };
    let mut wish =
        Wish { op: op.clone(), volume: volume.clone(), spacing: [1.0; 3], threads: 1, seconds: 2.0 };
    for pair in options.chunks(2) {
        let [name, value] = pair else { return Err(usage.to_owned()) };
        let numbers: Result<Vec<f64>, _> = value.split(',').map(str::parse).collect();
        let numbers = numbers.map_err(|_| format!("{name} {value}: not numbers"))?;
        match (name.as_str(), &numbers[..]) {
            ("--spacing", &[x, y, z]) => wish.spacing = [x, y, z],
            ("--threads", &[n]) if n >= 1.0 => wish.threads = n as usize,
            ("--seconds", &[s]) if s > 0.0 => wish.seconds = s,
            _ => return Err(usage.to_owned()),
        }
    }
    Ok(wish)
}

fn run(wish: &Wish) -> Result<String, String> {
    let volume = volume::load(&wish.volume, wish.spacing)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(wish.threads).build();
    let pool = pool.map_err(|e| e.to_string())?;
    let timed = pool.install(|| ops::run(&wish.op, volume, wish.seconds))?;
    let line = serde_json::json!({
        "op": wish.op, "threads": wish.threads, "wall_s": timed.wall, "cpu_s": timed.cpu, "runs": timed.runs,
        "rss_base_mb": timed.base, "rss_peak_mb": timed.peak, "result": timed.result,
    });
    Ok(line.to_string())
}
