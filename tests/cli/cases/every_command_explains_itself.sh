for command in run ls top record export rate prune doctor; do
    waitprof "$command" --help | sed '/^Options:/,$d'
done
