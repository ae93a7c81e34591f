#!/bin/sh
# options_test.sh - is every option in the manual page, with an example, and in the sample, with its default?
# And is the sample a good file, as it is and with all that is commented out?
# Usage: options_test.sh [SOURCE_DIRECTORY], from the build directory.
set -eu
export LC_ALL=C

source=${1:-${srcdir:-.}}
manual=$source/man/wsgate.yaml.5
sample=$source/etc/wsgate.yaml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
    echo "$*" >&2
    failed=1
}

tests/options_list >"$work/options"

# The manual: sections as "chapter" or "chapter.word", words as `.It Ic word`, defaults as
# `default Ic value` on that line. What comes later stands in one section of its own.
awk '
    /^\.S[hs] / {
        section = tolower(substr($0, 5))
        gsub(/"/, "", section)
        sub(/: /, ".", section)
        next
    }
    /^\.It Ic / {
        words = $0
        sub(/^\.It Ic /, "", words)
        value = ""
        if (match(words, / default Ic .*$/)) {
            value = substr(words, RSTART + 12)
            gsub(/"/, "", value)
            sub(/ \..*$/, "", value)
        }
        sub(/ .*/, "", words)
        if (section == "not yet supported") {
            words = $0
            sub(/^\.It Ic /, "", words)
            gsub(/"/, "", words)
        }
        print section "\t" words "\t" value
    }' "$manual" | sort >"$work/manual"

awk -F '\t' '
    $4 == "later" { print "not yet supported\t" ($1 == "process" ? "" : $1 ".") $2 "\t"; next }
    { print $1 "\t" $2 "\t" $3 }' "$work/options" | sort >"$work/wanted"

comm -13 "$work/manual" "$work/wanted" >"$work/missing"
comm -23 "$work/manual" "$work/wanted" >"$work/surplus"
while IFS= read -r row; do
    fail "$manual: missing, or another default: $row"
done <"$work/missing"
while IFS= read -r row; do
    fail "$manual: no table has: $row"
done <"$work/surplus"

# An example: the word, with a colon, in a literal block of its section.
awk '
    /^\.S[hs] / {
        section = tolower(substr($0, 5))
        gsub(/"/, "", section)
        sub(/: /, ".", section)
    }
    /^\.Ed/ { literal = 0 }
    literal {
        sub(/ #.*/, "")
        while (match($0, /[a-z0-9_]+:/)) {
            print section "|" substr($0, RSTART, RLENGTH - 1)
            $0 = substr($0, RSTART + RLENGTH)
        }
    }
    /^\.Bd -literal/ { literal = 1 }' "$manual" | sort -u >"$work/examples"
awk -F '\t' '$4 != "later" { print $1 "|" $2 }' "$work/options" >"$work/need_examples"
[ -s "$work/need_examples" ] || fail "no options"
while IFS= read -r row; do
    grep -Fxq "$row" "$work/examples" || fail "$manual: no example has: $row"
done <"$work/need_examples"

# The sample: the word in its chapter, commented out or not, and its default behind it. A line's
# first two keys name chapter and word; nested words are looked for in the chapter.
awk '
    { line = $0; sub(/^#/, "", line); sub(/^ *(- )?/, "", line) }
    /^#?[a-z0-9_]+:/ { chapter = line; sub(/:.*/, "", chapter) }
    line ~ /^[a-z0-9_]+:/ {
        word = line; sub(/:.*/, "", word)
        value = line; sub(/^[a-z0-9_]+: */, "", value); sub(/ +#.*/, "", value)
        gsub(/[\["\]]/, "", value)
        print chapter "|" word "|" value
    }' "$sample" >"$work/sample"

while IFS='|' read -r section word value flags; do
    [ "$flags" != later ] || continue
    case $section in
    process) chapter=$word ;;
    log* | listeners* | limits* | timeouts* | routes* | backends*) chapter=${section%%.*} ;;
    *) chapter=middleware ;;
    esac
    if [ -z "$value" ]; then
        grep -q "^$chapter|$word|" "$work/sample" || fail "$sample: $section: no $word"
    else
        grep -Fxq "$chapter|$word|$value" "$work/sample" ||
            fail "$sample: $section: no $word with its default $value"
    fi
done <<END
$(tr '\t' '|' <"$work/options")
END

# Both forms of the sample must be good.
cp "$sample" "$work/sample.yaml"
tests/options_list "$work/sample.yaml" || fail "$sample is not good as it is"

mkdir -p "$work/keys"
printf '0123456789abcdef0123456789abcdef' >"$work/keys/hs256"
echo 192.0.2.0/24 >"$work/allow.txt"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=test \
    -keyout "$work/ca.key" -out "$work/ca.pem" 2>"$work/openssl" || fail "$(cat "$work/openssl")"
mkdir -p "$work/tls"
cp "$work/ca.pem" "$work/tls/chat.pem"
cp "$work/ca.key" "$work/tls/chat.key"
cp "$work/ca.pem" "$work/tls/clients.pem"
head -c 80 /dev/urandom >"$work/tls/ticket.key"
: >"$work/index"
printf '[ca]\ndefault_ca=a\n[a]\ndatabase=%s\ndefault_md=sha256\n' "$work/index" >"$work/ca.conf"
openssl ca -config "$work/ca.conf" -gencrl -crldays 1 -cert "$work/ca.pem" -keyfile "$work/ca.key" \
    -out "$work/tls/revoked.pem" 2>"$work/openssl" || fail "$(cat "$work/openssl")"
echo secret >"$work/keys/introspection"
echo 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 ann >"$work/partners.keys"
echo "jti 1" >"$work/revoked"
echo '{"keys":[{"kty":"oct","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]}' \
    >"$work/jwks.json"
cat >"$work/keys/public.pem" <<'END'
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEDEF3p33OVYSMYozPxx3hxaxNpd+L
rENr2m/qpfwPcMEjeXwKxObetjMXl1u1BRVbeH6CDk8OcJ6XvfYLcecPIg==
-----END PUBLIC KEY-----
END
# "#word" and "#  word" are options, "# word" is prose.
sed -e 's/^#\([a-z_]\)/\1/' -e 's/^#\(  \)/\1/' -e "s|/etc/wsgate/|$work/|g" -e 's/^user: .*/user: root/' \
    "$sample" >"$work/whole.yaml"
WSGATE_SECRET=0123456789abcdef0123456789abcdef tests/options_list "$work/whole.yaml" ||
    fail "$sample is not good with everything it shows"

exit $failed
