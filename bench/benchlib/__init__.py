"""What bench/run, bench/syscalls and bench/instructions share."""
