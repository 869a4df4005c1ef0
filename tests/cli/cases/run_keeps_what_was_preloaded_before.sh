LD_PRELOAD=libm.so.6 waitprof run --quiet env | sed -n 's#^LD_PRELOAD=.*/lib/#...#p'
