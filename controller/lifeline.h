#pragma once

#include <memory>
#include <utility>

#include "common/env/executor.h"

namespace ottla::controller {

/// Ties callbacks to an owner that lives on one executor: those that come after its end are
/// dropped. The owner is destroyed on the executor's thread.
class Lifeline {
 public:
  /// For callbacks that come on the owner's executor.
  template <class F>
  [[nodiscard]] auto guard(F f) const {
    return [token = std::weak_ptr<char>(token_), f = std::move(f)](auto&&... args) mutable {
      if (token.lock()) f(std::forward<decltype(args)>(args)...);
    };
  }

  /// For callbacks that come on any thread, once or more often: posted to the executor.
  template <class F>
  [[nodiscard]] auto post(env::Executor& executor, F f) const {
    return [token = std::weak_ptr<char>(token_), &executor,
            f = std::make_shared<F>(std::move(f))](auto... args) mutable {
      if (token.expired()) return;  // The executor is perhaps gone too.
      executor.post([token, f, ... args = std::move(args)]() mutable {
        if (token.lock()) (*f)(std::move(args)...);
      });
    };
  }

 private:
  std::shared_ptr<char> token_ = std::make_shared<char>();
};

}  // namespace ottla::controller
