# Language level, warnings, sanitizers and build accelerators, for every target of the project.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

option(OTTLA_WERROR "Warnings are errors" ON)
set(OTTLA_SANITIZE "" CACHE STRING "Value for -fsanitize=, or empty")
option(OTTLA_FUZZ "Build the libFuzzer targets (needs clang)" OFF)

# -g1 keeps line tables for stack traces; full debug info is the debug preset's. Sanitizer builds
# keep the checks of debug builds (lock order), and compile faster.
if(OTTLA_SANITIZE OR OTTLA_FUZZ)
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")
else()
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
endif()

add_library(ottla_flags INTERFACE)
target_compile_options(ottla_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  -Wno-missing-field-initializers  # designated initializers leave the rest at its default
  $<$<BOOL:${OTTLA_WERROR}>:-Werror>
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
target_include_directories(ottla_flags INTERFACE "${CMAKE_SOURCE_DIR}")

if(OTTLA_SANITIZE)
  # GCC takes what the sanitizers insert for uses of uninitialized members.
  add_compile_options(-fsanitize=${OTTLA_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
                      $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  add_link_options(-fsanitize=${OTTLA_SANITIZE})
endif()
if(OTTLA_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
endif()

find_program(OTTLA_CCACHE ccache)
if(OTTLA_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
    "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    "${OTTLA_CCACHE}")
endif()
find_program(OTTLA_MOLD mold)
if(OTTLA_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# Links are memory hungry and the machine is small: compile in parallel, link one at a time.
set_property(GLOBAL APPEND PROPERTY JOB_POOLS link=1)
set(CMAKE_JOB_POOL_LINK link)
