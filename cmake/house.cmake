# The house rules: who may include whom is said here by what a target links to.

# ludc_module(name SOURCES a.c ... DEPS lower_module ... LIBS system libraries): a static library of core with one public
# header, core/<name>/<name>.h. It sees the headers of DEPS (and theirs) and the SDK, nothing else.
function(ludc_module name)
  cmake_parse_arguments(M "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  add_library(ludc_${name} STATIC ${M_SOURCES})
  target_include_directories(ludc_${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(ludc_${name} PUBLIC ludwig_sdk)
  foreach(dep ${M_DEPS})
    target_link_libraries(ludc_${name} PUBLIC ludc_${dep})
  endforeach()
  target_link_libraries(ludc_${name} PRIVATE ${M_LIBS})
endfunction()

# ludc_test(name SOURCES a.c ... DEPS core modules ... [LABELS unit] [TIMEOUT 120]): one test program, one ctest entry.
function(ludc_test name)
  cmake_parse_arguments(T "" "TIMEOUT" "SOURCES;DEPS;LIBS;LABELS" ${ARGN})
  add_executable(test_${name} ${T_SOURCES})
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  foreach(dep ${T_DEPS})
    target_link_libraries(test_${name} PRIVATE ludc_${dep})
  endforeach()
  target_link_libraries(test_${name} PRIVATE ludwig_sdk ${T_LIBS} m)
  add_test(NAME ${name} COMMAND test_${name})
  if(NOT T_LABELS)
    set(T_LABELS unit)
  endif()
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${T_LABELS}" TIMEOUT ${T_TIMEOUT}
    ENVIRONMENT "LUDWIG_TEST_SOURCE_DIR=${PROJECT_SOURCE_DIR};LUDWIG_TEST_BINARY_DIR=${CMAKE_BINARY_DIR}")
endfunction()
