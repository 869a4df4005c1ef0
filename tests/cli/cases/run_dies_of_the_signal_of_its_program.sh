for signal in KILL TERM INT SEGV ABRT; do
    status=0
    bash -c 'waitprof run --quiet -- sh -c "kill -$1 \$\$"; exit $?' - "$signal" 2>/dev/null ||
        status=$?
    echo "$signal: $(kill -l "$status")"
done
# No shell in between: the caller sees the signal itself.
python3 - <<'PYTHON'
import subprocess
print(subprocess.run(["waitprof", "run", "--quiet", "sh", "-c", "kill -9 $$"]).returncode)
PYTHON
ls
