/*
 * tokens.c - makes keys, and tokens by the thousand, on OpenSSL alone, so that
 * a measurement does not stand on the code that it measures.
 *
 *     tokens keys DIRECTORY
 *         hs256.secret, rs256.pem, rs256.pub.pem, es256.pem, es256.pub.pem
 *     tokens make -d DIRECTORY -a ALGORITHM [-n COUNT] [-f FIRST] [-k KIND]
 *         one compact JWS a line, each with an identifier of its own
 *         (FIRST, FIRST + 1, ...), the payload about 230 bytes long
 *
 * Kinds: good, signature (a bit of it is turned), expired, issuer, audience,
 * and algorithm (signed by HS512, which no adapter allows).
 */
#include "tool.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECRET_CHARS 64
#define SIGNATURE_MAX 512
#define TEXT_MAX 2048
#define ES256_HALF 32

struct signer {
    const char *algorithm;
    const EVP_MD *digest;
    EVP_PKEY *key; /* NULL for HS* */
    char secret[SECRET_CHARS];
};

struct kind {
    const char *name;
    const char *issuer, *audience;
    long lifetime_s;
    bool breaks_signature;
    bool other_algorithm;
};

static const struct kind kinds[] = {
    {"good", "https://id.example.com", "chat", 86400, false, false},
    {"signature", "https://id.example.com", "chat", 86400, true, false},
    {"expired", "https://id.example.com", "chat", -3600, false, false},
    {"issuer", "https://id.example.net", "chat", 86400, false, false},
    {"audience", "https://id.example.com", "mail", 86400, false, false},
    {"algorithm", "https://id.example.com", "chat", 86400, false, true},
};

static const char usage[] = "usage: tokens keys DIRECTORY\n"
                            "       tokens make -d DIRECTORY -a HS256|RS256|ES256 [-n COUNT] "
                            "[-f FIRST]\n                   "
                            "[-k good|signature|expired|issuer|audience|algorithm]";

static FILE *
open_in(const char *directory, const char *name, const char *how)
{
    char path[1024];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, how);
    if (!file)
        tool_die("%s", path);
    return file;
}

static void
write_pair(const char *directory, const char *name, EVP_PKEY *key)
{
    char file_name[64];

    if (!key)
        tool_die("no %s key was made", name);
    snprintf(file_name, sizeof(file_name), "%s.pem", name);
    FILE *file = open_in(directory, file_name, "w");
    if (PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) != 1 || fclose(file) != 0)
        tool_die("%s", file_name);
    snprintf(file_name, sizeof(file_name), "%s.pub.pem", name);
    file = open_in(directory, file_name, "w");
    if (PEM_write_PUBKEY(file, key) != 1 || fclose(file) != 0)
        tool_die("%s", file_name);
    EVP_PKEY_free(key);
}

static void
make_keys(const char *directory)
{
    unsigned char random[SECRET_CHARS / 2];
    FILE *file = open_in(directory, "hs256.secret", "w");

    if (RAND_bytes(random, sizeof(random)) != 1)
        tool_die("no random bytes");
    for (size_t i = 0; i < sizeof(random); i++)
        fprintf(file, "%02x", random[i]);
    if (fclose(file) != 0)
        tool_die("hs256.secret");
    write_pair(directory, "rs256", EVP_RSA_gen(2048));
    write_pair(directory, "es256", EVP_EC_gen("P-256"));
}

static EVP_PKEY *
read_key(const char *directory, const char *name)
{
    FILE *file = open_in(directory, name, "r");
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);

    if (!key)
        tool_die("%s/%s: no private key", directory, name);
    fclose(file);
    return key;
}

static void
read_secret(const char *directory, char secret[SECRET_CHARS])
{
    FILE *file = open_in(directory, "hs256.secret", "r");

    if (fread(secret, 1, SECRET_CHARS, file) != SECRET_CHARS)
        tool_die("%s/hs256.secret: too short", directory);
    fclose(file);
}

static struct signer
make_signer(const char *directory, const char *algorithm, bool other_algorithm)
{
    struct signer signer = {.algorithm = algorithm, .digest = EVP_sha256()};

    if (other_algorithm) {
        signer.algorithm = "HS512";
        signer.digest = EVP_sha512();
        read_secret(directory, signer.secret);
    } else if (strcmp(algorithm, "HS256") == 0) {
        read_secret(directory, signer.secret);
    } else if (strcmp(algorithm, "RS256") == 0) {
        signer.key = read_key(directory, "rs256.pem");
    } else if (strcmp(algorithm, "ES256") == 0) {
        signer.key = read_key(directory, "es256.pem");
    } else {
        tool_die("%s: no such algorithm", algorithm);
    }
    return signer;
}

/* base64url without padding; the number of characters. */
static size_t
encode(char *to, const void *bytes, size_t len)
{
    size_t chars = (size_t)EVP_EncodeBlock((unsigned char *)to, bytes, (int)len);

    for (size_t i = 0; i < chars; i++)
        to[i] = to[i] == '+' ? '-' : to[i] == '/' ? '_' : to[i];
    while (chars > 0 && to[chars - 1] == '=')
        chars--;
    to[chars] = '\0';
    return chars;
}

/* r and s, 32 bytes each, from OpenSSL's DER (RFC 7518 3.4). */
static size_t
raw_from_der(unsigned char *signature, size_t len)
{
    const unsigned char *at = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)len);

    if (!pair || BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, ES256_HALF) < 0 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + ES256_HALF, ES256_HALF) < 0)
        tool_die("ES256");
    ECDSA_SIG_free(pair);
    return (size_t)2 * ES256_HALF;
}

static size_t
sign(const struct signer *signer, const char *text, size_t len, unsigned char *signature)
{
    size_t signature_len = SIGNATURE_MAX;

    if (!signer->key) {
        unsigned int mac_len = 0;
        if (!HMAC(signer->digest, signer->secret, SECRET_CHARS, (const unsigned char *)text, len,
                  signature, &mac_len))
            tool_die("HMAC");
        return mac_len;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestSignInit(context, NULL, signer->digest, NULL, signer->key) != 1 ||
        EVP_DigestSign(context, signature, &signature_len, (const unsigned char *)text, len) != 1)
        tool_die("signing");
    EVP_MD_CTX_free(context);
    if (EVP_PKEY_get_base_id(signer->key) == EVP_PKEY_EC)
        return raw_from_der(signature, signature_len);
    return signature_len;
}

static void
print_token(const struct signer *signer, const struct kind *kind, unsigned long number)
{
    char header[128], payload[512], text[TEXT_MAX];
    unsigned char signature[SIGNATURE_MAX];
    char encoded[SIGNATURE_MAX * 2];
    long now = (long)time(NULL);

    int header_len = snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"typ\":\"JWT\"}",
                              signer->algorithm);
    int payload_len = snprintf(
        payload, sizeof(payload),
        "{\"iss\":\"%s\",\"aud\":\"%s\",\"sub\":\"user-%08lu\",\"exp\":%ld,\"nbf\":%ld,"
        "\"iat\":%ld,\"jti\":\"5f0c7a52-93b1-4e6d-8a27-%012lu\","
        "\"scope\":\"chat:connect chat:send\"}",
        kind->issuer, kind->audience, number, now + kind->lifetime_s, now - 7200, now - 7200,
        number);
    size_t len = encode(text, header, (size_t)header_len);
    text[len++] = '.';
    len += encode(text + len, payload, (size_t)payload_len);
    size_t signature_len = sign(signer, text, len, signature);
    if (kind->breaks_signature)
        signature[signature_len / 2] ^= 1;
    encode(encoded, signature, signature_len);
    printf("%s.%s\n", text, encoded);
}

static const struct kind *
find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    tool_die("%s: no such kind", name);
}

static void
make_tokens(int argc, char **argv)
{
    const char *directory = NULL, *algorithm = NULL;
    const struct kind *kind = &kinds[0];
    unsigned long count = 1, first = 0;
    int option;

    while ((option = getopt(argc, argv, "d:a:n:f:k:")) != -1) {
        switch (option) {
        case 'd': directory = optarg; break;
        case 'a': algorithm = optarg; break;
        case 'n': count = tool_number(optarg, 10000000); break;
        case 'f': first = tool_number(optarg, 10000000); break;
        case 'k': kind = find_kind(optarg); break;
        default: tool_die("%s", usage);
        }
    }
    if (!directory || !algorithm)
        tool_die("%s", usage);
    struct signer signer = make_signer(directory, algorithm, kind->other_algorithm);
    for (unsigned long i = 0; i < count; i++)
        print_token(&signer, kind, first + i);
    EVP_PKEY_free(signer.key);
}

int
main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "keys") == 0)
        make_keys(argv[2]);
    else if (argc > 2 && strcmp(argv[1], "make") == 0)
        make_tokens(argc - 1, argv + 1);
    else
        tool_die("%s", usage);
    return fflush(stdout) == 0 ? 0 : 1;
}
