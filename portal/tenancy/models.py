"""No tables of its own; Django announces the end of migrations only to applications with this module."""
