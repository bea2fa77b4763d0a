#pragma once

#include <absl/functional/any_invocable.h>

namespace ottla {

/// Work to be run once; may own move-only state.
using Task = absl::AnyInvocable<void() &&>;

/// A callback that is called once with a value.
template <class... Args>
using Callback = absl::AnyInvocable<void(Args...) &&>;

}  // namespace ottla
