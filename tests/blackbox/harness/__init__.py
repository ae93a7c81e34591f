"""What the black-box tests stand on: a raw client, a raw backend, and the real program."""
