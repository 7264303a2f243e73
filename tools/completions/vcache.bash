# Completion of vcache, vcache-flush and vcache-stat for bash. The options are those that --help lists.

_vcache_options() {
    "$1" --help 2>/dev/null | sed -n 's/^  \(-., \)\{0,1\}\(--[a-z-]*\).*/\2/p'
}

# Completes the value of the option $1, whose beginning is $2; fails if $1 takes none.
_vcache_value() {
    case $1 in
    --dir)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -d -- "$2")
        ;;
    --log)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -W stderr -- "$2" ; compgen -f -- "$2")
        ;;
    --log-level)
        mapfile -t COMPREPLY < <(compgen -W "error info debug" -- "$2")
        ;;
    --connect-timeout | --endpoint | --fence | --hosts | --max-size | --object | --operation | --session-idle | --stale-if-error | --ttl | --user)
        COMPREPLY=()
        ;;
    *)
        return 1
        ;;
    esac
}

# The position of the command among the words of a vcache line, or of the word being completed.
_vcache_command_at() {
    local at=1
    while ((at < COMP_CWORD)); do
        case ${COMP_WORDS[at]} in
        --)
            echo $((at + 1))
            return
            ;;
        # bash takes "=" for a word of its own: --ttl=5 is three words, --ttl 5 two
        --off | --help | --version)
            ((at++))
            ;;
        --*)
            [[ ${COMP_WORDS[at + 1]-} == "=" ]] && ((at++))
            ((at += 2))
            ;;
        *)
            break
            ;;
        esac
    done
    echo "$at"
}

_vcache_complete_options() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    if [[ $current == "=" ]]; then
        current=
    elif [[ $previous == "=" ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    _vcache_value "$previous" "$current" && return
    mapfile -t COMPREPLY < <(compgen -W "$(_vcache_options "${COMP_WORDS[0]}")" -- "$current")
}

_vcache() {
    local current=${COMP_WORDS[COMP_CWORD]} command
    command=$(_vcache_command_at)
    if ((COMP_CWORD > command)) && declare -F _command_offset >/dev/null; then
        _command_offset "$command"
    elif ((COMP_CWORD > command)); then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    elif ((COMP_CWORD == command)) && [[ $current != -* ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -c -- "$current" && compgen -d -- "$current")
    else
        _vcache_complete_options
    fi
}

complete -F _vcache vcache
complete -F _vcache_complete_options vcache-flush vcache-stat
