manual=$(dirname "$CASE_LIBRARY")/../../docs/man/waitprof.1
commands=$(waitprof --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
for command in $commands; do
    grep -q "^\.Ss waitprof $command$" "$manual" || echo "not in the manual: $command"
    waitprof "$command" --help | grep -oE -e '(^| )--[a-z][a-z-]+' | tr -d ' ' | sort -u |
        while read -r option; do
            grep -qE "^\.(It|Op) Fl (. , )?-${option#--}( |$)|, Fl -${option#--}( |$)" "$manual" ||
                echo "not in the manual: $command $option"
        done
done
waitprof --help | sed -n '/^Exit status/,/^$/s/^  \([0-9]\) .*/\1/p' | while read -r code; do
    grep -qx "\.It $code" "$manual" || echo "not in the manual: exit status $code"
done
