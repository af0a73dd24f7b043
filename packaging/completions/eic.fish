# Completion of eic and eic-sim for fish. It asks the program itself, whose help
# names every command, flag and value.

function __eic_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    if test (count $words) -eq 1
        $words[1] help 2>/dev/null | string match -rg -- '^  ([a-z][a-z-]*)  *(.*)$' | paste - - -d \t
        return
    end
    set -l help ($words[1] $words[2] --help 2>/dev/null)

    set -l flag $words[-1]
    set -l prefix ''
    if string match -q -- '--*=*' $current
        set flag (string split -m 1 = -- $current)[1]
        set prefix "$flag="
        set current (string split -m 1 = -- $current)[2]
    end
    set -l value (string match -rg -- "^ *$flag ([^ ]+)" $help)
    if string match -q -- '--*' $flag; and set -q value[1]
        string match -rq -- '^--(.*user|run-as)$' $flag; and set value USER
        for word in (string split '|' $value[1])
            string match -rq -- '[A-Z]' $word; or echo $prefix$word
        end
        __eic_named $value[1] $prefix $current
    else if string match -q -- '-*' $current
        string match -r -- '^ *(?:-., )?--[a-z][a-z0-9-]*(?:\[=[^ ]+\]| [^ ]+)?   *.*$' $help |
            string replace -r '^ *(?:-., )?(--[a-z0-9-]*)(?:\[=[^ ]+\]| [^ ]+)?   *(.*)$' '$1\t$2'
        printf '%s\t%s\n' --help 'say what the flags are'
    else if test (count $words) -eq 2; and set -l second (string match -rg -- '^[Uu]sage: [^ ]* [^ ]* ([a-z]+) ' $help)
        echo $second # a command may have a second word, as "eic policy test" has
    else
        __eic_named (string match -rg -- '^[Uu]sage: [^ ]* [^ ]*(.*)' $help)[1] '' $current
    end
end

# What stands for a file, a directory or a user is completed as one.
function __eic_named --argument-names name prefix current
    switch $name
        case '*FILE*'
            printf '%s\n' $prefix(__fish_complete_path $current)
        case '*DIR*'
            printf '%s\n' $prefix(__fish_complete_directories $current '')
        case '*USER*'
            printf '%s\n' $prefix(__fish_complete_users)
    end
end

complete -c eic -f -a '(__eic_complete)'
complete -c eic-sim -f -a '(__eic_complete)'
