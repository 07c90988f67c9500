# SPDX-License-Identifier: MIT
# What `cmake --install` lays down: command, plugin, metadata library with headers and pkg-config file.
include(GNUInstallDirs)

# lib/, also on systems whose GNUInstallDirs says lib/x86_64-linux-gnu: a prefix of one's own has no such folder.
set(GST_QUANT_LIBDIR lib CACHE STRING "Where libraries go, below the prefix")

set(GST_QUANT_MODULEDIR ${GST_QUANT_LIBDIR}/gst-quant)

# Each finds the metadata library beside it and, where it was linked to one, the ONNX Runtime that lies elsewhere.
set_target_properties(gst-quant gstquant PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
set_target_properties(gstquant PROPERTIES INSTALL_RPATH "$ORIGIN/..;$ORIGIN/../gst-quant")
if(TARGET gst-quant-finetune)
  # Where the command looks for it.
  file(RELATIVE_PATH to_modules "/${CMAKE_INSTALL_BINDIR}" "/${GST_QUANT_MODULEDIR}")
  set_target_properties(gst-quant PROPERTIES INSTALL_RPATH "$ORIGIN/${to_modules}"
                        BUILD_RPATH "$<TARGET_FILE_DIR:gst-quant-finetune>")
  add_dependencies(gst-quant gst-quant-finetune)
  install(TARGETS gst-quant-finetune LIBRARY DESTINATION ${GST_QUANT_MODULEDIR})
endif()

install(TARGETS gst-quant RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS gstquant LIBRARY DESTINATION ${GST_QUANT_LIBDIR}/gstreamer-1.0)
install(TARGETS gstquant-1.0 LIBRARY DESTINATION ${GST_QUANT_LIBDIR})
install(DIRECTORY lib/gst/quant DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/gst-quant-1.0/gst
        FILES_MATCHING PATTERN "*.h")
configure_file(cmake/gstquant-1.0.pc.in gstquant-1.0.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/gstquant-1.0.pc DESTINATION ${GST_QUANT_LIBDIR}/pkgconfig)
