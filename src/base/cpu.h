/*
 * base/cpu.h - how much of the machine is ours: processors and memory.
 */
#ifndef STOA_BASE_CPU_H
#define STOA_BASE_CPU_H

/* The CPU quota, in CPUs, of the control groups that membership (the text of /proc/self/cgroup)
 * names below root ("/sys/fs/cgroup"), the tightest on the way up; versions 1 and 2. HUGE_VAL when
 * there is none. */
double stoa_cgroup_quota(const char *root, const char *membership);
/* Bytes that those groups still allow, the least on the way up; HUGE_VAL when there is no limit. */
double stoa_cgroup_memory(const char *root, const char *membership);

#endif /* STOA_BASE_CPU_H */
