// Work space that starts on a cache line, as whole-vector loads like it.
//
// Large blocks are kept for the next call, up to a limit: training asks for the same ones every
// epoch, and the system takes a quarter of a microsecond or more for each 4 KiB that it hands out.
#pragma once

#include <cstddef>
#include <mutex>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define SOMSCAPE_CHECKS_ADDRESSES
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SOMSCAPE_CHECKS_ADDRESSES
#endif
#endif

namespace somscape {

class SpareBlocks {
public:
    // A block of at least `bytes`, and its size.
    static std::pair<void*, std::size_t> take(std::size_t bytes) {
        if (bytes >= min_bytes) {
            // Where another thread is at it, a fresh block is no worse than waiting.
            const std::unique_lock lock(all().mutex, std::try_to_lock);
            if (lock) {
                std::vector<Block>& blocks = all().blocks;
                for (auto block = blocks.begin(); block != blocks.end(); ++block)
                    if (block->bytes >= bytes && block->bytes <= 2 * bytes) {
                        const Block found = *block;
                        all().kept_bytes -= found.bytes;
                        blocks.erase(block);
                        return {found.start, found.bytes};
                    }
            }
        }
        return {::operator new(bytes, line), bytes};
    }

    static void give_back(void* start, std::size_t bytes) {
        if (bytes >= min_bytes && bytes <= max_bytes) {
            const std::unique_lock lock(all().mutex, std::try_to_lock);
            if (lock) return all().keep({start, bytes});
        }
        ::operator delete(start, line);
    }

private:
    static constexpr std::align_val_t line{64};
#ifdef SOMSCAPE_CHECKS_ADDRESSES
    static constexpr std::size_t min_bytes = ~std::size_t(0);  // or it could not see a wrong use
#else
    static constexpr std::size_t min_bytes = 128 << 10;
#endif
    static constexpr std::size_t max_bytes = 32 << 20;

    struct Block {
        void* start = nullptr;
        std::size_t bytes = 0;
    };

    static SpareBlocks& all() {
        static SpareBlocks blocks;
        return blocks;
    }

    SpareBlocks() { blocks.reserve(max_bytes / min_bytes + 1); }  // so that keeping cannot fail

    // The oldest make room.
    void keep(Block block) {
        kept_bytes += block.bytes;
        blocks.push_back(block);
        while (kept_bytes > max_bytes) {
            kept_bytes -= blocks.front().bytes;
            ::operator delete(blocks.front().start, line);
            blocks.erase(blocks.begin());
        }
    }

    std::mutex mutex;
    std::vector<Block> blocks;  // oldest first
    std::size_t kept_bytes = 0;
};

template <class T>
class Buffer {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    Buffer() = default;
    explicit Buffer(std::size_t n) {
        const auto [start, size] = SpareBlocks::take(n * sizeof(T));
        values = static_cast<T*>(start);
        bytes = size;
    }
    Buffer(Buffer&& other) noexcept
        : values(std::exchange(other.values, nullptr)), bytes(std::exchange(other.bytes, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(values, other.values);
        std::swap(bytes, other.bytes);
        return *this;
    }
    ~Buffer() { SpareBlocks::give_back(values, bytes); }

    T* get() const { return values; }
    T& operator[](std::size_t i) const { return values[i]; }

private:
    T* values = nullptr;
    std::size_t bytes = 0;
};

}  // namespace somscape
