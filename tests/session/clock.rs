//! A clock that is wrong, or set right in the midst of a session.

use crate::hall::Hall;

#[tokio::test]
async fn setting_it_by_five_minutes_logs_nobody_out() {
    for (step, asked) in [(-300, 2), (300, 1)] {
        let hall = Hall::open().await;
        let mut ada = hall.logged_in("ada@example.com").await;
        hall.clock.advance(100);
        assert_eq!(ada.get("/who").await.body, "ada@example.com");
        hall.clock.advance(step);
        assert_eq!(ada.get("/who").await.body, "ada@example.com", "set by {step} s");
        assert_eq!(hall.stub.memory().refreshes, 0, "set by {step} s");
        // By any right clock the token ends here, 900 s after the log-in.
        hall.clock.advance(800);
        hall.stub.forget_access_tokens();
        let answer = ada.get("/api/proxy/notes").await;
        assert_eq!(answer.status, 200, "set by {step} s: {answer:?}");
        let memory = hall.stub.memory();
        // Behind, this server finds out by the API's 401; ahead, it asks before.
        assert_eq!((memory.refreshes, memory.seen.len()), (1, asked), "set by {step} s");
    }
}
