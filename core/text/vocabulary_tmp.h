typedef struct ludc_vocabulary ludc_vocabulary;
static inline lud_status ludc_vocabulary_read(const ludc_value *m, ludc_tokenizer **o, lud_error *e) {
    (void)m;
    (void)o;
    return ludc_fail(e, LUD_E_UNSUPPORTED, "no vocabulary yet");
}
static inline lud_status ludc_vocabulary_new(const ludc_value *m, ludc_vocabulary **o, lud_error *e) {
    (void)m;
    (void)o;
    return ludc_fail(e, LUD_E_UNSUPPORTED, "no vocabulary yet");
}
static inline lud_status ludc_vocabulary_add(ludc_vocabulary *o, lud_str s, lud_error *e) {
    (void)s;
    (void)o;
    return ludc_fail(e, LUD_E_UNSUPPORTED, "no vocabulary yet");
}
static inline lud_status ludc_vocabulary_write(ludc_vocabulary *o, ludc_value *m, lud_error *e) {
    (void)m;
    (void)o;
    return ludc_fail(e, LUD_E_UNSUPPORTED, "no vocabulary yet");
}
static inline void ludc_vocabulary_free(ludc_vocabulary *o) {
    (void)o;
}
