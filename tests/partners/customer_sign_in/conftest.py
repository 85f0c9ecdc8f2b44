"""Norden's sign-in for customers, on the sandbox."""

from tests.bank_site import site

__all__ = ["site"]
