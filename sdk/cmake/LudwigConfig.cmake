# find_package(Ludwig): the target ludwig_sdk (headers) and the function lud_add_plugin.
get_filename_component(LUDWIG_PREFIX "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET ludwig_sdk)
  add_library(ludwig_sdk INTERFACE IMPORTED)
  set_target_properties(ludwig_sdk PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${LUDWIG_PREFIX}/include")
endif()
include("${CMAKE_CURRENT_LIST_DIR}/LudwigPlugin.cmake")
