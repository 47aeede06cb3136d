/* tensor/cpu/state.c - opening and closing a context's cpu state. */
#include "tensor/cpu/state.h"

#include "tensor/cpu/amx.h"

stoa_status stoa_cpu_open(stoa_ctx *ctx, void **state) {
    stoa_cpu_state *cpu = stoa_alloc(sizeof *cpu);
    if (!cpu)
        return STOA_ERR_MEMORY;
    cpu->amx = stoa_amx_available();
    cpu->onednn = stoa_onednn_new(ctx->threads);
    if (!cpu->onednn) {
        stoa_free(cpu);
        return STOA_ERR_MEMORY;
    }
    *state = cpu;
    return STOA_OK;
}

void stoa_cpu_close(void *state) {
    stoa_cpu_state *cpu = state;
    stoa_onednn_free(cpu->onednn);
    stoa_free(cpu);
}
