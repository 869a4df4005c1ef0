# Some terminals obey U+009B, and the byte 0x9B, as they do ESC [.
for name in $'c1\xc2\x9b2J' $'raw\x9b2J' $'escape\e[2J' $'two\nlines' 'größe'; do
    printf nonsense >"$name"
    for command in "diff" gate report timeline "export -f text" "record -o out" rate tune; do
        # shellcheck disable=SC2086
        waitprof $command "$name" "$name" || true
        # shellcheck disable=SC2086
        waitprof $command "$name" || true
    done
    waitprof gate --max-regression "$name" a b || true
    waitprof diff a -- b --kind "$name" || true
done 2>messages || true
python3 -c '
import re, sys

text = open("messages", "rb").read().decode()
lines = text.splitlines()
print("lines of waitprof alone:", all(line.startswith("waitprof: ") for line in lines))
print("control characters:", sorted(set(re.findall("[^\n\x20-\x7e\xa0-\U0010ffff]", text))))
for name in "c1?2J", "raw\ufffd2J", "escape?[2J", "two?lines", "größe":
    commands = {line.split(": ")[1] for line in lines if name in line}
    print(name, *sorted(commands))
'
