#pragma once

#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

namespace ottla {

/// A queue that takes no memory before its first element, and little while it holds few: a
/// std::deque begins with half a kilobyte, which each of thousands of connections would pay.
/// `push_back` and `pop_front` are O(1) on average; no allocation while its length stays the same.
template <class T>
class Fifo {
 public:
  [[nodiscard]] bool empty() const { return begin_ == elements_.size(); }
  [[nodiscard]] std::size_t size() const { return elements_.size() - begin_; }
  [[nodiscard]] T& front() { return elements_[begin_]; }
  [[nodiscard]] const T& front() const { return elements_[begin_]; }
  /// The front is 0.
  [[nodiscard]] T& operator[](std::size_t index) { return elements_[begin_ + index]; }

  [[nodiscard]] auto begin() const { return std::next(elements_.begin(), offset()); }
  [[nodiscard]] auto end() const { return elements_.end(); }

  void push_back(T element) { elements_.push_back(std::move(element)); }

  void pop_front() {
    elements_[begin_] = T{};
    ++begin_;
    if (empty()) return clear();
    if (begin_ < kFew || begin_ < elements_.size() / 2) return;
    elements_.erase(elements_.begin(), std::next(elements_.begin(), offset()));
    begin_ = 0;
  }

  void clear() {
    elements_.clear();
    begin_ = 0;
    if (elements_.capacity() > kFew) elements_.shrink_to_fit();
  }

 private:
  /// So many are kept room for in an empty one.
  static constexpr std::size_t kFew = 8;

  [[nodiscard]] std::ptrdiff_t offset() const { return static_cast<std::ptrdiff_t>(begin_); }

  std::vector<T> elements_;  ///< Those before `begin_` are empty shells.
  std::size_t begin_ = 0;
};

}  // namespace ottla
