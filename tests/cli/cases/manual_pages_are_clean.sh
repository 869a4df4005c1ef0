need mandoc mandoc
# References to pages of other packages are found only where those are installed.
(cd "$(dirname "$CASE_LIBRARY")/../../docs/man" && mandoc -Tlint -W warning ./*.[1-8])
