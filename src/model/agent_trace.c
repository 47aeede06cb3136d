/* model/agent_trace.c - memory for what an LSTM core's steps leave behind, as one block. */
#include <assert.h>

#include "model/agent.h"

stoa_status stoa_agent_trace_init(stoa_agent_trace *trace, const stoa_agent *agent,
                                  stoa_dtype dtype, int64_t steps, int64_t batch, stoa_error *err) {
    const stoa_agent_options *o = &agent->options;
    *trace = (stoa_agent_trace){dtype, steps, batch, agent->core.inputs, o->core_width, NULL};
    if (o->core != STOA_CORE_LSTM)
        return STOA_OK;
    size_t row = (size_t)(trace->inputs + 6 * trace->width) * stoa_dtype_size(dtype) +
                 (size_t)trace->width * sizeof(float);
    size_t bytes;
    if (stoa_size_mul(row, (size_t)(steps * batch), &bytes) && stoa_size_add(bytes, 4 * 64, &bytes))
        trace->block = stoa_alloc(bytes);
    return trace->block ? STOA_OK
                        : stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the LSTM's steps");
}

void stoa_agent_trace_deinit(stoa_agent_trace *trace) {
    stoa_free(trace->block);
    *trace = (stoa_agent_trace){0};
}

/* An array of rows of n elements, and where the next begins. */
static void *take(char **at, int64_t rows, int64_t n, stoa_dtype dtype, int64_t first) {
    size_t row = (size_t)n * stoa_dtype_size(dtype);
    char *array = *at;
    *at += ((size_t)rows * row + 63) / 64 * 64;
    return array + (size_t)first * row;
}

bool stoa_agent_trace_rows(const stoa_agent_input *input, stoa_lstm_trace *rows) {
    const stoa_agent_trace *t = input->trace;
    if (!t || !t->block)
        return false;
    char *at = t->block;
    int64_t all = t->steps * t->batch, first = input->trace_row, m = t->width;
    assert(first + input->steps * input->batch <= all);
    assert(input->batch == t->batch || input->steps == 1); /* or its rows do not lie together */
    *rows = (stoa_lstm_trace){.dtype = t->dtype, .known = input->trace_known};
    rows->y = take(&at, all, m, t->dtype, first);
    rows->gates = take(&at, all, 4 * m, t->dtype, first);
    rows->cells = take(&at, all, m, STOA_F32, first);
    rows->operands = take(&at, all, t->inputs + m, t->dtype, first);
    return true;
}
