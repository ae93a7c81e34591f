/* accept.c - the parts of the ACCEPT stage, one after the other; see accept.h. */
#include "gateway/accept.h"

typedef enum step accept_part(struct accept *accept, struct request *request, struct side *client);

/* The end of the table is the end of the stage. */
static accept_part *const parts[] = {NULL};

enum step
accept_run(struct accept *accept, struct request *request, struct side *client)
{
    enum step step = STEP_DONE;

    while (step == STEP_DONE && parts[accept->part] != NULL) {
        step = parts[accept->part](accept, request, client);
        if (step == STEP_DONE)
            accept->part++;
    }
    return step;
}
