/* train/agent_bundle.h - the inside of an opened agent. Private to the train room. */
#ifndef STOA_TRAIN_AGENT_BUNDLE_H
#define STOA_TRAIN_AGENT_BUNDLE_H

#include "train/agent_trainer.h"

struct stoa_agent_bundle {
    stoa_agent_settings settings;
    stoa_env_spec spec;
    stoa_agent_net net;
    stoa_pool *pool;
    int64_t update;
};

stoa_dtype stoa_agent_bundle_compute(const stoa_agent_bundle *bundle);

#endif /* STOA_TRAIN_AGENT_BUNDLE_H */
