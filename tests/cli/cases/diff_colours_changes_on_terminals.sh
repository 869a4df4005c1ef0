for run in 1 2 3; do
    write_capture "base.$run.pb.gz" block 10 "read;$(printf 'long%.0s' {1..50})=$((1000 + run))"
    write_capture "new.$run.pb.gz" block 10 "read;$(printf 'long%.0s' {1..50})=$((1500 + run))"
done
command='waitprof diff base.?.pb.gz -- new.?.pb.gz'
colours()
{
    script -qec "stty cols 80; $1" /dev/null | grep -c $'\033\[31m' || true
}
longest_line()
{
    sed $'s/\033\\[[0-9]*m//g' | tr -d '\r' | wc -L
}
colours "TERM=xterm $command"
colours "TERM=xterm NO_COLOR=1 $command"
colours "$command"
bash -c "TERM=xterm $command" | grep -c $'\033' || true
script -qec "stty cols 80; $command" /dev/null | longest_line
bash -c "$command" | longest_line
