"""The edges: the Faust app, its chunk transport, the processors' loop, relay, intake; thin."""
