"""`kaogae label serve` and `invite`: the service behind the phone app, and who may use it."""
