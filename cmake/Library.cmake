# A folder is a library: its *.cc files make the target ottla_<name>, its *_test.cc files the test
# binary ottla_<name>_test, registered with ctest test by test.
#
#   ottla_library(storage DEPENDS ottla_base ottla_env [TEST_DEPENDS ottla_testing] [TEST_LABEL unit]
#     [PRECOMPILE <header>...])
include(GoogleTest)

function(ottla_library name)
  cmake_parse_arguments(ARG "" "TEST_LABEL" "DEPENDS;TEST_DEPENDS;PRECOMPILE;SOURCES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "*.cc")
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test|_fuzz|main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(APPEND sources ${ARG_SOURCES})

  if(sources)
    add_library(ottla_${name} STATIC ${sources})
    target_link_libraries(ottla_${name} PUBLIC ${ARG_DEPENDS} PRIVATE ottla_flags)
    target_include_directories(ottla_${name} PUBLIC "${CMAKE_SOURCE_DIR}")
    if(ARG_PRECOMPILE)
      target_precompile_headers(ottla_${name} PRIVATE ${ARG_PRECOMPILE})
    endif()
  else()
    add_library(ottla_${name} INTERFACE)
    target_link_libraries(ottla_${name} INTERFACE ${ARG_DEPENDS})
    target_include_directories(ottla_${name} INTERFACE "${CMAKE_SOURCE_DIR}")
  endif()

  if(tests)
    if(NOT ARG_TEST_LABEL)
      set(ARG_TEST_LABEL unit)
    endif()
    add_executable(ottla_${name}_test ${tests})
    target_link_libraries(ottla_${name}_test PRIVATE
      ottla_${name} ${ARG_TEST_DEPENDS} ottla_flags GTest::gmock GTest::gtest_main)
    gtest_discover_tests(ottla_${name}_test
      DISCOVERY_TIMEOUT 120
      PROPERTIES TIMEOUT 120 LABELS ${ARG_TEST_LABEL}
      WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
  endif()
endfunction()

# ottla_fuzzer(<name> <file> DEPENDS ... [CORPUS ...]): a libFuzzer binary in the `fuzz` preset; in the
# others a short run of the same target by seed, as the test fuzz.<name>.
function(ottla_fuzzer name source)
  cmake_parse_arguments(ARG "" "" "DEPENDS;CORPUS" ${ARGN})
  if(OTTLA_FUZZ)
    add_executable(${name} ${source})
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name} ${source} "${CMAKE_SOURCE_DIR}/common/testing/fuzz_main.cc")
    add_test(NAME fuzz.${name} COMMAND ${name} 100000 ${ARG_CORPUS}
             WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
    set_tests_properties(fuzz.${name} PROPERTIES LABELS unit TIMEOUT 300)
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} ottla_flags)
endfunction()
