"""The topic log: its port, the Kafka engine and the PostgreSQL engine."""
