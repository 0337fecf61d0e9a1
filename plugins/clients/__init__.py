"""What several plugins need to talk to a system: connections, TLS, credentials, caches."""
