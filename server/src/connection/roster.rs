//! The connections of a thread, so that an idle one can make room.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    ops::Bound,
    rc::Rc,
};

use tokio::task::{AbortHandle, spawn_local};

use super::activity::Activity;

/// Among how many connections the one that has been idle for longest is looked for, so that a crowd at the door
/// costs no walk through all.
const SAMPLE: usize = 64;

/// The open connections of one thread.
#[derive(Default)]
pub(crate) struct Roster {
    next: Cell<u64>,
    /// Where the next look begins.
    hand: Cell<u64>,
    open: RefCell<BTreeMap<u64, Entry>>,
}

struct Entry {
    activity: Rc<Activity>,
    task: AbortHandle,
}

/// Takes a connection out when it has ended.
struct Listed {
    roster: Rc<Roster>,
    number: u64,
}

impl Roster {
    /// Runs a connection on this thread.
    pub(super) fn spawn(self: &Rc<Self>, activity: Rc<Activity>, connection: impl Future<Output = ()> + 'static) {
        let number = self.next.get();
        self.next.set(number + 1);
        let listed = Listed { roster: Rc::clone(self), number };
        let task = spawn_local(async move {
            let _listed = listed;
            connection.await;
        });
        self.open.borrow_mut().insert(number, Entry { activity, task: task.abort_handle() });
    }

    /// Closes the connection that has been without a request for longest, of some; tells whether there was one.
    pub(crate) fn close_idle(&self) -> bool {
        let mut open = self.open.borrow_mut();
        let rest = (Bound::Excluded(self.hand.get()), Bound::Unbounded);
        let around = open.range(rest).chain(open.range(..=self.hand.get())).take(SAMPLE);
        let (mut last, mut oldest) = (self.hand.get(), None);
        for (number, entry) in around {
            last = *number;
            if let Some(since) = entry.activity.idle_since()
                && oldest.is_none_or(|(found, _)| since < found)
            {
                oldest = Some((since, *number));
            }
        }
        self.hand.set(last);
        let Some(entry) = oldest.and_then(|(_, number)| open.remove(&number)) else { return false };
        drop(open);
        entry.task.abort();
        true
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.roster.open.borrow_mut().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::{Arc, mpsc},
    };

    use tokio::runtime::{Builder, LocalOptions};

    use super::*;

    /// Tells its number when it is dropped.
    struct Told(mpsc::Sender<usize>, usize);

    impl Drop for Told {
        fn drop(&mut self) {
            let _ = self.0.send(self.1);
        }
    }

    #[test]
    fn closes_the_oldest_idle_connection_and_no_busy_one() {
        let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).unwrap();
        runtime.block_on(async {
            let roster = Rc::new(Roster::default());
            let (tell, told) = mpsc::channel();
            let mut busy = Vec::new();
            for number in 0..4 {
                let activity = Rc::new(Activity::new(Arc::default()));
                if number % 2 == 0 {
                    busy.push(activity.begin());
                }
                let told = Told(tell.clone(), number);
                roster.spawn(activity, async move {
                    let _told = told;
                    pending::<()>().await;
                });
            }
            assert!(roster.close_idle() && roster.close_idle() && !roster.close_idle());
            tokio::task::yield_now().await;
            assert_eq!(told.try_iter().collect::<Vec<_>>(), [1, 3]);
            assert_eq!(roster.open.borrow().len(), 2);
            drop(busy);
            assert!(roster.close_idle() && roster.close_idle() && !roster.close_idle());
        });
    }
}
