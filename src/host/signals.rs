//! Somebody wants the program to end: Ctrl-C, or the signal of a service manager or of CI.
//!
//! Until [`End::listen`] a signal ends the program at once, as the system does it: whatever only reads needs no more.

/// Who may end us.
#[cfg(unix)]
pub(crate) struct End {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl End {
    /// Begins to listen: from here on a signal is not lost, and does not end us by itself.
    pub(crate) fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Until somebody asks, and each time anew.
    pub(crate) async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Who may end us: somebody with Ctrl-C.
#[cfg(not(unix))]
pub(crate) struct End;

#[cfg(not(unix))]
impl End {
    /// Begins to listen.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    /// Until somebody asks, and each time anew.
    pub(crate) async fn asked(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// What a daemon listens for: the end, and SIGHUP, which asks for a look.
pub(crate) struct Signals {
    end: End,
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    /// Begins to listen.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            end: End::listen()?,
            #[cfg(unix)]
            hangup: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?,
        })
    }

    /// Until somebody asks for one of them.
    pub(crate) async fn next(&mut self) -> Asked {
        #[cfg(unix)]
        let hangup = self.hangup.recv();
        #[cfg(not(unix))]
        let hangup = std::future::pending::<Option<()>>();
        tokio::select! {
            () = self.end.asked() => Asked::End,
            _ = hangup => Asked::Look,
        }
    }
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The end.
    End,
    /// A look, and what git has now.
    Look,
}
