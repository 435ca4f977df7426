/* SPDX-License-Identifier: Apache-2.0
 * Runs a program: one fork of the host's team for all steps. A barrier stands only where a step touches memory that a
 * step since the last barrier writes (or writes what one reads); small steps run on one thread, or on every one for
 * itself (replicas.c). No allocation in run. */
#include "kernels/bf16.h"
#include "program.h"
#include "strips.h"
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

/* ---- Errors during a run ---- */
void cpu_fail(cpu_worker *w, const cpu_step *s, const char *fmt, ...) {
    cpu_exe *exe = w->exe;
    while (atomic_flag_test_and_set_explicit(&exe->message_lock, memory_order_acquire)) {
    }
    if (s->index < atomic_load(&exe->bad_op)) {
        atomic_store(&exe->bad_op, s->index);
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(exe->message, sizeof exe->message, fmt, ap);
        va_end(ap);
    }
    atomic_flag_clear_explicit(&exe->message_lock, memory_order_release);
}

void cpu_barrier(cpu_worker *w) {
    cpu_dev *dev = w->exe->dev;
    if (w->size > 1) dev->team->barrier(dev->ctx);
}

/* ---- Which steps may run side by side ---- */
static bool meet(const cpu_ref *a, const cpu_ref *b) {
    const char *x = a->ptr, *y = b->ptr;
    return x && y && a->bytes && b->bytes && x < y + b->bytes && y < x + a->bytes;
}

bool cpu_writes_input(const cpu_step *s, uint32_t i) {
    switch (s->op->opcode) {
    case LUD_OP_ACC:
        return i == 0;
    case LUD_OP_SGD_STEP:
        return i == 0 || i == 2;
    case LUD_OP_ADAM_STEP:
        return i == 0 || i == 2 || i == 3;
    case LUD_OP_ATTENTION_CACHED:
        return i == 6 || i == 7;
    default:
        return false;
    }
}

bool cpu_touches(const cpu_step *s, const cpu_ref *a) {
    for (uint32_t i = 0; i < s->op->n_in; i++)
        if (meet(a, &s->in[i])) return true;
    for (uint32_t i = 0; i < s->op->n_out; i++)
        if (meet(a, &s->out[i])) return true;
    return false;
}
static bool writes_into(const cpu_step *a, const cpu_step *b) {
    for (uint32_t i = 0; i < a->op->n_out; i++)
        if (cpu_touches(b, &a->out[i])) return true;
    for (uint32_t i = 0; i < a->op->n_in; i++)
        if (cpu_writes_input(a, i) && cpu_touches(b, &a->in[i])) return true;
    return false;
}

/* ROPE steps that share a table come after the one that fills it. */
static bool table_orders(const cpu_exe *exe, const cpu_step *a, const cpu_step *b) {
    if (a->op->opcode != LUD_OP_ROPE || b->op->opcode != LUD_OP_ROPE || a->table != b->table) return false;
    uint32_t first = exe->tables[a->table].first_step;
    return first == a->index || first == CPU_TABLE_EACH_STEP;
}

/* ---- Compile ---- */
static cpu_ref bind(const lud_program *p, lud_t id) {
    if (id == 0 || !p->tensors[id]) return (cpu_ref){0};
    const lud_tensor *t = p->tensors[id];
    const lud_buf *buf = p->bufs[t->buf];
    if (!buf || !buf->host_ptr) return (cpu_ref){.t = t};
    size_t bytes = t->storage ? buf->size : (size_t)t->bytes; /* strips are smaller than what they stand for */
    return (cpu_ref){.ptr = (char *)buf->host_ptr + t->offset, .t = t, .bytes = bytes};
}

static bool is_product(uint32_t opcode) {
    return (opcode >= LUD_OP_LINEAR && opcode <= LUD_OP_LINEAR_GRAD_WEIGHT) ||
           (opcode >= LUD_OP_LINEAR_CROSS_ENTROPY && opcode <= LUD_OP_LINEAR_CROSS_ENTROPY_JOINED);
}

/* A private layout that does not serve this product: made for other uses. */
static bool lacks_layout(const cpu_step *s) {
    const cpu_ref *r = &s->in[1];
    uint32_t opcode = s->op->opcode;
    if (!is_product(opcode) || !r->t || r->t->storage == LUD_STORAGE_PLAIN) return false;
    const cpu_weight *w = r->ptr;
    if (w->rows) return false;
    if (r->t->storage == CPU_STORAGE_BF16 && !s->bf16) return true;
    if (r->t->storage == CPU_STORAGE_INT8) return !s->int8;
    bool head = opcode >= LUD_OP_LINEAR_CROSS_ENTROPY_GRAD;
    bool grad =
        opcode == LUD_OP_LINEAR_GRAD_INPUT || (head && ((const lud_attr_xent *)s->attr)->want & LUD_XENT_WANT_DX);
    return (grad && !w->grad) || (opcode != LUD_OP_LINEAR_GRAD_INPUT && !w->forward);
}

/* Products of all instruction sets look at `bf16` themselves. */
static const cpu_kernel *kernel_of(const cpu_dev *dev, const cpu_step *s) {
    if (s->bf16 && s->op->opcode == LUD_OP_ATTENTION) return &dev->bf16->attention;
    if (s->bf16 && s->op->opcode == LUD_OP_ATTENTION_GRAD) return &dev->bf16->attention_grad;
    if (s->bf16 && s->op->opcode == LUD_OP_ATTENTION_CACHED) return &dev->bf16->attention_cached;
    return dev->by_opcode[s->op->opcode];
}

static lud_status bind_step(const cpu_dev *dev, const lud_program *p, uint32_t i, cpu_step *s, lud_error *err) {
    const lud_op *op = p->ops[i];
    if (op->opcode >= 64 || !dev->by_opcode[op->opcode] || op->n_in > CPU_MAX_IN || op->n_out > CPU_MAX_OUT)
        return cpu_fail_status(err, LUD_E_UNSUPPORTED, "cpu: op %u has opcode %u, which this backend lacks", i,
                               op->opcode);
    *s = (cpu_step){.op = op, .attr = op->attr, .index = i, .conflict = -1};
    for (uint32_t k = 0; k < op->n_in; k++)
        s->in[k] = bind(p, op->in[k]);
    for (uint32_t k = 0; k < op->n_out; k++)
        s->out[k] = bind(p, p->first_result[i] + k);
    s->exponentials = op->opcode == LUD_OP_CROSS_ENTROPY || op->opcode == LUD_OP_CROSS_ENTROPY_GRAD;
    s->cheap_inputs = op->opcode == LUD_OP_EMBEDDING || op->opcode == LUD_OP_GATHER_ROWS;
    bool pairs = op->opcode == LUD_OP_ATTENTION_CACHED && s->in[0].t->dim[2] % BF16_PAIR == 0;
    bool attention = op->opcode == LUD_OP_ATTENTION || op->opcode == LUD_OP_ATTENTION_GRAD || pairs;
    s->int8 = op->opcode == LUD_OP_LINEAR && op->flags & LUD_OP_INT8 && s->in[1].t->storage == CPU_STORAGE_INT8;
    s->bf16 = dev->bf16 && !s->int8 && op->flags & LUD_OP_BF16 && (attention || is_product(op->opcode));
    s->never_solo = attention || s->bf16 || s->int8;
    s->fn = kernel_of(dev, s)->run;
    if (lacks_layout(s))
        return cpu_fail_status(err, LUD_E_UNSUPPORTED, "cpu: op %u reads a weight in a layout made for other uses", i);
    return LUD_OK;
}

/* Looks back a bounded way; further back counts as a conflict. */
int32_t cpu_conflict(const cpu_exe *exe, const cpu_step *steps, const bool *shared, uint32_t i) {
    const cpu_step *s = &steps[i];
    uint32_t far = i > 64 ? i - 64 : 0;
    for (uint32_t j = i; j-- > far;) {
        if (s->replicated && steps[j].replicated) continue;
        if (table_orders(exe, &steps[j], s) || (shared[j] && shared[i] && !s->rounded) || writes_into(&steps[j], s) ||
            writes_into(s, &steps[j]))
            return (int32_t)j;
    }
    return (int32_t)far - 1;
}

static uint32_t table_of(cpu_exe *exe, const cpu_step *s) {
    const lud_attr_rope *a = s->attr;
    for (uint32_t i = 0; i < exe->n_tables; i++) {
        const cpu_rope_table *t = &exe->tables[i];
        if (t->positions == s->in[1].ptr && t->inv_freq == s->in[2].ptr && t->half == a->rotary_dim / 2 &&
            memcmp(&t->factor, &a->attention_factor, sizeof(float)) == 0)
            return i;
    }
    exe->tables[exe->n_tables] = (cpu_rope_table){.positions = s->in[1].ptr,
                                                  .inv_freq = s->in[2].ptr,
                                                  .first_step = s->index,
                                                  .half = a->rotary_dim / 2,
                                                  .factor = a->attention_factor};
    return exe->n_tables++;
}

static size_t table_bytes(const cpu_worker *w, const cpu_step *s, const cpu_rope_table *t) {
    return (size_t)(cpu_dim(w, &s->in[0], 0) * 2 * t->half) * sizeof(float);
}

/* Positions that are not an input of the program may be other values at the same address later: no sharing then. */
static bool is_stable(const cpu_ref *r) {
    return r->t->role == LUD_ROLE_INPUT || r->t->role == LUD_ROLE_CONST || r->t->role == LUD_ROLE_PARAM;
}

static lud_status make_table(const cpu_dev *dev, cpu_exe *exe, const cpu_worker *w, cpu_step *s, lud_error *err) {
    uint32_t known = exe->n_tables;
    s->table = table_of(exe, s);
    cpu_rope_table *t = &exe->tables[s->table];
    if (s->table < known && (!is_stable(&s->in[1]) || !is_stable(&s->in[2]))) t->first_step = CPU_TABLE_EACH_STEP;
    if (s->table < known) return LUD_OK;
    t->cs = cpu_memory_new(dev->host, table_bytes(w, s, t));
    if (!t->cs) return cpu_fail_status(err, LUD_E_NOMEM, "cpu: no memory for rotary tables");
    return LUD_OK;
}

static bool grow(const cpu_dev *dev, cpu_memory *m, size_t size) {
    if (size <= m->size) return true;
    cpu_memory_free(dev->host, m->ptr, m->size);
    m->ptr = cpu_memory_new(dev->host, size);
    m->size = m->ptr ? size : 0;
    return m->ptr != NULL;
}

static lud_status measure(cpu_dev *dev, cpu_job *job, bool *shared, lud_error *err) {
    cpu_exe *exe = &job->exe;
    cpu_worker w = {.exe = exe,
                    .extents = exe->program->extent_max,
                    .blas = &dev->blas,
                    .bf16 = dev->bf16,
                    .int8 = dev->int8,
                    .size = dev->threads};
    size_t most_shared = 0;
    lud_t rounded = 0; /* the tensor that lies rounded in `shared`, and how */
    int32_t how = CPU_ROUNDS_NOTHING;
    for (uint32_t i = 0; i < exe->n_steps; i++) {
        cpu_step *s = &exe->steps[i];
        cpu_need need = {.loops = 1};
        const cpu_kernel *kernel = kernel_of(dev, s);
        if (kernel->need) kernel->need(&w, s, &need);
        if (s->op->opcode == LUD_OP_ROPE) {
            lud_status st = make_table(dev, exe, &w, s, err);
            if (st != LUD_OK) return st;
        }
        s->counter = exe->n_counters;
        exe->n_counters += need.loops;
        shared[i] = need.shared > 0;
        s->plain = need.scratch == 0 && need.shared == 0;
        s->rounded = need.rounds && need.rounds == how && rounded == s->op->in[0];
        if (shared[i]) rounded = s->op->in[0], how = need.rounds;
        job->scratch_each = CPU_MAX(job->scratch_each, (need.scratch + 4095) / 4096 * 4096 + CPU_LINE * 5);
        most_shared = CPU_MAX(most_shared, need.shared);
    }
    job->scratch_each = (job->scratch_each + CPU_LINE - 1) / CPU_LINE * CPU_LINE;
    if (!grow(dev, &dev->shared, most_shared) || !grow(dev, &dev->scratch, job->scratch_each * (size_t)dev->threads))
        return cpu_fail_status(err, LUD_E_NOMEM, "cpu: no memory for scratch (%zu bytes shared, %zu for each thread)",
                               most_shared, job->scratch_each);
    for (uint32_t i = 0; i < exe->n_steps; i++)
        exe->steps[i].conflict = cpu_conflict(exe, exe->steps, shared, i);
    return LUD_OK;
}

void *cpu_zeroed(const cpu_dev *dev, size_t n) {
    void *p = dev->host->alloc(dev->ctx, n ? n : 1, CPU_LINE);
    if (p) memset(p, 0, n);
    return p;
}

bool cpu_decodes(const lud_program *p) {
    for (uint32_t i = 0; i < p->n_ops; i++)
        if (p->ops[i]->opcode == LUD_OP_ATTENTION_CACHED) return true;
    return false;
}

static uint32_t count_ropes(const lud_program *p) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->n_ops; i++)
        n += p->ops[i]->opcode == LUD_OP_ROPE;
    return n;
}

void cpu_exe_free(void *self, void *exe_ptr) {
    cpu_dev *dev = self;
    cpu_job *job = exe_ptr;
    if (!job) return;
    for (uint32_t i = 0; i < job->exe.n_tables; i++) {
        const cpu_rope_table *t = &job->exe.tables[i];
        cpu_worker w = {.exe = &job->exe, .extents = job->exe.program->extent_max};
        const cpu_step *s = job->exe.steps;
        while (s->op->opcode != LUD_OP_ROPE || s->table != i)
            s++;
        cpu_memory_free(dev->host, t->cs, table_bytes(&w, s, t));
    }
    cpu_replicas_free(dev, job);
    void *parts[] = {job->exe.steps, job->exe.counters, job->exe.tables, job->layout, job->extents, job};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        dev->host->free(dev->ctx, parts[i]);
}

lud_status cpu_compile(void *self, const lud_program *p, void **out, lud_error *err) {
    cpu_dev *dev = self;
    lud_status st = LUD_E_NOMEM;
    bool *shared = cpu_zeroed(dev, p->n_ops);
    uint32_t *reader = cpu_zeroed(dev, p->n_tensors * sizeof *reader);
    cpu_job *job = cpu_zeroed(dev, sizeof *job);
    if (!job || !shared || !reader) goto out;
    cpu_exe *exe = &job->exe;
    *exe = (cpu_exe){.dev = dev, .program = p, .message_lock = ATOMIC_FLAG_INIT};
    exe->steps = cpu_zeroed(dev, (p->n_ops + 1) * sizeof *exe->steps);
    exe->tables = cpu_zeroed(dev, count_ropes(p) * (size_t)(1 + dev->threads) * sizeof *exe->tables);
    job->layout = cpu_zeroed(dev, p->n_ops * sizeof *job->layout);
    job->extents = cpu_zeroed(dev, p->n_extents * sizeof *job->extents);
    if (!exe->steps || !exe->tables || !job->layout || !job->extents) goto out;
    for (; exe->n_steps < p->n_ops; exe->n_steps++) {
        st = bind_step(dev, p, exe->n_steps, &exe->steps[exe->n_steps], err);
        if (st != LUD_OK) goto out;
    }
    cpu_fold_sums(exe, reader);
    st = measure(dev, job, shared, err);
    if (st == LUD_OK) st = cpu_replicas_make(dev, job, shared, err);
    if (st != LUD_OK) goto out;
    exe->counters = cpu_zeroed(dev, exe->n_counters * sizeof *exe->counters);
    st = exe->counters ? LUD_OK : LUD_E_NOMEM;
out:
    dev->host->free(dev->ctx, shared);
    dev->host->free(dev->ctx, reader);
    if (st != LUD_OK) {
        cpu_exe_free(dev, job);
        return cpu_fail_status(err, st, "cpu: no memory to compile a program of %u ops", p->n_ops);
    }
    *out = job;
    return LUD_OK;
}

/* ---- Run ---- */
int64_t cpu_cost(const cpu_worker *w, const cpu_step *s) {
    int64_t n = 0;
    for (uint32_t i = 0; i < s->op->n_out; i++)
        n += cpu_count(w, &s->out[i]);
    for (uint32_t i = 0; i < s->op->n_in && !s->cheap_inputs; i++)
        n += cpu_count(w, &s->in[i]);
    return s->exponentials ? 8 * n : n;
}

static uint8_t who_runs(const cpu_worker *w, const cpu_step *s) {
    if (s->replicated) return CPU_BY_EACH;
    return !s->never_solo && cpu_cost(w, s) < CPU_SOLO_ELEMENTS ? CPU_BY_ONE : CPU_BY_ALL;
}

/* A product of few rows by a weight in strips. */
static bool streams(const cpu_worker *w, const cpu_step *s) {
    return s->op->opcode == LUD_OP_LINEAR && cpu_weight_strips(&s->in[1]) && cpu_rows(w, &s->out[0]) <= CPU_FEW_ROWS;
}

/* The first product behind each barrier. */
static void look_ahead(cpu_job *job, const cpu_worker *w) {
    uint32_t product = 0; /* 1 + the step */
    for (uint32_t i = job->exe.n_steps; i-- > 0;) {
        if (streams(w, &job->steps[i])) product = i + 1;
        if (!job->layout[i].barrier) continue;
        job->layout[i].ahead = (uint16_t)(product ? CPU_MIN(product - i, UINT16_MAX) : 0);
        product = 0;
    }
}

static void lay_out(cpu_job *job, const cpu_worker *w) {
    const cpu_exe *exe = &job->exe;
    int32_t first = 0; /* first step after the last barrier */
    bool all_by_one = true;
    const bool few = cpu_replicas_fit(job, w);
    job->steps = few ? job->replicas.steps : exe->steps;
    job->stride = few ? exe->n_steps : 0;
    job->any_parallel = false;
    for (uint32_t i = 0; i < exe->n_steps; i++) {
        const cpu_step *s = &job->steps[i];
        const uint8_t who = who_runs(w, s);
        bool barrier = s->conflict >= first && !(who == CPU_BY_ONE && all_by_one);
        if (barrier) first = (int32_t)i, all_by_one = true;
        all_by_one = all_by_one && who == CPU_BY_ONE;
        job->any_parallel |= who == CPU_BY_ALL;
        job->layout[i] = (cpu_layout){.who = who, .barrier = barrier};
    }
    look_ahead(job, w);
}

/* Memory works while threads wait: the begin of this thread's stretch, which its kernel does not fetch ahead. */
static void fetch(const cpu_worker *w, const cpu_step *s) {
    const lud_tensor *t = s->in[1].t;
    const int64_t begin = CPU_MIN(cpu_stretch_of(w, t->dim[0]).begin, t->dim[0] - 1);
    const void *weight = cpu_weight_rows(&s->in[1]);
    const char *p = cpu_strip_of(weight, cpu_weight_strips(&s->in[1]), t->dim[0], t->dim[1], begin).first;
    for (int i = 0; i < STRIPS_AHEAD; i += CPU_LINE)
        __builtin_prefetch(p + i);
}

static void walk(void *arg, int32_t rank, int32_t size) {
    cpu_job *job = arg;
    cpu_exe *exe = &job->exe;
    cpu_dev *dev = exe->dev;
    const cpu_step *steps = job->steps + (size_t)rank * job->stride;
    cpu_worker w = {.exe = exe,
                    .extents = exe->extents,
                    .scratch = dev->scratch.ptr + (size_t)rank * job->scratch_each,
                    .shared = dev->shared.ptr,
                    .blas = &dev->blas,
                    .bf16 = dev->bf16,
                    .int8 = dev->int8,
                    .rank = rank,
                    .size = size};
    cpu_worker alone = w;
    alone.rank = 0, alone.size = 1;
    for (uint32_t i = 0; i < exe->n_steps; i++) {
        const cpu_layout *l = &job->layout[i];
        if (l->ahead) fetch(&w, &steps[i + l->ahead - 1]);
        if (l->barrier) cpu_barrier(&w);
        if (l->who == CPU_BY_ALL)
            steps[i].fn(&w, &steps[i]);
        else if (l->who == CPU_BY_EACH || rank == 0)
            steps[i].fn(&alone, &steps[i]);
    }
}

static void prepare(cpu_job *job, const int64_t *extents) {
    cpu_exe *exe = &job->exe;
    size_t bytes = exe->program->n_extents * sizeof *extents;
    exe->extents = extents;
    atomic_store(&exe->bad_op, UINT32_MAX);
    for (uint32_t i = 0; i < exe->n_counters; i++)
        atomic_store_explicit(&exe->counters[i].next, 0, memory_order_relaxed);
    if (job->laid_out && (bytes == 0 || memcmp(job->extents, extents, bytes) == 0)) return;
    if (bytes) memcpy(job->extents, extents, bytes);
    job->laid_out = true;
    job->pace = (cpu_pace){0};
    cpu_worker w = {.exe = exe, .extents = extents};
    lay_out(job, &w);
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Short runs are done in the way that is faster; now and then the other one is tried. Not soon: of the layouts of
 * batches of texts most come a few times only. */
static void run_team(cpu_dev *dev, cpu_job *job) {
    enum { WARM = 2, FIRST = 32, TRIAL = 64 };
    const double long_run = 50e-3; /* outlasts the time that a scheduler gives to others */
    cpu_pace *p = &job->pace;
    const uint32_t n = ++p->runs;
    const bool trial = (n == FIRST || n % TRIAL == 0) && p->seconds[0] < long_run;
    const bool alone = (p->seconds[1] > 0 && p->seconds[1] < p->seconds[0]) != trial;
    const double begin = seconds();
    if (alone)
        walk(job, 0, 1);
    else
        dev->team->run(dev->ctx, walk, job);
    double took = seconds() - begin, *mean = &p->seconds[alone];
    *mean = n > WARM && !trial ? *mean + (took - *mean) / 8 : took;
}

lud_status cpu_run(void *self, void *exe_ptr, const int64_t *extents, uint32_t *bad_op, lud_error *err) {
    cpu_dev *dev = self;
    cpu_job *job = exe_ptr;
    prepare(job, extents);
    if (dev->threads > 1 && job->any_parallel)
        run_team(dev, job);
    else
        walk(job, 0, 1);
    uint32_t bad = atomic_load(&job->exe.bad_op);
    if (bad == UINT32_MAX) return LUD_OK;
    if (bad_op) *bad_op = bad;
    return cpu_fail_status(err, LUD_E_INVALID, "cpu: %s", job->exe.message);
}
