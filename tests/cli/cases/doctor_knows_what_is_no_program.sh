echo hello >text
cp text executable_text
chmod +x executable_text
cp /bin/true foreign_program
# e_machine: 183 is 64-bit ARM, 62 is 64-bit x86; whichever this machine is not.
case $(uname -m) in
aarch64) printf '\076' ;;
*) printf '\267' ;;
esac | dd of=foreign_program bs=1 seek=18 conv=notrunc status=none
status_of waitprof doctor no_such_program
status_of waitprof doctor ./text
status_of waitprof doctor ./executable_text
status_of waitprof doctor ./foreign_program | sed "s/for 64-bit.*;/for this machine;/"
