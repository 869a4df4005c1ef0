python3 - <<'PYTHON'
import os, pty, time

pid, terminal = pty.fork()
if pid == 0:
    os.execvp("waitprof", ["waitprof", "run", "--quiet", "--", "tell_signals", "ready"])
while not os.path.exists("ready"):
    time.sleep(0.02)
os.write(terminal, b"\x03")
time.sleep(0.5)
os.kill(pid, 15)
text = b""
try:
    while True:
        text += os.read(terminal, 4096)
except OSError:
    pass
_, status = os.waitpid(pid, 0)
print([line for line in text.decode().replace("^C", "").split() if line.isupper()], os.waitstatus_to_exitcode(status))
PYTHON
