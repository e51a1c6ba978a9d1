//! Passwords: which are taken, and how they are kept.
//!
//! ```text
//! hash     Argon2id, 19 MiB, 2 passes; its text says so, and one with other figures is made anew at
//!          the next login
//! pool     2 at a time for all (40 MB at most), 1 of them for suspects, so that whoever guesses
//!          never keeps others waiting for longer than one hash takes
//! nobody   an unknown name is compared with the hash of a password that nobody knows: the same work
//! ```

use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use manycast_hub::Secret;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// The fewest characters of a password.
pub(crate) const SHORTEST: usize = 10;
/// The most bytes of a password.
pub(crate) const LONGEST: usize = 512;
/// Hashes at a time.
const POOL: usize = 2;
/// Callers that may wait for the pool who are no suspects.
const WAITING: usize = 1024;
/// Suspects that may wait besides.
const WAITING_SUSPECTS: usize = 256;

/// Long enough and yet the first that anybody tries.
const COMMON: &[&str] = &[
    "0123456789",
    "0987654321",
    "1111111111",
    "1122334455",
    "1234512345",
    "1234567890",
    "123456789a",
    "123456789q",
    "1q2w3e4r5t",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "9876543210",
    "abc1234567",
    "abcd123456",
    "abcdefghij",
    "admin12345",
    "adminadmin",
    "administrator",
    "asdfghjkl1",
    "asdfghjkl;",
    "baseball12",
    "basketball",
    "broadcaster",
    "changeme123",
    "chocolate1",
    "correcthorse",
    "football12",
    "football123",
    "helloworld",
    "iloveyou12",
    "iloveyou123",
    "letmein123",
    "livestream",
    "livestreaming",
    "manycast12",
    "manycast123",
    "manycastmanycast",
    "mypassword",
    "operator123",
    "p@ssw0rd12",
    "p@ssword123",
    "passw0rd123",
    "password!1",
    "password01",
    "password1!",
    "password12",
    "password123",
    "password1234",
    "password2025",
    "password2026",
    "passwordpassword",
    "q1w2e3r4t5",
    "qazwsxedcrfv",
    "qwerty1234",
    "qwerty12345",
    "qwerty123456",
    "qwertyqwerty",
    "qwertyuiop",
    "qwertzuiop",
    "restreaming",
    "rootrootroot",
    "secret1234",
    "secretsecret",
    "starwars123",
    "streaming1",
    "streaming123",
    "streamkey1",
    "sunshine123",
    "superman123",
    "supersecret",
    "temporary1",
    "testtest12",
    "testtesttest",
    "trustno1trustno1",
    "welcome123",
    "welcome1234",
    "zaq12wsxcde3",
];

/// A value that is refused, with the field that it is for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    /// The field of the request.
    pub field: &'static str,
    /// What is wrong and what to do, as a sentence.
    pub message: String,
}

impl Invalid {
    pub(crate) fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, message: message.into() }
    }
}

/// Whether a password may be chosen by the user `name`.
///
/// # Errors
/// [`Invalid`]: the rule that it breaks, in words.
pub fn check(password: &Secret, name: &str) -> Result<(), Invalid> {
    let text = password.expose();
    let refuse = |message: &str| Err(Invalid::new("password", message));
    if text.chars().count() < SHORTEST {
        return refuse("a password has at least 10 characters; a few words in a row are good");
    }
    if text.len() > LONGEST {
        return refuse("a password has at most 512 bytes");
    }
    let folded = text.to_lowercase();
    let bare = folded.trim();
    if COMMON.contains(&bare) {
        return refuse("this password is one of the first that anybody tries: take another");
    }
    let name = name.to_lowercase();
    if !name.is_empty() && bare.replace(&name, "").chars().count() < 4 {
        return refuse("this password is little more than the name: take another");
    }
    let mut letters: Vec<char> = bare.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    if letters.len() < 4 {
        return refuse("this password repeats a few characters: take another");
    }
    Ok(())
}

/// What a hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for Cost {
    /// 19 MiB and 2 passes: some 20 ms of one core, and 1,000 guesses per second cost 20 cores.
    fn default() -> Self {
        Self { memory: 19 * 1024, passes: 2 }
    }
}

/// Too many wait for the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Busy;

/// Makes and compares hashes, on threads of their own.
#[derive(Clone)]
pub(crate) struct Hasher {
    params: Params,
    any: Arc<Semaphore>,
    suspects: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    waiting_suspects: Arc<AtomicUsize>,
    threads: Arc<Threads>,
    /// Of a password that nobody knows.
    nobody: Arc<str>,
    #[cfg(test)]
    pub(crate) peak: Arc<Peak>,
}

/// How many hashes were made at a time.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct Peak {
    now: AtomicUsize,
    pub(crate) most: AtomicUsize,
    pub(crate) done: AtomicUsize,
    /// KiB times passes, of all comparisons.
    pub(crate) effort: AtomicUsize,
}

#[cfg(test)]
impl Peak {
    fn add_effort(&self, hash: &PasswordHash) {
        let used = Params::try_from(hash).unwrap();
        let effort = usize::try_from(used.m_cost() * used.t_cost()).unwrap();
        self.effort.fetch_add(effort, Ordering::SeqCst);
    }
}

impl Hasher {
    /// Takes as long as one hash.
    pub(crate) fn new(cost: Cost) -> Self {
        let params = Params::new(cost.memory, cost.passes, 1, None).unwrap_or_default();
        let nobody: Arc<str> = make(&params, crate::random::cookie().expose()).into();
        Self {
            params,
            any: Arc::new(Semaphore::new(POOL)),
            suspects: Arc::new(Semaphore::new(POOL - 1)),
            waiting: Arc::default(),
            waiting_suspects: Arc::default(),
            threads: Arc::default(),
            nobody,
            #[cfg(test)]
            peak: Arc::default(),
        }
    }

    /// The hash to keep of a password.
    pub(crate) async fn hash(&self, password: &Secret) -> Result<String, Busy> {
        let (params, password) = (self.params.clone(), password.clone());
        self.work(false, move || make(&params, password.expose())).await
    }

    /// Whether `password` is the one of `hash`; `None`: there is no such user, and it never is.
    pub(crate) async fn verify(
        &self,
        password: &Secret,
        hash: Option<&str>,
        suspect: bool,
    ) -> Result<bool, Busy> {
        let known = hash.is_some();
        let hash: Arc<str> = hash.map_or_else(|| self.nobody.clone(), Into::into);
        let password = password.clone();
        #[cfg(test)]
        let peak = self.peak.clone();
        let work = move || {
            let Ok(hash) = PasswordHash::new(&hash) else { return false };
            #[cfg(test)]
            peak.add_effort(&hash);
            matches(password.expose().as_bytes(), &hash) && known
        };
        self.work(suspect, work).await
    }

    /// Whether a hash was made with other figures than those of today.
    pub(crate) fn is_stale(&self, hash: &str) -> bool {
        let of = PasswordHash::new(hash).ok().and_then(|hash| Params::try_from(&hash).ok());
        of.is_none_or(|of| !same(&of, &self.params))
    }

    /// Runs `work` when it is its turn. A caller that goes away leaves its work to end, and the
    /// place in the pool is taken until then.
    async fn work<T: Send + 'static>(
        &self,
        suspect: bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let _place = match suspect {
            true => Waiting::take(&self.waiting_suspects, WAITING_SUSPECTS)?,
            false => Waiting::take(&self.waiting, WAITING)?,
        };
        let held = match suspect {
            true => Some(self.suspects.clone().acquire_owned().await.map_err(|_| Busy)?),
            false => None,
        };
        let permit = self.any.clone().acquire_owned().await.map_err(|_| Busy)?;
        #[cfg(test)]
        let peak = self.peak.clone();
        let work = move || {
            let _permits = (held, permit);
            #[cfg(test)]
            peak.most.fetch_max(peak.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let done = work();
            #[cfg(test)]
            {
                peak.now.fetch_sub(1, Ordering::SeqCst);
                peak.done.fetch_add(1, Ordering::SeqCst);
            }
            done
        };
        self.threads.run(work).await.map_err(|_| Busy)
    }
}

/// As many threads as there are hashes at a time, each with the memory of one. An allocator that gets
/// such a block back gives pieces of it to others, and takes a new one for the next hash.
struct Threads(Option<Runtime>);

impl Default for Threads {
    fn default() -> Self {
        let mut threads = Builder::new_current_thread();
        threads.max_blocking_threads(POOL).thread_name("passwords");
        // without any the server has no threads left either
        Self(threads.build().ok())
    }
}

impl Threads {
    fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        match &self.0 {
            Some(runtime) => runtime.spawn_blocking(work),
            None => tokio::task::spawn_blocking(work),
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A place in front of the pool.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn take(count: &Arc<AtomicUsize>, most: usize) -> Result<Self, Busy> {
        let place = Self(count.clone());
        // the place that is too many is given back as it is dropped
        if count.fetch_add(1, Ordering::Relaxed) < most { Ok(place) } else { Err(Busy) }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn argon2(params: &Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
}

thread_local! {
    /// For one hash at a time; it goes with its thread, some seconds after the last hash.
    static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

/// Whether a hash is that of a password, compared in constant time.
fn matches(password: &[u8], hash: &PasswordHash) -> bool {
    let (Some(salt), Some(want)) = (&hash.salt, &hash.hash) else { return false };
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from);
    let (Ok(algorithm), Ok(version), Ok(params)) =
        (Algorithm::try_from(hash.algorithm.as_str()), version, Params::try_from(hash))
    else {
        return false;
    };
    let mut made = vec![0; want.len()];
    let done = MEMORY.with_borrow_mut(|memory| {
        memory.resize(params.block_count(), Block::default());
        let argon2 = Argon2::new(algorithm, version, params);
        argon2.hash_password_into_with_memory(password, salt, &mut made, &mut memory[..])
    });
    done.is_ok() && Output::new(&made).is_ok_and(|made| made == *want)
}

fn make(params: &Params, password: &str) -> String {
    let hash = argon2(params).hash_password(password.as_bytes());
    // the parameters are checked and the salt is the library's own: nothing is left to fail but the
    // operating system's randomness, without which nothing of ours is safe
    hash.expect("the operating system gives random bytes").to_string()
}

fn same(a: &Params, b: &Params) -> bool {
    (a.m_cost(), a.t_cost(), a.p_cost()) == (b.m_cost(), b.t_cost(), b.p_cost())
}

#[cfg(test)]
mod tests;
