/* Encodes sample values with libtirpc and prints one line for each: its name and its bytes. */

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "vectors.h"

static void emit(const char *name, xdrproc_t encode, void *value)
{
    static char buffer[1 << 16];
    XDR xdrs;

    xdrmem_create(&xdrs, buffer, sizeof buffer, XDR_ENCODE);
    if (!encode(&xdrs, value)) {
        fprintf(stderr, "cannot encode %s\n", name);
        exit(1);
    }
    printf("%s ", name);
    for (u_int i = 0; i < xdr_getpos(&xdrs); i++)
        printf("%02x", (unsigned char)buffer[i]);
    printf("\n");
}

#define EMIT(name, type, ...) \
    do { \
        type value = __VA_ARGS__; \
        emit(name, (xdrproc_t)xdr_##type, &value); \
    } while (0)

/* libtirpc's functions for scalars are not named after the C types they take. */
#define SCALAR(name, type, function, number) \
    do { \
        type value = number; \
        emit(name, (xdrproc_t)function, &value); \
    } while (0)

static void scalars(void)
{
    SCALAR("u8_zero", u_char, xdr_u_char, 0);
    SCALAR("u8_200", u_char, xdr_u_char, 200);
    SCALAR("i8_minus_2", int8_t, xdr_int8_t, -2);
    SCALAR("u16_max", u_short, xdr_u_short, USHRT_MAX);
    SCALAR("i16_min", short, xdr_short, SHRT_MIN);
    SCALAR("u32_max", u_int, xdr_u_int, UINT_MAX);
    SCALAR("i32_minus_1", int, xdr_int, -1);
    SCALAR("i32_258", int, xdr_int, 258);
    SCALAR("i32_min", int, xdr_int, INT_MIN);
    SCALAR("u64_max", u_quad_t, xdr_u_int64_t, UINT64_MAX);
    SCALAR("u64_mixed", u_quad_t, xdr_u_int64_t, 0x0123456789abcdefULL);
    SCALAR("i64_minus_2", quad_t, xdr_int64_t, -2);
    SCALAR("i64_min", quad_t, xdr_int64_t, INT64_MIN);
    SCALAR("f32_one_and_a_half", float, xdr_float, 1.5f);
    SCALAR("f32_minus_zero", float, xdr_float, -0.0f);
    SCALAR("f32_infinity", float, xdr_float, INFINITY);
    SCALAR("f32_least", float, xdr_float, FLT_TRUE_MIN);
    SCALAR("f64_pi", double, xdr_double, 3.141592653589793);
    SCALAR("f64_minus_infinity", double, xdr_double, -INFINITY);
    SCALAR("f64_max", double, xdr_double, DBL_MAX);
    SCALAR("bool_false", bool_t, xdr_bool, FALSE);
    SCALAR("bool_true", bool_t, xdr_bool, TRUE);
}

static void sequences(void)
{
    EMIT("text_empty", text, "");
    EMIT("text_1", text, "a");
    EMIT("text_3", text, "abc");
    EMIT("text_4", text, "abcd");
    EMIT("text_utf8", text, "gr\303\274\303\237e");
    EMIT("blob_empty", blob, {0, NULL});
    EMIT("blob_5", blob, {5, "\001\000\377\200\005"});
    EMIT("five_bytes", five_bytes, {1, 2, 3, 4, 5});
    EMIT("numbers_empty", numbers, {0, NULL});
    EMIT("numbers", numbers, {3, (u_int[]){1, 0x01020304, UINT_MAX}});
    EMIT("hypers", hypers, {2, (quad_t[]){-1, 1LL << 40}});
    EMIT("doubles", doubles, {2, (double[]){0.1, -2.5}});
    EMIT("three_floats", three_floats, {1.0f, -2.0f, 0.25f});
    EMIT("texts", texts, {3, (text[]){"a", "", "hello"}});
    EMIT("flags", flags, {3, (bool_t[]){TRUE, FALSE, TRUE}});
    EMIT("rows", rows, {2, (five_bytes[]){{1, 2, 3, 4, 5}, {6, 7, 8, 9, 10}}});
}

static void compounds(void)
{
    int seven = 7;
    text hi = "hi";

    EMIT("maybe_int_none", maybe_int, NULL);
    EMIT("maybe_int_some", maybe_int, &seven);
    EMIT("maybe_text_some", maybe_text, &hi);
    EMIT("point", point, {-1, 2});
    EMIT("points", points, {2, (point[]){{1, 2}, {3, 4}}});
    EMIT("outcome_ok", outcome, {0, {.value = 1ULL << 33}});
    EMIT("outcome_error", outcome, {1, {.error = "no"}});
    EMIT("dictionary", dictionary, {2, (entry[]){{"one", 1}, {"three", 3}}});
    EMIT("time_span", time_span, {3, 500000000});
    EMIT("socket_4", socket_any, {4, {.v4 = {{127, 0, 0, 1}, 2049}}});
    EMIT("socket_6", socket_any,
         {6, {.v6 = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}, 443, 7, 9}}});
}

static void recursive(void)
{
    stringentry third = {"c", NULL};
    stringentry second = {"bb", &third};
    stringentry first = {"a", &second};
    tree leaf = {0};
    tree inner = {1, {.branches = {2, {1, &leaf}}}};
    tree both[] = {leaf, inner};

    EMIT("list_empty", stringlist, NULL);
    EMIT("list_3", stringlist, &first);
    EMIT("tree_leaf", tree, {0});
    EMIT("tree", tree, {1, {.branches = {-1, {2, both}}}});
}

int main(void)
{
    /* RFC 4506, section 7. */
    EMIT("rfc_4506_file", file,
         {"sillyprog", {EXEC, {.interpretor = "lisp"}}, "john", {6, "(quit)"}});
    EMIT("file_text", file, {"note", {TEXT}, "jane", {0, NULL}});
    scalars();
    sequences();
    compounds();
    recursive();
    return 0;
}
