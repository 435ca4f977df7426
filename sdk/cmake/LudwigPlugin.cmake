# lud_add_plugin(name SOURCES a.c ... [LIBS ...]): a Ludwig plugin: one shared object <name>.so with one exported symbol,
# compiled against the SDK's headers alone. In the tree and out of it the same function.
function(lud_add_plugin name)
  cmake_parse_arguments(P "" "" "SOURCES;LIBS" ${ARGN})
  add_library(${name}_plugin MODULE ${P_SOURCES})
  set_target_properties(${name}_plugin PROPERTIES PREFIX "" OUTPUT_NAME ${name} C_STANDARD 11
    C_VISIBILITY_PRESET hidden)
  target_link_libraries(${name}_plugin PRIVATE ludwig_sdk ${P_LIBS})
  # Sanitizer runtimes live in the program, so their symbols may stay open.
  if(NOT LUDWIG_SANITIZE)
    target_link_options(${name}_plugin PRIVATE -Wl,-z,defs)
  endif()
  target_link_options(${name}_plugin PRIVATE -Wl,-z,now,--exclude-libs,ALL)
  if(DEFINED LUDWIG_PLUGIN_SUBDIR)
    set_target_properties(${name}_plugin PROPERTIES
      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${LUDWIG_PLUGIN_SUBDIR})
    install(TARGETS ${name}_plugin LIBRARY DESTINATION ${LUDWIG_PLUGIN_SUBDIR})
  endif()
endfunction()
