"""Measures what the portal's paths cost, each beside a baseline that runs in the same minute."""
