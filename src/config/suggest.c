/*
 * suggest.c - edit distance (optimal string alignment), for "did you mean".
 *
 * It knows no tables: whoever has candidates shows them one by one.
 *
 * The hard thing is to say nothing rather than nonsense: a suggestion may be as far off
 * as a third of the word, and no further.
 */
#include "config/suggest.h"

enum { STEP = 2, CASE_STEP = 1 };

static unsigned
smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned
step_between(char a, char b)
{
    if (a == b)
        return 0;
    return str_equal_nocase((struct str){&a, 1}, (struct str){&b, 1}) ? CASE_STEP : STEP;
}

unsigned
suggest_distance(struct str a, struct str b)
{
    unsigned rows[3][SUGGEST_LEN_MAX + 1];

    if (a.len > SUGGEST_LEN_MAX || b.len > SUGGEST_LEN_MAX)
        return STEP * (SUGGEST_LEN_MAX + 1);
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = STEP * (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];

        row[0] = STEP * (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            row[j] = smaller(above[j], row[j - 1]) + STEP;
            row[j] = smaller(row[j], above[j - 1] + step_between(a.at[i - 1], b.at[j - 1]));
            if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1])
                row[j] = smaller(row[j], above2[j - 2] + STEP);
        }
    }
    return rows[a.len % 3][b.len];
}

void
suggest_start(struct suggest *suggest, struct str word)
{
    /* A third of the word, but one slip even in the shortest. */
    unsigned reach = STEP * (unsigned)(word.len < 3 ? 1 : (word.len + 1) / 3);

    *suggest = (struct suggest){.word = word, .distance = reach + 1};
}

void
suggest_try(struct suggest *suggest, const char *candidate)
{
    bool same = str_equal_nocase(suggest->word, str_of(candidate));
    unsigned distance = same ? CASE_STEP : suggest_distance(suggest->word, str_of(candidate));

    if (distance < suggest->distance) {
        suggest->best = candidate;
        suggest->distance = distance;
    }
}
