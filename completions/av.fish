# Completion of the av programs for fish: source it, or put it into conf.d.
#
# Options come from each program's own help, names of providers, kinds and options from
# av-provider, both when they are asked for.

# "--option<TAB>meaning" of each option in a program's help.
function __av_options
    $argv[1] --help-all 2>/dev/null | string match -r '^ {2,6}-.*' | string trim -l | while read -l row
        set -l halves (string split -m 1 '  ' -- $row)
        for option in (string match -ar -- '(?<=^| )-(?:-[a-z][a-z-]*|[A-Za-z0-9])(?![a-z-])' $halves[1])
            printf '%s\t%s\n' $option (string trim -- "$halves[2]")
        end
    end
end

# Providers of the line, else of AV_PROVIDER, else all.
function __av_chosen
    set -l names $AV_PROVIDER
    set -l before ''
    for word in (commandline -opc)
        if contains -- $before -p --provider
            set names $word
        else
            set -l given (string replace -fr -- '^(--provider=|-p)(?=.)' '' $word)
            and set names $given
        end
        set before $word
    end
    if test -n "$names"
        string split , -- $names
    else
        av-provider list --words 2>/dev/null | string replace -r '\t.*' ''
    end
end

function __av_kinds
    for name in (__av_chosen)
        av-provider kinds $name --words 2>/dev/null
    end
end

# What can follow an option of a program.
function __av_values -a option program
    switch $option
        case -p --provider --login
            # anam,ar: what is before the comma stays.
            set -l lead (commandline -ct | string replace -r '^--provider=' '' | string match -r '^.*,')
            av-provider list --words 2>/dev/null | string replace -r '^' -- "$lead"
        case -r --rendering
            __av_kinds
        case -O --option
            set -l step upload
            string match -q '*render' -- $program; and set step render
            for name in (__av_chosen)
                av-provider options $name --step $step --words 2>/dev/null
            end
        case -o --output
            if string match -q '*sheet' -- $program
                __fish_complete_path
            else
                __fish_complete_directories
            end
        case --ledger
            echo none
            __fish_complete_path
        case --progress
            string split ' ' 'auto plain json none'
        case --photo --create --header-file --trace --dir --events --cert --key
            __fish_complete_path
        case --state
            string match -q '*ledger' -- $program
            and string split ' ' 'intended made unknown not_made failed gone'
        case --grant
            string split ' ' 'password-realm password client_credentials authorization_code device_code'
        case --step
            string split ' ' 'upload render list delete call'
        case '--*'
            __av_kinds | string replace -fr -- '^'(string sub -s 3 -- $option)'=(?=[^\t])' ''
    end
end

# What can stand alone.
function __av_operands -a program
    set -l before (string match -v -- '-*' (commandline -opc)[2..-1])
    switch $program:(count $before):"$before[1]"
        case '*provider:0:'
            string split ' ' 'list show kinds options operations compare check stale schema'
        case '*provider:1:show' '*provider:1:kinds' '*provider:1:options' '*provider:1:operations' '*provider:*:compare' '*provider:*:stale'
            av-provider list --words 2>/dev/null
        case '*provider:1:schema'
            string split ' ' 'provider record report'
        case '*list:0:*' '*call:0:*'
            for name in (__av_chosen)
                av-provider operations $name --step (string replace -r '.*-' '' -- $program) --words 2>/dev/null
            end
        case '*ledger:0:'
            string split ' ' 'list show spend export import settle forget check'
        case '*'
            __fish_complete_path
    end
end

function __av_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    if contains -- -- $words[2..-1]
        __fish_complete_subcommand
        return
    end
    if set -l option (string match -r -- '^--[a-z-]+(?==)' $current)
        __av_values $option $program | string replace -r '^' -- "$option="
        return
    end
    if string match -q -- '-*' $words[-1]
        set -l values (__av_values $words[-1] $program)
        if test -n "$values"
            printf '%s\n' $values
            return
        end
    end
    if string match -q -- '-*' $current
        __av_options $program
        string match -q '*render' -- $program
        and __av_kinds | string replace -fr -- '^([a-z][a-z0-9_]*)=?\t' '--$1\t'
        return
    end
    __av_operands $program
end

for program in av-fetch av-validate av-fit av-upload av-poll av-listen av-render av-list av-delete av-call av-token av-ledger av-provider av-doctor av-sandbox av-report av-sheet
    complete -c $program -f -a '(__av_complete)'
end
