# find_package(Ludwig): for plugins the target ludwig_sdk (headers) and the function lud_add_plugin; for programs the
# target ludwig_library (the C API of ludwig/ludwig.h).
get_filename_component(LUDWIG_PREFIX "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET ludwig_sdk)
  add_library(ludwig_sdk INTERFACE IMPORTED)
  set_target_properties(ludwig_sdk PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${LUDWIG_PREFIX}/include")
endif()
if(NOT TARGET ludwig_library)
  add_library(ludwig_library SHARED IMPORTED)
  set_target_properties(ludwig_library PROPERTIES IMPORTED_LOCATION "${LUDWIG_PREFIX}/lib/libludwig.so"
    INTERFACE_INCLUDE_DIRECTORIES "${LUDWIG_PREFIX}/include")
endif()
include("${CMAKE_CURRENT_LIST_DIR}/LudwigPlugin.cmake")
