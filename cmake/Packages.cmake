# `cpack` makes packages/*.deb in the build directory: ottla-broker and ottla-cli. deploy/package builds what they need first.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)  # not the tests, the benchmarks and all else
set(packages "${CMAKE_SOURCE_DIR}/deploy/packages")

# Names of functions stay, for the stack traces of a crash; what only a debugger wants goes.
function(ottla_install_binary target component)
  install(TARGETS ${target} RUNTIME DESTINATION bin COMPONENT ${component})
  install(CODE "execute_process(COMMAND \"${CMAKE_STRIP}\" --strip-debug
    \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/bin/${target}\" COMMAND_ERROR_IS_FATAL ANY)" COMPONENT ${component})
endfunction()

ottla_install_binary(ottla-broker broker)
install(FILES deploy/systemd/ottla-broker.service DESTINATION lib/systemd/system COMPONENT broker)
install(FILES deploy/systemd/ottla-broker.sysusers DESTINATION lib/sysusers.d RENAME ottla-broker.conf COMPONENT broker)
install(FILES ${packages}/broker/server.properties DESTINATION /etc/ottla COMPONENT broker)
install(FILES ${packages}/broker/default DESTINATION /etc/default RENAME ottla-broker COMPONENT broker)
install(FILES ${packages}/broker/logrotate DESTINATION /etc/logrotate.d RENAME ottla-broker COMPONENT broker)
install(FILES ${packages}/broker/needrestart.conf DESTINATION /etc/needrestart/conf.d RENAME ottla-broker.conf
        COMPONENT broker)
install(FILES docs/configuration.md docs/metrics.md docs/packages.md docs/status.md DESTINATION share/doc/ottla-broker
        COMPONENT broker)

ottla_install_binary(ottla cli)
install(CODE "set(ottla \"$<TARGET_FILE:ottla>\")" COMPONENT cli)
install(SCRIPT ${packages}/install-cli.cmake COMPONENT cli)
install(FILES docs/command-line.md DESTINATION share/doc/ottla-cli COMPONENT cli)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME ottla)
set(CPACK_PACKAGE_VENDOR Ottla)
set(CPACK_PACKAGE_CONTACT "Ottla maintainers")
set(CPACK_PACKAGE_DIRECTORY "${CMAKE_BINARY_DIR}/packages")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL broker cli)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_BROKER_PACKAGE_NAME ottla-broker)
set(CPACK_DEBIAN_BROKER_DESCRIPTION "broker and controller for ZooKeeper-coordinated Kafka clusters
Takes the place of an Apache Kafka 3.9 broker in ZooKeeper mode: the same wire
protocol, znodes, log directories and server.properties. Records are never
removed by this package, and a running broker is never restarted by it.")
set(CPACK_DEBIAN_BROKER_PACKAGE_DEPENDS passwd)
set(CPACK_DEBIAN_BROKER_PACKAGE_RECOMMENDS "ottla-cli, logrotate")
set(CPACK_DEBIAN_BROKER_PACKAGE_CONTROL_EXTRA
    "${packages}/broker/conffiles;${packages}/broker/postinst;${packages}/broker/prerm;${packages}/broker/postrm")

set(CPACK_DEBIAN_CLI_PACKAGE_NAME ottla-cli)
set(CPACK_DEBIAN_CLI_DESCRIPTION "command line tools for Ottla and Kafka clusters
One binary, ottla, with the tools of Kafka's bin directory under their own
flags, scripts under their old names (kafka-topics.sh ...), and completion for bash.")
set(CPACK_DEBIAN_CLI_PACKAGE_SUGGESTS bash-completion)
include(CPack)
