"""The service behind the phone app."""
