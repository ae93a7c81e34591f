/* probe.h - `wsgatectl probe URL`: one opening handshake, told in full. */
#ifndef WSGATE_PROBE_H
#define WSGATE_PROBE_H

/* argv[0] is "probe". 0: connected, and echoed if asked; 1: refused or failed; 2: usage. */
int probe_run(int argc, char **argv);

#endif
