/* SPDX-License-Identifier: Apache-2.0
 * Reads what a shared object exports and needs, without loading it. Offsets in the file are not trusted. */
#include "internal.h"

#include <elf.h>
#include <string.h>

typedef struct image {
    const uint8_t *p;
    size_t n;
} image;

static const void *at(image f, uint64_t off, uint64_t n) {
    return off <= f.n && n <= f.n - off ? f.p + off : NULL;
}

/* A struct of the format; all of them are aligned to 8 bytes. */
static const void *struct_at(image f, uint64_t off, uint64_t n) {
    return off % 8 == 0 ? at(f, off, n) : NULL;
}

static const char *text_at(image f, const Elf64_Shdr *strings, uint64_t off) {
    const char *s = off < strings->sh_size ? at(f, strings->sh_offset + off, strings->sh_size - off) : NULL;
    return s && memchr(s, 0, strings->sh_size - off) ? s : "";
}

/* Exports of a dynamic symbol table; names of local functions in the other one, which is gone if the file was stripped.
 */
static void read_symbols(image f, const Elf64_Shdr *table, const Elf64_Shdr *strings, ludc_elf *out) {
    for (uint64_t i = 1; i < table->sh_size / sizeof(Elf64_Sym); i++) {
        const Elf64_Sym *s = struct_at(f, table->sh_offset + i * sizeof(*s), sizeof(*s));
        if (!s) return;
        const char *name = text_at(f, strings, s->st_name);
        if (table->sh_type == SHT_SYMTAB) {
            out->has_cpu_init |= ELF64_ST_TYPE(s->st_info) == STT_FUNC && strcmp(name, "__cpu_indicator_init") == 0;
        } else if (s->st_shndx != SHN_UNDEF && ELF64_ST_BIND(s->st_info) != STB_LOCAL) {
            out->n_exports++;
            strncpy(out->export_name, name, sizeof(out->export_name) - 1);
        }
    }
}

static void read_dynamic(image f, const Elf64_Shdr *table, const Elf64_Shdr *strings, ludc_elf *out) {
    for (uint64_t i = 0; i < table->sh_size / sizeof(Elf64_Dyn); i++) {
        const Elf64_Dyn *d = struct_at(f, table->sh_offset + i * sizeof(*d), sizeof(*d));
        if (!d) return;
        if (d->d_tag == DT_INIT_ARRAYSZ) out->constructors = d->d_un.d_val / sizeof(Elf64_Addr);
        if (d->d_tag == DT_FINI_ARRAYSZ) out->destructors = d->d_un.d_val / sizeof(Elf64_Addr);
        if (d->d_tag != DT_NEEDED) continue;
        const size_t len = strlen(out->needed);
        const char *name = text_at(f, strings, d->d_un.d_val);
        if (len + strlen(name) + 2 < sizeof(out->needed))
            memcpy(out->needed + len, name, strlen(name)), strcat(out->needed, " ");
    }
}

static bool read_sections(image f, ludc_elf *out) {
    const Elf64_Ehdr *h = struct_at(f, 0, sizeof(*h));
    if (!h || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_ident[EI_CLASS] != ELFCLASS64) return false;
    const uint64_t count = h->e_shnum;
    for (uint64_t i = 0; i < count; i++) {
        const Elf64_Shdr *s = struct_at(f, h->e_shoff + i * sizeof(*s), sizeof(*s));
        const Elf64_Shdr *strings =
            s && s->sh_link < count ? struct_at(f, h->e_shoff + s->sh_link * sizeof(*s), sizeof(*s)) : NULL;
        if (strings && (s->sh_type == SHT_DYNSYM || s->sh_type == SHT_SYMTAB)) read_symbols(f, s, strings, out);
        if (strings && s->sh_type == SHT_DYNAMIC) read_dynamic(f, s, strings, out);
    }
    return true;
}

lud_status ludc_elf_read(const char *path, ludc_elf *out, lud_error *err) {
    ludc_map_file file = {0};
    LUDC_TRY(ludc_file_map(path, &file, err));
    memset(out, 0, sizeof(*out));
    const bool ok = read_sections((image){file.ptr, file.size}, out);
    ludc_file_unmap(&file);
    return ok ? LUD_OK : ludc_fail(err, LUD_E_ABI, "%s: not a 64-bit ELF shared object", path);
}
