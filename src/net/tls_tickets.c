/* tls_tickets.c - see tls_tickets.h. */
#include "net/tls_tickets.h"

#include "base/clock.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_BYTES = 16, FILE_SHORT = 48, FILE_LONG = 80 };

struct ticket_key {
    unsigned char name[NAME_BYTES];
    unsigned char aes[32], mac[32];
    size_t bytes; /* of aes and of mac: 16 or 32; 0: there is no such key */
};

struct tls_tickets {
    atomic_uint references;
    pthread_mutex_t lock;
    bool fixed; /* from files */
    uint64_t made_s;
    struct ticket_key keys[TLS_TICKET_KEYS_MAX]; /* the first seals */
};

static struct tls_tickets *
tickets_new(void)
{
    struct tls_tickets *tickets = calloc(1, sizeof(*tickets));

    if (tickets == NULL)
        return NULL;
    atomic_init(&tickets->references, 1);
    pthread_mutex_init(&tickets->lock, NULL);
    return tickets;
}

struct tls_tickets *
tls_tickets_hold(struct tls_tickets *tickets)
{
    atomic_fetch_add(&tickets->references, 1);
    return tickets;
}

void
tls_tickets_drop(struct tls_tickets *tickets)
{
    if (tickets == NULL || atomic_fetch_sub(&tickets->references, 1) != 1)
        return;
    pthread_mutex_destroy(&tickets->lock);
    OPENSSL_cleanse(tickets->keys, sizeof(tickets->keys));
    free(tickets);
}

/* ---- Random keys ------------------------------------------------------------------- */

static bool
key_make(struct ticket_key *key)
{
    key->bytes = sizeof(key->aes);
    return RAND_bytes(key->name, sizeof(key->name)) == 1 &&
           RAND_priv_bytes(key->aes, sizeof(key->aes)) == 1 &&
           RAND_priv_bytes(key->mac, sizeof(key->mac)) == 1;
}

struct tls_tickets *
tls_tickets_random(void)
{
    struct tls_tickets *tickets = tickets_new();

    if (tickets == NULL)
        return NULL;
    tickets->made_s = clock_monotonic_us() / 1000000;
    if (key_make(&tickets->keys[0]))
        return tickets;
    tls_tickets_drop(tickets);
    return NULL;
}

/* Under the lock. Two keys are enough: a ticket's life is as long as a key's. Without random bytes
 * the old ones stay. */
static void
rotate(struct tls_tickets *tickets, uint64_t now_s)
{
    uint64_t due_s = tickets->made_s + TLS_TICKET_LIFE_S;
    struct ticket_key fresh;

    if (tickets->fixed || now_s < due_s || !key_make(&fresh))
        return;
    if (now_s < due_s + TLS_TICKET_LIFE_S)
        tickets->keys[1] = tickets->keys[0];
    else
        tickets->keys[1].bytes = 0; /* nobody came for so long: all it sealed has expired */
    tickets->keys[0] = fresh;
    tickets->made_s = now_s;
    OPENSSL_cleanse(&fresh, sizeof(fresh));
}

void
tls_tickets_rotate(struct tls_tickets *tickets, uint64_t now_s)
{
    pthread_mutex_lock(&tickets->lock);
    rotate(tickets, now_s);
    pthread_mutex_unlock(&tickets->lock);
}

/* ---- Keys from files ------------------------------------------------------------------ */

/* -1: errno. More than FILE_LONG: too long. */
static ssize_t
read_file(const char *path, unsigned char bytes[FILE_LONG + 1])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got;

    if (fd == -1)
        return -1;
    do
        got = read(fd, bytes, FILE_LONG + 1);
    while (got == -1 && errno == EINTR);
    (void)close(fd);
    return got;
}

static bool
key_load(struct ticket_key *key, const char *path, const struct tls_reporter *reporter)
{
    unsigned char bytes[FILE_LONG + 1];
    ssize_t got = read_file(path, bytes);

    memcpy(key->name, bytes, NAME_BYTES);
    if (got == FILE_LONG) {
        key->bytes = 32;
        memcpy(key->mac, bytes + NAME_BYTES, 32);
        memcpy(key->aes, bytes + NAME_BYTES + 32, 32);
    } else if (got == FILE_SHORT) {
        key->bytes = 16;
        memcpy(key->aes, bytes + NAME_BYTES, 16);
        memcpy(key->mac, bytes + NAME_BYTES + 16, 16);
    } else if (got == -1) {
        tls_report(reporter, TLS_NO_ITEM, "ticket_key_files", "%s: %s", path, strerror(errno));
    } else {
        tls_report(reporter, TLS_NO_ITEM, "ticket_key_files", "%s: expected 48 or 80 random bytes",
                   path);
    }
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return key->bytes != 0;
}

struct tls_tickets *
tls_tickets_load(const char *const *files, size_t count, const struct tls_reporter *reporter)
{
    struct tls_tickets *tickets = tickets_new();
    bool good = tickets != NULL && count <= TLS_TICKET_KEYS_MAX;

    if (!good)
        tls_report(reporter, TLS_NO_ITEM, "ticket_key_files", "expected at most %d",
                   TLS_TICKET_KEYS_MAX);
    for (size_t i = 0; good && i < count; i++)
        good = key_load(&tickets->keys[i], files[i], reporter);
    if (good) {
        tickets->fixed = true;
        return tickets;
    }
    tls_tickets_drop(tickets);
    return NULL;
}

/* ---- Sealing and opening ----------------------------------------------------------------- */

static bool
set_mac(EVP_MAC_CTX *mac, struct ticket_key *key)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, key->bytes),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static const EVP_CIPHER *
cipher_of(const struct ticket_key *key)
{
    return key->bytes == 32 ? EVP_aes_256_cbc() : EVP_aes_128_cbc();
}

int
tls_tickets_seal(struct tls_tickets *tickets, unsigned char name[16], unsigned char *iv,
                 EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    struct ticket_key key;

    pthread_mutex_lock(&tickets->lock);
    rotate(tickets, clock_monotonic_us() / 1000000);
    key = tickets->keys[0];
    pthread_mutex_unlock(&tickets->lock);
    memcpy(name, key.name, NAME_BYTES);
    bool good = RAND_bytes(iv, 16) == 1 &&
                EVP_EncryptInit_ex2(cipher, cipher_of(&key), key.aes, iv, NULL) == 1 &&
                set_mac(mac, &key);
    OPENSSL_cleanse(&key, sizeof(key));
    return good ? 1 : -1;
}

/* 1: the one that seals; 2: another one, so that the client should have a new ticket; 0: none. */
static int
find(const struct tls_tickets *tickets, const unsigned char name[16], struct ticket_key *key)
{
    for (size_t i = 0; i < TLS_TICKET_KEYS_MAX; i++)
        if (tickets->keys[i].bytes > 0 && memcmp(tickets->keys[i].name, name, NAME_BYTES) == 0) {
            *key = tickets->keys[i];
            return i == 0 ? 1 : 2;
        }
    return 0;
}

int
tls_tickets_open(struct tls_tickets *tickets, const unsigned char name[16], const unsigned char *iv,
                 EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    struct ticket_key key = {.bytes = 0};

    pthread_mutex_lock(&tickets->lock);
    rotate(tickets, clock_monotonic_us() / 1000000);
    int found = find(tickets, name, &key);
    pthread_mutex_unlock(&tickets->lock);
    if (found != 0 && (EVP_DecryptInit_ex2(cipher, cipher_of(&key), key.aes, iv, NULL) != 1 ||
                       !set_mac(mac, &key)))
        found = -1;
    OPENSSL_cleanse(&key, sizeof(key));
    return found;
}
