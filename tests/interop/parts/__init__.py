"""What the interop tests stand on: other people's programs, and the case in which they meet."""
