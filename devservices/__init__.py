"""Throwaway real engines for a laptop: PostgreSQL and a Redis-compatible server, from wheels or from the system.

Imports nothing of ours, and importing it starts nothing. `engines.start()` is idempotent and takes a hundredth of a second
when the servers run already.
"""
