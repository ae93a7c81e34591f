/*
 * json_node_fuzz.c - the input as JSON: jansson takes the same texts, and reads the same values.
 */
#include "fuzz.h"

#include "../unit/json_judge.h"
#include "protocol/jose.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *block = fuzz_block(data, size);
    struct str text = {block, size};
    json_t *json = jose_json(text);
    size_t room = json_node_room(text);
    struct json_node *nodes = (void *)fuzz_block(NULL, room * sizeof(*nodes));
    bool read = json_node_read(nodes, room, block, size, JOSE_DEPTH_MAX);

    FUZZ_REQUIRE(read == (json != NULL));
    FUZZ_REQUIRE(!read || json_judge_same(nodes, json));
    json_decref(json);
    free(nodes);
    free(block);
    return 0;
}
