for command in run ls top prune doctor; do
    echo "--- $command"
    waitprof "$command" --help | sed '1,/^Exit status:/d'
done
