# Completions of menshen for bash. To use them now:       source <(menshen completions bash)
# For every shell from now on: menshen completions bash > /etc/bash_completion.d/menshen

_menshen() {
    local line=${COMP_LINE:0:COMP_POINT} current='' breaks='' kept='' words=() candidate
    # Bash takes words apart at colons and equals signs, of which names of processes and options have some.
    # What it takes for the word to be completed begins after the last of them.
    read -a words <<<"$line"
    if [[ $line != *[[:space:]] ]]; then
        current=${words[-1]}
        unset 'words[-1]'
    fi
    [[ $COMP_WORDBREAKS == *:* ]] && breaks+=:
    [[ $COMP_WORDBREAKS == *=* ]] && breaks+==
    [[ $breaks ]] && kept=${current%"${current##*[$breaks]}"}
    COMPREPLY=()
    while IFS=$'\t' read -r candidate _; do
        COMPREPLY+=("$(printf %q "${candidate#"$kept"}")")
    done < <("${words[0]}" complete -- "${words[@]}" "$current" 2>/dev/null)
    # A folder may be gone into.
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == */ ]] && compopt -o nospace
    return 0
}
complete -F _menshen menshen
