/*
 * turns EXTENSION EXTENSION: loads the one, asks it, unloads it; then the other; twice. Status 77:
 * they were not loaded in the same place.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

typedef int write_function(const char *bytes, int size);

int main(int count, char **arguments)
{
    enum { TURNS = 4, ELSEWHERE = 77 };
    void *place = NULL;
    for (int i = 0; count == 3 && i < TURNS; i++) {
        write_function *extension_write;
        void *extension = dlopen(arguments[1 + i % 2], RTLD_NOW | RTLD_LOCAL);
        void *found = extension ? dlsym(extension, "extension_write") : NULL;
        if (!found)
            return 1;
        if (place && found != place)
            return ELSEWHERE;
        place = found;
        memcpy(&extension_write, &found, sizeof(found));
        printf("%d\n", extension_write("POST /sdk", 9));
        dlclose(extension);
    }
    return 0;
}
