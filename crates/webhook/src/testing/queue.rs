//! A queue in memory that keeps the promises of `Queue`, and can be told to fail.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;

use crate::event::Message;
use crate::queue::{
    Ask, Attempt, Delivery, Due, Filed, Queue, QueueError, Receiver, Verdict, Work,
};

/// Deliveries that wait at most.
pub(crate) const MAX_PENDING: usize = 10_000;

/// One line of the log.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub(crate) attempt: Attempt,
    pub(crate) verdict: Option<Verdict>,
}

struct Waiting {
    delivery: Delivery,
    next_at: SystemTime,
}

#[derive(Default)]
struct State {
    webhooks: BTreeMap<String, (Receiver, bool)>,
    lanes: BTreeMap<(String, String), VecDeque<Waiting>>,
    done: BTreeMap<String, (Delivery, String)>,
    log: Vec<Logged>,
    next_id: usize,
}

/// The queue.
#[derive(Default)]
pub(crate) struct MemoryQueue {
    state: Mutex<State>,
    /// Nothing works while this is set.
    pub(crate) broken: AtomicBool,
    /// So many writes of an end fail.
    pub(crate) settle_fails: AtomicUsize,
    /// Filing never ends while this is set.
    pub(crate) stuck: AtomicBool,
}

impl MemoryQueue {
    pub(crate) fn with(webhooks: &[(&str, &str)]) -> std::sync::Arc<Self> {
        let queue = Self::default();
        for (name, url) in webhooks {
            let known = (super::receiver(url), true);
            queue.state.lock().webhooks.insert((*name).to_owned(), known);
        }
        std::sync::Arc::new(queue)
    }

    pub(crate) fn log_lines(&self) -> Vec<Logged> {
        self.state.lock().log.clone()
    }

    pub(crate) fn pending(&self) -> usize {
        self.state.lock().lanes.values().map(VecDeque::len).sum()
    }

    pub(crate) fn is_enabled(&self, webhook: &str) -> bool {
        self.state.lock().webhooks[webhook].1
    }

    /// The id of the delivery of an event that is over.
    pub(crate) fn delivery_of(&self, event: &str) -> Option<String> {
        let state = self.state.lock();
        let found = state.done.iter().find(|(_, (delivery, _))| delivery.event_id == event);
        found.map(|(id, _)| id.clone())
    }

    fn check(&self) -> Result<(), QueueError> {
        match self.broken.load(Ordering::SeqCst) {
            true => Err(QueueError("the disk is full".to_owned())),
            false => Ok(()),
        }
    }
}

impl State {
    fn push(&mut self, webhook: &str, stream: &str, message: (&str, &str), now: SystemTime) {
        self.next_id += 1;
        let delivery = Delivery {
            id: format!("{:08}", self.next_id),
            webhook: webhook.to_owned(),
            event_id: message.0.to_owned(),
            body: message.1.into(),
            attempts: 0,
            receiver: Ok(self.webhooks[webhook].0.clone()),
        };
        let lane = (webhook.to_owned(), stream.to_owned());
        self.lanes.entry(lane).or_default().push_back(Waiting { delivery, next_at: now });
    }

    fn shed(&mut self, webhook: &str) -> usize {
        let of = |lanes: &BTreeMap<(String, String), VecDeque<Waiting>>| {
            lanes
                .iter()
                .filter(|((w, _), _)| w == webhook)
                .map(|(_, lane)| lane.len())
                .sum::<usize>()
        };
        let mut dropped = 0;
        while of(&self.lanes) > MAX_PENDING {
            let lanes =
                self.lanes.iter_mut().filter(|((w, _), lane)| w == webhook && !lane.is_empty());
            let oldest = lanes.min_by_key(|(_, lane)| lane[0].delivery.id.clone());
            oldest.unwrap().1.pop_front();
            dropped += 1;
        }
        dropped
    }
}

impl Queue for MemoryQueue {
    fn file<'a>(&'a self, message: &'a Message, now: SystemTime) -> Work<'a, Filed> {
        Box::pin(async move {
            if self.stuck.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            self.check()?;
            let mut state = self.state.lock();
            let wanted: Vec<_> = state.webhooks.iter().filter(|(_, (_, on))| *on).collect();
            let wanted: Vec<_> = wanted.into_iter().map(|(name, _)| name.clone()).collect();
            let stream = message.stream.clone().unwrap_or_default();
            let mut dropped = 0;
            for webhook in &wanted {
                state.push(webhook, &stream, (&message.id, &message.body), now);
                dropped += state.shed(webhook);
            }
            Ok(Filed { queued: wanted.len(), dropped })
        })
    }

    fn due<'a>(&'a self, ask: Ask<'a>) -> Work<'a, Due> {
        Box::pin(async move {
            self.check()?;
            let state = self.state.lock();
            let mut due = Due::default();
            let under_way = |id: &str| ask.under_way.iter().any(|known| known.delivery == id);
            let mut heads: Vec<_> = state.lanes.values().filter_map(VecDeque::front).collect();
            heads.sort_by_key(|head| (head.next_at, head.delivery.id.clone()));
            for head in heads {
                let webhook = &head.delivery.webhook;
                if !state.webhooks[webhook].1 || under_way(&head.delivery.id) {
                    continue;
                }
                let busy = ask.under_way.iter().filter(|known| known.webhook == *webhook).count();
                let taken = due.deliveries.iter().filter(|d| d.webhook == *webhook).count();
                if head.next_at > ask.now {
                    due.next_at = Some(due.next_at.map_or(head.next_at, |at| at.min(head.next_at)));
                } else if busy + taken < ask.per_webhook && due.deliveries.len() < ask.most {
                    due.deliveries.push(head.delivery.clone());
                }
            }
            Ok(due)
        })
    }

    fn settle<'a>(
        &'a self,
        delivery: &'a str,
        attempt: &'a Attempt,
        verdict: Verdict,
    ) -> Work<'a, u64> {
        Box::pin(async move {
            self.check()?;
            let fails = &self.settle_fails;
            if fails.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok()
            {
                return Err(QueueError("the disk is slow".to_owned()));
            }
            let mut state = self.state.lock();
            let holds = |lane: &VecDeque<Waiting>| lane[0].delivery.id == delivery;
            let lane = state.lanes.iter_mut().find(|(_, lane)| !lane.is_empty() && holds(lane));
            let Some(((webhook, stream), lane)) = lane else { return Ok(0) };
            let (webhook, stream) = (webhook.clone(), stream.clone());
            lane[0].delivery.attempts += 1;
            let mut others = 0;
            match verdict {
                Verdict::Retry { next_at } => lane[0].next_at = next_at,
                Verdict::Delivered | Verdict::GaveUp => {
                    let done = lane.pop_front().unwrap().delivery;
                    state.done.insert(done.id.clone(), (done, stream));
                }
                Verdict::Gone => {
                    state.webhooks.get_mut(&webhook).unwrap().1 = false;
                    let own = state.lanes.iter().filter(|((other, _), _)| *other == webhook);
                    others = own.map(|(_, lane)| lane.len() as u64).sum::<u64>() - 1;
                    state.lanes.retain(|(other, _), _| *other != webhook);
                }
            }
            let (attempt, verdict) = (attempt.clone(), Some(verdict));
            state.log.push(Logged { attempt, verdict });
            Ok(others)
        })
    }

    fn redeliver<'a>(&'a self, delivery: &'a str, now: SystemTime) -> Work<'a, bool> {
        Box::pin(async move {
            self.check()?;
            let mut state = self.state.lock();
            let Some((known, stream)) = state.done.get(delivery).cloned() else { return Ok(false) };
            state.push(&known.webhook, &stream, (&known.event_id, &known.body), now);
            Ok(true)
        })
    }

    fn log<'a>(
        &'a self,
        _webhook: &'a str,
        _message: &'a Message,
        attempt: &'a Attempt,
    ) -> Work<'a, ()> {
        Box::pin(async move {
            self.check()?;
            let attempt = attempt.clone();
            self.state.lock().log.push(Logged { attempt, verdict: None });
            Ok(())
        })
    }
}
