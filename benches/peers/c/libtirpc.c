/*
 * The store through rpcgen and libtirpc, without rpcbind: a server on a socket of its own, and clients that
 * are told its address. `src/peers/libtirpc.rs` is the other side of this.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "store.h"

/* The largest message of UDP here: one of 8 KiB and what the library writes around it. */
enum { DATAGRAM = 16 << 10 };
/* The buffer for a stream, in each direction. */
enum { STREAM = 1 << 20 };
/* The limit that a socket has for what nobody has read yet. */
enum { SOCKET_BUFFER = 4 << 20 };

extern void store_1(struct svc_req *, SVCXPRT *);

/* ---- The server ---- */

static payload kept;

bool_t add_1_svc(numbers *of, int *sum, struct svc_req *request)
{
    (void)request;
    *sum = (int)((unsigned)of->a + (unsigned)of->b);
    return TRUE;
}

bool_t echo_1_svc(payload *data, payload *result, struct svc_req *request)
{
    (void)request;
    /* Moved, not copied: the library frees what is left of the argument, and the result when it is sent. */
    *result = *data;
    memset(data, 0, sizeof *data);
    return TRUE;
}

bool_t put_1_svc(payload *data, u_quad_t *length, struct svc_req *request)
{
    (void)request;
    free(kept.payload_val);
    kept = *data;
    *length = kept.payload_len;
    memset(data, 0, sizeof *data);
    return TRUE;
}

/* The same as that of the Rust side. */
static uint64_t checksum(const unsigned char *data, size_t length)
{
    size_t words = length / 8;
    uint64_t sum = length % 8;
    for (size_t at = words * 8; at < length; at++)
        sum = sum << 8 | data[at];
    for (size_t at = 0; at < words; at++) {
        uint64_t word;
        memcpy(&word, data + at * 8, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        sum = ((sum << 5 | sum >> 59) ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    }
    return sum;
}

bool_t checksum_1_svc(void *nothing, u_quad_t *sum, struct svc_req *request)
{
    (void)nothing;
    (void)request;
    *sum = checksum((const unsigned char *)kept.payload_val, kept.payload_len);
    return TRUE;
}

int store_1_freeresult(SVCXPRT *transport, xdrproc_t type, caddr_t result)
{
    (void)transport;
    xdr_free(type, result);
    return 1;
}

static struct sockaddr_in address_of(uint32_t host, uint16_t port)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(host);
    address.sin_port = htons(port);
    return address;
}

static int make_socket(int is_stream)
{
    int on = 1, size = SOCKET_BUFFER;
    int fd = socket(AF_INET, is_stream ? SOCK_STREAM : SOCK_DGRAM, 0);
    if (fd < 0)
        return -1;
    if (is_stream) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    } else {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    }
    return fd;
}

/* Listens on the loopback address. The port, or -1. */
int store_listen(int is_stream)
{
    struct sockaddr_in address = address_of(INADDR_LOOPBACK, 0);
    socklen_t length = sizeof address;
    SVCXPRT *transport;
    int fd = make_socket(is_stream);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0)
        return -1;
    if (is_stream && listen(fd, SOMAXCONN) < 0)
        return -1;
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        return -1;
    transport = is_stream ? svc_vc_create(fd, STREAM, STREAM) : svc_dg_create(fd, DATAGRAM, DATAGRAM);
    if (transport == NULL || !svc_reg(transport, STORE, STORE_FIRST, store_1, NULL))
        return -1;
    return ntohs(address.sin_port);
}

/* Serves for ever. */
void store_run(void)
{
    svc_run();
}

/* ---- The client ---- */

/*
 * Null if it fails. A client over UDP asks again when it has waited for so long, and waits twice as long each
 * time after that.
 */
CLIENT *store_connect(int is_stream, uint32_t host, uint16_t port, uint32_t retry_microseconds)
{
    struct sockaddr_in address = address_of(host, port);
    struct netbuf server = {sizeof address, sizeof address, &address};
    struct timeval retry = {retry_microseconds / 1000000, retry_microseconds % 1000000};
    CLIENT *client;
    int on = 1;
    int fd = make_socket(is_stream);
    if (fd < 0)
        return NULL;
    if (is_stream) {
        if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
            close(fd);
            return NULL;
        }
        client = clnt_vc_create(fd, &server, STORE, STORE_FIRST, STREAM, STREAM);
    } else {
        client = clnt_dg_create(fd, &server, STORE, STORE_FIRST, DATAGRAM, DATAGRAM);
    }
    if (client == NULL) {
        close(fd);
        return NULL;
    }
    clnt_control(client, CLSET_FD_CLOSE, NULL);
    if (!is_stream) {
        clnt_control(client, CLSET_RETRY_TIMEOUT, (char *)&retry);
        clnt_control(client, CLSET_CONNECT, (char *)&on);
    }
    return client;
}

/* All of these return zero, or the number of what went wrong (`enum clnt_stat`). */

int store_add(CLIENT *client, int a, int b, int *sum)
{
    numbers of = {a, b};
    return (int)add_1(&of, sum, client);
}

/* What is returned is for store_free. */
int store_echo(CLIENT *client, char *data, unsigned length, char **reply, unsigned *reply_length)
{
    payload request = {length, data}, result = {0, NULL};
    int status = (int)echo_1(&request, &result, client);
    *reply = result.payload_val;
    *reply_length = result.payload_len;
    return status;
}

int store_put(CLIENT *client, char *data, unsigned length, uint64_t *arrived)
{
    payload request = {length, data};
    u_quad_t result = 0;
    int status = (int)put_1(&request, &result, client);
    *arrived = result;
    return status;
}

int store_checksum(CLIENT *client, uint64_t *sum)
{
    u_quad_t result = 0;
    int status = (int)checksum_1(NULL, &result, client);
    *sum = result;
    return status;
}

void store_free(char *reply)
{
    free(reply);
}

void store_close(CLIENT *client)
{
    clnt_destroy(client);
}
