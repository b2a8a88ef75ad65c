//! Time and memory of this process, as Linux tells them.

use serde_json::Value;

/// How a kernel did.
pub struct Timed {
    /// The least wall time of a run, s.
    pub wall: f64,
    /// The mean processor time of a run, s.
    pub cpu: f64,
    /// Number of runs.
    pub runs: u32,
    /// Memory before the first run, MB.
    pub base: f64,
    /// Most memory while it ran, MB.
    pub peak: f64,
    /// What the kernel found.
    pub result: Value,
}

/// Runs a kernel until it took `seconds` of processor time, and at least once.
#[allow(clippy::disallowed_methods, reason = "measuring time is what this program is for")]
pub fn time(seconds: f64, mut kernel: impl FnMut() -> Result<Value, String>) -> Result<Timed, String> {
    let base = memory("VmRSS:");
    // Forgets the peak of the loading, where the system lets it.
    let _ = std::fs::OpenOptions::new()
        .write(true)
        .open("/proc/self/clear_refs")
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"5"));
    let (mut wall, mut runs) = (f64::INFINITY, 0);
    let mut result = Value::Null;
    let before = processor();
    while runs == 0 || processor() - before < seconds {
        let start = std::time::Instant::now();
        result = kernel()?;
        wall = wall.min(start.elapsed().as_secs_f64());
        runs += 1;
    }
    let cpu = (processor() - before) / f64::from(runs);
    Ok(Timed { wall, cpu, runs, base, peak: memory("VmHWM:"), result })
}

/// Processor time of this process so far, s; in hundredths.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // User and system time are the 14th and 15th field; the name in brackets may hold blanks.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// A line of the memory status, MB.
fn memory(line: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found =
        status.lines().find_map(|l| l.strip_prefix(line)?.split_whitespace().next()?.parse::<f64>().ok());
    found.unwrap_or(0.0) / 1024.0
}
