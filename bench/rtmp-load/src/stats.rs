//! Histogram and /proc sampling.

/// Log-linear histogram of microseconds, about 1.6 % resolution.
#[derive(Clone)]
pub struct Hist {
    b: Vec<u32>,
    pub n: u64,
    pub max: u64,
}

const SUB: u64 = 64;

impl Default for Hist {
    fn default() -> Self {
        Hist { b: vec![0; (SUB * 40) as usize], n: 0, max: 0 }
    }
}

fn index(v: u64) -> usize {
    if v < SUB * 2 {
        return v as usize;
    }
    let e = 63 - v.leading_zeros() as u64 - 6;
    (e * SUB + (v >> e)) as usize
}

fn value(i: usize) -> u64 {
    let i = i as u64;
    if i < SUB * 2 {
        return i;
    }
    let e = i / SUB - 1;
    (i - e * SUB) << e
}

impl Hist {
    pub fn add(&mut self, us: u64) {
        let i = index(us).min(self.b.len() - 1);
        self.b[i] += 1;
        self.n += 1;
        self.max = self.max.max(us);
    }
    pub fn merge(&mut self, o: &Hist) {
        for (a, b) in self.b.iter_mut().zip(&o.b) {
            *a += b;
        }
        self.n += o.n;
        self.max = self.max.max(o.max);
    }
    pub fn q(&self, p: f64) -> u64 {
        let want = ((self.n as f64 * p).ceil() as u64).max(1);
        let mut c = 0;
        for (i, &k) in self.b.iter().enumerate() {
            c += k as u64;
            if c >= want {
                return value(i).min(self.max);
            }
        }
        self.max
    }
    pub fn json_ms(&self) -> String {
        let m = |v: u64| v as f64 / 1000.0;
        format!(
            "{{\"n\":{},\"p50\":{:.3},\"p95\":{:.3},\"p99\":{:.3},\"max\":{:.3}}}",
            self.n,
            m(self.q(0.50)),
            m(self.q(0.95)),
            m(self.q(0.99)),
            m(self.max)
        )
    }
}

#[derive(Clone, Copy, Default, Debug)]
pub struct Cpu {
    /// utime and stime from /proc/PID/stat (clock ticks converted to seconds).
    pub user: f64,
    pub sys: f64,
    /// Sum of the on-CPU nanoseconds of all threads, in seconds.
    pub exact: f64,
}

pub fn cpu(pids: &[i32]) -> Cpu {
    let hz = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64;
    let mut c = Cpu::default();
    for p in pids {
        if let Ok(s) = std::fs::read_to_string(format!("/proc/{p}/stat"))
            && let Some(i) = s.rfind(')')
        {
            let f: Vec<&str> = s[i + 1..].split_whitespace().collect();
            c.user += f[11].parse::<f64>().unwrap_or(0.0) / hz;
            c.sys += f[12].parse::<f64>().unwrap_or(0.0) / hz;
        }
        if let Ok(d) = std::fs::read_dir(format!("/proc/{p}/task")) {
            for t in d.flatten() {
                if let Ok(s) = std::fs::read_to_string(t.path().join("schedstat")) {
                    let ns: f64 =
                        s.split_whitespace().next().and_then(|x| x.parse().ok()).unwrap_or(0.0);
                    c.exact += ns / 1e9;
                }
            }
        }
    }
    c
}

fn status_kb(pids: &[i32], key: &str) -> u64 {
    let mut sum = 0;
    for p in pids {
        if let Ok(s) = std::fs::read_to_string(format!("/proc/{p}/status")) {
            for l in s.lines() {
                if let Some(v) = l.strip_prefix(key) {
                    sum += v
                        .trim_start_matches(':')
                        .trim()
                        .trim_end_matches(" kB")
                        .parse::<u64>()
                        .unwrap_or(0);
                }
            }
        }
    }
    sum
}

pub fn rss_kb(pids: &[i32]) -> u64 {
    status_kb(pids, "VmRSS")
}

pub fn ctx_switches(pids: &[i32]) -> (u64, u64) {
    let mut v = (0, 0);
    for p in pids {
        if let Ok(d) = std::fs::read_dir(format!("/proc/{p}/task")) {
            for t in d.flatten() {
                if let Ok(s) = std::fs::read_to_string(t.path().join("status")) {
                    for l in s.lines() {
                        if let Some(x) = l.strip_prefix("voluntary_ctxt_switches:") {
                            v.0 += x.trim().parse::<u64>().unwrap_or(0);
                        } else if let Some(x) = l.strip_prefix("nonvoluntary_ctxt_switches:") {
                            v.1 += x.trim().parse::<u64>().unwrap_or(0);
                        }
                    }
                }
            }
        }
    }
    v
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histogram_quantiles_are_close() {
        let mut h = Hist::default();
        for v in 1..=100_000u64 {
            h.add(v);
        }
        for (p, want) in [(0.5, 50_000.0), (0.99, 99_000.0)] {
            let got = h.q(p) as f64;
            assert!((got - want).abs() / want < 0.02, "{got} {want}");
        }
        assert_eq!(h.max, 100_000);
    }
}
