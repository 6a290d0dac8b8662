// Work space that starts on a cache line, as whole-vector loads like it.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace somscape {

template <class T>
class Buffer {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    Buffer() = default;
    explicit Buffer(std::size_t n)
        : values(static_cast<T*>(::operator new(n * sizeof(T), line))) {}
    Buffer(Buffer&& other) noexcept : values(std::exchange(other.values, nullptr)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(values, other.values);
        return *this;
    }
    ~Buffer() { ::operator delete(values, line); }

    T* get() const { return values; }
    T& operator[](std::size_t i) const { return values[i]; }

private:
    static constexpr std::align_val_t line{64};
    T* values = nullptr;
};

}  // namespace somscape
