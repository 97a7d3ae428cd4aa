"""Real engines and processes for a laptop: PostgreSQL and a Redis-compatible server, from wheels or from the system.

Standard library only (the mail catcher apart), imports nothing of ours, and importing it starts nothing.
`engines.start()` may be called by anybody at any time: it takes a few hundredths of a second when the servers run.
"""
