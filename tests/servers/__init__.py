"""Real servers for the tests, each a small class: start, stop, kill, free loopback ports, a log in its folder.

kafka (Apache Kafka, KRaft), redis (and a cluster of six), valkey and tansu (the embedded pair), prometheus.
Each ends when the test run ends, even if that is killed: see forestall.agents.child.
"""
