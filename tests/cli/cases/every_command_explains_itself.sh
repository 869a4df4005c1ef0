commands=$(waitprof --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
for command in $commands; do
    waitprof "$command" --help | sed '/^Options:/,$d'
done
