"""``python -m portico``."""

import signal

# Until a command says otherwise, Ctrl-C ends the process at once and quietly, while it is still importing as well.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from portico.command_line import main  # noqa: E402 - after the signal

if __name__ == "__main__":
    main()
