"""What plugins that are talked to share: sockets, TLS, an event loop."""
