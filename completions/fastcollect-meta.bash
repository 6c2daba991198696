# bash completion for fastcollect-meta
_fastcollect_meta() {
    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command='' word
    local -A options=(
        [build]='--output --workers --help'
        [check]='--manifest --section --quiet --help'
        [doctor]='--python --help'
        [export]='--manifest --help'
        [list]='--manifest --section -k -m --json --no-check --help'
        [merge]='--output --help'
        [shard]='--manifest --section -k -m --by --no-check --help'
        [show]='--manifest --section --help'
    )
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if [[ -n ${options[$word]+known} ]]; then
            command=$word
            break
        fi
    done
    COMPREPLY=()
    case $previous in
        --manifest | --output | -o | --python) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --by) mapfile -t COMPREPLY < <(compgen -W 'test function class file' -- "$cur"); return ;;
        --section | --workers | -k | -m) return ;;
    esac
    if [[ -z $command ]]; then
        mapfile -t COMPREPLY < <(compgen -W "${!options[*]} --help --version" -- "$cur")
    elif [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "${options[$command]}" -- "$cur")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
}
complete -o filenames -F _fastcollect_meta fastcollect-meta
