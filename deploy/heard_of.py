"""Health check of processes that serve nothing: `heard_of.py beat` asks the web process when it last heard of beat.

Exit status 0 = lately, 1 = not lately, or nobody to ask. Needs no package: asking every half minute costs little.
"""

import json
import sys
import urllib.request

READINESS = "http://web:8000/readyz"


def main(name: str, url: str = READINESS) -> int:
    asked = urllib.request.Request(url, headers={"Host": "localhost"})  # noqa: S310  a host that always may be asked for
    with urllib.request.urlopen(asked, timeout=5) as answer:  # noqa: S310
        found = json.load(answer)
    return int(name not in found["last_heard"] or name in found["late"])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
