"""What Forestall does, below the agents: core (pure), store (the commit), queue, sources, metrics."""
