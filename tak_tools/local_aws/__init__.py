"""A local AWS: Moto in a separate process on loopback, for the real Pulumi CLI and the real AWS plugin."""
