/* Who serves malloc in this process: asked of the dynamic linker, so that a preload that failed cannot pass for its library. */
#ifndef ALLOCATOR_H
#define ALLOCATOR_H

static void *library_of(const char *symbol) {
  Dl_info info;
  void *address = dlsym(RTLD_DEFAULT, symbol);
  return address != NULL && dladdr(address, &info) != 0 ? info.dli_fbase : NULL;
}

static void add_mimalloc_version(char *text, size_t bytes, void *symbol) {
  /* 209 is 2.0.9. */
  const int version = ((int (*)(void))symbol)();
  snprintf(text, bytes, " %d.%d.%d", version / 100, version / 10 % 10, version % 10);
}

static void add_jemalloc_version(char *text, size_t bytes, void *symbol) {
  const char *version = NULL;
  size_t size = sizeof version;
  if (((int (*)(const char *, void *, size_t *, void *, size_t))symbol)("version", &version, &size, NULL, 0) != 0) return;
  /* Without the commit after the hyphen. */
  snprintf(text, bytes, " %.*s", (int)strcspn(version, "-"), version);
}

static void add_tcmalloc_version(char *text, size_t bytes, void *symbol) {
  int major, minor;
  const char *patch = "";
  ((const char *(*)(int *, int *, const char **))symbol)(&major, &minor, &patch);
  snprintf(text, bytes, " %d.%d%s", major, minor, patch);
}

/* Name and version; `expected` is the name that the command line wants, or NULL. */
static const char *allocator_name(const char *expected) {
  static char text[128];
  static const struct {
    const char *name, *symbol;
    void (*add_version)(char *, size_t, void *);
  } known[] = {
      {"mimalloc", "mi_version", add_mimalloc_version},
      {"jemalloc", "mallctl", add_jemalloc_version},
      {"tcmalloc", "tc_version", add_tcmalloc_version},
  };
  void *library = library_of("malloc");
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    void *symbol = dlsym(RTLD_DEFAULT, known[i].symbol);
    if (symbol == NULL || library_of(known[i].symbol) != library) continue;
    if (expected != NULL && strcmp(expected, known[i].name) != 0) fail("malloc is that of", known[i].name);
    const size_t length = (size_t)snprintf(text, sizeof text, "%s", known[i].name);
    known[i].add_version(text + length, sizeof text - length, symbol);
    return text;
  }
  if (expected != NULL) fail("malloc is still that of the C library, not of", expected);
#ifdef __GLIBC__
  snprintf(text, sizeof text, "glibc %s", gnu_get_libc_version());
  return text;
#else
  return "system malloc";
#endif
}

#endif
