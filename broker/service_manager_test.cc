#include "broker/service_manager.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace ottla::broker {
namespace {

TEST(ServiceManager, HearsOnAnAbstractSocket) {
  const std::string name = "@ottla-test-" + std::to_string(::getpid());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data() + 1, name.size() - 1);
  const int manager = ::socket(AF_UNIX, SOCK_DGRAM, 0);
  ASSERT_EQ(::bind(manager, reinterpret_cast<sockaddr*>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())),
            0);
  ::setenv("NOTIFY_SOCKET", name.c_str(), 1);

  tell_service_manager("READY=1");

  char heard[64] = {};
  EXPECT_EQ(::recv(manager, heard, sizeof(heard), MSG_DONTWAIT), 7);
  EXPECT_STREQ(heard, "READY=1");
  ::close(manager);
  tell_service_manager("READY=1");  // nobody listens
  ::unsetenv("NOTIFY_SOCKET");
  tell_service_manager("READY=1");  // nobody is there
}

}  // namespace
}  // namespace ottla::broker
