need_users
cp /bin/true setuid_program
chmod 4755 setuid_program
status_of waitprof doctor ./setuid_program
status_of as_nobody waitprof doctor ./setuid_program
cp /bin/true setgid_program
chmod 2755 setgid_program
status_of as_nobody waitprof doctor ./setgid_program
# The kernel ignores the bit here, and so does doctor.
status_of as_nobody setpriv --no-new-privs waitprof doctor ./setuid_program
