"""What speaking with a bank’s OpenID Connect provider takes, whoever it is that signs in there."""
