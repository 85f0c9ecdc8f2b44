"""Signing in through a bank's own OpenID Connect provider."""
