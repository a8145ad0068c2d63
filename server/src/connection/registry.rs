//! The open connections of a thread, from which idle ones can be closed.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    ops::Bound,
    rc::Rc,
};

use tokio::task::{AbortHandle, spawn_local};

use super::activity::Activity;

/// How many connections are searched for the longest idle one, so that a flood of new connections does not cause a search
/// through all.
const SAMPLE: usize = 64;

/// The open connections of one thread.
#[derive(Default)]
pub(crate) struct ConnectionRegistry {
    next_number: Cell<u64>,
    /// Where the next search begins.
    cursor: Cell<u64>,
    connections: RefCell<BTreeMap<u64, Entry>>,
}

struct Entry {
    activity: Rc<Activity>,
    task: AbortHandle,
}

/// Removes a connection when it has ended.
struct Registration {
    registry: Rc<ConnectionRegistry>,
    number: u64,
}

impl ConnectionRegistry {
    /// Runs a connection on this thread.
    pub(super) fn spawn(self: &Rc<Self>, activity: Rc<Activity>, connection: impl Future<Output = ()> + 'static) {
        let number = self.next_number.get();
        self.next_number.set(number + 1);
        let registration = Registration { registry: Rc::clone(self), number };
        let task = spawn_local(async move {
            let _registration = registration;
            connection.await;
        });
        self.connections.borrow_mut().insert(number, Entry { activity, task: task.abort_handle() });
    }

    /// Closes the longest idle connection of a sample and returns whether there was one.
    pub(crate) fn close_idle(&self) -> bool {
        let mut connections = self.connections.borrow_mut();
        let rest = (Bound::Excluded(self.cursor.get()), Bound::Unbounded);
        let sample = connections.range(rest).chain(connections.range(..=self.cursor.get())).take(SAMPLE);
        let (mut last, mut oldest) = (self.cursor.get(), None);
        for (number, entry) in sample {
            last = *number;
            if let Some(since) = entry.activity.idle_since()
                && oldest.is_none_or(|(oldest, _)| since < oldest)
            {
                oldest = Some((since, *number));
            }
        }
        self.cursor.set(last);
        let Some(entry) = oldest.and_then(|(_, number)| connections.remove(&number)) else { return false };
        drop(connections);
        entry.task.abort();
        true
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.registry.connections.borrow_mut().remove(&self.number);
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

    /// Sends its number when it is dropped.
    struct DropNotifier(mpsc::Sender<usize>, usize);

    impl Drop for DropNotifier {
        fn drop(&mut self) {
            let _ = self.0.send(self.1);
        }
    }

    #[test]
    fn closes_the_oldest_idle_connection_and_no_busy_one() {
        let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default()).unwrap();
        runtime.block_on(async {
            let registry = Rc::new(ConnectionRegistry::default());
            let (sender, dropped) = mpsc::channel();
            let mut busy = Vec::new();
            for number in 0..4 {
                let activity = Rc::new(Activity::new(Arc::default()));
                if number % 2 == 0 {
                    busy.push(activity.start_request());
                }
                let notifier = DropNotifier(sender.clone(), number);
                registry.spawn(activity, async move {
                    let _notifier = notifier;
                    pending::<()>().await;
                });
            }
            assert!(registry.close_idle() && registry.close_idle() && !registry.close_idle());
            tokio::task::yield_now().await;
            assert_eq!(dropped.try_iter().collect::<Vec<_>>(), [1, 3]);
            assert_eq!(registry.connections.borrow().len(), 2);
            drop(busy);
            assert!(registry.close_idle() && registry.close_idle() && !registry.close_idle());
        });
    }
}
