"""The Graph API as far as Messenger needs it: sends, templates, account linking, batches."""
