/*
 * judges JUDGE.so JUDGE.so STEP…: two judges (judge.h) in one process, each an extension on a
 * libcurl of its own, as interpreters load them. The first, the second, then both at the same time
 * do the steps.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

typedef int judge_function(FILE *out, int count, char **arguments);

struct judge {
    judge_function *act;
    int count;
    char **arguments; /* the first of them is a program's name */
    char *text;
    size_t size;
    pthread_t thread;
};

static void *act(void *closure)
{
    struct judge *judge = closure;
    FILE *out = open_memstream(&judge->text, &judge->size);
    judge->act(out, judge->count, judge->arguments);
    fclose(out);
    return NULL;
}

static void show(struct judge *judge)
{
    fwrite(judge->text, 1, judge->size, stdout);
    free(judge->text);
}

static struct judge load(const char *name, int count, char **arguments)
{
    /* Nobody else sees its symbols, nor those of its libcurl. */
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    judge_function *found = library ? (judge_function *)dlsym(library, "judge_main") : NULL;
    if (!found) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    return (struct judge){.act = found, .count = count, .arguments = arguments};
}

int main(int count, char **arguments)
{
    if (count < 3)
        return 2;
    struct judge first = load(arguments[1], count - 2, arguments + 2);
    struct judge second = load(arguments[2], count - 2, arguments + 2);
    act(&first);
    show(&first);
    act(&second);
    show(&second);
    if (pthread_create(&first.thread, NULL, act, &first) != 0 ||
        pthread_create(&second.thread, NULL, act, &second) != 0)
        return 1;
    pthread_join(first.thread, NULL);
    pthread_join(second.thread, NULL);
    show(&first);
    show(&second);
    return 0;
}
