"""A local AWS: Moto in a process of its own on loopback, for the real Pulumi CLI and the real AWS plugin."""
