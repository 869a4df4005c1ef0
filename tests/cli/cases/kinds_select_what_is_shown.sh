waitprof run -q --events all --keep-region --block-rate 1 --mutex-fraction 1 hold_lock 100
region=$(echo "$WAITPROF_DIR"/*.wpr)
# leaves ARGUMENT...: the innermost functions of what is exported
leaves()
{
    waitprof export --format folded "$@" "$region" | sed 's/.*;\([^ ]*\) [0-9]*$/\1/' | sort -u
}
echo "all: $(leaves | paste -s -d ' ')"
for kinds in mutex sleep,join sync 'm*' lock 'nothing*' lock,'s*'; do
    echo "$kinds: $(leaves --kind "$kinds" | paste -s -d ' ')"
done
echo "unlocks: $(leaves --profile mutex --kind lock)"
echo "top:"
waitprof top --profile block --kind sleep --by functions "$region" | grep -oE 'nanosleep|pthread_.*'
