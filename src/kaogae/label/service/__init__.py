"""The service behind the phone app."""

from kaogae.label.service.app import create_app, public_address

__all__ = ["create_app", "public_address"]
