need_isolation
waitprof run -q --keep-region hold_lock 50
mkdir other
cp "$WAITPROF_DIR"/*.wpr other/
region=$(echo "$WAITPROF_DIR"/*.wpr)
# `run` has exported it; make it as if it had not.
python3 - "$region" <<'EOF'
import struct, sys
with open(sys.argv[1], "r+b") as region:
    region.seek(260)
    flags, = struct.unpack("<I", region.read(4))
    region.seek(260)
    region.write(struct.pack("<I", flags & ~8))
EOF
exported()
{
    waitprof ls --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["exported"])'
}
exported
waitprof export --kind mutex -o some.pb.gz "$region"
exported
waitprof export -o all.pb.gz "$region"
exported
