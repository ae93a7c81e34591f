/*
 * load.c - the load generator: one process, one thread, everything computed
 * before the clock starts, every answer checked.
 *
 *     load MODE -a 127.0.0.1:PORT [options]
 *
 *     handshake   opening handshakes, a new connection each, checked in full
 *     refuse      the same, but the answer is another status than 101
 *     echo        messages to and fro on open tunnels, one under way on each
 *     latency     the same, with the times of the round trips
 *     stream      frames one way on open tunnels, into a sink
 *     idle        tunnels that are opened and held; -m sends each some messages first
 *
 * One line of JSON is the result. With -y it prints "ready" when all is
 * prepared (and the tunnels are open) and waits for a line on standard input,
 * so that whoever measures can read the gateway's clock; and after the result
 * it waits again, with the tunnels still open. `idle` always waits.
 */
#include "openings.h"
#include "plan.h"
#include "tool.h"
#include "tunnels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct mode {
    const char *name;
    int status;
    bool keep;
    bool waits;
    void (*traffic)(const struct plan *, const int *, struct outcome *);
};

static const struct mode modes[] = {
    {"handshake", 101, false, false, NULL},
    {"refuse", 401, false, false, NULL},
    {"echo", 101, true, false, tunnels_echo},
    {"latency", 101, true, false, tunnels_echo},
    {"stream", 101, true, false, tunnels_stream},
    {"idle", 101, true, true, tunnels_echo},
};

static const char usage[] =
    "usage: load MODE -a ADDRESS:PORT [options]\n"
    "  MODE  handshake | refuse | echo | latency | stream | idle\n"
    "  -n N  handshakes, or tunnels (1)          -c N  handshakes at a time (64)\n"
    "  -m N  messages to each tunnel (1; idle 0) -s N  bytes of a message (64)\n"
    "  -t F  file of tokens, one a line          -k N  lines of it to pass over (0)\n"
    "  -e N  status to expect                    -w N  seconds until it gives up (60)\n"
    "  -p P  path (/bench)                       -o O  Origin (https://app.example.com)\n"
    "  -y    wait for a line before and after";

static const struct mode *
find_mode(const char *name)
{
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcmp(modes[i].name, name) == 0)
            return &modes[i];
    tool_die("%s: no such mode\n%s", name, usage);
}

static void
take_option(struct plan *plan, int option, const char *value)
{
    static const unsigned long many = 10000000;

    switch (option) {
    case 'a': plan->address = tool_address(value); break;
    case 'n': plan->count = tool_number(value, many); break;
    case 'c': plan->in_flight = tool_number(value, 15000); break;
    case 'm': plan->messages = tool_number(value, many); break;
    case 's': plan->message_size = tool_number(value, 64 * 1024 * 1024); break;
    case 't': plan->token_file = value; break;
    case 'k': plan->token_skip = tool_number(value, many); break;
    case 'e': plan->status = (int)tool_number(value, 599); break;
    case 'w': plan->deadline_ns = tool_number(value, 3600) * 1000000000u; break;
    case 'p': plan->path = value; break;
    case 'o': plan->origin = value; break;
    case 'y': plan->synchronised = true; break;
    default: tool_die("%s", usage);
    }
}

static struct plan
make_plan(const struct mode *mode, int argc, char **argv)
{
    struct plan plan = {.host = "bench.example.com", .origin = "https://app.example.com",
                        .path = "/bench", .count = 1, .in_flight = 64, .message_size = 64,
                        .status = mode->status, .keep = mode->keep,
                        .messages = mode->waits ? 0 : 1,
                        .deadline_ns = 60 * 1000000000ull};
    int option;

    while ((option = getopt(argc, argv, "a:n:c:m:s:t:k:e:w:p:o:y")) != -1)
        take_option(&plan, option, optarg);
    if (plan.address.sin_port == 0 || plan.count == 0 || plan.in_flight == 0)
        tool_die("%s", usage);
    plan.deadline_ns += tool_now_ns();
    return plan;
}

static void
say_and_wait(const char *line)
{
    char answer[64];

    if (puts(line) < 0 || fflush(stdout) != 0 || !fgets(answer, sizeof(answer), stdin))
        exit(1);
}

static int
compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

static void
print_outcome(const struct mode *mode, struct outcome *outcome)
{
    double seconds = (double)(outcome->end_ns - outcome->begin_ns) / 1e9;

    printf("{\"mode\": \"%s\", \"done\": %lu, \"faults\": %lu, \"seconds\": %.6f, "
           "\"megabytes\": %.6f",
           mode->name, outcome->done, outcome->faults, seconds,
           (double)outcome->payload_bytes / 1e6);
    if (outcome->round_trips > 0) {
        size_t count = outcome->round_trips;
        qsort(outcome->round_trip_ns, count, sizeof(*outcome->round_trip_ns), compare);
        printf(", \"p50_us\": %.2f, \"p99_us\": %.2f", outcome->round_trip_ns[count / 2] / 1e3,
               outcome->round_trip_ns[count * 99 / 100] / 1e3);
    }
    if (outcome->faults > 0)
        printf(", \"first_fault\": \"%s\"", outcome->first_fault);
    printf("}\n");
    fflush(stdout);
}

/* Opens the tunnels; dies when one of them does not open, for then nothing can be measured. */
static int *
open_tunnels(const struct plan *plan, const struct requests *requests)
{
    int *fds = tool_alloc(plan->count * sizeof(*fds));
    struct outcome outcome = {0};

    openings_run(plan, requests, fds, &outcome);
    if (outcome.faults > 0)
        tool_die("opening tunnels: %s", outcome.first_fault);
    return fds;
}

int
main(int argc, char **argv)
{
    if (argc < 2)
        tool_die("%s", usage);
    const struct mode *mode = find_mode(argv[1]);
    struct plan plan = make_plan(mode, argc - 1, argv + 1);
    struct outcome outcome = {0};
    int *fds = NULL;

    tool_raise_descriptor_limit();
    tool_exit_on_signals();
    struct requests requests = plan_requests(&plan);
    if (strcmp(mode->name, "latency") == 0)
        outcome.round_trip_ns = tool_alloc(plan.count * plan.messages * sizeof(uint32_t));
    if (mode->keep)
        fds = open_tunnels(&plan, &requests);
    if (mode->waits)
        mode->traffic(&plan, fds, &outcome);
    if (mode->waits || plan.synchronised)
        say_and_wait("ready");
    if (!mode->keep)
        openings_run(&plan, &requests, NULL, &outcome);
    else if (!mode->waits)
        mode->traffic(&plan, fds, &outcome);
    print_outcome(mode, &outcome);
    if (plan.synchronised)
        say_and_wait("");
    return outcome.faults > 0;
}
