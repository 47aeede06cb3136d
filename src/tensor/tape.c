/*
 * tensor/tape.c - running nodes forward, recording them, walking them backwards.
 *
 * Gradient memory: an activation's gradient is allocated when its last consumer is reached on the
 * way back and released once its producer has used it; released buffers are reused by size. So the
 * backward pass needs memory for the gradients alive at once, not for all of them, and the
 * sequence of addresses is the same in every step.
 */
#include <assert.h>
#include <string.h>

#include "tensor/node.h"

static stoa_tensor *root_of(stoa_tensor *t) {
    return t->view_of ? t->view_of : t;
}

bool stoa_node_wants_grad(const stoa_ctx *ctx, const stoa_node *node) {
    if (!ctx->grad || !stoa_op_table[node->op].differentiable)
        return false;
    for (int i = 0; i < STOA_NODE_IN; i++)
        if (node->in[i] && node->in[i]->requires_grad)
            return true;
    return false;
}

/* Calls a kernel with an empty scratch arena; a failure stays in the context. */
static void call(stoa_ctx *ctx, stoa_kernel kernel, stoa_node *node, bool backward) {
    const char *name = stoa_op_table[node->op].name;
    const char *direction = backward ? "backward" : "forward";
    if (!kernel) {
        stoa_ctx_fail(ctx, STOA_ERR_UNSUPPORTED, "backend %s has no %s %s", ctx->backend->name,
                      name, direction);
        return;
    }
    stoa_arena_mark mark = stoa_arena_save(ctx->scratch);
    double start = ctx->profile ? stoa_clock() : 0;
    stoa_status status = kernel(ctx, node);
    if (ctx->profile)
        ctx->seconds[node->op][backward] += stoa_clock() - start;
    stoa_arena_restore(ctx->scratch, mark);
    if (status != STOA_OK)
        stoa_ctx_fail(ctx, status, "%s %s on backend %s: %s", name, direction, ctx->backend->name,
                      status == STOA_ERR_MEMORY ? "out of memory"
                                                : "combination of types not supported");
}

stoa_tensor *stoa_node_run(stoa_ctx *ctx, const stoa_node *given) {
    bool record = stoa_node_wants_grad(ctx, given);
    for (int i = 0; i < STOA_NODE_OUT; i++)
        if (given->out[i] && record && given->out[i]->dtype != STOA_I32)
            given->out[i]->requires_grad = true;
    if (ctx->failure.status != STOA_OK)
        return given->out[0];
    stoa_node local = *given, *node = &local;
    if (record) {
        node = stoa_arena_alloc(ctx->heads, sizeof *node);
        if (!node) {
            stoa_ctx_fail(ctx, STOA_ERR_MEMORY, "out of memory for the tape");
            return given->out[0];
        }
        *node = *given;
        node->previous = ctx->tape;
        ctx->tape = node;
        ctx->nodes++;
    }
    const stoa_op_row *row = &stoa_op_table[node->op];
    if (row->flops) {
        double flops = row->flops(node);
        ctx->flops += flops;
        ctx->flops_by_op[node->op] += flops;
    }
    if (ctx->backend->computes)
        call(ctx, ctx->backend->kernels[node->op].forward, node, false);
    return given->out[0];
}

/* Gives t's root a gradient buffer when it has none. */
static void ensure_grad(stoa_ctx *ctx, stoa_tensor *t) {
    t = root_of(t);
    if (t->grad || t->is_param) /* a parameter's owner holds its gradient (or none, on meta) */
        return;
    size_t bytes = stoa_nbytes(t);
    for (int i = ctx->spare_count - 1; i >= 0; i--)
        if (ctx->spares[i].bytes == bytes) {
            t->grad = ctx->spares[i].data;
            ctx->spares[i] = ctx->spares[--ctx->spare_count];
            return;
        }
    t->grad = stoa_arena_alloc(ctx->data, bytes);
    if (!t->grad)
        stoa_ctx_fail(ctx, STOA_ERR_MEMORY, "out of memory in the backward pass");
}

static void release_grad(stoa_ctx *ctx, stoa_tensor *t) {
    t = root_of(t);
    if (!t->grad || t->is_param || t->keep_grad)
        return;
    if (ctx->spare_count < STOA_SPARES)
        ctx->spares[ctx->spare_count++] = (stoa_spare){stoa_nbytes(t), t->grad};
    t->grad = NULL;
    t->grad_written = false;
}

static bool any_grad_arrived(const stoa_node *node) {
    for (int i = 0; i < STOA_NODE_OUT; i++)
        if (node->out[i] && root_of(node->out[i])->grad_written)
            return true;
    return false;
}

void stoa_backward(stoa_ctx *ctx, stoa_tensor *loss, const stoa_tensor *seed_grad) {
    if (ctx->failure.status != STOA_OK)
        return;
    assert(seed_grad || stoa_numel(loss) == 1);
    assert(loss->dtype == STOA_F32 || seed_grad);
    loss = root_of(loss);
    ensure_grad(ctx, loss);
    loss->grad_written = true;
    if (ctx->backend->computes && loss->grad) {
        if (seed_grad)
            memcpy(loss->grad, seed_grad->data, stoa_nbytes(loss));
        else
            *(float *)loss->grad = 1.0f;
    }
    for (stoa_node *node = ctx->tape; node && ctx->failure.status == STOA_OK;
         node = node->previous) {
        if (any_grad_arrived(node)) {
            for (int i = 0; i < STOA_NODE_IN; i++)
                if (node->in[i] && node->in[i]->requires_grad)
                    ensure_grad(ctx, node->in[i]);
            const stoa_op_row *row = &stoa_op_table[node->op];
            if (row->flops)
                ctx->backward_flops += 2 * row->flops(node);
            if (ctx->failure.status != STOA_OK)
                return;
            if (ctx->backend->computes)
                call(ctx, ctx->backend->kernels[node->op].backward, node, true);
            for (int i = 0; i < STOA_NODE_IN; i++)
                if (node->in[i] && node->in[i]->requires_grad)
                    root_of(node->in[i])->grad_written = true;
        }
        // a result in an input's own memory has the input's gradient, which goes on
        for (int i = 0; i < STOA_NODE_OUT; i++)
            if (node->out[i] && !node->out[i]->view_of)
                release_grad(ctx, node->out[i]);
    }
}

void stoa_keep_grad(stoa_ctx *ctx, stoa_tensor *t) {
    (void)ctx;
    root_of(t)->keep_grad = true;
}

stoa_grad_ref stoa_grad_out(const stoa_node *node, int i) {
    stoa_tensor *t = node->out[i];
    if (!t || !root_of(t)->grad_written)
        return (stoa_grad_ref){0};
    return (stoa_grad_ref){.data = root_of(t)->grad, .dtype = t->dtype, .add = true};
}

stoa_grad_ref stoa_grad_take(stoa_node *node, int i) {
    stoa_tensor *t = node->in[i];
    if (!t || !t->requires_grad)
        return (stoa_grad_ref){0};
    t = root_of(t);
    stoa_grad_ref ref = {.data = t->grad, .dtype = t->dtype, .add = t->grad_written};
    t->grad_written = true;
    return ref;
}

bool stoa_grad_may_pass(const stoa_node *node, int out, int in) {
    const stoa_tensor *y = node->out[out], *x = node->in[in];
    if (!y || !x || !x->requires_grad)
        return false;
    y = y->view_of ? y->view_of : y, x = x->view_of ? x->view_of : x;
    return y->grad_written && !y->is_param && !y->keep_grad && !x->grad_written && !x->is_param &&
           !x->keep_grad && x->dtype == y->dtype && stoa_nbytes(x) == stoa_nbytes(y);
}

bool stoa_grad_pass(stoa_node *node, int out, int in) {
    if (!stoa_grad_may_pass(node, out, in))
        return false;
    stoa_tensor *y = root_of(node->out[out]), *x = root_of(node->in[in]);
    void *swap = x->grad;
    x->grad = y->grad, y->grad = swap;
    x->grad_written = true;
    return true;
}
