/*
 * stoa/stoa.h - the whole library in one include.
 */
#ifndef STOA_STOA_H
#define STOA_STOA_H

#include "stoa/base.h"
#include "stoa/data.h"
#include "stoa/env.h"
#include "stoa/eval.h"
#include "stoa/model.h"
#include "stoa/nn.h"
#include "stoa/study.h"
#include "stoa/tensor.h"
#include "stoa/text.h"
#include "stoa/train.h"

#endif /* STOA_STOA_H */
