#!/bin/sh
# Does floors.sh see what it should? Small trees with one error each, and one without.
set -eu
srcdir=${srcdir:-.}
here=$(cd "$srcdir/tests/structure" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0

# expect VERDICT FILE LINE: a tree in which FILE holds LINE.
expect() {
    rm -rf "${tree:?}/t"
    mkdir -p "$tree/t"
    for folder in include/wsgate src/base src/protocol src/config src/token src/net src/gateway \
        src/wsgatectl middleware tests/unit examples; do
        mkdir -p "$tree/t/$folder"
        echo '/* nothing */' >"$tree/t/$folder/x_$(basename "$folder").h"
    done
    mkdir -p "$tree/t/$(dirname "$2")"
    printf '%s\n' "$3" >"$tree/t/$2"
    verdict=good
    "$here/floors.sh" "$tree/t" >"$tree/output" 2>&1 || verdict=bad
    if test "$verdict" != "$1"; then
        echo "expected $1: $2: $3"
        cat "$tree/output"
        failed=1
    fi
}

expect good src/base/a.c '#include "base/x_base.h"'
expect bad src/base/a.c '#include "protocol/x_protocol.h"'
expect bad src/base/a.c '  #  include "config/x_config.h"'
expect good src/protocol/a.c '#include "base/x_base.h"'
expect bad src/protocol/a.c '#include "config/x_config.h"'
expect bad src/protocol/a.h '#include "net/x_net.h"'
expect bad src/protocol/a.c '#include <event2/event.h>'
expect bad src/protocol/a.c '#include <sys/socket.h>'
expect bad src/protocol/a.c '    if (read(fd, buffer, 1) < 0)'
expect good src/protocol/a.c '    spread(x); http_read(x);'
expect good src/config/a.c '#include "protocol/x_protocol.h"'
expect bad src/config/a.c '#include "token/x_token.h"'
expect bad src/config/a.c '#include <yaml.h>'
expect good src/config/yaml_tree.c '#include <yaml.h>'
expect bad src/token/a.c '#include "gateway/x_gateway.h"'
expect bad src/token/a.c '#include "x_middleware.h"'
expect good middleware/a.c '#include "token/x_token.h"'
expect bad middleware/a.c '#include "gateway/x_gateway.h"'
expect bad middleware/a.c '#include <event2/event.h>'
expect bad middleware/origin.c '#include <jansson.h>'
expect bad middleware/bearer_claims.c '#include <jansson.h>'
expect bad src/gateway/a.c '#include "x_middleware.h"'
expect bad src/gateway/a.c '#include "gateway/absent.h"'
expect bad src/gateway/a.c '#include <jwt.h>'
expect good src/wsgatectl/a.c '#include <jwt.h>'
expect good src/main.c '#include "x_middleware.h"'
expect good src/base/a.h '#include <wsgate/x_wsgate.h>'
expect bad include/wsgate/a.h '#include "base/x_base.h"'
expect bad src/attic/a.c 'int x;'
expect good tests/unit/a.c '#include "gateway/x_gateway.h"'
expect bad tests/unit/a.c '#include <yaml.h>'
exit "$failed"
