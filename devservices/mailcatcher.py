"""`python -m devservices.mailcatcher --port 1025 --dir DIR`: a mail server that keeps every message as a file."""

import argparse
import re
import signal
import time
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Keeper:
    """Writes each accepted message whole, under a name that sorts by time, and says one line."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        first = re.sub(r"[^\w.@+-]", "_", envelope.rcpt_tos[0])[:100]
        message = self.directory / f"{time.time_ns()}-{first}.eml"
        # Whole or not there: readers look for *.eml, and 250 is a promise.
        part = message.with_suffix(".part")
        part.write_bytes(content)
        part.rename(message)
        print(f"{envelope.mail_from} -> {', '.join(envelope.rcpt_tos)}: {len(content)} bytes", flush=True)
        return "250 2.0.0 caught"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=1025)
    parser.add_argument("--dir", type=Path, required=True)
    given = parser.parse_args()
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before the server's thread begins, which inherits this
    catcher = Controller(Keeper(given.dir), hostname="127.0.0.1", port=given.port, enable_SMTPUTF8=True)
    catcher.start()
    signal.sigwait(ends)
    catcher.stop()


if __name__ == "__main__":
    main()
