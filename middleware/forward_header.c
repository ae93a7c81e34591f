/* forward_header.c - see forward_header.h. */
#include "forward_header.h"

#include "protocol/http_head.h"

static bool
is_for_one_hop(const struct mw_host *host, const struct mw_request *request, const char *name)
{
    struct mw_str field;
    struct str element;

    for (size_t i = 0; field = host->header(request, "Connection", i), field.at; i++)
        for (struct str rest = {field.at, field.len}; http_list_next(&rest, &element);)
            if (str_equal_nocase(element, str_of(name)))
                return true;
    return false;
}

void
forward_header_find(struct forward_header *header, const struct mw_host *host,
                    const struct mw_request *request, const char *name)
{
    *header = (struct forward_header){.host = host, .request = request, .name = name};
    header->is_the_clients =
        !host->own_header(request, name, &header->said) && !is_for_one_hop(host, request, name);
}

struct mw_str
forward_header_value(const struct forward_header *header, size_t i)
{
    if (header->is_the_clients)
        return header->host->header(header->request, header->name, i);
    return i == 0 ? header->said : (struct mw_str){NULL, 0};
}
