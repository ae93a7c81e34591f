/* http_trust.c - see http_trust.h. */
#include "net/http_trust.h"

#include "base/clock.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <errno.h>
#include <string.h>

static void
look(struct http_trust *trust, const char *file)
{
    struct file_state now = file_state_of(file);

    if (trust->seen && file_state_equal(&trust->file, &now))
        return;
    trust->changed = trust->changed || trust->seen;
    trust->changed_us = clock_monotonic_us();
    trust->file = now;
    trust->seen = true;
}

/* The greatest age, in seconds, that excludes what was read before the change: 0 for the first
 * second, when nothing is kept. -1: any age. */
static long
age_max_s(const struct http_trust *trust)
{
    return trust->changed ? (long)((clock_monotonic_us() - trust->changed_us) / 1000000) : -1;
}

/*
 * One bundle alone, never the system's directory of certificates too: it would count beside a
 * file of one's own, and where it is set libcurl reads the bundle for every connection, which takes
 * tens of milliseconds.
 */
bool
http_trust_set(struct http_trust *trust, CURL *easy, const char *file)
{
    const char *bundle = file != NULL ? file : curl_version_info(CURLVERSION_NOW)->cainfo;

    if (bundle == NULL)
        return true; /* the directory is all there is */
    look(trust, bundle);
    return (file == NULL || curl_easy_setopt(easy, CURLOPT_CAINFO, file) == CURLE_OK) &&
           curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, age_max_s(trust)) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK;
}

bool
http_trust_check(const char *file, const char **error)
{
    BIO *bio = BIO_new_file(file, "r");
    size_t count = 0;

    *error = bio != NULL ? "expected certificates in PEM" : "cannot be read";
    for (X509 *one; bio != NULL && (one = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) != NULL;) {
        X509_free(one);
        count++;
    }
    bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    (void)BIO_free(bio);
    return count > 0 && ended;
}
