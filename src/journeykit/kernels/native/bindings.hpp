// How Python's arguments become the kernels' own: bundles by address, arrays by their buffers. Nothing is
// copied.

#pragma once

#include <nanobind/nanobind.h>

#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

#include "interface.hpp"

namespace journeykit {

// The bundles that kernels take.
template <typename T, typename... Others>
inline constexpr bool is_one_of = (std::is_same_v<T, Others> || ...);

template <typename T>
inline constexpr bool is_bundle =
    is_one_of<T, Contacts, SlotTimes, Barred, ScoreArrays, TouchArrays, QuotaChoiceArrays, ClaimArrays, Rules,
              CandidateArrays, DecisionRows, RowColumns, DecisionCounts, ProblemPool, PoolPart, Charges,
              QuotaBudget, Routes, EventArrays, Members, ContactEntry, WalkState, PathRecords, SearchProblem,
              SearchWorkspace, PriceWorkspace, DecisionWorkspace, PlainRules, PlainWorkspace, MessageArrays,
              AnswerArrays, CreditRecords>;

template <typename T>
struct ArrayTraits;

template <typename T>
struct ArrayTraits<Array1<T>> {
  static Array1<T> of(void* data, const Py_ssize_t* shape) { return {static_cast<T*>(data), shape[0]}; }
  static constexpr int DIMENSIONS = 1;
  using Item = T;
};

template <typename T>
struct ArrayTraits<Array2<T>> {
  static Array2<T> of(void* data, const Py_ssize_t* shape) {
    return {static_cast<T*>(data), shape[0], shape[1]};
  }
  static constexpr int DIMENSIONS = 2;
  using Item = T;
};

template <typename T>
struct ArrayTraits<Array3<T>> {
  static Array3<T> of(void* data, const Py_ssize_t* shape) {
    return {static_cast<T*>(data), shape[0], shape[1], shape[2]};
  }
  static constexpr int DIMENSIONS = 3;
  using Item = T;
};

// Whether the format of a buffer is that of a plain number; records are told by their size alone.
template <typename Item>
bool has_format(const char* format) {
  if constexpr (std::is_class_v<Item>) return true;
  if (format == nullptr || std::strlen(format) != 1) return false;
  const char* kinds = "bhilq";
  if constexpr (std::is_unsigned_v<Item>) kinds = "BHILQ";
  if constexpr (std::is_floating_point_v<Item>) kinds = "d";
  if constexpr (std::is_same_v<Item, bool>) kinds = "?";
  return std::strchr(kinds, *format) != nullptr;
}

// An array of Python as one of ours: of the same dimensions and items, contiguous, and writable where it is
// written. One that is only read may be a column of a table of records: then a copy is made.
template <typename Array>
class BorrowedArray {
  using Traits = ArrayTraits<Array>;
  using Item = std::remove_const_t<typename Traits::Item>;
  static constexpr bool IS_READ_ONLY = std::is_const_v<typename Traits::Item>;
  static constexpr int FORMAT = std::is_class_v<Item> ? 0 : PyBUF_FORMAT;

 public:
  using Value = Array;
  static constexpr auto Name = nanobind::detail::const_name("numpy.ndarray");
  template <typename T>
  using Cast = Array;
  template <typename T>
  static constexpr bool can_cast() {
    return true;
  }

  BorrowedArray() = default;
  BorrowedArray(const BorrowedArray&) = delete;
  BorrowedArray& operator=(const BorrowedArray&) = delete;
  ~BorrowedArray() {
    if (is_held_) PyBuffer_Release(&buffer_);
  }

  bool from_python(nanobind::handle source, uint32_t, nanobind::detail::cleanup_list*) noexcept {
    is_held_ = borrow(source.ptr(), PyBUF_C_CONTIGUOUS | FORMAT | (IS_READ_ONLY ? 0 : PyBUF_WRITABLE)) ||
               (IS_READ_ONLY && borrow(source.ptr(), PyBUF_STRIDES | FORMAT));
    if (!is_held_ || buffer_.ndim != Traits::DIMENSIONS || buffer_.itemsize != Py_ssize_t{sizeof(Item)} ||
        !has_format<Item>(buffer_.format)) {
      return false;
    }
    return PyBuffer_IsContiguous(&buffer_, 'C') || copy();
  }

  explicit operator Array() {
    return Traits::of(copied_ == nullptr ? buffer_.buf : copied_.get(), buffer_.shape);
  }

 private:
  bool borrow(PyObject* source, int flags) noexcept {
    if (PyObject_GetBuffer(source, &buffer_, flags) == 0) return true;
    PyErr_Clear();
    return false;
  }

  bool copy() noexcept {
    copied_.reset(new (std::nothrow) Item[buffer_.len / sizeof(Item)]);
    if (copied_ != nullptr && PyBuffer_ToContiguous(copied_.get(), &buffer_, buffer_.len, 'C') == 0)
      return true;
    PyErr_Clear();
    return false;
  }

  Py_buffer buffer_{};
  std::unique_ptr<Item[]> copied_;
  bool is_held_ = false;
};

// A kernel as Python calls it: other threads of Python go on meanwhile.
template <typename Result, typename... Arguments>
auto released(Result (*kernel)(Arguments...)) {
  return [kernel](Arguments... arguments) {
    nanobind::gil_scoped_release others_go_on;
    return kernel(arguments...);
  };
}

}  // namespace journeykit

namespace nanobind::detail {

template <typename T>
struct type_caster<journeykit::Array1<T>> : journeykit::BorrowedArray<journeykit::Array1<T>> {};

template <typename T>
struct type_caster<journeykit::Array2<T>> : journeykit::BorrowedArray<journeykit::Array2<T>> {};

template <typename T>
struct type_caster<journeykit::Array3<T>> : journeykit::BorrowedArray<journeykit::Array3<T>> {};

// A bundle, or the address of its words.
template <typename T>
struct type_caster<T, enable_if_t<journeykit::is_bundle<T>>> {
  using Value = T;
  static constexpr auto Name = const_name("ArrayBundle");
  template <typename U>
  using Cast = const T&;
  template <typename U>
  static constexpr bool can_cast() {
    return true;
  }

  bool from_python(handle source, uint32_t, cleanup_list*) noexcept {
    if (PyLong_CheckExact(source.ptr())) return set(source.ptr());
    PyObject* address = PyObject_GetAttrString(source.ptr(), "address");
    if (address == nullptr) {
      PyErr_Clear();
      return false;
    }
    bool is_set = set(address);
    Py_DECREF(address);
    return is_set;
  }

  explicit operator const T&() { return *bundle; }

 private:
  bool set(PyObject* address) noexcept {
    bundle = static_cast<const T*>(PyLong_AsVoidPtr(address));
    if (bundle == nullptr) PyErr_Clear();
    return bundle != nullptr;
  }

  const T* bundle = nullptr;
};

}  // namespace nanobind::detail
