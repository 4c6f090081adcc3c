#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "os/loop.h"

enum { EVENTS_MAX = 256 };

/* A watched file descriptor, its index in the table. Each watch has a round of its own:
 * an event of an earlier round belongs to a closed descriptor with the same number. */
struct watched {
	loop_fd_fn *fn; /* NULL: not watched */
	void *arg;
	uint32_t events;
	uint32_t round;
	bool ready; /* a file that epoll refuses: always ready */
};

/* A copy of at, so that moving slots does not read the timers themselves. */
struct heap_slot {
	int64_t at;
	struct timer *timer;
};

struct work {
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg;
	STAILQ_ENTRY(work) next;
};

STAILQ_HEAD(works, work);

struct loop {
	int epoll;
	int64_t now;
	bool running, stopped;

	struct watched *fds;
	int fds_size;
	uint32_t round;
	int counted; /* watched, but for our own signals and wake */
	int *ready;  /* the descriptors that are always ready */
	int nready;

	struct heap_slot *heap; /* from 1 */
	uint32_t nheap, heap_size;

	STAILQ_HEAD(, deferred) deferred, when_idle;
	unsigned ndeferred;

	int signals; /* signalfd or -1 */
	void (*on_signal)(void *arg, int signo);
	void *signal_arg;

	int wake; /* eventfd or -1; readable: finished is not empty */
	unsigned working;
	pthread_t *threads; /* they wait for more work until the end */
	unsigned nthreads;
	pthread_mutex_t lock;      /* protects what follows */
	pthread_cond_t idle, more; /* busy is 0; todo is not empty, or ending is set */
	struct works todo, finished;
	unsigned ntodo, parked; /* parked: threads that wait */
	unsigned busy;          /* work that is not finished */
	bool ending;
};

/* Timers: a binary heap. */

static void
heap_put(struct loop *loop, uint32_t pos, struct heap_slot slot)
{
	loop->heap[pos] = slot;
	slot.timer->pos = pos;
}

/* Puts a slot in at the free pos, and moves it up or down to its order. */
static void
heap_place(struct loop *loop, uint32_t pos, struct heap_slot slot)
{
	uint32_t child;

	for (; pos > 1 && slot.at < loop->heap[pos / 2].at; pos /= 2)
		heap_put(loop, pos, loop->heap[pos / 2]);
	for (; (child = pos * 2) <= loop->nheap; pos = child) {
		if (child < loop->nheap &&
		    loop->heap[child + 1].at < loop->heap[child].at)
			child++;
		if (slot.at <= loop->heap[child].at)
			break;
		heap_put(loop, pos, loop->heap[child]);
	}
	heap_put(loop, pos, slot);
}

void
loop_at(struct loop *loop, struct timer *t, int64_t at, void (*fn)(void *), void *arg)
{
	t->at = at;
	t->fn = fn;
	t->arg = arg;
	if (t->pos == 0 && loop->nheap + 1 >= loop->heap_size) {
		loop->heap_size = loop->heap_size < 64 ? 64 : loop->heap_size * 2;
		loop->heap = mem_resize(loop->heap, loop->heap_size * sizeof *loop->heap);
	}
	heap_place(loop, t->pos != 0 ? t->pos : ++loop->nheap, (struct heap_slot){at, t});
}

void
loop_cancel(struct loop *loop, struct timer *t)
{
	uint32_t pos = t->pos;
	struct heap_slot last;

	if (pos == 0)
		return;
	t->pos = 0;
	last = loop->heap[loop->nheap--];
	if (last.timer != t)
		heap_place(loop, pos, last);
}

/* Runs at most as many timers as are set now: one that sets itself again for the same
 * time does not block the rest of the loop. */
static void
run_timers(struct loop *loop)
{
	uint32_t left = loop->nheap;

	while (left-- > 0 && !loop->stopped && loop->nheap > 0 &&
	       loop->heap[1].at <= loop->now) {
		struct timer *t = loop->heap[1].timer;

		loop_cancel(loop, t);
		t->fn(t->arg);
	}
}

/* File descriptors. */

static void
fds_grow(struct loop *loop, int fd)
{
	int size = loop->fds_size < 64 ? 64 : loop->fds_size;

	if (fd < loop->fds_size)
		return;
	while (size <= fd)
		size *= 2;
	loop->fds = mem_resize(loop->fds, (size_t)size * sizeof *loop->fds);
	loop->ready = mem_resize(loop->ready, (size_t)size * sizeof *loop->ready);
	for (int i = loop->fds_size; i < size; i++)
		loop->fds[i] = (struct watched){0};
	loop->fds_size = size;
}

/* Adds the descriptor to epoll. One that was closed and opened again while it was watched
 * is no longer there, so a failed MOD is followed by ADD. */
static void
fd_register(struct loop *loop, int fd, struct watched *w, bool known)
{
	struct epoll_event ev = {.events = w->events};

	ev.data.u64 = (uint64_t)w->round << 32 | (uint32_t)fd;
	if (known && epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &ev) == 0)
		return;
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &ev) == 0)
		return;
	if (errno == EEXIST && epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &ev) == 0)
		return;
	if (errno != EPERM)
		die(EX_OSERR, "cannot wait for file descriptor %d:", fd);
	if (!w->ready)
		loop->ready[loop->nready++] = fd;
	w->ready = true;
}

void
loop_watch(struct loop *loop, int fd, uint32_t events, loop_fd_fn *fn, void *arg)
{
	struct watched *w;
	bool known, same;

	fds_grow(loop, fd);
	w = &loop->fds[fd];
	known = w->fn != NULL;
	if (!known) {
		*w = (struct watched){.round = ++loop->round};
		loop->counted++;
	}
	same = known && (w->ready || w->events == events);
	w->fn = fn;
	w->arg = arg;
	w->events = events;
	if (!same)
		fd_register(loop, fd, w, known);
}

/* Watches a descriptor of the loop, which does not keep loop_run running. */
static void
watch_own(struct loop *loop, int fd, loop_fd_fn *fn)
{
	loop_watch(loop, fd, EPOLLIN, fn, loop);
	loop->counted--;
}

void
loop_unwatch(struct loop *loop, int fd)
{
	struct watched *w;

	if (fd < 0 || fd >= loop->fds_size || loop->fds[fd].fn == NULL)
		return;
	w = &loop->fds[fd];
	w->fn = NULL;
	loop->counted--;
	if (!w->ready) {
		/* fails for a descriptor that is closed already: epoll has dropped it */
		(void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, NULL);
		return;
	}
	for (int i = 0; i < loop->nready; i++)
		if (loop->ready[i] == fd) {
			loop->ready[i] = loop->ready[--loop->nready];
			break;
		}
}

static void
run_ready(struct loop *loop)
{
	uint32_t newest = loop->round;

	for (int i = loop->nready - 1; i >= 0 && !loop->stopped; i--) {
		int fd;
		struct watched *w;

		if (i >= loop->nready)
			continue;
		fd = loop->ready[i];
		w = &loop->fds[fd];
		if (w->events != 0 && w->round <= newest)
			w->fn(w->arg, fd, w->events);
	}
}

static void
run_events(struct loop *loop, const struct epoll_event *events, int n)
{
	for (int i = 0; i < n && !loop->stopped; i++) {
		int fd = (int)(uint32_t)events[i].data.u64;
		struct watched *w = &loop->fds[fd];

		if (w->fn != NULL && w->round == events[i].data.u64 >> 32)
			w->fn(w->arg, fd, events[i].events);
	}
}

/* Deferred calls. */

void
loop_defer(struct loop *loop, struct deferred *d, void (*fn)(void *), void *arg)
{
	d->fn = fn;
	d->arg = arg;
	if (d->set)
		return;
	d->set = true;
	STAILQ_INSERT_TAIL(&loop->deferred, d, next);
	loop->ndeferred++;
}

void
loop_undefer(struct loop *loop, struct deferred *d)
{
	if (!d->set)
		return;
	STAILQ_REMOVE(&loop->deferred, d, deferred, next);
	d->set = false;
	loop->ndeferred--;
}

/* A call that these defer is for the next round, which then does not wait. */
static void
run_deferred(struct loop *loop)
{
	for (unsigned n = loop->ndeferred; n > 0 && !STAILQ_EMPTY(&loop->deferred); n--) {
		struct deferred *d = STAILQ_FIRST(&loop->deferred);

		loop_undefer(loop, d);
		d->fn(d->arg);
	}
}

void
loop_idle(struct loop *loop, struct deferred *d, void (*fn)(void *), void *arg)
{
	d->fn = fn;
	d->arg = arg;
	if (!d->set)
		STAILQ_INSERT_TAIL(&loop->when_idle, d, next);
	d->set = true;
}

void
loop_unidle(struct loop *loop, struct deferred *d)
{
	if (d->set)
		STAILQ_REMOVE(&loop->when_idle, d, deferred, next);
	d->set = false;
}

/* Runs one idle call, if nothing else is to be called. */
static void
run_idle(struct loop *loop)
{
	struct deferred *d = STAILQ_FIRST(&loop->when_idle);

	if (d == NULL || !STAILQ_EMPTY(&loop->deferred) ||
	    (loop->nheap > 0 && loop->heap[1].at <= loop->now))
		return;
	loop_unidle(loop, d);
	d->fn(d->arg);
}

/* Signals. */

static void
signal_ready(void *arg, int fd, uint32_t events)
{
	struct loop *loop = arg;
	struct signalfd_siginfo info;

	(void)events;
	while (read(fd, &info, sizeof info) == (ssize_t)sizeof info)
		loop->on_signal(loop->signal_arg, (int)info.ssi_signo);
}

void
loop_on_signal(struct loop *loop, void (*fn)(void *arg, int signo), void *arg)
{
	struct sigaction hangup;
	sigset_t set;

	loop->on_signal = fn;
	loop->signal_arg = arg;
	if (loop->signals >= 0)
		return;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	/* nohup(1) has it ignored */
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		sigaddset(&set, SIGHUP);
	errno = pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (errno == 0)
		loop->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (loop->signals < 0)
		die(EX_OSERR, "cannot receive signals:");
	watch_own(loop, loop->signals, signal_ready);
}

/* Threads. */

static void
work_ready(void *arg, int fd, uint32_t events)
{
	struct loop *loop = arg;
	struct works list = STAILQ_HEAD_INITIALIZER(list);
	struct work *w;
	uint64_t count;

	(void)events;
	if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN)
		die(EX_OSERR, "cannot read from an eventfd:");
	pthread_mutex_lock(&loop->lock);
	STAILQ_CONCAT(&list, &loop->finished);
	pthread_mutex_unlock(&loop->lock);
	while ((w = STAILQ_FIRST(&list)) != NULL) {
		STAILQ_REMOVE_HEAD(&list, next);
		loop->working--;
		w->done(w->arg);
		free(w);
	}
}

/* Does the first work of todo, with the lock held before and after. */
static void
work_one(struct loop *loop)
{
	static const uint64_t one = 1;
	struct work *w = STAILQ_FIRST(&loop->todo);

	STAILQ_REMOVE_HEAD(&loop->todo, next);
	loop->ntodo--;
	pthread_mutex_unlock(&loop->lock);
	w->work(w->arg);
	pthread_mutex_lock(&loop->lock);
	STAILQ_INSERT_TAIL(&loop->finished, w, next);
	if (write(loop->wake, &one, sizeof one) < 0)
		die(EX_OSERR, "cannot write to an eventfd:");
	loop->busy--;
	pthread_cond_signal(&loop->idle);
}

static void *
work_thread(void *arg)
{
	struct loop *loop = arg;

	pthread_mutex_lock(&loop->lock);
	while (!loop->ending) {
		if (loop->ntodo > 0) {
			work_one(loop);
			continue;
		}
		loop->parked++;
		pthread_cond_wait(&loop->more, &loop->lock);
		loop->parked--;
	}
	pthread_mutex_unlock(&loop->lock);
	return NULL;
}

void
loop_work(struct loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
	struct work *w = mem_new(1, sizeof *w);

	*w = (struct work){.work = work, .done = done, .arg = arg};
	if (loop->wake < 0) {
		loop->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (loop->wake < 0)
			die(EX_OSERR, "cannot make an eventfd:");
		watch_own(loop, loop->wake, work_ready);
	}
	loop->working++;
	pthread_mutex_lock(&loop->lock);
	STAILQ_INSERT_TAIL(&loop->todo, w, next);
	loop->ntodo++;
	loop->busy++;
	if (loop->ntodo > loop->parked) {
		loop->threads = mem_resize(
		    loop->threads, (loop->nthreads + 1) * sizeof *loop->threads);
		if (pthread_create(
		        &loop->threads[loop->nthreads], NULL, work_thread, loop) == 0)
			loop->nthreads++;
		else
			work_one(loop); /* without a thread: the same, but it blocks */
	} else {
		pthread_cond_signal(&loop->more);
	}
	pthread_mutex_unlock(&loop->lock);
}

/* The loop itself. */

struct loop *
loop_new(void)
{
	struct loop *loop = mem_new(1, sizeof *loop);

	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		die(EX_OSERR, "cannot make an epoll descriptor:");
	STAILQ_INIT(&loop->deferred);
	STAILQ_INIT(&loop->when_idle);
	STAILQ_INIT(&loop->todo);
	STAILQ_INIT(&loop->finished);
	loop->signals = loop->wake = -1;
	pthread_mutex_init(&loop->lock, NULL);
	pthread_cond_init(&loop->idle, NULL);
	pthread_cond_init(&loop->more, NULL);
	return loop;
}

void
loop_await_work(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	while (loop->busy > 0)
		pthread_cond_wait(&loop->idle, &loop->lock);
	pthread_mutex_unlock(&loop->lock);
}

void
loop_free(struct loop *loop)
{
	struct work *w;

	if (loop == NULL)
		return;
	loop_await_work(loop);
	pthread_mutex_lock(&loop->lock);
	loop->ending = true;
	pthread_cond_broadcast(&loop->more);
	pthread_mutex_unlock(&loop->lock);
	while (loop->nthreads > 0)
		pthread_join(loop->threads[--loop->nthreads], NULL);
	free(loop->threads);
	while ((w = STAILQ_FIRST(&loop->finished)) != NULL) {
		STAILQ_REMOVE_HEAD(&loop->finished, next);
		free(w);
	}
	if (loop->wake >= 0)
		close(loop->wake);
	if (loop->signals >= 0)
		close(loop->signals);
	close(loop->epoll);
	pthread_cond_destroy(&loop->more);
	pthread_cond_destroy(&loop->idle);
	pthread_mutex_destroy(&loop->lock);
	free(loop->fds);
	free(loop->ready);
	free(loop->heap);
	free(loop);
}

int64_t
loop_now(const struct loop *loop)
{
	return loop->running ? loop->now : clock_monotonic_ms();
}

int64_t
loop_deadline(const struct loop *loop, int64_t *deadline, int64_t ms)
{
	if (*deadline == 0)
		*deadline = loop_now(loop) + ms;
	return *deadline;
}

/* How many milliseconds epoll may wait; -1: for ever. */
static int
wait_ms(const struct loop *loop)
{
	int64_t ms;

	if (!STAILQ_EMPTY(&loop->deferred) || !STAILQ_EMPTY(&loop->when_idle) ||
	    loop->nready > 0)
		return 0;
	if (loop->nheap == 0)
		return -1;
	ms = loop->heap[1].at - clock_monotonic_ms();
	return ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : (int)ms;
}

static bool
is_empty(const struct loop *loop)
{
	return loop->counted == 0 && loop->nheap == 0 && loop->working == 0 &&
	       STAILQ_EMPTY(&loop->deferred) && STAILQ_EMPTY(&loop->when_idle);
}

void
loop_run(struct loop *loop)
{
	struct epoll_event events[EVENTS_MAX];

	loop->running = true;
	for (;;) {
		int n;

		loop->now = clock_monotonic_ms();
		run_timers(loop);
		run_deferred(loop);
		if (loop->stopped || is_empty(loop))
			break;
		n = epoll_wait(loop->epoll, events, EVENTS_MAX, wait_ms(loop));
		if (n < 0 && errno != EINTR)
			die(EX_OSERR, "cannot wait for events:");
		loop->now = clock_monotonic_ms();
		run_events(loop, events, n);
		run_ready(loop);
		if (n == 0)
			run_idle(loop);
	}
	loop->running = loop->stopped = false;
}

void
loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
