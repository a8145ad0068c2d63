//! A wrong clock, and a clock that is corrected during a session.

use crate::test_app::TestApp;

#[tokio::test]
async fn setting_it_by_five_minutes_logs_no_user_out() {
    for (step, asked) in [(-300, 2), (300, 1)] {
        let app = TestApp::open().await;
        let mut ada = app.logged_in("ada@example.com").await;
        app.clock.advance(100);
        assert_eq!(ada.get("/who").await.body, "ada@example.com");
        app.clock.advance(step);
        assert_eq!(ada.get("/who").await.body, "ada@example.com", "set by {step} s");
        assert_eq!(app.stub.memory().refreshes, 0, "set by {step} s");
        // By a correct clock, the token expires here, 900 s after the login.
        app.clock.advance(800);
        app.stub.forget_access_tokens();
        let answer = ada.get("/api/proxy/notes").await;
        assert_eq!(answer.status, 200, "set by {step} s: {answer:?}");
        let memory = app.stub.memory();
        // Behind, this server finds out by the API's 401; ahead, it asks before.
        assert_eq!((memory.refreshes, memory.seen.len()), (1, asked), "set by {step} s");
    }
}
