/* SPDX-License-Identifier: Apache-2.0
 * The text of lud_component.config_schema from short lines: LUD_SCHEMA(LUD_KEY_INT("num_layers", 1, 0, 64, "layers"),
 * LUD_KEY_BOOL("use_bias", true, "add a bias")). docs/plugins.md says what core reads in it. Defaults are written as in
 * JSON, words in quotes: "\"relu\"". Part of the easy layer, not of the ABI. */
#ifndef LUDWIG_SCHEMA_H
#define LUDWIG_SCHEMA_H

#define LUD_SCHEMA_EMPTY "{\"properties\": {}}"
/* One to 24 keys, or groups of keys. */
#define LUD_SCHEMA(...) "{\"properties\": {" LUD_JOIN(__VA_ARGS__) "}}"

#define LUD_KEY(key, type, dflt, more, doc)                                                                            \
    "\"" key "\": {\"type\": " type ", \"default\": " dflt more ", \"description\": \"" doc "\"}"

#define LUD_KEY_BOOL(key, dflt, doc) LUD_KEY(key, "\"boolean\"", #dflt, "", doc)
#define LUD_KEY_INT(key, dflt, min, max, doc)                                                                          \
    LUD_KEY(key, "\"integer\"", #dflt, ", \"minimum\": " #min ", \"maximum\": " #max, doc)
/* A whole number that is null by default. */
#define LUD_KEY_MAYBE_INT(key, min, max, doc)                                                                          \
    LUD_KEY(key, "[\"integer\", \"null\"]", "null", ", \"minimum\": " #min ", \"maximum\": " #max, doc)
#define LUD_KEY_NUMBER(key, dflt, doc) LUD_KEY(key, "\"number\"", #dflt, "", doc)
/* A share 0 <= p < 1. */
#define LUD_KEY_DROPOUT(key, dflt, doc)                                                                                \
    LUD_KEY(key, "\"number\"", #dflt, ", \"minimum\": 0, \"exclusiveMaximum\": 1", doc)
/* words: "\"a\", \"b\""; or null. */
#define LUD_KEY_WORD(key, dflt, words, doc)                                                                            \
    LUD_KEY(key, "[\"string\", \"null\"]", dflt, ", \"enum\": [" words ", null]", doc)
#define LUD_KEY_TEXTS(key, doc)                                                                                        \
    LUD_KEY(key, "[\"array\", \"null\"]", "null", ", \"items\": {\"type\": \"string\"}", doc)
#define LUD_KEY_NUMBERS(key, doc)                                                                                      \
    LUD_KEY(key, "[\"array\", \"null\"]", "null", ", \"items\": {\"type\": \"number\"}", doc)
#define LUD_KEY_OBJECTS(key, doc)                                                                                      \
    LUD_KEY(key, "[\"array\", \"null\"]", "null", ", \"items\": {\"type\": \"object\"}", doc)
#define LUD_KEY_OBJECT(key, doc) LUD_KEY(key, "[\"object\", \"null\"]", "null", ", \"additionalProperties\": true", doc)

/* The arguments with commas between. */
#define LUD_JOIN(...)                                                                                                  \
    LUD_JOIN_PICK(__VA_ARGS__, LUD_JOIN_24, LUD_JOIN_23, LUD_JOIN_22, LUD_JOIN_21, LUD_JOIN_20, LUD_JOIN_19,           \
                  LUD_JOIN_18, LUD_JOIN_17, LUD_JOIN_16, LUD_JOIN_15, LUD_JOIN_14, LUD_JOIN_13, LUD_JOIN_12,           \
                  LUD_JOIN_11, LUD_JOIN_10, LUD_JOIN_9, LUD_JOIN_8, LUD_JOIN_7, LUD_JOIN_6, LUD_JOIN_5, LUD_JOIN_4,    \
                  LUD_JOIN_3, LUD_JOIN_2, LUD_JOIN_1, )                                                                \
    (__VA_ARGS__)
#define LUD_JOIN_PICK(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20, a21,  \
                      a22, a23, a24, join, ...)                                                                        \
    join
#define LUD_JOIN_1(a)       a
#define LUD_JOIN_2(a, ...)  a ", " LUD_JOIN_1(__VA_ARGS__)
#define LUD_JOIN_3(a, ...)  a ", " LUD_JOIN_2(__VA_ARGS__)
#define LUD_JOIN_4(a, ...)  a ", " LUD_JOIN_3(__VA_ARGS__)
#define LUD_JOIN_5(a, ...)  a ", " LUD_JOIN_4(__VA_ARGS__)
#define LUD_JOIN_6(a, ...)  a ", " LUD_JOIN_5(__VA_ARGS__)
#define LUD_JOIN_7(a, ...)  a ", " LUD_JOIN_6(__VA_ARGS__)
#define LUD_JOIN_8(a, ...)  a ", " LUD_JOIN_7(__VA_ARGS__)
#define LUD_JOIN_9(a, ...)  a ", " LUD_JOIN_8(__VA_ARGS__)
#define LUD_JOIN_10(a, ...) a ", " LUD_JOIN_9(__VA_ARGS__)
#define LUD_JOIN_11(a, ...) a ", " LUD_JOIN_10(__VA_ARGS__)
#define LUD_JOIN_12(a, ...) a ", " LUD_JOIN_11(__VA_ARGS__)
#define LUD_JOIN_13(a, ...) a ", " LUD_JOIN_12(__VA_ARGS__)
#define LUD_JOIN_14(a, ...) a ", " LUD_JOIN_13(__VA_ARGS__)
#define LUD_JOIN_15(a, ...) a ", " LUD_JOIN_14(__VA_ARGS__)
#define LUD_JOIN_16(a, ...) a ", " LUD_JOIN_15(__VA_ARGS__)
#define LUD_JOIN_17(a, ...) a ", " LUD_JOIN_16(__VA_ARGS__)
#define LUD_JOIN_18(a, ...) a ", " LUD_JOIN_17(__VA_ARGS__)
#define LUD_JOIN_19(a, ...) a ", " LUD_JOIN_18(__VA_ARGS__)
#define LUD_JOIN_20(a, ...) a ", " LUD_JOIN_19(__VA_ARGS__)
#define LUD_JOIN_21(a, ...) a ", " LUD_JOIN_20(__VA_ARGS__)
#define LUD_JOIN_22(a, ...) a ", " LUD_JOIN_21(__VA_ARGS__)
#define LUD_JOIN_23(a, ...) a ", " LUD_JOIN_22(__VA_ARGS__)
#define LUD_JOIN_24(a, ...) a ", " LUD_JOIN_23(__VA_ARGS__)

#endif
