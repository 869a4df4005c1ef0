need musl-gcc musl-tools
echo 'int main(void) { return 0; }' >program.c
musl-gcc -o musl_program program.c
status_of waitprof doctor ./musl_program
