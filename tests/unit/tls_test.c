/*
 * tls_test.c - both ends of a TLS connection over a pair of sockets: which certificate a name
 * gets, tickets and their keys, bytes in pieces, what OpenSSL holds, and every kind of end.
 */
#include "net/side.h"
#include "net/tls.h"
#include "net/tls_tickets.h"
#include "tls_maker.h"
#include "unit.h"

#include <openssl/ssl.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct tls_made made;
static struct tls_files files;
static struct tls_server_settings server_settings;
static struct tls_client_settings client_settings;
static struct tls_server *server;
static struct tls_client *client;
static const struct address nowhere = {.any.sa_family = AF_UNIX};

static void
setup(void)
{
    tls_make(&made, "a.example", "DNS:a.example", false, 100);
    files = tls_made_files(&made);
    server_settings = (struct tls_server_settings){.certificates = &files, .certificate_count = 1};
    client_settings = (struct tls_client_settings){
        .verify = true, .ca_file = files.certificate, .name = "a.example"};
    server = tls_server_new(&server_settings, &tls_no_faults);
    client = tls_client_new(&client_settings, 1, &tls_no_faults);
    ck_assert_ptr_nonnull(server);
    ck_assert_ptr_nonnull(client);
}

static void
teardown(void)
{
    tls_server_free(server);
    tls_client_free(client);
    tls_made_free(&made);
}

/* ---- A connection ---------------------------------------------------------------------- */

struct both {
    struct stream theirs, ours; /* the client's end, the server's */
};

static struct both
sockets(void)
{
    int fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    return (struct both){{fds[0], NULL}, {fds[1], NULL}};
}

static struct both
begin_with(struct tls_client *with)
{
    struct both both = sockets();

    ck_assert(tls_client_begin(with, 0, &nowhere, &both.theirs));
    ck_assert(tls_server_begin(server, &both.ours));
    return both;
}

static struct both
begin(void)
{
    return begin_with(client);
}

static void
shake_hands(struct both *both)
{
    enum stream_status theirs = STREAM_AGAIN, ours = STREAM_AGAIN;

    for (int i = 0; i < 20 && (theirs == STREAM_AGAIN || ours == STREAM_AGAIN); i++) {
        theirs = stream_handshake(&both->theirs);
        ours = stream_handshake(&both->ours);
    }
    ck_assert_int_eq(theirs, STREAM_OK);
    ck_assert_int_eq(ours, STREAM_OK);
}

static struct both
connected(void)
{
    struct both both = begin();

    shake_hands(&both);
    return both;
}

static void
end(struct both *both)
{
    stream_close(&both->theirs);
    stream_close(&both->ours);
}

static void
write_all(struct stream *stream, const char *data, size_t bytes)
{
    struct stream_result result = stream_write(stream, data, bytes, false);

    ck_assert_int_eq(result.status, STREAM_OK);
    ck_assert_uint_eq(result.n, bytes);
}

static void
expect_bytes(struct stream *stream, const char *text)
{
    char buffer[65536];
    struct stream_result result = stream_read(stream, buffer, sizeof(buffer));

    ck_assert_int_eq(result.status, STREAM_OK);
    ck_assert_uint_eq(result.n, strlen(text));
    ck_assert_mem_eq(buffer, text, result.n);
}

static enum stream_status
read_status(struct stream *stream)
{
    char buffer[100];

    return stream_read(stream, buffer, sizeof(buffer)).status;
}

/* ---- Bytes -------------------------------------------------------------------------------- */

START_TEST(bytes_both_ways)
{
    struct both both = connected();

    ck_assert_int_eq(read_status(&both.ours), STREAM_AGAIN);
    write_all(&both.theirs, "hello", 5);
    expect_bytes(&both.ours, "hello");
    write_all(&both.ours, "world", 5);
    expect_bytes(&both.theirs, "world");
    ck_assert(!stream_pending(&both.ours));
    end(&both);
}
END_TEST

/* Nothing is read or written before the handshake is done. */
START_TEST(not_before_the_handshake)
{
    struct both both = begin();

    ck_assert(!stream_is_up(&both.ours));
    ck_assert_int_eq(stream_write(&both.ours, "x", 1, false).status, STREAM_ERROR);
    ck_assert_int_eq(read_status(&both.ours), STREAM_ERROR);
    shake_hands(&both);
    ck_assert(stream_is_up(&both.ours));
    end(&both);
}
END_TEST

/* Many small records in one read of the kernel: told of as pending until all are taken. */
START_TEST(what_openssl_holds_is_pending)
{
    struct both both = connected();
    char buffer[10];
    size_t got = 0;

    for (int i = 0; i < 100; i++)
        write_all(&both.theirs, "0123456789", 10);
    do {
        struct stream_result result = stream_read(&both.ours, buffer, 7);
        ck_assert_int_eq(result.status, STREAM_OK);
        got += result.n;
        ck_assert(got == 1000 || stream_pending(&both.ours));
    } while (got < 1000);
    ck_assert(!stream_pending(&both.ours));
    ck_assert_int_eq(read_status(&both.ours), STREAM_AGAIN);
    end(&both);
}
END_TEST

/* While something is pending nothing is taken from the kernel, so that it comes to an end. */
START_TEST(pending_bytes_come_to_an_end)
{
    struct both both = connected();
    char buffer[100], data[16384] = {0};
    int reads = 0;

    write_all(&both.theirs, data, sizeof(data));
    ck_assert_int_eq(stream_read(&both.ours, buffer, sizeof(buffer)).status, STREAM_OK);
    while (stream_pending(&both.ours)) {
        if (reads++ < 100) /* the peer goes on */
            ck_assert_int_ne(stream_write(&both.theirs, data, 1000, false).status, STREAM_ERROR);
        ck_assert_int_ne(stream_read(&both.ours, buffer, sizeof(buffer)).status, STREAM_ERROR);
    }
    ck_assert_int_le(reads, 200);
    end(&both);
}
END_TEST

/* All that the peer sends, one byte at a time. */
START_TEST(split_at_every_byte)
{
    struct both left = begin(), right = sockets();
    char buffer[65536];
    enum stream_status status = STREAM_AGAIN;

    /* left.ours is replaced: what comes from theirs goes byte by byte into a socket of its own. */
    struct stream raw = {dup(left.ours.fd), NULL}, slow = right.theirs;
    stream_close(&left.ours);
    ck_assert(tls_server_begin(server, &right.ours));
    for (int i = 0; i < 100000 && status == STREAM_AGAIN; i++) {
        (void)!stream_handshake(&left.theirs);
        ssize_t n = recv(raw.fd, buffer, 1, 0);
        if (n == 1)
            ck_assert_int_eq(send(slow.fd, buffer, 1, 0), 1);
        status = stream_handshake(&right.ours);
        n = recv(slow.fd, buffer, sizeof(buffer), 0);
        if (n > 0)
            ck_assert_int_eq(send(raw.fd, buffer, (size_t)n, 0), n);
    }
    ck_assert_int_eq(status, STREAM_OK);
    write_all(&left.theirs, "a whole message", 15);
    size_t got = 0;
    while (recv(raw.fd, buffer, 1, 0) == 1) {
        ck_assert_int_eq(send(slow.fd, buffer, 1, 0), 1);
        struct stream_result result = stream_read(&right.ours, buffer, sizeof(buffer));
        ck_assert_int_ne(result.status, STREAM_ERROR);
        got += result.n;
    }
    ck_assert_uint_eq(got, 15);
    stream_close(&left.theirs);
    stream_close(&raw);
    stream_close(&slow);
    stream_close(&right.ours);
}
END_TEST

/* A full socket: what was not taken is written again from there, as an outbox does. */
START_TEST(short_writes)
{
    struct both both = connected();
    size_t bytes = 4 << 20, sent = 0, got = 0;
    char *data = malloc(bytes), *back = malloc(bytes);

    for (size_t i = 0; i < bytes; i++)
        data[i] = (char)(i * 7 + i / 256);
    while (got < bytes) {
        size_t chunk = bytes - sent < 65536 ? bytes - sent : 65536;
        struct stream_result result = {STREAM_AGAIN, 0};
        if (chunk > 0)
            result = stream_write(&both.theirs, data + sent, chunk, false);
        ck_assert_int_ne(result.status, STREAM_ERROR);
        sent += result.n;
        if (result.n < chunk || chunk == 0) {
            result = stream_read(&both.ours, back + got, bytes - got);
            ck_assert_int_ne(result.status, STREAM_ERROR);
            got += result.n;
        }
    }
    ck_assert_mem_eq(data, back, bytes);
    free(data);
    free(back);
    end(&both);
}
END_TEST

/* ---- Ends ----------------------------------------------------------------------------------- */

START_TEST(goodbye_is_an_end)
{
    struct both both = connected();

    write_all(&both.theirs, "last", 4);
    ck_assert_int_eq(stream_shutdown(&both.theirs), STREAM_OK);
    expect_bytes(&both.ours, "last");
    ck_assert(stream_pending(&both.ours)); /* the end, which the kernel may not tell of */
    ck_assert_int_eq(read_status(&both.ours), STREAM_END);
    ck_assert_int_eq(read_status(&both.ours), STREAM_END);
    write_all(&both.ours, "the other way", 13);
    expect_bytes(&both.theirs, "the other way");
    ck_assert_int_eq(stream_write(&both.theirs, "x", 1, false).status, STREAM_ERROR);
    end(&both);
}
END_TEST

START_TEST(fin_alone_is_a_cut)
{
    struct both both = connected();

    write_all(&both.theirs, "last", 4);
    ck_assert_int_eq(shutdown(both.theirs.fd, SHUT_WR), 0);
    expect_bytes(&both.ours, "last");
    ck_assert_int_eq(read_status(&both.ours), STREAM_CUT);
    ck_assert_int_eq(read_status(&both.ours), STREAM_CUT);
    write_all(&both.ours, "the other way", 13); /* goes on */
    expect_bytes(&both.theirs, "the other way");
    end(&both);
}
END_TEST

START_TEST(garbage_is_an_error)
{
    struct both both = connected();

    ck_assert_int_eq(
        send(both.theirs.fd, "\x17\x03\x03\x00\x20 not encrypted at all, not at all ", 37, 0), 37);
    errno = 0;
    ck_assert_int_eq(read_status(&both.ours), STREAM_ERROR);
    ck_assert_int_eq(errno, EPROTO);
    ck_assert_str_eq(stream_fault(&both.ours), "decryption failed or bad record mac");
    ck_assert_int_eq(stream_write(&both.ours, "x", 1, false).status, STREAM_ERROR);
    end(&both);
}
END_TEST

/* What the peer had sent can still be read where a write to it fails. */
START_TEST(a_failed_write_leaves_reading)
{
    struct both both = connected();

    write_all(&both.theirs, "last", 4);
    stream_close(&both.theirs);
    ck_assert_int_eq(stream_write(&both.ours, "x", 1, false).status, STREAM_ERROR);
    ck_assert_int_eq(errno, EPIPE);
    expect_bytes(&both.ours, "last");
    ck_assert_int_eq(read_status(&both.ours), STREAM_END);
    end(&both);
}
END_TEST

START_TEST(a_key_update_is_no_data)
{
    struct both both = connected();

    ck_assert_int_eq(SSL_key_update(tls_ssl(both.theirs.tls), SSL_KEY_UPDATE_REQUESTED), 1);
    write_all(&both.theirs, "one", 3);
    expect_bytes(&both.ours, "one");
    write_all(&both.ours, "two", 3);
    expect_bytes(&both.theirs, "two");
    write_all(&both.theirs, "three", 5);
    expect_bytes(&both.ours, "three");
    end(&both);
}
END_TEST

START_TEST(gone_without_a_byte)
{
    struct both both = sockets();

    ck_assert(tls_server_begin(server, &both.ours));
    stream_close(&both.theirs);
    ck_assert_int_eq(stream_handshake(&both.ours), STREAM_END);
    stream_close(&both.ours);
}
END_TEST

START_TEST(plain_http)
{
    struct both both = sockets();

    ck_assert(tls_server_begin(server, &both.ours));
    ck_assert_int_eq(send(both.theirs.fd, "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
    ck_assert_int_eq(stream_handshake(&both.ours), STREAM_ERROR);
    ck_assert_str_eq(stream_fault(&both.ours), "http request");
    ck_assert_int_eq(stream_handshake(&both.ours), STREAM_ERROR);
    end(&both);
}
END_TEST

/* ---- A side in a loop ----------------------------------------------------------------------- */

static struct side side;
static char loop_got[4096];
static size_t loop_len;

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    struct stream_result result = side_read(&side, loop_got + loop_len, 3);

    if (result.status == STREAM_OK)
        loop_len += result.n;
}

/* The kernel has nothing any more; the loop hears of all of it. */
START_TEST(a_loop_hears_of_pending_bytes)
{
    struct event_base *base = event_base_new();
    struct both both = connected();
    struct event read;

    loop_len = 0;
    side_init(&side, &read, base, on_ready, NULL);
    side_open(&side, both.ours);
    ck_assert(side_read_on(&side));
    for (int i = 0; i < 50; i++)
        write_all(&both.theirs, "0123456789", 10);
    for (int i = 0; i < 500 && loop_len < 500; i++)
        event_base_loop(base, EVLOOP_NONBLOCK);
    ck_assert_uint_eq(loop_len, 500);
    side_read_off(&side);
    write_all(&both.theirs, "0123456789", 10);
    event_base_loop(base, EVLOOP_NONBLOCK);
    ck_assert_uint_eq(loop_len, 500);
    ck_assert(side_read_on(&side));
    for (int i = 0; i < 20; i++)
        event_base_loop(base, EVLOOP_NONBLOCK);
    ck_assert_uint_eq(loop_len, 510);
    side_close(&side);
    stream_close(&both.theirs);
    event_base_free(base);
}
END_TEST

/* ---- Names ------------------------------------------------------------------------------------
 */

static const struct {
    const char *asked, *got;
} names[] = {
    {"a.example", "ec"},      {"A.Example.", "ec"},
    {"x.b.example", "wild"},  {"b.example", "ec"},
    {"x.y.b.example", "ec"},  {"exact.b.example", "exact"},
    {"old.example", "named"}, {"*.b.example", "ec"},
    {"unknown", "ec"},        {"x.", "ec"},
    {".b.example", "ec"},
};

static void
common_name(const struct stream *stream, char *name, int bytes)
{
    X509 *peer = SSL_get0_peer_certificate(tls_ssl(stream->tls));

    X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, name, bytes);
}

START_TEST(certificates_by_name)
{
    struct tls_made all[5];
    struct tls_files five[5];
    char name[64];

    tls_make(&all[0], "ec", "DNS:a.example", false, 100);
    tls_make(&all[1], "rsa", "DNS:a.example", true, 100);
    tls_make(&all[2], "wild", "DNS:*.B.example", false, 100);
    tls_make(&all[3], "exact", "DNS:exact.b.example,DNS:a.example", false, 100);
    tls_make(&all[4], "old.example", NULL, false, -30);
    for (int i = 0; i < 5; i++)
        five[i] = tls_made_files(&all[i]);
    server_settings = (struct tls_server_settings){.certificates = five, .certificate_count = 5};
    struct tls_server *several = tls_server_new(&server_settings, &tls_no_faults), *one = server;

    ck_assert_ptr_nonnull(several);
    server = several;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        client_settings = (struct tls_client_settings){.name = "a.example"};
        struct both both = begin();
        SSL *ssl = tls_ssl(both.theirs.tls);
        SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
        ck_assert_int_eq(SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                                  (void *)(uintptr_t)names[i].asked),
                         1);
        shake_hands(&both);
        common_name(&both.theirs, name, sizeof(name));
        ck_assert_str_eq(name, strcmp(names[i].got, "named") == 0 ? "old.example" : names[i].got);
        end(&both);
    }
    server = one;
    tls_server_free(several);
    for (int i = 0; i < 5; i++)
        tls_made_free(&all[i]);
}
END_TEST

/* ---- Tickets ------------------------------------------------------------------------------------
 */

static bool
resumes(struct tls_client *with)
{
    struct both both = begin_with(with);
    char buffer[10];

    shake_hands(&both);
    bool reused = SSL_session_reused(tls_ssl(both.theirs.tls)) == 1;

    write_all(&both.ours, "x", 1); /* behind the ticket */
    ck_assert_int_eq(stream_read(&both.theirs, buffer, 10).status, STREAM_OK);
    end(&both);
    return reused;
}

START_TEST(sessions_are_resumed)
{
    ck_assert(!resumes(client));
    for (int i = 0; i < 3; i++)
        ck_assert(resumes(client));
}
END_TEST

/* A new server that inherits nothing does not know them; one that does goes on. */
START_TEST(tickets_are_inherited)
{
    struct tls_server *first = server;

    ck_assert(!resumes(client));
    server = tls_server_new(&server_settings, &tls_no_faults);
    tls_server_inherit(server, first);
    tls_server_free(first);
    ck_assert(resumes(client));
    first = server;
    server = tls_server_new(&server_settings, &tls_no_faults);
    tls_server_free(first);
    ck_assert(!resumes(client));
}
END_TEST

struct sealed {
    unsigned char name[16], iv[16];
};

static int
seal(struct tls_tickets *tickets, struct sealed *sealed)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);
    int result = tls_tickets_seal(tickets, sealed->name, sealed->iv, cipher, mac);

    EVP_MAC_CTX_free(mac);
    EVP_MAC_free(hmac);
    EVP_CIPHER_CTX_free(cipher);
    return result;
}

static int
open_sealed(struct tls_tickets *tickets, const struct sealed *sealed)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);
    int result = tls_tickets_open(tickets, sealed->name, sealed->iv, cipher, mac);

    EVP_MAC_CTX_free(mac);
    EVP_MAC_free(hmac);
    EVP_CIPHER_CTX_free(cipher);
    return result;
}

/* The next key seals, the one before still opens, and asks for a new ticket; then it is gone. */
START_TEST(keys_are_replaced)
{
    struct tls_tickets *tickets = tls_tickets_random();
    struct sealed first, second;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t start_s = (uint64_t)now.tv_sec;

    ck_assert_int_eq(seal(tickets, &first), 1);
    ck_assert_int_eq(open_sealed(tickets, &first), 1);
    tls_tickets_rotate(tickets, start_s + TLS_TICKET_LIFE_S - 10);
    ck_assert_int_eq(open_sealed(tickets, &first), 1);
    tls_tickets_rotate(tickets, start_s + TLS_TICKET_LIFE_S + 1);
    ck_assert_int_eq(open_sealed(tickets, &first), 2);
    ck_assert_int_eq(seal(tickets, &second), 1);
    ck_assert_mem_ne(first.name, second.name, 16);
    ck_assert_int_eq(open_sealed(tickets, &second), 1);
    tls_tickets_drop(tickets);
}
END_TEST

START_TEST(keys_nobody_asked_for_are_forgotten)
{
    struct tls_tickets *tickets = tls_tickets_random();
    struct sealed first;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    ck_assert_int_eq(seal(tickets, &first), 1);
    tls_tickets_rotate(tickets, (uint64_t)now.tv_sec + 2 * TLS_TICKET_LIFE_S + 1);
    ck_assert_int_eq(open_sealed(tickets, &first), 0);
    tls_tickets_drop(tickets);
}
END_TEST

static void *
seal_and_open(void *arg)
{
    struct sealed sealed;

    for (int i = 0; i < 500; i++) {
        ck_assert_int_eq(seal(arg, &sealed), 1);
        ck_assert_int_ge(open_sealed(arg, &sealed), 0);
    }
    return NULL;
}

START_TEST(threads_share_keys)
{
    struct tls_tickets *tickets = tls_tickets_random();
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, seal_and_open, tickets), 0);
    for (uint64_t i = 1; i <= 20; i++)
        tls_tickets_rotate(tickets, i * 10 * TLS_TICKET_LIFE_S);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    tls_tickets_drop(tickets);
}
END_TEST

/* ---- Renewal
 * ------------------------------------------------------------------------------------- */

static void
count_fault(void *arg, size_t item, const char *word, const char *text)
{
    (void)item, (void)word, (void)text;
    ++*(int *)arg;
}

START_TEST(files_are_read_again)
{
    int faults = 0;
    const struct tls_reporter counting = {count_fault, &faults};
    struct both before = connected();
    struct tls_made other;
    char name[64];

    ck_assert_int_eq(tls_server_renew(server, &counting), TLS_RENEWAL_NONE);
    tls_make(&other, "other", "DNS:a.example", false, 100);
    ck_assert_int_eq(rename(other.certificate, made.certificate), 0);
    ck_assert_int_eq(tls_server_renew(server, &counting), TLS_RENEWAL_NONE); /* first seen */
    ck_assert_int_eq(tls_server_renew(server, &counting), TLS_RENEWAL_FAILED);
    ck_assert_int_eq(faults, 1); /* the key is another one's */
    ck_assert_int_eq(tls_server_renew(server, &counting), TLS_RENEWAL_NONE);
    ck_assert_int_eq(rename(other.key, made.key), 0);
    ck_assert_int_eq(tls_server_renew(server, &counting), TLS_RENEWAL_NONE);
    ck_assert_int_eq(tls_server_renew(server, &counting), TLS_RENEWAL_DONE);
    struct both after = begin();
    SSL_set_verify(tls_ssl(after.theirs.tls), SSL_VERIFY_NONE, NULL);
    shake_hands(&after);
    common_name(&after.theirs, name, sizeof(name));
    ck_assert_str_eq(name, "other");
    write_all(&before.theirs, "goes on", 7);
    expect_bytes(&before.ours, "goes on");
    end(&before);
    end(&after);
}
END_TEST

Suite *
tls_suite(void)
{
    Suite *suite = suite_create("tls");
    TCase *tc = tcase_create("tls");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, bytes_both_ways);
    tcase_add_test(tc, not_before_the_handshake);
    tcase_add_test(tc, what_openssl_holds_is_pending);
    tcase_add_test(tc, pending_bytes_come_to_an_end);
    tcase_add_test(tc, split_at_every_byte);
    tcase_add_test(tc, short_writes);
    tcase_add_test(tc, goodbye_is_an_end);
    tcase_add_test(tc, fin_alone_is_a_cut);
    tcase_add_test(tc, garbage_is_an_error);
    tcase_add_test(tc, a_failed_write_leaves_reading);
    tcase_add_test(tc, a_key_update_is_no_data);
    tcase_add_test(tc, gone_without_a_byte);
    tcase_add_test(tc, plain_http);
    tcase_add_test(tc, a_loop_hears_of_pending_bytes);
    tcase_add_test(tc, certificates_by_name);
    tcase_add_test(tc, sessions_are_resumed);
    tcase_add_test(tc, tickets_are_inherited);
    tcase_add_test(tc, keys_are_replaced);
    tcase_add_test(tc, keys_nobody_asked_for_are_forgotten);
    tcase_add_test(tc, threads_share_keys);
    tcase_add_test(tc, files_are_read_again);
    suite_add_tcase(suite, tc);
    return suite;
}
