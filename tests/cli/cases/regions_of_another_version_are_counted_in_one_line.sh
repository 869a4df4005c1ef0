need_isolation
# leave_regions VERSION COUNT: so many regions that another release left.
leave_regions()
{
    local i
    for ((i = 0; i < $2; i++)); do
        local region
        region=$(printf '%s/left.%d.%08x%08x.wpr' "$WAITPROF_DIR" "$((i + 1))" "$1" "$i")
        cp "$sample" "$region"
        printf "\\x$(printf %02x "$1")" | dd of="$region" bs=1 seek=8 conv=notrunc status=none
    done
}
waitprof run --quiet --keep-region hold_lock 50
sample=$(echo "$WAITPROF_DIR"/*.wpr)
leave_regions 200 3
leave_regions 201 1
waitprof ls | wc -l
waitprof ls --json | grep -c '"region"'
rm "$WAITPROF_DIR"/left.2.*
mkdir -p "/tmp/waitprof-$(id -u)" && chmod 700 "/tmp/waitprof-$(id -u)"
mv "$WAITPROF_DIR"/left.3.* "/tmp/waitprof-$(id -u)"
waitprof prune
