waitprof --version | grep -Ex 'waitprof [0-9]+\.[0-9]+\.[0-9]+' | sed 's/[0-9][0-9.]*/N/'
