/* tests/tensor/op_families.c - the families of cases, in the order of STOA_OPS. */
#include "op_cases.h"

const op_family op_families[] = {
    {op_cases_elementwise, &op_cases_elementwise_count},
    {op_cases_reduce, &op_cases_reduce_count},
    {op_cases_loss, &op_cases_loss_count},
    {op_cases_norm, &op_cases_norm_count},
    {op_cases_index, &op_cases_index_count},
    {op_cases_matmul, &op_cases_matmul_count},
    {op_cases_attention, &op_cases_attention_count},
    {op_cases_recurrent, &op_cases_recurrent_count},
};
const int op_families_count = OP_COUNT(op_families);
