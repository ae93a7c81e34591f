#!/bin/sh
# What stands higher includes what stands lower, never the other way; a library's header is
# included by the files named here and by no others; the protocol floor does no I/O.
# floors.sh [TREE], by default the source tree.
set -eu
cd "${1:-${srcdir:-.}}"

folders=
for folder in include src middleware examples tests; do
    if test -d "$folder"; then folders="$folders $folder"; fi
done

# shellcheck disable=SC2086 # a list of folders
find $folders -name '*.[ch]' | sort | awk '
BEGIN {
    # Floors, from the bottom.
    floor["include/wsgate"] = 0
    floor["src/base"] = 1
    floor["src/protocol"] = 2
    floor["src/net"] = 3
    floor["src/config"] = 4; floor["src/token"] = 4
    floor["src/gateway"] = 5; floor["src/admin"] = 5; floor["middleware"] = 5
    floor["src"] = 6; floor["src/wsgatectl"] = 6

    # Neighbours that do not know each other.
    apart["src/config", "src/token"]
    apart["middleware", "src/gateway"]; apart["middleware", "src/admin"]
    apart["src/gateway", "middleware"]; apart["src/admin", "middleware"]

    # Who may include which library. Tests may include all but event2, which only what waits needs.
    library["event2/"] = "^(src/(gateway|net|admin|wsgatectl)/|src/program[.]c|examples/|tests/blackbox/|tests/(unit/)?(http_client|tls)_(test|program)[.]c)"
    library["yaml[.]h"] = "^src/(config/yaml_tree|program)[.]c"
    library["jwt[.]h"] = "^(src/wsgatectl|tests)/"
    library["jansson[.]h"] = "^(src/protocol/jose[.]|src/token/|src/config/schema[.]c|src/program[.]c|src/admin/|src/wsgatectl/|tests/)"
    library["openssl/"] = "^(src/config/option_file[.]c|src/protocol/(accept_value|jose)[.]c|src/protocol/digest[.]|src/token/|src/net/|middleware/(api_key_table|jwt|introspection|limit_key|request_part|forward_question)|src/program[.]c|src/wsgatectl/|examples/|tests/)"
    library["curl/"] = "^(src/net/|src/program[.]c|tests/)"
    library["check[.]h"] = "^tests/unit/"

    no_io = "^(sys/socket|sys/select|sys/epoll|poll|unistd|fcntl|netdb|stdio)[.]h$"
    io_call = "(^|[^a-z0-9_])(socket|connect|bind|listen|accept4?|recv|recvfrom|recvmsg|send|sendto|sendmsg|read|readv|write|writev|poll|ppoll|select|open|close|fopen|getaddrinfo)[(]"
}

function fault(text) {
    printf "%s:%d: %s\n", path, line, text
    failed = 1
}

function folder_of(file) {
    sub("/[^/]*$", "", file)
    return file
}

function exists(file,    ignored, found) {
    found = (getline ignored < file) >= 0
    close(file)
    return found
}

# Where a quoted name lies; "" for what is made by configure or not in the tree.
function find_header(name) {
    if (exists("src/" name)) return "src/" name
    if (exists("middleware/" name)) return "middleware/" name
    if (exists("include/" name)) return "include/" name
    if (exists(folder_of(path) "/" name)) return folder_of(path) "/" name
    return ""
}

function check_ours(name,    from, header, to) {
    if (name == "config.h") return
    header = find_header(name)
    if (header == "") {
        fault("includes \"" name "\", which is not in the tree")
        return
    }
    from = folder_of(path)
    to = folder_of(header)
    if (!(from in floor)) return # examples, tests: they may include what they test
    if (!(to in floor) || floor[to] > floor[from])
        fault(from " must not include " header ", which stands higher")
    else if ((from, to) in apart)
        fault(from " must not include " header)
}

function check_library(name,    library_name) {
    for (library_name in library)
        if (name ~ "^" library_name && path !~ library[library_name])
            fault("<" name "> is not for this file")
    if (path ~ "^src/protocol/" && name ~ no_io)
        fault("the protocol floor does no I/O: <" name ">")
}

function check_line(text,    name) {
    if (match(text, "^[ \t]*#[ \t]*include[ \t]*[\"<][^\">]*")) {
        name = substr(text, RSTART, RLENGTH)
        sub("^[^\"<]*", "", name)
        if (name ~ "^\"" || name ~ "^<wsgate/") check_ours(substr(name, 2))
        else check_library(substr(name, 2))
    } else if (path ~ "^src/protocol/" && text ~ io_call) {
        fault("the protocol floor does no I/O: " text)
    }
}

{
    path = $0
    files++
    for (line = 1; (getline text < path) > 0; line++)
        check_line(text)
    close(path)
    # A folder that nobody has put on a floor would escape all of this.
    if (path ~ "^(src|middleware|include)/" && !(folder_of(path) in floor)) {
        line = 1
        fault("its folder has no floor: give it one in tests/structure/floors.sh")
    }
}

END {
    printf "%d files\n", files
    exit (failed || files == 0) ? 1 : 0
}'
