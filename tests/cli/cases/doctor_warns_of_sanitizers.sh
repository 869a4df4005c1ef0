need gcc gcc
echo 'int main(void) { return 0; }' >program.c
gcc -fsanitize=address -o asan_program program.c || skip "no AddressSanitizer here"
status_of waitprof doctor ./asan_program
