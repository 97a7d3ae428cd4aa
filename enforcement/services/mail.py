"""One run of the post: words for memos that wait for them, then messages to the mail server."""

from typing import Any
