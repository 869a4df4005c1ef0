# waitprof_list_cases(<variable> <script>)
#
# Sets <variable> to the names of the cases of a script that runs them with case_runner.py, or takes
# --list as it does: the functions that are marked as cases are the list. Needs Python3_EXECUTABLE.
function(waitprof_list_cases variable script)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${script}")
    execute_process(COMMAND "${Python3_EXECUTABLE}" -B "${script}" --list
        OUTPUT_VARIABLE cases OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    string(REPLACE "\n" ";" cases "${cases}")
    set(${variable} "${cases}" PARENT_SCOPE)
endfunction()
