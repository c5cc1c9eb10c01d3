"""Real servers for the tests, each a small class: start, stop, kill, a free loopback port, a log in a folder.

kafka (Apache Kafka, KRaft), redis (and a cluster of six), valkey and tansu (the embedded pair), prometheus.
Each ends when the test run ends, even if that is killed: see forestall.agents.child.
"""
