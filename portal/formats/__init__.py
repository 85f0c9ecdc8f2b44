"""How dates are written in each language; Django knows the rest."""
