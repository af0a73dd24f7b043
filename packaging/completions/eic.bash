# Completion of eic and eic-sim for bash. It asks the program itself, whose help
# names every command, flag and value.

_eic() {
    local program=$1 cur=$2 command=${COMP_WORDS[1]} flag=$3 help value words=
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        words=$("$program" help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p')
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
        return
    fi
    help=$("$program" "$command" --help 2>/dev/null)

    # readline takes "--flag=value" for three words.
    [[ $cur == '=' ]] && cur=
    [[ $flag == '=' ]] && flag=${COMP_WORDS[COMP_CWORD - 2]}
    value=$(sed -n "s/^ *$flag \([][A-Za-z|=:*-]*\).*/\1/p" <<<"$help")
    if [[ $flag == --* && -n $value ]]; then
        [[ $flag == --*user || $flag == --run-as ]] && value=USER
        words=$(tr '|' '\n' <<<"$value" | grep -v '[A-Z]')
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur"; _eic_named "$value" "$cur")
        return
    fi
    if [[ $cur == -* ]]; then
        words=$(sed -n 's/^ *\(-., \)\{0,1\}\(--[a-z][a-z0-9-]*\).*/\2/p' <<<"$help")
        mapfile -t COMPREPLY < <(compgen -W "$words --help" -- "$cur")
        return
    fi
    # A command may have a second word, as "eic policy test" has.
    words=$(sed -n "s/^[Uu]sage: [^ ]* $command \([a-z]*\) .*/\1/p" <<<"$help")
    if [[ -n $words ]] && ((COMP_CWORD == 2)); then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
        return
    fi
    mapfile -t COMPREPLY < <(_eic_named "$(sed -n 's/^[Uu]sage: [^ ]* [^ ]*\(.*\)/\1/p' <<<"$help")" "$cur")
}

# What stands for a file, a directory or a user is completed as one.
_eic_named() {
    case $1 in
        *FILE*) compgen -f -- "$2" ;;
        *DIR*) compgen -d -- "$2" ;;
        *USER*) compgen -u -- "$2" ;;
    esac
}

complete -o filenames -F _eic eic eic-sim
