"""Labels by people: campaigns, votes, agreement, and the service behind the phone app."""
