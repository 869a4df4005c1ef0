for words in 0.5 0% 5/m 200% ''; do
    status_of waitprof run --budget "$words" -- true
done
status_of waitprof rate --budget nothing 1
status_of waitprof rate --budget 1% --for 5s 1
waitprof run -q --budget 0.50% -- printenv WAITPROF_BUDGET
waitprof run -q --budget 2000/s -- printenv WAITPROF_BUDGET
waitprof run -q --budget off -- printenv WAITPROF_BUDGET
