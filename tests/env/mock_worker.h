/* mock_worker.h - a test program that is its own worker: main() returns mock_worker() when the
 * environment variable MOCK_WORKER is set. */
#ifndef TESTS_ENV_MOCK_WORKER_H
#define TESTS_ENV_MOCK_WORKER_H

int mock_worker(void);

#endif /* TESTS_ENV_MOCK_WORKER_H */
