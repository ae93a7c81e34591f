/* step.h - what a stage answers when it is started or told that it can go on. */
#ifndef WSGATE_STEP_H
#define WSGATE_STEP_H

enum step {
    STEP_FAILED = 0, /* the request's answer says why */
    STEP_DONE,       /* the next stage's turn */
    STEP_WAIT,       /* an event, or the stage's done, will tell; a deadline is armed */
};

#endif
