/* SPDX-License-Identifier: Apache-2.0
 * Memory on huge pages: reading through 4 KiB pages reaches a third of the memory's speed. What is large has a mapping
 * of its own; weights that are small share slabs. */
#include "device.h"
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20, SLAB = 8 * HUGE_PAGE };

struct cpu_slab {
    cpu_slab *next;
    char *memory;
    size_t used;
    uint32_t live; /* weights in it */
};

static void *map_huge(size_t n) {
    size_t size = (n + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE, total = size + HUGE_PAGE;
    if (n > SIZE_MAX - 2 * (size_t)HUGE_PAGE) return NULL;
    char *base = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) return NULL;
    size_t lead = (HUGE_PAGE - (uintptr_t)base % HUGE_PAGE) % HUGE_PAGE;
    if (lead) munmap(base, lead);
    munmap(base + lead + size, total - lead - size);
    madvise(base + lead, size, MADV_HUGEPAGE);
    return base + lead;
}

void *cpu_memory_new(const lud_host *host, size_t n) {
    return n >= HUGE_PAGE ? map_huge(n) : host->alloc(host->ctx, n ? n : 1, CPU_LINE);
}
void cpu_memory_free(const lud_host *host, void *p, size_t n) {
    if (!p) return;
    if (n >= HUGE_PAGE)
        munmap(p, (n + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE);
    else
        host->free(host->ctx, p);
}

/* ---- Slabs ---- */
static cpu_slab *slab_with_room(cpu_dev *dev, size_t n) {
    if (dev->slabs && dev->slabs->used + n <= SLAB) return dev->slabs;
    cpu_slab *s = dev->host->alloc(dev->ctx, sizeof *s, CPU_LINE);
    char *memory = s ? map_huge(SLAB) : NULL;
    if (!memory) {
        dev->host->free(dev->ctx, s);
        return NULL;
    }
    *s = (cpu_slab){.next = dev->slabs, .memory = memory};
    return dev->slabs = s;
}

void *cpu_weight_memory_new(cpu_dev *dev, size_t n) {
    if (n >= HUGE_PAGE) return cpu_memory_new(dev->host, n);
    n = (n + CPU_LINE - 1) / CPU_LINE * CPU_LINE;
    cpu_slab *s = slab_with_room(dev, n);
    if (!s) return NULL;
    s->live++;
    s->used += n;
    return s->memory + s->used - n;
}

void cpu_buf_memory_free(cpu_dev *dev, void *p, size_t n) {
    cpu_slab **at = &dev->slabs;
    while (*at && ((char *)p < (*at)->memory || (char *)p >= (*at)->memory + SLAB))
        at = &(*at)->next;
    cpu_slab *s = *at;
    if (!s) {
        cpu_memory_free(dev->host, p, n);
    } else if (--s->live == 0) {
        *at = s->next;
        munmap(s->memory, SLAB);
        dev->host->free(dev->ctx, s);
    }
}
