#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "broker/api/call.h"
#include "broker/api/gather.h"

namespace ottla::api {

/// What AlterConfigs and IncrementalAlterConfigs share: each resource is changed on its own, by
/// `change(resource, done)`, and gets its row; those that are named twice are refused.
template <class Response, class Request, class Change>
void change_each(Call call, const Request& request, const Change& change) {
  Response response;
  for (const auto& asked : request.resources) {
    auto& row = response.responses.emplace_back();
    row.resource_type = asked.resource_type;
    row.resource_name = asked.resource_name;
  }
  if (request.resources.empty()) return answer(call, response);
  const auto gather = std::make_shared<Gather<Result<>>>(
      request.resources.size(), [call = std::move(call), response = std::move(response)](
                                    std::vector<Result<>> outcomes) mutable {
        for (std::size_t i = 0; i < outcomes.size(); ++i) {
          auto& row = response.responses[i];
          row.error_code = outcomes[i] ? ErrorCode::None : outcomes[i].error().code();
          row.error_message =
              outcomes[i] ? std::nullopt : std::optional(outcomes[i].error().describe());
        }
        answer(call, response);
      });
  for (std::size_t i = 0; i < request.resources.size(); ++i) {
    const auto& asked = request.resources[i];
    const auto is_same = [&](const auto& other) {
      return other.resource_type == asked.resource_type &&
             other.resource_name == asked.resource_name;
    };
    if (std::ranges::count_if(request.resources, is_same) > 1) {
      gather->settle(i, fail(ErrorCode::InvalidRequest, "Each resource must appear at most once."));
    } else {
      change(asked, [gather, i](Result<> outcome) { gather->settle(i, std::move(outcome)); });
    }
  }
}

}  // namespace ottla::api
