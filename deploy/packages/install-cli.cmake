# What the tool says of itself: the names of Kafka's scripts that it answers to, and the completion of its flags.
# ottla: the binary that was built.
set(staged "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")
set(completions "${staged}/share/bash-completion/completions")
file(MAKE_DIRECTORY "${completions}")
execute_process(COMMAND "${ottla}" completion OUTPUT_FILE "${completions}/ottla" COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${ottla}" scripts OUTPUT_VARIABLE scripts COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[^\n]+" scripts "${scripts}")
foreach(script ${scripts})
  # Not a link: CPack would count the tool's size once for each.
  file(WRITE "${staged}/bin/${script}" "#!/bin/sh\nexec \"${CMAKE_INSTALL_PREFIX}/bin/ottla\" ${script} \"$@\"\n")
  file(CHMOD "${staged}/bin/${script}" PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  file(CREATE_LINK ottla "${completions}/${script}" SYMBOLIC)
endforeach()
