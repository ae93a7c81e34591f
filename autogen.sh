#!/bin/sh
# Makes ./configure from configure.ac; needs autoconf, automake, autoconf-archive, pkg-config.
set -eu
cd "$(dirname "$0")"
mkdir -p m4
exec autoreconf --install --force
