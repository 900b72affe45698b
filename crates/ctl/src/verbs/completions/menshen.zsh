#compdef menshen
# Completions of menshen for zsh. To use them now:        source <(menshen completions zsh)
# For every shell from now on: menshen completions zsh > a folder of $fpath/_menshen

_menshen() {
    local -a lines words_ folders
    local line
    lines=("${(@f)$("${(Q)words[1]}" complete -- "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    for line in $lines; do
        # A colon parts a word from what is said about it.
        line="${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}"
        if [[ $line == */:* ]]; then folders+=("$line"); else words_+=("$line"); fi
    done
    _describe -V menshen words_ -- folders -S ''
}

if [[ $funcstack[1] == _menshen ]]; then
    _menshen "$@"
else
    compdef _menshen menshen
fi
