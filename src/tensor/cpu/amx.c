/* tensor/cpu/amx.c - leave to use the matrix tiles. */
#include "tensor/cpu/amx.h"
#include "stoa/tensor.h"

#if STOA_HAVE_AMX
#include <sys/syscall.h>
#include <unistd.h>

bool stoa_amx_available(void) {
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 }; // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}
#else
bool stoa_amx_available(void) {
    return false;
}
#endif

bool stoa_cpu_has_tiles(void) {
    return stoa_amx_available();
}
