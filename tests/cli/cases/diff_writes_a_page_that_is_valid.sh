need tidy tidy
for run in 1 2 3; do
    write_capture "base.$run.pb.gz" block 10 "read;f<script>;main=$((1000 + run))" "poll;gone=100"
    write_capture "new.$run.pb.gz" block 10 "read;f<script>;main=$((1500 + run))" \
        "poll;a & b \"c\"=$((60 + run))" "poll;gone=100"
done
for by in function stack; do
    waitprof diff --by $by --format html -o diff.html base.?.pb.gz -- new.?.pb.gz
    tidy -q -e diff.html || echo "not valid"
    grep -c '<details>' diff.html
    grep -c '<script>' diff.html || true
    grep -oE '(src=|href=|url\(|@import)[^ ]*' diff.html || true
    grep -oE 'f&lt;script&gt;  file|a &amp; b &quot;c&quot;  file' diff.html
done
waitprof diff --rows 1 --format html base.?.pb.gz -- new.?.pb.gz >diff.html
tidy -q -e diff.html || echo "not valid"
grep -o 'and 2 more.*shows them' diff.html
