/*
 * A program that loads plugins by name: they lie where its own RUNPATH says, and what they load in
 * turn, where theirs does. Built as a plugin (PLUGIN), it is one. Prints what came of each.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef const char *plugin_function(void);

static void load(const char *who, const char *name, int mode)
{
    void *library = dlopen(name, mode);
    const char *error = dlerror();
    plugin_function *function = library ? (plugin_function *)dlsym(library, "plugin_says") : NULL;
    printf("%s, %s: %s\n", who, name ? name : "itself",
           !library   ? error
           : function ? function()
                      : "loaded");
    if (library && dlclose(library) != 0)
        printf("%s\n", dlerror());
    if (dlerror())
        puts("an error that is nobody's");
}

#ifdef PLUGIN
const char *plugin_says(void)
{
    load("the plugin", "loads-inner.so", RTLD_NOW);
    load("the plugin", "loads-missing.so", RTLD_LAZY);
    return "the plugin";
}
#else
int main(void)
{
    const char *by_path = getenv("LOADS_CURL_SO"); /* a name that the shim looks at twice */
    load("the program", "loads-plugin.so", RTLD_NOW);
    load("the program", "loads-plugin.so", RTLD_LAZY | RTLD_GLOBAL | RTLD_DEEPBIND);
    load("the program", "loads-missing.so", RTLD_NOW);
    load("the program", "./none/curl.so", RTLD_NOW | RTLD_DEEPBIND);
    load("the program", by_path, RTLD_NOW | RTLD_DEEPBIND);
    load("the program", NULL, RTLD_NOW);
    load("the program", "libm.so.6", RTLD_NOW | RTLD_NODELETE);
    load("the program", "libm.so.6", RTLD_NOW | RTLD_NOLOAD);
    load("the program", "", 0x100000);
    return 0;
}
#endif
