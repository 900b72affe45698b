# Completions of menshen for fish. To use them now:       menshen completions fish | source
# For every shell from now on: menshen completions fish > ~/.config/fish/completions/menshen.fish

function __menshen
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    $words[1] complete -- $words (commandline --cut-at-cursor --current-token) 2>/dev/null
end
complete --command menshen --no-files --keep-order --arguments '(__menshen)'
