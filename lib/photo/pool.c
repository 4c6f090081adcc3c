#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "os/child.h"
#include "os/loop.h"
#include "photo/decode.h"
#include "photo/worker.h"

#define CPU_S     30
#define MEMORY    ((uint64_t)1280 << 20)
#define READY_MAX 16

struct job {
	struct job *next;
	int fd;
	struct pool_request order;
	photo_pool_fn *done;
	void *arg;
};

struct worker {
	pid_t pid; /* 0: none */
	int sock;
	struct job *job;  /* NULL: idle */
	int64_t deadline; /* ms of CLOCK_MONOTONIC */
	bool late;        /* it was killed for its deadline */
	bool known;       /* *photo holds what was known before the decoder began */
	struct photo photo;
};

struct photo_pool {
	struct photo_pool_options options;
	struct worker *workers;
	struct job *first, **last;
	size_t pending;
	int epoll, timer;
	struct loop *loop;
	bool watched;
	struct pool_reply reply; /* scratch */
};

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Takes the worker off the pool and returns how it ended. */
static int
bury(struct photo_pool *cage, struct worker *w)
{
	int status;

	epoll_ctl(cage->epoll, EPOLL_CTL_DEL, w->sock, NULL);
	status = child_end(w->pid, w->sock);
	w->pid = 0;
	return status;
}

static int
hire(struct photo_pool *cage, struct worker *w)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = w};

	w->pid = child_start(&w->sock, photo_worker, &cage->options);
	if (w->pid > 0 && epoll_ctl(cage->epoll, EPOLL_CTL_ADD, w->sock, &event) == 0)
		return 0;
	if (w->pid > 0)
		bury(cage, w);
	w->pid = 0;
	return -1;
}

/* Processor time is counted from what the worker has used so far. */
static void
grant_time(const struct photo_pool *cage, const struct worker *w)
{
	struct timespec used = {0};
	struct rlimit limit;
	clockid_t clock;

	if (clock_getcpuclockid(w->pid, &clock) == 0)
		clock_gettime(clock, &used);
	if (prlimit(w->pid, RLIMIT_CPU, NULL, &limit) != 0)
		return;
	limit.rlim_cur = (rlim_t)used.tv_sec + 1 + cage->options.cpu_s;
	prlimit(w->pid, RLIMIT_CPU, &limit, NULL);
}

/* Tells the caller, and forgets the job. */
static void
finish(struct photo_pool *cage, struct job *job, int status, const struct photo *photo,
    const struct err *e)
{
	cage->pending--;
	job->done(job->arg, status, photo, e);
	free(job);
}

/* Sets the timer to the next deadline, or stops it. */
static void
set_timer(struct photo_pool *cage)
{
	struct itimerspec when = {0};
	int64_t next = 0;

	for (unsigned i = 0; i < cage->options.workers; i++) {
		const struct worker *w = &cage->workers[i];
		if (w->job != NULL && !w->late && (next == 0 || w->deadline < next))
			next = w->deadline;
	}
	when.it_value.tv_sec = next / 1000;
	when.it_value.tv_nsec = next % 1000 * 1000000;
	timerfd_settime(cage->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Gives the first job in line to the worker, hired if need be. A worker that died while idle
 * is replaced once. */
static int
employ(struct photo_pool *cage, struct worker *w)
{
	struct job *job = cage->first;

	for (int attempt = 0; attempt < 2; attempt++) {
		if (w->pid == 0 && hire(cage, w) != 0)
			return -1;
		grant_time(cage, w);
		if (child_order(w->sock, &job->order, sizeof job->order, job->fd))
			break;
		bury(cage, w);
	}
	if (w->pid == 0)
		return -1;
	cage->first = job->next;
	if (cage->first == NULL)
		cage->last = &cage->first;
	w->job = job;
	w->known = w->late = false;
	w->deadline = now_ms() + cage->options.wall_ms;
	return 0;
}

static bool
anyone_working(const struct photo_pool *cage)
{
	for (unsigned i = 0; i < cage->options.workers; i++)
		if (cage->workers[i].job != NULL)
			return true;
	return false;
}

/* Without a single worker the line can only fail. */
static void
fail_line(struct photo_pool *cage)
{
	struct err e;
	struct job *job;

	err_set(&e, CODE_DECODER_FAILED, "cannot start a process to judge photos:");
	while ((job = cage->first) != NULL) {
		cage->first = job->next;
		if (cage->first == NULL)
			cage->last = &cage->first;
		finish(cage, job, -1, NULL, &e);
	}
}

static void
employ_all(struct photo_pool *cage)
{
	bool failed = false;

	for (int idle = 1; idle >= 0 && !failed;
	     idle--) /* those that run already come first */
		for (unsigned i = 0; i < cage->options.workers && cage->first != NULL;
		     i++) {
			struct worker *w = &cage->workers[i];
			if (w->job == NULL && (w->pid != 0 || !idle) &&
			    employ(cage, w) != 0) {
				failed = true;
				break;
			}
		}
	if (failed && !anyone_working(cage))
		fail_line(cage);
	set_timer(cage);
}

/* What a worker's end says about its photo. */
static void
describe_death(struct photo *photo, const struct worker *w, int status)
{
	bool cpu = WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU;
	char got[96];

	if (w->late || cpu) {
		finding_add(&photo->findings, CODE_DECODER_TIMEOUT, SEVERITY_REFUSED,
		    cpu ? "too much processor time" : "too much time",
		    "a picture that decodes", NULL,
		    "the decoder of the picture did not end in time and was stopped");
		return;
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		snprintf(got, sizeof got, "a forbidden system call");
	else if (WIFSIGNALED(status))
		snprintf(got, sizeof got, "signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == EX_OSERR)
		snprintf(got, sizeof got, "out of memory");
	else
		snprintf(got, sizeof got, "exit status %d", WEXITSTATUS(status));
	finding_add(&photo->findings, CODE_DECODER_CRASHED, SEVERITY_REFUSED, got,
	    "a picture that decodes", NULL,
	    "the decoder of the picture came to grief: %s", got);
}

static void
worker_died(struct photo_pool *cage, struct worker *w)
{
	struct job *job = w->job;
	int status = bury(cage, w);

	w->job = NULL;
	if (job == NULL)
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_NOT_READY) {
		struct err e;
		err_set(&e, CODE_DECODER_FAILED,
		    "a process to judge photos cannot shut itself in; see its limits (ulimit -a)");
		finish(cage, job, -1, NULL, &e);
		return;
	}
	if (!w->known) {
		memset(&w->photo, 0, sizeof w->photo);
		w->photo.bytes = job->order.size;
		w->photo.orientation = 1;
	}
	describe_death(&w->photo, w, status);
	finish(cage, job, 0, &w->photo, NULL);
}

/* Is the message what an honest worker would send? Texts are made safe. */
static bool
reply_sane(struct pool_reply *r, size_t len, const struct job *job)
{
	struct photo *p = &r->photo;

	if (len < pool_reply_len(0) || p->findings.n > FINDINGS_MAX ||
	    len != pool_reply_len(p->findings.n))
		return false;
	if (r->status != 0) {
		r->err.message[sizeof r->err.message - 1] = '\0';
		return r->status == -1 && r->last &&
		       utf8_valid(r->err.message, strlen(r->err.message)) &&
		       (r->err.code == CODE_FILE_UNREADABLE ||
		           r->err.code == CODE_CHANGED_WHILE_READ);
	}
	if (memchr(p->type, '\0', sizeof p->type) == NULL ||
	    !utf8_valid(p->type, strlen(p->type)) ||
	    memchr(p->sha256, '\0', sizeof p->sha256) == NULL ||
	    strspn(p->sha256, "0123456789abcdef") != strlen(p->sha256))
		return false;
	return p->bytes == job->order.size && p->orientation >= 1 &&
	       p->orientation <= 8 && (unsigned)p->facts.type <= IMAGE_WEBP &&
	       (unsigned)p->facts.state <= IMAGE_DAMAGED &&
	       memchr(p->facts.reason, '\0', sizeof p->facts.reason) != NULL &&
	       findings_sane(&p->findings);
}

/* A worker has said something, or has died. */
static void
hear(struct photo_pool *cage, struct worker *w)
{
	struct pool_reply *r = &cage->reply;
	struct job *job = w->job;
	ssize_t n;

	n = recv(w->sock, r, sizeof *r, MSG_DONTWAIT);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0 || job == NULL || !reply_sane(r, (size_t)n, job)) {
		worker_died(cage, w);
		return;
	}
	if (!r->last) {
		w->photo = r->photo;
		w->known = true;
		return;
	}
	w->job = NULL;
	finish(cage, job, r->status, &r->photo, &r->err);
}

/* Kills those that are past their deadline; their sockets tell the rest. */
static void
end_late(struct photo_pool *cage)
{
	int64_t now = now_ms();
	uint64_t ticks;

	(void)!read(cage->timer, &ticks, sizeof ticks);
	for (unsigned i = 0; i < cage->options.workers; i++) {
		struct worker *w = &cage->workers[i];
		if (w->job != NULL && w->deadline <= now) {
			w->late = true;
			kill(w->pid, SIGKILL);
		}
	}
}

void
photo_pool_run(struct photo_pool *cage, bool wait)
{
	struct epoll_event events[READY_MAX];
	int n;

	employ_all(cage);
	n = epoll_wait(
	    cage->epoll, events, READY_MAX, wait && cage->pending > 0 ? -1 : 0);
	for (int i = 0; i < n; i++) {
		struct worker *w = events[i].data.ptr;
		if (w == NULL)
			end_late(cage);
		else if (w->pid != 0)
			hear(cage, w);
	}
	employ_all(cage);
}

static void
on_ready(void *arg, int fd, uint32_t events)
{
	struct photo_pool *cage = arg;

	(void)fd;
	(void)events;
	photo_pool_run(cage, false);
	if (cage->pending == 0) {
		loop_unwatch(cage->loop, cage->epoll);
		cage->watched = false;
	}
}

static void
watch(struct photo_pool *cage)
{
	if (cage->loop == NULL || cage->watched || cage->pending == 0)
		return;
	loop_watch(cage->loop, cage->epoll, EPOLLIN, on_ready, cage);
	cage->watched = true;
}

void
photo_pool_attach(struct photo_pool *cage, struct loop *loop)
{
	cage->loop = loop;
	watch(cage);
}

/* Makes photo_pool_fd readable: the timer, set to a time that is past. */
static void
wake(struct photo_pool *cage)
{
	struct itimerspec when = {.it_value = {.tv_nsec = 1}};

	timerfd_settime(cage->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

void
photo_pool_submit(struct photo_pool *cage, int fd, uint64_t size,
    const struct photo_options *options, photo_pool_fn *done, void *arg)
{
	struct job *job = mem_new(1, sizeof *job);

	*job = (struct job){NULL, fd, {size, *options}, done, arg};
	*cage->last = job;
	cage->last = &job->next;
	cage->pending++;
	wake(cage);
	watch(cage);
}

size_t
photo_pool_pending(const struct photo_pool *cage)
{
	return cage->pending;
}

int
photo_pool_fd(const struct photo_pool *cage)
{
	return cage->epoll;
}

struct photo_pool *
photo_pool_new(const struct photo_pool_options *options, struct err *e)
{
	struct photo_pool *cage = mem_new(1, sizeof *cage);
	struct photo_pool_options *o = &cage->options;
	struct epoll_event event = {.events = EPOLLIN};

	*o = *options;
	if (o->workers == 0)
		o->workers = 1;
	if (o->cpu_s == 0)
		o->cpu_s = CPU_S;
	if (o->wall_ms == 0)
		o->wall_ms = 4000 * o->cpu_s;
	if (o->memory == 0)
		o->memory = MEMORY;
	if (o->decode == NULL)
		o->decode = decode_pixels;
	cage->last = &cage->first;
	cage->workers = mem_new(o->workers, sizeof *cage->workers);
	cage->epoll = epoll_create1(EPOLL_CLOEXEC);
	cage->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (cage->epoll >= 0 && cage->timer >= 0 &&
	    epoll_ctl(cage->epoll, EPOLL_CTL_ADD, cage->timer, &event) == 0)
		return cage;
	err_set(e, CODE_DECODER_FAILED, "cannot prepare to judge photos:");
	photo_pool_free(cage);
	return NULL;
}

void
photo_pool_free(struct photo_pool *cage)
{
	struct job *job;

	if (cage == NULL)
		return;
	if (cage->watched)
		loop_unwatch(cage->loop, cage->epoll);
	for (unsigned i = 0; i < cage->options.workers; i++) {
		free(cage->workers[i].job);
		if (cage->workers[i].pid != 0)
			bury(cage, &cage->workers[i]);
	}
	while ((job = cage->first) != NULL) {
		cage->first = job->next;
		free(job);
	}
	if (cage->epoll >= 0)
		close(cage->epoll);
	if (cage->timer >= 0)
		close(cage->timer);
	free(cage->workers);
	free(cage);
}

struct one {
	struct photo *photo;
	struct err *e;
	int status;
};

static void
one_done(void *arg, int status, const struct photo *photo, const struct err *e)
{
	struct one *one = arg;

	one->status = status;
	if (status == 0)
		*one->photo = *photo;
	else
		*one->e = *e;
}

int
photo_pool_check_file(struct photo_pool *cage, const char *path,
    const struct photo_options *options, struct photo *photo, struct err *e)
{
	struct one one = {.photo = photo, .e = e};
	struct stat st;
	int fd;

	if (photo_open(path, &fd, &st, e) != 0)
		return -1;
	photo_pool_submit(cage, fd, (uint64_t)st.st_size, options, one_done, &one);
	while (cage->pending > 0)
		photo_pool_run(cage, true);
	if (one.status == 0)
		one.status = photo_unchanged(fd, &st, e);
	close(fd);
	if (one.status == 0)
		photo_check_name(photo, path);
	return one.status;
}
