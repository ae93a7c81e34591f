# wsgatectl.bash - completion of wsgatectl(1) for bash. tests/completion_test.py compares the options
# with --help.

_wsgatectl_options() {
    case $1 in
    '') echo --help --version ;;
    explain)
        echo --config --listener --from --method --host --origin --token --token-file --subprotocol \
            --header --raw --json --help
        ;;
    probe)
        echo --token --token-file --origin --subprotocol --header --unix-socket --bind --ca-file \
            --server-name --insecure --send --wait-close --timeout --count --headers --timing --json \
            --help
        ;;
    key) echo --help ;;
    'key new') echo --identity --label --file --help ;;
    token) echo --help ;;
    'token mint')
        echo --key --algorithm --kid --typ --issuer --subject --audience --expires-in --no-expiry \
            --not-before --claim --help
        ;;
    'token inspect') echo --key --jwks --help ;;
    'token keygen') echo --algorithm --out-private --out-public --out-jwks --kid --force --help ;;
    'token jwks') echo --kid --algorithm --help ;;
    esac
}

# What the option before the cursor takes: file, algorithm, method, other (nothing to propose), or
# none. The letters are those of the command.
_wsgatectl_value() {
    case $1:$2 in
    *:--config | *:--file | *:--token-file | *:--ca-file | *:--key | *:--jwks) echo file ;;
    *:--out-* | *:--unix-socket) echo file ;;
    explain:-c | 'token mint:-k' | 'token inspect:-'[kj] | 'token keygen:-'[pPj]) echo file ;;
    *:--algorithm | 'token '*:-a) echo algorithm ;;
    *:--method) echo method ;;
    *:--raw | *:--json | *:--help | *:--version | *:--insecure | *:--headers | *:--timing) echo none ;;
    *:--wait-close | *:--no-expiry | *:--force) echo none ;;
    *:--) echo none ;;
    *:--*) echo other ;;
    'token mint:-'[KTisAenc] | 'token keygen:-K' | 'token jwks:-K') echo other ;;
    *) echo none ;;
    esac
}

# These two fill COMPREPLY with what begins like `current`, which is _wsgatectl's.
_wsgatectl_words() {
    mapfile -t COMPREPLY < <(compgen -W "$*" -- "$current")
}

_wsgatectl_files() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
}

_wsgatectl() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local command='' commands='explain key probe token' word value i

    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $command:$word in
        :explain | :probe) command=$word commands='' ;;
        :key) command=key commands='new' ;;
        key:new) command='key new' commands='' ;;
        :token) command=token commands='mint inspect keygen jwks' ;;
        token:mint | token:inspect | token:keygen | token:jwks) command="token $word" commands='' ;;
        esac
    done
    COMPREPLY=()
    # bash makes three words of --config=FILE.
    if [[ $current == '=' ]]; then
        current=''
    elif [[ $before == '=' ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    value=$(_wsgatectl_value "$command" "$before")
    case $value in
    file) _wsgatectl_files ;;
    algorithm)
        _wsgatectl_words HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA
        ;;
    method) _wsgatectl_words GET HEAD OPTIONS POST ;;
    none)
        # shellcheck disable=SC2046,SC2086 # lists of words
        if [[ $current == -* || -n $commands ]]; then
            _wsgatectl_words $commands $(_wsgatectl_options "$command")
        elif [[ $command == 'token jwks' ]]; then
            _wsgatectl_files
        fi
        ;;
    esac
}

complete -F _wsgatectl wsgatectl
