/* key.h - `wsgatectl key`: API keys for the module api_key. */
#ifndef WSGATE_WSGATECTL_KEY_H
#define WSGATE_WSGATECTL_KEY_H

int key_run(int argc, char **argv);

#endif
