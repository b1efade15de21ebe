//! Hashing and checking passwords: bcrypt on a few threads of its own, so that a rush of logins takes neither the
//! threads that queries wait for nor more memory than its queue. These threads have the lowest priority: whatever else
//! the server does goes first.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;

use crate::domain::account::Password;
use crate::error::{Error, Result};

/// How many may wait for a thread. Who would have to wait for longer than this, beside what the threads are at, gets
/// [`Error::Overloaded`] at once.
const WAITING: usize = 64;
const WAITING_AT_MOST: Duration = Duration::from_millis(1500);
/// So does, late, who has no answer after so long: the machine has become slower meanwhile.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(5);

/// 19 is the nicest. On two cores that reads kept busy, logins still took 1 to 2.5 s.
const LOWEST_PRIORITY: i32 = 19;

/// What is tried first, to know how long a password will take: some milliseconds each. The quickest counts, since others
/// do something, too, while a server starts.
const TRIAL_COST: u32 = 6;
const TRIALS: usize = 3;

/// Of each measured time, this part goes into the mean.
const NEWEST_COUNTS: f64 = 0.2;

/// bcrypt reads no further.
const BYTES_MAX: usize = 72;

/// The pool. Its threads end when it is dropped.
pub struct Passwords {
    cost: u32,
    threads: usize,
    patience: Duration,
    jobs: Sender<Job>,
    lately: Arc<Lately>,
}

/// How long one password has taken lately: the mean in nanoseconds.
struct Lately(AtomicU64);

enum Job {
    Hash { password: SecretString, cost: u32, answer: oneshot::Sender<Result<String>> },
    Verify { password: SecretString, hash: String, answer: oneshot::Sender<Result<bool>> },
}

impl Passwords {
    /// `cost` is the base-2 logarithm of bcrypt's rounds: 12 takes about 0.3 s of a core. Tries bcrypt first: a rush right
    /// after the start is refused as it would be later.
    pub fn new(cost: u32) -> Passwords {
        Passwords::on(std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2)), cost)
    }

    fn on(threads: usize, cost: u32) -> Passwords {
        let (jobs, waiting) = bounded(WAITING);
        let lately = Arc::new(Lately::tried(cost));
        for number in 0..threads {
            let (waiting, lately) = (waiting.clone(), lately.clone());
            let thread = std::thread::Builder::new().name(format!("passwords-{number}"));
            if let Err(error) = thread.spawn(move || work(&waiting, &lately)) {
                tracing::error!(%error, "no thread for passwords");
            }
        }
        Passwords { cost, threads, patience: GIVEN_UP_AFTER, jobs, lately }
    }

    /// A new hash with a salt of its own, 60 characters.
    pub async fn hash(&self, password: &Password) -> Result<String> {
        let (answer, answered) = oneshot::channel();
        self.queue(Job::Hash { password: password.secret().clone(), cost: self.cost, answer })?;
        self.in_time(answered).await
    }

    /// Does what was typed belong to the hash? Without a hash the answer is no, after the same time: who tries emails
    /// must not learn from the clock which ones have an account.
    pub async fn verify(&self, typed: &str, hash: Option<String>) -> Result<bool> {
        // Longer ones would match by their first 72 bytes, and "a\0a" would match "a": bcrypt repeats the password and
        // the zero after it. No account has such a password.
        let possible = typed.len() <= BYTES_MAX && !typed.contains('\0');
        let hash = hash.filter(|_| possible);
        let is_real = hash.is_some();
        let hash = hash.unwrap_or_else(|| dummy(self.cost));
        let (answer, answered) = oneshot::channel();
        self.queue(Job::Verify { password: SecretString::from(typed), hash, answer })?;
        Ok(self.in_time(answered).await? && is_real)
    }

    fn queue(&self, job: Job) -> Result<()> {
        if self.lately.wait_behind(self.jobs.len(), self.threads) > WAITING_AT_MOST {
            return Err(Error::Overloaded);
        }
        self.jobs.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => Error::Overloaded,
            TrySendError::Disconnected(_) => Error::Internal("no thread for passwords runs".to_owned()),
        })
    }

    async fn in_time<T>(&self, answered: oneshot::Receiver<Result<T>>) -> Result<T> {
        match tokio::time::timeout(self.patience, answered).await {
            Ok(answer) => answer.map_err(|_| Error::Internal("a password's thread has ended".to_owned()))?,
            Err(_) => Err(Error::Overloaded),
        }
    }
}

impl Lately {
    fn tried(cost: u32) -> Lately {
        let trial = cost.min(TRIAL_COST);
        let trials = (0..TRIALS).map(|_| {
            let begun = Instant::now();
            _ = bcrypt::verify("", &dummy(trial));
            begun.elapsed()
        });
        Lately::of(trials.min().unwrap_or_default() * 2_u32.pow(cost - trial))
    }

    fn of(took: Duration) -> Lately {
        Lately(AtomicU64::new(took.as_nanos() as u64))
    }

    /// How long who comes now has to wait behind those who wait already.
    fn wait_behind(&self, waiting: usize, threads: usize) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed)) * waiting as u32 / threads.max(1) as u32
    }

    fn note(&self, took: Duration) {
        let took = took.as_nanos() as f64;
        // Two threads that note at the same time lose one of the two: it is a mean.
        let mean = self.0.load(Ordering::Relaxed) as f64 * (1.0 - NEWEST_COUNTS) + took * NEWEST_COUNTS;
        self.0.store(mean as u64, Ordering::Relaxed);
    }
}

fn work(waiting: &Receiver<Job>, lately: &Lately) {
    // On Linux, a thread's own. Where it fails, logins and the rest share the cores.
    if let Err(error) = rustix::process::setpriority_process(None, LOWEST_PRIORITY) {
        tracing::warn!(%error, "passwords are checked at the usual priority");
    }
    for job in waiting {
        let begun = Instant::now();
        // Who has gone away meanwhile, or given up, needs no answer; a closed channel is no error here.
        match job {
            Job::Hash { answer, .. } if answer.is_closed() => {}
            Job::Verify { answer, .. } if answer.is_closed() => {}
            Job::Hash { password, cost, answer } => {
                _ = answer.send(bcrypt::hash(password.expose_secret(), cost).map_err(internal));
                lately.note(begun.elapsed());
            }
            Job::Verify { password, hash, answer } => {
                _ = answer.send(bcrypt::verify(password.expose_secret(), &hash).map_err(internal));
                lately.note(begun.elapsed());
            }
        }
    }
}

/// A well-formed hash of that cost that nobody knows a password for.
fn dummy(cost: u32) -> String {
    // In bcrypt's base 64 a dot is zero: 16 bytes of salt, 23 of hash.
    format!("$2b${cost:02}${}", ".".repeat(22 + 31))
}

fn internal(error: bcrypt::BcryptError) -> Error {
    Error::Internal(format!("bcrypt: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(typed: &str) -> Password {
        Password::parse(typed).unwrap()
    }

    fn quick() -> Arc<Lately> {
        Arc::new(Lately::of(Duration::from_millis(1)))
    }

    #[tokio::test]
    async fn a_password_matches_its_hash_and_no_other() {
        let passwords = Passwords::new(4);
        let longest = "x".repeat(72);
        for typed in ["correct horse", longest.as_str(), "pässwörd"] {
            let hash = passwords.hash(&password(typed)).await.unwrap();
            assert_eq!(hash.len(), 60);
            assert!(passwords.verify(typed, Some(hash.clone())).await.unwrap());
            for wrong in ["", "correct horsf", &format!("{typed}x"), &format!("{typed}\0{typed}")] {
                assert!(!passwords.verify(wrong, Some(hash.clone())).await.unwrap(), "{wrong:?}");
            }
        }
    }

    #[tokio::test]
    async fn without_a_hash_the_answer_is_no_at_the_same_cost() {
        let passwords = Passwords::new(5);
        assert!(!passwords.verify("correct horse", None).await.unwrap());
        assert_eq!(dummy(5).parse::<bcrypt::HashParts>().unwrap().get_cost(), 5);
        assert_eq!(dummy(12).len(), 60);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let (jobs, _nobody_works) = bounded(1);
        let passwords = Passwords { cost: 4, threads: 1, patience: GIVEN_UP_AFTER, jobs, lately: quick() };
        let first = passwords.verify("correct horse", None);
        let first = tokio::time::timeout(std::time::Duration::from_millis(1), first);
        let second = async { passwords.verify("correct horse", None).await };
        let (first, second) = tokio::join!(first, second);
        assert!(first.is_err(), "the first one waits");
        assert!(matches!(second, Err(Error::Overloaded)));
    }

    #[tokio::test]
    async fn a_rush_right_after_the_start_is_refused_at_once() {
        let passwords = Passwords::on(1, 15);
        let mut waiting = Vec::new();
        let refused = loop {
            let mut one = Box::pin(passwords.verify("correct horse", None));
            match futures_util::poll!(&mut one) {
                std::task::Poll::Pending => waiting.push(one),
                std::task::Poll::Ready(answer) => break answer,
            }
        };
        assert!(matches!(refused, Err(Error::Overloaded)));
        assert!(waiting.len() < WAITING / 2, "{} wait for seconds each", waiting.len());
    }

    #[tokio::test]
    async fn who_has_no_answer_after_a_while_is_refused() {
        let (jobs, _nobody_works) = bounded(1);
        let passwords = Passwords { cost: 4, threads: 1, patience: Duration::from_millis(1), jobs, lately: quick() };
        assert!(matches!(passwords.verify("correct horse", None).await, Err(Error::Overloaded)));
    }

    #[tokio::test]
    async fn who_would_wait_for_too_long_is_refused_at_once() {
        let lately = Arc::new(Lately::of(Duration::from_millis(300)));
        assert_eq!(lately.wait_behind(4, 2), Duration::from_millis(600));
        for _ in 0..50 {
            lately.note(Duration::from_secs(1));
        }
        let mean = lately.wait_behind(1, 1);
        assert!((Duration::from_millis(990)..=Duration::from_secs(1)).contains(&mean), "{mean:?}");

        let (jobs, _nobody_works) = bounded(WAITING);
        let passwords = Passwords { cost: 4, threads: 1, patience: GIVEN_UP_AFTER, jobs, lately };
        let mut waiting = Vec::new();
        for _ in 0..2 {
            let one = passwords.verify("correct horse", None);
            let mut one = Box::pin(one);
            assert!(futures_util::poll!(&mut one).is_pending());
            waiting.push(one);
        }
        assert!(matches!(passwords.verify("correct horse", None).await, Err(Error::Overloaded)));
    }
}
